"""Without this module nobody could ask for money back, and nobody could agree."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.payments.refunds import deciding, disowning, queries
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import RefundWish
from app.payments.words import RefundReason
from graphql_schema.context import Info
from graphql_schema.guards import mutation, residents_and_staff, staff
from graphql_schema.payments.refund_queries import DECIDERS
from graphql_schema.payments.refund_types import Refund, RefundResult, RefundShareInput
from graphql_schema.scalars import as_uuid


@strawberry.type
class RefundsMutation:
    @mutation(
        residents_and_staff(Role.CASHIER),
        "申请退款 · Ask for money of a paid bill back: an amount, or so much of each line. The unit decides on what a"
        " resident asks for; a second person on what is large.",
    )
    async def request_refund(
        self,
        info: Info,
        bill_id: strawberry.ID,
        reason: RefundReason,
        believed_refundable_fen: int,
        idempotency_key: strawberry.ID,
        amount_fen: int | None = None,
        lines: list[RefundShareInput] | None = None,
        remark: str = "",
    ) -> RefundResult:
        wish = RefundWish(
            reason, believed_refundable_fen, amount_fen, tuple(line.share() for line in lines or ()), remark.strip()
        )
        row = await request_refund(info.context.actor, as_uuid(bill_id), wish, idempotency_key=idempotency_key)
        return Refund.of(await queries.shown(row))

    @mutation(staff(*DECIDERS), "同意退款 · The second person agrees, and the money goes out.")
    async def approve_refund(self, info: Info, id: strawberry.ID) -> RefundResult:  # noqa: A002 - the schema's word
        return Refund.of(await queries.shown(await deciding.approve_refund(info.context.actor, as_uuid(id))))

    @mutation(staff(*DECIDERS), "不同意退款 · The second person declines, and says why.")
    async def decline_refund(self, info: Info, id: strawberry.ID, answer: str) -> RefundResult:  # noqa: A002 - the schema's word
        row = await deciding.decline_refund(info.context.actor, as_uuid(id), answer)
        return Refund.of(await queries.shown(row))

    @mutation(
        staff(*DECIDERS),
        "重新退款 · Send or ask again what the platform refused or could not bring back; start again what it gave up.",
    )
    async def retry_refund(self, info: Info, id: strawberry.ID) -> RefundResult:  # noqa: A002 - the schema's word
        return Refund.of(await queries.shown(await deciding.retry_refund(info.context.actor, as_uuid(id))))

    @mutation(
        staff(*DECIDERS),
        "放弃退款 · Take back what the platform never heard of, or what nobody collected at a window, and say why.",
    )
    async def give_up_refund(self, info: Info, id: strawberry.ID, answer: str) -> RefundResult:  # noqa: A002 - the schema's word
        row = await deciding.give_up_refund(info.context.actor, as_uuid(id), answer)
        return Refund.of(await queries.shown(row))

    @mutation(
        staff(Role.CASHIER),
        "退回来款 · Of a task about another sum or payer: send back what the platform says has come; a second person"
        " decides. The bill can be paid anew.",
    )
    async def return_what_came(self, info: Info, task_id: strawberry.ID) -> RefundResult:
        row = await disowning.return_what_came(info.context.actor, as_uuid(task_id))
        return Refund.of(await queries.shown(row))

    @mutation(staff(Role.CASHIER), "窗口已退还 · The money was handed back at the window.")
    async def confirm_window_refund(self, info: Info, id: strawberry.ID) -> RefundResult:  # noqa: A002 - the schema's word
        return Refund.of(await queries.shown(await deciding.confirm_window_refund(info.context.actor, as_uuid(id))))
