"""The waiting room of several processes, and of one whose Redis is gone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.booking import commands
from app.booking.errors import SlotFull, TurnNeeded, TurnNotYet
from app.booking.models import Slot
from app.booking.room import room as waiting_room
from app.booking.room.draw import likely_number, lot, order
from app.booking.room.whereabouts import Place
from app.embedded import EmbeddedRedis, start_redis
from app.kernel import clock, redis
from app.kernel.actor import Actor
from tests.booking.places import visit
from tests.booking.releases import SECOND, make_people, make_release, room_of, rules_of_a_rush
from tests.cases.filing import CARD
from tests.identity.traces import nothing_moves
from tests.operations.conftest import ROOT
from tests.people import new_key
from tests.portal import Portal, environment


@pytest.fixture(autouse=True)
async def rush(portal: Portal) -> AsyncIterator[None]:
    async with rules_of_a_rush():
        yield


@asynccontextmanager
async def speaking_to(server: EmbeddedRedis) -> AsyncIterator[None]:
    """Let this process take a server for its Redis, once it has got over any loss."""
    await redis.disconnect()
    with environment({"PORTAL_REDIS_URL": server.url}):
        await asyncio.sleep(0.6)
        yield
    await redis.disconnect()


async def kill(server: EmbeddedRedis) -> None:
    server.process.kill()
    server.stop()


def drawn(slot: Slot, people: list[Actor]) -> list[Actor]:
    """The people in the order of their turns."""
    by_id = {person.id: person for person in people}
    return [by_id[one] for one in order(waiting_room._seed(room_of(slot)), [key for key in by_id if key is not None])]


async def look_of_all(people: list[Actor], tickets: dict[UUID | None, str], now: datetime) -> list[Place]:
    """Everybody asks once and keeps the new ticket."""
    places = []
    with clock.standing_at(now):
        for person in people:
            places.append(await waiting_room.look(person, tickets[person.id]))
            tickets[person.id] = places[-1].ticket
    return places


async def enter_all(people: list[Actor], slot: Slot, now: datetime) -> dict[UUID | None, str]:
    with clock.standing_at(now):
        return {person.id: (await waiting_room.enter(person, slot.id)).ticket for person in people}


async def test_redis_killed_before_the_release_takes_nobodys_place(portal: Portal, tmp_path: Path) -> None:
    """Who asks again is where they were, and the draw is the one it would have been."""
    slot, release = await make_release()
    people = await make_people(20)
    first = start_redis(tmp_path / "first")
    async with speaking_to(first):
        tickets = await enter_all(people, slot, release - 60 * SECOND)
        await kill(first)
        blind = await look_of_all(people[:3], tickets, release - 50 * SECOND)
    assert [(place.people, place.turn, place.number) for place in blind] == [(None, None, None)] * 3

    second = start_redis(tmp_path / "second")
    async with speaking_to(second):
        again = await look_of_all(people, tickets, release - 40 * SECOND)
        after = await look_of_all(drawn(slot, people), tickets, release)
    second.stop()
    assert [place.people for place in again] == list(range(1, 21))
    assert [place.number for place in after] == list(range(20))


async def test_redis_killed_after_the_draw_leaves_every_number_as_it_was(portal: Portal, tmp_path: Path) -> None:
    """The ticket knows it; who is late stays behind them all, and a pass is good without any Redis."""
    slot, release = await make_release()
    people, [late] = await make_people(20), await make_people(1)
    in_order = drawn(slot, people)
    first = start_redis(tmp_path / "first")
    async with speaking_to(first):
        tickets = await enter_all(people, slot, release - 60 * SECOND)
        before = await look_of_all(in_order, tickets, release + SECOND / 10)
        await kill(first)
        with clock.standing_at(release + SECOND / 5):
            booked = await commands.book(
                in_order[0], slot.id, visit(CARD), turn=before[0].turn, idempotency_key=new_key()
            )

    second = start_redis(tmp_path / "second")
    async with speaking_to(second):
        after = await look_of_all(in_order, tickets, release + SECOND)
        with clock.standing_at(release + SECOND):
            behind = await waiting_room.enter(late, slot.id)
    second.stop()
    assert [place.number for place in before] == [place.number for place in after] == list(range(20))
    assert [place.turn is not None for place in after] == [True] * 10 + [False] * 10
    assert (booked.slot_id, behind.number) == (slot.id, 20)


async def test_who_had_not_asked_since_the_draw_still_goes_by_lot(portal: Portal, tmp_path: Path) -> None:
    """Redis came back empty: the ticket, the lot and how many there were say about when it is their turn."""
    slot, release = await make_release()
    people = await make_people(40)
    first = start_redis(tmp_path / "first")
    async with speaking_to(first):
        await enter_all(people, slot, release - 60 * SECOND)
        tickets = await enter_all(people, slot, release - SECOND)
        await kill(first)
    second = start_redis(tmp_path / "second")
    async with speaking_to(second):
        places = await look_of_all(drawn(slot, people), tickets, release + SECOND)
    second.stop()
    seed = waiting_room._seed(room_of(slot))
    lots = sorted(lot(seed, person.id) for person in people if person.id is not None)
    assert [place.number for place in places] == [likely_number(one, 40) for one in lots]


async def test_without_redis_the_rush_is_plain_booking_and_the_log_says_so(portal: Portal, tmp_path: Path) -> None:
    """No error for anybody: entering answers with a pass at once, and who never entered may book too."""
    slot, release = await make_release(1)
    entered, never, third = await make_people(3)
    gone = start_redis(tmp_path)
    gone.stop()
    async with speaking_to(gone):
        with clock.standing_at(release), capture_logs() as logs:
            place = await waiting_room.enter(entered, slot.id)
            assert await waiting_room.look(entered, place.ticket)
            booking = await commands.book(never, slot.id, visit(CARD), idempotency_key=new_key())
            async with nothing_moves():
                with pytest.raises(SlotFull) as full:
                    await commands.book(entered, slot.id, visit(CARD), turn=place.turn, idempotency_key=new_key())
    assert place.turn is not None
    assert booking.slot_id == slot.id
    assert full.value.code == "SLOT_FULL"
    said = [line["event"] for line in logs if line["log_level"] == "warning"]
    assert said.count("waiting room without Redis") == 2
    assert said.count("booking without a turn: Redis is lost") == 1
    await redis.disconnect()
    await asyncio.sleep(0.6)
    with clock.standing_at(release + SECOND), pytest.raises(TurnNeeded):
        await commands.book(third, slot.id, visit(CARD), idempotency_key=new_key())


PROGRAM = """
import asyncio, sys
from datetime import datetime
from uuid import UUID
from app.booking.room import room as waiting_room
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind

