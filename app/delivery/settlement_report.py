"""Without this module a closed month would be a pile of tasks. What each carrier moved and billed, for the cashier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from app.delivery.ports import Payer
from app.delivery.settling import month_of
from app.delivery.tasks_of_desk import ACCOUNTS
from app.kernel import db
from app.kernel.actor import Actor, Scope
from app.kernel.clock import local
from app.kernel.errors import NotAllowed
from app.kernel.sheets import Cell, sheet_of

# What a carrier bills that is no parcel of ours hangs on no parcel: the day is the statement's.
_MONTH = """
    SELECT p.carrier, max(p.carrier_name) AS name, p.payer, count(*) AS parcels,
        coalesce(sum(p.fee_fen), 0)::bigint AS ours, coalesce(sum(p.settled_fen), 0)::bigint AS billed,
        count(*) FILTER (WHERE p.settled_at IS NULL) AS unbilled, coalesce(sum(open.tasks), 0)::bigint AS differences
    FROM parcel p LEFT JOIN LATERAL (
        SELECT count(*) AS tasks FROM delivery_task t
        WHERE t.parcel_id = p.id AND t.state = 'OPEN' AND t.kind LIKE 'SETTLEMENT%'
    ) open ON true
    WHERE p.picked_up_at >= $1 AND p.picked_up_at < $2
    GROUP BY 1, 3
    UNION ALL
    SELECT split_part(subject, '/', 1), split_part(subject, '/', 1), NULL, count(*), 0,
        sum((detail->>'fee_fen')::bigint)::bigint, 0, count(*)
    FROM delivery_task WHERE kind = 'SETTLEMENT_THEIRS_ONLY' AND state = 'OPEN' AND detail->>'day' LIKE $3 || '-%'
    GROUP BY 1
    ORDER BY 1, 3 NULLS LAST
"""


@dataclass(frozen=True)
class CarrierMonth:
    """What a carrier picked up in a month at the cost of one payer; without a payer what it bills that nobody here
    knows. Amounts in fen: fees as we knew them, and as statements have them; of how many parcels no statement tells;
    differences nobody has seen to yet.
    """

    carrier: str
    carrier_name: str
    payer: Payer | None
    parcels: int
    ours_fen: int
    billed_fen: int
    unbilled: int
    differences: int


async def carrier_report(actor: Actor, month: str) -> list[CarrierMonth]:
    """A month (`2026-11`) by carrier and payer. Raises `NotAllowed`, also for who works for a part of the city, or
    `InvalidInput`.
    """
    actor.staff_id(*ACCOUNTS)
    if actor.scope != Scope():
        raise NotAllowed
    since, until = month_of(month, "month")
    return [
        CarrierMonth(
            row["carrier"],
            row["name"],
            Payer(row["payer"]) if row["payer"] else None,
            row["parcels"],
            row["ours"],
            row["billed"],
            row["unbilled"],
            row["differences"],
        )
        for row in await db.rows(_MONTH, since, until, f"{local(since):%Y-%m}")
    ]


_HEADINGS = (
    ("承运商", "carrier"), ("付费方", "payer"), ("件数", "parcels"), ("我方记录运费(元)", "our_fees_yuan"),
    ("对账单运费(元)", "billed_yuan"), ("未出账件数", "unbilled_parcels"), ("未处理差异", "open_differences"),
)  # fmt: skip
_PAYERS: dict[Payer | None, tuple[str, str]] = {
    Payer.CITY: ("大厅", "the hall"),
    Payer.SENDER: ("寄件人", "the sender"),
    Payer.RECIPIENT_ON_DELIVERY: ("收件人到付", "the recipient at the door"),
    None: ("对账单多出", "not known here"),
}


def payer_words(payer: Payer | None) -> tuple[str, str]:
    """Who pays, as a report has it."""
    return _PAYERS[payer]


def csv_of(rows: Iterable[CarrierMonth], language: str) -> str:
    """The rows as a table that office programs read; amounts in yuan."""
    place = int(language == "en")
    return sheet_of([words[place] for words in _HEADINGS], [_cells(row, place) for row in rows])


def _cells(row: CarrierMonth, place: int) -> list[Cell]:
    fees = [Decimal(fen).scaleb(-2) for fen in (row.ours_fen, row.billed_fen)]
    return [row.carrier_name, _PAYERS[row.payer][place], row.parcels, *fees, row.unbilled, row.differences]
