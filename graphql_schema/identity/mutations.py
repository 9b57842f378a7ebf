"""Without this module nobody could sign in."""

from __future__ import annotations

import strawberry

from app.identity import bindings, commands, proving, queries, sessions, staffing
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, SIGNED_IN, mutation
from graphql_schema.identity.types import (
    Binding,
    ChannelUnbound,
    IdentityProof,
    ProofResult,
    Resident,
    ResidentResult,
    Session,
    SessionResult,
    SignedIn,
    SignedOut,
    SignInResult,
    SignOutResult,
    Staff,
    StaffSignedIn,
    StaffSignInResult,
    Tokens,
    TokensResult,
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

    @mutation(EVERYONE, "续期 · Trade a refresh token for a new pair; each can be used once.")
    async def refresh_session(self, refresh: str) -> TokensResult:
        return Tokens.of(await sessions.refresh(refresh))

    @mutation(SIGNED_IN, "退出 · End this session.")
    async def sign_out(self, info: Info) -> SignOutResult:
        await sessions.sign_out(info.context.actor)
        return SignedOut(done=True)

    @mutation(RESIDENTS, "退出其他设备 · End another of my sessions.")
    async def revoke_session(self, info: Info, id: strawberry.ID) -> SessionResult:  # noqa: A002 - the schema's word
        return Session.of(await sessions.revoke_session(info.context.actor, as_uuid(id)))

    @mutation(RESIDENTS, "绑定手机号 · Keep my mobile number by the phone-number button's one-time code.")
    async def set_phone(self, info: Info, code: str, channel: str = "wechat") -> ResidentResult:
        return Resident.of(await commands.set_phone(info.context.actor, channel, code))

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

    @mutation(EVERYONE, "工作人员登录 · Sign in as a member of staff.")
    async def staff_sign_in(self, info: Info, login: str, password: str, device: str = "") -> StaffSignInResult:
        tokens, row = await staffing.sign_in(login, password, device, info.context.address)
        return StaffSignedIn(tokens=Tokens.of(tokens), staff=Staff.of(row))
