"""Without this module nobody could see money on its way back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.kernel.actor import ActorKind
from app.payments import models
from app.payments.queries import names_of_debtors
from app.payments.refunds import queries
from app.payments.refunds.rules import Share
from app.payments.states import RefundState
from app.payments.words import REASON_WORDS, RefundReason
from app.texts.models import TextCheck
from app.texts.queries import checks_by_id
from app.texts.rules import TextStanding
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

strawberry.enum(RefundState)
strawberry.enum(RefundReason)


@strawberry.input(description="What of a refund is for one line of the bill, counted from 0; in fen.")
class RefundShareInput:
    line: int
    amount_fen: int

    def share(self) -> Share:
        return Share(self.line, self.amount_fen)


@strawberry.type(description="退款明细 · What of a refund is for one line of the bill.")
class RefundShare:
    line: int
    name: str
    amount_fen: int


@strawberry.type(description="退款 · One repayment of money that was paid for a bill; amounts in fen.")
class Refund:
    id: strawberry.ID
    bill_id: strawberry.ID
    bill_number: str = strawberry.field(description="缴款码")
    description: str = strawberry.field(description="What was paid for.")
    amount_fen: int
    reason: RefundReason
    state: RefundState
    requested_at: datetime
    decided_at: datetime | None
    refunded_at: datetime | None = strawberry.field(description="When the money was back.")
    answer: str = strawberry.field(description="Why it was declined or given up; empty otherwise.")
    lines: list[RefundShare]
    row: strawberry.Private[models.Refund]

    @classmethod
    def of(cls, row: models.Refund) -> Refund:
        """Of a row with its bill and payment."""
        names = [line["name"] for line in row.bill.lines]
        return cls(
            id=strawberry.ID(str(row.id)),
            bill_id=strawberry.ID(str(row.bill_id)),
            bill_number=row.bill.number,
            description=row.bill.description,
            amount_fen=row.amount_fen,
            reason=row.reason,
            state=row.state,
            requested_at=row.requested_at,
            decided_at=row.decided_at,
            refunded_at=row.settled_at,
            answer=row.answer,
            lines=[
                RefundShare(line=share["line"], name=names[share["line"]], amount_fen=share["amount_fen"])
                for share in row.lines
            ],
            row=row,
        )

    @computed("How it stands, in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*queries.in_words(self.row, self.row.attempt))

    @computed("Why the money goes back, in plain words.")
    def reason_text(self, info: Info) -> str:
        return info.context.say(*REASON_WORDS[self.reason])

    @computed("What whoever asked for it added, as far as I may read it.", batch=checks_by_id)
    async def remark(self, info: Info) -> str:
        return queries.remark_for(info.context.actor, self.row, await self._known(info))

    @computed("How a resident's remark stands; null for none and for words of the staff.", batch=checks_by_id)
    async def remark_standing(self, info: Info) -> TextStanding | None:
        return queries.remark_standing(self.row, await self._known(info))

    async def _known(self, info: Info) -> TextCheck | None:
        wanted = self.row.remark_check_id
        return await info.context.load(checks_by_id, wanted) if wanted else None

    @computed("Who owed the bill, as staff may see it; null for everybody else.", batch=names_of_debtors)
    async def masked_name(self, info: Info) -> str | None:
        if info.context.actor.kind is not ActorKind.STAFF:
            return None
        return await info.context.load(names_of_debtors, self.row.bill_id)

    @computed("Whether a cashier hands it back at a window; otherwise it goes back the way it came.")
    def at_window(self) -> bool:
        return queries.is_at_window(self.row.attempt)


@strawberry.type(description="可退明细 · What was paid for one line of a bill and can still go back.")
class RefundableLine:
    line: int
    name: str
    paid_fen: int
    refundable_fen: int


@strawberry.type(description="退款情况 · What a bill has given back and can still give back.")
class BillRefunds:
    bill_id: strawberry.ID
    bill_number: str = strawberry.field(description="缴款码")
    refunded_fen: int = strawberry.field(description="What is back already.")
    refundable_fen: int = strawberry.field(description="What can still be asked for; say it when asking.")
    lines: list[RefundableLine]
    refunds: list[Refund] = strawberry.field(description="Every repayment, the oldest first; surplus money too.")

    @classmethod
    def of(cls, found: queries.Refundable) -> BillRefunds:
        bill = found.bill
        return cls(
            bill_id=strawberry.ID(str(bill.id)),
            bill_number=bill.number,
            refunded_fen=bill.refunded_fen,
            refundable_fen=found.left_fen,
            lines=[
                RefundableLine(line=place, name=line["name"], paid_fen=paid, refundable_fen=left)
                for place, (line, paid, left) in enumerate(zip(bill.lines, found.paid, found.left, strict=True))
            ],
            refunds=[Refund.of(row) for row in found.refunds],
        )


RefundResult = Annotated[Refund | Problem, strawberry.union("RefundResult")]
BillRefundsResult = Annotated[BillRefunds | Problem, strawberry.union("BillRefundsResult")]
