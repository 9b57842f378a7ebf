from __future__ import annotations

from typing import Any

import pytest

from app.cases.models import Case
from app.identity.models import Resident
from app.identity.rules import Role
from app.kernel.audit import AuditLine
from app.kernel.privacy import unseal
from app.representation.models import LegalPerson, Mandate
from app.representation.rules import MandateState, Person
from app.representation.windows import register_legal_person
from tests.cases.filing import accept_case
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.representation.stage import CARD, adult_number, credit_code, make_firm, make_someone, window

LICENCE = "food-licence"
NAME = "测试有限责任公司"


async def test_a_company_is_entered_by_a_window_and_its_representative_acts_for_it(portal: Portal) -> None:
    """What is filed is the company's: the representative does not find it among their own."""
    head = await make_someone(portal)
    firm = await make_firm(portal, head)

    [principal] = await head.phone.do("Principals")
    async with head.switched_to(firm.account) as phone:
        filed = await phone.do("Apply", itemKey=LICENCE, idempotencyKey=new_key())
        seen = await phone.ask("AffairsOfPrincipal")
    own = await head.phone.ask("AffairsOfPrincipal")

    assert {key: principal[key] for key in ("kind", "name", "creditCode", "basisText", "items", "validTo")} == {
        "kind": "LEGAL",
        "name": NAME,
        "creditCode": firm.credit_code,
        "basisText": "法定代表人",
        "items": None,
        "validTo": None,
    }
    assert [edge["node"]["id"] for edge in seen["data"]["myCases"]["edges"]] == [filed["id"]]
    assert own["data"]["myCases"]["edges"] == []
    case = await Case.get(id=filed["id"])
    assert str(case.resident_id) == firm.account
    line = await AuditLine.get(act="case.submit", subject=f"case:{case.id}")
    assert (line.actor, str(line.person)) == (f"resident:{head.id}", firm.account)
    assert (await accept_case(case)).state == "ACCEPTED"


async def test_the_representative_appoints_agents_for_the_company_and_takes_them_back(portal: Portal) -> None:
    firm = await make_firm(portal, await make_someone(portal))
    agent, head = await make_someone(portal), firm.head

    async with head.switched_to(firm.account) as phone:
        granted = await head.grants(agent, LICENCE)
        given = (await phone.do("MandatesGiven"))["edges"]
    async with agent.switched_to(firm.account) as phone:
        filed = await phone.do("Apply", itemKey=LICENCE, idempotencyKey=new_key())
        outside = await phone.do("Apply", itemKey=CARD, idempotencyKey=new_key())
        closed = await phone.ask("MandatesGiven")
    async with head.switched_to(firm.account) as phone:
        uses = (await phone.do("MandateUses", first=1))["edges"]
        revoked = await phone.do("RevokeMandate", id=granted["id"])

    assert (granted["basis"], granted["principal"]["id"]) == ("AUTHORISED_AGENT", firm.account)
    assert [edge["node"]["basis"] for edge in given] == ["AUTHORISED_AGENT", "LEGAL_REPRESENTATIVE"]
    assert (filed["__typename"], outside["code"]) == ("Case", "OUTSIDE_MANDATE")
    assert closed["errors"][0]["extensions"]["code"] == "ACTING_FOR_ANOTHER"
    assert uses[0]["node"]["subject"] == f"case:{filed['id']}"
    assert revoked["state"] == "REVOKED"
    assert await agent.phone.do("Principals") == []
    assert (await head.phone.do("MandatesGiven"))["edges"] == []


async def test_the_representative_does_not_appoint_themselves(portal: Portal) -> None:
    firm = await make_firm(portal, await make_someone(portal))
    async with firm.head.switched_to(firm.account), nothing_moves():
        assert (await firm.head.grants(firm.head))["code"] == "NOBODY_FOR_THEMSELVES"


