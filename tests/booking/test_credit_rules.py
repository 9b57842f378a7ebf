from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.booking.credit.rules import (
    CountedFault,
    ExemptionGround,
    check_may_appeal,
    check_standing,
    exempt_in_words,
    faults_of,
    is_old_enough,
    outcome_in_words,
    rules_in_words,
    standing,
)
from app.booking.errors import AppealInvalid, BookingBarred
from app.booking.policy import DEFAULT_CREDIT_RULES, Consequence, CreditRule, Fault, Policy
from app.booking.rules import BookingState
from app.booking.visits import History, Past, Visit, VisitItem

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(day: float) -> datetime:
    return START + day * DAY


def missed(day: float, *, category: str = "D", excused: bool = False) -> Past:
    return Past(
        UUID(int=int(day * 100)), category, at(day).date(), at(day), BookingState.NO_SHOW, ("x",), excused=excused,
        ended_at=at(day) + timedelta(hours=3),
    )  # fmt: skip


def cancelled_late(day: float) -> Past:
    made = at(day) - timedelta(hours=1)
    return Past(
        UUID(int=int(day * 100)), "D", at(day).date(), at(day), BookingState.CANCELLED, ("x",), late=True,
        ended_at=made,
    )  # fmt: skip


def judged(*bookings: Past, on: float, policy: Policy | None = None, **more: object) -> int:
    rules = policy or Policy()
    slot = UUID(int=1)
    visit = Visit("hall", "D", (slot,), at(on).date(), at(on), at(on), (VisitItem("y"),), 1, rules)
    return check_standing(visit, History(bookings, **more), at(on))  # type: ignore[arg-type]


def test_two_missed_visits_bar_for_thirty_days_from_the_second() -> None:
    with pytest.raises(BookingBarred) as refused:
        judged(missed(0), missed(5), on=34.99)
    assert refused.value.sentence("zh") == (
        "您在30天内爽约2次,2026年4月6日09:00之前不能在线预约;可在“预约信用”中查看原因并申诉,也可直接到大厅现场取号"
    )
    assert refused.value.sentence("en") == (
        "You missed 2 booked visits within 30 days, so you cannot book online before 6 April 2026 09:00; see why and "
        "appeal under booking credit, or take a number at the hall."
    )
    assert judged(missed(0), missed(5), on=35) == 2


def test_faults_thirty_days_apart_are_not_within_thirty_days() -> None:
    assert judged(missed(0), missed(30), on=31) == 2
    with pytest.raises(BookingBarred):
        judged(missed(0.01), missed(30), on=31)


def test_a_fault_goes_on_counting_after_a_bar() -> None:
    """Within half a year two: the second bar follows from the second and the third."""
    policy = Policy(
        credit_rules=[
            CreditRule(fault=Fault.NO_SHOW, count=2, within_days=180, consequence=Consequence.BAR, days=10),
        ]
    )
    history = (missed(0), missed(5), missed(100))
    assert judged(*history[:2], on=20, policy=policy) == 2
    [bar] = standing(faults_of(History(history), "D"), policy.credit_rules, at(101)).outcomes
    assert ([fault.at for fault in bar.causes], bar.until) == ([at(0), at(5), at(100)], at(110))


def test_three_late_cancellations_lower_the_limit() -> None:
    late = [cancelled_late(day) for day in (0, 1, 2)]
    assert (judged(*late[:2], on=3), judged(*late, on=3)) == (2, 1)
    assert judged(*late, on=2 + 30 - 1 / 24) == 2


def test_a_limit_never_gives_more_than_the_business_does() -> None:
    rule = CreditRule(fault=Fault.NO_SHOW, count=1, within_days=9, consequence=Consequence.LIMIT, live_at_most=5)
    assert judged(missed(0), on=1, policy=Policy(credit_rules=[rule], live_most=3)) == 3


