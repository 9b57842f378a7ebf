"""Without this module the phone could not show a bill on its own."""

from __future__ import annotations

import strawberry

from app.payments import queries
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, lookup, query
from graphql_schema.payments.types import Bill, BillResult, PaymentChannel
from graphql_schema.scalars import as_uuid


@strawberry.type
class PaymentsQuery:
    @lookup(RESIDENTS, "缴费单 · One of my bills.")
    async def bill(self, info: Info, id: strawberry.ID) -> BillResult:  # noqa: A002 - the schema's word
        return Bill.of(await queries.bill_of(as_uuid(id), info.context.actor))

    @query(EVERYONE, "支付方式 · Ways to pay that are switched on.")
    async def payment_channels(self, info: Info) -> list[PaymentChannel]:
        return PaymentChannel.every(info)
