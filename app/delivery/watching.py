"""Without this module nobody would ask to be told where a parcel is, or a number would be asked about until it locks.

Trackers lock numbers: four subscriptions a month, one query in half an hour. Both are counted in the database, before
anybody is asked, by one statement each.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.delivery.models import NumberUse, Parcel
from app.delivery.ports import ParcelTracker, SubscriptionRefused
from app.delivery.rules import Watch
from app.delivery.tracking import take_snapshot
from app.kernel import clock, db, ports
from app.kernel.errors import ProviderUnavailable
from app.kernel.logging import get_logger

_log = get_logger(__name__)

MOST_SUBSCRIPTIONS = 4
BETWEEN_QUERIES = timedelta(minutes=30)
_TOO_OFTEN = "本月已为该单号订阅4次,快递查询服务不再接受;将改为定时查询"

_SUBSCRIBE = """
    INSERT INTO parcel_number_use AS used (id, tracker, number, month, subscriptions) VALUES ($1, $2, $3, $4, 1)
    ON CONFLICT (tracker, number) DO UPDATE
    SET month = $4, subscriptions = CASE WHEN used.month = $4 THEN used.subscriptions + 1 ELSE 1 END
    WHERE used.month <> $4 OR used.subscriptions < $5 RETURNING id
"""
_QUERY = """
    INSERT INTO parcel_number_use AS used (id, tracker, number, month, subscriptions, queried_at)
    VALUES ($1, $2, $3, $4, 0, $5)
    ON CONFLICT (tracker, number) DO UPDATE SET queried_at = $5
    WHERE used.queried_at IS NULL OR used.queried_at <= $6 RETURNING id
"""
_GIVE_BACK = """
    UPDATE parcel_number_use SET subscriptions = subscriptions - 1
    WHERE tracker = $1 AND number = $2 AND month = $3 AND subscriptions > 0
"""


async def watch(parcel_id: UUID) -> None:
    """Ask the tracker to tell us of a parcel's moves; already asked is harmless.

    Raises `ProviderUnavailable`, so that the job tries again; a question that was not answered is not counted, for
    who asks again is told that it is watched already.
    """
    parcel = await Parcel.get(id=parcel_id)
    if parcel.watch is not Watch.ASKED or parcel.tracking_number is None:
        return
    number, month = parcel.tracking_number, _month()
    if not await db.rows(_SUBSCRIBE, db.new_id(), parcel.tracker, number, month, MOST_SUBSCRIPTIONS):
        await _refused(parcel, _TOO_OFTEN)
        return
    tracker = ports.get(ParcelTracker, parcel.tracker)
    try:
        await tracker.subscribe(parcel.carrier, number, _tail(parcel, tracker))
    except SubscriptionRefused as refused:
        _log.warning("parcel not watched", parcel=str(parcel.id), code=refused.code)
        await _refused(parcel, refused.reason_zh)
    except ProviderUnavailable:
        await db.rows(_GIVE_BACK, parcel.tracker, number, month)
        raise
    else:
        await Parcel.filter(id=parcel_id, watch=Watch.ASKED).update(watch=Watch.WATCHED, watch_remark="")


async def _refused(parcel: Parcel, reason: str) -> None:
    await Parcel.filter(id=parcel.id, watch=Watch.ASKED).update(watch=Watch.REFUSED, watch_remark=reason)


async def look_after(parcel_id: UUID) -> None:
    """Ask where a parcel is that nobody told us of for a day; asked within half an hour, nothing is done.

    One whose watching was given up is watched first. Raises `ProviderUnavailable`.
    """
    await watch(parcel_id)
    parcel = await Parcel.get(id=parcel_id)
    if parcel.tracking_number is None or not await _may_ask(parcel.tracker, parcel.tracking_number):
        return
    tracker = ports.get(ParcelTracker, parcel.tracker)
    try:
        snapshot = await tracker.query(parcel.carrier, parcel.tracking_number, _tail(parcel, tracker))
    except SubscriptionRefused as refused:
        _log.warning("parcel not found", parcel=str(parcel.id), code=refused.code)
        snapshot = None
    await Parcel.filter(id=parcel_id).update(heard_at=clock.now())
    if snapshot is not None:
        await take_snapshot(snapshot)


async def _may_ask(tracker: str, number: str) -> bool:
    now = clock.now()
    return bool(await db.rows(_QUERY, db.new_id(), tracker, number, _month(), now, now - BETWEEN_QUERIES))


async def subscriptions_this_month(tracker: str, number: str) -> int:
    used = await NumberUse.get_or_none(tracker=tracker, number=number, month=_month())
    return used.subscriptions if used else 0


def _month() -> str:
    return f"{clock.today():%Y-%m}"


def _tail(parcel: Parcel, tracker: ParcelTracker) -> str | None:
    return parcel.phone_tail if tracker.needs_phone_tail(parcel.carrier) else None
