"""Without this module the release minute would be a race of machines.

People enter from some minutes before the release on, are drawn by lot at the release and called at a steady rate;
until the rush is over a turn is needed to book. Redis only keeps who is here: when it is lost, everybody may book as
at any other time, and the slot's own row still decides.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.booking.errors import ChallengeNeeded, NoWaitingRoom, RoomNotOpen, TurnNeeded, TurnNotYet
from app.booking.models import Slot
from app.booking.policies import policy_of
from app.booking.policy import Policy
from app.booking.queries import slot_by_id
from app.booking.room import gathering
from app.booking.room.challenge import check_solution, make_challenge
from app.booking.room.draw import SEED_TOLD_AFTER, Room, commitment, likely_number, lot
from app.booking.room.turns import Ticket, check_pass, read_ticket
from app.booking.room.whereabouts import Place, place_of, place_of_everybody
from app.booking.rules import day_and_time
from app.booking.visits import Visit
from app.identity.assurance import require_level
from app.identity.queries import device_of, resident
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.logging import get_logger
from app.kernel.ratelimit import check_rate
from app.kernel.redis import RedisLost
from app.kernel.signing import secret_of

_log = get_logger(__name__)
_ENTER, _LOOK, _CHALLENGE = "20/minute", "60/minute", "10/minute"
_TRUSTED_SECONDS = 2.0
_REMEMBERED = 5_000


@dataclass(frozen=True)
class Draw:
    """What anybody may know of a draw: the commitment at once, the seed when it can no longer be of use."""

    room: Room
    commitment: str
    seed: str | None


class _Furthest:
    """Behind which number everybody is that this process has seen: late ones stay behind, also if Redis forgot."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, room: Room) -> int:
        return self._seen.get(room.key, 0)

    def note(self, room: Room, number: int) -> None:
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        self._seen[room.key] = max(number, self.of(room))


