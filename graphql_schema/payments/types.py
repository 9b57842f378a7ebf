"""Without this module nobody could see what they owe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.catalogue.queries import departments_by_key
from app.kernel import ports
from app.links.things import LinkKind, Thing
from app.payments import commands, models
from app.payments.ports import PaymentChannel as PaymentChannelPort
from app.payments.queries import channels_asked, masked_payers
from app.payments.receipts.queries import is_own, newest_receipts
from app.payments.receipts.rules import item_code
from app.payments.rules import KIND_WORDS, BillKind
from app.payments.states import BILL_WORDS, CONFIRMING_WORDS, BillState
from app.payments.words import STANDARD_WORDS
from graphql_schema.catalogue.types import Department
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.links.types import Link
from graphql_schema.payments.receipt_types import Receipt
from graphql_schema.problems import Problem

strawberry.enum(BillState)
strawberry.enum(BillKind)


@strawberry.type
class BillLine:
    code: str | None = strawberry.field(description="项目编码 · Of the non-tax item; null where its list gives none.")
    name: str
    amount_fen: int
    quantity: int
    exempt_fen: int = strawberry.field(description="减免 · What need not be paid of amount times quantity.")
    basis: str
    standard: str | None = strawberry.field(
        description="收费标准 · By what the amount is set: NATIONAL, LOCAL, BY_DECISION, LATE_FINE …; null where the"
        " list does not say."
    )

    @classmethod
    def of(cls, line: dict[str, Any]) -> BillLine:
        standard = line.get("standard")
        return cls(
            code=item_code(line) or None,
            name=line["name"],
            amount_fen=line["amount_fen"],
            quantity=line["quantity"],
            exempt_fen=line.get("exempt_fen", 0),
            basis=line["basis"],
            standard=standard if standard in STANDARD_WORDS else None,
        )

    @computed("The standard in plain words; null where it is not known.")
    def standard_text(self, info: Info) -> str | None:
        return info.context.say(*STANDARD_WORDS[self.standard]) if self.standard else None


@strawberry.type(description="缴费单 · What is owed for a case, for a booking, or by a notice; amounts in fen.")
class Bill:
    id: strawberry.ID
    number: str = strawberry.field(description="缴款码")
    kind: BillKind
    description: str
    total_fen: int = strawberry.field(description="What is to be paid, exemptions taken off.")
    refunded_fen: int
    state: BillState
    issued_at: datetime
    due_at: datetime
    paid_at: datetime | None
    anyone_may_pay: bool = strawberry.field(description="Whether whoever knows the payment code may pay it.")
    lines: list[BillLine]
    row: strawberry.Private[models.Bill]

    @classmethod
    def of(cls, row: models.Bill) -> Bill:
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            kind=row.kind,
            description=row.description,
            total_fen=row.total_fen,
            refunded_fen=row.refunded_fen,
            state=row.state,
            issued_at=row.issued_at,
            due_at=row.due_at,
            paid_at=row.paid_at,
            anyone_may_pay=row.anyone_may_pay,
            row=row,
            lines=[BillLine.of(line) for line in row.lines],
        )

    @computed(
        "The state in plain words; once the phone has said that it paid, that the provider is being asked.",
        batch=channels_asked,
    )
    async def state_text(self, info: Info) -> str:
        asked = await info.context.load(channels_asked, self.row.id) if self.state is BillState.PAYING else None
        channel = ports.every(PaymentChannelPort).get(asked) if asked else None
        if channel is None:
            return info.context.say(*BILL_WORDS[self.state])
        zh, en = CONFIRMING_WORDS
        return info.context.say(zh.format(channel=channel.name_zh), en.format(channel=channel.name_en))

    @computed("What it is for, in plain words.")
    def kind_text(self, info: Info) -> str:
        return info.context.say(*KIND_WORDS[self.kind])

    @computed("From outside the app to this bill.")
    def link(self) -> Link:
        return Link.to(Thing(LinkKind.BILL, self.row.id))

    @computed("执收单位 · Who collects it.", batch=departments_by_key)
    async def collecting_unit(self, info: Info) -> Department | None:
        unit = await info.context.load(departments_by_key, self.row.collecting_unit)
        return Department.of(unit, info) if unit else None

    @computed("票据 · The receipt in force, else the last one; null before there is one.", batch=newest_receipts)
    async def receipt(self, info: Info) -> Receipt | None:
        found = await info.context.load(newest_receipts, self.row.id)
        return Receipt.of(found, is_own=is_own(self.row, info.context.actor)) if found else None


@strawberry.type(description="他人的缴费单 · A bill with as much of the payer's name as others may see.")
class BillOfSomebody:
    bill: Bill
    masked_name: str | None

    @classmethod
    async def of_each(cls, rows: Sequence[models.Bill]) -> list[BillOfSomebody]:
        names = await masked_payers(rows)
        return [cls(bill=Bill.of(row), masked_name=name) for row, name in zip(rows, names, strict=True)]


@strawberry.type
class Parameter:
    name: str
    value: str


@strawberry.type(description="What the phone needs to ask for a payment (wx.requestPayment, my.tradePay).")
class Payable:
    bill: Bill
    order_no: str
    parameters: list[Parameter]
    expires_at: datetime

    @classmethod
    def of(cls, payable: commands.Payable) -> Payable:
        return cls(
            bill=Bill.of(payable.bill),
            order_no=payable.attempt.order_no,
            parameters=[Parameter(name=name, value=value) for name, value in payable.client_parameters.items()],
            expires_at=payable.attempt.expires_at,
        )


@strawberry.type(description="支付方式 · A way to pay that is switched on here.")
class PaymentChannel:
    code: str
    name: str

    @classmethod
    def of(cls, code: str, channel: PaymentChannelPort, info: Info) -> PaymentChannel:
        return cls(code=code, name=info.context.say(channel.name_zh, channel.name_en))


BillOfSomebodyResult = Annotated[BillOfSomebody | Problem, strawberry.union("BillOfSomebodyResult")]
BillResult = Annotated[Bill | Problem, strawberry.union("BillResult")]
PayResult = Annotated[Payable | Problem, strawberry.union("PayResult")]
