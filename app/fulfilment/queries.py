"""Without this module nobody could say of a payment what it brought: bill, case and parcels are of three domains."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from app.cases.models import Case
from app.delivery.models import Parcel
from app.delivery.words import Direction
from app.fulfilment.ports import Fulfilment, PostedParcel
from app.fulfilment.rules import way_of
from app.payments.models import PaymentAttempt
from app.payments.states import AttemptState, BillState

_KEPT = (BillState.PAID, BillState.RECEIPTED, BillState.PARTIALLY_REFUNDED)


async def payments_of(channels: Collection[str], **about: object) -> list[UUID]:
    """The payments that count, made over one of these channels; `about` are columns of bills."""
    found = PaymentAttempt.filter(state=AttemptState.SUCCEEDED, channel__in=list(channels))
    about = {f"bill__{name}": value for name, value in about.items()}
    return [payment.id for payment in await found.filter(**about).order_by("id")]


async def fulfilment_of(payment_id: UUID) -> tuple[str, Fulfilment] | None:
    """The channel of a payment and what it brought; None when its money went back, or while nothing can be said."""
    payment = await PaymentAttempt.get(id=payment_id).select_related("bill")
    bill = payment.bill
    if payment.state is not AttemptState.SUCCEEDED or bill.state not in _KEPT:
        return None
    case = await Case.get(id=bill.case_id) if bill.case_id else None
    parcels = await _posted(case.id) if case else ()
    way = way_of(bill.kind, case.delivery_method if case else None, case.state if case else None, len(parcels))
    if way is None:
        return None
    told = Fulfilment(payment.order_no, payment.payer_open_id, payment.description, way, parcels)
    return payment.channel, told


async def _posted(case_id: UUID) -> tuple[PostedParcel, ...]:
    """Every parcel with the result of a case that a carrier has, or had, oldest first."""
    found = Parcel.filter(contents__case_id=case_id, direction=Direction.RESULT_TO_APPLICANT)
    found = found.filter(picked_up_at__isnull=False, tracking_number__isnull=False)
    return tuple(
        PostedParcel(parcel.carrier, parcel.tracking_number or "", parcel.phone_tail)
        for parcel in await found.order_by("id")
    )
