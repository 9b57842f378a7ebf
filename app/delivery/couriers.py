"""Without this module an order would stay a wish: it asks the carrier, and takes what the carrier tells of it.

One job per parcel at a time. The carrier knows an order again by our number for two days, so a question without an
answer is simply asked again, but never after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import orjson

from app.cases.commands import record_returned
from app.cases.models import Case
from app.delivery.commands import tracker_of
from app.delivery.contents import carried, locked_with_cases
from app.delivery.errors import CarrierUnknown
from app.delivery.events import (
    CourierAssigned,
    CourierOrderEnded,
    ParcelMoved,
    ParcelNewsTaken,
    ParcelPickedUp,
    ParcelRegistered,
)
from app.delivery.models import Parcel
from app.delivery.offers import order_of
from app.delivery.order_rules import OrderStanding, after_news, may_ask_again
from app.delivery.ports import CarrierOrders, OrderNews, OrderRefused, OrderStep, ParcelState, Placed
from app.delivery.queries import parcel_by_number
from app.delivery.rules import Watch
from app.delivery.tasks_of_desk import PICKED_UP_ALL_THE_SAME, open_task
from app.delivery.words import ENDED_ORDERS, OrderState, TaskKind
from app.kernel import clock, db, ports
from app.kernel.actor import provider_actor
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import publish
from app.kernel.logging import get_logger
from app.kernel.privacy import seal

_log = get_logger(__name__)
_TOO_LATE = "下单结果不明已超过两天,请向快递公司核实后重新下单"
_LEFT = timedelta(minutes=30)
_SILENT = timedelta(hours=6)


async def see_to_order(parcel_id: UUID) -> None:
    """Place what is asked for, cancel what is no longer wanted.

    Raises `ProviderUnavailable`, so that the job tries again.
    """
    parcel = await Parcel.get(id=parcel_id)
    if parcel.order_state is OrderState.ASKED:
        await _place(parcel)
    elif parcel.order_state is OrderState.CANCEL_ASKED:
        await _cancel(parcel)


async def ask_about_order(parcel_id: UUID) -> None:
    """Ask how an order stands that is placed and of which nobody tells. Raises `ProviderUnavailable`."""
    parcel = await Parcel.get(id=parcel_id)
    if parcel.order_state is not OrderState.PLACED:
        return
    assert parcel.order_no is not None
    news = await ports.get(CarrierOrders, parcel.agent).ask(parcel.carrier_ref, parcel.order_no)
    await Parcel.filter(id=parcel.id).update(heard_at=clock.now())
    if news is not None:
        await take_order_news(news)


async def _place(parcel: Parcel) -> Placed | None:
    """Whatever comes of it is recorded, also when the order was called off meanwhile."""
    if not may_ask_again(parcel.tried_at, clock.now()):
        await _ended(parcel.id, OrderState.FAILED, _TOO_LATE)
        return None
    await Parcel.filter(id=parcel.id, tried_at=None).update(tried_at=clock.now())
    orders = ports.get(CarrierOrders, parcel.agent)
    try:
        placed = await orders.place(await order_of(parcel))
    except OrderRefused as refused:
        _log.warning("courier not ordered", parcel=str(parcel.id), code=refused.code)
        await _ended(parcel.id, OrderState.FAILED, refused.reason_zh)
        return None
    async with db.transaction():
        known, _ = await locked_with_cases(parcel.id)
        known.carrier_ref = placed.ref[:80]
        if known.order_state is OrderState.ASKED:
            known.order_state = OrderState.PLACED
            await publish(ParcelNewsTaken(known.id))
        await _number(known, placed.number)
        await known.save()
    return placed


async def _cancel(parcel: Parcel) -> None:
    """What nobody was asked for is over at once; what may have been ordered is found by ordering the same again."""
    if parcel.tried_at is None:
        await _ended(parcel.id, OrderState.CANCELLED, "")
        return
    if not parcel.carrier_ref and await _place(parcel) is None:
        return
    parcel = await Parcel.get(id=parcel.id)
    assert parcel.order_no is not None
    try:
        await ports.get(CarrierOrders, parcel.agent).cancel(parcel.carrier_ref, parcel.order_no, parcel.tracking_number)
    except OrderRefused as refused:
        _log.warning("courier not cancelled", parcel=str(parcel.id), code=refused.code)
        async with db.transaction():
            stays = Parcel.filter(id=parcel.id, order_state=OrderState.CANCEL_ASKED)
            if await stays.update(order_state=OrderState.PLACED, order_remark=refused.reason_zh):
                await publish(ParcelNewsTaken(parcel.id))
        return
    await _ended(parcel.id, OrderState.CANCELLED, "")


async def _ended(parcel_id: UUID, order: OrderState, remark: str) -> None:
    async with db.transaction():
        parcel, cases = await locked_with_cases(parcel_id)
        if parcel.order_state in {OrderState.ASKED, OrderState.PLACED, OrderState.CANCEL_ASKED}:
            await _end(parcel, cases, order, remark)
            await parcel.save()


async def _end(parcel: Parcel, cases: Sequence[Case], order: OrderState, remark: str) -> None:
    """No courier comes: results wait at the desk again. The caller saves."""
    parcel.order_state, parcel.order_remark = order, remark
    parcel.state, parcel.state_at = ParcelState.CANCELLED, clock.now()
    parcel.watch = Watch.ENDED if parcel.tracking_number else Watch.NO_NUMBER
    await publish(CourierOrderEnded(parcel.id, order.value))
    await publish(ParcelMoved(parcel.id, parcel.state.value))
    if order is OrderState.FAILED:
        await open_task(TaskKind.ORDER_FAILED, f"parcel:{parcel.id}", parcel.id, reason=remark)
    for case in await carried(parcel, cases):
        await record_returned(provider_actor(parcel.agent), case)


async def _number(parcel: Parcel, number: str | None) -> None:
    """The carrier says how the parcel is called: from now on it can be watched. The caller saves."""
    if number is None or parcel.tracking_number is not None:
        return
    if await parcel_by_number(parcel.carrier, number) is not None:
        subject = f"parcel:{parcel.id}"
        await open_task(TaskKind.OTHER_CARRIER, subject, parcel.id, ours=parcel.carrier, number_is_anothers=number)
        return
    parcel.tracking_number = number
    try:
        parcel.tracker, _ = tracker_of(parcel.carrier)
    except CarrierUnknown:  # it can be ordered, and nobody here follows it
        parcel.watch = Watch.REFUSED
        return
    parcel.watch = Watch.ASKED
    await publish(ParcelRegistered(parcel.id))


async def take_order_news(news: OrderNews) -> Handled:
    """Take what a carrier tells of an order; once for each telling, in whatever order they come."""
    found = await Parcel.get_or_none(order_no=news.order_no)
    if found is None or (found.carrier_ref and news.ref and found.carrier_ref != news.ref):
        return Handled(matched=False, remark="unknown order")
    async with db.transaction():
        parcel, cases = await locked_with_cases(found.id)
        assert parcel.order_state is not None
        before = OrderStanding(parcel.order_state, parcel.state, parcel.weight_g, parcel.fee_fen)
        after = after_news(before, news.step, weight_g=news.weight_g, fee_fen=news.fee_fen)
        parcel.weight_g, parcel.fee_fen = after.weight_g, after.fee_fen
        parcel.heard_at = clock.now()
        parcel.carrier_ref = parcel.carrier_ref or news.ref
        parcel.tried_at = parcel.tried_at or clock.now()
        await _take_courier(parcel, news)
        await _number(parcel, news.number)
        if after.order in ENDED_ORDERS and after.order is not before.order:
            await _end(parcel, cases, after.order, news.remark[:200])
        else:
            await _move(parcel, after)
            if after != before and after.state is before.state:
                await publish(ParcelNewsTaken(parcel.id))
        await parcel.save()
        if after.order is OrderState.PICKED_UP and before.order in ENDED_ORDERS:
            await open_task(TaskKind.ORDER_FAILED, f"parcel:{parcel.id}", parcel.id, reason=PICKED_UP_ALL_THE_SAME)
        if news.step is OrderStep.OTHER:
            subject = f"{news.agent}/{parcel.carrier}/order {news.code}"
            await open_task(TaskKind.UNKNOWN_CODE, subject, parcel.id, code=news.code, carrier=parcel.carrier)
    return Handled(remark=f"{news.step.value}: {after.order.value}")


async def _move(parcel: Parcel, after: OrderStanding) -> None:
    parcel.order_state = after.order
    if after.state is not parcel.state:
        parcel.state, parcel.state_at = after.state, clock.now()
        if after.state is ParcelState.PICKED_UP and parcel.picked_up_at is None:
            parcel.picked_up_at = parcel.state_at
            await publish(ParcelPickedUp(parcel.id))
        await publish(ParcelMoved(parcel.id, after.state.value))


async def _take_courier(parcel: Parcel, news: OrderNews) -> None:
    if not news.courier_name and not news.courier_phone:
        return
    courier = {"name": news.courier_name[:60], "phone": news.courier_phone[:30]}
    parcel.courier_sealed = seal(orjson.dumps(courier).decode())
    await publish(CourierAssigned(parcel.id))


async def orders_left(limit: int) -> list[UUID]:
    """Orders whose job was given up or lost: asked for half an hour ago and not seen to."""
    left = Parcel.filter(
        order_state__in=[OrderState.ASKED, OrderState.CANCEL_ASKED], registered_at__lt=clock.now() - _LEFT
    )
    return [parcel.id for parcel in await left.order_by("registered_at").limit(limit)]


async def silent_orders(limit: int) -> list[UUID]:
    """Placed orders of which nobody told us for hours: their news may be lost."""
    silent = Parcel.filter(order_state=OrderState.PLACED, heard_at__lt=clock.now() - _SILENT)
    return [parcel.id for parcel in await silent.order_by("heard_at").limit(limit)]
