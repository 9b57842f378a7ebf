"""Without this module a sum could be in two places or in none. Entries are only ever added (复式记账)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.kernel import clock, db
from app.payments.journal import Posting, Unit
from app.payments.models import Bill
from app.payments.words import Account

_POST = """
    INSERT INTO ledger_entry (journal, place, at, day, account, channel, unit, treasury_level, division_code,
                              amount_fen, bill_id, attempt_id, refund_id)
    SELECT $1, line.*, $10::uuid, $11::uuid, $12::uuid
    FROM (SELECT place::smallint, $2::timestamptz, $3::date, account, channel, unit, level, division, fen
          FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[])
              WITH ORDINALITY AS given (account, channel, unit, level, division, fen, place)) AS line
    ON CONFLICT (journal, place) DO NOTHING
"""
_BALANCES = """
    SELECT account, sum(amount_fen)::bigint AS fen FROM ledger_entry WHERE $1::date IS NULL OR day <= $1 GROUP BY 1
"""


@dataclass(frozen=True)
class About:
    """Which bill, attempt and refund an entry belongs to."""

    bill: UUID | None = None
    attempt: UUID | None = None
    refund: UUID | None = None


def unit_of(bill: Bill) -> Unit:
    return Unit(bill.collecting_unit, bill.treasury_level.value, bill.division_code)


async def post(journal: str, postings: Sequence[Posting], about: About, *, at: datetime | None = None) -> None:
    """Enter something that happened, once, in the transaction in which it happened; the same journal again adds
    nothing. `at` is the moment by whoever moved the money. Postings that move nothing are left out.

    The database refuses an entry that does not add up to nothing, and every change to what was entered.
    """
    moment = at or clock.now()
    units = [each.unit or _NOBODY for each in postings]
    if postings:
        await db.rows(
            _POST,
            journal,
            moment,
            clock.local(moment).date(),
            [each.account.value for each in postings],
            [each.channel for each in postings],
            [unit.key for unit in units],
            [unit.treasury_level for unit in units],
            [unit.division_code for unit in units],
            [each.amount_fen for each in postings],
            about.bill,
            about.attempt,
            about.refund,
        )


_NOBODY = Unit("", "", "")


async def balances(until: date | None = None) -> dict[Account, int]:
    """What every account holds at the end of a day, or now; they add up to nothing."""
    rows = await db.rows(_BALANCES, until)
    return {Account(row["account"]): row["fen"] for row in rows}
