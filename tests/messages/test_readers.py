"""Who opens a message: nobody who only typed in somebody's name and number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.cases.events import CaseAccepted
from app.cases.rules import CaseState
from app.identity.rules import Level
from app.kernel import clock
from app.kernel.facts import Fact
from app.kernel.privacy import seal
from app.messages.making import tell
from app.messages.models import Message
from app.messages.rulebook import RULE_OF
from app.representation.events import MandateGranted, MandateRevoked
from app.representation.models import Mandate
from app.representation.rules import Basis, MandateState
from tests.messages.stage import messages_about
from tests.personal_data.everything import AGENT, NAME, Used, make_account, make_case, make_company, make_mandate
from tests.portal import Portal

BY_LAW = (Basis.GUARDIAN, Basis.LEGAL_REPRESENTATIVE)


async def represented(agent: Used, basis: Basis, *, named: str = NAME, **terms: Any) -> UUID:
    """A child or a company, in whose account nobody signs in."""
    principal = (await make_account()).id if basis is Basis.GUARDIAN else (await make_company()).account_id
    await make_mandate(principal, agent.index, basis, agent_name_sealed=seal(named), **terms)
    return principal


async def readers_of_a_case_of(principal: UUID) -> list[UUID]:
    case = await make_case(principal, CaseState.ACCEPTED)
    await tell(RULE_OF["case-accepted"], CaseAccepted(case.id))
    return [message.resident_id for message in await messages_about(f"case:{case.id}")]


@pytest.mark.parametrize("basis", BY_LAW)
async def test_who_represents_by_law_is_told(portal: Portal, basis: Basis) -> None:
    agent = await make_account()
    assert await readers_of_a_case_of(await represented(agent, basis)) == [agent.id]


async def test_both_parents_are_told_once_each(portal: Portal) -> None:
    mother, father = await make_account(), await make_account()
    child = await represented(mother, Basis.GUARDIAN)
    await make_mandate(child, father.index, Basis.GUARDIAN, agent_name_sealed=seal(NAME))
    assert sorted(await readers_of_a_case_of(child)) == sorted([mother.id, father.id])


@pytest.mark.parametrize("basis", BY_LAW)
async def test_who_only_typed_in_the_representatives_name_and_number_is_told_nothing(
    portal: Portal, basis: Basis
) -> None:
    stranger = await make_account(Level.L2)
    principal = await represented(stranger, basis)
    assert await readers_of_a_case_of(principal) == [principal]


@pytest.mark.parametrize(
    "terms",
    [
        {"valid_from": clock.now() - timedelta(days=9), "valid_to": clock.now() - timedelta(days=1)},
        {"valid_from": clock.now() + timedelta(days=9)},
        {"state": MandateState.REVOKED},
        {"named": AGENT},
    ],
    ids=["over", "not yet", "revoked", "another name"],
)
async def test_who_represents_nobody_now_is_told_nothing(portal: Portal, terms: dict[str, Any]) -> None:
    child = await represented(await make_account(), Basis.GUARDIAN, **terms)
    assert await readers_of_a_case_of(child) == [child]


@pytest.mark.parametrize(("key", "fact"), [("mandate-received", MandateGranted), ("mandate-lost", MandateRevoked)])
async def test_a_mandate_is_told_to_who_proved_to_be_the_agent_named(
    portal: Portal, key: str, fact: type[MandateGranted | MandateRevoked]
) -> None:
    async def told(agent: Used, name: str) -> list[UUID]:
        mandate: Mandate = await make_mandate((await make_account()).id, agent.index, agent_name_sealed=seal(name))
        happened: Fact = fact(mandate.id)
        await tell(RULE_OF[key], happened)
        return [row.resident_id for row in await Message.filter(subject=f"mandate:{mandate.id}")]

    proven, typed = await make_account(), await make_account(Level.L2)
    assert await told(proven, NAME) == [proven.id]
    assert await told(proven, AGENT) == []
    assert await told(typed, NAME) == []
