from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest

from app.cli import main
from tests.operations.conftest import ROOT

DEPLOYMENT = ("Dockerfile", "fly.toml", "compose.yaml")
COMMAND = re.compile(r'"?portal"?[", ]+([a-z][a-z-]+)')


def test_make_alone_lists_every_target() -> None:
    make = shutil.which("make")
    assert make is not None
    done = subprocess.run([make], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - make
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert re.findall(r"^  make ([a-z]+) +\S", done.stdout, re.MULTILINE) == phony.group(1).split()


def test_every_command_says_what_it_does() -> None:
    assert [name for name, command in main.commands.items() if not command.help] == []


@pytest.mark.parametrize("name", DEPLOYMENT)
def test_a_deployment_file_names_only_commands_that_exist(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    run = [line for line in lines if re.search(r"CMD|command|^  \w+ = ", line)]
    named = {command for line in run for command in COMMAND.findall(line)} - {"portal"}
    assert named
    assert named <= set(main.commands)


def test_fly_checks_both_health_addresses_and_runs_web_and_worker() -> None:
    fly = tomllib.loads((ROOT / "fly.toml").read_text())
    assert fly["processes"] == {"web": "portal serve", "worker": "portal worker"}
    assert fly["deploy"]["release_command"] == "portal migrate"
    assert [check["path"] for check in fly["http_service"]["checks"]] == ["/livez", "/readyz"]
    assert (ROOT / fly["build"]["dockerfile"]).is_file()


def test_every_file_the_image_copies_exists_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source


def test_compose_waits_for_the_migration_before_it_serves() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    services = re.findall(r"^  (\w+):$", compose.split("\nservices:\n")[1].split("\nvolumes:")[0], re.MULTILINE)
    assert services == ["postgres", "redis", "migrate", "web", "worker"]
    assert "condition: service_completed_successfully" in compose


def test_ci_calls_what_the_readme_calls() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make check", "make test", "make demo"]
