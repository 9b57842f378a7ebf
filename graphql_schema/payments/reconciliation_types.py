"""Without this module a day of money would be shown from one side only."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.payments import models
from app.payments.reconciling import queries, recomputing, report, tills
from app.payments.reconciling.rules import fee_fen
from app.payments.rules import TreasuryLevel
from app.payments.words import StatementState
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.paging import Connection, connection_of, offset_after, page_size
from graphql_schema.problems import Problem
from graphql_schema.scalars import FenSum

strawberry.enum(StatementState)
strawberry.enum(TreasuryLevel)


@strawberry.type(description="对账单 · A day of a channel by the platform's account, or by the counts of a window.")
class Statement:
    id: strawberry.ID
    channel: str
    day: date
    state: StatementState
    payments: int
    refunds: int
    paid_fen: FenSum
    refunded_fen: FenSum
    fees_fen: FenSum = strawberry.field(description="The day's sum, rounded to a fen.")
    fetched_at: datetime | None
    reconciled_at: datetime | None
    signed_at: datetime | None

    @classmethod
    def of(cls, row: models.Statement) -> Statement:
        return cls(
            id=strawberry.ID(str(row.id)),
            channel=row.channel,
            day=row.day,
            state=row.state,
            payments=row.payments,
            refunds=row.refunds,
            paid_fen=FenSum(row.paid_fen),
            refunded_fen=FenSum(row.refunded_fen),
            fees_fen=FenSum(fee_fen(row.fees_e5)),
            fetched_at=row.fetched_at,
            reconciled_at=row.reconciled_at,
            signed_at=row.signed_at,
        )


@strawberry.type(description="当日发生额 · What moved on a day, in fen.")
class MoneyMoved:
    paid_fen: FenSum
    surplus_fen: FenSum = strawberry.field(description="What nobody owed; it goes back by itself.")
    refunded_fen: FenSum

    @classmethod
    def of(cls, moved: recomputing.Moved) -> MoneyMoved:
        return cls(
            paid_fen=FenSum(moved.paid_fen),
            surplus_fen=FenSum(moved.surplus_fen),
            refunded_fen=FenSum(moved.refunded_fen),
        )


@strawberry.type(
    description="对账单及三方合计 · A day from all sides: the account, our payments and refunds, our ledger."
)
class StatementInFull:
    statement: Statement
    rows: MoneyMoved = strawberry.field(description="Computed again from payments and refunds.")
    ledger: MoneyMoved
    ledger_agrees: bool
    open_tasks: int

    @classmethod
    def of(cls, day: queries.DayInFull) -> StatementInFull:
        return cls(
            statement=Statement.of(day.statement),
            rows=MoneyMoved.of(day.rows),
            ledger=MoneyMoved.of(day.ledger),
            ledger_agrees=day.ledger_agrees,
            open_tasks=day.open_tasks,
        )


@strawberry.type(description="当日收款 · What a cashier took and gave back at a window, by the ledger, in fen.")
class Takings:
    channel: str
    day: date
    cashier_id: strawberry.ID
    payments: int
    taken_fen: FenSum
    given_back_fen: FenSum
    in_till_fen: FenSum
    counted: bool

    @classmethod
    def of(cls, row: tills.Takings) -> Takings:
        return cls(
            channel=row.channel,
            day=row.day,
            cashier_id=strawberry.ID(str(row.cashier)),
            payments=row.payments,
            taken_fen=FenSum(row.taken_fen),
            given_back_fen=FenSum(row.given_back_fen),
            in_till_fen=FenSum(row.in_till_fen),
            counted=row.counted_fen is not None,
        )


@strawberry.type(description="清点结果 · A till is counted; the day is signed off with the last one.")
class TillCounted:
    channel: str
    day: date
    signed_off: bool


@strawberry.type(description="划解报表行 · Of a collecting unit and channel. Amounts in fen.")
class UnitDue:
    unit: str
    unit_name: str
    treasury_level: TreasuryLevel
    division: str
    channel: str
    paid_fen: FenSum
    refunded_fen: FenSum
    fees_fen: FenSum
    to_hand_over_fen: FenSum
    handed_over_fen: FenSum
    left_fen: FenSum = strawberry.field(
        description="Still to be handed over, or less than nothing: to be given back by the treasury."
    )

    @classmethod
    def of(cls, row: report.Due, info: Info) -> UnitDue:
        return cls(
            unit=row.unit.key,
            unit_name=info.context.say(row.name_zh, row.name_en),
            treasury_level=TreasuryLevel(row.unit.treasury_level),
            division=row.unit.division_code,
            channel=row.channel,
            paid_fen=FenSum(row.paid_fen),
            refunded_fen=FenSum(row.refunded_fen),
            fees_fen=FenSum(row.fees_fen),
            to_hand_over_fen=FenSum(row.to_hand_over_fen),
            handed_over_fen=FenSum(row.handed_over_fen),
            left_fen=FenSum(row.left_fen),
        )


@strawberry.type(description="划解报表 · What units are to be handed over, a page of rows or all of them as a table.")
class UnitReport:
    every: strawberry.Private[list[report.Due]]

    @computed("A page of the rows, by unit and channel.")
    def rows(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[UnitDue]:
        limit, offset = page_size(first), offset_after(after)
        page = self.every[offset : offset + limit]
        nodes = [(UnitDue.of(row, info), str(offset + place)) for place, row in enumerate(page)]
        return connection_of(nodes, has_more=len(self.every) > offset + limit)

    @computed("Every row as CSV in yuan (RFC 4180, UTF-8 with a byte order mark, no formulas).")
    def csv(self, info: Info) -> str:
        return report.csv_of(self.every, info.context.language)


@strawberry.type(description="划解登记 · What of a unit and channel has been handed over for a day.")
class Remittance:
    rows: list[UnitDue]


StatementResult = Annotated[StatementInFull | Problem, strawberry.union("StatementResult")]
TillCountedResult = Annotated[TillCounted | Problem, strawberry.union("TillCountedResult")]
UnitReportResult = Annotated[UnitReport | Problem, strawberry.union("UnitReportResult")]
RemittanceResult = Annotated[Remittance | Problem, strawberry.union("RemittanceResult")]
