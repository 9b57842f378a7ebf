"""Without this module the money in a drawer would be whatever somebody says.

A channel at a window keeps no account: the cashier's own count is one. It has to be what the ledger says, to the fen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.errors import NotAllowed
from app.payments.errors import ChannelUnavailable
from app.payments.models import Statement, TillCount
from app.payments.reconciling.commands import sign
from app.payments.reconciling.errors import CountDiffers, DayNotOver
from app.payments.reconciling.statements import locked_statement
from app.payments.settling import live_channel
from app.payments.words import StatementState

# Money handed back is missing in the till of who handed it, whoever took it.
_TAKINGS = """
    SELECT e.channel, coalesce(CASE WHEN e.amount_fen < 0 THEN r.handed_back_by_id END, a.taken_by_id) AS cashier,
        count(*) FILTER (WHERE e.amount_fen > 0) AS payments, count(*) FILTER (WHERE e.amount_fen < 0) AS refunds,
        coalesce(sum(e.amount_fen) FILTER (WHERE e.amount_fen > 0), 0)::bigint AS taken,
        coalesce(-sum(e.amount_fen) FILTER (WHERE e.amount_fen < 0), 0)::bigint AS given_back
    FROM ledger_entry e
    JOIN payment_attempt a ON a.id = e.attempt_id
    LEFT JOIN refund r ON r.id = e.refund_id
    WHERE e.day = $1 AND e.account = 'CLEARING' AND a.taken_by_id IS NOT NULL AND ($2::text IS NULL OR e.channel = $2)
    GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Takings:
    """What a cashier took and gave back on a day by a channel at a window, by the ledger. Amounts in fen.

    `counted_fen` is None until it is counted.
    """

    channel: str
    day: date
    cashier: UUID
    payments: int
    taken_fen: int
    given_back_fen: int
    counted_fen: int | None = None
    refunds: int = 0

    @property
    def in_till_fen(self) -> int:
        return self.taken_fen - self.given_back_fen


async def takings(actor: Actor, day: date) -> list[Takings]:
    """A cashier's own takings of a day, by channel; everybody's for who works for all of the city. Raises
    `NotAllowed`.
    """
    own = actor.staff_id(Role.CASHIER)
    return [each for each in await _takings(day) if actor.scope == Scope() or each.cashier == own]


async def _takings(day: date, channel: str | None = None) -> list[Takings]:
    counts = TillCount.filter(statement__day=day).prefetch_related("statement")
    counted = {(count.statement.channel, count.cashier_id): count.counted_fen for count in await counts}
    return [
        Takings(
            row["channel"], day, row["cashier"], row["payments"], row["taken"], row["given_back"],
            counted.get((row["channel"], row["cashier"])), row["refunds"],
        )
        for row in await db.rows(_TAKINGS, day, channel)
    ]  # fmt: skip


async def count_till(
    actor: Actor, channel: str, day: date, counted_fen: int, *, cashier: UUID | None = None
) -> Statement:
    """Sign off what a cashier took and gave back on a day with the sum that was counted. Again is harmless.

    Who works for all of the city may count for another `cashier`. The day of the channel is signed off with the count
    of the last of them; a day without takings with the count of nothing. Raises `NotAllowed`, `ChannelUnavailable`
    (no window), `DayNotOver` or `CountDiffers`, which tells the true sum.
    """
    own = actor.staff_id(Role.CASHIER)
    whose = cashier or own
    if whose != own and actor.scope != Scope():
        raise NotAllowed
    if not live_channel(channel).at_window:
        raise ChannelUnavailable(field="channel")
    if day >= clock.today():
        raise DayNotOver(field="day")
    async with db.transaction():
        statement = await locked_statement(channel, day)
        every = await _takings(day, channel)
        mine = next((each for each in every if each.cashier == whose), Takings(channel, day, whose, 0, 0, 0))
        if counted_fen != mine.in_till_fen:
            raise CountDiffers.of(mine.in_till_fen)
        if statement.state is not StatementState.SIGNED_OFF and mine.counted_fen is None:
            await _keep(actor, statement, mine)
            if all(each.counted_fen is not None or each.cashier == whose for each in every):
                await _sign(actor, statement, every)
    return statement


async def _keep(actor: Actor, statement: Statement, mine: Takings) -> None:
    await TillCount.get_or_create(
        {"counted_fen": mine.in_till_fen, "counted_by_id": actor.staff_id(), "counted_at": clock.now()},
        statement_id=statement.id,
        cashier_id=mine.cashier,
    )
    subject, detail = f"statement:{statement.channel}/{statement.day}", {"fen": mine.in_till_fen}
    await audit.record(actor, "till.counted", subject, detail={**detail, "cashier": str(mine.cashier)})


async def _sign(actor: Actor, statement: Statement, every: Sequence[Takings]) -> None:
    statement.payments = sum(each.payments for each in every)
    statement.refunds = sum(each.refunds for each in every)
    statement.paid_fen = sum(each.taken_fen for each in every)
    statement.refunded_fen = sum(each.given_back_fen for each in every)
    statement.reconciled_at = clock.now()
    await statement.save(update_fields=["payments", "refunds", "paid_fen", "refunded_fen", "reconciled_at"])
    await sign(actor, statement)
