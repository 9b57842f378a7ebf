from __future__ import annotations

import pytest

from app.cases.rules import CaseState, DeliveryMethod
from app.fulfilment.ports import Way
from app.fulfilment.rules import way_of
from app.payments.rules import BillKind

POST, COLLECT = DeliveryMethod.POST, DeliveryMethod.COLLECT
READY, CLOSED = CaseState.RESULT_READY, CaseState.CLOSED


@pytest.mark.parametrize(
    ("kind", "method", "state", "parcels", "way"),
    [
        (BillKind.DEPOSIT, None, None, 0, Way.NOTHING_TO_HAND_OVER),
        (BillKind.NOTICE, None, None, 0, Way.NOTHING_TO_HAND_OVER),
        (BillKind.CASE_FEE, COLLECT, READY, 0, Way.AT_THE_HALL),
        (BillKind.CASE_FEE, COLLECT, CLOSED, 0, Way.AT_THE_HALL),
        (BillKind.CASE_FEE, POST, READY, 0, None),
        (BillKind.CASE_FEE, POST, CaseState.DELIVERING, 0, None),
        (BillKind.CASE_FEE, POST, CaseState.DELIVERING, 1, Way.POSTED),
        (BillKind.CASE_FEE, POST, READY, 1, Way.POSTED),
        (BillKind.CASE_FEE, POST, CLOSED, 1, Way.POSTED),
        (BillKind.CASE_FEE, POST, CLOSED, 0, Way.AT_THE_HALL),
    ],
)
def test_what_a_payment_brought_follows_from_its_bill_its_case_and_its_parcels(
    kind: BillKind, method: DeliveryMethod | None, state: CaseState | None, parcels: int, way: Way | None
) -> None:
    assert way_of(kind, method, state, parcels) is way
