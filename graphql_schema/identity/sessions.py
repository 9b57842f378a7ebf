"""Without this module nobody could see where they are signed in, or sign out from there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.identity import models, queries, sessions
from app.kernel.privacy import mask_address
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.guards import EVERYONE, SIGNED_IN, mutation, query
from graphql_schema.identity.types import Tokens
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_uuid


@strawberry.type(description="登录记录 · A device that is signed in.")
class Session:
    id: strawberry.ID
    device: str
    channel: str = strawberry.field(description="The host app it came by; `staff` for the hall's own sign-in.")
    binding_id: strawberry.ID | None = strawberry.field(description="Which of `myBindings` it came by.")
    masked_address: str = strawberry.field(description="The network it came from, in part.")
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    ended: bool
    row: strawberry.Private[models.Session]

    @computed("Whether this is the session of this very request.")
    def current(self, info: Info) -> bool:
        return self.row.id == info.context.actor.session_id

    @classmethod
    def of(cls, row: models.Session) -> Session:
        return cls(
            id=strawberry.ID(str(row.id)),
            device=row.device,
            channel=row.channel,
            binding_id=strawberry.ID(str(row.binding_id)) if row.binding_id else None,
            masked_address=mask_address(row.address),
            created_at=row.created_at,
            refreshed_at=row.refreshed_at,
            expires_at=row.expires_at,
            ended=row.revoked_at is not None,
            row=row,
        )


@strawberry.type
class SignedOut:
    done: bool


@strawberry.type(description="已退出 · How many sessions were ended.")
class SessionsRevoked:
    count: int


TokensResult = Annotated[Tokens | Problem, strawberry.union("TokensResult")]
SessionResult = Annotated[Session | Problem, strawberry.union("SessionResult")]
SessionsResult = Annotated[SessionsRevoked | Problem, strawberry.union("SessionsResult")]
SignOutResult = Annotated[SignedOut | Problem, strawberry.union("SignOutResult")]


@strawberry.type
class SessionQuery:
    @query(SIGNED_IN, "我的登录设备 · Where I am signed in, newest first; at most 50.")
    async def my_sessions(self, info: Info) -> list[Session]:
        return [Session.of(row) for row in await queries.live_sessions(info.context.actor)]


@strawberry.type
class SessionMutation:
    @mutation(EVERYONE, "续期 · Trade a refresh token for a new pair; each can be used once.")
    async def refresh_session(self, refresh: str) -> TokensResult:
        return Tokens.of(await sessions.refresh(refresh))

    @mutation(SIGNED_IN, "退出 · End this session.")
    async def sign_out(self, info: Info) -> SignOutResult:
        await sessions.sign_out(info.context.actor)
        return SignedOut(done=True)

    @mutation(SIGNED_IN, "命名设备 · Call one of my devices what I like.")
    async def name_device(self, info: Info, id: strawberry.ID, name: str) -> SessionResult:  # noqa: A002 - the schema's word
        return Session.of(await sessions.name_device(info.context.actor, as_uuid(id), name))

    @mutation(SIGNED_IN, "退出其他设备 · End another of my sessions.")
    async def revoke_session(self, info: Info, id: strawberry.ID) -> SessionResult:  # noqa: A002 - the schema's word
        return Session.of(await sessions.revoke_session(info.context.actor, as_uuid(id)))

    @mutation(SIGNED_IN, "退出所有其他设备 · End every session of mine but this one.")
    async def revoke_other_sessions(self, info: Info) -> SessionsResult:
        return SessionsRevoked(count=await sessions.revoke_sessions(info.context.actor, keep_this=True))

    @mutation(SIGNED_IN, "全部退出 · End every session of mine, this one too.")
    async def revoke_all_sessions(self, info: Info) -> SessionsResult:
        return SessionsRevoked(count=await sessions.revoke_sessions(info.context.actor, keep_this=False))
