"""Two stories of one parcel: what its order desk tells, and what its couriers scan."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.commands import register_parcel
from app.delivery.models import DeliveryTask, Parcel
from app.delivery.ordering import cancel_courier
from app.delivery.ports import ParcelState, TrackingEvent
from app.delivery.rules import Watch
from app.delivery.words import OrderState, TaskKind, TaskState
from app.kernel import clock
from tests.delivery.couriers import fetched, news, ordered
from tests.delivery.stage import Sent, new_number, send, tell
from tests.identity.accounts import caller_of
from tests.portal import Portal

P = ParcelState


async def tasks_of(sent: Sent) -> list[TaskKind]:
    open_ones = await DeliveryTask.filter(parcel_id=sent.parcel.id, state=TaskState.OPEN)
    return sorted(task.kind for task in open_ones)


async def order_of(sent: Sent) -> tuple[OrderState | None, ParcelState, Watch]:
    parcel = await Parcel.get(id=sent.parcel.id)
    return parcel.order_state, parcel.state, parcel.watch


async def test_an_order_that_only_the_scans_call_off_puts_the_result_back_on_the_desk(portal: Portal) -> None:
    """The post has no other word for it; another carrier can be chosen, as the task says."""
    sent = await ordered(portal)
    await tell(sent, P.CREATED, P.CANCELLED)
    assert await order_of(sent) == (OrderState.FAILED, P.CANCELLED, Watch.ENDED)
    assert await tasks_of(sent) == [TaskKind.ORDER_FAILED]
    assert (await Case.get(id=sent.case.id)).state is CaseState.RESULT_READY
    clerk = await caller_of(portal, sent.issuer)
    again = await clerk.do("RegisterParcel", caseId=str(sent.case.id), carrier="ems", trackingNumber=new_number())
    assert again["state"] == "CREATED"


async def test_a_number_typed_in_that_is_called_off_comes_back_to_the_desk_too(portal: Portal) -> None:
    sent = await send()
    await tell(sent, P.CANCELLED)
    assert (await sent.standing())["case"] is CaseState.RESULT_READY


async def test_a_cancellation_we_asked_for_is_no_task(portal: Portal) -> None:
    sent = await ordered(portal)
    await cancel_courier(sent.issuer, sent.parcel.id)
    await tell(sent, P.CANCELLED)
    assert await order_of(sent) == (OrderState.CANCELLED, P.CANCELLED, Watch.ENDED)
    assert await tasks_of(sent) == []


@pytest.mark.parametrize("late", [P.CREATED, P.AWAITING_PICKUP])
async def test_a_late_scan_of_waiting_revives_no_order_that_is_over(portal: Portal, late: ParcelState) -> None:
    sent = await fetched(portal)
    await news(portal, sent, "99")
    await tell(sent, late)
    assert await order_of(sent) == (OrderState.FAILED, P.CANCELLED, Watch.ENDED)
    assert await tasks_of(sent) == [TaskKind.ORDER_FAILED]


@pytest.mark.parametrize("late", [P.CREATED, P.AWAITING_PICKUP])
async def test_a_late_scan_of_waiting_takes_nothing_back_that_is_picked_up(portal: Portal, late: ParcelState) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "10")
    await tell(sent, late)
    assert (await order_of(sent))[:2] == (OrderState.PICKED_UP, P.PICKED_UP)


async def test_what_the_carrier_takes_back_does_take_it_back(portal: Portal) -> None:
    sent = await ordered(portal)
    now = clock.now()
    picked = TrackingEvent(now - timedelta(minutes=2), "收寄", "", "203", P.PICKED_UP)
    await tell(sent, picked)
    assert await sent.is_at(P.PICKED_UP)
    await tell(sent, picked, TrackingEvent(now, "撤销收寄", "", "207", None, undoes="203"))
    assert await sent.is_at(P.CREATED)


@pytest.mark.parametrize("scans", [(P.PICKED_UP,), (P.PICKED_UP, P.DELIVERED)])
async def test_what_is_carried_off_after_its_order_ended_is_told_to_a_person(
    portal: Portal, scans: tuple[ParcelState, ...]
) -> None:
    """And moves no case, neither while it waits at the desk nor when it has been sent again."""
    waiting, again = await ordered(portal), await ordered(portal)
    for sent in (waiting, again):
        await news(portal, sent, "99")
    await DeliveryTask.filter(parcel_id__in=[waiting.parcel.id, again.parcel.id]).update(state=TaskState.DONE)
    await register_parcel(again.issuer, again.case.id, "ems", new_number())
    for sent, case in ((waiting, CaseState.RESULT_READY), (again, CaseState.DELIVERING)):
        await tell(sent, *scans)
        assert (await order_of(sent))[:2] == (OrderState.PICKED_UP, scans[-1])
        [task] = await DeliveryTask.filter(parcel_id=sent.parcel.id, state=TaskState.OPEN)
        assert (task.kind, task.detail) == (TaskKind.ORDER_FAILED, {"reason": "订单已取消或失败,但快递员仍揽收了包裹"})
        assert (await Case.get(id=sent.case.id)).state is case
