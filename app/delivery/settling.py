"""Without this module carriers would be paid what they ask. Their statements are held against our parcels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.delivery.commands import tracker_of
from app.delivery.models import Parcel
from app.delivery.ports import ParcelState, Payer
from app.delivery.statement_rules import Billed, Known, differences, read_statement
from app.delivery.tasks_of_desk import ACCOUNTS, open_task, settle_by_itself
from app.delivery.words import TaskKind
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, Scope
from app.kernel.clock import SHANGHAI
from app.kernel.errors import InvalidInput, NotAllowed


@dataclass(frozen=True)
class Settlement:
    """What a statement came to: lines, how many were parcels of ours, and tasks it opened."""

    lines: int
    matched: int
    tasks: int


async def take_statement(actor: Actor, carrier: str, text: str, closes: str = "") -> Settlement:
    """Hold a carrier's statement, or a part of it, against our parcels; again changes nothing.

    With `closes` (a month, `2026-11`) it was the last part: what was picked up in that month at the city's cost and
    is in none becomes a task too. Raises `NotAllowed`, also for who works for a part of the city, `InvalidInput`,
    `CarrierUnknown` or `CarrierStatementInvalid`.
    """
    actor.staff_id(*ACCOUNTS)
    if actor.scope != Scope():
        raise NotAllowed
    if not await Parcel.exists(carrier=carrier):
        tracker_of(carrier)
    month = month_of(closes, "closes") if closes else None
    lines = read_statement(text)
    async with db.transaction():
        await db.one_at_a_time(f"carrier statement {carrier}")
        numbers = {line.number for line in lines}
        found = await Parcel.filter(carrier=carrier, tracking_number__in=numbers).order_by("id").select_for_update()
        parcels = {parcel.tracking_number: parcel for parcel in found}
        opened, billed = 0, dict[str, date]()
        for line in lines:
            parcel = parcels.get(line.number)
            if parcel is None:
                opened += await _theirs_only(carrier, line)
            elif line.number in billed:
                opened += await _theirs_only(carrier, line, billed_before=str(billed[line.number]))
            else:
                opened += await _compare(parcel, line)
            billed.setdefault(line.number, line.day)
        if month is not None:
            opened += await _ours_only(carrier, *month)
        detail = {"carrier": carrier, "lines": len(lines), "closes": closes}
        await audit.record(actor, "carrier_statement.taken", f"carrier:{carrier}", detail=detail)
    return Settlement(len(lines), len(parcels), opened)


def month_of(text: str, field: str) -> tuple[datetime, datetime]:
    """The first moment of a month and of the next, as the wall clock here has them. Raises `InvalidInput`."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=SHANGHAI)
    except ValueError:
        raise InvalidInput(field=field, reason_zh="月份应写作2026-11", reason_en="a month is written 2026-11") from None
    return first, (first + timedelta(days=32)).replace(day=1)


async def _theirs_only(carrier: str, line: Billed, **more: str) -> int:
    detail = {"fee_fen": line.fee_fen, "day": line.day.isoformat(), "order_no": line.order_no, **more}
    return await open_task(TaskKind.SETTLEMENT_THEIRS_ONLY, f"{carrier}/{line.number}", None, **detail)


async def _compare(parcel: Parcel, line: Billed) -> int:
    """The fee and weight of a parcel that never had any are theirs from now on; one that was called off and never
    carried cost nothing. What was billed of another day before is no second time ours. What a statement corrects is no
    task any more.
    """
    if parcel.settled_on not in {None, line.day}:
        return await _theirs_only(parcel.carrier, line, billed_before=str(parcel.settled_on))
    never_carried = parcel.state is ParcelState.CANCELLED and parcel.picked_up_at is None
    opened, ours = 0, Known(parcel.weight_g, 0 if never_carried else parcel.fee_fen, parcel.payer)
    values: dict[TaskKind, dict[str, object]] = {
        TaskKind.SETTLEMENT_WEIGHT: {"ours": ours.weight_g, "theirs": line.weight_g},
        TaskKind.SETTLEMENT_FEE: {"ours": ours.fee_fen, "theirs": line.fee_fen},
        TaskKind.SETTLEMENT_PAID_ALREADY: {"payer": ours.payer.value, "theirs": line.fee_fen},
    }
    differing = differences(line, ours)
    for kind in differing:
        opened += await open_task(kind, f"parcel:{parcel.id}", parcel.id, **values[kind])
    await settle_by_itself(parcel.id, TaskKind.SETTLEMENT_OURS_ONLY, *(values.keys() - set(differing)))
    parcel.settled_fen, parcel.settled_at = line.fee_fen, parcel.settled_at or clock.now()
    parcel.settled_on = line.day
    parcel.fee_fen = line.fee_fen if ours.fee_fen is None else ours.fee_fen
    parcel.weight_g = line.weight_g if ours.weight_g is None else ours.weight_g
    await parcel.save(update_fields=["settled_fen", "settled_at", "settled_on", "fee_fen", "weight_g"])
    return opened


async def _ours_only(carrier: str, since: datetime, until: datetime) -> int:
    missing = Parcel.filter(carrier=carrier, payer=Payer.CITY, settled_at__isnull=True)
    missing = missing.filter(picked_up_at__gte=since, picked_up_at__lt=until)
    return sum([await _missing(parcel) for parcel in await missing.order_by("id")])


async def _missing(parcel: Parcel) -> int:
    detail = {"number": parcel.tracking_number, "fee_fen": parcel.fee_fen}
    return await open_task(TaskKind.SETTLEMENT_OURS_ONLY, f"parcel:{parcel.id}", parcel.id, **detail)
