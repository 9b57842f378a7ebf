"""Without this module carriers would be believed in the order in which they happen to talk.

What they tell is kept; where the parcel stands is computed from what is kept, so late, double and reordered news do no
harm. A push of a thousand rows to a parcel of a hundred thousand is six statements, and one to say that it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.cases.commands import record_delivered, record_returned
from app.cases.models import Case
from app.delivery.contents import carried, locked_with_cases
from app.delivery.events import CourierOrderEnded, ParcelMoved, ParcelNewsTaken, ParcelPickedUp
from app.delivery.expecting import expect
from app.delivery.models import Parcel
from app.delivery.ports import ParcelState, TrackingEvent, TrackingSnapshot
from app.delivery.queries import parcel_by_number, valid_history
from app.delivery.rules import (
    AHEAD,
    WAITING_STATES,
    Reach,
    Standing,
    Watch,
    closes_case,
    ends_watch,
    event_key,
    is_due,
    is_outdated,
    picked_up_at,
    ranks_of,
    standing_of,
)
from app.delivery.tasks_of_desk import PICKED_UP_ALL_THE_SAME, open_task, settle_by_itself
from app.delivery.words import ENDED_ORDERS, LIVE_ORDERS, Direction, OrderState, TaskKind
from app.kernel import clock, db
from app.kernel.actor import provider_actor
from app.kernel.callbacks import Handled
from app.kernel.facts.publishing import publish

TROUBLES = {
    ParcelState.RETURNED: TaskKind.RETURNED,
    ParcelState.REFUSED: TaskKind.REFUSED,
    ParcelState.LOST: TaskKind.LOST,
    ParcelState.CANCELLED: TaskKind.ORDER_FAILED,
}
ABANDONED = "快递查询服务因久无更新停止跟踪,一天后再次订阅"
_FOUND = "已报失的包裹又有物流更新,请核实"

# A row we know already is valid again, and learns what it means when a newer telling knows; what comes late corrects
# nothing.
_KEEP = """
    INSERT INTO parcel_event AS kept (id, parcel_id, key, at, rank, text, place, raw_code, state, delivered_to, undoes,
                                      received_at, voided)
    SELECT told.id, $1, key, at, rank, text, place, raw_code, state, delivered_to, undoes, $2, false
    FROM unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[],
                $11::text[], $12::text[])
        AS told (id, key, at, rank, text, place, raw_code, state, delivered_to, undoes)
    ON CONFLICT (parcel_id, key) DO UPDATE
    SET voided = false, rank = CASE WHEN $14 THEN EXCLUDED.rank ELSE kept.rank END,
        (raw_code, state, delivered_to, undoes) = (
            SELECT raw_code, state, delivered_to, undoes FROM (
                SELECT EXCLUDED.raw_code, EXCLUDED.state, EXCLUDED.delivered_to, EXCLUDED.undoes, 1 AS place
                WHERE EXCLUDED.state IS NOT NULL OR EXCLUDED.undoes <> ''
                UNION ALL SELECT kept.raw_code, kept.state, kept.delivered_to, kept.undoes, 2
            ) known ORDER BY place LIMIT 1)
    WHERE $13 AND (
        kept.voided OR ($14 AND kept.rank <> EXCLUDED.rank)
        OR ((EXCLUDED.state IS NOT NULL OR EXCLUDED.undoes <> '')
            AND (kept.raw_code, kept.state, kept.delivered_to, kept.undoes)
                IS DISTINCT FROM (EXCLUDED.raw_code, EXCLUDED.state, EXCLUDED.delivered_to, EXCLUDED.undoes)))
    RETURNING id
"""
_VOID_MISSING = """
    WITH gone AS (
        UPDATE parcel_event SET voided = true WHERE parcel_id = $1 AND NOT voided
        AND NOT EXISTS (SELECT 1 FROM unnest($2::text[]) AS told (key) WHERE told.key = parcel_event.key)
        RETURNING 1
    )
    SELECT count(*) AS rows FROM gone
"""
_REACH = """
    SELECT max(at) FILTER (WHERE at <= $2) AS newest, count(*) FILTER (WHERE at <= $2) AS rows,
           min(at) FILTER (WHERE at > $2) AS next
    FROM parcel_event WHERE parcel_id = $1 AND NOT voided
