"""Without this module the phone could not show a bill on its own."""

from __future__ import annotations

import strawberry

from app.payments import queries
from app.payments.channels import channels_for
from app.payments.states import BillState
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, lookup, query
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.payments.types import Bill, BillOfSomebody, BillOfSomebodyResult, BillResult, PaymentChannel
from graphql_schema.scalars import as_uuid


@strawberry.type
class PaymentsQuery:
    @lookup(RESIDENTS, "缴费单 · One of my bills, or one of somebody else's that I paid or began to pay by its code.")
    async def bill(self, info: Info, id: strawberry.ID) -> BillResult:  # noqa: A002 - the schema's word
        return Bill.of(await queries.bill_shown(as_uuid(id), info.context.actor))

    @query(RESIDENTS, "我的缴费单 · My bills, newest first; of some states when they are named.")
    async def my_bills(
        self, info: Info, states: list[BillState] | None = None, first: int | None = None, after: str | None = None
    ) -> Connection[Bill]:
        size = page_size(first)
        rows = await queries.bills_of(info.context.actor, states or (), size=size, before=key_after(after))
        return connection_of([(Bill.of(row), str(row.id)) for row in rows[:size]], has_more=len(rows) > size)

    @lookup(RESIDENTS, "凭缴款码查缴费单 · A bill by its payment code: mine, or one that anybody may pay.")
    async def bill_by_number(self, info: Info, number: str) -> BillOfSomebodyResult:
        [shown] = await BillOfSomebody.of_each([await queries.bill_by_number(number, info.context.actor)])
        return shown

    @query(
        EVERYONE,
        "支付方式 · Ways to pay inside the host app (`wechat`, `alipay`); without one named, of the app this session "
        "came from. Windows are not among them.",
    )
    async def payment_channels(self, info: Info, host_app: str | None = None) -> list[PaymentChannel]:
        found = await channels_for(info.context.actor, host_app)
        return [PaymentChannel.of(code, channel, info) for code, channel in found.items()]
