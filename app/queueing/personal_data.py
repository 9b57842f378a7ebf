"""Without this module a number in the queue would call an account that is no longer there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.booking.models import Booking
from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel import clock
from app.queueing.leaving import end_ticket
from app.queueing.models import Ticket
from app.queueing.rules import OPEN_STATES, OpenTicket, tickets_giving_way


class Holdings:
    """Numbers in the queue. They stay when an account closes, like the bookings they belong to."""

    rank = 0
    """Before the slots and bookings: in the hall a ticket is locked before its booking."""

    kinds: Mapping[str, Kind] = {
        "tickets": Kind(
            "取号记录", "queue numbers", Fate.KEPT, "《档案法》第十三条:作为办件过程的一部分归档,已不含姓名"
        ),
    }
    retention: tuple[Retention, ...] = (
        Retention("tickets", 10950, "《机关文件材料归档范围和文书档案保管期限规定》:随办件三十年"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Nobody waits twice for one visit: of several open numbers one stays (`tickets_giving_way`)."""
        leaving = await _wait_once(absorbed, survivor)
        for ticket_id in leaving:
            await end_ticket(ticket_id)
        moved = await Ticket.filter(resident_id=absorbed).update(resident_id=survivor)
        return {"tickets": moved, "tickets_ended": len(leaving)}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        waiting = Ticket.filter(resident_id=resident_id, day=clock.today(), state__in=OPEN_STATES)
        return [_reason(ticket) for ticket in await waiting.order_by("id")]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        return {"tickets": await Ticket.filter(resident_id=resident_id).update(holder="")}

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        return {"tickets": [_ticket(row) for row in await Ticket.filter(resident_id=resident_id).order_by("id")]}

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - the archives decide, not we
        return 0


async def _wait_once(absorbed: UUID, survivor: UUID) -> list[UUID]:
    open_tickets = Ticket.filter(resident_id__in=[absorbed, survivor], state__in=OPEN_STATES)
    tickets = await open_tickets.order_by("id").select_for_update()
    bookings = await Booking.in_bulk([ticket.booking_id for ticket in tickets if ticket.booking_id], "id")
    visits: defaultdict[tuple[str, ...], list[OpenTicket]] = defaultdict(list)
    for ticket in tickets:
        booking = bookings.get(ticket.booking_id) if ticket.booking_id else None
        visits[_visit(ticket, booking)].append(OpenTicket(ticket.id, ticket.state, ticket.taken_at))
    return [ticket.id for same_visit in visits.values() for ticket in tickets_giving_way(same_visit)]


def _visit(ticket: Ticket, booking: Booking | None) -> tuple[str, ...]:
    """What makes two numbers ones for the same visit: the booked item, or else the business of a place."""
    if booking is not None:
        return (booking.item_key, str(booking.day))
    return (ticket.service_point_id, ticket.category, str(ticket.day))


def _reason(ticket: Ticket) -> Reason:
    return Reason(
        "TICKET_WAITING",
        f"您今天的排队号{ticket.code}还没有办完,请办完后再注销",
        f"Your number {ticket.code} of today is still open; please finish your visit first.",
        f"ticket:{ticket.id}",
    )


def _ticket(row: Ticket) -> dict[str, object]:
    return {
        "id": row.id,
        "code": row.code,
        "service_point": row.service_point_id,
        "day": row.day,
        "category": row.category,
        "channel": row.channel,
        "green": row.green,
        "holder": row.holder,
        "state": row.state,
        "booking": row.booking_id,
        "transferred_from": row.transferred_from,
        "rejoins": row.rejoins,
        "taken_at": row.taken_at,
        "called_at": row.called_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }
