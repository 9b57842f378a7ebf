"""Without this module somebody could act in a resident's name, and they would never hear of it."""

from __future__ import annotations

from uuid import UUID

from app.identity.events import AccountsJoined, ChannelUnbound, NumberLost
from app.identity.ports import SignInChannel
from app.kernel import clock, ports
from app.kernel.privacy import mask_name, unseal
from app.messages.telling.told import Elsewhere, Told, alike
from app.representation.events import MandateGranted, MandateRevoked
from app.representation.models import Mandate
from app.representation.queries import agents_of


async def granted(fact: MandateGranted) -> list[Told]:
    return await _to_principal(fact.mandate_id)


async def received(fact: MandateGranted) -> list[Told]:
    return await _to_agent(fact.mandate_id)


async def revoked(fact: MandateRevoked) -> list[Told]:
    return await _to_principal(fact.mandate_id)


async def lost(fact: MandateRevoked) -> list[Told]:
    return await _to_agent(fact.mandate_id)


async def joined(fact: AccountsJoined) -> list[Told]:
    return [Told(fact.resident_id, _account(fact.resident_id), str(fact.absorbed_id), {})]


async def number_lost(fact: NumberLost) -> list[Told]:
    once = f"{fact.resident_id}/{clock.today()}"
    return [Told(fact.resident_id, _account(fact.resident_id), once, {})]


async def unbound(fact: ChannelUnbound) -> list[Told]:
    """Once a day for each app: the fact has no number of its own."""
    channel = ports.every(SignInChannel).get(fact.channel)
    name = (channel.name_zh, channel.name_en) if channel else alike(fact.channel)
    once = f"{fact.resident_id}/{fact.channel}/{clock.today()}"
    return [Told(fact.resident_id, _account(fact.resident_id), once, {"channel": name})]


async def _to_principal(mandate_id: UUID) -> list[Told]:
    mandate = await Mandate.get_or_none(id=mandate_id)
    if mandate is None:
        return []
    values = {"agent": alike(mask_name(unseal(mandate.agent_name_sealed)))}
    return [Told(mandate.principal_id, _mandates(mandate.id), str(mandate.id), values)]


async def _to_agent(mandate_id: UUID) -> list[Told]:
    """Nobody, when who was named has no proven account; the principal does not learn which."""
    agents = await agents_of([mandate_id])
    return [Told(agent, _mandates(mandate_id), str(mandate_id), {}) for agent in agents]


def _account(resident_id: UUID) -> Elsewhere:
    return Elsewhere(f"resident:{resident_id}", "pages/account/index")


def _mandates(mandate_id: UUID) -> Elsewhere:
    return Elsewhere(f"mandate:{mandate_id}", "pages/account/mandates")
