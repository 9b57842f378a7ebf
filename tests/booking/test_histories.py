from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.booking import commands, outcomes
from app.booking.models import Booking, Slot
from app.booking.rules import BookingState
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.errors import Refusal
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.people import new_key
from tests.portal import Portal

ACTS = ("book", "cancel", "check in", "serve", "miss", "end the day")


@dataclass
class Counter:
    """Two slots of two places and four residents; whatever they try, the counters must stay true."""

    slots: list[Slot]
    residents: list[Actor]
    held: dict[int, Booking] = field(default_factory=dict)

    async def play(self, act: str, who: int, which: int) -> None:
        slot = self.slots[which]
        if act == "book":
            self.held[who] = await commands.book(self.residents[who], slot.id, visit(CARD), idempotency_key=new_key())
        elif who in self.held:
            await self._go_on(act, who)

    async def _go_on(self, act: str, who: int) -> None:
        held = await Booking.get(id=self.held[who].id).prefetch_related("slot")
        if act == "cancel":
            await commands.cancel(self.residents[who], held.id)
            return
        with clock.standing_at(held.slot.starts_at + timedelta(minutes=1)):
            if act == "miss":
                await outcomes.mark_missed(held.id)
                return
            async with db.transaction():
                step = {
                    "check in": outcomes.record_check_in,
                    "serve": outcomes.record_served,
                    "end the day": outcomes.record_hall_cancelled,
                }[act]
                await step(held)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(ACTS), st.integers(0, 3), st.integers(0, 1)),
        min_size=5,
        max_size=25,
    )
)
async def test_after_any_history_the_counters_are_true(portal: Portal, history: list[tuple[str, int, int]]) -> None:
    """`taken` equals the bookings that keep a place, and never leaves its bounds; refusals are part of life."""
    counter = Counter([await make_slot(2), await make_slot(2)], [await make_resident() for _ in range(4)])
    for act, who, which in history:
        try:
            await counter.play(act, who, which)
        except Refusal:
            continue
        for slot in counter.slots:
            taken, bookings = await places_taken(slot)
            assert taken == bookings <= slot.capacity
    states = {booking.state for booking in await Booking.filter(slot_id__in=[slot.id for slot in counter.slots])}
    assert states <= set(BookingState)
