"""Who of the staff exists in production: nobody, until somebody is added by hand."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable

import psycopg
import pytest

from app.embedded import EmbeddedPostgres
from tests.clusters import MIGRATED
from tests.operations.conftest import run_portal

Portal = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def address(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("a_real_city", template=MIGRATED)


@pytest.fixture(scope="module")
def production(address: str) -> Portal:
    """`portal …` with the settings of production on a database of its own."""
    settings = {
        "PORTAL_ENV": "production",
        "PORTAL_DATABASE_URL": address,
        "PORTAL_REDIS_URL": "redis://127.0.0.1:1/0",
        "PORTAL_PUBLIC_URL": "https://hall.example.gov.cn",
        "PORTAL_SECRET_KEY": "a secret of the tests with over thirty-two characters",
        "PORTAL_ENCRYPTION_KEYS": "t1:" + base64.b64encode(b"t" * 32).decode(),
        "PORTAL_GRAPHQL_ALLOW": "trusted",
    }

    def portal(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_portal(*arguments, **settings)

    assert portal("migrate").returncode == 0
    return portal


def logins(address: str) -> list[str]:
    with psycopg.connect(address) as connection:
        return [login for (login,) in connection.execute("SELECT login FROM staff ORDER BY login")]


def test_seeding_production_brings_the_catalogue_and_nobody(production: Portal, address: str) -> None:
    seeded = production("seed")
    assert seeded.returncode == 0, seeded.stderr
    assert "74 items published" in seeded.stdout
    assert logins(address) == []


GOOD = ("--password", "four words make one")
SCOPE = ("--department", "hrss", "--division", "990100")


def test_an_operator_adds_a_clerk_once(production: Portal, address: str) -> None:
    """For a part of the city; the password the operator chose is not their own."""
    wanted = ("add-staff", "hall1.clerk", "--title", "窗口受理员", "--role", "WINDOW_ACCEPTOR", *SCOPE, *GOOD)
    added = production(*wanted)
    assert (added.returncode, added.stdout) == (0, "hall1.clerk may sign in as WINDOW_ACCEPTOR.\n")
    again = production(*wanted)
    assert again.returncode == 1
    assert "already" in again.stderr
    assert logins(address) == ["hall1.clerk"]
    with psycopg.connect(address) as connection:
        [row] = connection.execute("SELECT department_key, division_code, password_changed_at FROM staff")
    assert row == ("hrss", "9901", None)


@pytest.mark.parametrize(
    ("login", "roles", "password", "division", "says"),
    [
        ("A Clerk", ["ISSUER"], "four words make one", "", "a login has"),
        ("clerk-2", ["ISSUER"], "short", "", "12 to 128 characters"),
        ("clerk-2", ["ISSUER"], "password1234", "", "easy to guess"),
        ("clerk-2", ["ISSUER"], "clerk-2-clerk-2", "", "easy to guess"),
        ("clerk-2", ["KING"], "four words make one", "", "a role is one of"),
        ("clerk-2", ["AUDITOR", "SYSTEM_ADMINISTRATOR"], "four words make one", "", "never one person"),
        ("clerk-2", ["ISSUER"], "four words make one", "99010", "digits"),
    ],
)
def test_a_faulty_account_is_refused_with_a_sentence(
    production: Portal, address: str, login: str, roles: list[str], password: str, division: str, says: str
) -> None:
    before = logins(address)
    options = [word for role in roles for word in ("--role", role)]
    refused = production("add-staff", login, "--title", "x", *options, "--division", division, "--password", password)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert logins(address) == before
