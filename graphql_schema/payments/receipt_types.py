"""Without this module nobody could see what they have to show for a payment."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.payments import models
from app.payments.receipts.links import expiry, link_to
from app.payments.receipts.queries import Verified
from app.payments.receipts.rules import KIND_WORDS, STANDING_WORDS, ReceiptStanding, standing_of
from app.payments.words import ReceiptKind
from graphql_schema.catalogue.types import Department
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

strawberry.enum(ReceiptKind)
strawberry.enum(ReceiptStanding)


@strawberry.type(description="票据 · A receipt: a fiscal e-receipt, or a plain one; the amount in fen.")
class Receipt:
    id: strawberry.ID
    kind: ReceiptKind
    code: str = strawberry.field(description="票据代码")
    number: str = strawberry.field(description="票据号码")
    check_code: str = strawberry.field(description="校验码")
    amount_fen: int
    state: ReceiptStanding
    issued_at: datetime
    voided_at: datetime | None
    red_number: str = strawberry.field(
        description="冲红票据号码 · Of the red letter that took it back; empty for none."
    )
    pdf_url: str | None = strawberry.field(
        description="The signed document, good for ten minutes and without a token; null until it is drawn, once it is"
        " taken back, and for anybody but the payer."
    )

    @classmethod
    def of(cls, row: models.Receipt, *, is_own: bool = False) -> Receipt:
        state = standing_of(row.state, row.void_reason)
        readable = is_own and state is not ReceiptStanding.VOIDED and row.pdf_sealed is not None
        return cls(
            id=strawberry.ID(str(row.id)),
            kind=row.kind,
            code=row.code,
            number=row.number,
            check_code=row.check_code,
            amount_fen=row.amount_fen,
            state=state,
            issued_at=row.issued_at,
            voided_at=row.voided_at,
            red_number=row.red_number,
            pdf_url=link_to(row.id) if readable else None,
        )

    @computed("What it is, in plain words.")
    def kind_text(self, info: Info) -> str:
        return info.context.say(*KIND_WORDS[self.kind])

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*STANDING_WORDS[self.state])


@strawberry.type(description="待打印票据 · Where a member of staff opens a receipt to print it.")
class ReceiptDocument:
    url: str
    expires_at: datetime

    @classmethod
    def of(cls, row: models.Receipt) -> ReceiptDocument:
        return cls(url=link_to(row.id), expires_at=expiry())


@strawberry.type(description="查验结果 · What anybody who holds a receipt may know of it: nothing about the payer.")
class VerifiedReceipt:
    kind: ReceiptKind
    code: str
    number: str
    amount_fen: int
    collecting_unit: Department
    issued_on: date
    state: ReceiptStanding
    red_number: str = strawberry.field(
        description="冲红票据号码 · Of the red letter that took it back; empty for none."
    )

    @classmethod
    def of(cls, found: Verified, info: Info) -> VerifiedReceipt:
        return cls(
            kind=found.kind,
            code=found.code,
            number=found.number,
            amount_fen=found.amount_fen,
            collecting_unit=Department.of(found.unit, info),
            issued_on=found.issued_on,
            state=found.standing,
            red_number=found.red_number,
        )

    @computed("What it is, in plain words.")
    def kind_text(self, info: Info) -> str:
        return info.context.say(*KIND_WORDS[self.kind])

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*STANDING_WORDS[self.state])


ReceiptResult = Annotated[Receipt | Problem, strawberry.union("ReceiptResult")]
ReceiptDocumentResult = Annotated[ReceiptDocument | Problem, strawberry.union("ReceiptDocumentResult")]
VerifiedReceiptResult = Annotated[VerifiedReceipt | Problem, strawberry.union("VerifiedReceiptResult")]
