"""Many at the same moment, as two web processes would have them: two crowds over one database."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from app.booking import commands
from app.booking.crowd import ALONE, Alone, Crowd
from app.booking.errors import AlreadyBooked, SlotFull, SlotGone, SlotNotOpenYet
from app.booking.models import Booking, Slot
from app.booking.places import Lack
from app.booking.plans import quick_plan
from app.booking.rules import BookingState, Layer
from app.booking.sold_out import LIFE_SECONDS, sold_out
from app.booking.together import Attempt, Repeat, book_together
from app.booking.visits import VisitItem
from app.identity.errors import AccountEnded, AssuranceTooLow
from app.identity.models import Resident
from app.identity.rules import Level
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.audit import AuditLine
from app.kernel.errors import IdempotencyKeyReused, NotFound, PleaseRetry
from app.kernel.inbox.requests import AnsweredRequest, wanted
from app.kernel.logging import request_scope
from app.representation.errors import MandateEnded
from tests.booking.places import make_slot, places_taken, set_rules, visit
from tests.cases.filing import CARD, file_case
from tests.identity.accounts import make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.representation.stage import make_pair


async def make_residents(count: int) -> list[Actor]:
    rows = [Resident(level=Level.L4, created_at=clock.now()) for _ in range(count)]
    await Resident.bulk_create(rows)
    return [Actor(ActorKind.RESIDENT, row.id) for row in rows]


async def attempt(
    actor: Actor, slot: Slot, *items: VisitItem, party: int = 1, key: str | None = None, request_id: str | None = None
) -> Attempt:
    """What the fast way makes of a call of `book`."""
    meant = list(items) or visit(CARD)
    planned = await quick_plan(actor, slot.id, meant, party)
    assert planned is not None
    body = {"slot": slot.id, "items": [item.as_json() for item in meant], "party": party, "address": None}
    asked = wanted(actor.resident_id(), key or new_key(), "book", **body)
    return Attempt(actor, planned, asked, clock.now(), request_id)


async def book(actor: Actor, slot: Slot, **more: str) -> Booking:
    return await commands.book(actor, slot.id, visit(CARD), idempotency_key=more.get("key") or new_key())


def words(answers: Sequence[object]) -> Counter[str]:
    return Counter(answer.name if isinstance(answer, Lack) else type(answer).__name__ for answer in answers)


async def test_a_thousand_at_once_in_two_processes_get_the_places_there_are(portal: Portal) -> None:
    """600 people each, one hot slot of 300 and ten small ones: every place is given out, and not one more."""
    hot, *small = [await make_slot(300), *[await make_slot(7) for _ in range(10)]]
    people = await make_residents(1_200)
    attempts = [await attempt(who, small[n % 10] if n % 3 == 0 else hot) for n, who in enumerate(people)]
    processes = [Crowd(book_together), Crowd(book_together)]

    answers = await at_once(*(processes[n % 2].ask(each.wanted.owner, each) for n, each in enumerate(attempts)))

    assert words(answers) == {"Booking": 370, "FULL": 830}
    assert await places_taken(hot) == (300, 300)
    assert [await places_taken(slot) for slot in small] == [(7, 7)] * 10
    booked = {answer.id for answer in answers if isinstance(answer, Booking)}
    lines = await AuditLine.filter(subject__in=[f"booking:{each}" for each in booked])
    assert {(line.act, line.person) for line in lines} == {
        ("booking.made", answer.resident_id) for answer in answers if isinstance(answer, Booking)
    }
    keys = await AnsweredRequest.filter(owner__in=[who.id for who in people]).values_list("answer", flat=True)
    assert set(keys) == booked


async def test_places_are_dealt_to_who_came_first(portal: Portal) -> None:
    slot, people = await make_slot(3), await make_residents(6)
    answers = await book_together([await attempt(who, slot) for who in people])
    assert [isinstance(answer, Booking) for answer in answers] == [True] * 3 + [False] * 3
    assert answers[3:] == [Lack.FULL] * 3


async def test_what_each_is_given_is_what_the_database_has(portal: Portal) -> None:
    """Column by column, with the slot: rows of a crowd are made by us and not by the ORM."""
    slots, people = [await make_slot(2), await make_slot(3)], await make_residents(4)
    answers = await book_together(
        [await attempt(who, slots[n % 2], party=1 + n % 2) for n, who in enumerate(people[:3])]
    )
    for answer in answers:
        assert isinstance(answer, Booking)
        kept = await Booking.get(id=answer.id).prefetch_related("slot")
        columns = sorted(Booking._meta.db_fields)
        assert [getattr(answer, name) for name in columns] == [getattr(kept, name) for name in columns]
        assert answer.slot == kept.slot


async def test_two_attempts_of_one_resident_come_to_one_booking(portal: Portal) -> None:
    """The second waits for the next batch, and hears what became of the first."""
    slot, [who] = await make_slot(5), await make_residents(1)
    first, second = await at_once(book(who, slot), book(who, slot))
    assert isinstance(first, Booking)
    assert isinstance(second, AlreadyBooked)
    assert second.suggestion == first.id
    assert await places_taken(slot) == (1, 1)


async def test_the_same_key_at_once_in_two_processes_is_one_booking(portal: Portal) -> None:
    slot, [who], key = await make_slot(5), await make_residents(1), new_key()
    attempts = [await attempt(who, slot, key=key) for _ in range(6)]
    processes = [Crowd(book_together), Crowd(book_together)]

    answers = await at_once(*(processes[n % 2].ask(who.id, each) for n, each in enumerate(attempts)))

    assert words(answers) == {"Booking": 1, "Repeat": 5}
    ids = {answer.id for answer in answers if isinstance(answer, Booking)}
    ids |= {answer.booking_id for answer in answers if isinstance(answer, Repeat)}
    assert len(ids) == 1
    assert await places_taken(slot) == (1, 1)


async def test_a_key_of_another_request_is_refused_and_harms_nobody(portal: Portal) -> None:
    slot, other, [who, neighbour] = await make_slot(5), await make_slot(5), await make_residents(2)
    key = new_key()
    await book(who, other, key=key)
    answers = await book_together([await attempt(who, slot, key=key), await attempt(neighbour, slot)])
    assert words(answers) == {"IdempotencyKeyReused": 1, "Booking": 1}
    assert isinstance(answers[0], IdempotencyKeyReused)


async def test_a_refused_key_may_be_used_again(portal: Portal) -> None:
    """Nothing of a refused attempt is left behind, its key neither."""
    slot, [who] = await make_slot(5), await make_residents(1)
    held, key = await book(who, slot), new_key()
    async with nothing_moves():
        [refused] = await book_together([await attempt(who, slot, key=key)])
    assert isinstance(refused, AlreadyBooked)
    await commands.cancel(who, held.id)
    assert (await book(who, slot, key=key)).state is BookingState.BOOKED


async def test_parties_and_runs_of_slots_share_what_there_is(portal: Portal) -> None:
    """Three slots of four places: a family of three in the first two, one alone in all, then no two fit any more."""
    await set_rules("city-hall", "D", minutes_by_item={CARD: 60})
    try:
        start = clock.now() + timedelta(hours=3100, microseconds=db.new_id().int % 10**6)
        starts = [start + n * timedelta(minutes=30) for n in range(3)]
        slots = [await make_slot(4, starts_at=begins, layer=Layer.EXTRA) for begins in starts]
        family, alone, couple = await make_residents(3)
        answers = await book_together(
            [
                await attempt(family, slots[0], party=3),
                await attempt(alone, slots[1]),
                await attempt(couple, slots[0], party=2),
            ]
        )
    finally:
        await set_rules("city-hall", "D")
    assert words(answers) == {"Booking": 2, "FULL": 1}
    assert [await places_taken(slot) for slot in slots] == [(3, 3), (4, 4), (1, 1)]
    assert isinstance(answers[0], Booking)
    assert answers[0].slots == [slots[0].id, slots[1].id]


async def test_each_is_told_their_own_reason(portal: Portal) -> None:
    """One batch, one person booked, everybody else refused for what stands against them and nobody else."""
    slot, begun, closed, later = [await make_slot(5) for _ in range(4)]
    who, unproven, ended, known, *others = [await make_resident(Level.L1 if n == 1 else Level.L4) for n in range(8)]
    await Resident.filter(id=ended.id).update(closed_at=clock.now())
    await commands.book_alone(known, later.id, visit(CARD), idempotency_key=new_key())
    await Slot.filter(id=closed.id).update(closed_at=clock.now())
    await Slot.filter(id=later.id).update(opens_at=clock.now() + timedelta(hours=1))
    foreign = await file_case(who)
    attempts = [
        await attempt(who, slot),
        await attempt(unproven, slot),
        await attempt(ended, slot),
        await attempt(known, slot),
        await attempt(others[0], slot, VisitItem(CARD, foreign.id)),
        await attempt(others[1], begun),
        await attempt(others[2], closed),
        await attempt(others[3], later),
    ]
    attempts[5].now = begun.starts_at

    answers = await book_together(attempts)

    kinds = [Booking, AssuranceTooLow, AccountEnded, AlreadyBooked, NotFound]
    assert [type(answer) for answer in answers[:5]] == kinds
    assert answers[5:] == [Lack.BEGUN, Lack.CLOSED, Lack.NOT_OPEN]
    assert await places_taken(slot) == (1, 1)


@pytest.mark.parametrize(("hours", "refusal"), [(-1, SlotNotOpenYet), (40, SlotGone)])
async def test_the_words_fit_the_moment_of_who_asks(portal: Portal, hours: int, refusal: type[Exception]) -> None:
    slot, [who] = await make_slot(5), await make_residents(1)
    await Slot.filter(id=slot.id).update(opens_at=clock.now())
    with clock.standing_at(clock.now() + timedelta(hours=hours)):
        async with nothing_moves():
            with pytest.raises(refusal):
                await book(who, slot)


async def test_an_agent_and_a_neighbour_are_booked_side_by_side(portal: Portal) -> None:
    """For the principal, under the agent's own level; a revoked mandate ends in the same batch."""
    slot, [neighbour] = await make_slot(5), await make_residents(1)
    principal, agent = await make_pair(portal, CARD)
    acting = await acting_as(agent.actor, principal.actor)
    case = await file_case(principal.actor)

    [mine, theirs] = await book_together(
        [await attempt(acting, slot, VisitItem(CARD, case.id)), await attempt(neighbour, slot)]
    )

    assert isinstance(mine, Booking)
    assert isinstance(theirs, Booking)
    assert (mine.resident_id, theirs.resident_id) == (principal.actor.id, neighbour.id)
    line = await AuditLine.get(subject=f"booking:{mine.id}")
    assert (line.actor, line.person) == (f"resident:{agent.actor.id}", principal.actor.id)
    await case.refresh_from_db()
    assert case.visit_at == slot.starts_at
    assert acting.principal is not None
    await db.rows("UPDATE mandate SET state = 'REVOKED' WHERE id = $1", acting.principal.mandate_id)
    await commands.cancel(principal.actor, mine.id)
    [refused] = await book_together([await attempt(acting, slot)])
    assert isinstance(refused, MandateEnded)


