"""Without this module our books and a provider's would be compared by eye.

Two lists go in, differences come out: `match` looks at each payment and refund of a day. It is the same whether it
sees the day at once or in pieces, as long as both sides of an entry are in the same piece.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple, TypeVar

from app.kernel.clock import SHANGHAI, local
from app.payments.ports import AccountBroken, AccountLine, DayAccount, FundsAccount
from app.payments.words import TaskKind

U = TypeVar("U", bound=Hashable)

AROUND_MIDNIGHT = timedelta(minutes=10)
"""How near to midnight a payment may be in the account of the day before or after."""

E5_PER_FEN = 1000


class Key(NamedTuple):
    """Which payment (`refund_no` is empty) or refund it is."""

    order_no: str
    refund_no: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One payment or refund as one side tells it. `settled`: the money moved, at the UTC moment `at`."""

    key: Key
    fen: int
    at: datetime | None
    settled: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Something about which the two sides do not agree."""

    kind: TaskKind
    key: Key
    ours_fen: int | None = None
    theirs_fen: int | None = None


@dataclass(frozen=True)
class Totals:
    """Sums of an account. `refunded_fen` is what is through, `refunding_fen` all that was asked for; `fees_fen` are the
    fees of the lines, each rounded.
    """

    payments: int = 0
    refunds: int = 0
    paid_fen: int = 0
    refunded_fen: int = 0
    refunding_fen: int = 0
    fees_e5: int = 0
    fees_fen: int = 0


def match(
    day: date,
    theirs: Iterable[Entry],
    ours: Iterable[Entry],
    *,
    elsewhere: Collection[Key] = (),
    accounts: Collection[date] = (),
) -> list[Difference]:
    """What the account of a day and our books of it do not agree on; each side has a key once.

    `ours` are the entries the account names, whenever they were, and all that moved on that day. `elsewhere` are
    keys the accounts of other days have; `accounts` are the other days whose accounts we know.
    """
    known = {entry.key: entry for entry in ours}
    found = []
    for line in theirs:
        difference = _compare(day, line, known.pop(line.key, None))
        if difference is not None:
            found.append(difference)
    alone = [entry for entry in known.values() if _is_on(entry, day) and entry.key not in elsewhere]
    return [*found, *(missing(entry, accounts) for entry in alone)]


def _compare(day: date, line: Entry, ours: Entry | None) -> Difference | None:
    """Amount before state: money of a wrong sum is never settled by itself.

    A refund under way in the account of a day may be through on a later one.
    """
    if ours is None:
        return Difference(TaskKind.THEIRS_ONLY, line.key, None, line.fen)
    if ours.fen != line.fen:
        return Difference(TaskKind.AMOUNT, line.key, ours.fen, line.fen)
    if ours.settled != line.settled and not _is_later(ours, day):
        return Difference(TaskKind.STATE, line.key, ours.fen, line.fen)
    return None


def _is_later(entry: Entry, day: date) -> bool:
    return entry.settled and entry.at is not None and local(entry.at).date() > day


def _is_on(entry: Entry, day: date) -> bool:
    return entry.settled and entry.at is not None and local(entry.at).date() == day


def agree(*, account: bool, provider: bool, ours: bool) -> bool:
    """Whether a difference of state is over: we are as the provider says now, and money its account tells of is there.

    A provider that denies what its own account tells needs a person.
    """
    return provider is ours and (provider or not account)


def missing(entry: Entry, accounts: Collection[date]) -> Difference:
    """What an entry of ours is that the account of its day does not have.

    Near midnight it may be in the account beside; once that is known as well, it is ours only.
    """
    beside = day_beside(entry.at)
    waits = beside is not None and beside not in accounts
    return Difference(TaskKind.DATE_BOUNDARY if waits else TaskKind.OURS_ONLY, entry.key, entry.fen)


def day_beside(at: datetime | None) -> date | None:
    """The other day in whose account something near midnight may be; None when it is not near."""
    if at is None:
        return None
    moment = local(at)
    midnight = datetime.combine(moment.date(), time(), SHANGHAI)
    if moment - midnight <= AROUND_MIDNIGHT:
        return moment.date() - timedelta(days=1)
    if midnight + timedelta(days=1) - moment <= AROUND_MIDNIGHT:
        return moment.date() + timedelta(days=1)
    return None


def merged(lines: Iterable[AccountLine]) -> list[AccountLine]:
    """The lines with each key once. What an account has twice counts twice, and differs from ours in its amount."""
    once: dict[Key, AccountLine] = {}
    for line in lines:
        key = Key(line.order_no, line.refund_no)
        earlier = once.get(key)
        once[key] = line if earlier is None else _added(earlier, line)
    return list(once.values())


def _added(one: AccountLine, other: AccountLine) -> AccountLine:
    return replace(
        one,
        amount_fen=one.amount_fen + other.amount_fen,
        fee_e5=one.fee_e5 + other.fee_e5,
        at=min(one.at, other.at),
        settled=one.settled and other.settled,
    )


def totals_of(lines: Iterable[AccountLine]) -> Totals:
    payments = refunds = paid = refunded = refunding = fees = rounded = 0
    for line in lines:
        fees += line.fee_e5
        rounded += fee_fen(line.fee_e5)
        if line.refund_no:
            refunds += 1
            refunding += line.amount_fen
            refunded += line.amount_fen if line.settled else 0
        else:
            payments += 1
            paid += line.amount_fen
    return Totals(payments, refunds, paid, refunded, refunding, fees, rounded)


def check_account(account: DayAccount, day: date) -> None:
    """Raise `AccountBroken` for what cannot be taken although its adapter could read it."""
    if account.day != day:
        raise AccountBroken(f"it is of {account.day}")
    if any(line.amount_fen <= 0 or not line.order_no for line in account.lines):
        raise AccountBroken("a line has no order or no amount")


def funds_agree(totals: Totals, funds: FundsAccount) -> bool:
    """Whether the money that moved at the provider is what the lines tell, within a fen.

    Fees may be taken line by line, each rounded to a fen, or as the sum of the day, or be left out of what came in. A
    refund that is not through may have been taken from our money already.
    """
    net = funds.income_fen - funds.outgo_fen
    most, least = totals.paid_fen - totals.refunded_fen, totals.paid_fen - totals.refunding_fen
    return any(least - fees - 1 <= net <= most - fees + 1 for fees in (fee_fen(totals.fees_e5), totals.fees_fen))


def fee_fen(e5: int) -> int:
    """Hundred-thousandths of a yuan in whole fen: the sum of a day is rounded, half a fen away from nothing."""
    rounded = (abs(e5) + E5_PER_FEN // 2) // E5_PER_FEN
    return rounded if e5 >= 0 else -rounded


def shared_fees(fees_e5: Mapping[U, int]) -> dict[U, int]:
    """Whole fen for each of several, adding up to the rounded sum: the largest rests are rounded up."""
    floors = {who: e5 // E5_PER_FEN for who, e5 in fees_e5.items()}
    left = fee_fen(sum(fees_e5.values())) - sum(floors.values())
    by_rest: Sequence[U] = sorted(fees_e5, key=lambda who: -(fees_e5[who] % E5_PER_FEN))
    for who in by_rest[:left]:
        floors[who] += 1
    return floors
