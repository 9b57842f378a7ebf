from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.identity.models import IdentityProof
from app.identity.rules import Level, Role
from app.kernel import clock
from app.kernel.audit import AuditLine
from app.representation.models import Mandate
from app.representation.rules import LIVE_PER_PRINCIPAL, MandateState
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.representation.stage import (
    CARD,
    PASSPORT,
    PERMIT,
    adult_number,
    child_number,
    make_firm,
    make_pair,
    make_someone,
    mandate_row,
)


async def test_a_resident_lets_another_act_for_them_and_both_see_it(portal: Portal) -> None:
    """From the face check on the principal's phone to the case on the agent's."""
    owner, helper = await portal.phone(), await portal.phone()
    until = (clock.now() + timedelta(days=90)).replace(microsecond=0)

    granted = await owner.do(
        "GrantMandate",
        agent={"name": helper.person.name, "idNumber": helper.person.id_number},
        items=[CARD],
        until=until.isoformat(),
    )

    assert granted["__typename"] == "Mandate", granted
    assert (granted["basis"], granted["basisText"]) == ("PROXY", "帮办代办人")
    assert (granted["state"], granted["stateText"], granted["items"]) == ("IN_FORCE", "有效", [CARD])
    assert helper.person.name not in granted["maskedAgent"]
    [given] = (await owner.do("MandatesGiven"))["edges"]
    [held] = (await helper.do("MandatesHeld"))["edges"]
    assert given["node"]["id"] == held["node"]["id"] == granted["id"]
    [principal] = await helper.do("Principals")
    assert principal["kind"] == "NATURAL"
    assert owner.person.name not in principal["name"]
    assert (await helper.do("ActingFor")) is None

    helper.acting_for = principal["id"]
    acting_for = await helper.do("ActingFor")
    filed = await helper.do("Apply", itemKey=CARD, idempotencyKey=new_key())
    seen = await helper.ask("AffairsOfPrincipal")

    assert acting_for == principal
    assert filed["__typename"] == "Case", filed
    assert [edge["node"]["id"] for edge in seen["data"]["myCases"]["edges"]] == [filed["id"]]
    helper.acting_for = ""
    own, mine = await helper.ask("AffairsOfPrincipal"), await owner.ask("AffairsOfPrincipal")
    assert own["data"]["myCases"]["edges"] == []
    assert [edge["node"]["id"] for edge in mine["data"]["myCases"]["edges"]] == [filed["id"]]
    [use] = (await owner.do("MandateUses"))["edges"]
    assert (use["node"]["act"], use["node"]["subject"]) == ("case.submit", f"case:{filed['id']}")


async def test_every_act_of_an_agent_is_written_with_both(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)

    async with agent.switched_to(principal) as phone:
        filed = await phone.do("Apply", itemKey=CARD, idempotencyKey=new_key())
        await phone.do("WithdrawCase", id=filed["id"])

    lines = await AuditLine.filter(subject=f"case:{filed['id']}").order_by("id")
    assert [line.act for line in lines] == ["case.submit", "case.withdraw"]
    assert {(line.actor, str(line.person)) for line in lines} == {(f"resident:{agent.id}", principal.id)}
    first = (await principal.phone.do("MandateUses", first=1))["pageInfo"]
    assert first["hasNextPage"] is True
    [older] = (await principal.phone.do("MandateUses", first=1, after=first["endCursor"]))["edges"]
    assert older["node"]["act"] == "case.submit"
    assert (await agent.phone.do("MandateUses"))["edges"] == []


async def test_the_answer_does_not_tell_who_has_an_account(portal: Portal) -> None:
    """Nobody, somebody, and somebody under another name are all answered alike; the wrong name lets nobody in."""
    principal, agent = await make_someone(portal), await make_someone(portal)
    nobody = {"name": "测试居民甲", "idNumber": adult_number()}

    answers = [
        await principal.phone.do("GrantMandate", agent=card, items=[CARD])
        for card in (nobody, {"name": "测试居民甲", "idNumber": agent.id_number})
    ]

    told = [(a["__typename"], a["state"], a["items"], a["maskedAgent"]) for a in answers]
    assert told == [("Mandate", "IN_FORCE", [CARD], "测***甲")] * 2
    assert await agent.phone.do("Principals") == []
    assert (await agent.phone.do("MandatesHeld"))["edges"] == []
    async with agent.switched_to(principal) as phone:
        refused = await phone.do("Apply", itemKey=CARD, idempotencyKey=new_key())
    assert refused["code"] == "MANDATE_ENDED"


