from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest
from altcha import Challenge, Payload, solve_challenge

from app.booking.errors import ChallengeNeeded, ChallengeWrong, NoWaitingRoom
from app.booking.models import Slot
from app.booking.room import gathering
from app.booking.room import room as waiting_room
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.redis import redis
from tests.booking.places import make_slot
from tests.booking.releases import SECOND, make_people, make_release, room_of, rules_of_a_rush
from tests.portal import Portal


@pytest.fixture(autouse=True)
async def rush(portal: Portal) -> AsyncIterator[None]:
    """Two may enter within ten seconds; from the third on it takes work."""
    async with rules_of_a_rush(challenge_above=2):
        yield


def solve(text: str) -> str:
    challenge = Challenge.from_dict(orjson.loads(text))
    solution = solve_challenge(challenge)
    assert solution is not None
    return Payload(challenge, solution).to_base64()


def as_sent(payload: object) -> str:
    return base64.b64encode(orjson.dumps(payload)).decode()


async def challenge_for(actor: Actor, slot: Slot) -> str:
    return (await waiting_room.challenge_for(actor, slot.id))[0]


async def test_work_is_asked_for_only_while_many_enter(portal: Portal) -> None:
    """Who is inside already comes in as before; ten seconds later and ten more it is quiet again."""
    # Entries are counted within the clock's own stretches of ten seconds.
    on_the_minute = clock.now().replace(second=0, microsecond=0) + timedelta(days=1)
    slot, release = await make_release(opens_at=on_the_minute)
    first, second, third, later = await make_people(4)
    with clock.standing_at(release - 60 * SECOND):
        for person in (first, second):
            await waiting_room.enter(person, slot.id)
        with pytest.raises(ChallengeNeeded):
            await waiting_room.enter(third, slot.id)
        assert (await waiting_room.enter(first, slot.id)).people == 2
        solution = solve(await challenge_for(third, slot))
        assert (await waiting_room.enter(third, slot.id, solution)).people == 3
    with clock.standing_at(release - 49 * SECOND), pytest.raises(ChallengeNeeded):
        await waiting_room.enter(later, slot.id)
    with clock.standing_at(release - 29 * SECOND):
        assert (await waiting_room.enter(later, slot.id)).people == 4


async def test_a_solution_is_for_one_person_and_room_and_good_once(portal: Portal) -> None:
    slot, release = await make_release()
    other, _ = await make_release(opens_at=release + SECOND)
    person, stranger = await make_people(2)
    with clock.standing_at(release - 60 * SECOND):
        solution = solve(await challenge_for(person, slot))
        with pytest.raises(ChallengeWrong):
            await waiting_room.enter(stranger, slot.id, solution)
        with pytest.raises(ChallengeWrong):
            await waiting_room.enter(person, other.id, solution)
        assert (await waiting_room.enter(person, slot.id, solution)).people == 1
        await redis().delete(gathering._key(room_of(slot)))  # inside, nobody would be asked again
        with pytest.raises(ChallengeWrong):
            await waiting_room.enter(person, slot.id, solution)


async def test_a_solution_ends_after_three_minutes(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    with clock.standing_at(release - 300 * SECOND):
        text, ends_at = await waiting_room.challenge_for(person, slot.id)
    assert release - 121 * SECOND < ends_at <= release - 120 * SECOND
    with clock.standing_at(ends_at), pytest.raises(ChallengeWrong):
        await waiting_room.enter(person, slot.id, solve(text))


async def test_what_is_no_solution_is_refused_and_nobody_entered(portal: Portal) -> None:
    slot, release = await make_release()
    [person] = await make_people(1)
    with clock.standing_at(release - 60 * SECOND):
        text = await challenge_for(person, slot)
        good = orjson.loads(base64.b64decode(solve(text)))
        parameters, signature = good["challenge"]["parameters"], good["challenge"]["signature"]
        easier = {**good, "challenge": {"parameters": {**parameters, "cost": 1}, "signature": signature}}
        unsigned = {**good, "challenge": {"parameters": parameters}}
        guessed = {**good, "solution": {"counter": good["solution"]["counter"] + 1, "derivedKey": "00" * 32}}
        forged: list[object] = [easier, unsigned, guessed, {}, [], "候场", None, {"challenge": [], "solution": {}}]
        for wrong in ["", "not base64", "x" * 100_000, *map(as_sent, forged)]:
            with pytest.raises(ChallengeWrong):
                await waiting_room.enter(person, slot.id, wrong)
        assert (await waiting_room.enter(person, slot.id, as_sent(good))).people == 1


async def test_where_there_is_no_room_there_is_no_work(portal: Portal) -> None:
    [person] = await make_people(1)
    with pytest.raises(NoWaitingRoom):
        await challenge_for(person, await make_slot(1))
    slot, release = await make_release()
    with clock.standing_at(release + timedelta(minutes=10)), pytest.raises(NoWaitingRoom):
        await challenge_for(person, slot)
