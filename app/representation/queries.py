"""Without this module an agent could go on after the mandate was revoked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from app.catalogue.queries import keys_open_to_proxies
from app.identity.capabilities import ACTING_FOR_OTHERS, check_on
from app.identity.errors import AccountEnded
from app.identity.models import Resident
from app.identity.queries import locked_resident
from app.identity.rules import STRONG
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Principal
from app.kernel.privacy import unseal
from app.representation.errors import MandateEnded
from app.representation.models import Mandate
from app.representation.rules import BY_LAW, Basis, MandateState

# What the law makes comes before what was granted, all items before some.
_FOR_AGENT = """
    SELECT m.id, m.principal_id, m.agent_name_sealed, a.name_sealed
    FROM mandate m
    JOIN resident a ON a.id_number_index = m.agent_index AND a.level >= $4
    JOIN resident p ON p.id = m.principal_id
    WHERE a.id = $1 AND ($2::uuid IS NULL OR p.id = $2) AND m.state = 'IN_FORCE' AND m.valid_from <= $3
      AND (m.valid_to IS NULL OR m.valid_to > $3)
      AND a.closed_at IS NULL AND a.merged_into_id IS NULL AND p.closed_at IS NULL AND p.merged_into_id IS NULL
    ORDER BY m.basis NOT IN ('GUARDIAN', 'LEGAL_REPRESENTATIVE'), m.items IS NOT NULL, m.granted_at, m.id
    LIMIT 200
"""
_AGENTS = """
    SELECT DISTINCT a.id, m.agent_name_sealed, a.name_sealed
    FROM mandate m
    JOIN resident a ON a.id_number_index = m.agent_index AND a.level >= $2
    WHERE m.id = ANY($1::uuid[]) AND a.closed_at IS NULL AND a.merged_into_id IS NULL
"""
_MOST_PRINCIPALS = 50
_LOCK_EACH = """
    SELECT id, level, merged_into_id IS NULL AND closed_at IS NULL AS living FROM resident
    WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
_LEVELS = "SELECT id, level FROM resident WHERE id = ANY($1::uuid[])"

# Shared: several agents of one principal may act at once, and a revocation waits for them and they for it.
_STILL_IN_FORCE = """
    SELECT id FROM mandate
    WHERE id = $1 AND principal_id = $2 AND state = 'IN_FORCE' AND valid_from <= $3
      AND (valid_to IS NULL OR valid_to > $3)
    FOR SHARE
"""
_EACH_STILL_IN_FORCE = """
    SELECT m.id, m.principal_id FROM mandate m
    JOIN unnest($1::uuid[], $2::uuid[]) AS acting (id, principal_id) USING (id, principal_id)
    WHERE m.state = 'IN_FORCE' AND m.valid_from <= $3 AND (m.valid_to IS NULL OR m.valid_to > $3)
    ORDER BY m.id FOR SHARE OF m
"""


async def acting_for(actor: Actor, principal: str) -> Actor:
    """The same resident acting for an account they hold a mandate of, the widest when there are several.

    Asked at every request, so that a revoked mandate ends at once. Raises `MandateEnded` alike for no mandate,
    no such account, an account that is joined or closed, text that names none, and for who is no resident;
    `SwitchedOff` where a city does not offer it.
    """
    check_on(ACTING_FOR_OTHERS)
    try:
        principal_id = UUID(principal)
    except ValueError:
        raise MandateEnded from None
    found = await _mandates_for(actor, principal_id)
    if not found:
        raise MandateEnded
    mandate = found[0]
    items = mandate.items
    if mandate.basis is Basis.PROXY:  # an item may have become one's own business since it was granted
        items = await keys_open_to_proxies(items)
    scope = None if items is None else frozenset(items)
    return replace(actor, principal=Principal(principal_id, mandate.id, mandate.basis, scope))


async def principals(actor: Actor) -> list[Mandate]:
    """For whom a resident may act now, one mandate for each principal, at most 50; none for who
    only typed in a name and number (below L3).

    Raises `NotSignedIn` or `ActingForAnother`.
    """
    actor.own_id()
    widest: dict[UUID, Mandate] = {}
    for mandate in await _mandates_for(actor, None):
        widest.setdefault(mandate.principal_id, mandate)
    return list(widest.values())[:_MOST_PRINCIPALS]


