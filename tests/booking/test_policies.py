"""What a business of a hall has set counts there, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.booking.models import Slot
from app.identity.rules import Level
from app.kernel import clock
from tests.booking.lines import a_day
from tests.booking.places import make_slot, places_taken, set_rules
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

HERE, ELSEWHERE, BUSINESS, ITEM = "liushu-station", "donghu-station", "B", "sscard-apply"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def rules(portal: Portal) -> AsyncIterator[None]:
    own = {"hold_minutes": 3, "cancel_before_minutes": 30, "offer_minutes": 60, "min_level": 4, "party_most": 2}
    await set_rules(HERE, BUSINESS, **own)
    yield
    await set_rules(HERE, BUSINESS)


async def both(capacity: int, hours_ahead: float) -> list[Slot]:
    """A slot here and a slot elsewhere."""
    return [
        await make_slot(capacity, hours_ahead=hours_ahead, place=place, business=BUSINESS)
        for place in (HERE, ELSEWHERE)
    ]


async def ask(caller: Caller, operation: str, slot: Slot, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await caller.do(
        operation, slotId=str(slot.id), items=[{"itemKey": ITEM}], idempotencyKey=new_key(), **more
    )
    return answer


async def verified(portal: Portal) -> Caller:
    return await caller_of(portal, await make_resident(Level.L4))


async def test_how_long_a_place_is_held(portal: Portal) -> None:
    held = [await ask(await verified(portal), "HoldPlaces", slot) for slot in await both(1, 30)]
    left = [datetime.fromisoformat(one["heldUntil"]) - clock.now() for one in held]
    assert [round(time / MINUTE) for time in left] == [3, 10]


async def test_until_when_one_may_give_back_or_move(portal: Portal) -> None:
    """An hour before: here in time, elsewhere late."""
    mover, giver = await verified(portal), await verified(portal)
    moved, given_back = [], []
    for slot, free in zip(await both(2, 1), await both(1, 90), strict=True):
        booked = [await ask(person, "Book", slot) for person in (mover, giver)]
        to = {"id": booked[0]["id"], "slotId": str(free.id), "idempotencyKey": new_key()}
        moved.append((await mover.do("MoveBooking", **to)).get("code"))
        await mover.do("CancelBooking", id=booked[0]["id"])
        given_back.append((await giver.do("CancelBooking", id=booked[1]["id"]))["late"])
    assert (moved, given_back) == ([None, "MOVE_TOO_LATE"], [False, True])


async def test_how_well_one_must_be_known(portal: Portal) -> None:
    for_level_three = await caller_of(portal, await make_resident(Level.L3))
    here, elsewhere = await both(3, 31)
    async with nothing_moves():
        refused = [await ask(for_level_three, operation, here) for operation in ("Book", "HoldPlaces")]
    assert [one["code"] for one in refused] == ["ASSURANCE_TOO_LOW"] * 2
    assert (await ask(for_level_three, "Book", elsewhere))["__typename"] == "Booking"
    assert (await ask(await verified(portal), "Book", here))["__typename"] == "Booking"
    assert await places_taken(here) == (1, 1)


async def test_how_many_may_come_at_once(portal: Portal) -> None:
    person = await verified(portal)
    here, elsewhere = await both(5, 32)
    async with nothing_moves():
        refused = await ask(person, "Book", here, party=3)
    assert refused["message"] == "一次可为1至2人预约,人数更多请由同行的人另行预约或联系大厅"
    assert (await ask(person, "Book", elsewhere, party=3))["party"] == 3


async def test_how_long_an_offered_place_may_be_thought_about(portal: Portal) -> None:
    left = []
    for place in (HERE, ELSEWHERE):
        day = a_day()
        slot = await make_slot(1, starts_at=clock.at_local(day, 9), place=place, business=BUSINESS)
        holder, waits = await verified(portal), await verified(portal)
        booked = await ask(holder, "Book", slot)
        days = {"daysFrom": day.isoformat(), "daysUntil": day.isoformat()}
        asked = {"items": [{"itemKey": ITEM}], "servicePoints": [place], **days}
        entry = await waits.do("JoinWaitingList", **asked, idempotencyKey=new_key())
        assert entry["__typename"] == "WaitingEntry"
        await holder.do("CancelBooking", id=booked["id"])
        await portal.run_jobs()
        [mine] = await waits.do("MyWaitingList")
        left.append(datetime.fromisoformat(mine["offer"]["heldUntil"]) - clock.now())
    assert [round(time / MINUTE) for time in left] == [60, 30]
