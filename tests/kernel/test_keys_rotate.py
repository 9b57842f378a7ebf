from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tortoise import fields
from tortoise.models import Model

from app.identity.models import Resident
from app.kernel import clock, db
from app.kernel.audit.lines import AuditLine
from app.kernel.privacy import KeyRing, key_ring, unseal
from app.keys.columns import SealedColumn, sealed_columns
from app.keys.rotation import KeysMissing, rotate
from tests.kernel.databases import database_of_its_own
from tests.kernel.sealing import everything_open, everything_sealed, fill, keys_in_use, phone_of, ring
from tests.operations.conftest import ROOT, bare_environment, run_portal
from tests.people import until
from tests.portal import Services, environment


@asynccontextmanager
async def filled(services: Services, people: int = 12) -> AsyncIterator[str]:
    """A database whose every value is sealed with key a1, and its address."""
    async with database_of_its_own(services.postgres) as url:
        with environment(ring("a")):
            await fill(people)
        yield url


async def test_after_a_rotation_the_old_key_may_go_and_everything_still_opens(services: Services) -> None:
    async with filled(services):
        with environment(ring("b", "a")):
            before = await everything_open()
            done = await rotate(batch=5)
            assert {str(column): count for column, count in done.sealed.items() if count} == {
                "postal_address.detail_sealed": 1,
                "postal_address.phone_sealed": 1,
                "postal_address.receiver_sealed": 1,
                "resident.id_number_sealed": 12,
                "resident.name_sealed": 12,
                "resident.phone_sealed": 12,
                "staff.totp_sealed": 1,
            }
            assert (done.damaged, done.left) == ([], [])
            [line] = await AuditLine.filter(act="keys.rotated")
            assert (line.subject, line.detail["resident.name_sealed"]) == ("key:b1", 12)
        with environment(ring("b")):
            assert await keys_in_use() == {"b1"}
            assert await everything_open() == before
            assert sum((await rotate()).sealed.values()) == 0
        assert await AuditLine.filter(act="keys.rotated").count() == 1


async def test_a_dry_run_counts_and_changes_nothing(services: Services) -> None:
    async with filled(services) as url:
        before = await everything_sealed()
        said = run_portal("keys", "rotate", "--dry-run", PORTAL_DATABASE_URL=url, **ring("b", "a"))
        assert (said.returncode, said.stdout.splitlines()) == (
            0,
            [
                "postal_address.detail_sealed: 1 values from key a1 to b1",
                "postal_address.phone_sealed: 1 values from key a1 to b1",
                "postal_address.receiver_sealed: 1 values from key a1 to b1",
                "resident.id_number_sealed: 12 values from key a1 to b1",
                "resident.name_sealed: 12 values from key a1 to b1",
                "resident.phone_sealed: 12 values from key a1 to b1",
                "staff.totp_sealed: 1 values from key a1 to b1",
                "nothing was changed",
            ],
        )
        assert await everything_sealed() == before


async def test_a_key_that_is_missing_is_named_and_nothing_is_changed(services: Services) -> None:
    async with filled(services, people=3) as url:
        with environment(ring("b")):
            await Resident.create(name_sealed=key_ring().seal("测试居民"), created_at=clock.now())
        before = await everything_sealed()
        said = run_portal("keys", "rotate", PORTAL_DATABASE_URL=url, **ring("c", "a"))
        assert (said.returncode, said.stdout.splitlines()) == (
            1,
            [
                "✗ resident.name_sealed: 1 values need key b1, which is missing",
                "nothing was changed: put the missing keys back into PORTAL_ENCRYPTION_KEYS first",
            ],
        )
        assert await everything_sealed() == before


async def test_a_value_that_was_never_sealed_is_counted_and_not_told(services: Services) -> None:
    async with filled(services, people=3) as url:
        await db.rows("UPDATE resident SET phone_sealed = '13812345678' WHERE phone_sealed = $1", await first_phone())
        said = run_portal("keys", "rotate", PORTAL_DATABASE_URL=url, **ring("b", "a"))
        assert said.returncode == 1
        assert said.stdout.splitlines()[0] == "✗ resident.phone_sealed: 1 values are not sealed at all"
        assert "138" not in said.stdout + said.stderr
        assert await keys_in_use() == {"a1", "13812345678"}


async def first_phone() -> str:
    resident = await Resident.all().order_by("id").first()
    assert resident is not None
    assert resident.phone_sealed is not None
    return resident.phone_sealed


