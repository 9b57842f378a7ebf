"""Without this module staff would not see pushes that nobody could place."""

from __future__ import annotations

import strawberry

from app.cases.queries import address_for_posting
from app.delivery import queries
from app.delivery.errors import NotPosted
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.delivery.types import Carrier, Parcel, ParcelResult, ShippingLabel, ShippingLabelResult, UnknownPush
from graphql_schema.guards import EVERYONE, RESIDENTS, lookup, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.scalars import as_uuid


@strawberry.type
class DeliveryQuery:
    @query(EVERYONE, "承运商 · Carriers whose parcels can be followed.")
    async def carriers(self) -> list[Carrier]:
        return Carrier.every()

    @lookup(RESIDENTS, "包裹 · One parcel with papers of my cases.")
    async def parcel(self, info: Info, id: strawberry.ID) -> ParcelResult:  # noqa: A002 - the schema's word
        return Parcel.of(await queries.parcel_for(info.context.actor, as_uuid(id)))

    @lookup(staff(Role.ISSUER), "寄送面单 · The full address of a case to be posted; the look is audited.")
    async def shipping_label(self, info: Info, case_id: strawberry.ID) -> ShippingLabelResult:
        address = await address_for_posting(info.context.actor, as_uuid(case_id))
        if address is None:
            raise NotPosted
        return ShippingLabel.of(address)

    @query(staff(Role.ISSUER, Role.SUPERVISOR), "无主推送 · Pushes for parcels nobody registered, newest first.")
    async def unknown_pushes(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[UnknownPush]:
        limit = page_size(first)
        rows = await queries.unknown_pushes(info.context.actor, limit=limit + 1, before=key_after(after))
        return connection_of([(UnknownPush.of(row), str(row.id)) for row in rows[:limit]], has_more=len(rows) > limit)