async def test_the_same_again_is_the_same_mandate_also_five_times_at_once(portal: Portal) -> None:
    principal, agent = await make_someone(portal), await make_someone(portal)

    answers = await asyncio.gather(*(principal.grants(agent, CARD, PERMIT) for _ in range(5)))
    again = await principal.grants(agent, PERMIT, CARD, CARD)

    assert len({answer["id"] for answer in [*answers, again]}) == 1
    assert await Mandate.filter(principal_id=principal.actor.id).count() == 1


async def test_other_items_or_another_end_replace_the_mandate(portal: Portal) -> None:
    principal, agent = await make_someone(portal), await make_someone(portal)
    first = await principal.grants(agent, CARD)
    wider = await principal.grants(agent, CARD, PERMIT)
    shorter = await principal.grants(agent, CARD, PERMIT, until=(clock.now() + timedelta(days=1)).isoformat())

    states = [(await mandate_row(answer)).state for answer in (first, wider, shorter)]
    assert states == [MandateState.REPLACED, MandateState.REPLACED, MandateState.IN_FORCE]
    listed = [edge["node"] for edge in (await principal.phone.do("MandatesGiven"))["edges"]]
    assert [node["stateText"] for node in listed] == ["有效", "已被新的授权取代", "已被新的授权取代"]
    assert all(node["endedAt"] for node in listed[1:])


async def test_what_ran_out_is_shown_as_ended_and_can_be_granted_anew(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    old = await Mandate.get(principal_id=principal.actor.id)
    old.valid_from, old.valid_to = clock.now() - timedelta(days=2), clock.now() - timedelta(seconds=1)
    await old.save()

    [given] = (await principal.phone.do("MandatesGiven"))["edges"]
    [held] = (await agent.phone.do("MandatesHeld"))["edges"]
    assert given["node"]["state"] == held["node"]["state"] == "EXPIRED"
    assert await agent.phone.do("Principals") == []
    anew = await principal.grants(agent, CARD)

    await old.refresh_from_db()
    assert (old.state, old.ended_at) == (MandateState.EXPIRED, old.valid_to)
    assert (await mandate_row(anew)).state is MandateState.IN_FORCE


async def refused_grant(portal: Portal, **wanted: Any) -> tuple[str, str | None]:
    principal, agent = await make_someone(portal), await make_someone(portal)
    asked = {"agent": agent.card, "items": [CARD], **wanted}
    async with nothing_moves():
        refused = await principal.phone.do("GrantMandate", **asked)
    return refused["code"], refused["field"]


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ({"items": []}, "INVALID_INPUT", "items"),
        ({"items": ["no-such-item"]}, "NOT_FOUND", "items"),
        ({"items": ["没有这个"]}, "NOT_FOUND", "items"),
        ({"items": [CARD, PASSPORT]}, "PROXY_NOT_ALLOWED", "items"),
        ({"until": "2020-01-01T00:00:00+08:00"}, "INVALID_INPUT", "until"),
        ({"until": "2099-01-01T00:00:00+08:00"}, "INVALID_INPUT", "until"),
        ({"agent": {"name": "测", "idNumber": "110102195001010005"}}, "NAME_INVALID", "agent.name"),
        ({"agent": {"name": "测试居民", "idNumber": "110102195001010000"}}, "ID_NUMBER_INVALID", "agent.idNumber"),
    ],
)
async def test_a_grant_that_cannot_be_is_refused_and_nothing_moves(
    portal: Portal, wanted: dict[str, Any], code: str, field: str | None
) -> None:
    assert await refused_grant(portal, **wanted) == (code, field)


