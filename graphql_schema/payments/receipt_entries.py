"""Without this module nobody could check a receipt, print one, or have a wrong one taken back."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.payments.receipts import queries, withdrawing
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, lookup, mutation, query, staff
from graphql_schema.payments.receipt_types import (
    Receipt,
    ReceiptDocument,
    ReceiptDocumentResult,
    ReceiptResult,
    VerifiedReceipt,
    VerifiedReceiptResult,
)
from graphql_schema.scalars import as_uuid


@strawberry.type
class ReceiptsQuery:
    @lookup(
        EVERYONE,
        "票据查验 · Whether a receipt is ours and how it stands, by what is printed on it. Says nothing about the"
        " payer, and the same for a wrong check code as for a number never given out.",
    )
    async def verify_receipt(self, info: Info, code: str, number: str, check_code: str) -> VerifiedReceiptResult:
        return VerifiedReceipt.of(await queries.verify(code, number, check_code, info.context.address), info)

    @query(staff(Role.CASHIER), "缴费单的票据 · Every receipt a bill of my units ever had, newest first.")
    async def bill_receipts(self, info: Info, bill_id: strawberry.ID) -> list[Receipt]:
        return [Receipt.of(row) for row in await queries.receipts_at_work(info.context.actor, as_uuid(bill_id))]

    @lookup(
        staff(Role.CASHIER),
        "打印票据 · Where to open the document of a receipt in force, to hand it out on paper. Each look is audited.",
    )
    async def receipt_to_print(self, info: Info, id: strawberry.ID) -> ReceiptDocumentResult:  # noqa: A002
        return ReceiptDocument.of(await queries.receipt_to_print(info.context.actor, as_uuid(id)))


@strawberry.type
class ReceiptsMutation:
    @mutation(
        staff(Role.CASHIER),
        "作废票据 · Take a wrong receipt back (冲红); another one over the same money follows by itself.",
    )
    async def void_receipt(self, info: Info, id: strawberry.ID, reason: str) -> ReceiptResult:  # noqa: A002
        return Receipt.of(await withdrawing.void_receipt(info.context.actor, as_uuid(id), reason))
