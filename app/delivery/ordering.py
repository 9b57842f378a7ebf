"""Without this module nobody could call a courier: results from the hall, materials to it.

What is wanted is written down first, under a number of ours; the carrier is asked afterwards by a job (`couriers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import orjson

from app.cases.commands import record_sent
from app.cases.models import Case
from app.cases.rules import CaseState
from app.catalogue.queries import service_point_for
from app.delivery.commands import common_address, must_show_papers, note_each
from app.delivery.contents import fill, locked_cases, locked_with_cases
from app.delivery.ends import chosen_address, hall_address, hall_for
from app.delivery.errors import (
    CourierHasIt,
    MaterialsOnTheWay,
    NotBeingHandled,
    PickupWindowNeeded,
)
from app.delivery.events import CourierCancelAsked, CourierOrdered
from app.delivery.models import Parcel
from app.delivery.offers import agent_for
from app.delivery.order_rules import check_pickup, may_cancel
from app.delivery.ports import ParcelState, Payer
from app.delivery.queries import every_parcel_of_cases, parcel_by_id, parcel_for
from app.delivery.rules import END_STATES, Watch
from app.delivery.words import Direction, OrderState
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import InvalidInput
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.kernel.privacy import seal
from app.profiles.rules import Address
from app.representation.queries import locked_subject


@dataclass(frozen=True)
class Courier:
    """Which courier is wanted: the carrier, who pays, when to come, and the hall at one end of the way."""

    carrier: str
    payer: Payer
    hall: str
    pickup_from: datetime | None = None
    pickup_until: datetime | None = None
    weight_g: int | None = None


async def post_cases(actor: Actor, case_ids: Sequence[UUID], courier: Courier, *, idempotency_key: str) -> Parcel:
    """Order a courier for the results of one or several cases of a person. The same key and body: the same parcel.

    Raises `NotAllowed`, `NotFound`, `CourierNotOffered`, `PickupWindowInvalid`, `CasesNotTogether`, `TooManyCases`,
    `NotPosted`, `IllegalMove` or `IdempotencyKeyReused`.
    """
    staff_id = actor.staff_id(Role.ISSUER)
    point = await service_point_for(actor, courier.hall)
    async with db.transaction():
        request = await claim(staff_id, idempotency_key, "post_cases", cases=sorted(case_ids), courier=courier)
        if request.earlier is not None:
            return await parcel_by_id(request.earlier)
        cases = await locked_cases(case_ids, actor)
        address = common_address(cases)
        for case in cases:
            await record_sent(actor, case)
        parcel = await make_order(cases, courier, Direction.RESULT_TO_APPLICANT, hall_address(point), address)
        await note_each(actor, "parcel.ordered", parcel, cases)
        await request.answered_with(parcel.id)
    return parcel


async def order_courier(
    actor: Actor,
    case_id: UUID,
    courier: Courier,
    *,
    address: Address | None,
    address_id: UUID | None,
    idempotency_key: str,
) -> Parcel:
    """Have the materials of one's case fetched and brought to the hall. The same key and body: the same parcel.

    Raises `NotFound`, `CourierNotOffered`, `PickupWindowInvalid`, `AddressInvalid`, `HallCannotReceive`,
    `NotBeingHandled`, `MaterialsNotByPost`, `MaterialsOnTheWay` or `IdempotencyKeyReused`.
    """
    owner = actor.resident_id()
    async with db.transaction():
        wanted = {"case": case_id, "courier": courier, "address": address, "address_id": address_id}
        request = await claim(owner, idempotency_key, "order_courier", **wanted)
        if request.earlier is not None:
            return await parcel_for(actor, request.earlier)
        await locked_subject(actor)
        [case] = await locked_cases([case_id], actor)
        point = await hall_for(case, courier.hall)
        await _check_wanted(case)
        sender = await chosen_address(owner, address, address_id)
        parcel = await make_order([case], courier, Direction.MATERIAL_TO_HALL, sender, hall_address(point))
        await note_each(actor, "parcel.ordered", parcel, [case])
        await request.answered_with(parcel.id)
    return parcel


async def _check_wanted(case: Case) -> None:
    if case.state not in {CaseState.SUBMITTED, CaseState.ACCEPTED}:
        raise NotBeingHandled
    [parcels] = await every_parcel_of_cases([case.id])
    for parcel in parcels:
        if parcel.direction is Direction.MATERIAL_TO_HALL and parcel.state not in END_STATES:
            raise MaterialsOnTheWay


async def make_order(
    cases: Sequence[Case], courier: Courier, direction: Direction, sender: Address, receiver: Address
) -> Parcel:
    """A parcel for which a courier is wanted, in the caller's transaction.

    Raises `CourierNotOffered`, `InvalidInput`, `PickupWindowNeeded` or `PickupWindowInvalid`.
    """
    agent, orders = agent_for(courier.carrier, courier.payer, direction)
    if courier.pickup_from is None and courier.carrier in orders.by_appointment:
        raise PickupWindowNeeded(carrier=orders.carriers[courier.carrier], field="pickupFrom")
    check_pickup(courier.pickup_from, courier.pickup_until, clock.now())
    if courier.weight_g is not None and not 1 <= courier.weight_g <= 30_000:
        raise InvalidInput(field="weightG", reason_zh="重量应为1克至30公斤", reason_en="a parcel weighs 1 g to 30 kg")
    resident = sender if direction is Direction.MATERIAL_TO_HALL else receiver
    now, key = clock.now(), db.new_id()
    parcel = await Parcel.create(
        id=key,
        direction=direction,
        payer=courier.payer,
        carrier=courier.carrier,
        carrier_name=orders.carriers[courier.carrier],
        tracker="",
        watch=Watch.NO_NUMBER,
        sender_sealed=seal(orjson.dumps(asdict(sender)).decode()),
        receiver_sealed=seal(orjson.dumps(asdict(receiver)).decode()),
        phone_tail=resident.phone[-4:],
        from_division=sender.division_code,
        to_division=receiver.division_code,
        needs_identity=direction is Direction.RESULT_TO_APPLICANT and await must_show_papers(cases),
        weight_g=courier.weight_g,
        order_no=f"ZT{key.hex[:30]}",
        order_state=OrderState.ASKED,
        agent=agent,
        hall=courier.hall,
        pickup_from=courier.pickup_from,
        pickup_until=courier.pickup_until,
        state=ParcelState.CREATED,
        state_at=now,
        registered_at=now,
        heard_at=now,
    )
    await fill(parcel, cases)
    await publish(CourierOrdered(parcel.id))
    return parcel


async def cancel_courier(actor: Actor, parcel_id: UUID) -> Parcel:
    """Want no courier after all: one's own until it is picked up, the desk's too. Again is harmless.

    Raises `NotSignedIn`, `NotAllowed`, `NotFound` or `CourierHasIt`.
    """
    if actor.kind is ActorKind.STAFF:
        actor.staff_id(Role.ISSUER)
    seen = await parcel_for(actor, parcel_id)
    if actor.kind is not ActorKind.STAFF and seen.direction is not Direction.MATERIAL_TO_HALL:
        raise CourierHasIt
    async with db.transaction():
        if actor.kind is not ActorKind.STAFF:
            await locked_subject(actor)
        parcel, cases = await locked_with_cases(parcel_id)
        if parcel.order_state in {OrderState.CANCEL_ASKED, OrderState.CANCELLED}:
            return parcel
        if not may_cancel(parcel.order_state, parcel.state, parcel.handed_over_at):
            raise CourierHasIt
        parcel.order_state = OrderState.CANCEL_ASKED
        await parcel.save(update_fields=["order_state"])
        await publish(CourierCancelAsked(parcel.id))
        await note_each(actor, "parcel.cancel_asked", parcel, cases)
    return parcel