@pytest.mark.parametrize(
    "harmless",
    [
        missed(5, excused=True),
        missed(5, category="F"),
        Past(UUID(int=9), "D", at(5).date(), at(5), BookingState.HALL_CANCELLED, ("x",), ended_at=at(5)),
        Past(UUID(int=9), "D", at(5).date(), at(5), BookingState.CANCELLED, ("x",), ended_at=at(4)),
        Past(UUID(int=9), "D", at(5).date(), at(5), BookingState.EXPIRED, ("x",), ended_at=at(4)),
        Past(UUID(int=9), "D", at(5).date(), at(5), BookingState.SERVED, ("x",), ended_at=at(5)),
    ],
    ids=["excused", "another business", "cancelled by the hall", "cancelled in time", "a hold that ran out", "kept"],
)
def test_what_is_nobodys_fault_does_not_count(harmless: Past) -> None:
    assert judged(missed(0), harmless, on=6) == 2


def test_nothing_counts_for_who_is_exempt() -> None:
    assert judged(missed(0), missed(5), on=6, exempt=True) == 2
    assert judged(missed(0), missed(5), on=6, born=date(1956, 3, 8)) == 2
    with pytest.raises(BookingBarred):
        judged(missed(0), missed(5), on=6, born=date(1956, 3, 9))


def test_age_counts_by_the_halls_day_and_a_legal_person_has_none() -> None:
    assert is_old_enough(date(1956, 3, 8), Policy(), date(2026, 3, 8))
    assert not is_old_enough(date(1956, 3, 8), Policy(), date(2026, 3, 7))
    assert not is_old_enough(None, Policy(exempt_age=0), date(2026, 3, 7))
    assert is_old_enough(date(1966, 1, 1), Policy(exempt_age=60), date(2026, 3, 7))


def test_the_default_rules_in_words() -> None:
    assert list(rules_in_words(Policy())) == [
        ("30天内爽约1次:提醒", "Whoever missed 1 booked visit within 30 days is reminded."),
        (
            "30天内爽约2次:自最后一次起30天内不能在线预约",
            "Whoever missed 2 booked visits within 30 days cannot book online for 30 days from the last of them.",
        ),
        (
            "30天内临期取消3次:自最后一次起30天内最多保留1个未完成的预约",
            (
                "Whoever cancelled 3 bookings late within 30 days may hold at most 1 live booking for 30 days from the "
                "last of them."
            ),
        ),
        (
            "30天内临期取消5次:自最后一次起30天内不能在线预约",
            "Whoever cancelled 5 bookings late within 30 days cannot book online for 30 days from the last of them.",
        ),
        (
            "70周岁以上老年人、经窗口登记的残疾人等不受上述限制,由他人代办时同样适用",
            "Exempt are people of 70 or more, and whom a window has exempted, also when another acts.",
        ),
    ]


def test_outcomes_in_words() -> None:
    late = [cancelled_late(day) for day in (0, 1, 2)]
    history = History((missed(0), *late))
    words = [outcome_in_words(one) for one in standing(faults_of(history, "D"), DEFAULT_CREDIT_RULES, at(3)).outcomes]
    assert words == [
        (
            "您在30天内爽约1次,请按时到场,来不了请提前取消",
            "You missed 1 booked visit within 30 days; please come, or cancel in time.",
        ),
        (
            "您在30天内临期取消3次,2026年4月3日08:00之前最多保留1个未完成的预约",
            (
                "You cancelled 3 bookings late within 30 days, so you may hold at most 1 live booking before "
                "3 April 2026 08:00."
            ),
        ),
    ]
    [_, bar] = standing(faults_of(History((missed(0), missed(1))), "D"), DEFAULT_CREDIT_RULES, at(3)).outcomes
    assert outcome_in_words(bar) == (
        "您在30天内爽约2次,2026年4月2日09:00之前不能在线预约",
        "You missed 2 booked visits within 30 days, so you cannot book online before 2 April 2026 09:00.",
    )


def test_an_exemption_in_words() -> None:
    assert exempt_in_words(None, None) is None
    assert exempt_in_words(None, 70) == (
        "您已满70周岁,爽约和临期取消不影响您预约",
        "You are 70 or older, and so exempt.",
    )
    assert exempt_in_words(ExemptionGround.DISABLED, 70) == (
        "窗口已登记豁免(残疾),爽约和临期取消不影响您预约",
        "A window has exempted you (a disability).",
    )


