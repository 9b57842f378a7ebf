"""The three truths of the run side by side: what the providers and the till say, our rows, our ledger.

Everybody's money is with us, counted on one bill, or back with them, exactly once. Amounts in fen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_WITH_MONEY = frozenset({"SUCCEEDED", "SURPLUS", "RETURNED"})
_PAID_BILLS = frozenset({"PAID", "RECEIPTED", "PARTIALLY_REFUNDED", "FULLY_REFUNDED"})
_WAITING_BILLS = frozenset({"CREATED", "PAYING"})


@dataclass(frozen=True)
class Paid:
    """An order that was paid, as a provider tells of it or the till. `back`: what reached the payer, by refund."""

    order_no: str
    channel: str
    payer: str
    fen: int
    back: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept_fen(self) -> int:
        return self.fen - sum(self.back.values())


@dataclass(frozen=True)
class Attempt:
    """The same as our rows tell it. `back`: refunds that succeeded; `promised_fen`: those that will."""

    order_no: str
    channel: str
    payer: str
    bill: str
    state: str
    fen: int
    back: Mapping[str, int] = field(default_factory=dict)
    promised_fen: int = 0
    ledger_fen: int = 0
    """What the ledger says that the channel holds of it."""

    @property
    def has_money(self) -> bool:
        return self.state in _WITH_MONEY


@dataclass(frozen=True)
class Owed:
    """A bill."""

    id: str
    state: str
    fen: int
    refunded_fen: int = 0
    fulfilled: bool | None = None
    """Whether what it is for went on; None when nothing waited."""


@dataclass(frozen=True)
class Books:
    attempts: Sequence[Attempt]
    bills: Sequence[Owed]
    accounts: Mapping[str, int] = field(default_factory=dict)
    """What every account of the ledger holds."""

    unbalanced: Sequence[str] = ()
    jobs: Sequence[str] = ()
    """Jobs that were given up, or are still there."""


@dataclass
class Verdict:
    """What is wrong, a line for each: money that is nowhere, money that is in two places, and what nobody explains."""

    payments: int = 0
    faults: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.unexplained)


def compare(theirs: Sequence[Paid], books: Books) -> Verdict:
    verdict = Verdict(payments=len(theirs))
    ours = {attempt.order_no: attempt for attempt in books.attempts}
    for paid in theirs:
        _compare_order(verdict, paid, ours.get(paid.order_no))
    known = {paid.order_no for paid in theirs}
    verdict.doubled += [
        f"{attempt.order_no}: counted, and nobody paid it"
        for attempt in books.attempts
        if attempt.has_money and attempt.order_no not in known
    ]
    _compare_payers(verdict, theirs, books)
    _compare_bills(verdict, books)
    _compare_accounts(verdict, theirs, books)
    verdict.lost += [f"job {job}" for job in books.jobs]
    return verdict


def _compare_order(verdict: Verdict, paid: Paid, ours: Attempt | None) -> None:
    name, returned = f"{paid.channel} {paid.order_no}", sum(paid.back.values())
    if ours is None or not ours.has_money:
        verdict.lost.append(f"{name}: paid, and counted nowhere ({ours.state if ours else 'unknown order'})")
        return
    if ours.fen != paid.fen:
        verdict.lost.append(f"{name}: {paid.fen} fen were paid, {ours.fen} are counted")
    if ours.state != "SUCCEEDED" and returned < paid.fen:
        verdict.lost.append(f"{name}: nobody owed it and it is not back ({ours.state})")
    if returned > paid.fen:
        verdict.doubled.append(f"{name}: {returned} fen went back of {paid.fen}")
    if dict(ours.back) != dict(paid.back):
        more = sum(ours.back.values()) > returned
        word = "the payer was told of more money than came back" if more else "money went back that we do not know of"
        (verdict.lost if more else verdict.doubled).append(f"{name}: {word}")
    if ours.promised_fen != sum(ours.back.values()):
        verdict.lost.append(f"{name}: {ours.promised_fen} fen are promised, {returned} are back")
    if ours.ledger_fen != paid.kept_fen:
        wrong = verdict.lost if ours.ledger_fen < paid.kept_fen else verdict.doubled
        wrong.append(f"{name}: the ledger has {ours.ledger_fen} fen there, they are {paid.kept_fen}")


def _compare_payers(verdict: Verdict, theirs: Sequence[Paid], books: Books) -> None:
    """Of everybody's money exactly so much is kept as their bills say."""
    kept: defaultdict[str, int] = defaultdict(int)
    counted: defaultdict[str, int] = defaultdict(int)
    for paid in theirs:
        kept[paid.payer] += paid.kept_fen
    bills = {bill.id: bill for bill in books.bills}
    for attempt in books.attempts:
        if attempt.state == "SUCCEEDED":
            counted[attempt.payer] += attempt.fen - bills[attempt.bill].refunded_fen
    for payer in sorted(kept.keys() | counted.keys()):
        if kept[payer] > counted[payer]:
            verdict.lost.append(f"payer {payer}: {kept[payer]} fen kept, {counted[payer]} on bills")
        elif kept[payer] < counted[payer]:
            verdict.doubled.append(f"payer {payer}: {kept[payer]} fen kept, {counted[payer]} on bills")


def _compare_bills(verdict: Verdict, books: Books) -> None:
    successes: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in books.attempts:
        if attempt.state == "SUCCEEDED":
            successes[attempt.bill].append(attempt)
    for bill in books.bills:
        came = successes[bill.id]
        if len(came) > 1:
            verdict.doubled.append(f"bill {bill.id}: paid {len(came)} times")
        elif (bill.state in _PAID_BILLS) != bool(came):
            wrong = verdict.lost if came else verdict.doubled
            wrong.append(f"bill {bill.id}: {bill.state} with {len(came)} payments")
        elif came and came[0].fen != bill.fen:
            verdict.lost.append(f"bill {bill.id}: over {bill.fen} fen, paid with {came[0].fen}")
        elif came and sum(came[0].back.values()) != bill.refunded_fen:
            verdict.lost.append(f"bill {bill.id}: says {bill.refunded_fen} fen are back")
        if bill.fulfilled is not None and bill.fulfilled != bool(came):
            its_case = "went on" if bill.fulfilled else "waits"
            verdict.lost.append(f"bill {bill.id}: {bill.state}, and its case {its_case}")


def _compare_accounts(verdict: Verdict, theirs: Sequence[Paid], books: Books) -> None:
    verdict.lost += [f"journal {journal} does not add up" for journal in books.unbalanced]
    verdict.lost += [f"account {line}" for line in _wrong_accounts(theirs, books)]


def _wrong_accounts(theirs: Sequence[Paid], books: Books) -> Iterator[str]:
    """Fees are what channels kept of what they hold."""
    held = dict(books.accounts)
    wanted = {
        "PAYER": sum(bill.fen for bill in books.bills if bill.state in _WAITING_BILLS),
        "SURPLUS": 0,
        "REFUNDS": 0,
    }
    for account, fen in wanted.items():
        if held.get(account, 0) != fen:
            yield f"{account}: {held.get(account, 0)} fen, not {fen}"
    clearing = held.get("CLEARING", 0) + held.get("FEES", 0)
    if clearing != sum(paid.kept_fen for paid in theirs):
        yield f"CLEARING: {clearing} fen with the fees, not {sum(paid.kept_fen for paid in theirs)}"
    if sum(held.values()):
        yield f"all together: {sum(held.values())} fen"
