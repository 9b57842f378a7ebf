from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tortoise import Tortoise

from app.booking.commands import cancel
from app.booking.credit.appeals import excuse
from app.booking.events import AppealDecided, BookingMoved, FaultRecorded, PlaceOffered, VisitDue, VisitMissed
from app.booking.halls.closing import close_session
from app.booking.halls.rehousing import see_to_everybody
from app.booking.models import Booking, CreditAppeal, SessionClosure, Slot
from app.booking.outcomes import record_arrival, record_missed, record_served
from app.booking.queries import locked_booking
from app.delivery.events import (
    CourierAssigned,
    CourierOrderEnded,
    ParcelMoved,
    ParcelNewsTaken,
    ParcelPickedUp,
    ParcelReceived,
)
from app.delivery.models import Parcel
from app.delivery.ordering import cancel_courier, post_cases
from app.identity.events import AccountsJoined, ChannelUnbound, NumberLost
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import SYSTEM
from app.kernel.facts import Fact
from app.kernel.facts.publishing import _reactions, publish, reactions_of
from app.payments.events import (
    AllOfBillBounced,
    BillCancelled,
    BillDueSoon,
    BillExpired,
    BillPartlyRefunded,
    BillReceipted,
    BillReduced,
    BillReissued,
    BillUnreceipted,
    BillWaived,
    LateMoneyReceived,
    PartOfBillBounced,
    ReceiptIssued,
    ReceiptVoided,
    RefundAbnormal,
    RefundBounced,
    RefundDeclined,
    SurplusReceived,
    SurplusReturned,
)
from app.payments.models import Bill, PaymentAttempt, Refund
from app.payments.ports import PaymentState, PaymentTruth, RefundStanding
from app.payments.refunds.deciding import confirm_window_refund, decline_refund
from app.payments.refunds.settling import settle_refund
from app.payments.settling import expire, settle
from app.queueing.events import TicketCalled, TicketMoved, TicketNear, TicketPassed, TicketTaken
from app.queueing.models import Ticket
from app.representation.events import MandateGranted, MandateRevoked
from app.representation.models import Mandate
from tests.booking.lines import a_day, book, fill, slot_on, wait
from tests.booking.places import set_rules
from tests.delivery.couriers import COURIER
from tests.delivery.stage import make_case, new_number
from tests.http.stage import apply, approve, open_order
from tests.identity.accounts import make_resident, make_staff
from tests.payments.refunds.stage import make_paid, told
from tests.payments.stage import FEE_FEN, make_payer
from tests.people import new_key
from tests.personal_data.everything import make_user_of_everything
from tests.portal import Portal

Job = dict[str, Any]
MOVED_BY_LOOKING = {"audit_anchor", "audit_line", "audit_link", "session"}


async def waiting_jobs() -> list[Job]:
    sql = "SELECT task_name, lock, args::text AS args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
    return [dict(row) for row in await db.rows(sql)]


async def deliver_again(job: Job) -> None:
    """As when a worker died between its commit and telling the queue."""
    await db.rows(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', $1::text, 0, $2::text, NULL, $3::text::jsonb, NULL)]"
        "::procrastinate_job_to_defer_v1[])",
        job["task_name"],
        job["lock"],
        job["args"],
    )


async def everything_known() -> dict[str, list[str]]:
    """Every row of every table of the product."""
    assert Tortoise.apps is not None
    tables = {model._meta.db_table for model in Tortoise.apps[db.APP].values()} - MOVED_BY_LOOKING
    return {
        table: [row["line"] for row in await db.rows(f'SELECT t::text AS line FROM "{table}" t ORDER BY 1')]  # noqa: S608
        for table in sorted(tables)
    }


@pytest.fixture
async def happened(portal: Portal) -> AsyncIterator[list[Job]]:
    """Jobs of every fact that a reaction waits for: cases approved, denied and withdrawn, a parcel registered,
    couriers ordered and called off, a place freed while somebody waits for one, a session closed and its people seen
    to, visits kept, missed and excused, a deposit asked for, a task about money opened, money that
    came late, money given back, also after all, or not; and whatever else a resident is told.
    """
    await portal.run_jobs()
    order = await open_order(portal)
    await order.pay(portal)
    await portal.control.settle()
    await portal.run_jobs()

    issuer, leaving = await portal.clerk(Role.ISSUER), await portal.phone()
    parcel = await issuer.do("RegisterParcel", caseId=order.case_id, carrier="ems", trackingNumber=new_number())
    assert parcel["__typename"] == "Parcel", parcel
    await leaving.do("WithdrawCase", id=await apply(leaving))
    denied = await apply(await portal.phone())
    await (await portal.clerk(Role.WINDOW_ACCEPTOR)).do("AcceptCase", id=denied)
    await (await portal.clerk(Role.APPROVER)).do("DenyCase", id=denied, reason="材料不实")
    await approve(portal, await apply(await portal.phone()))
    await _places_freed_and_closed()
    await _visits_come_out()
    await _late_money(portal)
    await settle(PaymentTruth("wechat", new_key(), PaymentState.PAID, 4000))  # a task: nobody knows this order
    await _money_given_back(portal)
    await _courier_ordered_and_called_off()
    await _everything_told()
    yield await waiting_jobs()
    await portal.run_jobs()


async def _places_freed_and_closed() -> None:
    day, closing = a_day(), a_day()
    [(resident, booking)] = await fill(await slot_on(day))
    await wait(day)
    await cancel(resident, booking.id)
    slot = await slot_on(closing)
    await fill(slot)
    await _close(slot)
    emptied = await slot_on(a_day())
    await fill(emptied)
    await see_to_everybody((await _close(emptied)).id)