def test_a_fault_is_appealed_within_thirty_days_and_with_grounds() -> None:
    assert check_may_appeal(missed(0), " 公交停运 ", at(29.99)) == "公交停运"
    refused = {
        ("公交停运", 30.0): "不能申诉:已超过30天的申诉期限",
        ("", 1.0): "不能申诉:请写明1至500字的理由",
        ("因" * 501, 1.0): "不能申诉:请写明1至500字的理由",
    }
    for (grounds, day), sentence in refused.items():
        with pytest.raises(AppealInvalid) as refusal:
            check_may_appeal(missed(0), grounds, at(day))
        assert refusal.value.sentence("zh") == sentence
    for past, sentence in (
        (missed(0, excused=True), "There is nothing to appeal: it is excused and does not count."),
        (
            Past(UUID(int=9), "D", at(0).date(), at(0), BookingState.SERVED, ("x",)),
            "There is nothing to appeal: this visit was neither missed nor cancelled late.",
        ),
    ):
        with pytest.raises(AppealInvalid) as refusal:
            check_may_appeal(past, "公交停运", at(1))
        assert refusal.value.sentence("en") == sentence


RULES = st.builds(
    CreditRule,
    fault=st.sampled_from(Fault),
    count=st.integers(1, 4),
    within_days=st.integers(1, 12),
    consequence=st.sampled_from(Consequence),
    days=st.integers(1, 12),
    live_at_most=st.integers(1, 3),
)
FAULTS = st.lists(st.tuples(st.integers(0, 24 * 20), st.sampled_from(Fault)), max_size=12)


def slowly(faults: list[CountedFault], rule: CreditRule, now: datetime) -> tuple[datetime, list[UUID]] | None:
    """Stand at each fault in turn, look back, and remember the last time that there were enough."""
    found = None
    for position, reached in enumerate(faults):
        if reached.kind is not rule.fault:
            continue
        seen = []
        for earlier in faults[: position + 1]:
            hours = (reached.at - earlier.at).total_seconds() / 3600
            if earlier.kind is rule.fault and hours < rule.within_days * 24:
                seen.append(earlier.booking_id)
        if len(seen) >= rule.count:
            found = (reached.at + timedelta(hours=24 * rule.days), seen)
    return found if found and found[0] > now else None


@settings(deadline=None)
@given(FAULTS, st.lists(RULES, max_size=5), st.integers(0, 24 * 40))
def test_standing_is_what_a_slow_reader_of_the_rules_finds(
    told: list[tuple[int, Fault]], rules: list[CreditRule], hour: int
) -> None:
    faults = [CountedFault(UUID(int=n), kind, at(when / 24)) for n, (when, kind) in enumerate(sorted(told))]
    now = at(hour / 24)
    found = standing(faults, rules, now)
    expected = [(rule, known) for rule in rules if (known := slowly(faults, rule, now))]
    assert [(one.rule, (one.until, [cause.booking_id for cause in one.causes])) for one in found.outcomes] == expected
    bars = [known[0] for rule, known in expected if rule.consequence is Consequence.BAR]
    limits = [rule.live_at_most for rule, _ in expected if rule.consequence is Consequence.LIMIT]
    assert (found.bar.until if found.bar else None, found.live_at_most) == (
        max(bars, default=None),
        min(limits, default=None),
    )


@settings(deadline=None)
@given(FAULTS, st.lists(RULES, max_size=4), st.integers(0, 24 * 40), st.data())
def test_an_excuse_never_makes_it_worse(
    told: list[tuple[int, Fault]], rules: list[CreditRule], hour: int, data: st.DataObject
) -> None:
    faults = [CountedFault(UUID(int=n), kind, at(when / 24)) for n, (when, kind) in enumerate(sorted(told))]
    left = [fault for fault in faults if data.draw(st.booleans())]
    now = at(hour / 24)
    before, after = standing(faults, rules, now), standing(left, rules, now)
    if before.bar is None:
        assert after.bar is None
    elif after.bar is not None:
        assert after.bar.until <= before.bar.until
    assert (after.live_at_most or 99) >= (before.live_at_most or 99)
