from __future__ import annotations

import time
from datetime import timedelta

import pytest

from app.identity import sessions
from app.identity.errors import SessionEnded
from app.identity.models import Session
from app.identity.queries import _Recent, actor_of, recent_sessions
from app.identity.tokens import Tokens, make_refresh_token, read_refresh_token
from app.kernel import clock, db
from app.kernel.actor import Actor
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller
from tests.portal import Portal


async def session_of(caller: Caller) -> Session:
    session_id = read_refresh_token(caller.refresh)
    return await Session.get(id=session_id)


async def fault_of(caller: Caller) -> str | None:
    """Why the caller's access token is no good; None while it is."""
    answer = await caller.ask("MySessions")
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


async def test_a_refresh_token_is_traded_for_a_new_pair(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    before = await session_of(caller)

    tokens = await caller.do("RefreshSession", refresh=caller.refresh)

    assert tokens["__typename"] == "Tokens"
    assert tokens["refresh"] != caller.refresh
    after = await session_of(caller)
    assert after.refresh_hash != before.refresh_hash
    assert after.expires_at > before.expires_at
    await caller.keep(tokens)
    assert await fault_of(caller) is None


async def test_a_refresh_token_used_again_ends_the_session_for_whoever_holds_the_new_one(portal: Portal) -> None:
    """RFC 9700 section 4.14: one of the two is a thief, and we cannot tell which."""
    caller = await caller_of(portal, await make_resident())
    stolen = caller.refresh
    await caller.keep(await caller.do("RefreshSession", refresh=stolen))
    assert await fault_of(caller) is None

    thief = await portal.stranger().do("RefreshSession", refresh=stolen)
    owner = await caller.do("RefreshSession", refresh=caller.refresh)

    assert (thief["code"], owner["code"]) == ("SESSION_ENDED", "SESSION_ENDED")
    assert await fault_of(caller) == "SESSION_ENDED"
    session = await session_of(caller)
    assert session.revoked_because == "REFRESH_TOKEN_REUSED"
    assert await audit_of(f"session:{session.id}") == [("session.revoked", "REFRESH_TOKEN_REUSED")]


async def test_of_two_refreshes_at_once_at_most_one_wins(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())

    outcomes = await at_once(*(sessions.refresh(caller.refresh) for _ in range(6)))

    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, Tokens)] == [SessionEnded] * 5
    assert (await session_of(caller)).revoked_because == "REFRESH_TOKEN_REUSED"


async def test_what_is_no_refresh_token_is_refused(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    for token in ("", "x", caller.access, make_refresh_token(db.new_id())):
        async with nothing_moves():
            refused = await caller.do("RefreshSession", refresh=token)
        assert refused["code"] == "SESSION_ENDED"


async def test_a_session_lives_thirty_days_from_its_last_refresh(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    end = (await session_of(caller)).expires_at
    assert end - clock.now() == pytest.approx(timedelta(days=30), abs=timedelta(minutes=1))

    with clock.standing_at(end):
        async with nothing_moves():
            with pytest.raises(SessionEnded):
                await sessions.refresh(caller.refresh)
    with clock.standing_at(end - timedelta(seconds=1)):
        await sessions.refresh(caller.refresh)
    assert (await session_of(caller)).expires_at == end + timedelta(days=30, seconds=-1)


async def test_an_access_token_dies_by_itself_after_ten_minutes(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    with clock.standing_at(clock.now() + timedelta(minutes=10, seconds=1)), pytest.raises(SessionEnded):
        await actor_of(caller.access)


async def test_signing_out_ends_both_tokens_at_once(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    assert await fault_of(caller) is None

    assert await caller.do("SignOut") == {"__typename": "SignedOut", "done": True}

    assert await fault_of(caller) == "SESSION_ENDED"
    assert (await caller.do("RefreshSession", refresh=caller.refresh))["code"] == "SESSION_ENDED"
    session = await session_of(caller)
    assert await audit_of(f"session:{session.id}") == [("session.revoked", "SIGNED_OUT")]
    assert (await caller.do("SignOut"))["code"] == "SESSION_ENDED"


async def test_a_lost_phone_is_signed_out_from_another_one(portal: Portal) -> None:
    resident = await make_resident()
    kept, lost = await caller_of(portal, resident), await caller_of(portal, resident)
    assert await fault_of(lost) is None
    session_id = str((await session_of(lost)).id)

    ended = await kept.do("RevokeSession", id=session_id)
    again = await kept.do("RevokeSession", id=session_id)

    assert ended == again == {"__typename": "Session", "id": session_id, "ended": True}
    assert await fault_of(lost) == "SESSION_ENDED"
    assert await fault_of(kept) is None
    assert await audit_of(f"session:{session_id}") == [("session.revoked", "SIGNED_OUT")]


async def test_somebody_elses_session_is_not_found_like_one_that_never_was(portal: Portal) -> None:
    mine = await caller_of(portal, await make_resident())
    theirs = await caller_of(portal, await make_resident())
    their_session = str((await session_of(theirs)).id)

    async with nothing_moves():
        refused = await mine.do("RevokeSession", id=their_session)
        made_up = await mine.do("RevokeSession", id=str(db.new_id()))

    assert refused["code"] == made_up["code"] == "NOT_FOUND"
    assert refused["message"] == made_up["message"]
    assert await fault_of(theirs) is None


async def test_my_devices_are_listed_newest_first_and_only_mine(portal: Portal) -> None:
    resident = await make_resident()
    await caller_of(portal, await make_resident())
    callers = [await caller_of(portal, resident) for _ in range(3)]
    await sessions.revoke_session(Actor(resident.kind, resident.id), (await session_of(callers[0])).id)
    await callers[1].do("RefreshSession", refresh=callers[1].refresh)

    listed = await callers[2].do("MySessions")

    expected = [str((await session_of(caller)).id) for caller in (callers[1], callers[2])]
    assert [session["id"] for session in listed] == expected
    assert [session["current"] for session in listed] == [False, True]
    assert {session["device"] for session in listed} == {"测试手机"}


async def test_at_most_fifty_devices_are_listed(portal: Portal) -> None:
    resident = await make_resident()
    for _ in range(52):
        await sessions.open_session(channel="wechat", device=" " * 9, resident_id=resident.id)
    caller = await caller_of(portal, resident)

    listed = await caller.do("MySessions")

    assert len(listed) == 50
    assert listed[0]["current"]
    assert {session["device"] for session in listed[1:]} == {"未命名设备"}


async def test_staff_have_no_residents_sessions(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff())
    assert await fault_of(clerk) == "NOT_ALLOWED"
    assert (await clerk.do("RevokeSession", id=str(db.new_id())))["code"] == "NOT_ALLOWED"


async def test_another_process_believes_a_session_for_half_a_minute_only() -> None:
    """What one web process saw alive it trusts for 30 s; the process that ended it forgets at once."""
    other_process, actor = _Recent(), Actor((await make_resident()).kind)
    session_id = db.new_id()
    other_process.keep(session_id, actor)
    assert other_process.get(session_id) is actor

    other_process._seen[session_id] = (time.monotonic() - 30.0, actor)
    assert other_process.get(session_id) is None

    recent_sessions.keep(session_id, actor)
    recent_sessions.forget(session_id)
    assert recent_sessions.get(session_id) is None
