"""What somebody can do who merely knows a stranger's name and number, or holds a borrowed phone."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.cases.errors import ApplicantUnproven
from app.cases.models import Case
from app.cases.rules import Decision
from app.identity import proving
from app.identity.errors import ProofFailed
from app.identity.models import Resident
from app.kernel.errors import TooManyRequests
from app.representation.models import Mandate
from app.representation.rules import MandateState
from tests.cases.filing import accept_case, approve_case
from tests.identity.accounts import make_resident
from tests.identity.traces import nothing_moves
from tests.people import Phone, new_key
from tests.portal import Portal
from tests.representation.stage import Someone, credit_code, make_someone, window


async def match(phone: Phone) -> dict[str, Any]:
    """Type in the name and number of the person whose phone it is."""
    person = phone.person
    answer: dict[str, Any] = await phone.do(
        "MatchIdentity", name=person.name, idNumber=person.id_number, method="alipay-two-factor"
    )
    return answer


async def second_phone(portal: Portal, of: Phone) -> Phone:
    """Another phone, with an account of its own, of a person of the same name and number."""
    person = await portal.control.make_phone(name=of.person.name, id_number=of.person.id_number)
    phone = Phone(portal.url, portal.control, person)
    portal.people.append(phone)
    await phone.sign_in()
    return phone


async def named_by_others(portal: Portal, name: str, id_number: str) -> tuple[Someone, str, str]:
    """A company's representative, and somebody's proxy, whom nobody has seen on a phone yet; both mandates."""
    card = {"name": name, "idNumber": id_number}
    clerk = await window(portal)
    entered = await clerk.do(
        "RegisterLegalPerson", creditCode=credit_code(), name="测试有限责任公司", representative=card
    )
    principal = await make_someone(portal)
    granted = await principal.phone.do("GrantMandate", agent=card, items=None)
    return principal, entered["mandate"]["id"], granted["id"]


async def test_who_typed_in_a_strangers_number_learns_not_whom_they_act_for(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    await named_by_others(portal, phone.person.name, phone.person.id_number)
    assert (await match(phone))["level"]["level"] == 2

    rehearsal = await phone.do("CloseMyAccount")
    exported = await phone.do("ExportMyData")

    assert rehearsal["reasons"] == []
    counts = {f"{one['domain']}.{one['kind']}": one["count"] for one in rehearsal["outcomes"]}
    assert counts["representation.agencies"] == 0
    sections = {one["kind"]: one["rows"] for one in orjson.loads(exported["json"])["sections"]}
    assert sections["agencies"] == []


async def test_who_typed_in_a_strangers_number_ends_none_of_their_mandates(portal: Portal) -> None:
    """Neither by giving one up whose id leaked nor by leaving."""
    phone = await portal.phone(proven=False)
    _, represents, acts = await named_by_others(portal, phone.person.name, phone.person.id_number)
    await match(phone)

    async with nothing_moves():
        refused = await phone.do("ResignMandate", id=acts)
    closed = await phone.do("CloseMyAccount", dryRun=False)

    assert refused["code"] == "NOT_FOUND"
    assert closed["closed"]
    kept = await Mandate.filter(id__in=[represents, acts])
    assert {mandate.state for mandate in kept} == {MandateState.IN_FORCE}
    await phone.sign_in()
    await phone.prove()
    assert {held["id"] for held in await mandates_held(phone)} == {represents, acts}


async def mandates_held(phone: Phone) -> list[dict[str, Any]]:
    answer = await phone.ask("MandatesHeld")
    assert "errors" not in answer, answer
    return [edge["node"] for edge in answer["data"]["mandatesHeld"]["edges"]]


async def test_a_borrowed_phone_is_no_step_up_for_who_knows_its_owners_number(portal: Portal) -> None:
    """Of an account that was proved by a face, a typed name and number prove nothing again."""
    owner = await portal.phone()
    borrowed = Phone(portal.url, portal.control, owner.person)
    portal.people.append(borrowed)
    await borrowed.sign_in()
    assert (await match(borrowed))["level"]["level"] == 4

    async with nothing_moves():
        exported = await borrowed.do("ExportMyData")
        closed = await borrowed.do("CloseMyAccount", dryRun=False)

    assert (exported["code"], closed["code"]) == ("STEP_UP_NEEDED", "STEP_UP_NEEDED")
    assert set(exported["ways"]) == {"alipay-face", "wechat-face"}


async def test_who_lost_a_number_is_not_shown_who_took_it(portal: Portal) -> None:
    """Losing a number, and joining, are no acts of an agent."""
    stranger = await portal.phone(proven=False)
    owner = await second_phone(portal, stranger)
    await match(stranger)
    await owner.prove()
    row = await Resident.get(id=(await stranger.ask("Me"))["data"]["me"]["id"])
    assert row.level == 1

    answers = [await stranger.ask("MandateUses"), await owner.ask("MandateUses")]
    await stranger.prove()  # it was theirs too: now both are one
    answers.append(await owner.ask("MandateUses"))

    assert [answer["data"]["mandateUses"]["edges"] for answer in answers] == [[], [], []]


async def test_a_stranger_who_tries_a_number_all_day_does_not_keep_its_owner_out(portal: Portal) -> None:
    """Thirty guesses at the name are the end of guessing; whose face it is comes in all the same."""
    owner = await portal.phone(proven=False)
    number = owner.person.id_number
    for guesser in [await make_resident() for _ in range(3)]:
        for _ in range(10):
            with pytest.raises(ProofFailed):
                await proving.match_identity(guesser, "alipay-two-factor", "测试路人", number)

    another = await make_resident()
    async with nothing_moves():
        with pytest.raises(TooManyRequests):
            await proving.match_identity(another, "alipay-two-factor", "测试路人", number)

    assert (await owner.prove())["level"]["level"] == 4


async def test_what_was_filed_under_a_strangers_number_is_not_granted_once_the_owner_came(portal: Portal) -> None:
    """Whoever filed it may be the same person: they prove themselves and it goes on."""
    phone = await portal.phone(proven=False)
    await match(phone)
    filed = await phone.do("Apply", itemKey="elderly-allowance", idempotencyKey=new_key())
    case = await accept_case(await Case.get(id=filed["id"]))
    owner = await second_phone(portal, phone)
    await owner.prove()

    async with nothing_moves("staff"):
        with pytest.raises(ApplicantUnproven):
            await approve_case(case)

    await phone.prove()
    assert (await approve_case(case)).decision == Decision.APPROVED
