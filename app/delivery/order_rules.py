"""Without this module a courier could be called for yesterday, or called back when the parcel is long gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.delivery.errors import PickupWindowInvalid
from app.delivery.ports import OrderStep, ParcelState, Payer
from app.delivery.words import LIVE_ORDERS, Direction, OrderState
from app.kernel.clock import local

SAME_ORDER_FOR = timedelta(hours=47)
"""Carriers know an order again by our number for 48 hours; after that the same number orders anew."""

PICKUP_DAYS = 3
"""Today, tomorrow and the day after: carriers have no words for more."""

_SHORTEST_WINDOW = timedelta(hours=1)

PAYERS: dict[Direction, frozenset[Payer]] = {
    Direction.RESULT_TO_APPLICANT: frozenset({Payer.CITY, Payer.RECIPIENT_ON_DELIVERY}),
    Direction.MATERIAL_TO_HALL: frozenset({Payer.CITY, Payer.SENDER}),
    Direction.MATERIAL_RETURN: frozenset({Payer.CITY, Payer.RECIPIENT_ON_DELIVERY}),
}
"""Who may pay which way: a hall never pays at its own door."""

PAYER_WORDS: dict[Payer, tuple[str, str]] = {
    Payer.CITY: ("由大厅支付,您无需付费", "The hall pays; it costs you nothing"),
    Payer.SENDER: ("寄付,由寄件人支付", "The sender pays the courier"),
    Payer.RECIPIENT_ON_DELIVERY: ("到付,由收件人支付", "The recipient pays at the door"),
}


def may_ask_again(first_tried: datetime | None, now: datetime) -> bool:
    """Whether asking the carrier once more can only be the same order."""
    return first_tried is None or now - first_tried < SAME_ORDER_FOR


def may_cancel(order: OrderState | None, state: ParcelState, handed_over_at: datetime | None) -> bool:
    """Until the courier has it, by a scan or by the signature on the hall's sheet; asked for already is no harm."""
    return (
        order in LIVE_ORDERS and handed_over_at is None and state in {ParcelState.CREATED, ParcelState.AWAITING_PICKUP}
    )


def check_pickup(since: datetime | None, until: datetime | None, now: datetime) -> None:
    """Raises `PickupWindowInvalid`; no window at all is as soon as may be."""
    if since is None and until is None:
        return
    if since is None or until is None or until - since < _SHORTEST_WINDOW:
        raise PickupWindowInvalid(field="pickupFrom")
    today, day = local(now).date(), local(since).date()
    if until <= now or local(until).date() != day or not 0 <= (day - today).days < PICKUP_DAYS:
        raise PickupWindowInvalid(field="pickupUntil")


@dataclass(frozen=True)
class OrderStanding:
    """An order as far as its carrier's news have brought it."""

    order: OrderState
    state: ParcelState
    weight_g: int | None
    fee_fen: int | None


def after_news(before: OrderStanding, step: OrderStep, *, weight_g: int | None, fee_fen: int | None) -> OrderStanding:
    """What news of an order make of it, in whatever order they come (settled before picked up is usual).

    Prices of several settlements add up, a correction replaces them; nothing brings a parcel back that the courier
    has, and nothing but our own next order revives one that is cancelled or failed.
    """
    order, state, weight, fee = before.order, before.state, before.weight_g, before.fee_fen
    if step is OrderStep.SETTLED:
        weight, fee = weight_g if weight_g is not None else weight, _sum(fee, fee_fen)
    elif step is OrderStep.CORRECTED:
        weight = weight_g if weight_g is not None else weight
        fee = fee_fen if fee_fen is not None else fee
    elif step is OrderStep.PICKED_UP:
        order, state = OrderState.PICKED_UP, _forward(state, ParcelState.PICKED_UP)
    elif order in LIVE_ORDERS:
        order, state = _while_live(order, state, step)
    return OrderStanding(order, state, weight, fee)


def _while_live(order: OrderState, state: ParcelState, step: OrderStep) -> tuple[OrderState, ParcelState]:
    if step is OrderStep.ACCEPTED:
        return _placed(order), _forward(state, ParcelState.AWAITING_PICKUP)
    if step is OrderStep.PLACED:
        return _placed(order), state
    if step is OrderStep.CANCELLED:
        return OrderState.CANCELLED, ParcelState.CANCELLED
    if step in {OrderStep.FAILED, OrderStep.CARRIER_CANCELLED}:
        return OrderState.FAILED, ParcelState.CANCELLED
    return order, state


def _placed(order: OrderState) -> OrderState:
    return OrderState.PLACED if order is OrderState.ASKED else order


_WAY: Sequence[ParcelState] = (ParcelState.CREATED, ParcelState.AWAITING_PICKUP, ParcelState.PICKED_UP)


def _forward(state: ParcelState, to: ParcelState) -> ParcelState:
    """Order news come from a desk: they never take a parcel back behind what its couriers scanned."""
    return to if state in _WAY[: _WAY.index(to)] or state is ParcelState.CANCELLED else state


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else (one or 0) + other


def payers_open(direction: Direction, offered: Collection[Payer]) -> list[Payer]:
    """Who may pay a carrier that offers these, the city first."""
    return [payer for payer in Payer if payer in offered and payer in PAYERS[direction]]