async def test_nobody_needs_a_mandate_for_themselves(portal: Portal) -> None:
    principal = await make_someone(portal)
    async with nothing_moves():
        assert (await principal.grants(principal, CARD))["code"] == "NOBODY_FOR_THEMSELVES"


async def test_a_borrowed_phone_grants_nothing(portal: Portal) -> None:
    """Level four is not enough: it has to be proved in this session, within ten minutes."""
    agent, owner = await make_someone(portal), await make_someone(portal, proved_now=False)
    async with nothing_moves():
        never = await owner.grants(agent, CARD)
    other_session = await caller_of(portal, (await make_someone(portal)).actor)
    async with nothing_moves():
        elsewhere = await other_session.do("GrantMandate", agent=agent.card, items=[CARD])
    late = await make_someone(portal)
    await IdentityProof.filter(resident_id=late.actor.id).update(finished_at=clock.now() - timedelta(minutes=11))
    async with nothing_moves():
        too_late = await late.grants(agent, CARD)

    assert [answer["code"] for answer in (never, elsewhere, too_late)] == ["STEP_UP_NEEDED"] * 3
    assert "wechat-face" in never["ways"]


@pytest.mark.parametrize("level", [Level.L1, Level.L2, Level.L3])
async def test_below_level_four_nobody_appoints_anybody(portal: Portal, level: Level) -> None:
    principal, agent = await make_someone(portal, level=level), await make_someone(portal)
    async with nothing_moves():
        refused = await principal.grants(agent, CARD)
    assert refused["code"] == "ASSURANCE_TOO_LOW"


async def test_who_is_under_eighteen_appoints_nobody(portal: Portal) -> None:
    child = await make_someone(portal, id_number=child_number())
    agent = await make_someone(portal)
    async with nothing_moves():
        assert (await child.grants(agent, CARD))["code"] == "NOT_OF_AGE"


async def test_twenty_mandates_are_enough_for_anybody(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    row = await Mandate.get(principal_id=principal.actor.id)
    for number in range(LIVE_PER_PRINCIPAL - 1):
        await Mandate.create(
            principal_id=row.principal_id,
            agent_index=f"somebody-{number}",
            agent_name_sealed=row.agent_name_sealed,
            basis=row.basis,
            state=row.state,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            granted_by=row.granted_by,
            granted_at=row.granted_at,
        )

    another = await make_someone(portal)
    async with nothing_moves():
        refused = await principal.grants(another, CARD)
    replaced = await principal.grants(agent, PERMIT)

    assert (refused["code"], refused["message"]) == (
        "TOO_MANY_MANDATES",
        "有效的授权最多20个,请先撤销不再需要的授权",
    )
    assert replaced["items"] == [PERMIT]


async def test_an_agent_appoints_no_agents(portal: Portal) -> None:
    principal, agent = await make_pair(portal)
    third = await make_someone(portal)
    firm = await make_firm(portal, await make_someone(portal))
    async with firm.head.switched_to(firm.account):
        appointed = await firm.head.grants(agent, CARD)
    assert appointed["basis"] == "AUTHORISED_AGENT"

    for whom in (principal.id, firm.account):
        async with agent.switched_to(whom), nothing_moves():
            assert (await agent.grants(third, CARD))["code"] == "ACTING_FOR_ANOTHER"


async def test_residents_and_windows_do_not_do_each_others_business(portal: Portal) -> None:
    resident, clerk = await make_someone(portal), await caller_of(portal, await make_staff(Role.APPROVER))
    async with nothing_moves():
        card = resident.card
        refused = [
            await resident.phone.do("GrantMandateAtWindow", principal=card, agent=card, items=[CARD]),
            await clerk.do("GrantMandateAtWindow", principal=card, agent=card, items=[CARD]),
            await clerk.do("GrantMandate", agent=card, items=[CARD]),
            await clerk.do("RegisterLegalPerson", creditCode="91110000600037341L", name="公司", representative=card),
        ]
    assert [answer["code"] for answer in refused] == ["NOT_ALLOWED"] * 4
