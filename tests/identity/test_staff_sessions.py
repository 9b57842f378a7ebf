from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.identity import sessions
from app.identity.errors import SessionEnded
from app.identity.models import Session, Staff
from app.identity.queries import actor_of, recent_sessions
from app.identity.tokens import Tokens, make_access_token
from app.kernel import clock
from app.kernel.actor import Actor, Scope
from tests.identity.accounts import make_resident
from tests.identity.clerks import make_clerk, sign_in
from tests.identity.crowds import at_once
from tests.portal import Portal

MINUTE = timedelta(minutes=1)


async def in_another_process(tokens: Tokens, at: datetime) -> Actor:
    """The session spoken in at a moment, by a web process that has not seen it lately."""
    recent_sessions.forget(tokens.session_id)
    with clock.standing_at(at):
        access, _ = make_access_token(tokens.session_id)
        return await actor_of(access)


async def seen_at(tokens: Tokens) -> datetime | None:
    return (await Session.get(id=tokens.session_id)).seen_at


async def test_a_staff_session_left_alone_for_a_quarter_of_an_hour_is_over(portal: Portal) -> None:
    staff, start = await make_clerk(), clock.now()
    with clock.standing_at(start):
        tokens = (await sign_in(staff)).tokens

    assert (await in_another_process(tokens, start + 15 * MINUTE - timedelta(seconds=1))).id == staff.id
    later = start + 30 * MINUTE
    with pytest.raises(SessionEnded):
        await in_another_process(tokens, later)
    with clock.standing_at(later), pytest.raises(SessionEnded):
        await sessions.refresh(tokens.refresh)


async def test_who_works_on_stays_signed_in_for_twelve_hours_and_no_longer(portal: Portal) -> None:
    staff, start = await make_clerk(), clock.now()
    with clock.standing_at(start):
        tokens = (await sign_in(staff)).tokens
    refresh = tokens.refresh
    for quarters in range(1, 60):
        now = start + quarters * 12 * MINUTE
        await in_another_process(tokens, now)
        with clock.standing_at(now):
            refresh = (await sessions.refresh(refresh)).refresh

    end = start + timedelta(hours=12)
    assert (await in_another_process(tokens, end - timedelta(seconds=1))).id == staff.id
    with pytest.raises(SessionEnded):
        await in_another_process(tokens, end)
    with clock.standing_at(end), pytest.raises(SessionEnded):
        await sessions.refresh(refresh)


async def test_refreshing_is_not_working(portal: Portal) -> None:
    """A screen that keeps itself signed in while nobody sits there would never be idle."""
    staff, start = await make_clerk(), clock.now()
    with clock.standing_at(start):
        tokens = (await sign_in(staff)).tokens
    with clock.standing_at(start + 10 * MINUTE):
        renewed = await sessions.refresh(tokens.refresh)
    assert await seen_at(tokens) == start
    with clock.standing_at(start + 15 * MINUTE), pytest.raises(SessionEnded):
        await sessions.refresh(renewed.refresh)


async def test_being_there_is_noted_at_most_once_a_minute(portal: Portal) -> None:
    staff, start = await make_clerk(), clock.now()
    with clock.standing_at(start):
        tokens = (await sign_in(staff)).tokens

    await in_another_process(tokens, start + timedelta(seconds=59))
    assert await seen_at(tokens) == start
    await in_another_process(tokens, start + MINUTE)
    assert await seen_at(tokens) == start + MINUTE


async def test_two_processes_at_once_do_not_turn_the_time_back(portal: Portal) -> None:
    staff, start = await make_clerk(), clock.now()
    with clock.standing_at(start):
        tokens = (await sign_in(staff)).tokens
    moments = [start + minutes * MINUTE for minutes in (9, 3, 7, 5)]

    await at_once(*(in_another_process(tokens, moment) for moment in moments))
    assert await seen_at(tokens) == start + 9 * MINUTE


async def test_a_residents_session_is_never_idle(portal: Portal) -> None:
    resident, start = await make_resident(), clock.now()
    with clock.standing_at(start):
        tokens = await sessions.open_session(channel="wechat", device="", resident_id=resident.id)
    later = start + timedelta(days=29)
    assert (await in_another_process(tokens, later)).id == resident.id
    assert await seen_at(tokens) is None


async def test_what_changed_about_an_account_is_known_everywhere_within_half_a_minute(portal: Portal) -> None:
    """A process that saw the session a moment ago trusts it for thirty seconds, then asks again."""
    staff = await make_clerk()
    tokens = (await sign_in(staff)).tokens
    assert (await actor_of(tokens.access)).roles == {"APPROVER"}
    await Staff.filter(id=staff.id).update(roles=["CASHIER"], division_code="9901", department_key="tax")

    actor = await in_another_process(tokens, clock.now())
    assert actor.roles == {"CASHIER"}
    assert actor.scope == Scope("tax", "9901")