"""


async def take_snapshot(snapshot: TrackingSnapshot) -> Handled:
    """Take what a tracker tells of a parcel; again, late and out of order without harm."""
    known = await parcel_by_number(snapshot.carrier, snapshot.number)
    if known is None:
        await _tell_of_another_carrier(snapshot)
        return Handled(matched=False, remark="unknown parcel")
    if known.tracker not in {"", snapshot.tracker}:
        return Handled(remark=f"followed by {known.tracker}")
    async with db.transaction():
        parcel, cases = await locked_with_cases(known.id)
        now = clock.now()
        late = not snapshot.partial and await _is_outdated(parcel, snapshot, now)
        changed = await _keep(parcel.id, snapshot, now, late=late)
        if not (late or snapshot.partial):
            changed += await _void_missing(parcel.id, snapshot)
        parcel.heard_at = now
        if snapshot.abandoned and snapshot.new_carrier is None and parcel.watch is Watch.WATCHED:
            parcel.watch, parcel.watch_remark = Watch.ASKED, ABANDONED
        await _tell_of_strange_things(parcel, snapshot)
        moved = await recompute(parcel, cases, snapshot.tracker)
        if changed and not moved:
            await publish(ParcelNewsTaken(parcel.id))
    return Handled(remark=parcel.state.value if moved else "nothing new")


async def _is_outdated(parcel: Parcel, snapshot: TrackingSnapshot, now: datetime) -> bool:
    before, _ = await _reach(parcel.id, now)
    told = Reach.of([event for event in snapshot.events if is_due(event.at, now)])
    return is_outdated(told, before, rewritten=snapshot.rewritten)


async def _keep(parcel_id: UUID, snapshot: TrackingSnapshot, now: datetime, *, late: bool) -> int:
    """Rows that are new are added, rows that are back are valid again; gives how many are other than before."""
    told = {event_key(event): event for event in snapshot.events}
    events = list(told.values())
    kept = await db.rows(
        _KEEP,
        parcel_id,
        now,
        [db.new_id() for _ in events],
        list(told),
        [event.at for event in events],
        ranks_of(events, partial=snapshot.partial),
        [event.text for event in events],
        [event.place[:120] for event in events],
        [event.raw_code[:30] for event in events],
        [event.state.value if event.state else None for event in events],
        [event.delivered_to.value if event.delivered_to else None for event in events],
        [event.undoes[:30] for event in events],
        not late,
        not late and not snapshot.partial,
    )
    return len(kept)


async def _void_missing(parcel_id: UUID, snapshot: TrackingSnapshot) -> int:
    [gone] = await db.rows(_VOID_MISSING, parcel_id, [event_key(event) for event in snapshot.events])
    return int(gone["rows"])


async def _reach(parcel_id: UUID, now: datetime) -> tuple[Reach, datetime | None]:
    """How far what we know reaches, and when the next event becomes due that lies in the future."""
    found = await db.row(_REACH, parcel_id, now + AHEAD)
    assert found is not None
    return Reach(found["newest"], found["rows"]), found["next"]


async def recompute(parcel: Parcel, cases: Sequence[Case], teller: str) -> bool:
    """Where a locked parcel stands by what is kept and due; gives whether it moved. In the caller's transaction."""
    now = clock.now()
    history, before = await valid_history(parcel.id, now), Standing(parcel.state, parcel.state_at, parcel.delivered_to)
    standing = standing_of(history, parcel.registered_at)
    reach, next_due = await _reach(parcel.id, now)
    parcel.news_at, parcel.look_again_at = reach.newest, next_due
    if _is_settled(parcel, standing) or _the_desk_knows_more(parcel, standing, history):
        standing = before
    parcel.state, parcel.state_at, parcel.delivered_to = standing.state, standing.at, standing.delivered_to
    taken = picked_up_at(history)
    if taken is not None and parcel.picked_up_at is None:
        await publish(ParcelPickedUp(parcel.id))
    parcel.picked_up_at = taken or parcel.picked_up_at
    await _tell_order(parcel, standing, history)
    parcel.delivered_at = standing.at if standing.state is ParcelState.DELIVERED else None
    if ends_watch(standing) and parcel.tracking_number is not None:
        parcel.watch = Watch.ENDED
    elif parcel.watch is Watch.ENDED:
        parcel.watch = Watch.WATCHED  # an end was taken back; the sweep asks again
    await tell_expected(parcel, now)
    await parcel.save()
    moved = (standing.state, standing.delivered_to) != (before.state, before.delivered_to)
    if moved:
        await publish(ParcelMoved(parcel.id, standing.state.value))
        await _tell_cases(parcel, cases, standing, before, teller)
    return moved


def _is_settled(parcel: Parcel, standing: Standing) -> bool:
    """The hall or the applicant has it in their hands; or it was declared lost, and this is from before."""
    if parcel.received_at is not None or parcel.confirmed_at is not None:
        return True
    return parcel.lost_at is not None and standing.at <= parcel.lost_at


def _the_desk_knows_more(parcel: Parcel, standing: Standing, history: Sequence[TrackingEvent]) -> bool:
    """Scans that tell of waiting only take no parcel back that its order desk has brought further, or ended; what
    the carrier itself takes back does.
    """
    if standing.state not in WAITING_STATES or parcel.state is ParcelState.CREATED:
        return False
    if parcel.order_state in ENDED_ORDERS:
        return True
    return not history or (parcel.order_state is not None and not any(event.undoes for event in history))


