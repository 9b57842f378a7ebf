"""What an agent can reach: the named items of the principal, by every way through the schema, and nothing personal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.booking.commands import book
from app.booking.models import Booking
from app.cases.models import Case
from app.identity.models import ChannelBinding, Resident
from app.identity.rules import Level, Role
from app.kernel import clock, db
from app.kernel.audit import AuditLine
from app.payments.issuing import issue_bill
from tests.booking.places import make_slot, visit
from tests.cases.filing import approved_case, file_case
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import nothing_moves
from tests.payments.stage import make_case
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import told_by_phone
from tests.representation.stage import (
    CARD,
    PASSPORT,
    PERMIT,
    Someone,
    make_firm,
    make_pair,
    make_someone,
)

UNKNOWN = "NOT_FOUND"


def codes(*answers: dict[str, Any]) -> list[str]:
    return [answer["code"] for answer in answers]


async def test_an_agent_sees_the_named_items_and_nothing_else(portal: Portal) -> None:
    """Cases and bookings of another item are as if they were not, in lists and one by one."""
    principal, agent = await make_pair(portal, CARD)
    named, other = await file_case(principal.actor, CARD), await file_case(principal.actor, PERMIT)
    slot = await make_slot(5)
    kept = await book(principal.actor, slot.id, visit(CARD, named.id), idempotency_key=new_key())
    hidden = await book(principal.actor, slot.id, visit(PERMIT, other.id), idempotency_key=new_key())

    async with agent.switched_to(principal) as phone:
        affairs = (await phone.ask("AffairsOfPrincipal"))["data"]["myCases"]["edges"]
        bookings = (await phone.do("MyBookings"))["edges"]
        mine, theirs = await phone.do("CaseDetail", id=str(named.id)), await phone.do("CaseDetail", id=str(other.id))
        async with nothing_moves():
            refused = [
                await phone.do("WithdrawCase", id=str(other.id)),
                await phone.do("CancelBooking", id=str(hidden.id)),
                await phone.do("CheckIn", bookingId=str(hidden.id)),
            ]

    assert [edge["node"]["id"] for edge in affairs] == [str(named.id)]
    assert affairs[0]["node"]["booking"]["id"] == str(kept.id)
    assert [edge["node"]["id"] for edge in bookings] == [str(kept.id)]
    assert (mine["__typename"], theirs["code"]) == ("Case", UNKNOWN)
    assert codes(*refused) == [UNKNOWN] * 3
    await other.refresh_from_db()
    assert (await Booking.get(id=hidden.id)).state == "BOOKED"


async def test_an_agent_does_nothing_about_another_item(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    slot = await make_slot(5)
    named = await file_case(principal.actor, CARD)
    other = await file_case(principal.actor, PERMIT)

    async with agent.switched_to(principal) as phone, nothing_moves():
        refused = [
            await phone.do("Apply", itemKey="id-card-renew", idempotencyKey=new_key()),
            await phone.do("Book", slotId=str(slot.id), items=[{"itemKey": PERMIT}], idempotencyKey=new_key()),
            await phone.do(
                "Book",
                slotId=str(slot.id),
                items=[{"itemKey": CARD, "caseId": str(other.id)}],
                idempotencyKey=new_key(),
            ),
        ]
    assert codes(*refused) == ["OUTSIDE_MANDATE", "OUTSIDE_MANDATE", UNKNOWN]
    assert refused[0]["message"] == "您的代办授权不包含这个事项,请联系委托人补充授权"

    async with agent.switched_to(principal) as phone:
        booked = await phone.do(
            "Book", slotId=str(slot.id), items=[{"itemKey": CARD, "caseId": str(named.id)}], idempotencyKey=new_key()
        )
        cancelled = await phone.do("CancelBooking", id=booked["id"])
    assert (booked["__typename"], cancelled["state"]) == ("Booking", "CANCELLED")
    assert (await Booking.get(id=booked["id"])).resident_id == principal.actor.id


async def test_a_proxy_for_everything_neither_does_nor_sees_what_one_has_to_do_in_person(portal: Portal) -> None:
    """A mandate for all items is one for all that allow it; a guardian and a company's people are no proxies."""
    principal, agent = await make_pair(portal)
    passport = await file_case(principal.actor, PASSPORT)
    firm = await make_firm(portal, agent)

    async with agent.switched_to(principal) as phone:
        async with nothing_moves():
            refused = [
                await phone.do("Apply", itemKey=PASSPORT, idempotencyKey=new_key()),
                await phone.do("CaseDetail", id=str(passport.id)),
                await phone.do("WithdrawCase", id=str(passport.id)),
            ]
        allowed = await phone.do("Apply", itemKey=CARD, idempotencyKey=new_key())
    async with agent.switched_to(firm.account) as phone:
        for_firm = await phone.do("Apply", itemKey="notary", idempotencyKey=new_key())

    assert codes(*refused) == ["PROXY_NOT_ALLOWED", UNKNOWN, UNKNOWN]
    assert refused[0]["message"].endswith("须由本人办理,不能代办")
    assert allowed["__typename"] == for_firm["__typename"] == "Case"
    assert (await Case.get(id=for_firm["id"])).resident_id != agent.actor.id


