from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.doctor import examine
from app.embedded import EmbeddedPostgres
from app.identity.models import Staff
from app.identity.passwords import hash_password
from app.identity.rules import Role
from app.identity.staffing import ensure_staff
from app.kernel.settings import Settings
from app.seeding import DEV_PASSWORD, dev_login
from tests.kernel.databases import database_of_its_own
from tests.operations.conftest import run_portal
from tests.ports import free_port


async def test_with_everything_down_every_part_is_named_and_no_password_is_told() -> None:
    settings = Settings(
        database_url=f"postgresql://clerk:geheim@127.0.0.1:{free_port()}/portal",
        redis_url=f"redis://:geheim@127.0.0.1:{free_port()}/0",
        providers=(),
    )
    findings = {finding.what: finding for finding in await examine(settings)}
    assert {what: finding.works for what, finding in findings.items()} == {
        "database": False,
        "migrations": False,
        "redis": False,
        "worker": False,
        "providers": True,
        "seal": True,
    }
    assert "geheim" not in "".join(finding.line(20) for finding in findings.values())
    assert "No PostgreSQL answers at 127.0.0.1" in findings["database"].detail


_DOCTOR = """
import asyncio, integrations, sys
integrations.__path__.append(sys.argv[1])
from app.doctor import examine
from app.kernel.settings import get_settings
asyncio.run(examine(get_settings()))
"""


def test_adapters_are_loaded_before_anybody_is_asked(tmp_path: Path) -> None:
    """On a busy machine that takes longer than the ten seconds in which the database has to answer."""
    heavy = "import asyncio\ndef connect(http):\n    print(len(asyncio.all_tasks()), 'at work')\n"
    (tmp_path / "heavy.py").write_text(heavy)
    said = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _DOCTOR, str(tmp_path)],
        env={**os.environ, "PORTAL_PROVIDERS": "heavy"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == "1 at work\n"


async def test_an_empty_database_is_told_to_migrate(postgres: EmbeddedPostgres) -> None:
    settings = Settings(database_url=postgres.create_database("empty"), redis_url="", providers=())
    findings = {finding.what: finding for finding in await examine(settings)}
    assert findings["database"].works
    assert findings["worker"].detail == "its tables are missing"
    assert findings["worker"].advice == "run `portal migrate`"
    postgres.drop_database("empty")


async def test_production_is_told_of_accounts_that_development_left_open(postgres: EmbeddedPostgres) -> None:
    """GB/T 22239: default accounts are removed. Their password is in the sources."""
    async with database_of_its_own(postgres) as url:
        for role in (Role.WINDOW_ACCEPTOR, Role.CASHIER, Role.ISSUER):
            await ensure_staff(dev_login(role), DEV_PASSWORD, "测试工位", (role,))
        await Staff.filter(login="cashier").update(active=False)
        await Staff.filter(login="issuer").update(password_hash=await hash_password("another-password"))
        production, development = [
            Settings.model_construct(env=env, database_url=url, redis_url="", providers=())
            for env in ("production", "dev")
        ]
        in_production = {finding.what: finding for finding in await examine(production)}
        in_development = {finding.what for finding in await examine(development)}

    told = in_production["default accounts"]
    assert (told.works, told.detail) == (False, "open with the password of development: window-acceptor")
    assert "default accounts" not in in_development


def test_without_any_database_the_command_says_how_to_get_one() -> None:
    said = run_portal("doctor", PORTAL_STATE_DIR="/nonexistent")
    assert said.returncode == 1
    assert said.stderr == (
        "Error: No database is named: start `make run` in another terminal, or set PORTAL_DATABASE_URL.\n"
    )
