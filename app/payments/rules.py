"""Without this module a wrong amount could count as paid, and a bill be settled twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from unicodedata import normalize

from stdnum import luhn

from app.catalogue import rules as catalogue
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.states import AttemptState, BillState

BILL_DAYS = 30
MOST_FEN = catalogue.MOST_FEN
ATTEMPT_TIME = timedelta(minutes=30)
UNDISTURBED = timedelta(minutes=2)
"""How long an order is left alone by others who may pay the bill: they may only know its payment code."""

PHONE_BELIEVED = timedelta(minutes=1)
"""How long a phone's word that it has paid stands against a provider that knows of nothing yet."""

PREPAY_GOOD_FOR = timedelta(minutes=110)
"""A WeChat prepay id lives two hours (WeChat Pay API v3, JSAPI order); ours is renewed a little earlier."""

SWEEP_WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
SWEEP_HOURLY_UNTIL = len(SWEEP_WAITS) + 22
"""Questions of the first day."""


UNDECIDED = frozenset({AttemptState.PREPARING, AttemptState.OPEN})
_GOES_BACK = frozenset({AttemptState.SURPLUS, AttemptState.RETURNED})
"""To whoever paid."""

WAITING_FOR_MONEY = frozenset({BillState.CREATED, BillState.PAYING})


class BillKind(StrEnum):
    """What a bill is for."""

    CASE_FEE = "CASE_FEE"
    DEPOSIT = "DEPOSIT"
    NOTICE = "NOTICE"


KIND_WORDS: dict[BillKind, tuple[str, str]] = {
    BillKind.CASE_FEE: ("办件收费", "Fee of a case"),
    BillKind.DEPOSIT: ("预约押金", "Deposit for a booking"),
    BillKind.NOTICE: ("非税缴款通知", "Notice of a non-tax payment"),
}


class TreasuryLevel(StrEnum):
    """Whose treasury the money goes to (预算级次)."""

    CENTRAL = "CENTRAL"
    PROVINCE = "PROVINCE"
    CITY = "CITY"
    COUNTY = "COUNTY"
    TOWNSHIP = "TOWNSHIP"


def treasury_level(division_code: str) -> TreasuryLevel:
    """Of a collecting unit, from its division (GB/T 2260: two digits province, two city, two county, then township)."""
    code = division_code.ljust(6, "0")
    if len(code) > 6 and code[6:].strip("0"):
        return TreasuryLevel.TOWNSHIP
    if code[4:6] != "00":
        return TreasuryLevel.COUNTY
    if code[2:4] != "00":
        return TreasuryLevel.CITY
    return TreasuryLevel.PROVINCE if code[:2] != "00" else TreasuryLevel.CENTRAL


class Judgement(StrEnum):
    """What a provider's word on an order means for us."""

    SETTLE = "SETTLE"
    RESTORE = "RESTORE"
    """Late money, and what it is for can still be had."""

    REPEATED = "REPEATED"
    SURPLUS = "SURPLUS"
    CLOSE = "CLOSE"
    NOTHING = "NOTHING"
    WRONG_AMOUNT = "WRONG_AMOUNT"
    WRONG_PAYER = "WRONG_PAYER"


@dataclass(frozen=True)
class Expected:
    """What we know of an order before we listen to the provider. Amounts in fen.

    `owed_fen` is what the bill is over now: an exemption or a late fine may have changed it since the order.
    `wanted`: what the bill is for still waits for the money, or could be taken up again although the bill expired.
    """

    amount_fen: int
    payer_open_id: str
    attempt: AttemptState
    bill: BillState
    owed_fen: int
    wanted: bool


def judge(truth: PaymentTruth, expected: Expected) -> Judgement:
    """Compare a verified word of the provider with what we expect; the amount comes from our bill, never theirs."""
    if truth.state is PaymentState.CLOSED:
        return Judgement.CLOSE if expected.attempt in UNDECIDED else Judgement.NOTHING
    if truth.state is not PaymentState.PAID:
        return Judgement.NOTHING
    if truth.amount_fen != expected.amount_fen or truth.currency != "CNY":
        return Judgement.WRONG_AMOUNT
    told = {truth.payer_open_id, truth.payer_other_id} - {None}
    if told and expected.payer_open_id not in told and expected.attempt not in _GOES_BACK:
        return Judgement.WRONG_PAYER
    return _judge_payment(expected)


def _judge_payment(expected: Expected) -> Judgement:
    """The right sum from the right person: is anybody still waiting for it?"""
    if expected.attempt not in UNDECIDED and expected.attempt is not AttemptState.CLOSED:
        return Judgement.REPEATED
    if expected.owed_fen != expected.amount_fen or not expected.wanted:
        return Judgement.SURPLUS
    if expected.bill in WAITING_FOR_MONEY:
        return Judgement.SETTLE if expected.attempt in UNDECIDED else Judgement.RESTORE
    return Judgement.RESTORE if expected.bill is BillState.EXPIRED else Judgement.SURPLUS


def make_bill_number(division_code: str, year: int, sequence: int) -> str:
    """The payment code (缴款码): division 6, year 2, sequence 11, Luhn 1."""
    body = f"{division_code[:6]}{year % 100:02d}{sequence:011d}"
    return body + luhn.calc_check_digit(body)


def typed_bill_number(text: str) -> str:
    """A payment code as people type it or copy it from paper: in groups, with full-width digits."""
    return "".join(letter for letter in normalize("NFKC", text) if letter.isalnum())


def is_slip_number(text: str) -> bool:
    """Whether it can be the reference number of a card machine's slip."""
    return text.isascii() and text.isalnum() and 6 <= len(text) <= 32


BY_DECISION = "BY_DECISION"
"""Standard of a fee whose amount a decision sets: a fine."""

LATE_FINE_PERCENT = 3


def late_fine(fine_fen: int, days_late: int, before_fen: int = 0) -> int:
    """What a fine not paid in time costs more, with what was added `before`: three per cent a day, at most the fine
    itself (行政处罚法 72).
    """
    return min(fine_fen, before_fen + fine_fen * LATE_FINE_PERCENT * max(0, days_late) // 100)


def next_sweep(opened_at: datetime, asked: int, now: datetime) -> datetime:
    """When to ask the provider again about an order opened at a moment and asked about so often: 1, 5, 15 and 60
    minutes after that moment, then hourly for a day, then daily; never within a minute.
    """
    if asked < len(SWEEP_WAITS):
        return max(opened_at + SWEEP_WAITS[asked], now + SWEEP_WAITS[0])
    return now + (timedelta(hours=1) if asked < SWEEP_HOURLY_UNTIL else timedelta(days=1))
