"""Without this module a platform would be told of a parcel that never left, or wait for one that never will."""

from __future__ import annotations

from app.cases.rules import CaseState, DeliveryMethod
from app.fulfilment.ports import Way
from app.payments.rules import BillKind


def way_of(kind: BillKind, method: DeliveryMethod | None, state: CaseState | None, parcels: int) -> Way | None:
    """What can be said now of a payment: its bill, how the result of its case goes out, how far the case is, and how
    many parcels with it a carrier has. None while nothing can be said.

    A deposit and a notice bring nothing that is handed over, so they are told at once. Paying makes a result ready,
    and ready at the hall is all the hall owes to who chose to collect it. What is posted has left when a carrier has
    it; a case that closed without any parcel was collected after all.
    """
    if kind is not BillKind.CASE_FEE:
        return Way.NOTHING_TO_HAND_OVER
    if method is DeliveryMethod.COLLECT:
        return Way.AT_THE_HALL
    if parcels:
        return Way.POSTED
    return Way.AT_THE_HALL if state is CaseState.CLOSED else None
