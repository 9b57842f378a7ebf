from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import orjson
from altcha import Challenge, Payload, solve_challenge

from app.kernel import clock
from tests.booking.places import places_taken
from tests.booking.releases import make_release, rules_of_a_rush
from tests.cases.filing import CARD
from tests.people import Caller, Phone, new_key, until
from tests.portal import Portal


def solved(challenge: str) -> str:
    """What the widget in the mini-program makes of a challenge."""
    asked = Challenge.from_dict(orjson.loads(challenge))
    solution = solve_challenge(asked)
    assert solution is not None
    return Payload(asked, solution).to_base64()


async def book(phone: Caller, slot_id: str, turn: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = await phone.do(
        "Book", slotId=slot_id, items=[{"itemKey": CARD}], turn=turn, idempotencyKey=new_key()
    )
    return answer


async def wait_for_turn(phone: Phone, ticket: str) -> dict[str, Any]:
    """Ask with the newest ticket until there is a pass."""
    newest = ticket

    async def called() -> dict[str, Any] | None:
        nonlocal newest
        place: dict[str, Any] = await phone.do("WaitingPlace", ticket=newest)
        assert place["__typename"] == "WaitingPlace", place
        newest = place["ticket"]
        if place["turn"]:
            return place
        await asyncio.sleep(1)  # as often as one may ask
        return None

    return await until(called, what="the turn")


async def test_a_release_from_the_door_of_the_waiting_room_to_the_booking(portal: Portal) -> None:
    """Two phones gather, do the work a rush asks for, wait for their turns and book; a third only tries."""
    first, second, third = [await portal.phone() for _ in range(3)]
    async with rules_of_a_rush(challenge_above=0, admitted_per_second=1):
        slot, release = await make_release(2, opens_at=clock.now() + timedelta(seconds=8))
        slot_id = str(slot.id)
        room = await portal.stranger().do("WaitingRoom", slotId=slot_id)
        assert datetime.fromisoformat(room["opensAt"]) == release.replace(microsecond=0)
        assert (len(room["commitment"]), room["seed"], room["admittedPerSecond"]) == (64, None, 1)

        refused = await first.do("EnterWaitingRoom", slotId=slot_id)
        assert (refused["code"], refused["field"], refused["retryable"]) == ("CHALLENGE_NEEDED", "solution", True)
        places = []
        for phone in (first, second):
            work = await phone.do("WaitingRoomChallenge", slotId=slot_id)
            places.append(
                await phone.do(
                    "EnterWaitingRoom", slotId=slot_id, solution=await asyncio.to_thread(solved, work["challenge"])
                )
            )
        assert [place["__typename"] for place in places] == ["WaitingPlace"] * 2
        assert places[0]["people"] == 1

        called = await asyncio.gather(
            *(wait_for_turn(phone, place["ticket"]) for phone, place in zip((first, second), places, strict=True))
        )
        # On a slow machine the work may take until after the release; then the second is late, and still called.
        assert len({place["number"] for place in called}) == 2
        assert [(place["ahead"], place["soldOut"], place["expectedWait"]) for place in called] == [(0, False, None)] * 2

        without = await book(third, slot_id)
        borrowed = await book(third, slot_id, called[0]["turn"])
        assert (without["code"], without["field"], without["retryable"]) == ("TURN_NEEDED", "turn", True)
        assert (borrowed["code"], borrowed["field"]) == ("TURN_INVALID", "turn")
        assert await places_taken(slot) == (0, 0)
        booked = [
            await book(phone, slot_id, place["turn"]) for phone, place in zip((first, second), called, strict=True)
        ]
    assert [booking["__typename"] for booking in booked] == ["Booking"] * 2
    assert await places_taken(slot) == (2, 2)


async def test_what_a_phone_makes_up_is_refused_in_words(portal: Portal) -> None:
    phone = await portal.phone()
    async with rules_of_a_rush():
        slot, _ = await make_release()
        early = await phone.do("EnterWaitingRoom", slotId=str(slot.id))
        forged = await phone.do("WaitingPlace", ticket="候场")
        nowhere = await phone.do("WaitingRoom", slotId="x")
    without_room = await phone.do("WaitingRoom", slotId=str(slot.id))
    no_work = await phone.do("WaitingRoomChallenge", slotId=str(slot.id))
    answers = (early, forged, nowhere, without_room, no_work)
    assert [answer["code"] for answer in answers] == [
        "ROOM_NOT_OPEN",
        "TURN_INVALID",
        "NOT_FOUND",
        "NO_WAITING_ROOM",
        "NO_WAITING_ROOM",
    ]
    assert early["message"].startswith("候场区")
    assert forged["message"] == "候场凭证无效:凭证不是本系统签发的,请重新进入候场区"
