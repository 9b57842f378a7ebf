from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from app.delivery.errors import PickupWindowInvalid
from app.delivery.order_rules import OrderStanding, after_news, check_pickup, may_ask_again, may_cancel, payers_open
from app.delivery.ports import OrderStep, ParcelState, Payer
from app.delivery.words import Direction, OrderState

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)  # nine in the morning here
HOUR = timedelta(hours=1)
FRESH = OrderStanding(OrderState.PLACED, ParcelState.CREATED, None, None)


def told(*steps: tuple[OrderStep, int | None, int | None], before: OrderStanding = FRESH) -> OrderStanding:
    for step, weight, fee in steps:
        before = after_news(before, step, weight_g=weight, fee_fen=fee)
    return before


def test_news_of_an_order_come_in_any_order_and_end_alike() -> None:
    """Accepted, picked up, settled twice: the settlement often comes before the pick-up."""
    steps = [
        (OrderStep.ACCEPTED, None, None),
        (OrderStep.PICKED_UP, None, None),
        (OrderStep.SETTLED, 900, 1200),
        (OrderStep.SETTLED, 900, 300),
    ]
    right = OrderStanding(OrderState.PICKED_UP, ParcelState.PICKED_UP, 900, 1500)
    assert {told(*order) for order in permutations(steps)} == {right}


def test_a_correction_replaces_what_was_settled() -> None:
    after = told((OrderStep.SETTLED, 900, 1200), (OrderStep.CORRECTED, 700, 1000))
    assert (after.weight_g, after.fee_fen) == (700, 1000)


@pytest.mark.parametrize(
    ("step", "order"),
    [
        (OrderStep.CANCELLED, OrderState.CANCELLED),
        (OrderStep.CARRIER_CANCELLED, OrderState.FAILED),
        (OrderStep.FAILED, OrderState.FAILED),
    ],
)
def test_an_order_that_ends_takes_its_parcel_along_but_never_one_the_courier_has(
    step: OrderStep, order: OrderState
) -> None:
    assert told((step, None, None)) == OrderStanding(order, ParcelState.CANCELLED, None, None)
    had = told((OrderStep.PICKED_UP, None, None))
    assert told((step, None, None), before=had) == had


def test_a_courier_who_came_all_the_same_has_the_parcel() -> None:
    after = told((OrderStep.CANCELLED, None, None), (OrderStep.PICKED_UP, None, None))
    assert (after.order, after.state) == (OrderState.PICKED_UP, ParcelState.PICKED_UP)


def test_an_order_desk_never_takes_a_parcel_back_behind_its_couriers() -> None:
    before = OrderStanding(OrderState.PLACED, ParcelState.OUT_FOR_DELIVERY, None, None)
    assert told((OrderStep.ACCEPTED, None, None), before=before).state is ParcelState.OUT_FOR_DELIVERY
    assert told((OrderStep.PICKED_UP, None, None), before=before).state is ParcelState.OUT_FOR_DELIVERY


@pytest.mark.parametrize(
    ("since", "until", "right"),
    [
        (HOUR, 3 * HOUR, True),
        (-HOUR, HOUR, True),
        (49 * HOUR, 50 * HOUR, True),
        (HOUR, HOUR + timedelta(minutes=59), False),
        (-3 * HOUR, -HOUR, False),
        (63 * HOUR, 65 * HOUR, False),
        (14 * HOUR, 16 * HOUR, False),
        (3 * HOUR, HOUR, False),
    ],
)
def test_a_courier_comes_within_one_of_three_days(since: timedelta, until: timedelta, right: bool) -> None:
    if right:
        check_pickup(NOW + since, NOW + until, NOW)
    else:
        with pytest.raises(PickupWindowInvalid):
            check_pickup(NOW + since, NOW + until, NOW)


def test_half_a_window_is_none() -> None:
    check_pickup(None, None, NOW)
    with pytest.raises(PickupWindowInvalid):
        check_pickup(NOW + HOUR, None, NOW)


def test_the_same_order_is_asked_for_again_only_while_the_carrier_knows_it() -> None:
    assert may_ask_again(None, NOW)
    assert may_ask_again(NOW - 46 * HOUR, NOW)
    assert not may_ask_again(NOW - 47 * HOUR, NOW)


@pytest.mark.parametrize("order", [None, *OrderState])
def test_a_courier_is_called_off_until_they_have_the_parcel(order: OrderState | None) -> None:
    open_orders = {OrderState.ASKED, OrderState.PLACED, OrderState.CANCEL_ASKED}
    assert may_cancel(order, ParcelState.CREATED, None) is (order in open_orders)
    assert may_cancel(order, ParcelState.AWAITING_PICKUP, None) is (order in open_orders)
    assert not may_cancel(order, ParcelState.PICKED_UP, None)
    assert not may_cancel(order, ParcelState.CREATED, NOW)


def test_a_hall_never_pays_at_its_own_door() -> None:
    every = list(Payer)
    assert payers_open(Direction.RESULT_TO_APPLICANT, every) == [Payer.CITY, Payer.RECIPIENT_ON_DELIVERY]
    assert payers_open(Direction.MATERIAL_TO_HALL, every) == [Payer.CITY, Payer.SENDER]
    assert payers_open(Direction.MATERIAL_TO_HALL, [Payer.RECIPIENT_ON_DELIVERY]) == []
