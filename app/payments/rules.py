"""Without this module a wrong amount could count as paid, and a bill be settled twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stdnum import luhn

from app.kernel.transitions import Graph, edge
from app.payments.ports import PaymentState, PaymentTruth

BILL_DAYS = 30
ATTEMPT_TIME = timedelta(minutes=30)
PREPAY_GOOD_FOR = timedelta(minutes=110)
"""A WeChat prepay id lives two hours (WeChat Pay API v3, JSAPI order); ours is renewed a little earlier."""

SWEEP_WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))


class BillState(StrEnum):
    CREATED = "CREATED"
    PAYING = "PAYING"
    PAID = "PAID"
    EXPIRED = "EXPIRED"


BILL_LIFE: Graph[BillState] = Graph(
    [
        edge("open", (BillState.CREATED, BillState.PAYING), BillState.PAYING),
        edge("release", BillState.PAYING, BillState.CREATED),
        edge("settle", (BillState.CREATED, BillState.PAYING), BillState.PAID),
        edge("expire", (BillState.CREATED, BillState.PAYING), BillState.EXPIRED),
    ]
)


class AttemptState(StrEnum):
    PREPARING = "PREPARING"
    OPEN = "OPEN"
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"
    SURPLUS = "SURPLUS"


UNDECIDED = frozenset({AttemptState.PREPARING, AttemptState.OPEN})

ATTEMPT_LIFE: Graph[AttemptState] = Graph(
    [
        edge("open", (AttemptState.PREPARING, AttemptState.OPEN), AttemptState.OPEN),
        edge("succeed", (AttemptState.PREPARING, AttemptState.OPEN), AttemptState.SUCCEEDED),
        edge("close", (AttemptState.PREPARING, AttemptState.OPEN), AttemptState.CLOSED),
        # Money that came although nothing was due any more: the provider's truth bends our state.
        edge("exceed", (AttemptState.PREPARING, AttemptState.OPEN, AttemptState.CLOSED), AttemptState.SURPLUS),
    ]
)

BILL_WORDS: dict[BillState, tuple[str, str]] = {
    BillState.CREATED: ("待缴费", "To be paid"),
    BillState.PAYING: ("支付中", "Being paid"),
    BillState.PAID: ("已缴费", "Paid"),
    BillState.EXPIRED: ("已过期", "Expired"),
}


class Judgement(StrEnum):
    """What a provider's word on an order means for us."""

    SETTLE = "SETTLE"
    REPEATED = "REPEATED"
    SURPLUS = "SURPLUS"
    CLOSE = "CLOSE"
    NOTHING = "NOTHING"
    WRONG_AMOUNT = "WRONG_AMOUNT"
    WRONG_PAYER = "WRONG_PAYER"


@dataclass(frozen=True)
class Expected:
    """What we know of an order before we listen to the provider. Amount in fen."""

    amount_fen: int
    payer_open_id: str
    attempt: AttemptState
    bill: BillState


def judge(truth: PaymentTruth, expected: Expected) -> Judgement:
    """Compare a verified word of the provider with what we expect; the amount comes from our bill, never theirs."""
    if truth.state is PaymentState.CLOSED:
        return Judgement.CLOSE if expected.attempt in UNDECIDED else Judgement.NOTHING
    if truth.state is not PaymentState.PAID:
        return Judgement.NOTHING
    if truth.amount_fen != expected.amount_fen or truth.currency != "CNY":
        return Judgement.WRONG_AMOUNT
    if truth.payer_open_id not in {None, expected.payer_open_id}:
        return Judgement.WRONG_PAYER
    return _judge_payment(expected)


def _judge_payment(expected: Expected) -> Judgement:
    """The right sum from the right person: is anybody still waiting for it?"""
    if expected.attempt in {AttemptState.SUCCEEDED, AttemptState.SURPLUS}:
        return Judgement.REPEATED
    if expected.bill in {BillState.CREATED, BillState.PAYING} and expected.attempt in UNDECIDED:
        return Judgement.SETTLE
    return Judgement.SURPLUS


def make_bill_number(division_code: str, year: int, sequence: int) -> str:
    """The payment code (缴款码): division 6, year 2, sequence 11, Luhn 1."""
    body = f"{division_code[:6]}{year % 100:02d}{sequence:011d}"
    return body + luhn.calc_check_digit(body)


def next_sweep(opened_at: datetime, asked: int) -> datetime:
    """When to ask the provider again about an order opened at a moment and asked about so often."""
    return opened_at + SWEEP_WAITS[min(asked, len(SWEEP_WAITS) - 1)]
