"""What two lists of a day do not agree on; the slow reference looks at every pair, as a person would."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.clock import SHANGHAI, at_local
from app.payments.ports import AccountBroken, AccountLine, DayAccount, FundsAccount
from app.payments.reconciling.rules import (
    Difference,
    Entry,
    Key,
    Totals,
    agree,
    check_account,
    day_beside,
    fee_fen,
    funds_agree,
    match,
    merged,
    shared_fees,
    totals_of,
)
from app.payments.words import TaskKind

DAY = date(2026, 3, 2)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
NOON = at_local(DAY, 12)
LAST_SECOND = at_local(AFTER, 0) - timedelta(seconds=1)
FIRST_SECOND = at_local(DAY, 0) + timedelta(seconds=1)


def paid(order_no: str = "A", fen: int = 4000, at: datetime | None = NOON, *, settled: bool = True) -> Entry:
    return Entry(Key(order_no), fen, at, settled)


def refund(refund_no: str = "R", fen: int = 100, at: datetime | None = NOON, *, settled: bool = True) -> Entry:
    return Entry(Key("A", refund_no), fen, at, settled)


def kinds(theirs: Sequence[Entry], ours: Sequence[Entry], **known: Collection[Key] | Collection[date]) -> list[str]:
    return [difference.kind.value for difference in match(DAY, theirs, ours, **known)]  # type: ignore[arg-type]


def test_what_both_tell_alike_is_no_difference() -> None:
    both = [paid(), refund(), refund("S", 50)]
    assert match(DAY, both, both) == []
    assert match(DAY, (), ()) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ([paid()], [], ("THEIRS_ONLY", None, 4000)),
        ([], [paid()], ("OURS_ONLY", 4000, None)),
        ([paid(fen=4001)], [paid()], ("AMOUNT", 4000, 4001)),
        ([paid(fen=4001)], [paid(settled=False)], ("AMOUNT", 4000, 4001)),
        ([paid()], [paid(at=None, settled=False)], ("STATE", 4000, 4000)),
        ([refund()], [refund(at=None, settled=False)], ("STATE", 100, 100)),
        ([refund(settled=False)], [refund()], ("STATE", 100, 100)),
        ([], [paid(at=LAST_SECOND)], ("DATE_BOUNDARY", 4000, None)),
        ([], [paid(at=FIRST_SECOND)], ("DATE_BOUNDARY", 4000, None)),
    ],
)
def test_each_kind_of_difference_tells_both_sums(
    theirs: list[Entry], ours: list[Entry], expected: tuple[str, int | None, int | None]
) -> None:
    [found] = match(DAY, theirs, ours)
    assert (found.kind.value, found.ours_fen, found.theirs_fen) == expected


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ([refund(settled=False)], [refund(at=None, settled=False)]),
        ([refund(settled=False)], [refund(at=at_local(AFTER, 9))]),
        ([paid(at=FIRST_SECOND)], [paid(at=FIRST_SECOND - timedelta(seconds=2))]),
        ([], [paid(at=None, settled=False)]),
        ([], [paid(at=at_local(AFTER, 12))]),
    ],
    ids=["under way on both sides", "through a day later", "a second before midnight", "not paid", "of another day"],
)
def test_what_is_no_difference(theirs: list[Entry], ours: list[Entry]) -> None:
    assert match(DAY, theirs, ours) == []


def test_near_midnight_waits_for_the_account_beside_and_is_ours_only_without_it() -> None:
    late = paid(at=LAST_SECOND)
    assert kinds([], [late]) == ["DATE_BOUNDARY"]
    assert kinds([], [late], accounts={BEFORE}) == ["DATE_BOUNDARY"]
    assert kinds([], [late], accounts={BEFORE, AFTER}) == ["OURS_ONLY"]
    assert kinds([], [late], accounts={AFTER}, elsewhere={late.key}) == []


@pytest.mark.parametrize(
    ("at", "beside"),
    [
        (at_local(DAY, 0), BEFORE),
        (at_local(DAY, 0, 10), BEFORE),
        (at_local(DAY, 0, 10) + timedelta(seconds=1), None),
        (NOON, None),
        (at_local(DAY, 23, 50) - timedelta(seconds=1), None),
        (at_local(DAY, 23, 50), AFTER),
        (LAST_SECOND, AFTER),
        (None, None),
    ],
)
def test_ten_minutes_around_midnight(at: datetime | None, beside: date | None) -> None:
    assert day_beside(at) == beside


def reference(
    theirs: Sequence[Entry], ours: Sequence[Entry], elsewhere: Collection[Key], accounts: Collection[date]
) -> set[Difference]:
    """Every line beside every entry of ours, in the words of the rule."""
    found = set()
    for line in theirs:
        same = [entry for entry in ours if entry.key == line.key]
        if not same:
            found.add(Difference(TaskKind.THEIRS_ONLY, line.key, None, line.fen))
        for entry in same:
            later = entry.settled and entry.at is not None and entry.at.astimezone(SHANGHAI).date() > DAY
            if entry.fen != line.fen:
                found.add(Difference(TaskKind.AMOUNT, line.key, entry.fen, line.fen))
            elif entry.settled != line.settled and not later:
                found.add(Difference(TaskKind.STATE, line.key, entry.fen, line.fen))
    for entry in ours:
        if any(line.key == entry.key for line in theirs) or entry.key in elsewhere:
            continue
        if not entry.settled or entry.at is None or entry.at.astimezone(SHANGHAI).date() != DAY:
            continue
        clock = entry.at.astimezone(SHANGHAI).strftime("%H:%M:%S")
        waits = (clock >= "23:50:00" and AFTER not in accounts) or (clock <= "00:10:00" and BEFORE not in accounts)
        found.add(Difference(TaskKind.DATE_BOUNDARY if waits else TaskKind.OURS_ONLY, entry.key, entry.fen))
    return found


MOMENTS = st.integers(-3600, 86400 + 3600).map(lambda seconds: at_local(DAY, 0) + timedelta(seconds=seconds))
KEYS = st.builds(Key, st.sampled_from("ABCD"), st.sampled_from(["", "R", "S"]))
ENTRIES = st.builds(Entry, KEYS, st.integers(1, 3), st.none() | MOMENTS, st.booleans())
SIDES = st.lists(ENTRIES, max_size=12, unique_by=lambda entry: entry.key)
ACCOUNTS = st.sets(st.sampled_from([BEFORE, AFTER]))


@settings(max_examples=400, deadline=None)
@given(SIDES, SIDES, st.sets(KEYS), ACCOUNTS)
def test_the_rule_finds_what_the_slow_reference_finds(
    theirs: list[Entry], ours: list[Entry], elsewhere: set[Key], accounts: set[date]
) -> None:
    found = match(DAY, theirs, ours, elsewhere=elsewhere, accounts=accounts)
    assert len(found) == len(set(found))
    assert set(found) == reference(theirs, ours, elsewhere, accounts)


@settings(max_examples=200, deadline=None)
@given(SIDES, SIDES, st.sets(KEYS), ACCOUNTS, st.sets(KEYS))
def test_a_day_seen_in_pieces_is_the_same_day(
    theirs: list[Entry], ours: list[Entry], elsewhere: set[Key], accounts: set[date], piece: set[Key]
) -> None:
    whole = match(DAY, theirs, ours, elsewhere=elsewhere, accounts=accounts)
    in_pieces = [
        difference
        for inside in (True, False)
        for difference in match(
            DAY,
            [entry for entry in theirs if (entry.key in piece) is inside],
            [entry for entry in ours if (entry.key in piece) is inside],
            elsewhere=elsewhere,
            accounts=accounts,
        )
    ]
    assert set(in_pieces) == set(whole)


def line(order_no: str = "A", refund_no: str = "", fen: int = 4000, e5: int = 24000, **more: bool) -> AccountLine:
    return AccountLine(order_no, refund_no, "P", fen, e5, NOON, **more)


def test_a_line_twice_counts_twice_and_so_differs_in_its_amount() -> None:
    [once] = merged([line(), line()])
    assert (once.amount_fen, once.fee_e5) == (8000, 48000)
    [found] = match(DAY, [Entry(Key("A"), once.amount_fen, once.at, once.settled)], [paid()])
    assert (found.kind, found.ours_fen, found.theirs_fen) == (TaskKind.AMOUNT, 4000, 8000)
    assert merged([line(), line("A", "R", 100)]) == [line(), line("A", "R", 100)]


def test_totals_are_sums_of_the_lines() -> None:
    lines = [line(), line("B"), line("A", "R", 100, -600), line("A", "S", 50, -300, settled=False)]
    assert totals_of(lines) == Totals(2, 2, 8000, 100, 150, 47100, 47)
    assert totals_of([]) == Totals()


@pytest.mark.parametrize(
    ("e5", "fen"), [(0, 0), (499, 0), (500, 1), (24000, 24), (24499, 24), (24500, 25), (-499, 0), (-500, -1)]
)
def test_a_days_fees_are_rounded_half_a_fen_away_from_nothing(e5: int, fen: int) -> None:
    assert fee_fen(e5) == fen


@given(st.dictionaries(st.integers(0, 20), st.integers(-100_000, 100_000), max_size=12))
def test_shares_of_fees_add_up_to_the_rounded_sum_and_are_a_fen_off_at_most(fees: dict[int, int]) -> None:
    shares = shared_fees(fees)
    assert sum(shares.values()) == fee_fen(sum(fees.values()))
    assert all(abs(shares[who] * 1000 - e5) < 1000 for who, e5 in fees.items())


@pytest.mark.parametrize(
    ("income", "outgo", "fits"),
    [
        (8000, 147, True),
        (8000, 197, True),
        (8000, 146, True),
        (8000, 145, False),
        (8000, 198, True),
        (8000, 200, True),
        (8000, 201, False),
        (7953, 100, True),
        (8100, 147, False),
    ],
)
def test_funds_agree_within_what_rounding_and_refunds_under_way_explain(income: int, outgo: int, fits: bool) -> None:
    """80.00 came in, 1.00 went back, 0.50 more is on its way, 0.47 are the fees, or 0.49 when each is rounded."""
    totals = Totals(2, 2, 8000, 100, 150, 47100, 49)
    assert funds_agree(totals, FundsAccount(DAY, "d", b"", income, outgo, 4)) is fits


@pytest.mark.parametrize("fen", [0, -1])
def test_an_account_with_a_line_over_nothing_is_broken(fen: int) -> None:
    with pytest.raises(AccountBroken):
        check_account(DayAccount(DAY, "d", b"", [line(fen=fen)]), DAY)


def test_an_account_of_another_day_is_broken() -> None:
    with pytest.raises(AccountBroken, match="2026-03-01"):
        check_account(DayAccount(BEFORE, "d", b"", []), DAY)
    check_account(DayAccount(DAY, "d", b"", []), DAY)


@pytest.mark.parametrize(
    ("account", "provider", "ours", "over"),
    [
        (True, True, True, True),
        (True, False, False, False),
        (True, True, False, False),
        (False, True, True, True),
        (False, False, False, True),
        (False, False, True, False),
    ],
)
def test_a_provider_that_denies_what_its_account_tells_needs_a_person(
    account: bool, provider: bool, ours: bool, over: bool
) -> None:
    assert agree(account=account, provider=provider, ours=ours) is over
