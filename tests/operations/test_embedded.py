from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
from redis import Redis

from app.embedded import EmbeddedPostgres, EmbeddedUnavailable, start_postgres, start_redis
from app.embedded.process import binaries_of
from tests.operations.conftest import ROOT, is_running, wait_until

LONGER_THAN_A_SOCKET_PATH = "a" * 120


async def test_a_private_postgres_works_at_the_end_of_a_long_path_and_keeps_its_data(tmp_path: Path) -> None:
    directory = tmp_path / LONGER_THAN_A_SOCKET_PATH / "postgres"
    first = start_postgres(directory, durable=True)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT '掌厅' AS word")
    family = [process.pid for process in psutil.Process(first.process.pid).children()]
    first.stop()
    assert not any(map(is_running, [first.process.pid, *family]))

    second = start_postgres(directory, durable=True)
    connection_to_second = await asyncpg.connect(second.url)
    assert await connection_to_second.fetchval("SELECT word FROM kept") == "掌厅"
    await connection_to_second.close()
    second.stop()


def test_databases_are_made_once_copied_and_dropped_under_their_users(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database("original")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert postgres.create_database("original") == url

    with psycopg.connect(postgres.create_database("copy", template="original")) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        postgres.drop_database("copy")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres.drop_database("original")


def test_nobody_gets_in_without_the_password(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    redis = start_redis(tmp_path)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(postgres.password, "guess"))
    commands = " ".join(" ".join(psutil.Process(s.process.pid).cmdline()) for s in (postgres, redis))
    assert postgres.password not in commands
    assert redis.password not in commands
    redis.stop()


def test_a_private_redis_answers_and_ends(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    with Redis.from_url(server.url) as client:
        assert client.set("word", "掌厅")
    server.stop()
    server.stop()
    assert not is_running(server.process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends what was left behind")
def test_servers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from app.embedded import start_postgres, start_redis
postgres = start_postgres(Path({str(tmp_path / "postgres")!r}), durable=False)
redis = start_redis(Path({str(tmp_path / "redis")!r}))
print(postgres.process.pid, redis.process.pid, flush=True)
input()
"""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        servers = [int(pid) for pid in parent.stdout.readline().split()]
        assert all(map(is_running, servers))
        parent.send_signal(signal.SIGKILL)
    assert len(servers) == 2
    assert wait_until(lambda: not any(map(is_running, servers)))

    again = start_postgres(tmp_path / "postgres", durable=False)
    again.stop()


def test_a_server_left_behind_is_ended_by_the_next_start(tmp_path: Path) -> None:
    left_behind = start_postgres(tmp_path / "postgres", durable=False), start_redis(tmp_path / "redis")
    postgres = start_postgres(tmp_path / "postgres", durable=False)
    redis = start_redis(tmp_path / "redis")
    assert [server.process.poll() is None for server in left_behind] == [False, False]
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    postgres.stop()
    redis.stop()


def test_a_stranger_with_the_number_of_an_old_server_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "redis.pid").write_text(f"{os.getpid()}\n")
    start_redis(tmp_path).stop()


def test_an_interrupted_first_start_is_made_good(tmp_path: Path) -> None:
    half_made = tmp_path / "unfinished" / "base"
    half_made.mkdir(parents=True)
    start_postgres(tmp_path, durable=False).stop()


def test_a_missing_wheel_is_one_sentence_that_says_what_to_do() -> None:
    with pytest.raises(EmbeddedUnavailable, match="set PORTAL_DATABASE_URL and PORTAL_REDIS_URL"):
        binaries_of("no_such_wheel", "bin")