async def _close(slot: Slot) -> SessionClosure:
    manager = await make_staff(Role.DEPARTMENT_MANAGER)
    return await close_session(manager, slot.service_point_id, slot.category, slot.starts_at, slot.ends_at, "停电")


async def _visits_come_out() -> None:
    kept, missed = await book(await make_resident(), await slot_on(a_day())), await _missed()
    async with db.transaction():
        await record_arrival(await locked_booking(kept.id))
        await record_served(await locked_booking(kept.id))
    await excuse(await make_staff(Role.DEPARTMENT_MANAGER), missed.id, "当天暴雨停运")
    await set_rules("qinghe-hall", "D", deposit_fen=3_000)
    await book(await make_resident(), await slot_on(a_day(), place="qinghe-hall"))
    await set_rules("qinghe-hall", "D")


async def _missed() -> Booking:
    booking = await book(await make_resident(), await slot_on(a_day()))
    async with db.transaction():
        await record_missed(SYSTEM, await locked_booking(booking.id))
    return booking


async def _late_money(portal: Portal) -> None:
    payer = await make_payer(portal)
    order_no = (await payer.open_order()).attempt.order_no
    await settle(PaymentTruth("wechat", order_no, PaymentState.CLOSED))
    with clock.standing_at(payer.bill.due_at + timedelta(seconds=1)):
        assert await expire(payer.bill.id)
    await settle(PaymentTruth("wechat", order_no, PaymentState.PAID, FEE_FEN, payer_open_id=payer.person.openid))


async def _money_given_back(portal: Portal) -> None:
    in_cash, in_wechat = await make_paid(portal, 4000, channel="cash"), await make_paid(portal, 4000)
    await confirm_window_refund(in_cash.cashier, (await in_cash.refund(4000, 4000)).id)
    refund = await in_wechat.refund(4000, 4000)
    for standing in (RefundStanding.CLOSED, RefundStanding.SUCCEEDED, RefundStanding.ABNORMAL):
        await settle_refund(told(refund, standing), present=True)
    kept = await make_paid(portal, 4000)
    await decline_refund(kept.second, (await kept.refund(4000, 4000, kept.payer)).id, "收费无误")


async def _courier_ordered_and_called_off() -> None:
    issuer, wanted = await make_staff(Role.ISSUER), COURIER
    kept, left = [await make_case(await make_resident()) for _ in range(2)]
    await post_cases(issuer, [kept.id], wanted, idempotency_key=new_key())
    parcel = await post_cases(issuer, [left.id], wanted, idempotency_key=new_key())
    await cancel_courier(issuer, parcel.id)


async def _everything_told() -> None:
    """What is only told: to somebody who has used everything once."""
    used = await make_user_of_everything()
    booking = await Booking.get(resident_id=used.id)
    bill, appeal = await Bill.get(resident_id=used.id), await CreditAppeal.get(resident_id=used.id)
    ticket, mandate = await Ticket.get(resident_id=used.id), await Mandate.get(principal_id=used.id)
    parcel, attempt = await Parcel.get(contents__case__resident_id=used.id), await PaymentAttempt.get(payer_id=used.id)
    refund = await Refund.all().order_by("-id").first()
    assert refund is not None
    facts: list[Fact] = [
        BookingMoved(booking.id, booking.slot_id, booking.slot_id, by_hall=True),
        BookingMoved(booking.id, booking.slot_id, booking.slot_id, by_hall=False),
        PlaceOffered(booking.id, used.id),
        VisitDue(booking.id, "SOON"),
        VisitDue(booking.id, "DAY_BEFORE"),
        FaultRecorded(booking.id, used.id),
        AppealDecided(appeal.id, granted=False),
        VisitMissed(booking.id),
        *(kind(ticket.id) for kind in (TicketTaken, TicketNear, TicketCalled, TicketPassed, TicketMoved)),
        *(kind(bill.id) for kind in (BillDueSoon, BillExpired, BillReissued, BillCancelled, BillWaived)),
        *(kind(bill.id) for kind in (BillReceipted, BillUnreceipted)),
        BillReduced(bill.id, 100),
        BillPartlyRefunded(bill.id, 100),
        PartOfBillBounced(bill.id, 100),
        AllOfBillBounced(bill.id, 100),
        SurplusReturned(attempt.id, 100),
        SurplusReceived(attempt.id, 100),
        LateMoneyReceived(attempt.id, 100),
        RefundAbnormal(refund.id),
        RefundBounced(refund.id),
        RefundDeclined(refund.id),
        ReceiptIssued(db.new_id(), bill.id),
        ReceiptVoided(db.new_id(), bill.id),
        ParcelMoved(parcel.id, "DELIVERED"),
        ParcelPickedUp(parcel.id),
        ParcelNewsTaken(parcel.id),
        CourierAssigned(parcel.id),
        CourierOrderEnded(parcel.id, "CANCELLED"),
        ParcelReceived(parcel.id),
        MandateGranted(mandate.id),
        MandateRevoked(mandate.id),
        AccountsJoined(used.id, db.new_id()),
        NumberLost(used.id),
        ChannelUnbound(used.id, "wechat"),
    ]
    async with db.transaction():
        for fact in facts:
            await publish(fact)


async def test_every_reaction_bears_being_delivered_twice(portal: Portal, happened: list[Job]) -> None:
    """A reaction that is missing here needs a situation in the fixture above."""
    product = [fact for fact in _reactions if fact.__module__.startswith("app.")]
    assert {job["task_name"] for job in happened} >= {name for fact in product for name in reactions_of(fact)}

    await portal.run_jobs()
    once = await everything_known()
    for job in happened:
        await deliver_again(job)
    await portal.run_jobs()

    assert await everything_known() == once
