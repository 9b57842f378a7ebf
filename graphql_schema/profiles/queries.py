"""Without this module the phone could not offer an address that was typed before."""

from __future__ import annotations

import strawberry

from app.profiles import queries
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, lookup, query
from graphql_schema.profiles.types import FullAddress, FullAddressResult, PostalAddress, Preferences
from graphql_schema.scalars import as_uuid


@strawberry.type
class ProfilesQuery:
    @query(RESIDENTS, "我的地址簿 · My addresses, the preferred one first. For an agent the principal's.")
    async def my_addresses(self, info: Info) -> list[PostalAddress]:
        return [PostalAddress.of(row) for row in await queries.addresses_of(info.context.actor)]

    @lookup(RESIDENTS, "完整地址 · One of my own addresses in full, to change it.")
    async def my_address(self, info: Info, id: strawberry.ID) -> FullAddressResult:  # noqa: A002 - the schema's word
        return FullAddress.of(await queries.own_address(info.context.actor, as_uuid(id)))

    @query(RESIDENTS, "我的偏好 · Language, large type and notices.")
    async def my_preferences(self, info: Info) -> Preferences:
        return Preferences.of(await queries.preferences_of(info.context.actor.own_id()), info)
