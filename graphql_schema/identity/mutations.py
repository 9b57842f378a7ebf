"""Without this module nobody could sign in."""

from __future__ import annotations

import strawberry

from app.identity import bindings, commands, proving, queries
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, mutation
from graphql_schema.identity.types import (
    Binding,
    ChannelUnbound,
    IdentityProof,
    ProofResult,
    Resident,
    ResidentResult,
    SignedIn,
    SignInResult,
    Tokens,
    UnbindResult,
)
from graphql_schema.scalars import as_uuid


@strawberry.type
class IdentityMutation:
    @mutation(EVERYONE, "登录 · Sign in with the host app's one-time code (WeChat: wx.login).")
    async def sign_in(self, info: Info, code: str, channel: str = "wechat", device: str = "") -> SignInResult:
        signed_in = await commands.sign_in(channel, code, device, info.context.address)
        resident = await queries.resident(signed_in.resident_id)
        return SignedIn(tokens=Tokens.of(signed_in.tokens), resident=Resident.of(resident))

    @mutation(RESIDENTS, "开始实名核验 · Begin an identity check; the phone goes on with its ticket.")
    async def begin_proof(self, info: Info, name: str, id_number: str, method: str = "wechat-face") -> ProofResult:
        return IdentityProof.of(await proving.begin_proof(info.context.actor, method, name, id_number))

    @mutation(RESIDENTS, "姓名与身份证号核对 · Have an authority say whether my name and number belong together.")
    async def match_identity(self, info: Info, name: str, id_number: str, method: str) -> ResidentResult:
        return Resident.of(await proving.match_identity(info.context.actor, method, name, id_number))

    @mutation(RESIDENTS, "解绑 · Let a host app no longer open my account; needs a fresh identity check.")
    async def unbind_channel(self, info: Info, id: strawberry.ID) -> UnbindResult:  # noqa: A002 - the schema's word
        left = await bindings.unbind(info.context.actor, as_uuid(id))
        return ChannelUnbound(left=[Binding.of(row) for row in left])

    @mutation(RESIDENTS, "完成实名核验 · Have the provider asked how my identity check ended.")
    async def finish_proof(self, info: Info, id: strawberry.ID) -> ResidentResult:  # noqa: A002 - the schema's word
        return Resident.of(await proving.finish_proof(info.context.actor, as_uuid(id)))