async def _mandates_for(actor: Actor, principal_id: UUID | None) -> list[Mandate]:
    """In force, for a living principal, and for the very person the principal named, the widest first.

    The agent has proved that it is they who hold the phone: from L3 on.
    """
    if actor.kind is not ActorKind.RESIDENT:
        return []
    found = await db.rows(_FOR_AGENT, actor.id, principal_id, clock.now(), STRONG)
    rows = await Mandate.in_bulk([row["id"] for row in found if _is_the_one_named(row)], "id")
    return [rows[row["id"]] for row in found if row["id"] in rows]


async def agents_of(mandate_ids: Sequence[UUID]) -> list[UUID]:
    """Whose accounts mandates name: of who proved to be that very person, whether or not the mandates still hold."""
    found = await db.rows(_AGENTS, list(mandate_ids), STRONG) if mandate_ids else ()
    return sorted({row["id"] for row in found if _is_the_one_named(row)})


async def representatives_by_law(principal_id: UUID) -> list[UUID]:
    """Who acts for a child or a company now because the law says so."""
    now = clock.now()
    held = Mandate.filter(principal_id=principal_id, state=MandateState.IN_FORCE, basis__in=BY_LAW, valid_from__lte=now)
    return await agents_of([mandate.id for mandate in await held.filter(Q(valid_to=None) | Q(valid_to__gt=now))])


def _is_the_one_named(row: Mapping[str, Any]) -> bool:
    # Compared here and not when granting: a refusal there would tell who has an account.
    return row["name_sealed"] is not None and unseal(row["agent_name_sealed"]) == unseal(row["name_sealed"])


async def locked_subject(actor: Actor) -> Resident:
    """The account whose matter it is, locked first in the written order; an agent's mandate is looked at again.

    Raises `MandateEnded` when it was revoked or ran out since the request began, `AccountEnded` for an account
    that was joined with another or closed.
    """
    subject = await locked_resident(actor.resident_id())
    if actor.principal is not None:
        mandate = await db.row(_STILL_IN_FORCE, actor.principal.mandate_id, actor.principal.id, clock.now())
        if mandate is None:
            raise MandateEnded
    return subject


async def locked_subjects(actors: Sequence[Actor]) -> list[int | AccountEnded | MandateEnded]:
    """Lock the accounts of several matters like `locked_subject`, in key order and in a few statements.

    Gives for each the level of who is acting (an agent's own), or why they may not act.
    """
    accounts = {row["id"]: row for row in await db.rows(_LOCK_EACH, [actor.resident_id() for actor in actors])}
    agents = [actor for actor in actors if actor.principal is not None]
    levels, in_force = await _own_levels(agents), await _in_force(agents)
    found: list[int | AccountEnded | MandateEnded] = []
    for actor in actors:
        account = accounts.get(actor.resident_id())
        if account is None or not account["living"]:
            found.append(AccountEnded())
        elif actor.principal is None:
            found.append(account["level"])
        elif (actor.principal.mandate_id, actor.principal.id) not in in_force:
            found.append(MandateEnded())
        else:
            found.append(levels[actor.id])
    return found


async def _own_levels(agents: Sequence[Actor]) -> dict[UUID | None, int]:
    rows = await db.rows(_LEVELS, [agent.id for agent in agents]) if agents else ()
    return {row["id"]: row["level"] for row in rows}


async def _in_force(agents: Sequence[Actor]) -> set[tuple[UUID, UUID]]:
    acting = [agent.principal for agent in agents if agent.principal is not None]
    if not acting:
        return set()
    ids = [principal.mandate_id for principal in acting], [principal.id for principal in acting]
    return {(row["id"], row["principal_id"]) for row in await db.rows(_EACH_STILL_IN_FORCE, *ids, clock.now())}


async def acting_mandate(actor: Actor) -> Mandate | None:
    """The mandate under which this very request is made; None for one's own matters."""
    return await Mandate.get_or_none(id=actor.principal.mandate_id) if actor.principal else None


async def mandates_by_id(ids: Sequence[UUID]) -> list[Mandate | None]:
    """In key order."""
    found = await Mandate.in_bulk(ids, "id")
    return [found.get(key) for key in ids]
