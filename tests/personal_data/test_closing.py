from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from app.booking.commands import book
from app.cases.commands import apply
from app.cases.models import Case
from app.cases.queries import address_of
from app.cases.rules import OPEN_STATES, CaseState, DeliveryMethod
from app.identity.closing import Closing, close_account, reasons_to_stay
from app.identity.errors import AccountEnded
from app.identity.models import ChannelBinding, IdentityProof, Resident, Session
from app.identity.personal_data import Holdings
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.audit import AuditLine
from app.kernel.privacy import seal, unseal
from app.payments.commands import pay
from app.payments.issuing import issue_bill
from app.payments.models import Bill, PaymentAttempt
from app.profiles.models import PostalAddress
from app.representation.models import Mandate
from app.representation.rules import Basis, MandateState
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD, approved_case, file_case
from tests.delivery.stage import send
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.payments.stage import make_payer
from tests.people import Caller, new_key
from tests.personal_data.everything import (
    NAME,
    make_account,
    make_company,
    make_mandate,
    make_user_of_everything,
)
from tests.personal_data.rights import proven_actor, stepped_up
from tests.portal import Portal
from tests.queueing.arrivals import check_in
from tests.queueing.hall import Hall


async def ask(caller: Caller, *, dry_run: bool | None = None) -> dict[str, Any]:
    variables = {} if dry_run is None else {"dryRun": dry_run}
    answer: dict[str, Any] = await caller.do("CloseMyAccount", **variables)
    return answer


async def standing(resident: Actor) -> list[str]:
    return [reason.code for reason in await reasons_to_stay(resident.own_id())]


# What would happen


async def test_a_rehearsal_tells_what_would_happen_and_changes_nothing(portal: Portal) -> None:
    used = await make_user_of_everything()
    caller = await caller_of(portal, used.actor)

    async with nothing_moves():
        answer = await ask(caller)

    assert (answer["closed"], answer["reasons"]) == (False, [])
    outcomes = {f"{one['domain']}.{one['kind']}": (one["fate"], one["count"]) for one in answer["outcomes"]}
    assert outcomes == {
        "representation.mandates": ("KEPT", 1),
        "representation.agencies": ("ANONYMISED", 1),
        "representation.claims": ("DELETED", 1),
        "profiles.addresses": ("DELETED", 1),
        "profiles.preferences": ("DELETED", 1),
        "queueing.tickets": ("KEPT", 1),
        "booking.bookings": ("KEPT", 1),
        "booking.home_addresses": ("DELETED", 1),
        "booking.waiting_entries": ("DELETED", 1),
        "booking.credit_appeals": ("DELETED", 1),
        "booking.credit_exemptions": ("DELETED", 1),
        "cases.cases": ("KEPT", 1),
        "cases.case_addresses": ("ANONYMISED", 1),
        "payments.bills": ("KEPT", 1),
        "delivery.parcels": ("ANONYMISED", 1),
        "messages.messages": ("DELETED", 1),
        "messages.subscriptions": ("DELETED", 1),
        "texts.checks": ("KEPT", 1),
        "identity.account": ("ANONYMISED", 1),
        "identity.bindings": ("DELETED", 1),
        "identity.proofs": ("DELETED", 1),
        "identity.requests": ("DELETED", 1),
        "identity.sessions": ("KEPT", 2),
        "identity.consents": ("KEPT", 1),
        "identity.audit": ("KEPT", 1),  # that the mandate given would end
    }
    assert all(bool(one["basisZh"]) is (one["fate"] == "KEPT") for one in answer["outcomes"])


async def test_closing_does_what_the_rehearsal_told(portal: Portal) -> None:
    used = await make_user_of_everything()
    caller = await stepped_up(portal, used.actor)
    told = await ask(caller)

    done = await ask(caller, dry_run=False)

    assert (done["closed"], done["outcomes"]) == (True, told["outcomes"])
    assert not await PostalAddress.exists(resident_id=used.id)
    case = await Case.get(resident_id=used.id)
    address = address_of(case)
    assert address is not None
    assert (address.receiver, address.detail) == ("已注销", "已清除")
    assert await Bill.filter(resident_id=used.id).count() == 1
    mandate = await Mandate.get(principal_id=used.id)
    assert (mandate.state, mandate.end_reason) == (MandateState.REVOKED, "委托人账号已注销")
    acts = [act for act, _ in await audit_of(f"resident:{used.id}")]
    assert acts == ["identity.account_closed"]
    line = await AuditLine.get(subject=f"resident:{used.id}")
    assert line.detail["profiles.addresses"] == 1
    assert NAME not in orjson.dumps(line.detail).decode()


async def test_every_session_ends_with_the_account(portal: Portal) -> None:
    account = await make_account()
    caller, elsewhere = await stepped_up(portal, account.actor), await caller_of(portal, account.actor)
    assert "errors" not in await elsewhere.ask("Me")

    assert (await ask(caller, dry_run=False))["closed"]

    for phone in (caller, elsewhere):
        answer = await phone.ask("Me")
        assert answer["errors"][0]["extensions"]["code"] == "SESSION_ENDED"
    ended = await Session.filter(resident_id=account.id)
    assert {row.revoked_because for row in ended} == {"ACCOUNT_CLOSED"}