async def test_an_agent_pays_the_bills_of_named_items_with_their_own_wallet(portal: Portal) -> None:
    principal, agent = await make_pair(portal, PERMIT)
    payer = await portal.control.make_phone()
    known = await ChannelBinding.filter(channel="wechat").first()
    app_id = known.app_id if known else "wx0000000000000000"
    await ChannelBinding.create(
        resident_id=agent.actor.id, channel="wechat", app_id=app_id, open_id=payer.openid, bound_at=clock.now()
    )
    bill = await issue_bill((await make_case(principal.actor, CARD)).id)
    assert bill is not None

    async with agent.switched_to(principal) as phone, nothing_moves():
        outside = [
            await phone.do("BillDetail", id=str(bill.id)),
            await phone.do("Pay", billId=str(bill.id), idempotencyKey=new_key()),
            await phone.do("ConfirmPayment", billId=str(bill.id)),
        ]
    await principal.grants(agent, CARD)
    async with agent.switched_to(principal) as phone:
        paid = await phone.do("Pay", billId=str(bill.id), idempotencyKey=new_key())

    assert codes(*outside) == [UNKNOWN] * 3
    assert paid["__typename"] == "Payable", paid
    assert (await portal.control.order(paid["orderNo"])).openid == payer.openid
    [line] = await AuditLine.filter(act="payment.prepared", person=principal.actor.id)
    assert line.actor == f"resident:{agent.id}"


PERSONAL: list[tuple[str, dict[str, Any]]] = [
    ("Me", {}),
    ("MySessions", {}),
    ("MyBindings", {}),
    ("MyConsents", {}),
    ("LookedAtMyData", {}),
    ("Principals", {}),
    ("MandatesGiven", {}),
    ("MandatesHeld", {}),
    ("MandateUses", {}),
    ("MyRepresentationClaims", {}),
    ("SetPhone", {"code": "000000"}),
    ("BeginProof", {"name": "测试居民", "idNumber": "110101194912270002"}),
    ("FinishProof", {"id": "00000000-0000-7000-8000-000000000000"}),
    ("RevokeSession", {"id": "00000000-0000-7000-8000-000000000000"}),
    ("RevokeAllSessions", {}),
    ("RevokeOtherSessions", {}),
    ("WithdrawConsent", {"purpose": "FACE_CHECK"}),
    ("ExportMyData", {}),
    ("CloseMyAccount", {"dryRun": False}),
    ("GrantMandate", {"agent": {"name": "测试居民", "idNumber": "110101194912270002"}, "items": [CARD]}),
    ("RevokeMandate", {"id": "00000000-0000-7000-8000-000000000000"}),
    ("ResignMandate", {"id": "00000000-0000-7000-8000-000000000000"}),
    ("ClaimGuardianship", {"child": {"name": "测试居民", "idNumber": "110101194912270002"}}),
    ("ClaimLegalPerson", {"creditCode": "91110000600037341L", "name": "测试公司"}),
    ("WithdrawRepresentationClaim", {"id": "00000000-0000-7000-8000-000000000000"}),
]


def code_of(answer: dict[str, Any]) -> str:
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    [value] = answer["data"].values()
    return str(value.get("code", value)) if isinstance(value, dict) else str(value)


@pytest.mark.parametrize(("document", "variables"), PERSONAL, ids=[name for name, _ in PERSONAL])
async def test_what_is_personal_nobody_does_for_another(
    portal: Portal, document: str, variables: dict[str, Any]
) -> None:
    principal, agent = await make_pair(portal)
    async with agent.switched_to(principal) as phone, nothing_moves():
        assert code_of(await phone.ask(document, **variables)) == "ACTING_FOR_ANOTHER"


@pytest.mark.parametrize(
    "header", ["somebody", "0", "'; DROP TABLE mandate; --", "00000000-0000-7000-8000-000000000000"]
)
async def test_for_whom_one_holds_no_mandate_one_is_nobody(portal: Portal, header: str) -> None:
    """Alike for nobody, for an account without a mandate and for text that is no account; one's own matters too."""
    someone, stranger = await make_someone(portal), await make_someone(portal)
    answers = []
    for whom in (header, stranger.id, someone.id):
        async with someone.switched_to(whom) as phone, nothing_moves():
            answers += [
                code_of(await phone.ask("MyBookings")),
                code_of(await phone.ask("Apply", itemKey=CARD, idempotencyKey=new_key())),
                code_of(await phone.ask("ActingFor")),
            ]
            assert "errors" not in await phone.ask("ServicePoints")
    assert answers == ["MANDATE_ENDED"] * 9


async def test_staff_act_for_nobody(portal: Portal) -> None:
    principal, _ = await make_pair(portal)
    clerk = await caller_of(portal, await make_staff(Role.APPROVER))
    clerk.acting_for = principal.id
    assert code_of(await clerk.ask("Desk", states=["SUBMITTED"])) == "MANDATE_ENDED"