async def acting_as(agent: Actor, principal: Actor) -> Actor:
    from app.representation.queries import acting_for

    return await acting_for(agent, str(principal.id))


async def test_every_line_says_which_request_it_goes_back_to(portal: Portal) -> None:
    slot, people = await make_slot(3), await make_residents(3)

    async def ask(who: Actor, request_id: str) -> Booking:
        with request_scope(request_id):
            return await book(who, slot)

    booked = await asyncio.gather(*(ask(who, f"request-{n}") for n, who in enumerate(people)))

    lines = [await AuditLine.get(subject=f"booking:{each.id}") for each in booked]
    assert [line.request_id for line in lines] == ["request-0", "request-1", "request-2"]


async def test_who_hangs_up_harms_nobody(portal: Portal) -> None:
    """Half of them go away while the batch is under way; the others are booked, and every place is accounted for."""
    slot, people = await make_slot(40), await make_residents(40)
    asking = [asyncio.create_task(book(who, slot)) for who in people]
    await asyncio.sleep(0.005)
    for task in asking[::2]:
        task.cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(answer, Booking) for answer in answers[1::2])
    taken, kept = await places_taken(slot)
    assert 20 <= taken == kept <= 40


class Poisoned(Exception):
    """What no plan foresaw."""


def poisoned_by(bad: object) -> Callable[[Sequence[int]], Awaitable[list[int | Alone]]]:
    async def together(asked: Sequence[int]) -> list[int | Alone]:
        await asyncio.sleep(0)
        if bad in asked:
            raise Poisoned
        return [number * 2 for number in asked]

    return together


