"""Without this module a crowd would be let in one by one, each with a lock and a commit of their own.

One transaction for many attempts, each with an answer of its own: the steps of `commands.book_alone` in the same
order of locks, every step for all who are still standing. Who falls harms nobody. ADR 19.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.booking import places
from app.booking.admission import check_history
from app.booking.crowd import ALONE, Alone
from app.booking.events import SlotBooked
from app.booking.histories import histories_of
from app.booking.inserting import insert_each
from app.booking.models import Booking
from app.booking.places import Lack, Room
from app.booking.planning import check_case
from app.booking.sold_out import Ask, sold_out
from app.booking.visits import Visit
from app.cases.commands import record_visits
from app.cases.queries import case_missing, cases_of_each
from app.identity.assurance import ways
from app.identity.rules import check_level
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import Refusal
from app.kernel.facts.publishing import publish_each
from app.kernel.inbox.requests import Claim, Wanted, claim_each, earlier_answers, unclaim
from app.representation.queries import locked_subjects


@dataclass(frozen=True)
class Repeat:
    """It was done before: the booking that came out."""

    booking_id: UUID


Answer = Booking | Repeat | Lack | Refusal | Alone


@dataclass(eq=False)
class Attempt:
    """What one resident asks for, with the moment and the request they ask in."""

    actor: Actor
    visit: Visit
    wanted: Wanted
    now: datetime
    request_id: str | None
    id: UUID = field(default_factory=db.new_id)
    """Of the booking, when it comes to one."""

    claim: Claim | None = None
    answer: Answer = ALONE

    @property
    def ask(self) -> Ask:
        return Ask(self.visit.run[0], self.visit.item_keys, self.visit.party)


async def book_together(attempts: Sequence[Attempt]) -> list[Answer]:
    """The answer to each attempt, in their order: places are dealt to who came first.

    All of them by different residents. Raises what the database raises; then nothing of it was done.
    """
    begun = time.monotonic()
    with clock.standing_at(min(attempt.now for attempt in attempts)):
        async with db.transaction():
            standing = await _claimed(await _where_there_is_room(attempts))
            claims = [attempt for attempt in standing if attempt.claim is not None]
            standing = await _who_may(standing)
            standing = await _with_good_cases(standing)
            booked = await _dealt(standing)
            await _write(booked)
            await unclaim([attempt.claim for attempt in claims if attempt.claim and attempt not in booked])
    for attempt in attempts:
        if attempt.answer is Lack.FULL:
            sold_out.remember(attempt.ask, attempt.visit.run, begun)
    return [attempt.answer for attempt in attempts]


def _slots(attempts: Iterable[Attempt]) -> set[UUID]:
    return {slot for attempt in attempts for slot in attempt.visit.run}


def _standing(attempts: Sequence[Attempt], answers: Sequence[Answer | None]) -> list[Attempt]:
    """Who has no answer yet; the others are told theirs."""
    standing = []
    for attempt, answer in zip(attempts, answers, strict=True):
        if answer is None:
            standing.append(attempt)
        else:
            attempt.answer = answer
    return standing


def _lack(attempt: Attempt, rooms: dict[UUID, Room]) -> Lack | Alone | None:
    for slot in attempt.visit.run:
        room = rooms.get(slot)
        if room is None:  # laid out anew since it was looked at
            return ALONE
        lack = room.lack(attempt.visit.party, attempt.now)
        if lack is not None:
            return lack
    return None


async def _where_there_is_room(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Those whose slots have room at a glance: nobody is locked and written down only to hear that it is full.

    Keys are looked up after the slots: whoever took the last place under one of them is found.
    """
    rooms = await places.rooms(_slots(attempts), locked=False)
    lacks = [_lack(attempt, rooms) for attempt in attempts]
    lacking = [attempt for attempt, lack in zip(attempts, lacks, strict=True) if lack is not None]
    repeats = dict(zip(lacking, await earlier_answers([attempt.wanted for attempt in lacking]), strict=True))
    return _standing(
        attempts, [_as_answer(repeats.get(who)) or lack for who, lack in zip(attempts, lacks, strict=True)]
    )


def _as_answer(earlier: UUID | Refusal | None) -> Answer | None:
    return Repeat(earlier) if isinstance(earlier, UUID) else earlier


async def _claimed(attempts: Sequence[Attempt]) -> list[Attempt]:
    if not attempts:
        return []
    claims = await claim_each([attempt.wanted for attempt in attempts], [attempt.id for attempt in attempts])
    answers: list[Answer | None] = []
    for attempt, claim in zip(attempts, claims, strict=True):
        if isinstance(claim, Claim):
            attempt.claim = claim if claim.earlier is None else None
            answers.append(_as_answer(claim.earlier))
        else:
            answers.append(claim)
    return _standing(attempts, answers)


async def _who_may(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Those who may act, have proved enough and have not booked enough already; all accounts are locked."""
    if not attempts:
        return []
    levels = await locked_subjects([attempt.actor for attempt in attempts])
    histories = await histories_of([attempt.wanted.owner for attempt in attempts])
    answers: list[Answer | None] = []
    for attempt, level, history in zip(attempts, levels, histories, strict=True):
        try:
            if isinstance(level, Refusal):
                raise level
            if level < attempt.visit.policy.min_level:
                check_level(level, attempt.visit.policy.min_level, ways())
            check_history(attempt.visit, history, attempt.now)
        except Refusal as refusal:
            answers.append(refusal)
        else:
            answers.append(None)
    return _standing(attempts, answers)


async def _with_good_cases(attempts: Sequence[Attempt]) -> list[Attempt]:
    wanted = [(attempt, item) for attempt in attempts for item in attempt.visit.items if item.case_id is not None]
    asked = [(attempt.actor, item.case_id) for attempt, item in wanted if item.case_id is not None]
    refused: dict[Attempt, Answer] = {}
    for (attempt, item), case in zip(wanted, await cases_of_each(asked), strict=True):
        try:
            if case is None:
                raise case_missing()
            check_case(case, item)
        except Refusal as refusal:
            refused.setdefault(attempt, refusal)
    return _standing(attempts, [refused.get(attempt) for attempt in attempts])


async def _dealt(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Those who get places, in the order in which they came; the counters are moved."""
    if not attempts:
        return []
    rooms = await places.rooms(_slots(attempts), locked=True)
    dealt: Counter[UUID] = Counter()
    answers: list[Answer | None] = []
    for attempt in attempts:
        lack = _lack(attempt, rooms)
        answers.append(lack)
        for slot in attempt.visit.run if lack is None else ():
            rooms[slot].free -= attempt.visit.party
            dealt[slot] += attempt.visit.party
    if dealt:
        await places.take_each(dealt)
    return _standing(attempts, answers)


async def _write(booked: Sequence[Attempt]) -> None:
    if not booked:
        return
    made = await insert_each([(who.id, who.wanted.owner, who.visit, who.now) for who in booked])
    for attempt, booking in zip(booked, made, strict=True):
        attempt.answer = booking
    told = {item.case_id: who.visit.starts_at for who in booked for item in who.visit.items if item.case_id}
    await record_visits(told)
    await publish_each([(SlotBooked(who.id), who.request_id) for who in booked])
    await audit.record_all(
        [audit.Act(who.actor, "booking.made", f"booking:{who.id}", who.now, who.request_id) for who in booked]
    )
