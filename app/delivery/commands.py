"""Without this module no parcel would be registered, watched or believed.

A case is locked before its parcel. No transaction is open while a tracker is asked.
"""

from __future__ import annotations

from uuid import UUID

from tortoise.exceptions import IntegrityError

from app.cases.commands import record_delivered, record_returned, record_sent
from app.cases.models import Case
from app.cases.queries import address_of, locked_case
from app.cases.rules import CaseState
from app.delivery.errors import CarrierUnknown, NotPosted, TrackingNumberUsed
from app.delivery.events import ParcelMoved, ParcelRegistered
from app.delivery.models import Parcel, ParcelEvent
from app.delivery.ports import ParcelState, ParcelTracker, SubscriptionRefused, TrackingSnapshot
from app.delivery.queries import parcel_by_number, valid_history
from app.delivery.rules import (
    Reach,
    Standing,
    Watch,
    check_tracking_number,
    closes_case,
    ends_watch,
    event_key,
    is_outdated,
    standing_of,
)
from app.identity.rules import Role
from app.kernel import audit, clock, db, ports
from app.kernel.actor import Actor, provider_actor
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import publish
from app.kernel.logging import get_logger

_log = get_logger(__name__)


async def register_parcel(actor: Actor, case_id: UUID, carrier: str, tracking_number: str) -> Parcel:
    """Hand the result of a case to a carrier. Registering the same parcel again gives it back.

    Raises `NotAllowed`, `NotFound`, `CarrierUnknown`, `TrackingNumberInvalid`, `TrackingNumberUsed`,
    `NotPosted` or `IllegalMove`.
    """
    actor.staff_id(Role.ISSUER)
    number = check_tracking_number(tracking_number)
    tracker_code, tracker = _tracker_of(carrier)
    try:
        async with db.transaction():
            case = await locked_case(case_id, actor)
            earlier = await parcel_by_number(carrier, number)
            if earlier is not None:
                if earlier.case_id != case.id:
                    raise TrackingNumberUsed(field="trackingNumber")
                return earlier
            address = address_of(case)
            if address is None:
                raise NotPosted
            await record_sent(actor, case)
            now = clock.now()
            parcel = await Parcel.create(
                case_id=case.id,
                carrier=carrier,
                carrier_name=tracker.carriers[carrier],
                tracking_number=number,
                tracker=tracker_code,
                watch=Watch.ASKED,
                receiver_sealed=case.delivery_address_sealed,
                phone_tail=address.phone[-4:],
                state=ParcelState.CREATED,
                state_at=now,
                registered_at=now,
                heard_at=now,
            )
            await publish(ParcelRegistered(parcel.id))
            detail = {"carrier": carrier, "case": str(case.id)}
            await audit.record(
                actor, "parcel.registered", f"parcel:{parcel.id}", detail=detail, person=case.resident_id
            )
    except IntegrityError:
        raise TrackingNumberUsed(field="trackingNumber") from None
    return parcel


def _tracker_of(carrier: str) -> tuple[str, ParcelTracker]:
    trackers = ports.every(ParcelTracker)
    for code, tracker in trackers.items():
        if carrier in tracker.carriers:
            return code, tracker
    known = sorted({code for tracker in trackers.values() for code in tracker.carriers})
    raise CarrierUnknown(carrier=carrier, known=", ".join(known), field="carrier")


async def watch(parcel_id: UUID) -> None:
    """Ask the tracker to tell us of a parcel's moves; already asked is harmless.

    Raises `ProviderUnavailable`, so that the job tries again.
    """
    parcel = await Parcel.get(id=parcel_id)
    if parcel.watch is not Watch.ASKED:
        return
    tracker = ports.get(ParcelTracker, parcel.tracker)
    tail = parcel.phone_tail if tracker.needs_phone_tail(parcel.carrier) else None
    try:
        await tracker.subscribe(parcel.carrier, parcel.tracking_number, tail)
    except SubscriptionRefused as refused:
        _log.warning("parcel not watched", parcel=str(parcel.id), code=refused.code)
        await Parcel.filter(id=parcel_id, watch=Watch.ASKED).update(watch=Watch.REFUSED, watch_remark=refused.reason_zh)
    else:
        await Parcel.filter(id=parcel_id, watch=Watch.ASKED).update(watch=Watch.WATCHED)


