from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.booking import commands as booking
from app.booking.credit.appeals import excuse
from app.booking.models import Booking, Slot
from app.booking.outcomes import mark_missed, record_check_in, record_hall_cancelled, record_served
from app.booking.queries import locked_booking
from app.identity.rules import Role
from app.kernel import clock, db
from app.payments.models import PaymentAttempt, Refund
from app.payments.ports import RefundStanding, RefundTruth
from app.payments.refunds.deciding import approve_refund, decline_refund
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import RefundWish
from app.payments.refunds.settling import settle_refund
from app.payments.states import BillState
from app.payments.words import RefundReason
from tests.booking.places import set_rules
from tests.identity.accounts import make_staff
from tests.payments.guests import DEPOSIT_FEN, PLACE, Guest, a_slot, make_guest, ours
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture(autouse=True)
async def deposit_asked_for(portal: Portal) -> AsyncIterator[None]:
    await set_rules(PLACE, "D", deposit_fen=DEPOSIT_FEN)
    await portal.control.be_hostile(notify_by_itself=False)
    yield
    await portal.control.be_kind()
    await set_rules(PLACE, "D")


async def refunded_for(made: Booking) -> list[tuple[RefundReason, int]]:
    found = await Refund.filter(bill_id=(await ours(made)).id).order_by("requested_at")
    return [(refund.reason, refund.amount_fen) for refund in found]


async def test_who_cancels_in_time_has_the_deposit_back_once(portal: Portal) -> None:
    guest = await make_guest(portal)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    for _ in range(2):
        await booking.cancel(guest.actor, made.id)
        await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.DEPOSIT_BACK, DEPOSIT_FEN)]


async def test_who_cancels_late_leaves_the_deposit_until_it_is_excused(portal: Portal) -> None:
    guest = await make_guest(portal)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    with clock.standing_at((await Slot.get(id=made.slot_id)).starts_at - timedelta(minutes=5)):
        assert (await booking.cancel(guest.actor, made.id)).late
        await portal.run_jobs()
        assert await refunded_for(made) == []
        await excuse(await make_staff(Role.DEPARTMENT_MANAGER), made.id, "当天暴雨停运")
        await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.DEPOSIT_BACK, DEPOSIT_FEN)]


async def test_whom_the_hall_calls_off_has_the_deposit_back(portal: Portal) -> None:
    """Also who has come already, and at the last minute: it is not their doing."""
    guest = await make_guest(portal)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    with clock.standing_at((await Slot.get(id=made.slot_id)).starts_at):
        async with db.transaction():
            await record_check_in(await locked_booking(made.id))
            await record_hall_cancelled(await locked_booking(made.id))
        await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.HALL_CANCELLED, DEPOSIT_FEN)]


async def test_who_comes_has_the_deposit_back(portal: Portal) -> None:
    guest = await make_guest(portal)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    await comes(made)
    await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.DEPOSIT_BACK, DEPOSIT_FEN)]


async def comes(made: Booking) -> None:
    with clock.standing_at((await Slot.get(id=made.slot_id)).starts_at):
        async with db.transaction():
            await record_check_in(await locked_booking(made.id))
            await record_served(await locked_booking(made.id))


async def asks_back(guest: Guest, made: Booking, fen: int) -> Refund:
    wish = RefundWish(RefundReason.WITHDRAWN, DEPOSIT_FEN, fen)
    return await request_refund(guest.actor, (await ours(made)).id, wish, idempotency_key=new_key())


async def test_who_asked_for_the_deposit_and_comes_has_it_back_although_the_unit_declines(portal: Portal) -> None:
    guest, manager = await make_guest(portal), await make_staff(Role.DEPARTMENT_MANAGER)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    asked = await asks_back(guest, made, DEPOSIT_FEN)
    await comes(made)
    await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.WITHDRAWN, DEPOSIT_FEN)]

    await decline_refund(manager, asked.id, "到场后自动退还")
    await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.WITHDRAWN, DEPOSIT_FEN), (RefundReason.DEPOSIT_BACK, DEPOSIT_FEN)]
    assert (await PaymentAttempt.get(bill_id=asked.bill_id)).promised_fen == DEPOSIT_FEN


async def test_what_is_declined_before_the_visit_stays_until_the_guest_comes(portal: Portal) -> None:
    guest, manager = await make_guest(portal), await make_staff(Role.DEPARTMENT_MANAGER)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    await decline_refund(manager, (await asks_back(guest, made, DEPOSIT_FEN)).id, "到场后自动退还")
    await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.WITHDRAWN, DEPOSIT_FEN)]


async def test_of_a_deposit_that_went_back_in_part_the_rest_goes_back_to_who_comes(portal: Portal) -> None:
    guest, manager = await make_guest(portal), await make_staff(Role.DEPARTMENT_MANAGER)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    part = await asks_back(guest, made, 1_000)
    await approve_refund(manager, part.id)
    await settle_refund(RefundTruth("wechat", part.refund_no, RefundStanding.SUCCEEDED, 1_000), present=True)
    assert (await ours(made)).state is BillState.PARTIALLY_REFUNDED
    await comes(made)
    await portal.run_jobs()
    assert await refunded_for(made) == [
        (RefundReason.WITHDRAWN, 1_000),
        (RefundReason.DEPOSIT_BACK, DEPOSIT_FEN - 1_000),
    ]


async def test_who_does_not_come_leaves_the_deposit_until_it_is_excused(portal: Portal) -> None:
    guest = await make_guest(portal)
    made = await guest.books(await a_slot())
    await guest.has_paid(made)
    with clock.standing_at(made.until + timedelta(hours=5)):
        assert await mark_missed(made.id)
        await portal.run_jobs()
        assert await refunded_for(made) == []
        await excuse(await make_staff(Role.DEPARTMENT_MANAGER), made.id, "当天暴雨停运")
        await portal.run_jobs()
    assert await refunded_for(made) == [(RefundReason.DEPOSIT_BACK, DEPOSIT_FEN)]
