from __future__ import annotations

import asyncio

import pytest

from app.kernel import db
from app.kernel.audit import AuditLine
from app.kernel.facts.publishing import publish, reactions_of
from app.kernel.logging import request_scope
from tests.kernel.happenings import BellRung, NobodyCares, heard, ring
from tests.portal import Portal


async def test_a_committed_fact_runs_once_for_each_reaction(portal: Portal) -> None:
    bell = db.new_id()
    await ring(bell, times=3)
    assert await heard(bell) == []

    await portal.run_jobs()
    await portal.run_jobs()

    assert sorted(await heard(bell)) == ["bell.complained", "bell.woke"]
    assert (await AuditLine.get(subject=f"bell:{bell}", act="bell.woke")).detail == {"times": 3}


async def test_a_fact_of_a_rolled_back_transaction_never_runs(portal: Portal) -> None:
    bell = db.new_id()

    async def ring_and_fail() -> None:
        async with db.transaction():
            await publish(BellRung(bell))
            raise LookupError

    with pytest.raises(LookupError):
        await ring_and_fail()
    await portal.run_jobs()

    assert await heard(bell) == []
    assert await db.rows("SELECT 1 FROM procrastinate_jobs WHERE args->'fact'->>'bell_id' = $1", str(bell)) == []


async def test_a_fact_of_a_rolled_back_inner_transaction_never_runs(portal: Portal) -> None:
    """The outer change is kept with its own fact only."""
    kept, lost = db.new_id(), db.new_id()

    async def ring_and_fail() -> None:
        async with db.transaction():
            await publish(BellRung(lost))
            raise LookupError

    async with db.transaction():
        await publish(BellRung(kept))
        with pytest.raises(LookupError):
            await ring_and_fail()
    await portal.run_jobs()

    assert len(await heard(kept)) == 2
    assert await heard(lost) == []


async def test_publishing_outside_a_transaction_is_a_bug(portal: Portal) -> None:
    bell = db.new_id()
    with pytest.raises(RuntimeError, match="BellRung must be published inside the transaction of its change"):
        await publish(BellRung(bell))
    await portal.run_jobs()
    assert await heard(bell) == []


async def test_a_fact_nobody_reacts_to_is_no_job(portal: Portal) -> None:
    bell = db.new_id()
    async with db.transaction():
        await publish(NobodyCares(bell))
    assert await db.rows("SELECT 1 FROM procrastinate_jobs WHERE args::text LIKE '%' || $1 || '%'", str(bell)) == []


async def test_facts_about_one_thing_are_delivered_one_by_one_in_order(portal: Portal) -> None:
    bell = db.new_id()
    for times in range(1, 6):
        await ring(bell, times)

    await portal.run_jobs()

    lines = await AuditLine.filter(subject=f"bell:{bell}", act="bell.woke").order_by("id")
    assert [line.detail["times"] for line in lines] == [1, 2, 3, 4, 5]


async def test_a_reaction_carries_the_request_that_caused_it(portal: Portal) -> None:
    bell = db.new_id()
    with request_scope("request-of-a-bell"):
        await ring(bell)
    await portal.run_jobs()
    lines = await AuditLine.filter(subject=f"bell:{bell}")
    assert {line.request_id for line in lines} == {"request-of-a-bell"}


async def test_many_at_once_all_arrive(portal: Portal) -> None:
    bells = [db.new_id() for _ in range(20)]
    await asyncio.gather(*(ring(bell) for bell in bells))
    await portal.run_jobs()
    assert [len(await heard(bell)) for bell in bells] == [2] * 20


def test_a_job_is_named_by_domain_reaction_and_fact() -> None:
    assert reactions_of(BellRung) == ("kernel.wake_up<BellRung", "kernel.complain<BellRung")
