"""Without this module nobody could be recognised, or see where they are signed in."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from tortoise.queryset import QuerySet

from app.identity.errors import AccountEnded, SessionEnded
from app.identity.models import ChannelBinding, Resident, Session
from app.identity.staff_rules import is_idle, next_duty
from app.identity.tokens import read_access_token, read_device_token, token_hash
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.errors import NotFound
from app.kernel.settings import get_settings

_TRUSTED_SECONDS = 30.0
_REMEMBERED = 20_000
_NOTED_EVERY = timedelta(minutes=1)

_ACCOUNT = """
    SELECT s.resident_id, s.staff_id, s.seen_at, r.language, st.roles, st.title, st.department_key, st.division_code,
        st.password_changed_at IS NOT NULL AS password_is_own, st.totp_sealed IS NOT NULL AS enrolled
    FROM session s LEFT JOIN staff st ON st.id = s.staff_id LEFT JOIN resident r ON r.id = s.resident_id
    WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND (st.id IS NULL OR st.active)
"""
_ENDED = """
    SELECT asked.id FROM unnest($1::uuid[]) AS asked (id) WHERE NOT EXISTS (
        SELECT 1 FROM session s WHERE s.id = asked.id AND s.revoked_at IS NULL AND s.expires_at > $2
    )
"""
_SEE = "UPDATE session SET seen_at = $2 WHERE id = $1 AND seen_at < $2"
_DEVICE = """
    SELECT kind, service_point, name, seen_at FROM device WHERE id = $1 AND token_hash = $2 AND revoked_at IS NULL
"""
_SEE_DEVICE = "UPDATE device SET seen_at = $2 WHERE id = $1 AND (seen_at IS NULL OR seen_at < $2)"


class _Recent:
    """Who was seen alive in which session within half a minute, so that a revoked one dies everywhere soon.

    A device is its own session.
    """

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

    def forget_account(self, account_id: UUID) -> None:
        for session_id in [key for key, (_, actor) in self._seen.items() if actor.id == account_id]:
            del self._seen[session_id]


recent_sessions = _Recent()


async def actor_of(access_token: str, recent: _Recent = recent_sessions) -> Actor:
    """Who speaks with this token; raises `SessionEnded`. Warm, it costs no database round trip."""
    session_id = read_access_token(access_token)
    if session_id is None:
        return await _device_of(access_token, recent)
    return await actor_in(session_id, recent)


async def actor_in(session_id: UUID, recent: _Recent = recent_sessions) -> Actor:
    """Who speaks in a session, their token put aside; raises `SessionEnded`."""
    known = recent.get(session_id)
    if known is not None:
        return known
    found = await db.row(_ACCOUNT, session_id, clock.now())
    if found is None:
        raise SessionEnded
    if found["staff_id"] is not None:
        await _see(session_id, found["seen_at"])
    actor = _actor(session_id, found)
    recent.keep(session_id, actor)
    return actor


async def ended_sessions(ids: Sequence[UUID]) -> list[UUID]:
    """Those of some sessions of residents that live no more, in one statement."""
    return [row["id"] for row in await db.rows(_ENDED, list(ids), clock.now())]


async def _device_of(token: str, recent: _Recent) -> Actor:
    device_id = read_device_token(token)
    if device_id is None:
        raise SessionEnded
    known = recent.get(device_id)
    if known is not None:
        return known
    found = await db.row(_DEVICE, device_id, token_hash(token))
    if found is None:
        raise SessionEnded
    now = clock.now()
    if found["seen_at"] is None or now - found["seen_at"] >= _NOTED_EVERY:
        await db.row(_SEE_DEVICE, device_id, now)
    roles = frozenset({found["kind"]})
    actor = Actor(ActorKind.DEVICE, device_id, roles=roles, name=found["name"], place=found["service_point"])
    recent.keep(device_id, actor)
    return actor


async def _see(session_id: UUID, seen_at: datetime | None) -> None:
    """Note, at most once a minute, that a member of staff is there. Raises `SessionEnded` for one who was not."""
    now = clock.now()
    if is_idle(seen_at, now):
        raise SessionEnded
    if seen_at is not None and now - seen_at >= _NOTED_EVERY:
        await db.row(_SEE, session_id, now)


def _actor(session_id: UUID, account: Mapping[str, Any]) -> Actor:
    if account["staff_id"] is not None:
        roles = frozenset(orjson.loads(account["roles"])) if _may_work(account) else frozenset[str]()
        scope = Scope(account["department_key"], account["division_code"])
        return Actor(ActorKind.STAFF, account["staff_id"], session_id, roles, account["title"], scope)
    return Actor(ActorKind.RESIDENT, account["resident_id"], session_id, language=account["language"])


def _may_work(account: Mapping[str, Any]) -> bool:
    duty = next_duty(
        password_is_own=account["password_is_own"],
        enrolled=account["enrolled"],
        second_factor_required=get_settings().second_factor_required,
    )
    return duty is None


async def resident(resident_id: UUID) -> Resident:
    return await Resident.get(id=resident_id)


async def locked_resident(resident_id: UUID) -> Resident:
    """The row, locked first in the written order of locks.

    `no_key`: who only refers to the account in a row of theirs does not wait for it, so they may hold a later lock.
    Raises `AccountEnded` for one that was joined with another or closed since the request began.
    """
    found = await Resident.select_for_update(no_key=True).get(id=resident_id)
    if found.merged_into_id is not None or found.closed_at is not None:
        raise AccountEnded
    return found


async def residents(ids: Sequence[UUID]) -> list[Resident | None]:
    """In key order."""
    found = await Resident.in_bulk(ids, "id")
    return [found.get(key) for key in ids]


def sessions_of(actor: Actor) -> QuerySet[Session]:
    """The live sessions of the resident or member of staff; nobody acts in another's."""
    return Session.filter(**_whose(actor), revoked_at=None, expires_at__gt=clock.now())


def _whose(actor: Actor) -> dict[str, UUID]:
    return {"staff_id": actor.staff_id()} if actor.kind is ActorKind.STAFF else {"resident_id": actor.own_id()}


async def live_sessions(actor: Actor) -> list[Session]:
    """Where the caller is signed in, newest first; at most 50."""
    return await sessions_of(actor).order_by("-refreshed_at").limit(50)


async def locked_session(actor: Actor, session_id: UUID) -> Session:
    """A session of the caller's account, ended ones too, locked. Raises `NotFound` alike for none and another's."""
    found = await Session.select_for_update().get_or_none(id=session_id, **_whose(actor))
    if found is None:
        raise NotFound(what_zh="这个登录记录", what_en="session")
    return found


@dataclass(frozen=True)
class ChannelUser:
    channel: str
    open_id: str


async def channel_user(actor: Actor, channel: str) -> ChannelUser | None:
    """How a channel names who holds the phone, an agent rather than the principal; newest binding first."""
    binding = await binding_of(actor, channel)
    return ChannelUser(channel, binding.open_id) if binding else None


async def binding_of(actor: Actor, channel: str) -> ChannelBinding | None:
    """The binding this session came by when it is of that channel, otherwise the newest of the resident's."""
    bindings = ChannelBinding.filter(resident_id=actor.id, channel=channel)
    own = await device_of(actor)
    return own if own and own.channel == channel else await bindings.order_by("-bound_at").first()


async def device_of(actor: Actor) -> ChannelBinding | None:
    """The binding by which this very session came in."""
    if actor.session_id is None:
        return None
    return await ChannelBinding.filter(sessions__id=actor.session_id, resident_id=actor.id).first()
