"""Without this module what no carrier tells to its end would never end: a parcel in a locker, or one that is lost."""

from __future__ import annotations

from uuid import UUID

from app.cases.commands import record_delivered, record_returned
from app.cases.rules import CaseState
from app.delivery.commands import note_each
from app.delivery.contents import carried, locked_with_cases
from app.delivery.errors import ParcelEnded, ParcelNotArrived
from app.delivery.events import ParcelMoved
from app.delivery.models import Parcel
from app.delivery.ports import DeliveredTo, ParcelState
from app.delivery.queries import parcel_for
from app.delivery.rules import END_STATES, Watch, may_confirm
from app.delivery.tasks_of_desk import open_task, settle_by_itself
from app.delivery.words import LIVE_ORDERS, Direction, OrderState, TaskKind
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.facts.publishing import publish
from app.representation.queries import locked_subject

_SETTLED_BY_WORD = (TaskKind.RECEIPT_UNCONFIRMED, TaskKind.STUCK, TaskKind.REFUSED, TaskKind.DELIVERY_UNDONE)
_THEIRS = (CaseState.DELIVERING, CaseState.RESULT_READY)
"""What waits at the desk again although it arrived was declared lost meanwhile, and nothing was sent since."""


async def confirm_receipt(actor: Actor, parcel_id: UUID) -> Parcel:
    """The applicant has the result, whoever signed for it, and its cases close; the desk may say so for them.

    Again is harmless. Raises `NotSignedIn`, `NotAllowed`, `NotFound` or `ParcelNotArrived`.
    """
    if actor.kind is ActorKind.STAFF:
        actor.staff_id(Role.ISSUER)
    await parcel_for(actor, parcel_id)
    async with db.transaction():
        if actor.kind is not ActorKind.STAFF:
            await locked_subject(actor)
        parcel, cases = await locked_with_cases(parcel_id)
        if parcel.confirmed_at is not None:
            return parcel
        if parcel.direction is not Direction.RESULT_TO_APPLICANT or not may_confirm(parcel.state):
            raise ParcelNotArrived
        parcel.confirmed_at = clock.now()
        parcel.delivered_at = parcel.delivered_at or parcel.confirmed_at
        await _end(parcel, ParcelState.DELIVERED, DeliveredTo.ADDRESSEE)
        for case in await carried(parcel, cases, _THEIRS):
            await record_delivered(actor, case)
        await settle_by_itself(parcel.id, *_SETTLED_BY_WORD, TaskKind.LOST)
        await note_each(actor, "parcel.confirmed", parcel, cases)
    return parcel


async def declare_lost(actor: Actor, parcel_id: UUID) -> Parcel:
    """Nobody finds the parcel: its results can be issued and sent again; later news of it count all the same.

    Again is harmless. Raises `NotAllowed`, `NotFound` or `ParcelEnded`.
    """
    actor.staff_id(Role.ISSUER)
    await parcel_for(actor, parcel_id)
    async with db.transaction():
        parcel, cases = await locked_with_cases(parcel_id)
        if parcel.lost_at is not None and parcel.state is ParcelState.LOST:
            return parcel
        waiting = await carried(parcel, cases)
        if parcel.received_at is not None or (parcel.state in END_STATES - {ParcelState.LOST} and not waiting):
            raise ParcelEnded
        parcel.lost_at = clock.now()
        await _end(parcel, ParcelState.LOST, None)
        for case in waiting:
            await record_returned(actor, case)
        await settle_by_itself(parcel.id, *_SETTLED_BY_WORD)
        await open_task(TaskKind.LOST, f"parcel:{parcel.id}", parcel.id, at=parcel.lost_at.isoformat())
        await note_each(actor, "parcel.lost", parcel, cases)
    return parcel


async def _end(parcel: Parcel, state: ParcelState, to: DeliveredTo | None) -> None:
    moved = (parcel.state, parcel.delivered_to) != (state, to)
    if parcel.state is not state:
        parcel.state_at = clock.now()
    parcel.state, parcel.delivered_to = state, to
    if parcel.tracking_number is not None:
        parcel.watch = Watch.ENDED
    if parcel.order_state in LIVE_ORDERS:
        parcel.order_state = OrderState.PICKED_UP
    await parcel.save()
    if moved:
        await publish(ParcelMoved(parcel.id, state.value))
