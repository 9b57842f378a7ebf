"""Visits that are over, as a hall leaves them, without playing each of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from app.kernel import clock
from app.queueing.models import Ticket
from app.queueing.rules import TicketState

_codes = count(1)


async def put_visit(place: str, category: str, started_at: datetime, seconds: float, **other: Any) -> Ticket:
    """Somebody who took a number five minutes before they were called, and was served for so many seconds."""
    return await put_number(
        place,
        category,
        started_at - timedelta(minutes=5),
        **{
            "state": TicketState.DONE,
            "called_at": started_at,
            "started_at": started_at,
            "finished_at": started_at + timedelta(seconds=seconds),
            **other,
        },
    )


async def put_number(place: str, category: str, taken_at: datetime, **other: Any) -> Ticket:
    """A number, waiting unless said otherwise."""
    return await Ticket.create(
        **{
            "service_point_id": place,
            "day": clock.local(taken_at).date(),
            "category": category,
            "code": f"{category}{next(_codes):06d}",
            "state": TicketState.WAITING,
            "taken_at": taken_at,
            "queued_at": taken_at,
            **other,
        }
    )
