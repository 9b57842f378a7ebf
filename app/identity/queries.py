"""Without this module nobody could be recognised, or see where they are signed in."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from app.identity.errors import AccountEnded, SessionEnded
from app.identity.models import ChannelBinding, Resident, Session, Staff
from app.identity.tokens import read_access_token
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Scope

_TRUSTED_SECONDS = 30.0
_REMEMBERED = 20_000
_LONGEST_LOGIN = 60

_ACCOUNT = """
    SELECT s.resident_id, s.staff_id, r.language, st.roles, st.title, st.department_key, st.division_code
    FROM session s LEFT JOIN staff st ON st.id = s.staff_id LEFT JOIN resident r ON r.id = s.resident_id
    WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND (st.id IS NULL OR st.active)
"""


class _Recent:
    """Accounts of sessions seen alive within half a minute, so that a revoked one dies everywhere soon."""

    def __init__(self) -> None:
        self._seen: OrderedDict[UUID, tuple[float, Actor]] = OrderedDict()

    def get(self, session_id: UUID) -> Actor | None:
        found = self._seen.get(session_id)
        return found[1] if found and time.monotonic() - found[0] < _TRUSTED_SECONDS else None

    def keep(self, session_id: UUID, actor: Actor) -> None:
        self._seen[session_id] = (time.monotonic(), actor)
        self._seen.move_to_end(session_id)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def forget(self, session_id: UUID) -> None:
        self._seen.pop(session_id, None)


recent_sessions = _Recent()


async def actor_of(access_token: str) -> Actor:
    """Who speaks with this token; raises `SessionEnded`. Warm, it costs no database round trip."""
    session_id = read_access_token(access_token)
    if session_id is None:
        raise SessionEnded
    known = recent_sessions.get(session_id)
    if known is not None:
        return known
    found = await db.row(_ACCOUNT, session_id, clock.now())
    if found is None:
        raise SessionEnded
    actor = _actor(session_id, found)
    recent_sessions.keep(session_id, actor)
    return actor


def _actor(session_id: UUID, account: Mapping[str, Any]) -> Actor:
    if account["staff_id"] is not None:
        roles = frozenset(orjson.loads(account["roles"] or "[]"))
        scope = Scope(account["department_key"], account["division_code"])
        return Actor(ActorKind.STAFF, account["staff_id"], session_id, roles, account["title"], scope)
    return Actor(ActorKind.RESIDENT, account["resident_id"], session_id, language=account["language"])


async def resident(resident_id: UUID) -> Resident:
    return await Resident.get(id=resident_id)


async def locked_resident(resident_id: UUID) -> Resident:
    """The row, locked first in the written order of locks.

    Raises `AccountEnded` for one that was joined with another or closed since the request began.
    """
    found = await Resident.select_for_update().get(id=resident_id)
    if found.merged_into_id is not None or found.closed_at is not None:
        raise AccountEnded
    return found


async def residents(ids: Sequence[UUID]) -> list[Resident | None]:
    """In key order."""
    found = await Resident.in_bulk(ids, "id")
    return [found.get(key) for key in ids]


async def locked_staff(login: str) -> Staff | None:
    """An active account, locked; None for a login nobody has, also for text that cannot be one."""
    if len(login) > _LONGEST_LOGIN or not login.isprintable():
        return None
    return await Staff.select_for_update().get_or_none(login=login, active=True)


async def live_sessions(actor: Actor) -> list[Session]:
    """Where the resident is signed in, newest first; at most 50."""
    return (
        await Session.filter(resident_id=actor.own_id(), revoked_at=None, expires_at__gt=clock.now())
        .order_by("-refreshed_at")
        .limit(50)
    )


@dataclass(frozen=True)
class ChannelUser:
    channel: str
    open_id: str


async def channel_user(actor: Actor, channel: str) -> ChannelUser | None:
    """How a channel names who holds the phone, an agent rather than the principal; newest binding first."""
    binding = await ChannelBinding.filter(resident_id=actor.id, channel=channel).order_by("-bound_at").first()
    return ChannelUser(channel, binding.open_id) if binding else None
