"""Residents who write something where the portal lets them, inside a host app or outside of any."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.booking.models import CreditAppeal
from app.identity.models import ChannelBinding, Resident
from app.identity.rules import Level, Role
from app.kernel.actor import Actor, ActorKind, Scope
from app.payments.models import Refund
from app.texts.models import TextCheck
from tests.booking.faults import past_fault
from tests.booking.places import make_slot
from tests.identity.accounts import caller_of, make_staff
from tests.payments.refunds.stage import Paid, make_paid
from tests.people import AlipayPhone, Caller, Phone, new_key
from tests.portal import Portal

FINE, DOUBTED, BAD = "当天暴雨,公交停运", "加微信领补偿,测试疑语", "你们都是测试禁语"
"""What the sandbox passes, wants to be reviewed, and refuses."""

FROM_HALL = "bayin-hall"
"""Where these appeals wait for their managers, apart from those of other tests."""


@dataclass
class Writer:
    """Somebody with one thing to write, as often as they like; `reader` is the manager who decides about it."""

    caller: Caller
    reader: Caller
    operation: str
    argument: str
    variables: dict[str, Any]
    checks: Callable[[], Awaitable[list[TextCheck]]]
    read: Callable[[], Awaitable[tuple[str, str | None]]]
    """The text and its standing, as the reader has them."""

    openid: str = ""

    async def write(self, text: str, **otherwise: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.caller.do(
            self.operation, **{**self.variables, self.argument: text, **otherwise}
        )
        return answer

    async def standing(self) -> list[tuple[str, str, str]]:
        """Standing, concern and provider of every check of what was kept."""
        return [(one.standing, one.concern, one.provider) for one in await self.checks()]


async def actor_of(caller: Caller) -> Actor:
    """Whoever signed in, known well enough to book."""
    resident = UUID((await caller.ask("Me"))["data"]["me"]["id"])
    await Resident.filter(id=resident).update(level=Level.L4)
    return Actor(ActorKind.RESIDENT, resident)


async def appellant(portal: Portal, caller: Caller, openid: str = "") -> Writer:
    """Somebody who missed a visit yesterday."""
    missed = await past_fault(await actor_of(caller), await make_slot(1, hours_ahead=-20, place=FROM_HALL))
    reader = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))

    async def checks() -> list[TextCheck]:
        return [one.grounds_check for one in await _appeals() if one.grounds_check is not None]

    async def read() -> tuple[str, str | None]:
        [appeal] = await _appeals()
        seen = await reader.do("CreditAppealDetail", id=str(appeal.id))
        return seen["grounds"], seen["appeal"]["groundsStanding"]

    async def _appeals() -> list[CreditAppeal]:
        return await CreditAppeal.filter(booking_id=missed.id).prefetch_related("grounds_check")

    return Writer(caller, reader, "AppealFault", "grounds", {"bookingId": str(missed.id)}, checks, read, openid)


async def claimant(portal: Portal, paid: Paid, caller: Caller, openid: str = "") -> Writer:
    """Somebody who wants money of a paid bill back."""
    reader = await caller_of(portal, paid.second)

    async def checks() -> list[TextCheck]:
        refunds = await Refund.filter(bill_id=paid.bill.id).order_by("id").prefetch_related("remark_check")
        return [one.remark_check for one in refunds if one.remark_check is not None]

    async def read() -> tuple[str, str | None]:
        [refund] = (await reader.do("BillRefunds", billId=str(paid.bill.id)))["refunds"]
        return refund["remark"], refund["remarkStanding"]

    wanted = {
        "billId": str(paid.bill.id),
        "reason": "CHARGED_WRONGLY",
        "amountFen": 4000,
        "believedRefundableFen": 60000,
        "idempotencyKey": new_key(),
    }
    return Writer(caller, reader, "RequestRefund", "remark", wanted, checks, read, openid)


async def in_wechat(portal: Portal, what: str) -> Writer:
    """Opened in WeChat a moment ago, about an `appeal` or a `refund`."""
    if what == "appeal":
        phone = await portal.phone(proven=False)
        return await appellant(portal, phone, phone.person.openid)
    paid = await make_paid(portal, 60000)
    phone = await phone_of(portal, paid.payer)
    return await claimant(portal, paid, phone, phone.person.openid)


async def outside(portal: Portal, what: str) -> Writer:
    """In a session that no host app opened."""
    if what == "appeal":
        phone = await portal.phone(proven=False)
        return await appellant(portal, await caller_of(portal, await actor_of(phone)))
    paid = await make_paid(portal, 60000)
    return await claimant(portal, paid, await caller_of(portal, paid.payer))


async def in_alipay(portal: Portal) -> Writer:
    phone = await AlipayPhone.of(await portal.phone(signed_in=False))
    portal.people.append(phone)
    await phone.sign_in()
    return await appellant(portal, phone)


async def phone_of(portal: Portal, actor: Actor) -> Phone:
    """The WeChat of a resident, opened now."""
    binding = await ChannelBinding.get(resident_id=actor.id, channel="wechat")
    phone = Phone(portal.url, portal.control, await portal.control.phone(binding.open_id))
    portal.people.append(phone)
    await phone.sign_in()
    return phone


async def reviewer(portal: Portal, division: str = "", unit: str | None = None) -> Caller:
    """A manager of a part of the city, or of a unit."""
    return await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER, scope=Scope(unit, division)))


async def waiting(manager: Caller) -> list[dict[str, Any]]:
    """Everything that waits for a manager's review, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = await manager.do("TextsToReview", first=50, after=after)
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
