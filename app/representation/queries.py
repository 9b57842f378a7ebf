"""Without this module an agent could go on after the mandate was revoked."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import orjson

from app.identity.models import Resident
from app.identity.queries import locked_resident
from app.kernel import clock, db
from app.kernel.actor import Actor, Principal
from app.representation.errors import MandateEnded

_FOR_AGENT = """
    SELECT m.id, m.basis, m.items
    FROM mandate m JOIN resident a ON a.id_number_index = m.agent_index AND a.level >= 2
    WHERE a.id = $1 AND m.principal_id = $2 AND m.state = 'IN_FORCE' AND m.valid_from <= $3
      AND (m.valid_to IS NULL OR m.valid_to > $3)
    ORDER BY m.items IS NOT NULL, m.granted_at LIMIT 1
"""

# Shared: several agents of one principal may act at once, and a revocation waits for them and they for it.
_STILL_IN_FORCE = """
    SELECT id FROM mandate
    WHERE id = $1 AND principal_id = $2 AND state = 'IN_FORCE' AND valid_from <= $3
      AND (valid_to IS NULL OR valid_to > $3)
    FOR SHARE
"""


async def acting_for(actor: Actor, principal: str) -> Actor:
    """The same resident acting for an account they hold a mandate of, the widest when there are several.

    Asked at every request, so that a revoked mandate ends at once. Raises `MandateEnded` alike for no mandate,
    no such account and text that names none.
    """
    try:
        principal_id = UUID(principal)
    except ValueError:
        raise MandateEnded from None
    found = await db.row(_FOR_AGENT, actor.own_id(), principal_id, clock.now())
    if found is None:
        raise MandateEnded
    items = orjson.loads(found["items"]) if found["items"] is not None else None
    scope = None if items is None else frozenset(items)
    return replace(actor, principal=Principal(principal_id, found["id"], found["basis"], scope))


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
