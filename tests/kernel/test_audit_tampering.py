"""An intruder with the rights of the database's owner, who switches the triggers off first."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta

import pytest

from app.kernel import clock
from app.kernel.audit.chaining import chain, newest_anchors, write_anchor
from app.kernel.audit.encoding import grouped
from app.kernel.audit.faults import FaultKind
from app.kernel.audit.lines import AuditLine, AuditLink
from app.kernel.audit.verifying import Verification
from tests.kernel.audits import (
    append_link,
    break_in,
    find_faults,
    rebuild_the_chain,
    told,
    write,
    write_and_chain,
    write_unsigned,
)
from tests.kernel.databases import database_of_its_own
from tests.portal import Services, environment

CHANGED, REMOVED, INSERTED, UNCHAINED, LINKS_REMOVED, LINK_BROKEN, ANCHOR = FaultKind
CHANGES = {
    "at": "at + interval '1 microsecond'",
    "actor": "'staff:somebody-else'",
    "act": "'thing.looked_at'",
    "subject": "'thing:99'",
    "result": "'refused'",
    "detail": """'{"number": 5.5}'""",
    "request_id": "'another'",
    "person": "'018f0000-0000-7000-8000-000000000000'",
    "mac": "''",
}
COPY = (
    "INSERT INTO audit_line (id, at, actor, act, subject, result, detail, request_id, person, mac) "
    "SELECT {}, at, actor, act, subject, result, detail, request_id, person, mac FROM audit_line WHERE id = {}"
)


def test_every_column_is_tried() -> None:
    assert CHANGES.keys() | {"id"} == set(AuditLine._meta.fields_db_projection)


@pytest.mark.parametrize("column", CHANGES)
async def test_a_changed_line_is_named(services: Services, column: str) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(f"UPDATE audit_line SET {column} = {CHANGES[column]} WHERE id = 5")  # noqa: S608
        assert await find_faults() == [(CHANGED, 5, 5)]
        assert await told() == ["line 5 (position 5) was changed"]


async def test_a_line_under_another_number_is_missed_and_found(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in("UPDATE audit_line SET id = 1000 WHERE id = 5")
        assert await find_faults() == [(REMOVED, 5, 5), (INSERTED, 1000, None)]


@pytest.mark.parametrize("value", ["'infinity'", "'0044-03-15 12:00:00+00 BC'"])
async def test_a_moment_outside_of_time_does_not_stop_the_search(services: Services, value: str) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(4)
        await break_in(f"UPDATE audit_line SET at = {value}, detail = '[1e400]' WHERE id = 2")  # noqa: S608
        assert await find_faults() == [(CHANGED, 2, 2)]


async def test_removed_lines_are_named(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in("DELETE FROM audit_line WHERE id IN (1, 5, 9)")
        assert await find_faults() == [(REMOVED, 1, 1), (REMOVED, 5, 5), (REMOVED, 9, 9)]


async def test_lines_removed_with_their_links_leave_a_gap(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(
            "DELETE FROM audit_line WHERE id IN (1, 5, 6)", "DELETE FROM audit_link WHERE position IN (1, 5, 6)"
        )
        assert await find_faults() == [(LINKS_REMOVED, None, 1), (LINKS_REMOVED, None, 5)]
        assert await told() == ["the links at position 1 were removed", "the links at positions 5 to 6 were removed"]


async def test_closing_the_gap_breaks_the_chain_where_it_was(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(
            "DELETE FROM audit_line WHERE id = 5",
            "DELETE FROM audit_link WHERE position = 5",
            "UPDATE audit_link SET position = -position WHERE position > 5",
            "UPDATE audit_link SET position = -position - 1 WHERE position < 0",
        )
        assert await find_faults() == [(LINK_BROKEN, 6, 5)]


async def test_a_removed_link_alone_leaves_a_gap_and_a_line_without_a_place(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in("DELETE FROM audit_link WHERE position = 5")
        with clock.standing_at(clock.now() + timedelta(minutes=11)):
            assert await find_faults() == [(LINKS_REMOVED, None, 5), (UNCHAINED, 5, None)]
        assert await chain() == 1
        assert await find_faults() == [(LINKS_REMOVED, None, 5)]


@pytest.mark.parametrize("mac", ["mac", "''", "'dev1.' || repeat('0', 64)", "'dev1.掌厅'"])
async def test_an_inserted_line_is_named_also_with_the_mac_of_another(services: Services, mac: str) -> None:
    """At once, and still when the worker has chained it in good faith."""
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(COPY.format(1000, 5).replace("person, mac FROM", f"person, {mac} FROM"))
        assert await find_faults() == [(INSERTED, 1000, None)]
        await chain()
        await write(2)
        await chain()
        assert await find_faults() == [(INSERTED, 1000, 10)]


async def test_an_inserted_line_with_a_link_of_its_own_is_named(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(COPY.format(1000, 5))
        await append_link(1000)
        assert await find_faults() == [(INSERTED, 1000, 10)]


async def test_lines_that_changed_places_are_both_named(services: Services) -> None:
    """Each has a genuine MAC; it is not the MAC of that number."""
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(
            "UPDATE audit_line SET id = -3 WHERE id = 3",
            "UPDATE audit_line SET id = 3 WHERE id = 6",
            "UPDATE audit_line SET id = 6 WHERE id = -3",
        )
        assert await find_faults() == [(CHANGED, 3, 3), (CHANGED, 6, 6)]


async def test_links_that_lead_to_each_others_lines_are_both_named(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(
            "UPDATE audit_link SET line_id = -3 WHERE line_id = 3",
            "UPDATE audit_link SET line_id = 3 WHERE line_id = 6",
            "UPDATE audit_link SET line_id = 6 WHERE line_id = -3",
        )
        assert await find_faults() == [(LINK_BROKEN, 6, 3), (LINK_BROKEN, 3, 6)]


@pytest.mark.parametrize("value", ["''", "'no hash at all'", "repeat('a', 64)"])
async def test_a_changed_link_is_named_and_only_that(services: Services, value: str) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in(f"UPDATE audit_link SET hash = {value} WHERE position = 5")  # noqa: S608
        assert await find_faults() == [(LINK_BROKEN, 5, 5)]


async def test_a_link_before_the_first_is_named(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(3)
        await break_in("UPDATE audit_link SET position = -7 WHERE position = 3")
        assert await find_faults() == [(LINK_BROKEN, 3, -7)]


async def test_a_changed_line_in_a_rebuilt_chain_is_named_by_its_mac(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await break_in("UPDATE audit_line SET result = 'refused' WHERE id = 5")
        await rebuild_the_chain()
        assert await find_faults() == [(INSERTED, 5, 5)]


async def anchor_on(day: int) -> None:
    """As in the night after that day of May."""
    with clock.standing_at(datetime(2026, 5, day, 16, 5, tzinfo=UTC)):
        assert await write_anchor()


async def test_a_line_missing_from_a_rebuilt_chain_is_shown_by_the_anchors(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await anchor_on(1)
        await break_in("DELETE FROM audit_line WHERE id = 5")
        await rebuild_the_chain()
        await write(1)
        await chain()
        assert await told() == ["the anchor of 2026-05-01 does not match the chain at position 9"]


async def test_a_chain_cut_short_is_shown_by_the_anchors_and_by_nothing_else(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        cut = ("DELETE FROM audit_line WHERE id > 6", "DELETE FROM audit_link WHERE position > 6")
        await break_in(*cut)
        assert await find_faults() == []  # nothing was anchored yet

    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await anchor_on(1)
        await break_in(*cut)
        assert await find_faults() == [(ANCHOR, None, 9)]
        assert await told() == [
            "the anchor of 2026-05-01 names position 9, which is gone; the chain ends at 6",
        ]


async def test_who_removes_the_anchors_too_is_shown_by_those_kept_elsewhere(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(9)
        await anchor_on(1)
        [anchor] = await newest_anchors(7)
        kept = {"2026-05-01": grouped(anchor.hash)}
        assert await find_faults(kept) == []

        await break_in("DELETE FROM audit_anchor", "DELETE FROM audit_line WHERE id = 5")
        await rebuild_the_chain()
        assert await find_faults() == []  # nothing in the database can tell
        assert await told(kept) == ["the anchor of 2026-05-01 was removed"]

        await anchor_on(1)  # as the program itself would write it after the break-in
        [forged] = await newest_anchors(7)
        assert await told(kept) == [
            f"the anchor of 2026-05-01 is {grouped(forged.hash)} here and was kept as {grouped(anchor.hash)}"
        ]


async def test_a_forged_or_removed_anchor_is_named(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        for day in (1, 2, 3):
            await write_and_chain(3)
            await anchor_on(day)
        await break_in("UPDATE audit_anchor SET lines = lines + 1 WHERE day = '2026-05-03'")
        assert await told() == ["the anchor of 2026-05-03 is not signed by us"]

        await break_in(
            "UPDATE audit_anchor SET lines = lines - 1 WHERE day = '2026-05-03'",
            "DELETE FROM audit_anchor WHERE day = '2026-05-02'",
        )
        assert await told() == ["the anchor of 2026-05-03 does not follow from the one before it, which was removed"]


async def test_days_without_a_line_are_anchored_too(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await anchor_on(1)
        await anchor_on(2)
        await write_and_chain(2)
        await anchor_on(3)
        await anchor_on(4)
        assert [(anchor.day, anchor.lines) for anchor in await newest_anchors(2)] == [
            (date(2026, 5, 4), 0),
            (date(2026, 5, 3), 2),
        ]
        assert await find_faults() == []


async def test_an_anchor_of_a_day_to_come_written_by_a_wrong_clock_is_no_fault(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_and_chain(3)
        await anchor_on(1)
        await write_and_chain(2)
        await anchor_on(20)  # the clock ran ahead for a night, and was put right
        await anchor_on(2)
        await write_and_chain(4)
        await anchor_on(3)
        assert await find_faults() == []

        await break_in("DELETE FROM audit_anchor WHERE day = '2026-05-20'")
        assert await told() == ["the anchor of 2026-05-02 does not follow from the one before it, which was removed"]


async def test_lines_older_than_the_macs_are_held_by_the_chain_and_accepted_nowhere_else(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write_unsigned(3)
        await write(2)
        assert await chain() == 5
        verification = Verification({})
        assert [fault async for fault in verification.faults()] == []
        assert verification.walk.unsigned == 3

        await break_in("UPDATE audit_line SET result = 'refused' WHERE id = 2")
        assert await find_faults() == [(CHANGED, 2, 2)]
        await write_unsigned(1)
        await chain()
        assert await find_faults() == [(CHANGED, 2, 2), (INSERTED, 6, 6)]


def key(letter: str) -> str:
    return f"{letter}1:" + base64.b64encode(letter.encode() * 32).decode()


async def test_lines_of_a_key_that_left_the_ring_are_counted_and_still_held_by_the_chain(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        with environment({"PORTAL_ENCRYPTION_KEYS": key("a")}):
            await write_and_chain(4)
            await anchor_on(1)
        with environment({"PORTAL_ENCRYPTION_KEYS": f"{key('b')},{key('a')}"}):
            await write(2)
            assert await chain() == 2
            assert (await AuditLine.get(id=5)).mac.startswith("b1.")
            assert await find_faults() == []
        with environment({"PORTAL_ENCRYPTION_KEYS": key("b")}):
            verification = Verification({})
            assert [fault async for fault in verification.faults()] == []
            assert verification.walk.of_lost_keys == {"a1": 4}

            await break_in("UPDATE audit_line SET result = 'refused' WHERE id = 2")
            assert await find_faults() == [(CHANGED, 2, 2)]


async def test_more_lines_than_a_page_are_chained_and_walked(services: Services) -> None:
    async with database_of_its_own(services.postgres):
        await write(1)
        await break_in(
            "INSERT INTO audit_line (at, actor, act, subject, result, detail, mac) "
            "SELECT now(), 'x', 'x', 'x', 'x', '{}', 'x.x' FROM generate_series(1, 4500)"
        )
        progress: list[int] = []
        assert await chain(tell=progress.append) == 4501
        assert progress == [2000, 4000, 4501]
        assert await AuditLink.all().count() == 4501
        looked: list[tuple[int, int]] = []
        verification = Verification({}, lambda done, of: looked.append((done, of)))
        assert [fault async for fault in verification.faults()] == []
        assert looked == [(2000, 4501), (4000, 4501), (4501, 4501)]
        assert verification.walk.of_lost_keys == {"x": 4500}
