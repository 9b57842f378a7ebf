"""Without this module money would stay with the channels for ever (划解)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from app.identity.rules import Role
from app.kernel import audit, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.payments import journal
from app.payments.ledger import About, post
from app.payments.reconciling.errors import DayNotSignedOff, NothingToHandOver, RemittanceDiffers
from app.payments.reconciling.report import Due, due, remittance_name, times_entered
from app.payments.reconciling.statements import locked_statement
from app.payments.words import StatementState


async def record_remittance(actor: Actor, unit: str, channel: str, day: date, amount_fen: int) -> Sequence[Due]:
    """A cashier has handed over what a channel held of a unit's money of a signed day; again is harmless. Less than
    nothing is what the treasury gave back, after more was refunded than paid. What was learnt of the day since is
    entered beside what was handed over before.

    `amount_fen` is all that is handed over of the day by now: it has to be what is to be. Raises `NotAllowed`,
    `NotFound` (also of another unit), `DayNotSignedOff`, `NothingToHandOver` or `RemittanceDiffers`, which tells the
    true sum.
    """
    actor.staff_id(Role.CASHIER)
    async with db.transaction():
        statement = await locked_statement(channel, day)
        rows = await _due_of(actor, unit, channel, day)
        if not rows:
            raise NotFound(what_zh="该单位当日的收款", what_en="money of this unit on this day")
        if statement.state is not StatementState.SIGNED_OFF:
            raise DayNotSignedOff(field="day")
        times = await times_entered(channel, day, unit)
        left = [row.left_fen for row in rows]
        if not times and not any(left):
            raise NothingToHandOver
        wanted = sum(row.to_hand_over_fen for row in rows)
        if amount_fen != wanted:
            raise RemittanceDiffers.of(wanted)
        if any(left):
            await _enter(actor, rows, day, times)
        return await _due_of(actor, unit, channel, day)


async def _due_of(actor: Actor, unit: str, channel: str, day: date) -> Sequence[Due]:
    """One row, or one for each place the unit's bills were of that day."""
    return [row for row in await due(actor, day, day) if (row.unit.key, row.channel) == (unit, channel)]


async def _enter(actor: Actor, rows: Sequence[Due], day: date, times: int) -> None:
    unit, channel = rows[0].unit.key, rows[0].channel
    entry = [posting for row in rows for posting in journal.handed_over(channel, row.unit, row.left_fen)]
    name = remittance_name(channel, day, unit)
    await post(f"{name}/{times + 1}" if times else name, entry, About())
    detail = {"unit": unit, "fen": sum(row.left_fen for row in rows), "supplement": times}
    await audit.record(actor, "remittance.recorded", f"statement:{channel}/{day}", detail=detail)
