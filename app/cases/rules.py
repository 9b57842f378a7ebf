"""Without this module a case could jump from anywhere to anywhere, and nobody could say what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from stdnum.iso7064 import mod_11_10

from app.catalogue.rules import LimitUnit
from app.identity.rules import Role
from app.kernel.clock import local
from app.kernel.clock.calendar import WorkingCalendar, end_of_day
from app.kernel.transitions import Graph, edge


class CaseState(StrEnum):
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    RESULT_READY = "RESULT_READY"
    DELIVERING = "DELIVERING"
    CLOSED = "CLOSED"
    WITHDRAWN = "WITHDRAWN"


class Decision(StrEnum):
    APPROVED = "APPROVED"
    DENIED = "DENIED"


class DeliveryMethod(StrEnum):
    COLLECT = "COLLECT"
    POST = "POST"


OPEN_STATES = frozenset(CaseState) - {CaseState.CLOSED, CaseState.WITHDRAWN}

DECIDED_STATES = frozenset({CaseState.PAYMENT_PENDING, CaseState.RESULT_READY, CaseState.DELIVERING})
"""Open, but decided: what is left is paying, making and handing over."""

STATE_WORDS: dict[CaseState, tuple[str, str]] = {
    CaseState.SUBMITTED: ("已提交,等待受理", "Submitted, waiting to be accepted"),
    CaseState.ACCEPTED: ("已受理,正在办理", "Accepted, being handled"),
    CaseState.PAYMENT_PENDING: ("已准予,等待缴费", "Approved, waiting for payment"),
    CaseState.RESULT_READY: ("结果已办好", "The result is ready"),
    CaseState.DELIVERING: ("结果寄送中", "The result is on its way"),
    CaseState.CLOSED: ("已办结", "Closed"),
    CaseState.WITHDRAWN: ("已撤回", "Withdrawn"),
}

LIFE: Graph[CaseState] = Graph(
    [
        edge("accept", CaseState.SUBMITTED, CaseState.ACCEPTED),
        edge("approve_with_fee", CaseState.ACCEPTED, CaseState.PAYMENT_PENDING),
        edge("approve", CaseState.ACCEPTED, CaseState.RESULT_READY),
        edge("deny", CaseState.ACCEPTED, CaseState.CLOSED),
        edge("pay", CaseState.PAYMENT_PENDING, CaseState.RESULT_READY),
        edge("send", CaseState.RESULT_READY, CaseState.DELIVERING),
        edge("come_back", CaseState.DELIVERING, CaseState.RESULT_READY),
        edge("deliver", (CaseState.DELIVERING, CaseState.RESULT_READY), CaseState.CLOSED),
        edge("hand_over", CaseState.RESULT_READY, CaseState.CLOSED),
        edge("withdraw", (CaseState.SUBMITTED, CaseState.ACCEPTED), CaseState.WITHDRAWN),
    ],
    STATE_WORDS,
)


CASE_ROLES = frozenset(
    {Role.WINDOW_ACCEPTOR, Role.PRE_REVIEWER, Role.HANDLER, Role.APPROVER, Role.ISSUER, Role.SUPERVISOR}
)
"""Who of the staff may look at cases; others have no reason to."""


class NextStep(StrEnum):
    """What the resident has to do next; `WAIT` and `NOTHING` ask for nothing."""

    BOOK_VISIT = "BOOK_VISIT"
    COME_TO_HALL = "COME_TO_HALL"
    PAY = "PAY"
    COLLECT = "COLLECT"
    SIGN_FOR_PARCEL = "SIGN_FOR_PARCEL"
    WAIT = "WAIT"
    NOTHING = "NOTHING"


STEP_WORDS: dict[NextStep, tuple[str, str]] = {
    NextStep.BOOK_VISIT: ("请预约到大厅办理的时间", "Book a time at the hall"),
    NextStep.COME_TO_HALL: ("请于{visit_zh}到大厅取号", "Come to the hall on {visit_en} and check in"),
    NextStep.PAY: ("请缴纳费用", "Pay the fee"),
    NextStep.COLLECT: ("请携带身份证件到窗口领取", "Collect the result at a window with your identity document"),
    NextStep.SIGN_FOR_PARCEL: (
        "请留意快递并本人签收;由他人或快递柜代收的,拿到后请确认收到",
        "Watch for the courier and sign for the parcel; if somebody else or a locker took it, confirm once you have it",
    ),
    NextStep.WAIT: ("请等待工作人员办理", "Wait while the staff handle it"),
    NextStep.NOTHING: ("无需操作", "Nothing to do"),
}


def next_step(
    state: CaseState, *, visits_needed: int, visit_at: datetime | None, visited: bool, method: DeliveryMethod
) -> NextStep:
    """What the resident has to do next, from plain values."""
    if state in {CaseState.SUBMITTED, CaseState.ACCEPTED} and visits_needed > 0 and not visited:
        return NextStep.BOOK_VISIT if visit_at is None else NextStep.COME_TO_HALL
    if state is CaseState.PAYMENT_PENDING:
        return NextStep.PAY
    if state is CaseState.RESULT_READY and method is DeliveryMethod.COLLECT:
        return NextStep.COLLECT
    if state is CaseState.DELIVERING:
        return NextStep.SIGN_FOR_PARCEL
    return NextStep.NOTHING if state not in OPEN_STATES else NextStep.WAIT


def step_sentence(step: NextStep, visit_at: datetime | None, language: str) -> str:
    """The step in plain words of a language (`zh` or `en`)."""
    zh, en = STEP_WORDS[step]
    when = local(visit_at) if visit_at else None
    visit_zh = f"{when.month}月{when.day}日{when:%H:%M}" if when else ""
    visit_en = f"{when:%d %B at %H:%M}" if when else ""
    return en.format(visit_en=visit_en) if language == "en" else zh.format(visit_zh=visit_zh)


def state_sentence(state: CaseState, decision: Decision | None, language: str) -> str:
    """The state in plain words of a language (`zh` or `en`)."""
    if state is CaseState.CLOSED and decision is Decision.DENIED:
        return "Denied; the reasons are in the decision" if language == "en" else "不予许可,理由见决定书"
    zh, en = STATE_WORDS[state]
    return en if language == "en" else zh


def make_case_number(division_code: str, day: date, sequence: int) -> str:
    """Division 6, date 8, sequence 6, check digit by ISO 7064 MOD 11,10."""
    body = f"{division_code[:6]}{day:%Y%m%d}{sequence:06d}"
    return body + mod_11_10.calc_check_digit(body)


@dataclass(frozen=True)
class DueDate:
    """The end of the promised limit; provisional while the calendar of its year is not published."""

    at: datetime
    provisional: bool


def due_date(
    accepted_at: datetime, limit: int | None, unit: LimitUnit | None, calendar: WorkingCalendar
) -> DueDate | None:
    """When a promise ends: the day of acceptance is not counted (民法典 201); 0 days end with the day itself."""
    if limit is None:
        return None
    start = local(accepted_at).date()
    if limit > 0 and unit is LimitUnit.CALENDAR_DAY:
        day = calendar.calendar_day_after(start, limit)
    else:
        day = calendar.working_day_after(start, limit)
        while not calendar.is_working_day(day):
            day = calendar.working_day_after(day, 1)
    return DueDate(end_of_day(day), provisional=not calendar.is_published(day.year))


@dataclass(frozen=True)
class OpenCase:
    """What decides between several open cases of one person for one item."""

    id: UUID
    state: CaseState
    submitted_at: datetime


def cases_giving_way(same_item: Sequence[OpenCase]) -> list[OpenCase]:
    """Which open cases for one item are withdrawn when two accounts of one person become one.

    What was decided stays, however often: joining accounts takes no decision back. Beside a decided case every
    undecided one gives way. Where nothing is decided one case stays: an accepted one before a submitted one, then
    the one submitted first, then the one filed first.
    """
    undecided = [case for case in same_item if case.state not in DECIDED_STATES]
    if len(undecided) < len(same_item):
        return undecided
    return sorted(undecided, key=lambda case: (case.state is CaseState.SUBMITTED, case.submitted_at, case.id))[1:]
