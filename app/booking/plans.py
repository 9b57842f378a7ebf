"""Without this module every attempt of a rush would read the same slot, item and rules again.

What hardly ever changes is remembered for two seconds: where and when a slot is, what the items are. Nothing here
says no: an attempt that does not fit takes the plain path, which reads everything anew and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from app.booking.models import Slot
from app.booking.planning import run_from
from app.booking.policies import policy_of
from app.booking.remembered import Remembered
from app.booking.rules import Layer
from app.booking.visits import Visit, VisitItem, check_items
from app.catalogue.models import ServiceItem
from app.catalogue.queries import items_in_force
from app.kernel.actor import Actor
from app.kernel.errors import Refusal
from app.representation.rules import check_may_apply

_TRUSTED_SECONDS = 2.0


@dataclass(frozen=True)
class _Frame:
    """What a visit for some items in a slot is, whoever makes it."""

    slot: Slot
    items: tuple[ServiceItem, ...]


_frames: Remembered[tuple[UUID, tuple[str, ...]], _Frame | None] = Remembered(_TRUSTED_SECONDS)
_runs: Remembered[tuple[UUID, int], list[Slot] | None] = Remembered(_TRUSTED_SECONDS)


async def quick_plan(actor: Actor, slot_id: UUID, items: Sequence[VisitItem], party: int) -> Visit | None:
    """The same visit as `plan` makes; None where that would refuse, and for visits to people's homes."""
    keys = tuple(item.item_key for item in items)
    frame = await _frames.get((slot_id, keys), partial(_read_frame, slot_id, keys))
    if frame is None:
        return None
    slot = frame.slot
    policy = await policy_of(slot.service_point_id, slot.category)
    try:
        check_items(items, party, policy)
        for item in frame.items:
            check_may_apply(actor.principal, item.key, item.name_zh, proxy_allowed=item.proxy_allowed)
    except Refusal:
        return None
    needed = policy.slots_needed(keys)
    run = [slot] if needed == 1 else await _runs.get((slot_id, needed), partial(run_from, slot, needed))
    if run is None:
        return None
    return Visit(
        service_point=slot.service_point_id,
        category=slot.category,
        run=tuple(found.id for found in run),
        day=slot.day,
        starts_at=slot.starts_at,
        until=run[-1].ends_at,
        items=tuple(items),
        party=party,
        policy=policy,
    )


async def _read_frame(slot_id: UUID, keys: Sequence[str]) -> _Frame | None:
    slot = await Slot.get_or_none(id=slot_id)
    if slot is None or slot.layer is Layer.HOME_VISIT:
        return None
    items = [item for item in await items_in_force(keys) if item is not None and _is_served(item, slot)]
    return _Frame(slot, tuple(items)) if len(items) == len(keys) else None


def _is_served(item: ServiceItem, slot: Slot) -> bool:
    return item.bookable and item.queue_category == slot.category
