from __future__ import annotations

import asyncio
import time
from contextvars import copy_context
from datetime import timedelta

import pytest

from app.identity import sessions
from app.identity.errors import SessionEnded
from app.identity.models import ChannelBinding, Session
from app.identity.queries import _Recent, actor_of, recent_sessions
from app.identity.tokens import Tokens, make_refresh_token, read_refresh_token
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.privacy import mask_address
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


async def test_staff_see_and_end_their_own_sessions_and_nobody_elses(portal: Portal) -> None:
    clerk, resident = await make_staff(), await make_resident()
    at_desk, at_home = await caller_of(portal, clerk), await caller_of(portal, clerk)
    mine = await caller_of(portal, resident)
    listed = await at_desk.do("MySessions")
    assert [session["current"] for session in listed] == [False, True]

    async with nothing_moves():
        refused = await at_desk.do("RevokeSession", id=str((await session_of(mine)).id))
    ended = await at_desk.do("RevokeSession", id=str((await session_of(at_home)).id))

    assert (refused["code"], ended["ended"]) == ("NOT_FOUND", True)
    assert await fault_of(at_home) == "SESSION_ENDED"
    assert await fault_of(at_desk) is None


async def test_a_device_is_called_what_its_owner_likes(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    session_id = str((await session_of(caller)).id)

    named = await caller.do("NameDevice", id=session_id, name="  家里的平板 ")

    assert named == {"__typename": "Session", "id": session_id, "device": "家里的平板"}
    assert (await session_of(caller)).device == "家里的平板"
    assert await audit_of(f"session:{session_id}") == [("session.named", "done")]


@pytest.mark.parametrize("name", ["", "   ", "长" * 41, "a\nb", "\u202eabc"], ids=repr)
async def test_a_name_nobody_could_read_is_refused(portal: Portal, name: str) -> None:
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await caller.do("NameDevice", id=str((await session_of(caller)).id), name=name)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "name")


async def test_somebody_elses_device_cannot_be_named(portal: Portal) -> None:
    mine, theirs = await caller_of(portal, await make_resident()), await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await mine.do("NameDevice", id=str((await session_of(theirs)).id), name="我的")
    assert refused["code"] == "NOT_FOUND"


async def test_all_other_devices_are_signed_out_and_this_one_stays(portal: Portal) -> None:
    resident = await make_resident()
    others = [await caller_of(portal, resident) for _ in range(3)]
    this, somebody = await caller_of(portal, resident), await caller_of(portal, await make_resident())
    for caller in others:
        assert await fault_of(caller) is None

    assert await this.do("RevokeOtherSessions") == {"__typename": "SessionsRevoked", "count": 3}
    assert await this.do("RevokeOtherSessions") == {"__typename": "SessionsRevoked", "count": 0}

    assert [await fault_of(caller) for caller in others] == ["SESSION_ENDED"] * 3
    assert [await fault_of(caller) for caller in (this, somebody)] == [None, None]


async def test_everything_can_be_signed_out_at_once(portal: Portal) -> None:
    resident = await make_resident()
    callers = [await caller_of(portal, resident) for _ in range(3)]

    assert await callers[0].do("RevokeAllSessions") == {"__typename": "SessionsRevoked", "count": 3}

    assert [await fault_of(caller) for caller in callers] == ["SESSION_ENDED"] * 3
    for caller in callers:
        assert (await caller.do("RefreshSession", refresh=caller.refresh))["code"] == "SESSION_ENDED"


async def test_two_devices_that_end_each_other_at_once_both_end(portal: Portal) -> None:
    resident = await make_resident()
    callers = [await caller_of(portal, resident) for _ in range(4)]
    actors = [await actor_of(caller.access) for caller in callers]

    outcomes = await at_once(*(sessions.revoke_sessions(actor, keep_this=True) for actor in actors))

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == 4
    assert await Session.filter(resident_id=resident.id, revoked_at=None).count() == 0


async def test_a_session_tells_by_which_app_and_from_where_it_came(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    [session] = await phone.do("MySessions")
    binding = await ChannelBinding.get(resident_id=(await actor_of(phone.access)).id)
    assert (session["channel"], session["bindingId"]) == ("wechat", str(binding.id))
    assert (session["device"], session["maskedAddress"]) == ("测试手机", "127.0.*.*")
    assert session["refreshedAt"] == session["createdAt"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.7", "203.0.*.*"),
        ("2001:db8::7", "2001:db8:*"),
        ("::1", "0:0:*"),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_an_address_is_shown_in_part(address: str, shown: str) -> None:
    assert mask_address(address) == shown


async def test_a_revoked_session_is_dead_in_every_process_within_half_a_minute(portal: Portal) -> None:
    """The process that ended it forgets at once. Another one that saw it alive trusts it for 30 s and not longer,
    however often it is used meanwhile: only looking into the database begins a new half minute.
    """
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    other_process = _Recent()
    actor = await actor_of(caller.access, other_process)
    assert actor == await actor_of(caller.access)
    session_id = (await session_of(caller)).id

    await caller.do("SignOut")

    with pytest.raises(SessionEnded):
        await actor_of(caller.access)
    assert await actor_of(caller.access, other_process) == actor
    seen_at = other_process._seen[session_id][0]
    for seconds in (10.0, 29.9):
        other_process._seen[session_id] = (time.monotonic() - seconds, actor)
        assert await actor_of(caller.access, other_process) == actor
    assert other_process._seen[session_id][0] <= seen_at
    other_process._seen[session_id] = (time.monotonic() - 30.0, actor)
    with pytest.raises(SessionEnded):
        await actor_of(caller.access, other_process)


async def test_a_session_that_is_being_ended_is_forgotten_only_when_it_has_ended(portal: Portal) -> None:
    """A request in the middle of the revocation sees the session alive; that must not count for the time after."""
    caller = await caller_of(portal, await make_resident())
    actor = await actor_of(caller.access)
    assert actor.session_id is not None
    outside = copy_context()
    async with db.transaction():
        await Session.select_for_update().get(id=actor.session_id)
        ending = asyncio.create_task(sessions.revoke_session(actor, actor.session_id), context=outside)
        await asyncio.sleep(0.1)
        recent_sessions.forget(actor.session_id)
        assert await actor_of(caller.access) == actor
    await ending

    with pytest.raises(SessionEnded):
        await actor_of(caller.access)


async def test_what_was_ended_in_another_process_is_dead_here_after_its_half_minute(portal: Portal) -> None:
    """The other way round, with the row changed by somebody else's hand."""
    caller = await caller_of(portal, await make_resident())
    actor = await actor_of(caller.access)
    assert actor.session_id is not None
    await Session.filter(id=actor.session_id).update(revoked_at=clock.now(), revoked_because="SIGNED_OUT")
    assert await fault_of(caller) is None

    recent_sessions._seen[actor.session_id] = (time.monotonic() - 30.0, actor)

    assert await fault_of(caller) == "SESSION_ENDED"
