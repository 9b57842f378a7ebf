"""What a newcomer reads when the machine is not as expected: one sentence that says what to do."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path

import pytest

from app.embedded import EmbeddedPostgres
from app.reachability import database_fault, place, redis_fault
from tests.operations.conftest import run_portal
from tests.ports import free_port


@pytest.mark.parametrize("variable", ["PORTAL_PORT", "PORTAL_SANDBOX_PORT"])
def test_a_taken_port_names_the_variable_to_change(tmp_path: Path, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"PORTAL_PORT": str(free_port()), "PORTAL_SANDBOX_PORT": str(free_port()), variable: str(port)}
        said = run_portal("dev", PORTAL_STATE_DIR=str(tmp_path), **ports)
    assert said.returncode == 1
    assert said.stderr.strip() == (
        f"✗ Port {port} is taken by another program: choose another one, "
        f"for example `{variable}={port + 100} make run`."
    )


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    port = free_port()
    url = f"postgresql://clerk:geheim@127.0.0.1:{port}/portal"
    ports = {"PORTAL_PORT": str(free_port()), "PORTAL_SANDBOX_PORT": str(free_port())}
    said = run_portal("dev", PORTAL_STATE_DIR=str(tmp_path), PORTAL_DATABASE_URL=url, **ports)
    assert said.returncode == 1
    assert f"✗ No PostgreSQL answers at 127.0.0.1:{port}: check that it runs there" in said.stderr
    assert "geheim" not in said.stdout + said.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_second_start_in_one_checkout_says_where_the_first_one_is(tmp_path: Path) -> None:
    with (tmp_path / "dev.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711 http://127.0.0.1:8000\n")
        lock.flush()
        said = run_portal("dev", PORTAL_STATE_DIR=str(tmp_path))
    assert said.returncode == 1
    assert "This checkout already runs at http://127.0.0.1:8000 (process 4711)" in said.stderr


def test_the_development_stack_refuses_to_be_production(tmp_path: Path) -> None:
    said = run_portal(
        "dev",
        PORTAL_ENV="production",
        PORTAL_STATE_DIR=str(tmp_path),
        PORTAL_DATABASE_URL="postgresql://127.0.0.1/portal",
        PORTAL_REDIS_URL="redis://127.0.0.1",
        PORTAL_SECRET_KEY="s" * 32,
        PORTAL_ENCRYPTION_KEYS="k1:" + "QUFB" * 10 + "QUE=",
        PORTAL_GRAPHQL_ALLOW="trusted",
        PORTAL_PUBLIC_URL="https://zhangting.example",
    )
    assert (said.returncode, said.stderr) == (
        1,
        "Error: `portal dev` is for development: unset PORTAL_ENV.\n",
    )


async def test_a_wrong_password_and_a_missing_database_are_told_apart(postgres: EmbeddedPostgres) -> None:
    assert await database_fault(postgres.url) is None
    refused = await database_fault(postgres.url.replace(postgres.password, "geheim"))
    missing = await database_fault(postgres.url_for("nowhere"))
    assert refused is not None
    assert "refused the user or password" in refused
    assert "geheim" not in refused
    assert missing is not None
    assert "create database 'nowhere' with `createdb`" in missing


@pytest.mark.parametrize(
    "command",
    ["seed", "add-staff abc --title 审计员 --role AUDITOR --password long-enough-9", "audit verify", "keys status"],
)
def test_a_database_without_tables_is_told_to_migrate(postgres: EmbeddedPostgres, command: str) -> None:
    url = postgres.create_database("without_tables")
    said = run_portal(*command.split(), PORTAL_DATABASE_URL=url)
    postgres.drop_database("without_tables")
    assert said.returncode == 1
    assert said.stderr.startswith("Error: The database is older than this program (0001_initial, 0002_hall,")
    assert said.stderr.endswith(": run `portal migrate`.\n")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "nonsense://127.0.0.1:1", "redis://127.0.0.1:99999/0"])
async def test_an_unusable_redis_address_is_a_sentence(url: str) -> None:
    fault = await redis_fault(url)
    assert fault is not None
    assert fault.startswith("No Redis answers at ")


def test_an_address_is_shown_without_user_and_password() -> None:
    assert place("postgresql://clerk:geheim@db.example/portal", 5432) == "db.example:5432"
