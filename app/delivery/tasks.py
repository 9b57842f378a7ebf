"""Without this module nobody would ask to be told where a parcel is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from app.delivery.alarms import raise_alarm
from app.delivery.couriers import ask_about_order, orders_left, see_to_order, silent_orders, take_order_news
from app.delivery.events import CourierCancelAsked, CourierOrdered, ParcelRegistered
from app.delivery.ports import ORDER_TOPIC, SNAPSHOT_TOPIC, OrderNews, TrackingSnapshot
from app.delivery.queries import parcel_by_id, silent_parcels
from app.delivery.tracking import due_again, recount, take_snapshot
from app.delivery.watching import look_after, watch
from app.kernel import db
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import reacts_to
from app.kernel.inbox.notices import handles, replay_unmatched
from app.kernel.jobs import Job, Priority, job, timetable

_SNAPSHOT = TypeAdapter(TrackingSnapshot)
_NEWS = TypeAdapter(OrderNews)
_BATCH = 200


@reacts_to(ParcelRegistered)
async def watch_the_parcel(fact: ParcelRegistered) -> None:
    await watch(fact.parcel_id)


@reacts_to(ParcelRegistered)
async def place_early_pushes(fact: ParcelRegistered) -> None:
    """A push may come before its parcel is registered: what was kept then finds its place now."""
    parcel = await parcel_by_id(fact.parcel_id)
    if parcel.tracking_number is not None:
        await replay_unmatched(SNAPSHOT_TOPIC, carrier=parcel.carrier, number=parcel.tracking_number)


@reacts_to(CourierOrdered)
async def order_the_courier(fact: CourierOrdered) -> None:
    await _once_each(ask_carrier, [fact.parcel_id])


@reacts_to(CourierCancelAsked)
async def call_the_courier_off(fact: CourierCancelAsked) -> None:
    await _once_each(ask_carrier, [fact.parcel_id])


@handles(SNAPSHOT_TOPIC)
async def take_push(content: dict[str, Any]) -> Handled:
    return await take_snapshot(_SNAPSHOT.validate_python(content))


@handles(ORDER_TOPIC)
async def take_news(content: dict[str, Any]) -> Handled:
    return await take_order_news(_NEWS.validate_python(content))


@timetable("20 * * * *", name="delivery.sweep", priority=Priority.PATIENT)
async def sweep_silent_parcels() -> None:
    """A push repeated three times in vain is lost: ask about parcels silent for a day."""
    await _once_each(ask_tracker, await silent_parcels(_BATCH))


@timetable("*/30 * * * *", name="delivery.orders", priority=Priority.PATIENT)
async def sweep_orders() -> None:
    """An order whose job was given up is asked for again, until the carrier would take it for another; of one that
    is placed the carrier is asked when its news do not come.
    """
    await _once_each(ask_carrier, await orders_left(_BATCH))
    await _once_each(ask_how_it_stands, await silent_orders(_BATCH))


@timetable("*/15 * * * *", name="delivery.due", priority=Priority.PATIENT)
async def count_what_is_due() -> None:
    """Events that carriers dated in the future."""
    for parcel_id in await due_again(_BATCH):
        await recount(parcel_id)


@timetable("35 * * * *", name="delivery.stuck", priority=Priority.PATIENT)
async def alarm_of_stuck_parcels() -> None:
    await raise_alarm(10 * _BATCH)


async def _once_each(work: Job, parcel_ids: list[UUID]) -> None:
    """One job after another for each parcel, whatever asks for it."""
    for parcel_id in parcel_ids:
        async with db.transaction():
            await work.defer(lock=f"parcel:{parcel_id}", parcel_id=str(parcel_id))


@job("delivery.ask_tracker", priority=Priority.PATIENT)
async def ask_tracker(parcel_id: str) -> None:
    await look_after(UUID(parcel_id))


@job("delivery.ask_carrier")
async def ask_carrier(parcel_id: str) -> None:
    await see_to_order(UUID(parcel_id))


@job("delivery.ask_how_it_stands", priority=Priority.PATIENT)
async def ask_how_it_stands(parcel_id: str) -> None:
    await ask_about_order(UUID(parcel_id))
