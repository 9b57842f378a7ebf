"""A stand-in channel whose accounts are whatever a test writes down: for what no provider would be asked to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import orjson

from app.kernel import clock, db, ports
from app.payments.ports import (
    AccountBroken,
    AccountLine,
    AccountNotReady,
    DayAccount,
    FundsAccount,
    OpenedPayment,
    PaymentChannel,
    PaymentOrder,
    PaymentState,
    PaymentTruth,
    RefundOrder,
    RefundStanding,
    RefundTruth,
)

CODE = "paper"


@dataclass
class PaperChannel:
    """`lines` are its account of every day; `income_fen` and `outgo_fen` are as the lines tell unless they are set."""

    lines: Sequence[AccountLine] = ()
    income_fen: int | None = None
    outgo_fen: int | None = None
    ready: bool = True
    broken: str = ""
    truths: dict[str, PaymentState] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    name_zh = "纸上支付"
    name_en = "Paper"
    sign_in_channel = ""
    at_window = False
    keeps_accounts = True

    async def open_payment(self, order: PaymentOrder) -> OpenedPayment:
        return OpenedPayment(order.order_no)

    async def client_parameters(self, prepay_ref: str) -> Mapping[str, str]:  # noqa: ARG002 - no phone takes part
        return {}

    async def ask(self, order_no: str) -> PaymentTruth:
        self.asked.append(order_no)
        return PaymentTruth(CODE, order_no, self.truths.get(order_no, PaymentState.UNKNOWN))

    async def close(self, order_no: str) -> None:
        pass

    async def refund(self, order: RefundOrder) -> RefundTruth:
        return await self.ask_refund(order)

    async def ask_refund(self, order: RefundOrder) -> RefundTruth:
        return RefundTruth(CODE, order.refund_no, RefundStanding.UNKNOWN)

    async def day_account(self, day: date) -> DayAccount:
        if not self.ready:
            raise AccountNotReady
        if self.broken:
            raise AccountBroken(self.broken)
        return DayAccount(day, self._digest(), b"paper", self.lines)

    async def funds_account(self, day: date) -> FundsAccount:
        income = sum(line.amount_fen for line in self.lines if not line.refund_no)
        outgo = sum(line.amount_fen for line in self.lines if line.refund_no)
        outgo += round(sum(line.fee_e5 for line in self.lines) / 1000)
        return FundsAccount(
            day,
            self._digest(),
            b"",
            income if self.income_fen is None else self.income_fen,
            outgo if self.outgo_fen is None else self.outgo_fen,
            len(self.lines),
        )

    def _digest(self) -> str:
        told = [[line.order_no, line.refund_no, line.amount_fen, line.fee_e5] for line in self.lines]
        return hashlib.sha256(orjson.dumps([told, self.income_fen, self.outgo_fen])).hexdigest()


@contextmanager
def paper() -> Iterator[PaperChannel]:
    channel = PaperChannel()
    ports.register(PaymentChannel, CODE, channel)
    try:
        yield channel
    finally:
        ports._adapters[PaymentChannel].pop(CODE)


def line(order_no: str, at: datetime, fen: int = 4000, e5: int = 24_000, refund_no: str = "") -> AccountLine:
    return AccountLine(order_no, refund_no, f"P{order_no}"[:64], fen, e5, at)


_BILLS = """
    INSERT INTO bill (id, number, kind, collecting_unit, treasury_level, division_code, description, lines, total_fen,
                      refunded_fen, state, issued_at, due_at, anyone_may_pay, item_key)
    SELECT id, id::text, 'NOTICE', 'ps-household', 'CITY', '990100', 'd', '[]', 4000, 0, 'PAID', $2, $2, false, ''
    FROM unnest($1::uuid[]) AS id
"""
_ATTEMPTS = """
    INSERT INTO payment_attempt (id, bill_id, channel, order_no, amount_fen, promised_fen, description, payer_open_id,
                                 state, opened_at, expires_at, paid_at, asked)
    SELECT id, id, 'paper', replace(id::text, '-', ''), 4000, 0, 'd', '', 'SUCCEEDED', $2, $2, $2, 1
    FROM unnest($1::uuid[]) AS id
"""
_ENTRIES = """
    INSERT INTO ledger_entry (journal, place, at, day, account, channel, unit, treasury_level, division_code,
                              amount_fen, bill_id, attempt_id)
    SELECT 'paid:' || id, place, $2, ($2 AT TIME ZONE 'Asia/Shanghai')::date, account, held_by, '', '', '', fen, id, id
    FROM unnest($1::uuid[]) AS id, (VALUES (1, 'CLEARING', 'paper', 4000), (2, 'PAYER', '', -4000))
        AS line (place, account, held_by, fen)
"""


async def paid_orders(how_many: int, at: datetime) -> list[str]:
    """So many paid bills of one unit, written at once; gives their order numbers."""
    ids: list[UUID] = [db.new_id() for _ in range(how_many)]
    for start in range(0, how_many, 10_000):
        some = ids[start : start + 10_000]
        await db.rows(_BILLS, some, at)
        await db.rows(_ATTEMPTS, some, at)
        await db.rows(_ENTRIES, some, at)
    return [each.hex for each in ids]


def noon(day: date) -> datetime:
    return clock.at_local(day, 12)
