"""Without this module nobody could see what they owe."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.kernel import ports
from app.payments import commands, models
from app.payments.ports import PaymentChannel as PaymentChannelPort
from app.payments.states import BILL_WORDS, BillState
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

strawberry.enum(BillState)


@strawberry.type
class BillLine:
    name: str
    amount_fen: int
    quantity: int
    basis: str


@strawberry.type(description="缴费单 · What is owed for a case; amounts in fen.")
class Bill:
    id: strawberry.ID
    number: str = strawberry.field(description="缴款码")
    total_fen: int
    state: BillState
    issued_at: datetime
    due_at: datetime
    paid_at: datetime | None
    lines: list[BillLine]

    @classmethod
    def of(cls, row: models.Bill) -> Bill:
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            total_fen=row.total_fen,
            state=row.state,
            issued_at=row.issued_at,
            due_at=row.due_at,
            paid_at=row.paid_at,
            lines=[
                BillLine(
                    name=line["name"], amount_fen=line["amount_fen"], quantity=line["quantity"], basis=line["basis"]
                )
                for line in row.lines
            ],
        )

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*BILL_WORDS[self.state])


@strawberry.type
class Parameter:
    name: str
    value: str


@strawberry.type(description="What the phone needs to ask for the payment (WeChat: wx.requestPayment).")
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
    def every(cls, info: Info) -> list[PaymentChannel]:
        return [
            cls(code=code, name=info.context.say(channel.name_zh, channel.name_en))
            for code, channel in ports.every(PaymentChannelPort).items()
        ]


BillResult = Annotated[Bill | Problem, strawberry.union("BillResult")]
PayResult = Annotated[Payable | Problem, strawberry.union("PayResult")]