async def test_the_same_phone_opens_a_fresh_empty_account(portal: Portal) -> None:
    """Also with the same identity number: nothing of the old account comes back."""
    phone = await portal.phone()
    before = (await phone.ask("Me"))["data"]["me"]
    closing = await ask(phone, dry_run=False)
    assert closing["__typename"] == "Closing", closing
    assert closing["closed"]

    await phone.sign_in()

    after = (await phone.ask("Me"))["data"]["me"]
    assert (after["id"] != before["id"], after["level"]["level"], after["maskedName"]) == (True, 1, None)
    assert (await phone.prove())["level"]["level"] == 4
    assert (await phone.ask("MyAffairs"))["data"]["myCases"]["edges"] == []


# What stands in the way


async def test_open_matters_are_reasons_in_words_and_nothing_is_forgotten(portal: Portal) -> None:
    resident = await make_resident()
    case = await file_case(resident)
    await book(resident, (await make_slot(1)).id, visit(CARD), idempotency_key=new_key())
    caller = await stepped_up(portal, resident)

    async with nothing_moves():
        answer = await ask(caller, dry_run=False)

    assert (answer["closed"], answer["outcomes"]) == (False, [])
    assert [reason["code"] for reason in answer["reasons"]] == ["LIVE_BOOKING", "OPEN_CASE"]
    assert answer["reasons"][1] == {
        "code": "OPEN_CASE",
        "text": f"办件{case.number}(居民身份证丢失补领(损坏换领))还没有办结,请等待办结,未作决定的也可以撤回",
        "subject": f"case:{case.id}",
    }
    assert (await Resident.get(id=resident.id)).closed_at is None


async def test_an_unpaid_bill_stands_in_the_way(portal: Portal) -> None:
    resident = await make_resident()
    case = await approved_case(resident)
    await issue_bill(case.id)
    assert await standing(resident) == ["OPEN_CASE", "UNPAID_BILL"]
    await Case.filter(id=case.id).update(state=CaseState.CLOSED)
    assert await standing(resident) == ["UNPAID_BILL"]


async def test_a_payment_under_way_stands_in_the_way(portal: Portal) -> None:
    payer = await make_payer(portal)
    await payer.open_order()
    assert await standing(payer.actor) == ["OPEN_CASE", "PAYMENT_UNDER_WAY"]


