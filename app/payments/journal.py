"""Without this module the ledger would be columns of numbers. What each happening does to which account, as values.

Debit is positive, credit negative; every entry adds up to nothing. Amounts in fen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.payments.words import Account


@dataclass(frozen=True)
class Unit:
    """A collecting unit (执收单位) as the ledger keeps it."""

    key: str
    treasury_level: str
    division_code: str


@dataclass(frozen=True)
class Posting:
    """One line of a journal entry."""

    account: Account
    amount_fen: int
    channel: str = ""
    unit: Unit | None = None


def issued(unit: Unit, fen: int) -> list[Posting]:
    """A bill was made, or can be paid again: its payer owes, the unit will have it."""
    return _pair(Posting(Account.PAYER, fen), Posting(Account.UNIT, -fen, unit=unit))


def written_off(unit: Unit, fen: int) -> list[Posting]:
    """Expired, cancelled or exempted: nobody owes it any more."""
    return _pair(Posting(Account.UNIT, fen, unit=unit), Posting(Account.PAYER, -fen))


def paid(channel: str, fen: int) -> list[Posting]:
    """The channel holds what the payer owed."""
    return _pair(Posting(Account.CLEARING, fen, channel), Posting(Account.PAYER, -fen))


def surplus(channel: str, fen: int) -> list[Posting]:
    """The channel holds money nobody owed."""
    return _pair(Posting(Account.CLEARING, fen, channel), Posting(Account.SURPLUS, -fen))


def surplus_promised(fen: int) -> list[Posting]:
    return _pair(Posting(Account.SURPLUS, fen), Posting(Account.REFUNDS, -fen))


def refund_agreed(unit: Unit, fen: int) -> list[Posting]:
    """What the unit had is promised back to the payer."""
    return _pair(Posting(Account.UNIT, fen, unit=unit), Posting(Account.REFUNDS, -fen))


def refund_given_up(promised: Sequence[Posting]) -> list[Posting]:
    """A promise that will not be kept is taken back as it was made."""
    return [Posting(each.account, -each.amount_fen, each.channel, each.unit) for each in promised]


def refunded(channel: str, fen: int) -> list[Posting]:
    """The channel gave the money back."""
    return _pair(Posting(Account.REFUNDS, fen), Posting(Account.CLEARING, -fen, channel))


def bounced(channel: str, fen: int) -> list[Posting]:
    """What was said to be back came back to the channel."""
    return _pair(Posting(Account.CLEARING, fen, channel), Posting(Account.REFUNDS, -fen))


def fee_kept(channel: str, fen: int, unit: Unit | None = None) -> list[Posting]:
    """What the channel kept of a unit's money for its service; negative when it gave some back."""
    return _pair(Posting(Account.FEES, fen, channel, unit), Posting(Account.CLEARING, -fen, channel))


def handed_over(channel: str, unit: Unit, fen: int) -> list[Posting]:
    """What a channel held went to the treasury of a unit (划解)."""
    return _pair(Posting(Account.REMITTED, fen, unit=unit), Posting(Account.CLEARING, -fen, channel))


def _pair(debit: Posting, credit: Posting) -> list[Posting]:
    return [debit, credit] if debit.amount_fen else []
