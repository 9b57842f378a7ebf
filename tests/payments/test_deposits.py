from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from app.booking import commands as booking
from app.booking.holds import confirm, hold
from app.booking.models import Booking
from app.booking.outcomes import record_hall_cancelled
from app.booking.queries import locked_booking
from app.booking.rules import BookingState
from app.booking.tasks import expire_forgotten_holds
from app.identity.models import ChannelBinding
from app.identity.queries import locked_resident
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.callbacks import Handled
from app.kernel.errors import ProviderUnavailable, Refusal
from app.payments.at_window import collect_at_window
from app.payments.deposits import ask_for_deposit, end_unpaid, release_unbilled
from app.payments.errors import NothingToPay
from app.payments.exemptions import exempt
from app.payments.ledger import balances
from app.payments.models import LedgerEntry, PaymentAttempt, Refund
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.settling import settle
from app.payments.states import AttemptState, BillState
from tests.booking.places import places_taken, set_rules, visit
from tests.cases.filing import CARD
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.guests import DEPOSIT_FEN, PLACE, Guest, a_slot, make_guest, ours
from tests.payments.words import told_paid
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture(autouse=True)
async def deposit_asked_for(portal: Portal) -> AsyncIterator[None]:
    await set_rules(PLACE, "D", deposit_fen=DEPOSIT_FEN)
    await portal.control.be_hostile(notify_by_itself=False)
    yield
    await portal.control.be_kind()
    await set_rules(PLACE, "D")


async def test_a_place_with_a_deposit_is_held_until_it_is_paid_and_then_sure(portal: Portal) -> None:
    guest, slot = await make_guest(portal), await a_slot()
    made = await guest.books(slot)
    assert (made.state, made.deposit_fen) == (BookingState.HELD, DEPOSIT_FEN)
    bill = await ours(made)
    assert (bill.total_fen, bill.due_at, bill.state) == (DEPOSIT_FEN, made.held_until, BillState.CREATED)
    phone = await caller_of(portal, guest.actor)
    refused = await phone.do("ConfirmBooking", id=str(made.id))
    assert refused["code"] == "DEPOSIT_OWED"
    assert "30.00元" in refused["message"]

    await guest.pays(made)
    assert (await phone.do("ConfirmPayment", billId=str(bill.id)))["state"] == "PAID"

    shown = await phone.do("MyBookings")
    [mine] = [edge["node"] for edge in shown["edges"]]
    assert (mine["state"], mine["deposit"]["state"], mine["heldUntil"]) == ("BOOKED", "PAID", None)
    assert await places_taken(slot) == (1, 1)


async def test_a_hold_and_its_deposit_say_the_same(portal: Portal) -> None:
    guest = await make_guest(portal)
    held = await hold(guest.actor, (await a_slot()).id, visit(CARD), idempotency_key=new_key())
    assert (await ask_for_deposit(held.id)) == (await ask_for_deposit(held.id))
    with pytest.raises(Refusal, match="deposit"):
        await confirm(guest.actor, held.id)


async def test_unpaid_the_order_is_closed_the_bill_expires_and_the_places_are_free_in_that_order(
    portal: Portal,
) -> None:
    guest, slot = await make_guest(portal), await a_slot()
    made = await guest.books(slot)
    payable = await guest.opens(made)
    bill = await ours(made)
    with clock.standing_at(bill.due_at + timedelta(seconds=1)):
        await expire_forgotten_holds()
        assert await places_taken(slot) == (1, 1)

        await portal.control.be_hostile(server_error=1.0)
        with pytest.raises(ProviderUnavailable):
            await end_unpaid(bill.id)
        assert await places_taken(slot) == (1, 1)

        await portal.control.be_hostile(server_error=0.0)
        assert await end_unpaid(bill.id)
        assert not await end_unpaid(bill.id)
    await made.refresh_from_db()
    assert (made.state, (await ours(made)).state) == (BookingState.EXPIRED, BillState.EXPIRED)
    assert (await portal.control.order(payable.attempt.order_no)).trade_state == "CLOSED"
    assert await places_taken(slot) == (0, 0)
    assert sum([entry.amount_fen for entry in await LedgerEntry.filter(bill_id=bill.id, account="PAYER")]) == 0


