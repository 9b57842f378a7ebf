"""Without this module nobody could pay."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.payments import commands
from app.payments.renewing import renew
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation, residents_and_staff
from graphql_schema.payments.types import Bill, BillResult, Payable, PayResult
from graphql_schema.scalars import as_uuid


@strawberry.type
class PaymentsMutation:
    @mutation(RESIDENTS, "缴费 · Open an order for a bill and get what the phone needs to ask for the payment.")
    async def pay(
        self, info: Info, bill_id: strawberry.ID, idempotency_key: strawberry.ID, channel: str = "wechat"
    ) -> PayResult:
        payable = await commands.pay(info.context.actor, as_uuid(bill_id), channel, idempotency_key=idempotency_key)
        return Payable.of(payable)

    @mutation(RESIDENTS, "确认缴费 · The phone says it has paid; the provider is asked, and only it is believed.")
    async def confirm_payment(self, info: Info, bill_id: strawberry.ID) -> BillResult:
        return Bill.of(await commands.confirm(info.context.actor, as_uuid(bill_id)))

    @mutation(
        residents_and_staff(Role.CASHIER),
        "重新开单 · Let an expired bill be paid again for thirty days; a fine has grown by three per cent a day.",
    )
    async def renew_bill(self, info: Info, bill_id: strawberry.ID) -> BillResult:
        return Bill.of(await renew(info.context.actor, as_uuid(bill_id)))
