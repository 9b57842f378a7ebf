"""Without this module the phone could not ask who it is."""

from __future__ import annotations

import strawberry

from app.identity import bindings, capabilities, queries
from app.identity.rules import Level
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, query
from graphql_schema.identity.types import AssuranceLevel, Binding, Capability, ProofMethod, Resident


@strawberry.type
class IdentityQuery:
    @query(RESIDENTS, "本人信息 · The resident who is signed in.")
    async def me(self, info: Info) -> Resident:
        return Resident.of(await queries.resident(info.context.actor.own_id()))

    @query(RESIDENTS, "我的绑定 · The host apps that open my account.")
    async def my_bindings(self, info: Info) -> list[Binding]:
        return [Binding.of(row) for row in await bindings.bindings_of(info.context.actor)]

    @query(EVERYONE, "实名等级 · The four assurance levels and how each is reached.")
    async def assurance_levels(self) -> list[AssuranceLevel]:
        return [AssuranceLevel.of(level) for level in Level]

    @query(EVERYONE, "能力开关 · What this city offers and what it does not.")
    async def capabilities(self, info: Info) -> list[Capability]:
        return [Capability.of(known, info) for known in capabilities.every()]

    @query(EVERYONE, "可用的实名方式 · Ways to prove who one is that are switched on.")
    async def proof_methods(self, info: Info) -> list[ProofMethod]:
        return ProofMethod.every(info)
