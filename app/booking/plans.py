"""Without this module every attempt of a rush would read the same slot, item and rules again.

What hardly ever changes is remembered for two seconds: where and when a slot is, what the items are. Nothing here
says no: an attempt that does not fit takes the plain path, which reads everything anew and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from app.booking.crowd import Alone, Crowds
from app.booking.models import Slot
from app.booking.planning import run_from, visit_in
from app.booking.policies import policy_of
from app.booking.queries import slots_by_id
from app.booking.remembered import Remembered
from app.booking.rules import Layer
from app.booking.visits import Visit, VisitItem, check_items
from app.catalogue.models import ServiceItem
from app.catalogue.queries import items_in_force
from app.kernel.actor import Actor
from app.kernel.errors import Refusal
from app.representation.rules import check_may_apply

_TRUSTED_SECONDS = 2.0


_slots: Remembered[UUID, Slot | None] = Remembered(_TRUSTED_SECONDS)
_items: Remembered[str, ServiceItem | None] = Remembered(_TRUSTED_SECONDS)
_runs: Remembered[tuple[UUID, int], list[Slot] | None] = Remembered(_TRUSTED_SECONDS)
_slots_read: Crowds[UUID, Slot | None] = Crowds(slots_by_id)
_items_read: Crowds[str, ServiceItem | None] = Crowds(items_in_force)


async def quick_plan(actor: Actor, slot_id: UUID, items: Sequence[VisitItem], party: int) -> Visit | None:
    """The same visit as `plan` makes; None where that would refuse, for visits to people's homes and with a
    deposit.
    """
    slot = await _slots.get(slot_id, partial(_read_slot, slot_id))
    if slot is None or slot.layer is Layer.HOME_VISIT:
        return None
    policy = await policy_of(slot.service_point_id, slot.category)
    if policy.deposit_fen is not None:
        return None
    try:
        check_items(items, party, policy)
        for wanted in items:
            item = await _items.get(wanted.item_key, partial(_read_item, wanted.item_key))
            if item is None or not item.bookable or item.queue_category != slot.category:
                return None
            check_may_apply(actor.principal, item.key, item.name_zh, proxy_allowed=item.proxy_allowed)
    except Refusal:
        return None
    needed = policy.slots_needed([item.item_key for item in items])
    run = [slot] if needed == 1 else await _runs.get((slot_id, needed), partial(run_from, slot, needed))
    if run is None:
        return None
    return visit_in(run, items, party, policy)


async def _read_slot(slot_id: UUID) -> Slot | None:
    found = await _slots_read.here().ask(slot_id, slot_id)
    return None if isinstance(found, Alone) else found


async def _read_item(key: str) -> ServiceItem | None:
    found = await _items_read.here().ask(key, key)
    return None if isinstance(found, Alone) else found
