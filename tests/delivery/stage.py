"""A parcel with the result of a case, without the walk through the whole hall."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.cases.models import Case
from app.cases.rules import CaseState, Decision, DeliveryMethod
from app.catalogue.queries import item_in_force
from app.delivery.commands import register_parcel
from app.delivery.models import Parcel
from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent, TrackingSnapshot
from app.delivery.tracking import take_snapshot
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.privacy import seal
from app.profiles.rules import Address
from tests.identity.accounts import make_resident, make_staff

ADDRESS = Address("测试居民甲", "13000001234", "990102", "云澜市澄江区人民路1号(虚构)")


def new_number() -> str:
    """A tracking number of EMS's form that nobody has."""
    return f"11{db.new_id().int % 10**11:011d}"


async def make_case(
    actor: Actor,
    *,
    method: DeliveryMethod = DeliveryMethod.POST,
    item_key: str = "id-card-replace",
    address: Address = ADDRESS,
) -> Case:
    """A decided case whose result waits."""
    item = await item_in_force(item_key)
    posted = method is DeliveryMethod.POST
    return await Case.create(
        number=f"T{db.new_id().hex}",
        resident_id=actor.resident_id(),
        item_id=item.id,
        item_key=item.key,
        state=CaseState.RESULT_READY,
        decision=Decision.APPROVED,
        fees=[],
        delivery_method=method,
        delivery_address_sealed=seal(orjson.dumps(asdict(address)).decode()) if posted else None,
        submitted_at=clock.now(),
    )


@dataclass(frozen=True)
class Sent:
    """A registered parcel and everybody around it."""

    owner: Actor
    issuer: Actor
    case: Case
    parcel: Parcel

    @property
    def number(self) -> str:
        assert self.parcel.tracking_number is not None
        return self.parcel.tracking_number

    async def standing(self) -> dict[str, Any]:
        parcel, case = await Parcel.get(id=self.parcel.id), await Case.get(id=self.case.id)
        return {"parcel": parcel.state, "to": parcel.delivered_to, "case": case.state}

    async def is_at(self, state: ParcelState) -> bool:
        return (await Parcel.get(id=self.parcel.id)).state is state


async def send(carrier: str = "ems", item_key: str = "id-card-replace") -> Sent:
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    case = await make_case(owner, item_key=item_key)
    parcel = await register_parcel(issuer, case.id, carrier, new_number())
    return Sent(owner, issuer, case, parcel)


async def tell(sent: Sent, *states: ParcelState | TrackingEvent, partial: bool = False, tracker: str = "") -> None:
    """Its tracker tells how a parcel went: a row a minute up to now, unless it is written out."""
    begun = clock.now() - timedelta(minutes=len(states))
    rows = [
        state if isinstance(state, TrackingEvent) else scanned(state, begun + timedelta(minutes=place))
        for place, state in enumerate(states, start=1)
    ]
    newest_first = tuple(sorted(rows, key=lambda row: row.at, reverse=True))
    parcel = sent.parcel
    await take_snapshot(
        TrackingSnapshot(tracker or parcel.tracker, parcel.carrier, sent.number, newest_first, partial=partial)
    )


def scanned(state: ParcelState, at: datetime, to: DeliveredTo | None = None) -> TrackingEvent:
    """A row of a history; who signs is the addressee unless it is said."""
    receiver = to or (DeliveredTo.ADDRESSEE if state is ParcelState.DELIVERED else None)
    return TrackingEvent(at, state.value, "", state.value, state, receiver)
