"""Without this module a phone could only try again and again in the release minute."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.booking.room import room as waiting_room
from app.booking.room import whereabouts
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, lookup, mutation
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_uuid


@strawberry.type(
    description="候场区 · Where people wait for the slots of one business that are released at one moment."
    " Who is there before the release is drawn by lot: lot = first 48 bits of HMAC-SHA256(seed, id of the resident),"
    " the lowest comes first."
)
class WaitingRoom:
    gathers_from: datetime = strawberry.field(description="From when one can enter.")
    opens_at: datetime = strawberry.field(description="The release, and the draw.")
    until: datetime = strawberry.field(description="From when nobody needs a turn any more.")
    admitted_per_second: int
    commitment: str = strawberry.field(description="SHA-256 of the seed, in hexadecimal digits.")
    seed: str | None = strawberry.field(description="In hexadecimal digits; told a minute after the release.")

    @classmethod
    def of(cls, draw: waiting_room.Draw) -> WaitingRoom:
        return cls(
            gathers_from=draw.room.gathers_from,
            opens_at=draw.room.release,
            until=draw.room.until,
            admitted_per_second=draw.room.per_second,
            commitment=draw.commitment,
            seed=draw.seed,
        )


@strawberry.type(description="预计等候 · Between how many seconds the turn is to be expected.")
class WaitBand:
    from_seconds: int
    to_seconds: int

    @classmethod
    def of(cls, band: tuple[int, int] | None) -> WaitBand | None:
        return cls(from_seconds=band[0], to_seconds=band[1]) if band else None


@strawberry.type(
    description="候场位置 · One's place in a waiting room. When Redis is lost nobody waits: `people` is null."
)
class WaitingPlace:
    ticket: str = strawberry.field(description="Ask with the newest one: it knows what is final already.")
    opens_at: datetime
    people: int | None = strawberry.field(description="How many wait.")
    number: int | None = strawberry.field(description="How many are called before; null before the draw, then final.")
    ahead: int | None = strawberry.field(description="How many of them have not been called yet.")
    expected_wait: WaitBand | None
    turn_at: datetime | None = strawberry.field(description="When the turn comes; null before the draw.")
    sold_out: bool = strawberry.field(description="Whether nothing of this release is left at the moment.")
    ask_again_after_seconds: int = strawberry.field(description="When to ask again.")
    turn: str | None = strawberry.field(description="What to book with, as `turn`; null until the turn has come.")
    turn_ends_at: datetime | None

    @classmethod
    def of(cls, place: whereabouts.Place) -> WaitingPlace:
        return cls(
            ticket=place.ticket,
            opens_at=place.room.release,
            people=place.people,
            number=place.number,
            ahead=place.ahead,
            expected_wait=WaitBand.of(place.expected_wait),
            turn_at=place.turn_at,
            sold_out=place.sold_out,
            ask_again_after_seconds=place.ask_again_after,
            turn=place.turn,
            turn_ends_at=place.turn_ends_at,
        )


@strawberry.type(description="人机验证题 · Work that a machine pays for and a person does not notice (ALTCHA).")
class Challenge:
    challenge: str = strawberry.field(description="JSON, as ALTCHA's widgets and solvers take it (version 2).")
    ends_at: datetime


WaitingRoomResult = Annotated[WaitingRoom | Problem, strawberry.union("WaitingRoomResult")]
WaitingPlaceResult = Annotated[WaitingPlace | Problem, strawberry.union("WaitingPlaceResult")]
ChallengeResult = Annotated[Challenge | Problem, strawberry.union("ChallengeResult")]


@strawberry.type
class WaitingRoomQuery:
    @lookup(EVERYONE, "候场区 · The waiting room of a slot, and what is published of its draw.")
    async def waiting_room(self, slot_id: strawberry.ID) -> WaitingRoomResult:
        return WaitingRoom.of(await waiting_room.draw_of(as_uuid(slot_id)))

    @lookup(RESIDENTS, "我的候场位置 · Where the holder of a ticket is now, with a pass when their turn has come.")
    async def waiting_place(self, info: Info, ticket: str) -> WaitingPlaceResult:
        return WaitingPlace.of(await waiting_room.look(info.context.actor, ticket))

    @lookup(RESIDENTS, "人机验证 · Work to do before entering, when a rush asks for it (CHALLENGE_NEEDED).")
    async def waiting_room_challenge(self, info: Info, slot_id: strawberry.ID) -> ChallengeResult:
        text, ends_at = await waiting_room.challenge_for(info.context.actor, as_uuid(slot_id))
        return Challenge(challenge=text, ends_at=ends_at)


@strawberry.type
class WaitingRoomMutation:
    @mutation(
        RESIDENTS,
        "进入候场区 · Enter the waiting room of a slot; any time before the release is as good as any other.",
    )
    async def enter_waiting_room(
        self,
        info: Info,
        slot_id: strawberry.ID,
        solution: Annotated[
            str | None, strawberry.argument(description="Of the challenge: base64 of JSON, as the widgets give it.")
        ] = None,
    ) -> WaitingPlaceResult:
        return WaitingPlace.of(await waiting_room.enter(info.context.actor, as_uuid(slot_id), solution))
