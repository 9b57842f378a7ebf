"""Without this module nobody could say, or check, why somebody may not book for a while.

What is held against a resident and what follows from it, as values in and a verdict out. Nothing of it is stored:
an excuse, another rule or the passing of time changes the verdict at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.booking.errors import AppealInvalid, BookingBarred
from app.booking.policy import Consequence, CreditRule, Fault, Policy
from app.booking.rules import AppealState, BookingState
from app.booking.visits import History, Past, Visit
from app.kernel.clock import local
from app.kernel.transitions import Graph, edge
from app.representation.rules import age_on

APPEAL_DAYS = 30
GROUNDS_LONGEST = 500

APPEAL_LIFE: Graph[AppealState] = Graph(
    [
        edge("grant", AppealState.OPEN, AppealState.GRANTED),
        edge("refuse", AppealState.OPEN, AppealState.REFUSED),
    ],
    {
        AppealState.OPEN: ("待处理", "to be decided"),
        AppealState.GRANTED: ("已同意", "granted"),
        AppealState.REFUSED: ("未同意", "refused"),
    },
)


class ExemptionGround(StrEnum):
    """Why the missed visits of somebody do not count, as a window saw it."""

    DISABLED = "DISABLED"
    ILLNESS = "ILLNESS"
    OTHER = "OTHER"


@dataclass(frozen=True)
class CountedFault:
    """A visit that was missed, or given back too late, and is not excused."""

    booking_id: UUID
    kind: Fault
    at: datetime
    """When the missed visit would have begun; when the late cancellation was made."""


@dataclass(frozen=True)
class Outcome:
    """What a rule makes of faults, until a moment."""

    rule: CreditRule
    causes: tuple[CountedFault, ...]
    until: datetime


@dataclass(frozen=True)
class Standing:
    """How somebody stands with one business now: nothing, or the outcomes in force and what caused each."""

    outcomes: tuple[Outcome, ...] = ()

    def _of(self, consequence: Consequence) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.rule.consequence is consequence]

    @property
    def bar(self) -> Outcome | None:
        """The bar that ends last."""
        return max(self._of(Consequence.BAR), key=lambda bar: bar.until, default=None)

    @property
    def live_at_most(self) -> int | None:
        """The lowest of the limits in force; None when there is none."""
        return min((limit.rule.live_at_most for limit in self._of(Consequence.LIMIT)), default=None)


def fault_of(past: Past) -> CountedFault | None:
    """What a booking is held against its resident as; None for what was kept, given back in time or excused."""
    if past.excused:
        return None
    if past.state is BookingState.NO_SHOW:
        return CountedFault(past.id, Fault.NO_SHOW, past.starts_at)
    if past.late:
        return CountedFault(past.id, Fault.LATE_CANCEL, past.ended_at or past.starts_at)
    return None


def faults_of(history: History, category: str) -> list[CountedFault]:
    """What counts for one business, at whichever service point it happened; the oldest first."""
    found = [fault for past in history.bookings if past.category == category and (fault := fault_of(past))]
    return sorted(found, key=lambda fault: (fault.at, fault.booking_id))


def standing(faults: Sequence[CountedFault], rules: Sequence[CreditRule], now: datetime) -> Standing:
    """The outcomes in force: for each rule the last time its count was reached, if that is not over yet.

    Faults are in the order of time. The days of an outcome count from the fault that reached the count, and a fault
    is within the days of a rule when it lies less than so many times 24 hours before that one. A fault counts
    until it is too old, also when something followed from it already.
    """
    return Standing(tuple(outcome for rule in rules if (outcome := _last(faults, rule)) and now < outcome.until))


def _last(faults: Sequence[CountedFault], rule: CreditRule) -> Outcome | None:
    of_kind = [fault for fault in faults if fault.kind is rule.fault]
    within = timedelta(days=rule.within_days)
    for last in range(len(of_kind) - 1, rule.count - 2, -1):
        reached = of_kind[last]
        causes = tuple(fault for fault in of_kind[: last + 1] if reached.at - fault.at < within)
        if len(causes) >= rule.count:
            return Outcome(rule, causes, reached.at + timedelta(days=rule.days))
    return None


def is_old_enough(born: date | None, policy: Policy, today: date) -> bool:
    """Whether missed visits do not count because of age; a legal person has none."""
    return born is not None and age_on(born, today) >= policy.exempt_age


def is_exempt(history: History, policy: Policy, now: datetime) -> bool:
    return history.exempt or is_old_enough(history.born, policy, local(now).date())


def check_standing(visit: Visit, history: History, now: datetime) -> int:
    """How many live bookings the resident may hold; raises `BookingBarred` for who may not book for now.

    Pure, so that one booking and a batch of them are judged alike.
    """
    if is_exempt(history, visit.policy, now):
        return visit.policy.live_most
    judged = standing(faults_of(history, visit.category), visit.policy.credit_rules, now)
    if judged.bar is not None:
        reason, until = cause_in_words(judged.bar), (when(judged.bar.until, "zh"), when(judged.bar.until, "en"))
        raise BookingBarred(reason_zh=reason[0], reason_en=reason[1], until_zh=until[0], until_en=until[1])
    limit = judged.live_at_most
    return visit.policy.live_most if limit is None else min(limit, visit.policy.live_most)


def appeal_until(fault: CountedFault) -> datetime:
    return fault.at + timedelta(days=APPEAL_DAYS)


def check_may_appeal(past: Past, grounds: str, now: datetime) -> str:
    """The grounds without blanks around them; raises `AppealInvalid` where there is nothing to appeal, or no longer."""
    text = grounds.strip()
    if past.excused:
        raise AppealInvalid(reason_zh="这次记录已经免除,不计入信用", reason_en="it is excused and does not count")
    fault = fault_of(past)
    if fault is None:
        raise AppealInvalid(
            reason_zh="这个预约没有记为爽约或临期取消", reason_en="this visit was neither missed nor cancelled late"
        )
    if now >= appeal_until(fault):
        raise AppealInvalid(
            reason_zh=f"已超过{APPEAL_DAYS}天的申诉期限", reason_en=f"the {APPEAL_DAYS} days for it are over"
        )
    if not 1 <= len(text) <= GROUNDS_LONGEST:
        raise AppealInvalid(
            field="grounds",
            reason_zh=f"请写明1至{GROUNDS_LONGEST}字的理由",
            reason_en=f"give your grounds in 1 to {GROUNDS_LONGEST} characters",
        )
    return text


def when(moment: datetime, language: str) -> str:
    """A moment with its year, as a bar may be long: `2026年12月25日09:00`."""
    shown = local(moment)
    if language == "en":
        return f"{shown.day} {shown:%B %Y %H:%M}"
    return f"{shown.year}年{shown.month}月{shown.day}日{shown:%H:%M}"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _bookings(most: int) -> str:
    return "1 live booking" if most == 1 else f"{most} live bookings"


def _counted(kind: Fault, count: int) -> tuple[str, str]:
    many = "" if count == 1 else "s"
    if kind is Fault.NO_SHOW:
        return f"爽约{count}次", f"missed {count} booked visit{many}"
    return f"临期取消{count}次", f"cancelled {count} booking{many} late"


def cause_in_words(outcome: Outcome) -> tuple[str, str]:
    """What somebody did, in Chinese and English, as the beginning of a sentence."""
    zh, en = _counted(outcome.rule.fault, len(outcome.causes))
    return f"您在{outcome.rule.within_days}天内{zh}", f"You {en} within {_days(outcome.rule.within_days)}"


def outcome_in_words(outcome: Outcome) -> tuple[str, str]:
    """What follows and until when, with the reason."""
    (zh, en), until_zh, until_en = cause_in_words(outcome), when(outcome.until, "zh"), when(outcome.until, "en")
    most = outcome.rule.live_at_most
    match outcome.rule.consequence:
        case Consequence.WARNING:
            return f"{zh},请按时到场,来不了请提前取消", f"{en}; please come, or cancel in time."
        case Consequence.LIMIT:
            return (
                f"{zh},{until_zh}之前最多保留{most}个未完成的预约",
                f"{en}, so you may hold at most {_bookings(most)} before {until_en}.",
            )
        case Consequence.BAR:
            return f"{zh},{until_zh}之前不能在线预约", f"{en}, so you cannot book online before {until_en}."


def rule_in_words(rule: CreditRule) -> tuple[str, str]:
    """A rule as the resident reads it, in Chinese and English."""
    zh, en = _counted(rule.fault, rule.count)
    head_zh, head_en = f"{rule.within_days}天内{zh}", f"Whoever {en} within {_days(rule.within_days)}"
    most = rule.live_at_most
    match rule.consequence:
        case Consequence.WARNING:
            return f"{head_zh}:提醒", f"{head_en} is reminded."
        case Consequence.LIMIT:
            return (
                f"{head_zh}:自最后一次起{rule.days}天内最多保留{most}个未完成的预约",
                f"{head_en} may hold at most {_bookings(most)} for {_days(rule.days)} from the last of them.",
            )
        case Consequence.BAR:
            return (
                f"{head_zh}:自最后一次起{rule.days}天内不能在线预约",
                f"{head_en} cannot book online for {_days(rule.days)} from the last of them.",
            )


def rules_in_words(policy: Policy) -> Iterator[tuple[str, str]]:
    """All rules of a business, and who they are not for."""
    for rule in policy.credit_rules:
        yield rule_in_words(rule)
    yield (
        f"{policy.exempt_age}周岁以上老年人、经窗口登记的残疾人等不受上述限制,由他人代办时同样适用",
        f"Exempt are people of {policy.exempt_age} or more, and whom a window has exempted, also when another acts.",
    )


GROUND_WORDS: dict[ExemptionGround, tuple[str, str]] = {
    ExemptionGround.DISABLED: ("残疾", "a disability"),
    ExemptionGround.ILLNESS: ("患病", "an illness"),
    ExemptionGround.OTHER: ("其他原因", "another reason"),
}


def exempt_in_words(ground: ExemptionGround | None, age: int | None) -> tuple[str, str] | None:
    """Why nothing counts for somebody: what a window saw, or the age they have reached; None for who is not exempt."""
    if ground is not None:
        zh, en = GROUND_WORDS[ground]
        return f"窗口已登记豁免({zh}),爽约和临期取消不影响您预约", f"A window has exempted you ({en})."
    if age is not None:
        return f"您已满{age}周岁,爽约和临期取消不影响您预约", f"You are {age} or older, and so exempt."
    return None
