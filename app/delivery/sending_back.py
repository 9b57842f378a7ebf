"""Without this module originals that came by post would stay at the hall when nobody needs them any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

import orjson
from tortoise.exceptions import IntegrityError

from app.cases.models import Case
from app.catalogue.queries import service_point_for
from app.delivery.commands import note_each, typed_in
from app.delivery.contents import locked_cases
from app.delivery.ends import hall_address
from app.delivery.errors import CourierNotOffered, MaterialsGoneBack, NoMaterialsHere, TrackingNumberUsed
from app.delivery.models import Parcel
from app.delivery.order_rules import PAYERS
from app.delivery.ordering import Courier, make_order
from app.delivery.ports import ParcelState
from app.delivery.queries import every_parcel_of_cases, parcel_by_id
from app.delivery.rules import check_tracking_number
from app.delivery.words import Direction
from app.identity.rules import Role
from app.kernel import db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.inbox.requests import claim
from app.kernel.privacy import seal, unseal
from app.profiles.rules import Address


async def return_materials(
    actor: Actor, case_id: UUID, courier: Courier, tracking_number: str = "", *, idempotency_key: str
) -> Parcel:
    """Send the materials of a case back to where they came from: by a courier who is ordered, or under a number typed
    in.

    Whether they are still needed is for the desk to know: a denied or withdrawn case, papers nobody asked for. The
    same key and body: the same parcel. Raises `NotAllowed`, `NotFound`, `NoMaterialsHere`, `MaterialsGoneBack`,
    `CourierNotOffered`, `PickupWindowInvalid`, `CarrierUnknown`, `TrackingNumberInvalid`, `CheckDigitWrong`,
    `TrackingNumberUsed` or `IdempotencyKeyReused`.
    """
    staff_id = actor.staff_id(Role.ISSUER)
    number = check_tracking_number(tracking_number) if tracking_number else ""
    point = await service_point_for(actor, courier.hall)
    try:
        async with db.transaction():
            wanted = {"case": case_id, "courier": courier, "number": number}
            request = await claim(staff_id, idempotency_key, "return_materials", **wanted)
            if request.earlier is not None:
                return await parcel_by_id(request.earlier)
            cases = await locked_cases([case_id], actor)
            [parcels] = await every_parcel_of_cases([case_id])
            receiver, sender = _opened(_came_from(parcels)), hall_address(point)
            if number:
                parcel = await _typed_in(cases, courier, number, sender, receiver)
            else:
                parcel = await make_order(cases, courier, Direction.MATERIAL_RETURN, sender, receiver)
            await note_each(actor, "parcel.materials_returned", parcel, cases)
            await request.answered_with(parcel.id)
    except IntegrityError:
        raise TrackingNumberUsed(field="trackingNumber") from None
    return parcel


def _came_from(parcels: Sequence[Parcel]) -> str:
    """Who sent what lies at the hall, sealed; newest parcels first in.

    Raises `NoMaterialsHere` or `MaterialsGoneBack`.
    """
    for parcel in parcels:
        is_away = parcel.state is not ParcelState.CANCELLED and parcel.received_at is None
        if parcel.direction is Direction.MATERIAL_RETURN and is_away:  # what came back to the hall is sent again
            raise MaterialsGoneBack
        if parcel.direction is Direction.MATERIAL_TO_HALL and parcel.received_at is not None:
            assert parcel.sender_sealed is not None
            return parcel.sender_sealed
    raise NoMaterialsHere(field="caseId")


def _opened(sealed: str) -> Address:
    """Raises `NotFound` where the account was closed since, and the address with it."""
    content = orjson.loads(unseal(sealed))
    if not content:
        raise NotFound(what_zh="申请人的地址", what_en="address of the applicant")
    return Address(**content)


async def _typed_in(cases: Sequence[Case], courier: Courier, number: str, sender: Address, receiver: Address) -> Parcel:
    if courier.payer not in PAYERS[Direction.MATERIAL_RETURN]:
        raise CourierNotOffered(field="payer")
    return await typed_in(
        courier.carrier,
        number,
        receiver,
        cases,
        direction=Direction.MATERIAL_RETURN,
        payer=courier.payer,
        sender_sealed=seal(orjson.dumps(asdict(sender)).decode()),
        from_division=sender.division_code,
    )
