from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from app.kernel import db
from app.kernel.audit import AuditLine
from app.kernel.callbacks import RawCallback, Received
from app.kernel.inbox.notices import _OF_NUMBER, Notice, NoticeState, keep, process, replay, unmatched
from tests.kernel.happenings import broken_bells, heard
from tests.portal import Portal

RAW = RawCallback("foundry", "bells", {"x-sign": "abc"}, {}, b'\x00\xff{"bell": 1}')


@pytest.fixture
def bell() -> str:
    return str(db.new_id())


def told(bell: str, **content: object) -> Received:
    return Received(f"bell:{bell}", "kernel.bell", {"bell": bell, **content})


async def notice_of(bell: str) -> Notice:
    return await Notice.get(provider="foundry", event_key=f"bell:{bell}")


async def test_a_notice_is_kept_as_it_came_and_handled_later(portal: Portal, bell: str) -> None:
    assert await keep(RAW, told(bell))
    kept = await notice_of(bell)
    assert (kept.raw_body, kept.raw_headers, kept.state) == (RAW.body, RAW.headers, NoticeState.RECEIVED)
    assert await heard(bell) == []

    await portal.run_jobs()

    handled = await notice_of(bell)
    assert (handled.state, handled.deliveries) == (NoticeState.HANDLED, 1)
    assert handled.handled_at is not None
    assert await heard(bell) == ["bell.taken"]


async def test_five_at_once_are_stored_once_and_handled_once(portal: Portal, bell: str) -> None:
    fresh = await asyncio.gather(*(keep(RAW, told(bell)) for _ in range(5)))
    await portal.run_jobs()
    again = await keep(RAW, told(bell))
    await portal.run_jobs()

    assert sorted(fresh) == [False, False, False, False, True]
    assert not again
    assert await heard(bell) == ["bell.taken"]
    assert (await notice_of(bell)).deliveries == 6
    subject = f"notice:foundry/bell:{bell}"
    assert await AuditLine.filter(subject=subject, act="callback.repeated").count() == 5
    assert await AuditLine.filter(subject=subject, act="callback.kernel.bell").count() == 1


async def test_the_same_key_of_another_provider_is_another_event(portal: Portal, bell: str) -> None:
    other = RawCallback("smithy", "bells", {}, {}, b"")
    assert await keep(RAW, told(bell))
    assert await keep(other, told(bell))
    await portal.run_jobs()
    assert await heard(bell) == ["bell.taken"] * 2


async def test_a_work_that_fails_leaves_nothing_and_is_tried_again(portal: Portal, bell: str) -> None:
    """What was seen is not done: the notice stays received until the work commits."""
    broken_bells.add(bell)
    assert await keep(RAW, told(bell))
    await portal.run_jobs(may_fail=True)
    assert (await notice_of(bell)).state is NoticeState.RECEIVED
    assert await heard(bell) == []

    broken_bells.remove(bell)
    await db.rows("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'inbox.process'")
    await portal.run_jobs()
    assert (await notice_of(bell)).state is NoticeState.HANDLED
    assert await heard(bell) == ["bell.taken"]


async def test_what_nobody_can_place_is_kept_for_a_person(portal: Portal, bell: str) -> None:
    """Newest first, page by page."""
    bells = [bell, str(db.new_id()), str(db.new_id())]
    for one in bells:
        await keep(RAW, told(one, known=False, remark="no such bell"))
    await portal.run_jobs()

    kept = await unmatched("kernel.bell", limit=2)
    rest = await unmatched("kernel.bell", limit=5, before=kept[-1].id)

    assert [notice.content["bell"] for notice in [*kept, *rest]] == bells[::-1]
    assert {(notice.state, notice.remark) for notice in kept} == {(NoticeState.UNMATCHED, "no such bell")}


async def test_a_handled_notice_is_not_handled_again(portal: Portal, bell: str) -> None:
    """As when a worker died between its commit and saying so."""
    await keep(RAW, told(bell))
    await portal.run_jobs()
    notice = await notice_of(bell)
    async with db.transaction():
        await process.defer(notice_id=str(notice.id))
    await portal.run_jobs()
    assert await heard(bell) == ["bell.taken"]


async def test_a_topic_nobody_handles_ends_with_a_person(portal: Portal) -> None:
    key = str(db.new_id())
    await keep(RAW, Received(key, "kernel.unheard-of", {}))
    await portal.run_jobs()
    notice = await Notice.get(event_key=key)
    assert (notice.state, notice.remark) == (NoticeState.UNMATCHED, "nobody handles this topic")
    assert isinstance(notice.id, UUID)


async def test_a_person_has_a_kept_notice_processed_again_but_never_a_handled_one(portal: Portal, bell: str) -> None:
    await keep(RAW, told(bell))
    await portal.run_jobs()
    handled = await notice_of(bell)
    assert not await replay(handled.id)
    assert not await replay(db.new_id())

    await Notice.filter(id=handled.id).update(state=NoticeState.UNMATCHED)
    assert await replay(handled.id)
    await portal.run_jobs()
    assert (await notice_of(bell)).state is NoticeState.HANDLED
    assert await heard(bell) == ["bell.taken", "bell.taken"]


async def test_what_is_said_of_a_number_is_found_by_an_index_among_many(portal: Portal) -> None:
    many = """
        INSERT INTO inbox_notice (id, provider, kind, event_key, topic, content, raw_body, raw_headers, received_at,
                                  deliveries, state, remark)
        SELECT gen_random_uuid(), 'flood', 'k', n::text, 't', jsonb_build_object('number', n::text, 'carrier', 'ems'),
               '', '{}', now(), 1, 'HANDLED', ''
        FROM generate_series(1, 5000) AS n
    """
    try:
        await db.rows(many)
        await db.rows("ANALYZE inbox_notice")
        asked = ("t", ["HANDLED"], '{"number": "7", "carrier": "ems"}', "7")
        plan = [row["QUERY PLAN"] for row in await db.rows(f"EXPLAIN {_OF_NUMBER}", *asked)]
        assert [line for line in plan if "inbox_notice_number" in line], plan
        assert len(await db.rows(_OF_NUMBER, *asked)) == 1
    finally:
        await db.rows("DELETE FROM inbox_notice WHERE provider = 'flood'")
