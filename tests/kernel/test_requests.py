from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.kernel import db
from app.kernel.errors import IdempotencyKeyReused, InvalidInput, NotFound
from app.kernel.inbox.requests import claim
from tests.kernel.happenings import heard, strike
from tests.people import new_key
from tests.portal import Portal


@pytest.fixture
def owner(portal: Portal) -> UUID:
    return db.new_id()


async def write(owner: UUID, key: str, *, refuse: bool = False, slow: bool = False, **body: object) -> UUID:
    """A command such as every repeatable one: claim, write, remember what came out."""
    async with db.transaction():
        request = await claim(owner, key, "strike", **body)
        if request.earlier is not None:
            return request.earlier
        thing = db.new_id()
        await strike.work(bell_id=str(owner))
        if slow:
            await db.rows("SELECT pg_sleep(0.05)")
        if refuse:
            raise NotFound(what_zh="钟", what_en="bell")
        await request.answered_with(thing)
    return thing


async def test_the_same_request_again_gets_the_first_answer(owner: UUID) -> None:
    key = new_key()
    first = await write(owner, key, times=3, day="2026-02-14")
    again = await write(owner, key, day="2026-02-14", times=3)
    assert again == first
    assert await heard(owner) == ["bell.struck"]


async def test_the_same_request_five_times_at_once_is_done_once(owner: UUID) -> None:
    """The later ones wait for the first and get its answer."""
    key = new_key()
    answers = await asyncio.gather(*(write(owner, key, slow=True) for _ in range(5)))
    assert len(set(answers)) == 1
    assert await heard(owner) == ["bell.struck"]


@pytest.mark.parametrize("other", [{"times": 2}, {"times": "1"}, {}, {"times": 1, "more": None}])
async def test_another_request_under_the_same_key_is_refused(owner: UUID, other: dict[str, Any]) -> None:
    key = new_key()
    await write(owner, key, times=1)
    with pytest.raises(IdempotencyKeyReused):
        await write(owner, key, **other)
    assert await heard(owner) == ["bell.struck"]


async def test_another_operation_under_the_same_key_is_refused(owner: UUID) -> None:
    key = new_key()
    await write(owner, key)
    with pytest.raises(IdempotencyKeyReused) as refused:
        async with db.transaction():
            await claim(owner, key, "muffle")
    assert refused.value.field == "idempotencyKey"


async def test_a_refused_request_may_be_tried_again_under_its_key(owner: UUID) -> None:
    key = new_key()
    with pytest.raises(NotFound):
        await write(owner, key, refuse=True)
    assert await heard(owner) == []
    await write(owner, key)
    assert await heard(owner) == ["bell.struck"]


async def test_when_the_first_of_two_at_once_is_refused_the_second_is_done(owner: UUID) -> None:
    key = new_key()
    refused, done = await asyncio.gather(
        write(owner, key, refuse=True, slow=True), write(owner, key, slow=True), return_exceptions=True
    )
    assert isinstance(done, UUID)
    assert isinstance(refused, NotFound) or refused == done
    assert await heard(owner) == ["bell.struck"]


async def test_keys_of_two_residents_do_not_meet(owner: UUID) -> None:
    key, neighbour = new_key(), db.new_id()
    assert await write(owner, key, times=1) != await write(neighbour, key, times=2)
    assert await heard(neighbour) == ["bell.struck"]


@pytest.mark.parametrize("key", ["", "short", "x" * 101])
async def test_a_key_too_short_or_too_long_is_refused(owner: UUID, key: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await write(owner, key)
    assert refused.value.field == "idempotencyKey"
    assert await heard(owner) == []