async def test_one_that_breaks_the_batch_goes_alone_and_the_others_do_not() -> None:
    crowd: Crowd[int, int] = Crowd(poisoned_by(13))
    answers = await asyncio.gather(*(crowd.ask(number, number) for number in range(64)))
    assert [answer for number, answer in enumerate(answers) if number != 13] == [n * 2 for n in range(64) if n != 13]
    assert answers[13] is ALONE


async def test_a_lost_database_is_told_to_all_of_them() -> None:
    async def together(asked: Sequence[int]) -> list[int | Alone]:
        with db.told_when_lost():
            raise ConnectionResetError

    crowd: Crowd[int, int] = Crowd(together)
    answers = await asyncio.gather(*(crowd.ask(number, number) for number in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [PleaseRetry] * 5


async def test_nobody_waits_for_company_and_a_crowd_goes_512_at_most() -> None:
    sizes: list[int] = []

    async def together(asked: Sequence[int]) -> list[int | Alone]:
        sizes.append(len(asked))
        await asyncio.sleep(0.01)
        return list(asked)

    crowd: Crowd[int, int] = Crowd(together)
    first = asyncio.create_task(crowd.ask(-1, -1))
    await asyncio.sleep(0.005)
    await asyncio.gather(first, *(crowd.ask(number, number) for number in range(1_000)))
    assert sizes == [1, 512, 488]


async def test_one_resident_is_in_a_batch_once_and_order_is_kept() -> None:
    batches: list[list[str]] = []

    async def together(asked: Sequence[str]) -> list[str | Alone]:
        batches.append(list(asked))
        await asyncio.sleep(0)
        return list(asked)

    crowd: Crowd[str, str] = Crowd(together)
    await asyncio.gather(*(crowd.ask(asked[0], asked) for asked in ("a1", "a2", "b1", "a3", "c1", "b2")))
    assert batches == [["a1", "b1", "c1"], ["a2", "b2"], ["a3"]]


async def test_a_row_no_plan_foresaw_costs_its_owner_and_nobody_else(portal: Portal) -> None:
    """A live item that no booking explains: the database refuses that one row, and so the batch it came in."""
    slot, people = await make_slot(30), await make_residents(20)
    odd = await commands.book_alone(people[7], slot.id, visit(CARD), idempotency_key=new_key())
    await db.rows("UPDATE booking SET booked_at = booked_at - interval '3 years' WHERE id = $1", odd.id)
    with pytest.raises(IntegrityError):
        await book_together([await attempt(who, slot) for who in people])
    assert await places_taken(slot) == (1, 1)

    answers = await at_once(*(book(who, slot) for who in people))

    assert words(answers) == {"Booking": 19, "AlreadyBooked": 1}
    assert isinstance(answers[7], AlreadyBooked)
    assert await places_taken(slot) == (20, 20)


async def sold_out_slot() -> tuple[Slot, Actor, Booking]:
    """One place, taken; and this process has heard the database say no."""
    slot, [holder, late] = await make_slot(1, hours_ahead=60), await make_residents(2)
    held = await book(holder, slot)
    with pytest.raises(SlotFull):
        await book(late, slot)
    return slot, holder, held


async def test_what_is_sold_out_is_refused_without_asking_for_a_place_again(portal: Portal) -> None:
    """The same words, the same alternatives; and the database, which has a place again, is not asked."""
    slot, _, _ = await sold_out_slot()
    await db.rows("UPDATE slot SET capacity = 2 WHERE id = $1", slot.id)
    [who] = await make_residents(1)
    async with nothing_moves():
        with pytest.raises(SlotFull) as refused:
            await book(who, slot)
    assert refused.value.alternatives
    assert "最近可约" in refused.value.sentence("zh")


async def test_a_place_another_process_frees_is_found_within_a_second(portal: Portal) -> None:
    slot, _, _ = await sold_out_slot()
    await db.rows("UPDATE slot SET capacity = 2 WHERE id = $1", slot.id)
    [who], freed = await make_residents(1), time.monotonic()
    while True:
        try:
            await book(who, slot)
            break
        except SlotFull:
            await asyncio.sleep(0.01)
    assert time.monotonic() - freed < 1.0
    assert LIFE_SECONDS <= 0.5
    assert await places_taken(slot) == (2, 2)


async def test_a_place_this_process_frees_is_free_at_once(portal: Portal) -> None:
    slot, holder, held = await sold_out_slot()
    await commands.cancel(holder, held.id)
    [who] = await make_residents(1)
    assert (await book(who, slot)).state is BookingState.BOOKED


async def test_who_has_the_place_is_answered_though_it_is_sold_out(portal: Portal) -> None:
    """A phone that repeats its request under the same key hears of its booking, also all at once."""
    slot, [holder, late], key = await make_slot(1), await make_residents(2), new_key()
    held = await book(holder, slot, key=key)
    with pytest.raises(SlotFull):
        await book(late, slot)
    assert sold_out.refuses((await attempt(late, slot)).ask)
    again = await asyncio.gather(*(book(holder, slot, key=key) for _ in range(5)))
    assert {each.id for each in again} == {held.id}
    with pytest.raises(IdempotencyKeyReused):
        await commands.book(holder, slot.id, visit(CARD), party=1, address_id=db.new_id(), idempotency_key=key)


async def test_memory_speaks_only_of_what_was_asked(portal: Portal) -> None:
    """Two places left: a family of three is refused, somebody alone is not."""
    slot, [holder, family, alone] = await make_slot(3), await make_residents(3)
    await book(holder, slot)
    with pytest.raises(SlotFull):
        await commands.book(family, slot.id, visit(CARD), party=3, idempotency_key=new_key())
    assert (await book(alone, slot)).party == 1


async def test_a_booking_inside_another_transaction_is_part_of_it(portal: Portal) -> None:
    slot, [who] = await make_slot(1), await make_residents(1)

    async def book_and_fail() -> None:
        async with db.transaction():
            await book(who, slot)
            raise Poisoned

    with pytest.raises(Poisoned):
        await book_and_fail()
    assert await places_taken(slot) == (0, 0)