async def test_another_representative_takes_the_place_and_the_agents_go_on(portal: Portal) -> None:
    """It was the company that appointed them; the window and the new representative see who they are."""
    firm = await make_firm(portal, await make_someone(portal))
    agent, heir, clerk = await make_someone(portal), await make_someone(portal), await window(portal)
    async with firm.head.switched_to(firm.account):
        granted = await firm.head.grants(agent, LICENCE)

    changed = await clerk.do(
        "RegisterLegalPerson", creditCode=firm.credit_code, name="测试集团有限公司", representative=heir.card
    )

    assert [row["id"] for row in changed["agents"]] == [granted["id"]]
    assert changed["mandate"]["principal"]["id"] == firm.account
    former = await Mandate.get(id=firm.mandate)
    assert former.state is MandateState.REPLACED
    assert await firm.head.phone.do("Principals") == []
    async with firm.head.switched_to(firm.account) as phone, nothing_moves():
        assert (await phone.do("Apply", itemKey=CARD, idempotencyKey=new_key()))["code"] == "MANDATE_ENDED"
    [principal] = await heir.phone.do("Principals")
    assert principal["name"] == "测试集团有限公司"
    async with agent.switched_to(firm.account) as phone:
        assert (await phone.do("Apply", itemKey=LICENCE, idempotencyKey=new_key()))["__typename"] == "Case"
    async with heir.switched_to(firm.account) as phone:
        assert (await phone.do("RevokeMandate", id=granted["id"]))["state"] == "REVOKED"


async def test_a_resident_claims_a_company_and_a_window_confirms_it(portal: Portal) -> None:
    head, clerk, code = await make_someone(portal), await window(portal), credit_code()

    claimed = await head.phone.do("ClaimLegalPerson", creditCode=f" {code.lower()} ", name=NAME)
    assert (claimed["basis"], claimed["subjectName"]) == ("LEGAL_REPRESENTATIVE", NAME)
    assert not await LegalPerson.exists(credit_code=code)
    full = await clerk.do("RepresentationClaimDetail", id=claimed["id"])
    assert (full["subjectName"], full["subjectNumber"]) == (NAME, code)
    confirmed = await clerk.do("ConfirmRepresentationClaim", id=claimed["id"])

    entered = await LegalPerson.get(credit_code=code)
    account = await Resident.get(id=entered.account_id)
    assert (account.kind, account.level, unseal(account.name_sealed or "")) == ("LEGAL", 4, NAME)
    assert confirmed["mandate"]["principal"] == {
        "id": str(account.id), "kind": "LEGAL", "name": NAME, "creditCode": code,
    }  # fmt: skip
    assert [principal["id"] for principal in await head.phone.do("Principals")] == [str(account.id)]


async def test_the_same_registration_again_changes_nothing_but_a_new_name(portal: Portal) -> None:
    firm = await make_firm(portal, await make_someone(portal))
    clerk = await window(portal)
    again = await clerk.do("RegisterLegalPerson", creditCode=firm.credit_code, name=NAME, representative=firm.head.card)
    assert again["mandate"]["id"] == firm.mandate
    assert await Mandate.filter(principal_id=firm.account).count() == 1


async def test_five_windows_at_once_enter_one_company_with_one_representative(portal: Portal) -> None:
    code, clerk = credit_code(), await make_staff(Role.WINDOW_ACCEPTOR)
    heads = [Person("测试居民甲", adult_number()) for _ in range(5)]

    outcomes = await at_once(*(register_legal_person(clerk, code, NAME, head) for head in heads))

    assert [type(outcome).__name__ for outcome in outcomes] == ["Installed"] * 5
    entered = await LegalPerson.get(credit_code=code)
    states = [mandate.state for mandate in await Mandate.filter(principal_id=entered.account_id)]
    assert sorted(states) == sorted([MandateState.IN_FORCE, *[MandateState.REPLACED] * 4])


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ({"creditCode": "911100006000373410"}, "CREDIT_CODE_INVALID", "creditCode"),
        ({"creditCode": "9111000060003734IL"}, "CREDIT_CODE_INVALID", "creditCode"),
        ({"name": "1"}, "COMPANY_NAME_INVALID", "name"),
        ({"representative": {"name": "测", "idNumber": "110102195001010005"}}, "NAME_INVALID", "representative.name"),
    ],
)
async def test_a_licence_that_cannot_be_is_refused(
    portal: Portal, wanted: dict[str, Any], code: str, field: str
) -> None:
    clerk = await window(portal)
    asked = {
        "creditCode": credit_code(),
        "name": NAME,
        "representative": {"name": "测试居民甲", "idNumber": adult_number()},
        **wanted,
    }
    async with nothing_moves():
        refused = await clerk.do("RegisterLegalPerson", **asked)
    assert (refused["code"], refused["field"]) == (code, field)