@pytest.mark.parametrize("level", [Level.L1, Level.L2])
async def test_who_only_typed_in_a_name_and_number_acts_for_nobody(portal: Portal, level: Level) -> None:
    """Name and number are known to many; from L3 on it is known who holds the phone."""
    principal, agent = await make_pair(portal, CARD)
    await Resident.filter(id=agent.actor.id).update(level=level)

    async with agent.switched_to(principal) as phone, nothing_moves():
        assert code_of(await phone.ask("MyBookings")) == "MANDATE_ENDED"
    assert await agent.phone.do("Principals") == []
    assert (await agent.phone.do("MandatesHeld"))["edges"] == []
    await Resident.filter(id=agent.actor.id).update(level=Level.L3)
    assert len(await agent.phone.do("Principals")) == 1


async def test_the_agents_own_level_counts_for_the_item(portal: Portal) -> None:
    """Passing on a mandate does not pass on an assurance level."""
    head, agent = await make_someone(portal), await make_someone(portal)
    firm = await make_firm(portal, head)
    async with head.switched_to(firm.account):
        await head.grants(agent)
    await Resident.filter(id=agent.actor.id).update(level=Level.L3)
    need = next(iter(await db.rows("SELECT key FROM service_item WHERE min_level = 4 AND state = 'IN_FORCE' LIMIT 1")))
    async with agent.switched_to(firm.account) as phone, nothing_moves():
        refused = await phone.do("Apply", itemKey=need["key"], idempotencyKey=new_key())
    assert refused["code"] == "ASSURANCE_TOO_LOW"


async def end_account(someone: Someone, heir: Someone | None) -> None:
    await Resident.filter(id=someone.actor.id).update(
        **({"merged_into_id": heir.actor.id} if heir else {"closed_at": clock.now()})
    )


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("whose", ["principal", "agent"])
async def test_an_account_that_was_joined_or_closed_neither_acts_nor_is_acted_for(
    portal: Portal, whose: str, *, merged: bool
) -> None:
    principal, agent = await make_pair(portal, CARD)
    heir = await make_someone(portal) if merged else None
    acting = await agent.acting_for(principal)
    await end_account(principal if whose == "principal" else agent, heir)

    async with agent.switched_to(principal) as phone, nothing_moves():
        assert code_of(await phone.ask("MyBookings")) in {"MANDATE_ENDED", "SESSION_ENDED"}
        assert code_of(await phone.ask("Apply", itemKey=CARD, idempotencyKey=new_key())) in {
            "MANDATE_ENDED",
            "SESSION_ENDED",
        }
    if whose == "principal":
        async with nothing_moves():
            with pytest.raises(Exception, match="joined with another of yours or closed"):
                await file_case(acting, CARD)


async def test_two_agents_with_one_key_do_not_get_at_each_others_answers(portal: Portal) -> None:
    """Keys belong to the matter's owner: the same again is the same case, something else is refused.

    What another agent did about an item one's own mandate does not name stays unknown, also by its very key.
    """
    principal, first = await make_pair(portal, CARD, PERMIT)
    second, third = await make_someone(portal), await make_someone(portal)
    await principal.grants(second, CARD)
    await principal.grants(third, PERMIT)
    key = new_key()

    async with first.switched_to(principal) as phone:
        filed = await phone.do("Apply", itemKey=CARD, idempotencyKey=key)
    async with second.switched_to(principal) as phone:
        again = await phone.do("Apply", itemKey=CARD, idempotencyKey=key)
    async with third.switched_to(principal) as phone, nothing_moves():
        other = await phone.do("Apply", itemKey=PERMIT, idempotencyKey=key)
        theirs = await phone.do("Apply", itemKey=CARD, idempotencyKey=key)
    own = await second.phone.do("Apply", itemKey=CARD, idempotencyKey=key)

    assert again["id"] == filed["id"] != own["id"]
    assert (other["code"], theirs["code"]) == ("IDEMPOTENCY_KEY_REUSED", UNKNOWN)
    assert await Case.filter(resident_id=principal.actor.id).count() == 1


async def test_the_result_of_a_named_item_can_be_followed_and_the_address_stays_sealed(portal: Portal) -> None:
    principal, agent = await make_pair(portal, PERMIT)
    case = await approved_case(principal.actor, PERMIT, posted=True)
    async with agent.switched_to(principal) as phone:
        seen = await phone.do("CaseDetail", id=str(case.id))
        label = await phone.do("ShippingLabel", caseId=str(case.id))
    assert (seen["state"], label["code"]) == ("RESULT_READY", "NOT_ALLOWED")
    assert principal.name not in str(seen)


async def test_a_visit_booked_by_the_principal_is_checked_in_by_the_agent(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    slot = await make_slot(2, starts_at=clock.now() + timedelta(minutes=5))
    held = await book(principal.actor, slot.id, visit(CARD), idempotency_key=new_key())
    async with agent.switched_to(principal) as phone:
        ticket = await phone.do("CheckIn", bookingId=str(held.id), **await told_by_phone("city-hall"))
    assert ticket["__typename"] == "Ticket", ticket
    line = await AuditLine.get(act="queue.checked_in", subject=f"ticket:{ticket['id']}")
    assert (line.actor, line.person) == (f"resident:{agent.id}", principal.actor.id)
