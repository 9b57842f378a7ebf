"""Where the three truths of the run are read: the sandbox's records, the till, our tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.kernel import db
from integrations.sandbox.control import SandboxControl
from tests.chaos.payments.stories import Till
from tests.chaos.payments.truths import Attempt, Books, Owed, Paid

_CASHIER = "window"
_ATTEMPTS = """
    SELECT a.id, a.order_no, a.channel, a.payer_open_id, a.bill_id, a.state, a.amount_fen, a.promised_fen,
        coalesce((SELECT sum(l.amount_fen) FROM ledger_entry l
                  WHERE l.bill_id = a.bill_id AND l.attempt_id = a.id AND l.account = 'CLEARING'), 0)::bigint AS held
    FROM payment_attempt a
"""
_BACK = "SELECT attempt_id, refund_no, amount_fen FROM refund WHERE state = 'SUCCEEDED'"
_BILLS = """
    SELECT b.id, b.state, b.total_fen, b.refunded_fen, c.state = 'RESULT_READY' AS fulfilled
    FROM bill b LEFT JOIN case_file c ON c.id = b.case_id
"""
_ACCOUNTS = "SELECT account, sum(amount_fen)::bigint AS fen FROM ledger_entry GROUP BY account"
_UNBALANCED = "SELECT journal FROM ledger_entry GROUP BY journal HAVING sum(amount_fen) <> 0"
_JOBS = """
    SELECT task_name || ' ' || status || ' ' || args::text AS job FROM procrastinate_jobs WHERE status <> 'succeeded'
"""
_DIFFERENCES = """
    SELECT kind || ' ' || subject || ' ' || detail::text AS task FROM money_task
    WHERE state = 'OPEN' AND kind NOT IN ('WRONG_AMOUNT')
"""


async def theirs(control: SandboxControl, till: Till) -> list[Paid]:
    """Every payment, whoever took it."""
    wechat = [
        Paid(order.out_trade_no, "wechat", order.openid, order.total, _wechat_back(order.refunds))
        for order in await control.orders()
        if order.paid_at
    ]
    alipay = [
        Paid(trade.out_trade_no, "alipay", trade.open_id, trade.total, _alipay_back(trade.refunds))
        for trade in await control.trades()
        if trade.paid_at
    ]
    return [*wechat, *alipay, *await _till(till)]


def _wechat_back(refunds: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {one["out_refund_no"]: one["amount"]["refund"] for one in refunds if one["status"] == "SUCCESS"}


def _alipay_back(refunds: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {one["out_request_no"]: int(Decimal(one["refund_amount"]) * 100) for one in refunds if one["through"]}


async def _till(till: Till) -> list[Paid]:
    """The cashier knows bills and refunds; the numbers of the orders are in our rows, if they are anywhere."""
    found = await db.rows("SELECT bill_id, order_no, id FROM payment_attempt WHERE channel = 'cash'")
    orders = {str(row["bill_id"]): row for row in found}
    refunds = {str(row["id"]): row for row in await db.rows("SELECT id, attempt_id, refund_no FROM refund")}
    back: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for refund_id, fen in till.handed_back.items():
        back[refunds[refund_id]["attempt_id"]][refunds[refund_id]["refund_no"]] = fen
    taken = []
    for bill, fen in till.taken.items():
        order = orders.get(bill)
        taken.append(
            Paid(order["order_no"], "cash", _CASHIER, fen, back[order["id"]])
            if order
            else Paid(f"of bill {bill}", "cash", _CASHIER, fen)
        )
    return taken


async def books() -> Books:
    back: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for row in await db.rows(_BACK):
        back[row["attempt_id"]][row["refund_no"]] = row["amount_fen"]
    attempts = [
        Attempt(
            row["order_no"],
            row["channel"],
            row["payer_open_id"] or _CASHIER,
            str(row["bill_id"]),
            row["state"],
            row["amount_fen"],
            back[row["id"]],
            row["promised_fen"],
            row["held"],
        )
        for row in await db.rows(_ATTEMPTS)
    ]
    bills = [
        Owed(str(row["id"]), row["state"], row["total_fen"], row["refunded_fen"], row["fulfilled"])
        for row in await db.rows(_BILLS)
    ]
    return Books(
        attempts,
        bills,
        {row["account"]: row["fen"] for row in await db.rows(_ACCOUNTS)},
        [row["journal"] for row in await db.rows(_UNBALANCED)],
        [row["job"] for row in await db.rows(_JOBS)],
    )


async def differences() -> Sequence[str]:
    """What the day's comparison left for a person: nothing may be left but lies about amounts."""
    return [row["task"] for row in await db.rows(_DIFFERENCES)]