async def look_after(parcel_id: UUID) -> None:
    """Ask where a parcel is that nobody told us of for a day. Raises `ProviderUnavailable`."""
    parcel = await Parcel.get(id=parcel_id)
    tracker = ports.get(ParcelTracker, parcel.tracker)
    tail = parcel.phone_tail if tracker.needs_phone_tail(parcel.carrier) else None
    try:
        snapshot = await tracker.query(parcel.carrier, parcel.tracking_number, tail)
    except SubscriptionRefused as refused:
        _log.warning("parcel not found", parcel=str(parcel.id), code=refused.code)
        snapshot = None
    await Parcel.filter(id=parcel_id).update(heard_at=clock.now())
    if snapshot is not None:
        await take_snapshot(snapshot)


async def take_snapshot(snapshot: TrackingSnapshot) -> Handled:
    """Take a tracker's full history of a parcel; again, late and out of order without harm."""
    known = await parcel_by_number(snapshot.carrier, snapshot.number)
    if known is None:
        return Handled(matched=False, remark="unknown parcel")
    async with db.transaction():
        case = await locked_case(known.case_id)
        parcel = await Parcel.select_for_update().get(id=known.id)
        known_before = Reach.of(await valid_history(parcel.id))
        outdated = is_outdated(Reach.of(snapshot.events), known_before, rewritten=snapshot.rewritten)
        await _keep_events(parcel, snapshot, void_missing=not outdated)
        standing = standing_of(await valid_history(parcel.id), parcel.registered_at)
        moved = standing.state is not parcel.state or standing.delivered_to is not parcel.delivered_to
        parcel.state, parcel.state_at, parcel.delivered_to = standing.state, standing.at, standing.delivered_to
        parcel.heard_at = clock.now()
        if ends_watch(standing):
            parcel.watch = Watch.ENDED
        await parcel.save()
        if moved:
            await publish(ParcelMoved(parcel.id, standing.state.value))
            await _tell_case(case, standing, snapshot.tracker)
    return Handled(remark=standing.state.value if moved else "nothing new")


async def _keep_events(parcel: Parcel, snapshot: TrackingSnapshot, *, void_missing: bool) -> None:
    keys = {event_key(event): event for event in snapshot.events}
    newest_first = list(keys)
    stored = {row.key: row for row in await ParcelEvent.filter(parcel_id=parcel.id)}
    now = clock.now()
    await ParcelEvent.bulk_create(
        [
            ParcelEvent(
                parcel_id=parcel.id,
                key=key,
                at=event.at,
                rank=len(newest_first) - place,
                text=event.text,
                place=event.place[:120],
                raw_code=event.raw_code[:30],
                state=event.state,
                delivered_to=event.delivered_to,
                received_at=now,
            )
            for place, (key, event) in enumerate(keys.items())
            if key not in stored
        ]
    )
    if void_missing:
        missing = [row.id for key, row in stored.items() if key not in keys and not row.voided]
        await ParcelEvent.filter(id__in=missing).update(voided=True)
    back = [row.id for key, row in stored.items() if key in keys and row.voided]
    await ParcelEvent.filter(id__in=back).update(voided=False)


async def _tell_case(case: Case, standing: Standing, tracker: str) -> None:
    if case.state is not CaseState.DELIVERING:
        return
    if closes_case(standing):
        await record_delivered(provider_actor(tracker), case)
    elif standing.state is ParcelState.RETURNED:
        await record_returned(provider_actor(tracker), case)