async def test_paid_at_the_last_moment_is_paid_and_the_place_is_kept(portal: Portal) -> None:
    guest, slot = await make_guest(portal), await a_slot()
    made = await guest.books(slot)
    await guest.pays(made)
    bill = await ours(made)
    with clock.standing_at(bill.due_at + timedelta(seconds=1)):
        assert not await end_unpaid(bill.id)
    await made.refresh_from_db()
    assert (made.state, (await ours(made)).state) == (BookingState.BOOKED, BillState.PAID)


async def late_money(guest: Guest, made: Booking) -> PaymentAttempt:
    """The hold ends while the provider says that the order is closed; then it turns out to be paid."""
    attempt = (await guest.opens(made)).attempt
    await settle(PaymentTruth("wechat", attempt.order_no, PaymentState.CLOSED))
    bill = await ours(made)
    with clock.standing_at(bill.due_at + timedelta(seconds=1)):
        assert await end_unpaid(bill.id)
    return attempt


async def arrives(guest: Guest, attempt: PaymentAttempt) -> None:
    told = PaymentTruth(
        "wechat", attempt.order_no, PaymentState.PAID, DEPOSIT_FEN, "CNY", "42", guest.person.openid, clock.now()
    )
    for _ in range(2):
        await settle(told)
    await attempt.refresh_from_db()


async def test_late_money_takes_the_place_again_while_it_is_free(portal: Portal) -> None:
    guest, slot = await make_guest(portal), await a_slot()
    made = await guest.books(slot)
    attempt = await late_money(guest, made)
    assert await places_taken(slot) == (0, 0)
    await arrives(guest, attempt)
    await made.refresh_from_db()
    assert (made.state, attempt.state) == (BookingState.BOOKED, AttemptState.SUCCEEDED)
    assert (await ours(made)).state is BillState.PAID
    assert await places_taken(slot) == (1, 1)


async def test_money_that_comes_while_the_hall_calls_the_visit_off_goes_back(portal: Portal) -> None:
    """The booking is locked before it is looked at, or it would be sure again although nobody is there."""
    guest = await make_guest(portal)
    made = await guest.books(await a_slot())
    attempt = (await guest.opens(made)).attempt

    async def call_off() -> None:
        await record_hall_cancelled(await locked_booking(made.id))

    assert (await settled_during(call_off, attempt)).remark == "SURPLUS"
    assert (await Booking.get(id=made.id)).state is BookingState.HALL_CANCELLED


async def settled_during(work: Callable[[], Awaitable[object]], attempt: PaymentAttempt) -> Handled:
    """Its money comes while somebody has done `work` and not committed it: it waits for that."""
    done, over = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.transaction():
            await work()
            done.set()
            await over.wait()

    holding = asyncio.create_task(hold())
    await done.wait()
    settling = asyncio.create_task(settle(told_paid(attempt)))
    finished, _ = await asyncio.wait({settling}, timeout=0.5)
    over.set()
    await holding
    assert finished == set()
    return await settling


async def test_late_money_waits_for_a_resident_who_may_be_booking_the_same_elsewhere(portal: Portal) -> None:
    guest = await make_guest(portal)
    made = await guest.books(await a_slot())
    attempt = await late_money(guest, made)
    told = await settled_during(lambda: locked_resident(guest.actor.own_id()), attempt)
    assert told.remark == "RESTORE"


async def test_late_money_goes_back_when_somebody_else_has_the_place(portal: Portal) -> None:
    guest, other, slot = await make_guest(portal), await make_guest(portal), await a_slot()
    made = await guest.books(slot)
    attempt = await late_money(guest, made)
    await other.books(slot)
    await arrives(guest, attempt)
    await made.refresh_from_db()
    assert (made.state, attempt.state) == (BookingState.EXPIRED, AttemptState.SURPLUS)
    assert (await Refund.get(attempt_id=attempt.id)).amount_fen == DEPOSIT_FEN
    assert await places_taken(slot) == (1, 1)


async def test_late_money_goes_back_when_the_resident_has_booked_the_same_elsewhere(portal: Portal) -> None:
    guest, slot = await make_guest(portal), await a_slot()
    made = await guest.books(slot)
    attempt = await late_money(guest, made)
    await guest.books(await a_slot())
    await arrives(guest, attempt)
    assert attempt.state is AttemptState.SURPLUS
    assert await places_taken(slot) == (0, 0)