async def test_an_altered_value_is_named_by_its_row_and_does_not_hold_up_the_others(services: Services) -> None:
    async with filled(services, people=3) as url:
        resident = await Resident.all().order_by("id").first()
        assert resident is not None
        assert resident.phone_sealed is not None
        altered = (
            resident.phone_sealed[:20] + ("A" if resident.phone_sealed[20] != "A" else "B") + resident.phone_sealed[21:]
        )
        await Resident.filter(id=resident.id).update(phone_sealed=altered)
        said = run_portal("keys", "rotate", PORTAL_DATABASE_URL=url, **ring("b", "a"))
        assert said.returncode == 1
        assert said.stdout.splitlines()[-3:] == [
            f"✗ resident.phone_sealed of {resident.id}: no key opens it, it was altered",
            "✗ resident.phone_sealed: 1 values are still sealed with a1",
            "✗ old keys are still needed",
        ]
        assert (await Resident.get(id=resident.id)).phone_sealed == altered
        assert await Resident.filter(phone_sealed__startswith="b1.").count() == 2


async def test_writers_beside_a_rotation_lose_nothing(services: Services) -> None:
    """Some of them have only the old ring still: a web process that has not been restarted."""
    async with filled(services, people=40):
        with environment(ring("b", "a")):
            new, old = key_ring(), KeyRing({"a1": b"a" * 32}, b"")
            residents = await Resident.all()
            last: dict[Any, str] = {}
            rotating = True

            async def change_phones(which: int) -> None:
                turn = 0
                while rotating:
                    turn += 1
                    resident = residents[(turn * 7 + which) % 20 * 2 + which]
                    last[resident.id] = f"139{which}{turn:07}"
                    sealed = (old if turn % 2 else new).seal(last[resident.id])
                    await Resident.filter(id=resident.id).update(phone_sealed=sealed)
                    await asyncio.sleep(0)

            writers = [asyncio.create_task(change_phones(which)) for which in range(2)]
            for _ in range(5):
                await rotate(batch=3)
            rotating = False
            await asyncio.gather(*writers)
            await rotate()

            assert len(last) > 20
            for resident in await Resident.all():
                assert resident.phone_sealed is not None
                assert resident.phone_sealed.startswith("b1.")
                if resident.id in last:
                    assert unseal(resident.phone_sealed) == last[resident.id]


async def test_a_rotation_that_was_killed_goes_on_where_it_was(services: Services) -> None:
    """It is held fast at one row, killed, and started again."""
    async with filled(services, people=30) as url:
        held = (await Resident.all().order_by("id"))[17]
        settings = bare_environment(PORTAL_DATABASE_URL=url, **ring("b", "a"))
        command = [sys.executable, "-m", "app.cli", "keys", "rotate", "--batch", "5"]
        async with db.transaction():
            await Resident.select_for_update().get(id=held.id)
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)

            async def has_done_three_batches() -> bool:
                return await Resident.filter(id_number_sealed__startswith="b1.").count() == 15

            await until(has_done_three_batches, what="the rotation to reach the held row")
            process.send_signal(signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
        assert await Resident.filter(id_number_sealed__startswith="b1.").count() == 15
        assert await Resident.filter(name_sealed__startswith="b1.").count() == 0

        again = run_portal("keys", "rotate", PORTAL_DATABASE_URL=url, **ring("b", "a"))
        assert again.returncode == 0, again.stderr
        assert "resident.id_number_sealed: 15 values sealed anew" in again.stdout
        assert again.stdout.splitlines()[-1] == "✓ everything is sealed with the newest key"
        with environment(ring("b")):
            assert sorted((await everything_open())["resident.phone_sealed"]) == [
                phone_of(person) for person in range(30)
            ]


async def test_the_status_tells_what_each_key_seals_and_which_is_missing(services: Services) -> None:
    async with filled(services, people=2) as url:
        said = run_portal("keys", "status", PORTAL_DATABASE_URL=url, **ring("b", "a"))
        assert (said.returncode, said.stdout.splitlines()) == (
            0,
            ["b1: seals 0 values, signed 0 audit lines, newest", "a1: seals 10 values, signed 0 audit lines"],
        )
        said = run_portal("keys", "status", PORTAL_DATABASE_URL=url, **ring("b"))
        assert said.returncode == 1
        assert "✗ resident.phone_sealed: 2 values need key a1, which is missing" in said.stdout


async def test_every_sealed_column_of_the_database_is_found(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        named = await db.rows(
            "SELECT table_name || '.' || column_name AS name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name LIKE '%sealed%' ORDER BY 1"
        )
        assert [str(column) for column in sealed_columns()] == [row["name"] for row in named]


def test_a_table_that_comes_later_is_found_by_itself() -> None:
    class LaterTable(Model):
        number = fields.BigIntField(primary_key=True)
        secret_sealed = fields.TextField()
        sealed_at = fields.DatetimeField()

        class Meta:
            table = "later"

    assert sealed_columns([LaterTable]) == [SealedColumn("later", "secret_sealed", "number", "BIGINT")]


async def test_a_rotation_without_its_keys_raises(services: Services) -> None:
    async with filled(services, people=1):
        with environment(ring("b")), pytest.raises(KeysMissing) as missing:
            await rotate()
    assert {(entry.key_id, entry.count) for entry in missing.value.held} == {("a1", 1)}