async def main(slot):
    await db.connect()
    for line in sys.stdin:
        moment, *people = line.split()
        with clock.standing_at(datetime.fromisoformat(moment)):
            places = await asyncio.gather(*(
                waiting_room.enter(Actor(ActorKind.RESIDENT, UUID(one)), UUID(slot)) for one in people))
        print(*(place.number for place in places), flush=True)
    await db.disconnect()

asyncio.run(main(sys.argv[1]))
"""


async def process_for(slot: Slot) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        str(slot.id),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def enter_in(process: asyncio.subprocess.Process, now: datetime, people: list[Actor]) -> list[str]:
    """Enter in another process, all at once; the numbers it told."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(" ".join([now.isoformat(), *(str(person.id) for person in people)]).encode() + b"\n")
    return (await process.stdout.readline()).decode().split()


async def test_two_processes_keep_one_room(portal: Portal) -> None:
    """Both gather at once, then both take late ones at once: one draw, one line, no number twice."""
    slot, release = await make_release()
    people, late = await make_people(30), await make_people(20)
    one, other = await process_for(slot), await process_for(slot)
    before = release - SECOND
    gathered = await asyncio.gather(enter_in(one, before, people[:20]), enter_in(other, before, people[10:]))
    numbers = await asyncio.gather(enter_in(one, release, late[:10]), enter_in(other, release, late[10:]))
    for process in (one, other):
        await process.communicate(b"")  # which also ends its input

    assert [set(told) for told in gathered] == [{"None"}, {"None"}]
    assert sorted(int(number) for told in numbers for number in told) == list(range(30, 50))
    with clock.standing_at(release):
        for number, person in enumerate(drawn(slot, people)):
            with pytest.raises(TurnNotYet) as refused:
                await commands.book(person, slot.id, visit(CARD), idempotency_key=new_key())
            assert refused.value.values == {"ahead": number}
