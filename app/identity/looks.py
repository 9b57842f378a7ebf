"""Without this module a resident could not learn who looked at their data (个人信息保护法 44, 50)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.identity.models import Resident
from app.kernel.actor import Actor
from app.kernel.audit import AuditLine


class LookKind(StrEnum):
    """Whether somebody only looked, or did something that made them see it."""

    LOOKED = "LOOKED"
    ACTED = "ACTED"


@dataclass(frozen=True)
class LookWords:
    kind: LookKind
    zh: str
    en: str


LOOKS: dict[str, LookWords] = {
    "case.listed": LookWords(LookKind.LOOKED, "在待办列表中看到您的姓名和办件", "saw your name and case on their desk"),
    "case.seen": LookWords(LookKind.LOOKED, "查看了您的办件", "looked at your case"),
    "case.address_seen": LookWords(
        LookKind.LOOKED, "为打印面单查看了您的收件地址", "looked at your address to print a label"
    ),
    "case.accept": LookWords(LookKind.ACTED, "受理了您的申请", "accepted your application"),
    "case.approve": LookWords(LookKind.ACTED, "对您的申请作出准予决定", "approved your application"),
    "case.deny": LookWords(LookKind.ACTED, "对您的申请作出不予许可决定", "denied your application"),
    "case.hand_over": LookWords(LookKind.ACTED, "在窗口向您发放了结果", "gave you the result at a window"),
    "case.send": LookWords(LookKind.ACTED, "交寄了您的办理结果", "handed your result to a carrier"),
    "parcel.registered": LookWords(LookKind.ACTED, "登记了寄给您的包裹", "registered a parcel to you"),
    "queue.called": LookWords(LookKind.ACTED, "呼叫了您的排队号", "called your number"),
    "queue.started": LookWords(LookKind.ACTED, "开始在窗口为您办理", "began to serve you at a window"),
    "queue.finished": LookWords(LookKind.ACTED, "在窗口为您办完", "finished serving you at a window"),
    "queue.passed": LookWords(LookKind.ACTED, "因无人应答将您的排队号过号", "passed your number, as nobody came"),
    "booking.missed": LookWords(LookKind.ACTED, "将您的预约记为未到", "noted that you missed your booking"),
}
OTHER = LookWords(LookKind.ACTED, "办理了与您有关的事项", "did something that concerns you")
"""What is said of an act without words of its own."""


@dataclass(frozen=True)
class Look:
    """One look of one member of staff: who they were that day, never their login."""

    id: int
    at: datetime
    title: str
    department: str | None
    """Key of their department; None for who works for all of the city."""

    words: LookWords
    case_id: UUID | None


async def looks_at(actor: Actor, *, limit: int, before: int | None) -> list[Look]:
    """Who of the staff looked at the resident's own data, newest first; `before` is where the page goes on.

    What was seen in accounts that were joined with this one counts. Raises `ActingForAnother`.
    """
    return await looks_of(actor.own_id(), limit=limit, before=before)


async def looks_of(resident_id: UUID, *, limit: int | None = None, before: int | None = None) -> list[Look]:
    """The same for an account, all of it when no limit is given."""
    absorbed = await Resident.filter(merged_into_id=resident_id).values_list("id", flat=True)
    lines = AuditLine.filter(person__in=[resident_id, *absorbed], actor__startswith="staff:").order_by("-id")
    if before is not None:
        lines = lines.filter(id__lt=before)
    if limit is not None:
        lines = lines.limit(limit)
    return [_look(line) for line in await lines]


def _look(line: AuditLine) -> Look:
    by = line.detail.get("by", {})
    return Look(
        id=line.id,
        at=line.at,
        title=by.get("title", ""),
        department=by.get("department"),
        words=LOOKS.get(line.act, OTHER),
        case_id=_case_of(line),
    )


def _case_of(line: AuditLine) -> UUID | None:
    subject, _, key = line.subject.partition(":")
    if subject != "case":
        key = line.detail.get("case", "")
    return UUID(key) if key else None
