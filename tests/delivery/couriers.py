"""Couriers that are really ordered at the sandbox's order desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.catalogue.queries import item_in_force
from app.delivery.models import Parcel
from app.delivery.ordering import Courier, order_courier, post_cases
from app.delivery.ports import Payer
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from tests.delivery.stage import ADDRESS, Sent, make_case
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key
from tests.portal import Portal

HALL = "city-hall"
MATERIALS_ITEM = "retirement"
COURIER = Courier("zhongtong", Payer.CITY, HALL)


async def wished(carrier: str = "zhongtong", cases: int = 1) -> Sent:
    """A courier is wanted for the results of some cases of one resident, and nobody was asked yet."""
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    filed = [await make_case(owner, item_key=key) for key in ("id-card-replace", "id-card-renew")[:cases]]
    parcel = await post_cases(
        issuer, [case.id for case in filed], Courier(carrier, Payer.CITY, HALL, *window()), idempotency_key=new_key()
    )
    return Sent(owner, issuer, filed[0], parcel)


async def ordered(portal: Portal, carrier: str = "zhongtong", cases: int = 1) -> Sent:
    """And placed."""
    sent = await wished(carrier, cases)
    await portal.run_jobs()
    return replace(sent, parcel=await Parcel.get(id=sent.parcel.id))


def window() -> tuple[Any, Any]:
    """Tomorrow from ten to noon."""
    morning = clock.local(clock.now()).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return morning, morning + timedelta(hours=2)


async def make_open_case(owner: Actor) -> Case:
    """A case whose materials may be sent to the hall."""
    item = await item_in_force(MATERIALS_ITEM)
    return await Case.create(
        number=f"T{db.new_id().hex}", resident_id=owner.id, item_id=item.id, item_key=item.key,
        state=CaseState.ACCEPTED, fees=[], delivery_method=DeliveryMethod.COLLECT, submitted_at=clock.now(),
    )  # fmt: skip


async def fetched(portal: Portal, carrier: str = "zhongtong") -> Sent:
    """Materials of a case on their way to the hall: ordered by the applicant and placed."""
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    case = await make_open_case(owner)
    parcel = await order_courier(
        owner, case.id, Courier(carrier, Payer.CITY, HALL, *window()), address=ADDRESS, address_id=None,
        idempotency_key=new_key(),
    )  # fmt: skip
    await portal.run_jobs()
    return Sent(owner, issuer, case, await Parcel.get(id=parcel.id))


async def news(portal: Portal, sent: Sent, status: str, **more: Any) -> None:
    """The carrier's order desk tells of an order, and the worker works."""
    assert sent.parcel.order_no is not None
    replies = await portal.control.courier_step(sent.parcel.order_no, status, **more)
    assert {reply.status for reply in replies} <= {200}, replies
    await portal.run_jobs()
