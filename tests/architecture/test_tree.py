from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from tests.architecture.contracts import ROOT

MEANINGLESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "service", "misc"}
OURS = ("app", "graphql_schema", "integrations", "tests", "scripts")
REGISTRIES = ("pypi.o" + "rg", "pythonhos" + "ted", "registry.npm" + "js", "index-" + "url")
"""In halves, so that this file may be read as well."""


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def repository_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the git of the checkout
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_is_long() -> None:
    """Five hundred lines are the end; three hundred are long already."""
    long = {str(path.relative_to(ROOT)) for path in python_files(*OURS) if len(path.read_text().splitlines()) > 500}
    assert long == set()


def test_no_module_is_named_after_nothing() -> None:
    named = [path.relative_to(ROOT) for path in python_files(*OURS)]
    assert [str(path) for path in named if MEANINGLESS & {path.stem, *path.parts}] == []


@pytest.mark.parametrize("folder", ["app", "graphql_schema", "integrations"])
def test_every_module_opens_with_a_sentence(folder: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(folder)
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_text_names_a_package_registry() -> None:
    """Where packages come from is the business of the machine: mirrors differ from city to city."""
    naming = []
    for path in repository_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        naming += [f"{path.relative_to(ROOT)}: {host}" for host in REGISTRIES if host in text.lower()]
    assert naming == []