class _Releases:
    """When slots are released, as it was within the last two seconds."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[float, datetime | None]] = {}

    async def of(self, slot_id: UUID) -> datetime | None:
        at, known = self._seen.get(slot_id, (float("-inf"), None))
        if time.monotonic() - at < _TRUSTED_SECONDS:
            return known
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        opens_at = (await slot_by_id(slot_id)).opens_at
        self._seen[slot_id] = (time.monotonic(), opens_at)
        return opens_at


_furthest, _releases = _Furthest(), _Releases()


def _seed(room: Room) -> bytes:
    return secret_of("waiting-draw", room.key.encode())


async def draw_of(slot_id: UUID) -> Draw:
    """The waiting room of a slot, past or to come. Raises `NotFound`, or `NoWaitingRoom` for one without."""
    room, _ = await _room(await slot_by_id(slot_id))
    seed = _seed(room)
    told = clock.now() >= room.release + SEED_TOLD_AFTER
    return Draw(room, commitment(seed), seed.hex() if told else None)


async def _room(slot: Slot) -> tuple[Room, Policy]:
    policy = await policy_of(slot.service_point_id, slot.category)
    if not policy.waiting_room or slot.opens_at is None:
        raise NoWaitingRoom(field="slotId")
    return Room.of(slot.service_point_id, slot.category, slot.opens_at, policy), policy


async def _open_room(slot_id: UUID) -> tuple[Room, Policy]:
    room, policy = await _room(await slot_by_id(slot_id))
    now = clock.now()
    if now < room.gathers_from:
        at = room.gathers_from
        raise RoomNotOpen(field="slotId", when_zh=day_and_time(at, "zh"), when_en=day_and_time(at, "en"))
    if now >= room.until:
        raise NoWaitingRoom(field="slotId")
    return room, policy


async def challenge_for(actor: Actor, slot_id: UUID) -> tuple[str, datetime]:
    """Work to do before entering, and until when (UTC). Raises as `enter` does for a room that is not open."""
    await check_rate(_CHALLENGE, "waiting.challenge", str(actor.resident_id()))
    room, _ = await _open_room(slot_id)
    return make_challenge(room, actor.resident_id(), clock.now())


async def enter(actor: Actor, slot_id: UUID, solution: str | None = None) -> Place:
    """Take one's place in the waiting room of a slot; again is harmless and changes nothing.

    One place for each person, whoever acts for them. Raises `NotFound`, `NoWaitingRoom`, `RoomNotOpen`,
    `AssuranceTooLow`, `TooManyRequests`, `TooManyOnDevice`, and in a rush `ChallengeNeeded` and `ChallengeWrong`.
    """
    who = actor.resident_id()
    await check_rate(_ENTER, "waiting.enter", str(who))
    room, policy = await _open_room(slot_id)
    await require_level(actor, await resident(who), policy.min_level)
    now, device = clock.now(), await _device(actor)
    ticket = Ticket(room.service_point, room.category, room.release, who)
    behind = max(room.admitted(now), _furthest.of(room))
    try:
        if await gathering.number_of(room, who) is None:
            await _check_work(room, policy, who, solution, now)
        drawn = lot(_seed(room), who) if room.is_gathering(now) else None
        number = await gathering.join(room, who, device, drawn=drawn, behind=behind)
        return await _told(ticket if room.is_gathering(now) else replace(ticket, number=number), room, now)
    except RedisLost:
        lost = replace(ticket, people=behind) if room.is_gathering(now) else replace(ticket, number=behind)
        return await _nobody_waits(lost, room, now)


async def _check_work(room: Room, policy: Policy, who: UUID, solution: str | None, now: datetime) -> None:
    entering = await gathering.entering(room, now)
    if solution is not None:
        await check_solution(solution, room, who, now, gathering.spend)
    elif entering > policy.challenge_above:
        raise ChallengeNeeded(field="solution")


async def _device(actor: Actor) -> str:
    """What counts as one device: a user of a host app, who stays the same when the account is opened anew.

    Without one it is the session. Nothing the caller makes up is asked: it would bind only the honest.
    """
    found = await device_of(actor)
    name = f"{found.channel}/{found.app_id}/{found.open_id}" if found else f"session/{actor.session_id or actor.id}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]


async def look(actor: Actor, text: str) -> Place:
    """Where the holder of a ticket is now, and the pass when their turn has come.

    Raises `TurnInvalid` (forged, somebody else's), `NoWaitingRoom` (the rush is over), `TooManyRequests`.
    """
    who = actor.resident_id()
    ticket = read_ticket(text, who)
    await check_rate(_LOOK, "waiting.look", str(who))
    policy, now = await policy_of(ticket.service_point, ticket.category), clock.now()
    room = Room.of(ticket.service_point, ticket.category, ticket.release, policy)
    if not policy.waiting_room or now >= room.until:
        raise NoWaitingRoom(field="ticket")
    try:
        return await _told(replace(ticket, number=await _number(ticket, room, now)), room, now)
    except RedisLost:
        return await _nobody_waits(ticket, room, now)


async def _number(ticket: Ticket, room: Room, now: datetime) -> int | None:
    """The final number; None before the draw. The ticket is proof enough for who is no longer known."""
    drawn = lot(_seed(room), ticket.resident_id)
    if room.is_gathering(now):
        await gathering.gather_again(room, ticket.resident_id, drawn)
        return None
    if ticket.number is not None:
        return ticket.number
    known = await gathering.number_of(room, ticket.resident_id)
    return likely_number(drawn, max(ticket.people, _furthest.of(room))) if known is None else known


async def _told(ticket: Ticket, room: Room, now: datetime) -> Place:
    people = await gathering.people_waiting(room, now)
    if ticket.number is None:
        ticket = replace(ticket, people=max(ticket.people, people))
    _furthest.note(room, max(ticket.people, room.admitted(now) + people if people else 0))
    return await place_of(ticket, room, people, now)


async def _nobody_waits(ticket: Ticket, room: Room, now: datetime) -> Place:
    _log.warning("waiting room without Redis", room=room.key)
    return await place_of_everybody(ticket, room, now)


async def check_turn(actor: Actor, visit: Visit, turn: str | None) -> None:
    """Raise `TurnNeeded`, `TurnNotYet` or `TurnInvalid` for a visit in the rush of a release without one's turn.

    A pass is read without asking anybody. Who shows none is looked for in the room, and let through when their turn
    has come, or when Redis is lost.
    """
    if not visit.policy.waiting_room:
        return
    release, now, who = await _releases.of(visit.run[0]), clock.now(), actor.resident_id()
    if release is None:
        return
    room = Room.of(visit.service_point, visit.category, release, visit.policy)
    if not room.needs_turn(now):
        return
    if turn is not None:
        check_pass(turn, room, who, now)
        return
    try:
        number = await gathering.number_of(room, who)
    except RedisLost:
        _log.warning("booking without a turn: Redis is lost", room=room.key)
        return
    if number is None:
        raise TurnNeeded(field="turn")
    ahead = number - room.admitted(now)
    if ahead >= 0:
        wait = -(-(room.turn_at(number) - now) // timedelta(seconds=1))
        raise TurnNotYet(field="turn", ahead=ahead, retry_after_seconds=wait)
