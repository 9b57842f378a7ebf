"""Without this module nobody could see at a glance who is told what, over which channels, and when.

A rule is one row: the fact, the kind of message, what it is about, and how it goes out. A message keeps quiet hours
unless it is for this moment (`at_once`, of the kind or of what is told); one that has to arrive (`must_send`) goes on
to the next channel until one took it, and cannot be muted. In the inbox all are from the beginning.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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
from app.booking.reminders import Reminder
from app.cases.events import CaseAccepted, CaseApproved, CaseClosed
from app.delivery.events import CourierOrderEnded, ParcelMoved, ParcelReceived, ParcelRegistered
from app.identity.events import AccountsJoined, ChannelUnbound, NumberLost
from app.kernel.facts import Fact
from app.messages.models import Message
from app.messages.telling import accounts, bills, cases, parcels, queue, visits
from app.messages.telling.told import Told
from app.payments.events import (
    BillDueSoon,
    BillExpired,
    BillIssued,
    BillPaid,
    BillReissued,
    ClosedRefundSucceeded,
    ExpiredBillPaid,
    LateMoneyReceived,
    ReceiptIssued,
    RefundAbnormal,
    RefundBounced,
    RefundDeclined,
    RefundSucceeded,
    SurplusReceived,
    SurplusReturned,
)
from app.profiles.rules import NoticeKind
from app.queueing.events import TicketCalled, TicketNear, TicketPassed
from app.representation.events import MandateGranted, MandateRevoked

APPS = ("wechat", "alipay")
"""Host apps, where a message costs nothing."""

APPS_AND_SMS = (*APPS, "sms")
BOOKING, CASE, PAYMENT = NoticeKind.BOOKING, NoticeKind.CASE, NoticeKind.PAYMENT
DELIVERY, SECURITY = NoticeKind.DELIVERY, NoticeKind.SECURITY


@dataclass(frozen=True)
class Rule:
    """One row of the table; `when` chooses among facts of a type, `still` says when one goes out whether it is true.

    `also` are facts that come to the same for who is told: a correction, for one.
    """

    fact: type[Fact]
    template: str
    kind: NoticeKind
    tell: Callable[[Any], Awaitable[Sequence[Told]]]
    channels: tuple[str, ...] = APPS
    must_send: bool = False
    at_once: bool = False
    when: Callable[[Any], bool] = lambda _: True
    still: Callable[[Message], Awaitable[bool]] | None = None
    also: tuple[type[Fact], ...] = ()


def _by_hall(fact: BookingMoved) -> bool:
    return fact.by_hall


def _by_resident(fact: BookingMoved) -> bool:
    return not fact.by_hall


def _day_before(fact: VisitDue) -> bool:
    return fact.which == Reminder.DAY_BEFORE


def _soon(fact: VisitDue) -> bool:
    return fact.which == Reminder.SOON


RULES: tuple[Rule, ...] = (
    Rule(SlotBooked, "slot-booked", BOOKING, visits.booked, at_once=True),
    Rule(BookingMoved, "booking-moved", BOOKING, visits.moved, at_once=True, when=_by_resident),
    Rule(BookingMoved, "booking-moved-by-hall", BOOKING, visits.moved, APPS_AND_SMS, must_send=True, when=_by_hall),
    Rule(BookingCancelled, "booking-cancelled", BOOKING, visits.cancelled, at_once=True),
    Rule(BookingHallCancelled, "booking-hall-cancelled", BOOKING, visits.hall_cancelled, APPS_AND_SMS, must_send=True),
    Rule(PlaceOffered, "place-offered", BOOKING, visits.offered, APPS_AND_SMS, must_send=True, at_once=True),
    Rule(VisitDue, "visit-tomorrow", BOOKING, visits.due, when=_day_before),
    Rule(VisitDue, "visit-soon", BOOKING, visits.due, at_once=True, when=_soon),
    Rule(FaultRecorded, "fault-recorded", BOOKING, visits.fault_recorded),
    Rule(AppealDecided, "appeal-decided", BOOKING, visits.appeal_decided),
    Rule(TicketNear, "ticket-near", BOOKING, queue.near, at_once=True),
    Rule(TicketCalled, "ticket-called", BOOKING, queue.called, at_once=True),
    Rule(TicketPassed, "ticket-passed", BOOKING, queue.passed, at_once=True),
    Rule(CaseAccepted, "case-accepted", CASE, cases.accepted),
    Rule(CaseApproved, "case-approved", CASE, cases.approved),
    Rule(CaseClosed, "case-denied", CASE, cases.denied, APPS_AND_SMS, must_send=True),
    Rule(CaseClosed, "case-closed", CASE, cases.closed),
    Rule(BillIssued, "bill-issued", PAYMENT, bills.issued),
    Rule(BillDueSoon, "bill-due-soon", PAYMENT, bills.due_soon, APPS_AND_SMS, must_send=True),
    Rule(BillPaid, "bill-paid", PAYMENT, bills.paid, at_once=True),
    Rule(BillExpired, "bill-expired", PAYMENT, bills.expired),
    Rule(ExpiredBillPaid, "bill-paid-late", PAYMENT, bills.paid_late),
    Rule(BillReissued, "bill-reissued", PAYMENT, bills.reissued),
    Rule(RefundSucceeded, "refund-succeeded", PAYMENT, bills.refunded, also=(ClosedRefundSucceeded,)),
    Rule(RefundAbnormal, "refund-failed", PAYMENT, bills.refund_failed),
    Rule(RefundBounced, "refund-bounced", PAYMENT, bills.refund_bounced),
    Rule(RefundDeclined, "refund-declined", PAYMENT, bills.refund_declined),
    Rule(LateMoneyReceived, "paid-too-late", PAYMENT, bills.too_late),
    Rule(SurplusReceived, "paid-too-much", PAYMENT, bills.too_much),
    Rule(SurplusReturned, "surplus-returned", PAYMENT, bills.surplus_returned),
    Rule(ReceiptIssued, "receipt-issued", PAYMENT, bills.receipt_issued),
    Rule(ParcelRegistered, "parcel-registered", DELIVERY, parcels.registered),
    Rule(ParcelRegistered, "materials-returned", DELIVERY, parcels.materials_returned),
    Rule(ParcelMoved, "parcel-moved", DELIVERY, parcels.moved, still=parcels.is_still_there),
    Rule(ParcelMoved, "parcel-lost", DELIVERY, parcels.lost, APPS_AND_SMS, must_send=True),
    Rule(CourierOrderEnded, "posting-cancelled", DELIVERY, parcels.posting_cancelled),
    Rule(CourierOrderEnded, "courier-cancelled", DELIVERY, parcels.courier_not_coming, APPS_AND_SMS, must_send=True),
    Rule(ParcelReceived, "materials-received", DELIVERY, parcels.materials_received),
    Rule(ParcelReceived, "materials-missing", DELIVERY, parcels.materials_missing, APPS_AND_SMS, must_send=True),
    Rule(MandateGranted, "mandate-granted", SECURITY, accounts.granted, APPS_AND_SMS, must_send=True),
    Rule(MandateGranted, "mandate-received", SECURITY, accounts.received),
    Rule(MandateRevoked, "mandate-revoked", SECURITY, accounts.revoked),
    Rule(MandateRevoked, "mandate-lost", SECURITY, accounts.lost),
    Rule(AccountsJoined, "accounts-joined", SECURITY, accounts.joined, APPS_AND_SMS, must_send=True, at_once=True),
    Rule(NumberLost, "number-lost", SECURITY, accounts.number_lost, APPS_AND_SMS, must_send=True, at_once=True),
    Rule(ChannelUnbound, "channel-unbound", SECURITY, accounts.unbound, APPS_AND_SMS, must_send=True, at_once=True),
)
RULE_OF: dict[str, Rule] = {rule.template: rule for rule in RULES}
"""By the kind of message: each kind has one rule."""
