"""Without this module residents would wait for their money in the dark, and the unit would not know what to decide."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.payments.refunds import queries
from app.payments.states import RefundState
from graphql_schema.context import Info
from graphql_schema.guards import lookup, query, residents_and_staff, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.payments.refund_types import BillRefunds, BillRefundsResult, Refund
from graphql_schema.scalars import as_uuid

DECIDERS = (Role.CASHIER, Role.DEPARTMENT_MANAGER)


@strawberry.type
class RefundsQuery:
    @lookup(
        residents_and_staff(*DECIDERS),
        "退款情况 · Where the money of a bill is: back, on its way back, or still to be asked for. A look of the staff"
        " is audited.",
    )
    async def bill_refunds(self, info: Info, bill_id: strawberry.ID) -> BillRefundsResult:
        return BillRefunds.of(await queries.refundable(info.context.actor, as_uuid(bill_id)))

    @query(
        staff(*DECIDERS),
        "退款列表 · Refunds of my units in a state, oldest first: to be decided, to be handed back at a window, stuck."
        " Each look is audited.",
    )
    async def unit_refunds(
        self,
        info: Info,
        state: RefundState = RefundState.REQUESTED,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[Refund]:
        limit = page_size(first)
        page = await queries.refunds_of_units(info.context.actor, state, limit=limit, after=key_after(after))
        shown = [(Refund.of(row), str(row.id)) for row in page.refunds]
        return connection_of(shown, has_more=page.has_more)
