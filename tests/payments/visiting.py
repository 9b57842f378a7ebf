"""What may become of the visit that a deposit is for: acts like those of `acts`."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from app.booking import commands
from app.booking.credit.appeals import excuse
from app.booking.models import Booking
from app.booking.outcomes import mark_missed, record_check_in, record_hall_cancelled, record_served
from app.booking.queries import locked_booking
from app.identity.rules import Role
from app.kernel import db
from app.payments.deposits import end_unpaid, see_to_deposit
from tests.identity.accounts import make_staff
from tests.payments.drawing import Draw, Work
from tests.payments.histories import Life


def visit_of(life: Life) -> Booking:
    assert life.seen.visit is not None
    return life.seen.visit


def hold_ends(life: Life, _draw: Draw) -> Work:
    life.now = max(life.now, life.seen.due_at + timedelta(seconds=1))
    return lambda: end_unpaid(life.bill_id)


def visit_is_given_up(life: Life, draw: Draw) -> Work:
    """In time, or in the last minute."""
    booking = visit_of(life)
    if draw(st.booleans()):
        life.now = max(life.now, booking.slot.starts_at - timedelta(minutes=1))
    return lambda: commands.cancel(life.payer, booking.id)


def visit_is_kept(life: Life, _draw: Draw) -> Work:
    booking = visit_of(life)
    life.now = max(life.now, booking.slot.starts_at)

    async def keep() -> None:
        async with db.transaction():
            await record_check_in(await locked_booking(booking.id))
            await record_served(await locked_booking(booking.id))

    return keep


def visit_is_missed(life: Life, _draw: Draw) -> Work:
    booking = visit_of(life)
    life.now = max(life.now, booking.until + timedelta(hours=5))
    return lambda: mark_missed(booking.id)


def hall_calls_it_off(life: Life, _draw: Draw) -> Work:
    async def call_off() -> None:
        async with db.transaction():
            await record_hall_cancelled(await locked_booking(visit_of(life).id))

    return call_off


def visit_is_excused(life: Life, _draw: Draw) -> Work:
    async def excuse_it() -> None:
        await excuse(await make_staff(Role.DEPARTMENT_MANAGER), visit_of(life).id, "当天暴雨停运")

    return excuse_it


def deposit_is_seen_to(life: Life, _draw: Draw) -> Work:
    return lambda: see_to_deposit(visit_of(life).id)
