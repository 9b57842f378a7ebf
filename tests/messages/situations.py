"""For every kind of message somebody of whom it is true: the fact, and what is said of it in Chinese and in English."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from app.booking.events import (
    AppealDecided,
    BookingCancelled,
    BookingHallCancelled,
    BookingMoved,
    FaultRecorded,
    PlaceOffered,
    SlotBooked,
    VisitDue,
)
from app.booking.models import Booking, CreditAppeal
from app.booking.rules import BookingState
from app.cases.events import CaseAccepted, CaseApproved, CaseClosed
from app.cases.models import Case
from app.cases.rules import CaseState, Decision
from app.delivery.events import CourierOrderEnded, ParcelMoved, ParcelReceived, ParcelRegistered
from app.delivery.models import Parcel, ParcelCase
from app.delivery.ports import ParcelState, Payer
from app.delivery.words import Direction
from app.identity.events import AccountsJoined, ChannelUnbound, NumberLost
from app.kernel import clock, db
from app.kernel.facts import Fact
from app.kernel.privacy import seal
from app.messages.telling.told import Words
from app.payments import events as money
from app.payments.models import Bill, PaymentAttempt, Receipt, Refund
from app.payments.states import RefundState
from app.payments.words import ReceiptKind, ReceiptState, RefundReason
from app.queueing.events import TicketCalled, TicketNear, TicketPassed
from app.queueing.models import Ticket, Window
from app.queueing.rules import TicketState
from app.representation.events import MandateGranted, MandateRevoked
from app.representation.models import Mandate
from tests.personal_data.everything import NAME, Used, make_case

Said = dict[str, Words]
Situation = Callable[[Used], Awaitable[tuple[Fact, Said]]]

CARD = ("居民身份证丢失补领(损坏换领)", "Replacement of lost or damaged identity card")
RETIREMENT = ("职工正常退休申请", "Retirement application (urban employees)")
HALL = ("云澜市政务服务中心", "Yunlan City Service Hall")
FORTY, FEE = ("40.00元", "¥40.00"), ("工本费", "工本费")
EMS = ("EMS", "EMS")


def shown(at: datetime) -> Words:
    when = clock.local(at)
    return f"{when.year}年{when.month}月{when.day}日 {when:%H:%M}", f"{when:%Y-%m-%d %H:%M}"


def alike(text: str) -> Words:
    return text, text


def visit(fact: Callable[[Booking], Fact], **state: Any) -> Situation:
    async def happened(used: Used) -> tuple[Fact, Said]:
        await Booking.filter(resident_id=used.id).update(**state)
        booking = await Booking.get(resident_id=used.id).prefetch_related("slot")
        return fact(booking), {"item": CARD, "place": HALL, "time": shown(booking.slot.starts_at)}

    return happened


async def offered(used: Used) -> tuple[Fact, Said]:
    until = clock.now() + timedelta(minutes=30)
    fact, said = await visit(
        lambda booking: PlaceOffered(booking.id, used.id), state=BookingState.HELD, held_until=until
    )(used)
    return fact, {**said, "until": shown(until)}


async def appeal_decided(used: Used) -> tuple[Fact, Said]:
    appeal = await CreditAppeal.get(resident_id=used.id)
    said = {"result": ("未同意", "not granted"), "answer": alike("材料不足")}
    return AppealDecided(appeal.id, granted=False), said


def ticket(kind: type[TicketNear | TicketCalled | TicketPassed], state: TicketState) -> Situation:
    async def happened(used: Used) -> tuple[Fact, Said]:
        number = 1000 + used.id.int % 30_000
        window = await Window.create(service_point_id="qinghe-hall", number=number, categories=[])
        await Ticket.filter(resident_id=used.id).update(state=state, window_id=window.id)
        mine = await Ticket.get(resident_id=used.id)
        return kind(mine.id), {"code": alike(mine.code), "place": HALL, "window": alike(str(window.number))}

    return happened


def case(fact: Callable[[Case], Fact], decision: Decision = Decision.APPROVED) -> Situation:
    async def happened(used: Used) -> tuple[Fact, Said]:
        await Case.filter(resident_id=used.id).update(decision=decision)
        mine = await Case.get(resident_id=used.id)
        return fact(mine), {"item": CARD, "number": alike(mine.number)}

    return happened


def bill(fact: Callable[[Bill], Fact], *, paid: bool = False) -> Situation:
    async def happened(used: Used) -> tuple[Fact, Said]:
        at = clock.now() - timedelta(minutes=3)
        due = at + timedelta(hours=20)
        await Bill.filter(resident_id=used.id).update(paid_at=at if paid else None, due_at=due)
        mine = await Bill.get(resident_id=used.id)
        return fact(mine), {"matter": FEE, "amount": FORTY, "due": shown(due), "time": shown(at)}

    return happened


async def receipt_issued(used: Used) -> tuple[Fact, Said]:
    mine = await Bill.get(resident_id=used.id)
    receipt = await Receipt.create(
        bill_id=mine.id, kind=ReceiptKind.PLAIN, state=ReceiptState.ISSUED, code="T", number=mine.id.hex[-20:],
        check_code="x", amount_fen=4000, issued_at=clock.now(),
    )  # fmt: skip
    return money.ReceiptIssued(receipt.id, mine.id), {"matter": FEE, "amount": FORTY}


def payment(kind: type[money.SurplusReceived | money.SurplusReturned | money.LateMoneyReceived]) -> Situation:
    async def happened(used: Used) -> tuple[Fact, Said]:
        attempt = await PaymentAttempt.get(payer_id=used.id)
        return kind(attempt.id, 1250), {"matter": FEE, "amount": ("12.50元", "¥12.50")}

    return happened


def refund(fact: Callable[[Refund], Fact], state: RefundState) -> Situation:
    async def happened(used: Used) -> tuple[Fact, Said]:
        attempt = await PaymentAttempt.get(payer_id=used.id)
        mine = await Refund.create(
            attempt_id=attempt.id, bill_id=attempt.bill_id, refund_no=db.new_id().hex, reason=RefundReason.OTHER,
            amount_fen=1250, lines=[], state=state, requested_by="system:test", requested_at=clock.now(),
            answer="证书已制作",
        )  # fmt: skip
        return fact(mine), {"matter": FEE, "amount": ("12.50元", "¥12.50"), "reason": alike("证书已制作")}

    return happened


def parcel(fact: Callable[[Parcel], Fact], **changes: Any) -> Situation:
    """With a result for the resident."""

    async def happened(used: Used) -> tuple[Fact, Said]:
        await Parcel.filter(contents__case__resident_id=used.id).update(**changes)
        mine = await Parcel.get(contents__case__resident_id=used.id)
        number = alike(mine.tracking_number or "-")
        said = {"item": CARD, "carrier": EMS, "number": number, "state": ("正在派送,请留意电话", "Out for delivery")}
        return fact(mine), {**said, "payer": ("到付,由收件人支付", "The recipient pays at the door")}

    return happened


def materials(fact: Callable[[Parcel], Fact], *found: int) -> Situation:
    """For a retirement: identity card, form and personnel file have to be inside."""

    async def happened(used: Used) -> tuple[Fact, Said]:
        mine = await Parcel.get(contents__case__resident_id=used.id)
        await Parcel.filter(id=mine.id).update(direction=Direction.MATERIAL_TO_HALL)
        filed = await make_case(used.id, CaseState.ACCEPTED, item="retirement")
        await ParcelCase.filter(parcel_id=mine.id).update(case_id=filed.id, found=list(found))
        said = {"item": RETIREMENT, "carrier": EMS, "number": alike(mine.tracking_number or "-")}
        return fact(mine), {**said, "missing": ("职工退休申请表、人事档案", "Application form, Personnel file")}

    return happened


async def granted(used: Used) -> tuple[Fact, Said]:
    return MandateGranted((await Mandate.get(principal_id=used.id)).id), {"agent": alike("测****丙")}


async def revoked(used: Used) -> tuple[Fact, Said]:
    return MandateRevoked((await Mandate.get(principal_id=used.id)).id), {"agent": alike("测****丙")}


def agent(kind: type[MandateGranted | MandateRevoked]) -> Situation:
    async def happened(used: Used) -> tuple[Fact, Said]:
        await Mandate.filter(agent_index=used.index).update(agent_name_sealed=seal(NAME))
        return kind((await Mandate.get(agent_index=used.index)).id), {}

    return happened


async def joined(used: Used) -> tuple[Fact, Said]:
    return AccountsJoined(used.id, db.new_id()), {}


async def number_lost(used: Used) -> tuple[Fact, Said]:
    return NumberLost(used.id), {}


async def unbound(used: Used) -> tuple[Fact, Said]:
    return ChannelUnbound(used.id, "wechat"), {"channel": ("微信", "WeChat")}


def _moved(booking: Booking, *, by_hall: bool) -> Fact:
    return BookingMoved(booking.id, booking.slot_id, booking.slot_id, by_hall=by_hall)


BOOKED = {"state": BookingState.BOOKED, "ended_at": None}
SITUATIONS: dict[str, Situation] = {
    "slot-booked": visit(lambda booking: SlotBooked(booking.id)),
    "booking-moved": visit(lambda booking: _moved(booking, by_hall=False)),
    "booking-moved-by-hall": visit(lambda booking: _moved(booking, by_hall=True)),
    "booking-cancelled": visit(lambda booking: BookingCancelled(booking.id)),
    "booking-hall-cancelled": visit(lambda booking: BookingHallCancelled(booking.id, offered_booking_id=None)),
    "place-offered": offered,
    "visit-tomorrow": visit(lambda booking: VisitDue(booking.id, "DAY_BEFORE"), **BOOKED),
    "visit-soon": visit(lambda booking: VisitDue(booking.id, "SOON"), **BOOKED),
    "fault-recorded": visit(lambda booking: FaultRecorded(booking.id, booking.resident_id)),
    "appeal-decided": appeal_decided,
    "ticket-near": ticket(TicketNear, TicketState.WAITING),
    "ticket-called": ticket(TicketCalled, TicketState.CALLED),
    "ticket-passed": ticket(TicketPassed, TicketState.PASSED),
    "case-accepted": case(lambda case: CaseAccepted(case.id)),
    "case-approved": case(lambda case: CaseApproved(case.id, has_fees=False)),
    "case-denied": case(lambda case: CaseClosed(case.id), Decision.DENIED),
    "case-closed": case(lambda case: CaseClosed(case.id)),
    "bill-issued": bill(lambda bill: money.BillIssued(bill.id)),
    "bill-due-soon": bill(lambda bill: money.BillDueSoon(bill.id)),
    "bill-paid": bill(lambda bill: money.BillPaid(bill.id, 4000), paid=True),
    "bill-expired": bill(lambda bill: money.BillExpired(bill.id)),
    "bill-paid-late": bill(lambda bill: money.ExpiredBillPaid(bill.id, 4000), paid=True),
    "bill-reissued": bill(lambda bill: money.BillReissued(bill.id)),
    "refund-succeeded": refund(lambda refund: money.RefundSucceeded(refund.id, 1250), RefundState.SUCCEEDED),
    "refund-failed": refund(lambda refund: money.RefundAbnormal(refund.id), RefundState.ABNORMAL),
    "refund-bounced": refund(lambda refund: money.RefundBounced(refund.id), RefundState.ABNORMAL),
    "refund-declined": refund(lambda refund: money.RefundDeclined(refund.id), RefundState.DECLINED),
    "paid-too-late": payment(money.LateMoneyReceived),
    "paid-too-much": payment(money.SurplusReceived),
    "surplus-returned": payment(money.SurplusReturned),
    "receipt-issued": receipt_issued,
    "parcel-registered": parcel(
        lambda parcel: ParcelRegistered(parcel.id), state=ParcelState.CREATED, payer=Payer.RECIPIENT_ON_DELIVERY
    ),
    "materials-returned": parcel(
        lambda parcel: ParcelRegistered(parcel.id), state=ParcelState.CREATED, direction=Direction.MATERIAL_RETURN
    ),
    "parcel-moved": parcel(
        lambda parcel: ParcelMoved(parcel.id, "OUT_FOR_DELIVERY"),
        state=ParcelState.OUT_FOR_DELIVERY,
        delivered_to=None,
    ),
    "parcel-lost": parcel(lambda parcel: ParcelMoved(parcel.id, "LOST"), state=ParcelState.LOST),
    "posting-cancelled": parcel(lambda parcel: CourierOrderEnded(parcel.id, "CANCELLED"), state=ParcelState.CANCELLED),
    "courier-cancelled": materials(lambda parcel: CourierOrderEnded(parcel.id, "FAILED")),
    "materials-received": materials(lambda parcel: ParcelReceived(parcel.id), 1, 2, 3),
    "materials-missing": materials(lambda parcel: ParcelReceived(parcel.id), 1),
    "mandate-granted": granted,
    "mandate-received": agent(MandateGranted),
    "mandate-revoked": revoked,
    "mandate-lost": agent(MandateRevoked),
    "accounts-joined": joined,
    "number-lost": number_lost,
    "channel-unbound": unbound,
}