async def _tell_order(parcel: Parcel, standing: Standing, history: Sequence[TrackingEvent]) -> None:
    """Couriers' scans know before, and instead of, order desks that a parcel is gone or that nobody comes."""
    if parcel.order_state in LIVE_ORDERS | ENDED_ORDERS and picked_up_at(history) is not None:
        parcel.order_state = OrderState.PICKED_UP
    elif parcel.order_state in LIVE_ORDERS and standing.state is ParcelState.CANCELLED:
        asked = parcel.order_state is OrderState.CANCEL_ASKED
        parcel.order_state = OrderState.CANCELLED if asked else OrderState.FAILED
        await publish(CourierOrderEnded(parcel.id, parcel.order_state.value))


async def tell_expected(parcel: Parcel, now: datetime) -> None:
    """Remember between when the parcel will come. The caller saves."""
    expected = await expect(parcel, now)
    parcel.expected_from, parcel.expected_until = (expected.since, expected.until) if expected else (None, None)


async def _tell_cases(parcel: Parcel, cases: Sequence[Case], standing: Standing, before: Standing, teller: str) -> None:
    subject = f"parcel:{parcel.id}"
    await _tell_of_trouble(parcel, standing, before)
    if parcel.direction is not Direction.RESULT_TO_APPLICANT:
        return
    closes, waiting = closes_case(standing, needs_identity=parcel.needs_identity), await carried(parcel, cases)
    for case in waiting:
        if closes:
            await record_delivered(provider_actor(teller), case)
        elif standing.state in {ParcelState.RETURNED, ParcelState.CANCELLED}:
            await record_returned(provider_actor(teller), case)
    if closes:
        await settle_by_itself(parcel.id, TaskKind.DELIVERY_UNDONE, TaskKind.REFUSED, TaskKind.RECEIPT_UNCONFIRMED)
    elif closes_case(before, needs_identity=parcel.needs_identity):
        await open_task(TaskKind.DELIVERY_UNDONE, subject, parcel.id, at=standing.at.isoformat())
    if waiting and not closes and ends_watch(standing) and standing.state is ParcelState.DELIVERED:
        await open_task(TaskKind.RECEIPT_UNCONFIRMED, subject, parcel.id, to=standing.delivered_to)


async def _tell_of_trouble(parcel: Parcel, standing: Standing, before: Standing) -> None:
    kind, subject = TROUBLES.get(standing.state), f"parcel:{parcel.id}"
    if before.state is ParcelState.LOST:
        await open_task(TaskKind.LOST, subject, parcel.id, reason=_FOUND)
    if before.state is ParcelState.CANCELLED and standing.state not in WAITING_STATES:
        await open_task(TaskKind.ORDER_FAILED, subject, parcel.id, reason=PICKED_UP_ALL_THE_SAME)
    if kind is not None and parcel.order_state is not OrderState.CANCELLED:
        await open_task(kind, subject, parcel.id, at=standing.at.isoformat())
    await settle_by_itself(parcel.id, TaskKind.STUCK)


async def _tell_of_strange_things(parcel: Parcel, snapshot: TrackingSnapshot) -> None:
    """Codes nobody knows, and a number that is another carrier's, are for a person."""
    for code in sorted({event.raw_code for event in snapshot.events if event.state is None and not event.undoes}):
        subject = f"{snapshot.tracker}/{snapshot.carrier}/{code}"
        await open_task(TaskKind.UNKNOWN_CODE, subject, parcel.id, code=code, carrier=snapshot.carrier)
    if snapshot.untimed:
        subject = f"{snapshot.tracker}/{snapshot.carrier}"
        await open_task(TaskKind.UNREADABLE_TIME, subject, parcel.id, carrier=snapshot.carrier)
    if snapshot.new_carrier is not None:
        await _another(parcel, snapshot.new_carrier)


async def _tell_of_another_carrier(snapshot: TrackingSnapshot) -> None:
    namesake = await Parcel.filter(tracking_number=snapshot.number).order_by("id").first()
    if namesake is not None:
        async with db.transaction():
            await _another(namesake, snapshot.carrier)


async def _another(parcel: Parcel, carrier: str) -> None:
    detail = {"ours": parcel.carrier, "theirs": carrier}
    await open_task(TaskKind.OTHER_CARRIER, f"parcel:{parcel.id}", parcel.id, **detail)


async def recount(parcel_id: UUID) -> None:
    """Look at a parcel anew: an event that lay in the future is due now."""
    async with db.transaction():
        parcel, cases = await locked_with_cases(parcel_id)
        await recompute(parcel, cases, parcel.tracker)


async def due_again(limit: int) -> list[UUID]:
    """Parcels with an event that lay in the future and is due."""
    due = Parcel.filter(look_again_at__lte=clock.now() + AHEAD)
    return [parcel.id for parcel in await due.order_by("look_again_at").limit(limit)]
