from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.operations.conftest import ROOT

SH = shutil.which("sh") or "/bin/sh"


def advice_on(log: Path) -> str:
    script = '. scripts/setup-advice; advice "$1"'
    done = subprocess.run(  # noqa: S603 - our own script
        [SH, "-c", script, "sh", str(log)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("logged", "advice"),
    [
        ("error: command 'gcc' failed: No such file or directory", "apt-get install build-essential"),
        ("error: [Errno 2] No such file or directory: 'cc'", "xcode-select --install"),
        ("not created successfully because ensurepip is not available", "apt-get install python3-venv"),
        ("Failed to establish a new connection: Temporary failure in name resolution", "check the network"),
        ("error sending request for url: dns error", "check the network"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the one that was locked"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("error: Permission denied (os error 13)", "cannot be written to"),
    ],
)
def test_each_known_failure_gives_one_sentence_on_what_to_do(tmp_path: Path, logged: str, advice: str) -> None:
    log = tmp_path / "setup.log"
    log.write_text(f"Collecting things\n{logged}\n")
    said = advice_on(log)
    assert advice in said
    assert said.count("\n") == 1


def test_an_unknown_failure_shows_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    log.write_text("something nobody has seen before\n")
    assert "    something nobody has seen before" in advice_on(log)


def test_without_python_setup_says_which_one_is_needed(tmp_path: Path) -> None:
    for name in ("cat", "cksum", "dirname", "tail"):
        tool = shutil.which(name)
        assert tool is not None
        (tmp_path / name).symlink_to(tool)
    shutil.copytree(ROOT / "scripts", tmp_path / "checkout" / "scripts")
    done = subprocess.run(  # noqa: S603 - our own script
        [SH, str(tmp_path / "checkout" / "scripts" / "setup")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Python 3.11 or newer is needed: install it")
    assert not (tmp_path / "checkout" / ".venv").exists()
