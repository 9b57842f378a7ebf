from __future__ import annotations

from datetime import timedelta

from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.audit import AuditLine
from app.kernel.privacy import blind_index
from app.representation.models import Mandate
from app.representation.rules import Person
from app.representation.windows import grant_at_window
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.representation.stage import (
    CARD,
    PASSPORT,
    PERMIT,
    adult_number,
    child_number,
    make_firm,
    make_someone,
    window,
)

ELDER = "测试居民老甲"


async def test_somebody_without_a_phone_lets_another_act_at_the_window(portal: Portal) -> None:
    """帮办代办: the window saw both cards; the elder's account is made there and then, at level four."""
    helper, clerk, number = await make_someone(portal), await window(portal), adult_number()
    until = (clock.now() + timedelta(days=30)).replace(microsecond=0).isoformat()
    wanted = {
        "principal": {"name": ELDER, "idNumber": number}, "agent": helper.card, "items": [CARD, PERMIT], "until": until,
    }  # fmt: skip

    granted = await clerk.do("GrantMandateAtWindow", **wanted)
    again = await clerk.do("GrantMandateAtWindow", **wanted)

    assert granted["__typename"] == "Mandate", granted
    assert (granted["basis"], granted["items"], granted["principal"]["name"]) == ("PROXY", [CARD, PERMIT], "测****甲")
    assert again["id"] == granted["id"]
    elder = await Resident.get(id_number_index=blind_index(ID_NUMBER, number))
    assert elder.level == 4
    [principal] = await helper.phone.do("Principals")
    assert principal["id"] == str(elder.id)
    async with helper.switched_to(principal["id"]) as phone:
        filed = await phone.do("Apply", itemKey=CARD, idempotencyKey=new_key())
    assert filed["__typename"] == "Case", filed
    [line] = await AuditLine.filter(act="mandate.granted", person=elder.id)
    assert line.actor.startswith("staff:")


async def test_the_window_takes_it_back_at_the_elders_wish(portal: Portal) -> None:
    helper, clerk, number = await make_someone(portal), await window(portal), adult_number()
    granted = await clerk.do(
        "GrantMandateAtWindow", principal={"name": ELDER, "idNumber": number}, agent=helper.card, items=[CARD]
    )

    [listed] = await clerk.do("MandatesAtWindow", number=number)
    async with nothing_moves():
        silent = await clerk.do("EndMandateAtWindow", id=listed["id"], reason="")
    ended = await clerk.do("EndMandateAtWindow", id=listed["id"], reason="本人到窗口要求撤销")
    again = await clerk.do("EndMandateAtWindow", id=listed["id"], reason="再次")

    assert listed["id"] == granted["id"]
    assert (silent["code"], silent["field"]) == ("INVALID_INPUT", "reason")
    assert (ended["state"], again["endedAt"]) == ("REVOKED", ended["endedAt"])
    assert (await Mandate.get(id=granted["id"])).end_reason == "本人到窗口要求撤销"
    assert await clerk.do("MandatesAtWindow", number=number) == []
    assert await helper.phone.do("Principals") == []
    assert [act for act, _ in await audit_of(f"mandate:{granted['id']}")] == ["mandate.granted", "mandate.revoked"]


async def test_a_look_by_number_is_audited_and_an_unknown_one_is_refused(portal: Portal) -> None:
    clerk = await window(portal)
    firm = await make_firm(portal, await make_someone(portal))

    [listed] = await clerk.do("MandatesAtWindow", number=firm.credit_code)

    assert (listed["id"], listed["basis"]) == (firm.mandate, "LEGAL_REPRESENTATIVE")
    assert await AuditLine.exists(act="mandate.seen", person=firm.account)
    async with nothing_moves():
        for number in (adult_number(), "911100006000373410", "甲"):
            answer = await clerk.ask("MandatesAtWindow", number=number)
            assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_the_window_ends_what_the_law_made_when_the_papers_say_so(portal: Portal) -> None:
    clerk = await window(portal)
    firm = await make_firm(portal, await make_someone(portal))
    ended = await clerk.do("EndMandateAtWindow", id=firm.mandate, reason="公司已注销")
    assert ended["state"] == "REVOKED"
    assert await firm.head.phone.do("Principals") == []


async def test_what_a_window_cannot_grant_is_refused_and_nothing_moves(portal: Portal) -> None:
    clerk, helper = await window(portal), await make_someone(portal)
    known = await make_someone(portal)
    elder = {"name": ELDER, "idNumber": adult_number()}
    asked = [
        {"principal": {"name": ELDER, "idNumber": child_number()}, "agent": helper.card, "items": [CARD]},
        {"principal": elder, "agent": helper.card, "items": [PASSPORT]},
        {"principal": elder, "agent": elder, "items": [CARD]},
        {"principal": {"name": ELDER, "idNumber": known.id_number}, "agent": helper.card, "items": [CARD]},
        {"principal": {"name": "甲", "idNumber": known.id_number}, "agent": helper.card, "items": [CARD]},
    ]
    async with nothing_moves():
        refused = [await clerk.do("GrantMandateAtWindow", **wanted) for wanted in asked]
    assert [(answer["code"], answer["field"]) for answer in refused] == [
        ("NOT_OF_AGE", None),
        ("PROXY_NOT_ALLOWED", "items"),
        ("NOBODY_FOR_THEMSELVES", None),
        ("NAMES_DIFFER", None),
        ("NAME_INVALID", "principal.name"),
    ]


async def test_two_windows_at_once_make_one_account(portal: Portal) -> None:
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)
    elder = Person(ELDER, adult_number())
    helpers = [Person("测试居民甲", adult_number()) for _ in range(4)]

    outcomes = await at_once(*(grant_at_window(clerk, elder, helper, [CARD], None) for helper in helpers))

    assert [type(outcome).__name__ for outcome in outcomes] == ["Mandate"] * 4
    accounts = await Resident.filter(id_number_index=blind_index(ID_NUMBER, elder.id_number))
    assert len(accounts) == 1
    assert await Mandate.filter(principal_id=accounts[0].id).count() == 4