async def test_money_for_a_hold_that_was_given_up_goes_back(portal: Portal) -> None:
    guest, slot = await make_guest(portal), await a_slot()
    made = await guest.books(slot)
    await guest.pays(made)
    await booking.cancel(guest.actor, made.id)
    await portal.run_jobs()
    [attempt] = await PaymentAttempt.filter(bill_id=(await ours(made)).id)
    assert attempt.state in {AttemptState.SURPLUS, AttemptState.RETURNED}
    assert (await ours(made)).state is BillState.CANCELLED
    assert await places_taken(slot) == (0, 0)
    assert sum((await balances()).values()) == 0


async def test_a_hold_whose_deposit_was_never_asked_for_ends_too(portal: Portal) -> None:
    guest, slot = await make_guest(portal), await a_slot()
    made = await booking.book(guest.actor, slot.id, visit(CARD), idempotency_key=new_key())
    assert made.held_until is not None
    with clock.standing_at(made.held_until + timedelta(seconds=1)):
        await release_unbilled(500)
    await made.refresh_from_db()
    assert made.state is BookingState.EXPIRED
    assert await places_taken(slot) == (0, 0)


async def test_a_silent_provider_keeps_the_places_of_its_own_order_and_of_no_other(portal: Portal) -> None:
    first, second = await make_guest(portal), await make_guest(portal)
    asked_about, forgotten = await first.books(await a_slot()), await second.books(await a_slot())
    await first.opens(asked_about)
    assert asked_about.held_until is not None
    await Booking.filter(id=asked_about.id).update(held_until=asked_about.held_until - timedelta(seconds=9))
    await portal.control.be_hostile(server_error=1.0)
    with clock.standing_at(asked_about.held_until + timedelta(minutes=1)):
        await release_unbilled(500)
    await portal.control.be_kind()
    ended = [(await Booking.get(id=one.id)).state for one in (asked_about, forgotten)]
    assert ended == [BookingState.HELD, BookingState.EXPIRED]


async def test_the_last_place_with_a_deposit_is_held_for_one(portal: Portal) -> None:
    slot = await a_slot()
    guests = [await make_guest(portal) for _ in range(5)]
    held = await at_once(
        *(booking.book(guest.actor, slot.id, visit(CARD), idempotency_key=new_key()) for guest in guests)
    )
    assert len([one for one in held if isinstance(one, Booking)]) == 1
    assert await places_taken(slot) == (1, 1)


async def test_nobody_pays_for_a_place_that_was_given_up_a_moment_ago(portal: Portal) -> None:
    """The worker has not cancelled the bill yet."""
    guest, cashier = await make_guest(portal), await make_staff(Role.CASHIER)
    made = await guest.books(await a_slot())
    await booking.cancel(guest.actor, made.id)
    bill, said = await ours(made), {"basis": "减免决定", "proof": "测0001", "idempotency_key": new_key()}
    assert bill.state is BillState.CREATED
    async with nothing_moves():
        with pytest.raises(NothingToPay):
            await collect_at_window(cashier, bill.id, "cash", amount_fen=DEPOSIT_FEN, idempotency_key=new_key())
        with pytest.raises(NothingToPay):
            await guest.opens(made)
        with pytest.raises(NothingToPay):
            await exempt(cashier, bill.id, 0, DEPOSIT_FEN, **said)
    await portal.run_jobs()
    assert (await ours(made)).state is BillState.CANCELLED


async def test_no_order_is_closed_for_another_one_that_is_refused(portal: Portal) -> None:
    """From a second account in the same app: the first order may still be paid there, and goes back."""
    guest, second = await make_guest(portal), await portal.control.make_phone()
    made = await guest.books(await a_slot())
    opened = await guest.opens(made)
    await booking.cancel(guest.actor, made.id)
    await ChannelBinding.filter(resident_id=guest.actor.id).update(open_id=second.openid)
    async with nothing_moves():
        with pytest.raises(NothingToPay):
            await guest.opens(made)
    assert (await portal.control.order(opened.attempt.order_no)).trade_state == "NOTPAY"


async def test_a_deposit_is_nobody_else_s_to_pay(portal: Portal) -> None:
    guest, other = await make_guest(portal), await make_guest(portal)
    made = await guest.books(await a_slot())
    stranger = await caller_of(portal, other.actor)
    async with nothing_moves():
        told = await stranger.do("Pay", billId=str((await ours(made)).id), idempotencyKey=new_key())
    assert told["code"] == "NOT_FOUND"
