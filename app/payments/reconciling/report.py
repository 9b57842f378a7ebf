"""Without this module nobody could tell a collecting unit what is its own.

Everything is read from the ledger. Surplus money belongs to no unit and goes back by itself; what a channel kept for
its service is taken off the unit it kept it of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from app.catalogue.queries import departments_by_key
from app.identity.rules import Role
from app.kernel import db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.kernel.sheets import Cell, sheet_of
from app.payments.journal import Unit
from app.payments.rules import TreasuryLevel

LONGEST_RANGE = timedelta(days=366)

# What was handed over is entered on the day of handing over; which day it was of, its journal says.
_DUE = """
    SELECT unit, treasury_level AS level, division_code AS division, channel, sum(paid)::bigint AS paid,
        sum(refunded)::bigint AS refunded, sum(fees)::bigint AS fees, sum(handed)::bigint AS handed
    FROM (
        SELECT b.collecting_unit AS unit, b.treasury_level, b.division_code, e.channel,
            CASE WHEN e.refund_id IS NULL THEN e.amount_fen ELSE 0 END AS paid,
            CASE WHEN e.refund_id IS NULL THEN 0 ELSE -e.amount_fen END AS refunded, 0 AS fees, 0 AS handed
        FROM ledger_entry e JOIN bill b ON b.id = e.bill_id JOIN payment_attempt a ON a.id = e.attempt_id
        WHERE e.day BETWEEN $1 AND $2 AND e.account = 'CLEARING' AND a.state NOT IN ('SURPLUS', 'RETURNED')
        UNION ALL
        SELECT unit, treasury_level, division_code, channel, 0, 0, amount_fen, 0
        FROM ledger_entry WHERE day BETWEEN $1 AND $2 AND account = 'FEES' AND unit <> ''
        UNION ALL
        SELECT unit, treasury_level, division_code, substr(split_part(journal, '/', 1), 13), 0, 0, 0, amount_fen
        FROM ledger_entry
        WHERE day >= $1 AND account = 'REMITTED'
            AND CASE WHEN account = 'REMITTED' THEN split_part(journal, '/', 2)::date END BETWEEN $1 AND $2
    ) AS moved
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_TIMES = "SELECT count(DISTINCT journal) AS times FROM ledger_entry WHERE journal = $1 OR journal LIKE $1 || '/%'"


@dataclass(frozen=True)
class Due:
    """Of a collecting unit and a channel, over some days. Amounts in fen."""

    unit: Unit
    name_zh: str
    name_en: str
    channel: str
    paid_fen: int
    refunded_fen: int
    fees_fen: int
    handed_over_fen: int

    @property
    def to_hand_over_fen(self) -> int:
        """What the channel holds of it after refunds and fees; less than nothing when more went back than came in."""
        return self.paid_fen - self.refunded_fen - self.fees_fen

    @property
    def left_fen(self) -> int:
        """What is still to be handed over, or given back by the treasury: of a day that was handed over, what was
        learnt of it since.
        """
        return self.to_hand_over_fen - self.handed_over_fen


def remittance_name(channel: str, day: date, unit: str) -> str:
    """The journal of handing over, for each unit, channel and day; what is handed over of it later has `/2` and so on
    behind. A unit's key may be longer than there is room.
    """
    return f"handed_over:{channel}/{day}/{hashlib.sha256(unit.encode()).hexdigest()[:16]}"


async def times_entered(channel: str, day: date, unit: str) -> int:
    """How often something was handed over of a unit's day."""
    [found] = await db.rows(_TIMES, remittance_name(channel, day, unit))
    return int(found["times"])


async def unit_report(actor: Actor, first: date, last: date) -> list[Due]:
    """Paid, refunded, fees and what is to hand over, by unit of the actor's part of the city and channel, from one
    day to another, both included.

    Raises `NotAllowed`, or `InvalidInput` for days out of order or more than a year.
    """
    actor.staff_id(Role.CASHIER, Role.STATISTICS_VIEWER)
    _check_range(first, last)
    return await due(actor, first, last)


def _check_range(first: date, last: date) -> None:
    if last < first:
        raise InvalidInput(field="to", reason_zh="结束日期早于开始日期", reason_en="the last day is before the first")
    if last - first >= LONGEST_RANGE:
        raise InvalidInput(
            field="to",
            reason_zh=f"一次最多统计{LONGEST_RANGE.days}天",
            reason_en=f"at most {LONGEST_RANGE.days} days at once",
        )


async def due(actor: Actor, first: date, last: date) -> list[Due]:
    """The same for whoever may see the units."""
    found = await db.rows(_DUE, first, last)
    rows = [row for row in found if actor.scope.covers(row["unit"], row["division"])]
    departments = await departments_by_key([row["unit"] for row in rows])
    return [
        Due(
            Unit(row["unit"], row["level"], row["division"]),
            department.name_zh if department else row["unit"],
            department.name_en if department else row["unit"],
            row["channel"],
            row["paid"],
            row["refunded"],
            row["fees"],
            row["handed"],
        )
        for row, department in zip(rows, departments, strict=True)
    ]


_LEVELS: dict[TreasuryLevel, tuple[str, str]] = {
    TreasuryLevel.CENTRAL: ("中央级", "central"),
    TreasuryLevel.PROVINCE: ("省级", "province"),
    TreasuryLevel.CITY: ("市级", "city"),
    TreasuryLevel.COUNTY: ("县区级", "county"),
    TreasuryLevel.TOWNSHIP: ("乡镇级", "township"),
}
_HEADINGS = (
    ("执收单位编码", "unit"), ("执收单位", "unit_name"), ("预算级次", "treasury_level"), ("区划", "division"),
    ("缴费渠道", "channel"), ("实收(元)", "paid_yuan"), ("退款(元)", "refunded_yuan"), ("手续费(元)", "fees_yuan"),
    ("应划解(元)", "to_hand_over_yuan"), ("已划解(元)", "handed_over_yuan"),
    ("待划解(元)", "left_yuan"),
)  # fmt: skip


def csv_of(rows: Iterable[Due], language: str) -> str:
    """The rows as a table that office programs read; amounts in yuan."""
    is_english = language == "en"
    return sheet_of([en if is_english else zh for zh, en in _HEADINGS], [_cells(row, is_english) for row in rows])


def _cells(row: Due, is_english: bool) -> Sequence[Cell]:
    return (
        row.unit.key,
        row.name_en if is_english else row.name_zh,
        _LEVELS[TreasuryLevel(row.unit.treasury_level)][int(is_english)],
        row.unit.division_code,
        row.channel,
        *(
            Decimal(fen).scaleb(-2)
            for fen in (
                row.paid_fen,
                row.refunded_fen,
                row.fees_fen,
                row.to_hand_over_fen,
                row.handed_over_fen,
                row.left_fen,
            )
        ),
    )
