"""Without this module no result would be handed to a carrier.

Cases are locked before their parcel. No transaction is open while a provider is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
from tortoise.exceptions import IntegrityError

from app.cases.commands import record_sent
from app.cases.models import Case
from app.cases.queries import address_of
from app.catalogue.queries import items_by_id
from app.delivery.contents import fill, locked_cases
from app.delivery.errors import CarrierUnknown, CasesNotTogether, NotPosted, TrackingNumberUsed
from app.delivery.events import ParcelRegistered
from app.delivery.models import Parcel
from app.delivery.ports import ParcelState, ParcelTracker
from app.delivery.queries import cases_of_parcels, parcel_by_number
from app.delivery.rules import Watch, check_tracking_number, needs_identity
from app.identity.rules import Role
from app.kernel import audit, clock, db, ports
from app.kernel.actor import Actor
from app.kernel.facts.publishing import publish
from app.kernel.privacy import seal
from app.profiles.rules import Address


async def register_parcel(
    actor: Actor, case_id: UUID, carrier: str, tracking_number: str, more_cases: Sequence[UUID] = ()
) -> Parcel:
    """Hand the results of a case, and of more cases of the same person, to a carrier under a number typed in.

    Registering the same parcel again gives it back. Raises `NotAllowed`, `NotFound`, `CarrierUnknown`,
    `TrackingNumberInvalid`, `CheckDigitWrong`, `TrackingNumberUsed`, `CasesNotTogether`, `TooManyCases`, `NotPosted`
    or `IllegalMove`.
    """
    actor.staff_id(Role.ISSUER)
    number = check_tracking_number(tracking_number)
    tracker_of(carrier)
    try:
        async with db.transaction():
            cases = await locked_cases([case_id, *more_cases], actor)
            earlier = await parcel_by_number(carrier, number)
            if earlier is not None:
                [inside] = await cases_of_parcels([earlier.id])
                if inside != [case.id for case in cases]:
                    raise TrackingNumberUsed(field="trackingNumber")
                return earlier
            address = common_address(cases)
            for case in cases:
                await record_sent(actor, case)
            shown = await must_show_papers(cases)
            parcel = await typed_in(carrier, number, address, cases, needs_identity=shown)
            await note_each(actor, "parcel.registered", parcel, cases)
    except IntegrityError:
        raise TrackingNumberUsed(field="trackingNumber") from None
    return parcel


async def typed_in(carrier: str, number: str, receiver: Address, cases: Sequence[Case], **more: Any) -> Parcel:
    """A parcel for an applicant under a number from a label, to be watched from now on; in the caller's transaction.

    Raises `CarrierUnknown`.
    """
    code, tracker = tracker_of(carrier)
    now = clock.now()
    parcel = await Parcel.create(
        carrier=carrier,
        carrier_name=tracker.carriers[carrier],
        tracking_number=number,
        tracker=code,
        watch=Watch.ASKED,
        receiver_sealed=seal(orjson.dumps(asdict(receiver)).decode()),
        phone_tail=receiver.phone[-4:],
        to_division=receiver.division_code,
        state=ParcelState.CREATED,
        state_at=now,
        registered_at=now,
        heard_at=now,
        **more,
    )
    await fill(parcel, cases)
    await publish(ParcelRegistered(parcel.id))
    return parcel


async def must_show_papers(cases: Sequence[Case]) -> bool:
    """Whether a result of these cases is only given to who shows the papers of its addressee."""
    items = await items_by_id([case.item_id for case in cases])
    return any(needs_identity(item.guide) for item in items if item is not None)


async def note_each(actor: Actor, act: str, parcel: Parcel, cases: Sequence[Case]) -> None:
    """An audit line for each case: whose matter it was."""
    for case in cases:
        detail = {"carrier": parcel.carrier, "case": str(case.id)}
        await audit.record(actor, act, f"parcel:{parcel.id}", detail=detail, person=case.resident_id)


def common_address(cases: Sequence[Case]) -> Address:
    """Where all of them are posted to. Raises `NotPosted` or `CasesNotTogether`."""
    addresses = [address_of(case) for case in cases]
    known = [address for address in addresses if address is not None]
    if len(known) < len(cases):
        raise NotPosted
    if len(set(known)) > 1:
        raise CasesNotTogether(field="caseIds")
    return known[0]


def tracker_of(carrier: str) -> tuple[str, ParcelTracker]:
    """Who follows a carrier's parcels: the carrier itself where we are connected to it. Raises `CarrierUnknown`."""
    trackers = ports.every(ParcelTracker)
    for code in sorted(trackers, key=lambda code: code != carrier):
        if carrier in trackers[code].carriers:
            return code, trackers[code]
    known = sorted({code for tracker in trackers.values() for code in tracker.carriers})
    raise CarrierUnknown(carrier=carrier, known=", ".join(known), field="carrier")
