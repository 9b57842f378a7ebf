"""Without this module a resident could not learn who looked at their data (个人信息保护法 44, 50)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.identity.disclosure import Purpose
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
    "case.address_seen": LookWords(LookKind.LOOKED, "查看了您的完整收件地址", "read your address in full"),
    "booking.home_seen": LookWords(
        LookKind.LOOKED, "查看了您上门服务的完整地址", "read the address of your home visit in full"
    ),
    "case.applicant_seen": LookWords(
        LookKind.LOOKED, "查看了您的完整姓名、证件号码等信息", "read your name and numbers in full"
    ),
    "mandate.seen": LookWords(LookKind.LOOKED, "查看了您给出的代办授权", "looked at the mandates you gave"),
    "representation.claim_seen": LookWords(
        LookKind.LOOKED, "查看了您的监护或法定代表人申报", "looked at your claim to represent somebody"
    ),
    "audit.read": LookWords(LookKind.LOOKED, "在审计中查看了与您有关的操作记录", "read what was recorded about you"),
    "case.accept": LookWords(LookKind.ACTED, "受理了您的申请", "accepted your application"),
    "case.approve": LookWords(LookKind.ACTED, "对您的申请作出准予决定", "approved your application"),
    "case.deny": LookWords(LookKind.ACTED, "对您的申请作出不予许可决定", "denied your application"),
    "case.hand_over": LookWords(LookKind.ACTED, "在窗口向您发放了结果", "gave you the result at a window"),
    "case.send": LookWords(LookKind.ACTED, "交寄了您的办理结果", "handed your result to a carrier"),
    "parcel.registered": LookWords(LookKind.ACTED, "登记了寄给您的包裹", "registered a parcel to you"),
    "bill.listed": LookWords(LookKind.LOOKED, "在缴费单列表中看到您的姓名和缴费单", "saw your name and bill on a list"),
    "bill.seen": LookWords(LookKind.LOOKED, "查看了您的缴费单", "looked at your bill"),
    "bill.exempted": LookWords(LookKind.ACTED, "为您办理了费用减免", "took something off your bill"),
    "bill.cancelled": LookWords(LookKind.ACTED, "作废了您的缴费通知", "cancelled your notice of payment"),
    "bill.renewed": LookWords(LookKind.ACTED, "延长了您的缴费单", "let your bill be paid again"),
    "bill.issued": LookWords(LookKind.ACTED, "向您开具了缴费通知", "made out a notice of payment to you"),
    "text.listed": LookWords(
        LookKind.LOOKED, "在待审文字中看到您写的内容", "saw something you wrote on a list to review"
    ),
    "text.reviewed": LookWords(LookKind.ACTED, "审核了您写的内容", "reviewed something you wrote"),
    "refund.listed": LookWords(LookKind.LOOKED, "在退款列表中看到您的退款", "saw your refund on a list"),
    "refund.seen": LookWords(LookKind.LOOKED, "查看了您的退款情况", "looked at the refunds of your bill"),
    "refund.requested": LookWords(LookKind.ACTED, "为您发起了退款", "asked for a refund to you"),
    "refund.approved": LookWords(LookKind.ACTED, "同意了您的退款", "agreed to your refund"),
    "refund.declined": LookWords(LookKind.ACTED, "未同意您的退款", "declined your refund"),
    "refund.retried": LookWords(LookKind.ACTED, "重新发起了您的退款", "sent your refund again"),
    "refund.given_up": LookWords(LookKind.ACTED, "终止了您的退款", "ended your refund"),
    "refund.settled": LookWords(LookKind.ACTED, "在窗口向您退还了款项", "handed money back to you at a window"),
    "receipt.seen": LookWords(LookKind.LOOKED, "为您打印票据时查看了票据", "opened your receipt to print it"),
    "receipt.voided": LookWords(
        LookKind.ACTED, "作废了您的票据并重新开具", "had your receipt taken back and made anew"
    ),
    "payment.disowned": LookWords(
        LookKind.ACTED,
        "认定一笔来款与您的缴费单不符并申请退回",
        "asked for money to go back that was not what your bill says",
    ),
    "payment.settled": LookWords(LookKind.ACTED, "在窗口收取了您的缴费", "took your payment at a window"),
    "queue.number_shown": LookWords(
        LookKind.LOOKED, "凭身份证查看了您今天的排队号", "looked up your number by your card"
    ),
    "queue.checked_in": LookWords(LookKind.ACTED, "凭身份证为您办理了到场取号", "checked you in by your card"),
    "queue.called": LookWords(LookKind.ACTED, "呼叫了您的排队号", "called your number"),
    "queue.started": LookWords(LookKind.ACTED, "开始在窗口为您办理", "began to serve you at a window"),
    "queue.finished": LookWords(LookKind.ACTED, "在窗口为您办完", "finished serving you at a window"),
    "queue.passed": LookWords(LookKind.ACTED, "因无人应答将您的排队号过号", "passed your number, as nobody came"),
    "queue.recalled": LookWords(LookKind.ACTED, "再次呼叫了您的排队号", "called your number again"),
    "queue.taken": LookWords(LookKind.ACTED, "在前台为您取号", "took a number for you at the desk"),
    "queue.rejoined": LookWords(LookKind.ACTED, "在前台为您重新排队", "let you queue again at the desk"),
    "queue.hung": LookWords(LookKind.ACTED, "将您的办理暂时挂起", "put your visit aside for a while"),
    "queue.resumed": LookWords(LookKind.ACTED, "继续为您办理", "went on with your visit"),
    "queue.transferred": LookWords(LookKind.ACTED, "将您的排队号转到其他业务", "sent your number to another business"),
    "queue.abandoned": LookWords(LookKind.ACTED, "结束了您的排队号", "ended your number"),
    "booking.missed": LookWords(LookKind.ACTED, "将您的预约记为未到", "noted that you missed your booking"),
    "booking.seen_at_desk": LookWords(LookKind.LOOKED, "在窗口查看了您的预约", "looked at your bookings at a window"),
    "booking.made_at_desk": LookWords(LookKind.ACTED, "在窗口为您预约", "booked for you at a window"),
    "booking.moved_at_desk": LookWords(LookKind.ACTED, "在窗口为您改期", "moved your booking at a window"),
    "booking.cancelled_at_desk": LookWords(LookKind.ACTED, "在窗口为您取消预约", "cancelled your booking at a window"),
    "booking.excused": LookWords(LookKind.ACTED, "免除了您的一次失约记录", "let a missed visit not count"),
    "credit.appeal_seen": LookWords(LookKind.LOOKED, "查看了您的预约信用申诉", "read your appeal about booking credit"),
    "credit.appeal_decided": LookWords(LookKind.ACTED, "答复了您的预约信用申诉", "decided your appeal"),
    "credit.exempted": LookWords(LookKind.ACTED, "登记了您的预约信用豁免", "exempted you from booking credit"),
    "credit.exemption_ended": LookWords(
        LookKind.ACTED, "终止了您的预约信用豁免", "ended your exemption from booking credit"
    ),
    "credit.exemptions_seen": LookWords(
        LookKind.LOOKED, "查看了您的预约信用豁免", "looked at your exemptions from booking credit"
    ),
    "mandate.granted": LookWords(LookKind.ACTED, "登记了您的代办授权", "registered a mandate of yours"),
    "mandate.revoked": LookWords(LookKind.ACTED, "终止了您的代办授权", "ended a mandate of yours"),
    "mandate.replaced": LookWords(LookKind.ACTED, "变更了您的代办授权", "replaced a mandate of yours"),
    "representation.decided": LookWords(
        LookKind.ACTED, "核验了您的监护或法定代表人申报", "decided on your claim to represent somebody"
    ),
    "identity.account_opened": LookWords(LookKind.ACTED, "在窗口为您开立了账号", "opened an account for you"),
    "legal_person.registered": LookWords(LookKind.ACTED, "登记了法人信息", "registered the legal person"),
    "legal_person.renamed": LookWords(LookKind.ACTED, "变更了法人名称", "changed the legal person's name"),
}
PURPOSES: dict[str, tuple[str, str]] = {
    Purpose.VERIFY_IDENTITY: ("核对身份", "to verify your identity"),
    Purpose.REVIEW_CASE: ("审查办件", "to review your case"),
    Purpose.CONTACT_APPLICANT: ("与您联系", "to contact you"),
    Purpose.ISSUE_RESULT: ("制作、发放结果", "to issue your result"),
    "label": ("打印面单", "to print a label"),
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
    purpose: tuple[str, str] | None
    """What they said they needed it for, in Chinese and English."""

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
        purpose=PURPOSES.get(line.detail.get("purpose", "")),
        case_id=_case_of(line),
    )


def _case_of(line: AuditLine) -> UUID | None:
    subject, _, key = line.subject.partition(":")
    if subject != "case":
        key = line.detail.get("case", "")
    return UUID(key) if key else None
