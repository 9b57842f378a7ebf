"""A PostgreSQL that the migrations have been through, laid out as a copy of files.

Without this module every process that runs tests would migrate from nothing for itself, which takes longer than most
test files. It is done once per set of migrations and kept in pytest's cache; `--cache-clear` forgets it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationTarget

import migrations
from app import applying, migrating
from app.embedded import EmbeddedPostgres, start_postgres
from app.kernel import db

ROOT = Path(__file__).parents[1]
MIGRATED = "empty_and_migrated"
"""A database nobody writes to, beside the migrated `portal`: the template of those that a test has for itself."""


def start_migrated_postgres(directory: Path, kept: Path) -> EmbeddedPostgres:
    """Start a forgetful server on a migrated cluster in `directory`; `kept` as in `lay_out_cluster`."""
    lay_out_cluster(directory, kept)
    return start_postgres(directory, durable=False)


async def migrate_back(database_url: str, until: str = "__first__") -> None:
    """Take back what came after the one named `until`, or everything."""
    config = db.tortoise_config(database_url)
    async with TortoiseContext() as context:
        await context.init(config=config, init_connections=False)
        executor = applying.Executor(get_connection("default"), config["apps"])
        await executor.migrate([MigrationTarget(db.APP, until)], direction="backward")


def lay_out_cluster(directory: Path, kept: Path) -> None:
    """Fill `directory` with what the first start and the migrations leave; the pattern is in `kept` or made there."""
    with _alone(kept):
        pattern = kept / _fingerprint()
        if not pattern.exists():
            _make(pattern)
        directory.mkdir(parents=True)
        _copy(pattern, directory)


def _fingerprint() -> str:
    """Of everything that decides how the files come out: the migrations, and by the lock the programs."""
    known = sorted(path for folder in migrations.__path__ for path in Path(folder).glob("*.py"))
    programs = [Path(str(module.__file__)) for module in (applying, migrating)]
    sources = [*known, *programs, ROOT / "requirements.lock", Path(__file__)]
    return sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _make(pattern: Path) -> None:
    """Beside and renamed, so that an interrupted run leaves nothing half made; what is out of date goes."""
    for old in pattern.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    unfinished = pattern.with_suffix(".unfinished")
    server = start_postgres(unfinished, durable=False)
    try:
        migrate = [sys.executable, "-m", "app.cli", "migrate"]
        settings = os.environ | {"PORTAL_DATABASE_URL": server.url}
        subprocess.run(migrate, cwd=ROOT, env=settings, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
        server.create_database(MIGRATED, template="portal")
    finally:
        server.stop()
    unfinished.rename(pattern)


def _copy(pattern: Path, directory: Path) -> None:
    """With the owners, which `shutil` would lose: PostgreSQL does not run as root and wants its files to itself."""
    subprocess.run(["cp", "-a", f"{pattern}/.", str(directory)], check=True)  # noqa: S603, S607


@contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Of the processes that test side by side the first one makes the files, the others wait for them."""
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
