"""Without this module the crowd, the memory of what is sold out and one's turn would not come together.

The fast way to book. What does not fit it is answered `ALONE` and takes the plain way, which is also where every
reason to refuse is told in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from app.booking.alternatives import refuse
from app.booking.crowd import ALONE, Alone, Crowds
from app.booking.models import Booking
from app.booking.places import Lack
from app.booking.plans import quick_plan
from app.booking.queries import booking_of
from app.booking.room.room import check_turn
from app.booking.sold_out import Ask, sold_out
from app.booking.together import Answer, Attempt, Repeat, book_together
from app.booking.visits import Visit, VisitItem
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import Refusal
from app.kernel.inbox.requests import Wanted, earlier_answers
from app.kernel.logging import current_request_id

_bookings: Crowds[Attempt, Answer] = Crowds(book_together)
_repeats: Crowds[Wanted, UUID | Refusal | None] = Crowds(earlier_answers)


async def book_in_company(
    actor: Actor, slot_id: UUID, items: Sequence[VisitItem], party: int, turn: str | None, wanted: Wanted
) -> Booking | Alone:
    """Book together with everybody who asks at this moment; `ALONE` when that is not possible.

    Raises what `commands.book` raises.
    """
    ask = Ask(slot_id, tuple(item.item_key for item in items), party)
    visit = await quick_plan(actor, slot_id, items, party)
    if visit is None:
        return ALONE
    try:
        await check_turn(actor, visit, turn)
        if sold_out.refuses(ask):
            raise await _words(visit, Lack.FULL, ask)
    except Refusal as refusal:
        return await _done_before(actor, wanted, refusal)
    attempt = Attempt(actor, visit, wanted, clock.now(), current_request_id())
    answer = await _bookings.here().ask(wanted.owner, attempt)
    if isinstance(answer, Lack):
        raise await _words(visit, answer, ask)
    if isinstance(answer, Refusal):
        raise answer
    return await booking_of(answer.booking_id, actor) if isinstance(answer, Repeat) else answer


async def _done_before(actor: Actor, wanted: Wanted, refusal: Refusal) -> Booking:
    """What came out when it was asked for under the same key; otherwise raises the refusal."""
    earlier = await _repeats.here().ask(object(), wanted)
    if isinstance(earlier, UUID):
        return await booking_of(earlier, actor)
    raise earlier if isinstance(earlier, Refusal) else refusal


async def _words(visit: Visit, lack: Lack, ask: Ask) -> Refusal:
    return await sold_out.told(ask, lack.value, partial(_why, visit))


async def _why(visit: Visit) -> Refusal:
    try:
        await refuse(visit)
    except Refusal as refusal:
        return refusal
