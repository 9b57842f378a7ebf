"""Without this module it would not be clear which places a visit needs before somebody tries to take them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn
from uuid import UUID

from app.booking.alternatives import nearest_free, refuse_full
from app.booking.errors import ItemNotBookable, ItemNotServedHere, NotEnoughInARow, SlotForOtherItems
from app.booking.models import Slot
from app.booking.policies import policy_of
from app.booking.policy import Policy
from app.booking.queries import slot_by_id
from app.booking.visits import Visit, VisitItem, check_items
from app.cases.models import Case
from app.cases.queries import case_of
from app.cases.rules import OPEN_STATES
from app.catalogue.models import ServiceItem
from app.catalogue.queries import items_in_force, service_points_by_key
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput, NotFound
from app.representation.rules import check_may_apply


async def plan(actor: Actor, slot_id: UUID, items: Sequence[VisitItem], party: int) -> Visit:
    """The visit that begins with a slot, nothing taken yet.

    Raises `NotFound`, `VisitInvalid`, `PartyTooLarge`, `ItemNotBookable`, `ProxyNotAllowed`, `OutsideMandate`,
    `InvalidInput` (the case), and naming what is free: `ItemNotServedHere`, `SlotForOtherItems`, `NotEnoughInARow`.
    """
    slot = await slot_by_id(slot_id)
    policy = await policy_of(slot.service_point_id, slot.category)
    check_items(items, party, policy)
    for item in await wanted_items(actor, items):
        if item.queue_category != slot.category:
            await _refuse_other_business(slot, party, item)
    keys = [item.item_key for item in items]
    run = await run_from(slot, policy.slots_needed(keys))
    if run is None:
        await refuse_full(NotEnoughInARow, slot, party, slots=policy.slots_needed(keys))
    assert run is not None
    return visit_in(run, items, party, policy)


async def _refuse_other_business(slot: Slot, party: int, item: ServiceItem) -> NoReturn:
    """Say whether the hall does not serve the item at all or only not in this slot, and what is free for it."""
    free = await nearest_free(slot, party, clock.now(), category=item.queue_category)
    [hall] = await service_points_by_key([slot.service_point_id])
    if hall is None or item.queue_category not in hall.queue_categories:
        raise ItemNotServedHere(field="slotId", alternatives=free)
    raise SlotForOtherItems(field="slotId", alternatives=free, item_zh=item.name_zh, item_en=item.name_en)


def visit_in(run: Sequence[Slot], items: Sequence[VisitItem], party: int, policy: Policy) -> Visit:
    """The visit that takes places in all these slots, which follow one another."""
    first = run[0]
    return Visit(
        service_point=first.service_point_id,
        category=first.category,
        run=tuple(slot.id for slot in run),
        day=first.day,
        starts_at=first.starts_at,
        until=run[-1].ends_at,
        items=tuple(items),
        party=party,
        policy=policy,
        layer=first.layer,
    )


async def wanted_items(actor: Actor, wanted: Sequence[VisitItem]) -> list[ServiceItem]:
    """The items of a visit as they are in force, which the actor may book for. Raises like `plan`."""
    found = []
    for item, one in zip(await items_in_force([one.item_key for one in wanted]), wanted, strict=True):
        if item is None:
            raise NotFound(what_zh="这个事项", what_en="service item")
        if not item.bookable:
            raise ItemNotBookable(field="items")
        check_may_apply(actor.principal, item.key, item.name_zh, proxy_allowed=item.proxy_allowed)
        await _check_case(actor, one)
        found.append(item)
    return found


async def _check_case(actor: Actor, wanted: VisitItem) -> None:
    if wanted.case_id is None:
        return
    check_case(await case_of(wanted.case_id, actor), wanted)


def check_case(case: Case, wanted: VisitItem) -> None:
    """Raise `InvalidInput` for a case a visit cannot be for."""
    if case.item_key != wanted.item_key:
        raise InvalidInput(field="caseId", reason_zh="办件与所选事项不一致", reason_en="the case is about another item")
    if case.state not in OPEN_STATES:
        raise InvalidInput(field="caseId", reason_zh="该办件已经办结或撤回", reason_en="the case is closed")


async def run_from(first: Slot, slots: int) -> list[Slot] | None:
    """The slots of a visit, one beginning where the other ends; None when the hall does not stay open so long."""
    if slots == 1:
        return [first]
    found = (
        await Slot.filter(
            service_point_id=first.service_point_id,
            category=first.category,
            layer=first.layer,
            starts_at__gte=first.starts_at,
            day=first.day,
        )
        .order_by("starts_at")
        .limit(slots)
    )
    whole = all(one.ends_at == other.starts_at for one, other in pairwise(found))
    return found if len(found) == slots and whole else None
