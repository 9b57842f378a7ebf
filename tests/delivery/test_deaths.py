"""Workers and web processes that are killed between what somebody outside did and our record of it, or in the middle
of our own work. What they were at comes again, as the queue or the provider brings it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.models import DeliveryTask, Parcel, ParcelEvent
from app.delivery.ordering import cancel_courier
from app.delivery.ports import DeliveredTo, ParcelState
from app.delivery.rules import Watch
from app.delivery.watching import MOST_SUBSCRIPTIONS, subscriptions_this_month
from app.delivery.words import OrderState, TaskKind
from app.identity.rules import Role
from app.kernel import db
from app.kernel.inbox.notices import Notice, NoticeState
from app.kernel.jobs import rescue_stalled
from tests.delivery.couriers import news, ordered, wished
from tests.delivery.deaths import killed, somebody_waits, stuck_at_task
from tests.delivery.stage import Sent, new_number, send
from tests.delivery.test_desk import statement
from tests.identity.accounts import caller_of, make_staff
from tests.kernel.test_deaths import job_of, worker
from tests.live.test_two_processes import another_process
from tests.people import Caller, until
from tests.portal import Portal

WITH_POST = {"PORTAL_PROVIDERS": "wechat,alipay,kuaidi100,ems,window,sms"}


async def now_of(sent: Sent) -> Parcel:
    return await Parcel.get(id=sent.parcel.id)


async def orders_of(portal: Portal, sent: Sent) -> list[Any]:
    """What the carrier was asked for under our number."""
    order_no = sent.parcel.order_no or ""
    return [*await portal.control.courier_orders(order_no), *await portal.control.waybills(order_no)]


async def taken_and_forgotten(portal: Portal, carrier: str = "zhongtong") -> Sent:
    """The carrier has the order, who placed it is dead, and we know that somebody was asked."""
    sent = await wished(carrier)
    agent, variables = ("ems", WITH_POST) if carrier == "ems" else ("kuaidi100", {})
    assert await killed("place", agent, sent.parcel.id, **variables)
    assert len(await orders_of(portal, sent)) == 1
    parcel = await now_of(sent)
    assert (parcel.order_state, parcel.carrier_ref, parcel.tracking_number) == (OrderState.ASKED, "", None)
    assert parcel.tried_at is not None
    return sent


@pytest.mark.usefixtures("post")
@pytest.mark.parametrize("carrier", ["zhongtong", "yunda", "ems"])
async def test_an_order_the_carrier_took_before_the_worker_died_stays_one(portal: Portal, carrier: str) -> None:
    """Its number comes at once, late, or from the post itself."""
    sent = await taken_and_forgotten(portal, carrier)
    await portal.run_jobs()

    [order] = await orders_of(portal, sent)
    parcel = await now_of(sent)
    numbered = carrier != "yunda"
    assert (parcel.order_state, parcel.watch) == (OrderState.PLACED, Watch.WATCHED if numbered else Watch.NO_NUMBER)
    assert parcel.tracking_number == (order.number if numbered else None)
    assert parcel.carrier_ref == (sent.parcel.order_no if carrier == "ems" else f"{order.task_id}:{order.order_id}")
    assert (await Case.get(id=sent.case.id)).state is CaseState.DELIVERING


async def test_a_courier_who_was_faster_than_the_workers_return_is_not_ordered_again(portal: Portal) -> None:
    sent = await taken_and_forgotten(portal)
    await news(portal, sent, "10")
    [order] = await orders_of(portal, sent)
    parcel = await now_of(sent)
    assert (parcel.order_state, parcel.state) == (OrderState.PICKED_UP, ParcelState.PICKED_UP)
    assert (parcel.tracking_number, parcel.watch) == (order.number, Watch.WATCHED)


async def test_what_was_ordered_and_forgotten_can_still_be_called_off(portal: Portal) -> None:
    sent = await taken_and_forgotten(portal)
    await cancel_courier(sent.issuer, sent.parcel.id)
    await portal.run_jobs()
    [order] = await orders_of(portal, sent)
    assert (order.status, (await now_of(sent)).order_state) == ("9", OrderState.CANCELLED)
    assert (await Case.get(id=sent.case.id)).state is CaseState.RESULT_READY
    assert await DeliveryTask.filter(parcel_id=sent.parcel.id).count() == 0


async def test_an_order_called_off_before_the_worker_died_is_over_once(portal: Portal) -> None:
    sent = await ordered(portal)
    await cancel_courier(sent.issuer, sent.parcel.id)
    assert await killed("cancel", "kuaidi100", sent.parcel.id)
    [order] = await orders_of(portal, sent)
    assert (order.status, (await now_of(sent)).order_state) == ("9", OrderState.CANCEL_ASKED)
    await portal.control.settle()
    await portal.run_jobs()
    assert ((await now_of(sent)).order_state, (await now_of(sent)).state) == (
        OrderState.CANCELLED,
        ParcelState.CANCELLED,
    )
    assert (await Case.get(id=sent.case.id)).state is CaseState.RESULT_READY
    assert await DeliveryTask.filter(parcel_id=sent.parcel.id).count() == 0


@pytest.mark.parametrize(("deaths", "then"), [(1, Watch.WATCHED), (MOST_SUBSCRIPTIONS, Watch.REFUSED)])
async def test_a_number_watched_before_the_worker_died_is_subscribed_once(
    portal: Portal, deaths: int, then: Watch
) -> None:
    """Each death is counted, on the safe side; whose count is at its end is asked about, and heard all the same."""
    sent = await send()
    for _ in range(deaths):
        assert await killed("subscribe", "kuaidi100", sent.parcel.id)
    assert (await now_of(sent)).watch is Watch.ASKED
    await portal.run_jobs()
    assert (await now_of(sent)).watch is then
    assert len((await portal.control.parcel(sent.number)).subscriptions) == 1
    await portal.control.scan(sent.number, "picked_up")
    await portal.control.settle()
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.PICKED_UP)
    assert await subscriptions_this_month("kuaidi100", sent.number) == min(deaths + 1, MOST_SUBSCRIPTIONS)


STEPS = ("picked_up", "in_transit", "at_destination", "unknown_code", "out_for_delivery", "delivered")


async def test_a_worker_killed_in_the_middle_of_a_push_of_many_rows_leaves_nothing_half_done(portal: Portal) -> None:
    """It has kept the rows, and stands before the task about the code nobody knows."""
    sent = await send()
    await portal.run_jobs()
    for step in STEPS:
        await portal.control.scan(sent.number, step, push=False)

    with worker() as first:
        async with stuck_at_task(TaskKind.UNKNOWN_CODE, "kuaidi100/ems/9999"):
            [reply] = await portal.control.push(sent.number)
            assert reply.status == 200
            await somebody_waits()
            first.kill()
            first.wait()
    notice = await notice_of(sent.number)
    job = await job_of(notice)
    assert (notice.state, job and job["status"]) == (NoticeState.RECEIVED, "doing")
    assert await sent.standing() == {"parcel": ParcelState.CREATED, "to": None, "case": CaseState.DELIVERING}
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == 0

    await db.rows("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 s'")
    assert await rescue_stalled(portal.queue) >= 1
    await portal.run_jobs()
    assert (await notice_of(sent.number)).state is NoticeState.HANDLED
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == len(STEPS)
    assert await sent.standing() == {
        "parcel": ParcelState.DELIVERED,
        "to": DeliveredTo.ADDRESSEE,
        "case": CaseState.CLOSED,
    }


async def notice_of(number: str) -> Notice:
    [row] = await db.rows("SELECT id FROM inbox_notice WHERE content->>'number' = $1", number)
    return await Notice.get(id=row["id"])


async def test_a_push_whose_web_process_was_killed_comes_again_and_counts_once(portal: Portal) -> None:
    """Killed before anything was kept, and, as far as the carrier can tell, after that."""
    sent = await send()
    await portal.run_jobs()
    told = ("ems", sent.number, [{"step": "picked_up", "at": "2026-11-25T08:00:00+08:00"}])
    async with another_process() as (url, process), db.transaction():
        await db.rows("LOCK TABLE inbox_notice IN SHARE MODE")
        pushing = asyncio.create_task(portal.control.push_unasked(f"{url}/callbacks/kuaidi100/tracking", *told))
        await somebody_waits()
        process.kill()
        await process.wait()
        [unheard] = await pushing
    assert unheard.status == 0
    assert await db.rows("SELECT 1 FROM inbox_notice WHERE content->>'number' = $1", sent.number) == []

    for _ in range(2):
        [reply] = await portal.control.push_unasked(f"{portal.url}/callbacks/kuaidi100/tracking", *told)
        assert reply.accepted
    await portal.run_jobs()
    assert ((await notice_of(sent.number)).deliveries, (await now_of(sent)).state) == (2, ParcelState.PICKED_UP)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == 1


async def test_a_statement_whose_web_process_was_killed_half_way_is_taken_whole_the_next_time(portal: Portal) -> None:
    dear, strange = await ordered(portal), "75" + new_number()[:12]
    await news(portal, dear, "10")
    await news(portal, dear, "15", weight="0.5", freight="12")
    lines = statement(("", dear.number, 500, "15.00"), ("", strange, 500, "7.00"))
    wanted = {"carrier": "zhongtong", "csv": lines}
    cashier = await caller_of(portal, await make_staff(Role.CASHIER))
    async with another_process() as (url, process), Caller(url) as elsewhere:
        elsewhere.access = cashier.access
        async with stuck_at_task(TaskKind.SETTLEMENT_THEIRS_ONLY, f"zhongtong/{strange}"):
            uploading = asyncio.create_task(elsewhere.do("TakeCarrierStatement", **wanted))
            await somebody_waits()
            process.kill()
            await process.wait()
            with pytest.raises(httpx.TransportError):
                await uploading

    async def are_free() -> bool:
        return not await db.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")

    await until(are_free, what="the dead upload to let go")
    assert (await now_of(dear)).settled_at is None
    assert await DeliveryTask.filter(kind=TaskKind.SETTLEMENT_FEE, parcel_id=dear.parcel.id).count() == 0

    settled = await cashier.do("TakeCarrierStatement", **wanted)
    assert (settled["lines"], settled["matched"], settled["tasks"]) == (2, 1, 2)
    assert (await now_of(dear)).settled_fen == 1500
