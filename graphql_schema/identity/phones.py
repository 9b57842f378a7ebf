"""Without this module a resident could not leave the number the hall may call."""

from __future__ import annotations

import strawberry

from app.identity import phones
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation
from graphql_schema.identity.types import Resident, ResidentResult


@strawberry.type
class PhoneMutation:
    @mutation(RESIDENTS, "绑定手机号 · Keep my mobile number by what the phone-number button gave; accepted once.")
    async def set_phone(self, info: Info, code: str, channel: str = "wechat") -> ResidentResult:
        return Resident.of(await phones.set_phone(info.context.actor, channel, code))

    @mutation(RESIDENTS, "绑定手机号(旧版) · The same for older phones, which give encryptedData and iv.")
    async def set_phone_from_session_data(
        self, info: Info, encrypted_data: str, iv: str, channel: str = "wechat"
    ) -> ResidentResult:
        return Resident.of(await phones.set_phone_from_session_data(info.context.actor, channel, encrypted_data, iv))
