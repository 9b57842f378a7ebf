from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from app.cases import commands as cases
from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.catalogue.queries import item_in_force
from app.identity.queries import locked_resident
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.audit import AuditLine
from app.representation.commands import resign_mandate, revoke_mandate
from app.representation.errors import MandateEnded
from app.representation.models import Mandate
from app.representation.rules import MandateState
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key, until
from tests.portal import Portal
from tests.representation.stage import CARD, PERMIT, Someone, make_firm, make_pair, make_someone

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def only_mandate(principal: Someone) -> Mandate:
    return await Mandate.get(principal_id=principal.actor.id)


async def apply_for(actor: Actor, item: str = CARD) -> Case:
    return await cases.apply(
        actor, item, delivery_method=DeliveryMethod.COLLECT, address=None, idempotency_key=new_key()
    )


async def test_a_mandate_that_was_taken_back_ends_at_once_and_everywhere(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    mandate = await only_mandate(principal)
    async with agent.switched_to(principal) as phone:
        assert (await phone.do("MyBookings"))["edges"] == []

    revoked = await principal.phone.do("RevokeMandate", id=str(mandate.id))
    again = await principal.phone.do("RevokeMandate", id=str(mandate.id))

    assert (revoked["state"], revoked["stateText"]) == ("REVOKED", "已撤销")
    assert again == revoked
    async with agent.switched_to(principal) as phone, nothing_moves():
        refused = await phone.do("Apply", itemKey=CARD, idempotencyKey=new_key())
    assert (refused["code"], refused["message"]) == (
        "MANDATE_ENDED",
        "您的代办授权已失效或被撤销,请联系委托人重新授权",
    )
    assert await agent.phone.do("Principals") == []
    [held] = (await agent.phone.do("MandatesHeld"))["edges"]
    assert held["node"]["state"] == "REVOKED"
    assert await audit_of(f"mandate:{mandate.id}") == [("mandate.granted", "done"), ("mandate.revoked", "done")]


async def test_an_agent_gives_up_and_the_principal_hears_of_it(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    mandate = await only_mandate(principal)

    resigned = await agent.phone.do("ResignMandate", id=str(mandate.id))
    again = await agent.phone.do("ResignMandate", id=str(mandate.id))

    assert resigned["state"] == again["state"] == "RESIGNED"
    [use] = (await principal.phone.do("MandateUses"))["edges"]
    assert use["node"]["act"] == "mandate.resigned"
    async with agent.switched_to(principal) as phone:
        assert (await phone.ask("MyBookings"))["errors"][0]["extensions"]["code"] == "MANDATE_ENDED"


async def test_nobody_else_takes_a_mandate_back_or_gives_it_up(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    stranger = await make_someone(portal)
    mandate = str((await only_mandate(principal)).id)
    async with nothing_moves():
        refused = [
            await stranger.phone.do("RevokeMandate", id=mandate),
            await agent.phone.do("RevokeMandate", id=mandate),
            await stranger.phone.do("ResignMandate", id=mandate),
            await principal.phone.do("ResignMandate", id=mandate),
            await principal.phone.do("RevokeMandate", id="made up"),
        ]
    assert [answer["code"] for answer in refused] == ["NOT_FOUND"] * 5


async def test_who_represents_by_law_is_not_taken_away_by_phone(portal: Portal) -> None:
    firm = await make_firm(portal, await make_someone(portal))
    async with firm.head.switched_to(firm.account) as phone, nothing_moves():
        refused = await phone.do("RevokeMandate", id=firm.mandate)
    assert refused["code"] == "MANDATE_BY_LAW"


@asynccontextmanager
async def revocation_under_way(principal: Someone) -> AsyncIterator[asyncio.Event]:
    """The principal's revocation is written but not committed until the event is set."""
    mandate = await only_mandate(principal)
    written, may_commit = asyncio.Event(), asyncio.Event()

    async def revoke() -> None:
        async with db.transaction():
            await revoke_mandate(principal.actor, mandate.id)
            written.set()
            await may_commit.wait()

    task = asyncio.create_task(revoke())
    await written.wait()
    try:
        yield may_commit
    finally:
        may_commit.set()
        await task


async def somebody_waits() -> bool | None:
    return bool(await db.rows(WAITING)) or None


async def test_an_act_that_began_before_the_revocation_does_not_end_after_it(portal: Portal) -> None:
    """The agent's request was let in; while it waits for the principal's row the mandate is revoked."""
    principal, agent = await make_pair(portal, CARD)
    acting = await agent.acting_for(principal)

    async with revocation_under_way(principal) as may_commit:
        act = asyncio.create_task(apply_for(acting))
        await until(somebody_waits, what="the act to wait for the revocation")
        may_commit.set()
        with pytest.raises(MandateEnded):
            await act

    assert await Case.filter(resident_id=principal.actor.id).count() == 0


async def test_without_the_second_look_the_same_act_is_done_under_a_revoked_mandate(portal: Portal) -> None:
    """Why `locked_subject` asks again: who only locks the account goes on with what the request began with."""
    principal, agent = await make_pair(portal, CARD)
    acting = await agent.acting_for(principal)
    item = await item_in_force(CARD)

    async def apply_naively() -> Case:
        async with db.transaction():
            subject = await locked_resident(acting.resident_id())
            return await Case.create(
                number=f"T{db.new_id().hex}",
                resident_id=subject.id,
                item_id=item.id,
                item_key=item.key,
                state=CaseState.SUBMITTED,
                fees=[],
                delivery_method=DeliveryMethod.COLLECT,
                submitted_at=clock.now(),
            )

    async with revocation_under_way(principal) as may_commit:
        act = asyncio.create_task(apply_naively())
        await until(somebody_waits, what="the act to wait for the revocation")
        may_commit.set()
        filed = await act

    mandate = await only_mandate(principal)
    assert mandate.state is MandateState.REVOKED
    assert mandate.ended_at is not None
    assert filed.resident_id == principal.actor.id
    assert filed.submitted_at is not None


async def test_in_a_crowd_no_act_comes_after_the_revocation(portal: Portal) -> None:
    """Five agents file and the principal revokes all of them at once: what was filed was filed before."""
    items = [CARD, PERMIT, "licence-renew", "licence-replace", "sscard-replace"]
    principal = await make_someone(portal)
    acting = []
    for item in items:
        agent = await make_someone(portal)
        await principal.grants(agent, item)
        acting.append((await agent.acting_for(principal), item))
    mandates = await Mandate.filter(principal_id=principal.actor.id)

    outcomes = await at_once(
        *(apply_for(actor, item) for actor, item in acting),
        *(revoke_mandate(principal.actor, mandate.id) for mandate in mandates),
    )

    filed = [outcome for outcome in outcomes if isinstance(outcome, Case)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(filed) + len(refused) == 5
    assert {type(outcome) for outcome in refused} <= {MandateEnded}
    for mandate in mandates:
        revoked = await AuditLine.get(act="mandate.revoked", subject=f"mandate:{mandate.id}")
        for actor, _ in acting:
            assert actor.principal is not None
            if actor.principal.mandate_id == mandate.id:
                late = AuditLine.filter(actor=actor.reference, act="case.submit", id__gt=revoked.id)
                assert not await late.exists()


async def test_revoked_and_given_up_at_once_it_ends_once(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    mandate = await only_mandate(principal)

    await at_once(
        *(revoke_mandate(principal.actor, mandate.id) for _ in range(3)),
        *(resign_mandate(agent.actor, mandate.id) for _ in range(3)),
    )

    ends = [act for act, _ in await audit_of(f"mandate:{mandate.id}") if act != "mandate.granted"]
    assert len(ends) == 1
    assert f"mandate.{(await Mandate.get(id=UUID(str(mandate.id)))).state.value.lower()}" == ends[0]
