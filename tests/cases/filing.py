"""Cases as far along as a test needs them, by the commands that really move them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from app.cases import commands
from app.cases.models import Case, CaseEvent
from app.cases.rules import DeliveryMethod
from app.identity.rules import Role
from app.kernel.actor import Actor
from app.profiles.rules import Address
from tests.identity.accounts import make_staff
from tests.people import new_key

CARD = "id-card-replace"
"""L3, one visit (business D), 4000 fen, 15 working days, can be posted."""

PERMIT = "residence-permit"
"""L3, one visit (business D), no fee, 10 working days, can be posted."""

ADDRESS = Address("测试收件人", "13000009876", "990102", "云澜市澄江区人民路1号(虚构)")


async def file_case(resident: Actor, item: str = CARD, *, posted: bool = False) -> Case:
    return await commands.apply(
        resident,
        item,
        delivery_method=DeliveryMethod.POST if posted else DeliveryMethod.COLLECT,
        address=ADDRESS if posted else None,
        idempotency_key=new_key(),
    )


async def accept_case(case: Case) -> Case:
    return await commands.accept(await make_staff(Role.WINDOW_ACCEPTOR), case.id)


async def approve_case(case: Case, fees: Mapping[str, int] | None = None) -> Case:
    return await commands.approve(await make_staff(Role.APPROVER), case.id, fees or {})


async def approved_case(resident: Actor, item: str = CARD, *, posted: bool = False) -> Case:
    """Filed, accepted and approved: `PAYMENT_PENDING` with a fee, `RESULT_READY` without."""
    return await approve_case(await accept_case(await file_case(resident, item, posted=posted)))


async def verbs_of(case_id: UUID) -> list[str]:
    """The history of a case."""
    return [event.verb for event in await CaseEvent.filter(case_id=case_id).order_by("at", "id")]
