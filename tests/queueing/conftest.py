"""Halls where nobody sits and nobody is called when a test begins, whatever the one before it left or died of."""

from __future__ import annotations

import pytest

from app.kernel import clock
from app.queueing.models import Pause, Shift, Ticket, Window
from app.queueing.rules import AT_WINDOW, TicketState


@pytest.fixture(autouse=True)
async def empty_windows(request: pytest.FixtureRequest) -> None:
    if "portal" not in request.fixturenames:
        return
    request.getfixturevalue("portal")
    await Ticket.filter(state__in=AT_WINDOW).update(state=TicketState.DONE, finished_at=clock.now())
    await Pause.filter(ended_at=None).update(ended_at=clock.now())
    await Shift.filter(ended_at=None).update(ended_at=clock.now())
    await Window.all().update(staff_id=None, opened_at=None, skills={}, paused_at=None, pause_reason="")
