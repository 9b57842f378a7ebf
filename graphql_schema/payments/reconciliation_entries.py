"""Without this module nobody could close a day of money."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from app.identity.rules import Role
from app.payments.reconciling import commands, queries, remitting, report, tills
from app.payments.words import StatementState
from graphql_schema.context import Info
from graphql_schema.guards import lookup, mutation, query, staff
from graphql_schema.paging import Connection, connection_of, offset_after, page_size
from graphql_schema.payments.reconciliation_types import (
    Remittance,
    RemittanceResult,
    Statement,
    StatementInFull,
    StatementResult,
    Takings,
    TillCounted,
    TillCountedResult,
    UnitDue,
    UnitReport,
    UnitReportResult,
)
from graphql_schema.scalars import FenSum, as_channel, as_key, as_uuid

_CASHIERS = staff(Role.CASHIER)


@strawberry.type
class ReconciliationQuery:
    @query(_CASHIERS, "对账单 · Days of channels, newest first; for who works for all of the city.")
    async def statements(
        self,
        info: Info,
        channel: str | None = None,
        from_: Annotated[date | None, strawberry.argument(name="from")] = None,
        to: date | None = None,
        state: StatementState | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[Statement]:
        size, offset = page_size(first), offset_after(after)
        rows = await queries.statements(
            info.context.actor,
            channel=as_channel(channel) if channel else None,
            first=from_,
            last=to,
            state=state,
            limit=size + 1,
            offset=offset,
        )
        nodes = [(Statement.of(row), str(offset + place)) for place, row in enumerate(rows[:size])]
        return connection_of(nodes, has_more=len(rows) > size)

    @lookup(_CASHIERS, "对账单及三方合计 · One day of a channel from all sides.")
    async def statement(self, info: Info, channel: str, day: date) -> StatementResult:
        return StatementInFull.of(await queries.day_in_full(info.context.actor, as_channel(channel), day))

    @query(_CASHIERS, "当日收款 · What I took and gave back at windows on a day; everybody's, for all of the city.")
    async def takings(self, info: Info, day: date) -> list[Takings]:
        return [Takings.of(row) for row in await tills.takings(info.context.actor, day)]

    @lookup(
        staff(Role.CASHIER, Role.STATISTICS_VIEWER),
        "划解报表 · Paid, refunded, fees and what is to hand over by unit and channel, at most 366 days.",
    )
    async def unit_report(
        self, info: Info, from_: Annotated[date, strawberry.argument(name="from")], to: date
    ) -> UnitReportResult:
        return UnitReport(every=await report.unit_report(info.context.actor, from_, to))


@strawberry.type
class ReconciliationMutation:
    @mutation(_CASHIERS, "重新对账 · Ask the platform for a day's account again and compare; or take a corrected one.")
    async def reconcile_again(
        self, info: Info, channel: str, day: date, take_corrected: bool = False
    ) -> StatementResult:
        actor = info.context.actor
        row = await commands.reconcile_again(actor, as_channel(channel), day, take_corrected=take_corrected)
        return StatementInFull.of(await queries.in_full(row))

    @mutation(_CASHIERS, "签认 · Sign off a day of a platform without open differences; it is not changed any more.")
    async def sign_off(self, info: Info, channel: str, day: date) -> StatementResult:
        return StatementInFull.of(
            await queries.in_full(await commands.sign_off(info.context.actor, as_channel(channel), day))
        )

    @mutation(_CASHIERS, "清点签认 · Sign off a day at a window with the sum that was counted.")
    async def count_till(
        self, info: Info, channel: str, day: date, counted_fen: FenSum, cashier_id: strawberry.ID | None = None
    ) -> TillCountedResult:
        whose = as_uuid(cashier_id) if cashier_id else None
        row = await tills.count_till(info.context.actor, as_channel(channel), day, counted_fen, cashier=whose)
        return TillCounted(channel=row.channel, day=row.day, signed_off=row.state is StatementState.SIGNED_OFF)

    @mutation(_CASHIERS, "登记划解 · Record that a unit's money of a signed day was handed over, once for all.")
    async def record_remittance(
        self, info: Info, unit: str, channel: str, day: date, amount_fen: FenSum
    ) -> RemittanceResult:
        actor = info.context.actor
        rows = await remitting.record_remittance(actor, as_key(unit), as_channel(channel), day, amount_fen)
        return Remittance(rows=[UnitDue.of(row, info) for row in rows])
