"""Without this module a machine would have the last word about who did not come."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.booking.at_window import booking_in_scope
from app.booking.credit.faults import booked_fault, excused, past_of
from app.booking.credit.rules import APPEAL_LIFE, check_may_appeal
from app.booking.errors import AppealInvalid
from app.booking.events import AppealDecided
from app.booking.models import Booking, CreditAppeal
from app.booking.queries import booking_of, locked_booking
from app.booking.rules import LIFE, AppealState
from app.catalogue.queries import service_points_by_key
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.facts.publishing import publish
from app.kernel.privacy import seal, unseal
from app.representation.queries import locked_subject
from app.representation.rules import check_reason
from app.texts.checking import check, keep
from app.texts.queries import checks_by_id
from app.texts.rules import TextKind, TextStanding, may_read


@dataclass(frozen=True)
class AppealInFull:
    """An appeal with what the resident wrote, for who decides it; empty when a reviewer withheld it."""

    appeal: CreditAppeal
    grounds: str


async def appeal(actor: Actor, booking_id: UUID, grounds: str) -> CreditAppeal:
    """Say, once and within 30 days, why a missed or late-cancelled visit should not count; the same again is harmless.

    Raises `NotFound`, `AppealInvalid` or `TextNotAllowed`.
    """
    seen = await booking_of(booking_id, actor)
    if same := await _appealed_before(booking_id, grounds):
        return same
    checked = await check(actor, TextKind.APPEAL_GROUNDS, check_may_appeal(past_of(seen), grounds, clock.now()))
    async with db.transaction():
        await locked_subject(actor)
        await booking_of(booking_id, actor)
        booking = await locked_booking(booking_id)
        if same := await _appealed_before(booking_id, grounds):
            return same
        text = check_may_appeal(past_of(booking), grounds, clock.now())
        made = await CreditAppeal.create(
            booking_id=booking.id,
            resident_id=booking.resident_id,
            grounds_sealed=seal(text),
            grounds_check_id=(await keep(checked, division=await _division_of(booking))).id,
            state=AppealState.OPEN,
            made_at=clock.now(),
        )
        await audit.record(actor, "credit.appealed", f"booking:{booking.id}", detail={"appeal": str(made.id)})
    return made


async def _appealed_before(booking_id: UUID, grounds: str) -> CreditAppeal | None:
    """Raises `AppealInvalid` when it was, on other grounds."""
    earlier = await CreditAppeal.get_or_none(booking_id=booking_id)
    if earlier is not None and unseal(earlier.grounds_sealed) != grounds.strip():
        raise AppealInvalid(reason_zh="这次记录已经申诉过", reason_en="it has been appealed already")
    return earlier


async def _division_of(booking: Booking) -> str:
    [place] = await service_points_by_key([booking.slot.service_point_id])
    assert place is not None
    return place.division_code


async def pending_appeals(actor: Actor, *, limit: int, after: UUID | None) -> list[CreditAppeal]:
    """What waits for a decision in the part of the city a manager works for, oldest first; nobody is named.

    Raises `NotAllowed`.
    """
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    waiting = CreditAppeal.filter(
        state=AppealState.OPEN, booking__slot__service_point__division_code__startswith=actor.scope.division
    )
    if after is not None:
        waiting = waiting.filter(id__gt=after)
    return await waiting.prefetch_related("booking__slot").order_by("id").limit(limit)


async def appeal_in_full(actor: Actor, appeal_id: UUID) -> AppealInFull:
    """An appeal with its grounds; the look is audited. Raises `NotAllowed` or `NotFound`."""
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    async with db.transaction():
        found, _ = await _appeal_in_scope(actor, appeal_id)
        await audit.record(actor, "credit.appeal_seen", f"appeal:{found.id}", person=found.resident_id)
    [known] = await checks_by_id([found.grounds_check_id]) if found.grounds_check_id else [None]
    standing = known.standing if known else TextStanding.UNCHECKED
    shown = may_read(standing, is_writer=False, is_staff=True)
    return AppealInFull(found, unseal(found.grounds_sealed) if shown else "")


async def decide_appeal(actor: Actor, appeal_id: UUID, *, granted: bool, answer: str) -> CreditAppeal:
    """Let the visit not count, or say why it does; the same decision again is harmless.

    Raises `NotAllowed`, `InvalidInput`, `NotFound`, or `IllegalMove` when it was decided otherwise.
    """
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    said = check_reason(answer, "answer")
    async with db.transaction():
        _, seen = await _appeal_in_scope(actor, appeal_id)
        booking = await locked_booking(seen.id)
        one = await CreditAppeal.select_for_update().get(id=appeal_id)
        if one.state is not (AppealState.GRANTED if granted else AppealState.REFUSED):
            await _decide(actor, one, "grant" if granted else "refuse", said)
            if granted and booking.excused_at is None:
                await excused(booking, said)
    return one


async def excuse(actor: Actor, booking_id: UUID, reason: str) -> Booking:
    """Let a missed or late-cancelled visit not count; an open appeal of it is granted with it. Again is harmless.

    Raises `NotAllowed`, `InvalidInput`, `NotFound`, or `IllegalMove` for a visit that does not count anyway.
    """
    actor.staff_id(Role.DEPARTMENT_MANAGER, Role.WINDOW_ACCEPTOR)
    why = check_reason(reason)
    async with db.transaction():
        await booking_in_scope(actor, booking_id)
        booking = await locked_booking(booking_id)
        if booked_fault(booking) is None:
            raise LIFE.illegal(booking.state)
        if booking.excused_at is None:
            await excused(booking, why)
            await audit.record(actor, "booking.excused", f"booking:{booking.id}", person=booking.resident_id)
        one = await CreditAppeal.filter(booking_id=booking_id).select_for_update().first()
        if one is not None and one.state is AppealState.OPEN:
            await _decide(actor, one, "grant", booking.excuse)
    return booking


async def _appeal_in_scope(actor: Actor, appeal_id: UUID) -> tuple[CreditAppeal, Booking]:
    found = await CreditAppeal.get_or_none(id=appeal_id)
    if found is None:
        raise _not_found()
    try:
        return found, await booking_in_scope(actor, found.booking_id)
    except NotFound:
        raise _not_found() from None


def _not_found() -> NotFound:
    return NotFound(what_zh="这条申诉", what_en="appeal")


async def _decide(actor: Actor, one: CreditAppeal, verb: str, answer: str) -> None:
    """Move a locked appeal, in the caller's transaction. Raises `IllegalMove`."""
    one.state = APPEAL_LIFE.next_state(one.state, verb)
    one.answer, one.decided_by_id, one.decided_at = answer, actor.staff_id(), clock.now()
    await one.save(update_fields=["state", "answer", "decided_by_id", "decided_at"])
    await audit.record(
        actor, "credit.appeal_decided", f"appeal:{one.id}", result=one.state.value, person=one.resident_id
    )
    await publish(AppealDecided(one.id, one.state is AppealState.GRANTED))