async def test_a_number_waiting_today_stands_in_the_way(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with hall.at(8, 50):
        await check_in(visitor.actor, visitor.booking.id)
        assert await standing(visitor.actor) == ["TICKET_WAITING", "LIVE_BOOKING"]


async def test_a_parcel_on_its_way_stands_in_the_way(portal: Portal) -> None:
    sent = await send()
    assert await standing(sent.owner) == ["OPEN_CASE", "PARCEL_ON_ITS_WAY"]


async def test_the_only_legal_representative_cannot_leave_a_company_without_anybody(portal: Portal) -> None:
    account, company = await make_account(), await make_company()
    mandate = await make_mandate(company.account_id, account.index, Basis.LEGAL_REPRESENTATIVE)
    answer = await ask(await stepped_up(portal, account.actor, "en"), dry_run=False)
    assert answer["reasons"] == [
        {
            "code": "ONLY_LEGAL_REPRESENTATIVE",
            "text": "You are the only legal representative of 云澜测试有限公司; "
            "please have a window register another first.",
            "subject": f"mandate:{mandate.id}",
        }
    ]


async def test_one_of_two_guardians_may_leave_and_the_last_may_not(portal: Portal) -> None:
    one, other, child = await make_account(), await make_account(), await make_account()
    for guardian in (one, other):
        await make_mandate(child.id, guardian.index, Basis.GUARDIAN)
    assert await standing(one.actor) == []

    closing = await close_account(await proven_actor(one.actor), dry_run=False)

    assert closing.closed
    assert await standing(other.actor) == ["ONLY_GUARDIAN"]
    given_up = await Mandate.get(principal_id=child.id, state=MandateState.RESIGNED)
    assert (given_up.end_reason, unseal(given_up.agent_name_sealed)) == ("代办人账号已注销", "已注销")


# Who may, and how often


async def test_closing_needs_a_fresh_proof_and_a_rehearsal_does_not(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    async with nothing_moves():
        assert (await ask(caller, dry_run=True))["__typename"] == "Closing"
        assert (await ask(caller, dry_run=False))["code"] == "STEP_UP_NEEDED"


async def test_an_agent_may_neither_close_nor_export_nor_look_for_another(portal: Portal) -> None:
    principal, agent = await make_account(), await make_account()
    await make_mandate(principal.id, agent.index, agent_name_sealed=seal(NAME))
    caller = await stepped_up(portal, agent.actor)
    caller.acting_for = str(principal.id)
    async with nothing_moves():
        assert (await ask(caller, dry_run=False))["code"] == "ACTING_FOR_ANOTHER"
        assert (await caller.do("ExportMyData"))["code"] == "ACTING_FOR_ANOTHER"
        looked = await caller.ask("LookedAtMyData")
    assert looked["errors"][0]["extensions"]["code"] == "ACTING_FOR_ANOTHER"


async def test_staff_have_no_such_account(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff(Role.HANDLER))
    assert (await ask(clerk, dry_run=False))["code"] == "NOT_ALLOWED"


async def test_closing_twice_at_once_closes_once(portal: Portal) -> None:
    actor = await proven_actor((await make_user_of_everything()).actor)
    outcomes = await at_once(*(close_account(actor, dry_run=False) for _ in range(5)))
    assert all(isinstance(one, Closing) and one.closed for one in outcomes), outcomes
    assert await AuditLine.filter(act="identity.account_closed", person=actor.id).count() == 1


async def test_an_account_that_was_joined_with_another_is_not_closed(portal: Portal) -> None:
    absorbed, survivor = await make_resident(), await make_resident()
    await Resident.filter(id=absorbed.id).update(merged_into_id=survivor.id)
    with pytest.raises(AccountEnded):
        await close_account(await proven_actor(absorbed), dry_run=False)


# Races


def apply_as(actor: Actor) -> Any:
    return apply(actor, CARD, delivery_method=DeliveryMethod.COLLECT, address=None, idempotency_key=new_key())


async def is_closed_with_an_open_case(resident: Actor) -> bool:
    closed = (await Resident.get(id=resident.id)).closed_at is not None
    return closed and await Case.exists(resident_id=resident.id, state__in=OPEN_STATES)


async def test_applying_and_closing_at_the_same_moment_never_leaves_an_open_case_behind(portal: Portal) -> None:
    ends: set[tuple[str, str]] = set()
    for round_ in range(12):
        actor = await proven_actor(await make_resident())
        acts = [apply_as(actor), close_account(actor, dry_run=False)]
        if round_ % 2:
            acts.reverse()
        found = await at_once(*acts)
        closing = next(one for one in found if isinstance(one, Closing))
        [applied] = [one for one in found if one is not closing]
        assert isinstance(applied, AccountEnded if closing.closed else Case)
        assert not await is_closed_with_an_open_case(actor)
        ends.add(("closed" if closing.closed else "stays", type(applied).__name__))
    assert ends <= {("closed", "AccountEnded"), ("stays", "Case")}


async def test_without_the_lock_a_closed_account_would_have_an_open_case(portal: Portal) -> None:
    """Why the resident is locked before the domains are asked: who asks first and closes later misses what began."""
    actor = await proven_actor(await make_resident())
    asked, applied = asyncio.Event(), asyncio.Event()

    async def close_naively() -> None:
        async with db.transaction():
            assert await reasons_to_stay(actor.own_id()) == ()
            asked.set()
            await applied.wait()
            await Holdings().forget(actor.own_id())
            await Resident.filter(id=actor.id).update(closed_at=clock.now())

    async def apply_meanwhile() -> None:
        await asked.wait()
        await apply_as(actor)
        applied.set()

    await asyncio.wait_for(asyncio.gather(close_naively(), apply_meanwhile()), timeout=20)

    assert await is_closed_with_an_open_case(actor)


async def test_paying_and_closing_at_the_same_moment_keeps_the_account(portal: Portal) -> None:
    for _ in range(4):
        payer = await make_payer(portal)
        actor = await proven_actor(payer.actor)
        found = await at_once(
            pay(actor, payer.bill.id, "wechat", idempotency_key=new_key()), close_account(actor, dry_run=False)
        )
        [closing] = [one for one in found if isinstance(one, Closing)]
        assert [reason.code for reason in closing.reasons][:1] == ["OPEN_CASE"]
        assert not closing.closed
        assert await PaymentAttempt.filter(bill_id=payer.bill.id).count() == 1
        assert (await Resident.get(id=actor.id)).closed_at is None


async def test_signing_in_and_closing_at_the_same_moment_leaves_no_way_into_the_closed_account(portal: Portal) -> None:
    for _ in range(4):
        phone = await portal.phone()
        first = (await phone.ask("Me"))["data"]["me"]["id"]
        again = type(phone)(portal.url, portal.control, phone.person)
        portal.people.append(again)
        closing, _signed_in = await asyncio.gather(ask(phone, dry_run=False), again.sign_in())
        assert closing["closed"], closing

        me = await again.ask("Me")
        if "errors" in me or me["data"]["me"]["id"] == first:
            await again.sign_in()
            me = await again.ask("Me")
        assert me["data"]["me"]["id"] != first
        assert not await ChannelBinding.exists(resident_id=first)
        assert not await IdentityProof.exists(resident_id=first)
