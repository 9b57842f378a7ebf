"""Residents and staff as a sign-in and a face check leave them, for tests that are about something else."""

from __future__ import annotations

from app.identity import sessions
from app.identity.models import Resident, Staff
from app.identity.rules import Level, Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.privacy import seal
from tests.people import Caller
from tests.portal import Portal


async def make_resident(level: Level = Level.L4) -> Actor:
    """A resident of a level, with a name of their own."""
    row = await Resident.create(level=level, name_sealed=seal("测试居民"), created_at=clock.now())
    return Actor(ActorKind.RESIDENT, row.id)


async def make_staff(*roles: Role) -> Actor:
    """A member of staff nobody else uses: windows and lockouts are theirs alone."""
    login = f"staff-{db.new_id().hex}"
    row = await Staff.create(login=login, password_hash="unusable", title="测试工位", roles=[*roles])
    return Actor(ActorKind.STAFF, row.id, roles=frozenset(roles), name=row.title)


async def caller_of(portal: Portal, actor: Actor, language: str = "zh-CN") -> Caller:
    """The same resident or member of staff over HTTP, in a fresh session."""
    account = {"staff_id": actor.id} if actor.kind is ActorKind.STAFF else {"resident_id": actor.id}
    tokens = await sessions.open_session(channel="wechat", device="测试手机", **account)
    caller = Caller(portal.url, language)
    portal.people.append(caller)
    caller.access, caller.refresh = tokens.access, tokens.refresh
    return caller
