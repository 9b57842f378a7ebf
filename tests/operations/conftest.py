from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from app.dev.stack import OURS
from app.embedded import EmbeddedPostgres
from tests.clusters import start_migrated_postgres

ROOT = Path(__file__).parents[2]


def run_portal(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`portal …` as a newcomer would run it, with only the variables named here."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=bare_environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_portal_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`portal …` in another terminal of the portal that the tests run."""
    return run_portal(*arguments, **{name: value for name, value in os.environ.items() if name.startswith(OURS)})


def bare_environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | variables


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_running(pid: int) -> bool:
    """Whether the process still does something; one that only waits to be collected does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Iterator[EmbeddedPostgres]:
    server = start_migrated_postgres(tmp_path_factory.mktemp("server") / "postgres", kept)
    yield server
    server.stop()
