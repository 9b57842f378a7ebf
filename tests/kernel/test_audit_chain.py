from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncpg import RaiseError  # type: ignore[import-untyped]
from structlog.testing import capture_logs
from tortoise.exceptions import IntegrityError

from app.kernel import audit, clock, db, jobs
from app.kernel.actor import SYSTEM
from app.kernel.audit.chaining import anchor_yesterday, chain, chain_new_lines, newest_anchors
from app.kernel.audit.encoding import grouped
from app.kernel.audit.lines import AuditAnchor, AuditLine, AuditLink
from app.kernel.audit.verifying import Verification
from app.kernel.clock.days import CalendarDay
from app.kernel.logging import redact
from app.wiring import load_reactions
from tests.kernel.audits import find_faults, write, write_and_chain
from tests.kernel.databases import database_of_its_own
from tests.portal import Services


async def test_what_was_written_is_chained_once_and_found_whole(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(7)
        assert await chain() == 0
        await write(3)
        assert await chain() == 3
        assert await AuditLink.all().order_by("position").values_list("position", "line_id") == [
            (number, number) for number in range(1, 11)
        ]
        verification = Verification({})
        assert [fault async for fault in verification.faults()] == []
        assert (verification.walk.lines, verification.walk.unsigned, verification.walk.of_lost_keys) == (10, 0, {})


async def test_a_detail_reads_back_as_it_was_signed_whatever_is_in_it(services: Services) -> None:
    details: list[dict[str, Any]] = [
        {},
        {"b": 1, "a": {"d": [1, None, True], "c": ""}},
        {"sum": 0.1, "large": 1e22, "small": 1e-7, "whole": 1.0, "below": -5},
        {"longest": 2**63, "most": 2**64 - 1},
        {"text": 'é \u2028 "quoted" \\ 𠮷 \x1f 掌厅', "键": "值"},
        {"moment": datetime(2026, 5, 1, tzinfo=UTC), "id": db.new_id(), "roles": ["ISSUER"]},
    ]
    async with database_of_its_own(services.postgres):
        for detail in details:
            await audit.record(SYSTEM, "thing.done", "thing:1", detail=detail, person=db.new_id())
        await chain()
        assert await find_faults() == []


async def test_an_act_that_cannot_be_written_down_is_not_done(services: Services) -> None:
    """The calendar is a command like any other; the disk of the audit is full."""
    from app.catalogue.commands import import_calendar

    async with database_of_its_own(services.postgres):
        await db.rows("ALTER TABLE audit_line ADD CONSTRAINT disk_full CHECK (false) NOT VALID")
        document = {"holidays": [{"date": "2026-10-01", "name_zh": "国庆节"}], "adjusted_workdays": []}
        with pytest.raises(IntegrityError, match="disk_full"):
            await import_calendar(SYSTEM, document)
        assert await CalendarDay.all().count() == 0
        assert await AuditLine.all().count() == 0


@pytest.mark.parametrize("table", ["audit_link", "audit_anchor"])
@pytest.mark.parametrize("attack", ["UPDATE {} SET hash = ''", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_chain_only_grows_too(services: Services, table: str, attack: str) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(2)
        await anchor_yesterday()
        with pytest.raises(RaiseError, match="the audit chain is never changed or removed"):
            await db.rows(attack.format(table))
        assert (await AuditLink.all().count(), await AuditAnchor.all().count()) == (2, 1)


async def test_a_line_that_commits_late_gets_a_later_place(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        written, may_commit = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            async with db.transaction():
                await write(1)
                written.set()
                await may_commit.wait()

        slowly = asyncio.create_task(slow())
        await written.wait()
        await write(1)
        assert await chain() == 1
        may_commit.set()
        await slowly
        assert await chain() == 1
        assert await AuditLink.all().order_by("position").values_list("position", "line_id") == [(1, 2), (2, 1)]
        assert await find_faults() == []


async def test_many_writers_and_chains_at_once_leave_every_line_chained_once(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        writing = True

        async def act(number: int) -> None:
            for turn in range(15):
                async with db.transaction():
                    await write(2)
                    await asyncio.sleep((number * 7 + turn * 3) % 5 / 500)

        async def keep_chaining() -> None:
            while writing:
                await chain_new_lines()
                await asyncio.sleep(0.001)

        chains = [asyncio.create_task(keep_chaining()) for _ in range(2)]
        await asyncio.gather(*(act(number) for number in range(6)))
        writing = False
        await asyncio.gather(*chains)
        await chain()

        chained = Counter(await AuditLink.all().values_list("line_id", flat=True))
        assert chained == Counter(await AuditLine.all().values_list("id", flat=True))
        assert set(chained.values()) == {1}
        assert sum(chained.values()) == 180
        assert await find_faults() == []


async def test_a_day_is_anchored_once_and_the_log_carries_it_away(services: Services) -> None:
    """00:05 in Shanghai; the hours after find the anchor there."""
    async with database_of_its_own(services.postgres):
        await write(4)
        with clock.standing_at(datetime(2026, 5, 1, 16, 5, tzinfo=UTC)), capture_logs() as logged:
            await anchor_yesterday()
            await write(2)
            await anchor_yesterday()
        with clock.standing_at(datetime(2026, 5, 2, 16, 5, tzinfo=UTC)):
            await anchor_yesterday()

        newest, first = await newest_anchors(7)
        assert (str(first.day), first.position, first.lines) == ("2026-05-01", 4, 4)
        assert (str(newest.day), newest.position, newest.lines) == ("2026-05-02", 6, 2)
        assert first.hash == (await AuditLink.get(position=4)).hash
        assert logged == [
            {
                "event": "audit anchored",
                "log_level": "info",
                "day": "2026-05-01",
                "position": 4,
                "lines": 4,
                "hash": grouped(first.hash),
            }
        ]
        kept = {str(anchor.day): grouped(anchor.hash) for anchor in (newest, first)}
        assert await find_faults(kept) == []


def test_no_log_takes_part_of_a_hash_for_a_mobile_number() -> None:
    unlucky = "a13812345678b" + "c" * 51
    assert redact(unlucky) != unlucky
    assert redact(grouped(unlucky)).replace("-", "") == unlucky


async def test_what_waits_for_the_next_minute_is_no_fault_and_what_waits_longer_is(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write(1)
        assert await find_faults() == []
        with clock.standing_at(clock.now() + timedelta(minutes=11)):
            assert await find_faults() == [("UNCHAINED", 1, None)]


def test_the_worker_chains_each_minute_and_anchors_after_midnight_in_shanghai() -> None:
    load_reactions()
    crons = {task.task.name: task.cron for task in jobs.queue.periodic_registry.periodic_tasks.values()}
    assert (crons["audit.chain"], crons["audit.anchor"]) == ("* * * * *", "5 * * * *")
