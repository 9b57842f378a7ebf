"""Without this module a cashier could neither take money nor say what is owed."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.payments import at_window, exemptions, notices, queries
from app.payments.rules import BILL_DAYS
from app.payments.states import BillState
from graphql_schema.context import Info
from graphql_schema.guards import lookup, mutation, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.payments.types import Bill, BillOfSomebody, BillOfSomebodyResult, BillResult
from graphql_schema.scalars import as_key, as_uuid

_CASHIERS = staff(Role.CASHIER)


@strawberry.input(description="收费项目 · A fee of the item's list; amount and decision only for what a decision sets.")
class NoticeLine:
    fee_key: str
    quantity: int = 1
    amount_fen: int | None = None
    decision: str = ""

    def asked(self) -> notices.NoticeLine:
        return notices.NoticeLine(self.fee_key, self.quantity, self.amount_fen, self.decision)


@strawberry.input(description="缴款人 · By name; with the identity number it shows among their own bills.")
class NoticePayer:
    name: str
    id_number: str | None = None


@strawberry.type
class CashierQuery:
    @query(_CASHIERS, "本单位缴费单 · Bills of my units, newest first; the list shows names and is audited.")
    async def unit_bills(
        self, info: Info, states: list[BillState] | None = None, first: int | None = None, after: str | None = None
    ) -> Connection[BillOfSomebody]:
        size = page_size(first)
        rows = await queries.bills_of_units(info.context.actor, states or (), size=size, before=key_after(after))
        shown = await BillOfSomebody.of_each(rows[:size])
        return connection_of([(each, str(each.bill.id)) for each in shown], has_more=len(rows) > size)

    @lookup(_CASHIERS, "凭缴款码查单 · A bill of my units by its payment code; the look is audited.")
    async def unit_bill(self, info: Info, number: str) -> BillOfSomebodyResult:
        [shown] = await BillOfSomebody.of_each([await queries.bill_seen_at_work(info.context.actor, number)])
        return shown


@strawberry.type
class CashierMutation:
    @mutation(_CASHIERS, "开具缴费通知 · Make out a notice of payment for fees of an item's list.")
    async def issue_notice(
        self,
        info: Info,
        item_key: str,
        lines: list[NoticeLine],
        payer: NoticePayer,
        idempotency_key: strawberry.ID,
        days: int = BILL_DAYS,
        anyone_may_pay: bool = False,
    ) -> BillResult:
        bill = await notices.issue_notice(
            info.context.actor,
            as_key(item_key),
            [line.asked() for line in lines],
            notices.Payer(payer.name, payer.id_number),
            days=days,
            anyone_may_pay=anyone_may_pay,
            idempotency_key=idempotency_key,
        )
        return Bill.of(bill)

    @mutation(_CASHIERS, "作废缴费通知 · Take back an unpaid notice.")
    async def cancel_notice(self, info: Info, bill_id: strawberry.ID, reason: str) -> BillResult:
        return Bill.of(await notices.cancel_notice(info.context.actor, as_uuid(bill_id), reason))

    @mutation(_CASHIERS, "减免 · Take a part of one line off an unpaid bill, or all of it, with rule and proof.")
    async def exempt_bill(
        self,
        info: Info,
        bill_id: strawberry.ID,
        line: int,
        amount_fen: int,
        basis: str,
        proof: str,
        idempotency_key: strawberry.ID,
    ) -> BillResult:
        bill = await exemptions.exempt(
            info.context.actor,
            as_uuid(bill_id),
            line,
            amount_fen,
            basis=basis,
            proof=proof,
            idempotency_key=idempotency_key,
        )
        return Bill.of(bill)

    @mutation(
        _CASHIERS, "窗口收费 · The money of a bill lies on the counter, all of it: cash, or a card machine's slip."
    )
    async def collect_at_window(
        self,
        info: Info,
        bill_id: strawberry.ID,
        channel: str,
        amount_fen: int,
        idempotency_key: strawberry.ID,
        slip: str = "",
    ) -> BillResult:
        bill = await at_window.collect_at_window(
            info.context.actor,
            as_uuid(bill_id),
            channel,
            amount_fen=amount_fen,
            slip=slip,
            idempotency_key=idempotency_key,
        )
        return Bill.of(bill)
