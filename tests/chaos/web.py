"""One web process of the chaos run: `python -m tests.chaos.web`, with its orders on standard input.

Clients book at random through the command layer, and now and then cancel, move, hold, confirm and let a hold expire.
What came of it is told a line at a time: how far it is, and at last everything.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import orjson

from app import wiring
from app.booking import commands, holds
from app.booking.models import Booking
from app.booking.visits import VisitItem
from app.kernel import clock
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import PleaseRetry, Refusal
from app.kernel.logging import configure_logging
from tests.cases.filing import CARD
from tests.people import new_key

T = TypeVar("T")

_FOR_CARD = [VisitItem(CARD)]
_STIRRED = 2_500
_STIR_EVERY_AT_LEAST = 40
"""One attempt in so many, and about so many in all, are followed by a cancellation, a move or a hold."""

_TELL_SECONDS = 0.5
_GIVE_UP_SECONDS = 120.0


@dataclass(frozen=True)
class Orders:
    slots: list[str]
    residents: list[str]
    attempts: int
    clients: int
    seed: int


@dataclass
class Tally:
    """`booked` are ids of bookings that somebody was promised; `unexplained` what nobody was told a reason for."""

    done: int = 0
    booked: set[UUID] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    stirred: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    unexplained: list[str] = field(default_factory=list)


class Web:
    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.tally = Tally()
        self.slots = [UUID(each) for each in orders.slots]
        self.people = [Actor(ActorKind.RESIDENT, UUID(each)) for each in orders.residents]
        self.stir_every = max(_STIR_EVERY_AT_LEAST, orders.attempts // _STIRRED)
        self.random = random.Random(orders.seed)  # noqa: S311 - chance, not a secret
        self.mine: list[tuple[Actor, UUID]] = []
        """Bookings this process has made and not yet touched again."""

    async def run(self) -> None:
        telling = asyncio.create_task(self._tell())
        await asyncio.gather(*(self._client() for _ in range(self.orders.clients)))
        telling.cancel()
        self._say(final=True)

    async def _client(self) -> None:
        while self.tally.done < self.orders.attempts:
            self.tally.done += 1
            await self._attempt()
            if self.random.randrange(self.stir_every) == 0:
                await self._stir()

    async def _attempt(self) -> None:
        """Some of them twice under one key: the phone did not hear the answer."""
        actor, slot, key = self.random.choice(self.people), self.random.choice(self.slots), new_key()

        async def book() -> Booking:
            return await commands.book(actor, slot, _FOR_CARD, idempotency_key=key)

        booking = await self._told(book)
        if booking is None:
            return
        self.tally.booked.add(booking.id)
        if self.random.randrange(10) == 0:
            again = await self._told(book)
            self.tally.doubled += again is not None and again.id != booking.id
        self.mine.append((actor, booking.id))

    async def _told(self, act: Callable[[], Awaitable[T]]) -> T | None:
        """What came of it, asking again while the database is away; None when it was refused with a reason."""
        give_up = time.monotonic() + _GIVE_UP_SECONDS
        while True:
            try:
                return await act()
            except PleaseRetry as retry:
                self.tally.retried += 1
                if time.monotonic() > give_up:
                    self.tally.unexplained.append(f"never answered: {retry.__cause__!r}")
                    return None
                await asyncio.sleep(0.05 + self.random.random() / 5)
            except Refusal as refusal:
                self.tally.refused[refusal.code] += 1
                if not (refusal.code and refusal.sentence("zh") and refusal.sentence("en")):
                    self.tally.unexplained.append(repr(refusal))
                return None
            except Exception as error:  # noqa: BLE001 - exactly what must not happen is counted
                self.tally.unexplained.append(repr(error))
                return None

    async def _stir(self) -> None:
        what = self.random.choice(["cancel", "cancel", "move", "hold", "expire"])
        self.tally.stirred[what] += 1
        if what in {"cancel", "move"}:
            if not self.mine:
                return
            actor, booking_id = self.mine.pop(self.random.randrange(len(self.mine)))
            await (self._cancel if what == "cancel" else self._move)(actor, booking_id)
        else:
            await self._hold(confirmed=what == "hold")

    async def _cancel(self, actor: Actor, booking_id: UUID) -> None:
        await self._told(lambda: commands.cancel(actor, booking_id))

    async def _move(self, actor: Actor, booking_id: UUID) -> None:
        slot, key = self.random.choice(self.slots), new_key()
        await self._told(lambda: commands.move(actor, booking_id, slot, idempotency_key=key))
        self.mine.append((actor, booking_id))

    async def _hold(self, *, confirmed: bool) -> None:
        actor, slot, key = self.random.choice(self.people), self.random.choice(self.slots), new_key()
        held = await self._told(lambda: holds.hold(actor, slot, _FOR_CARD, idempotency_key=key))
        if held is None:
            return
        self.tally.booked.add(held.id)
        if confirmed:
            await self._told(lambda: holds.confirm(actor, held.id))
            self.mine.append((actor, held.id))
            return
        with clock.standing_at(clock.now() + timedelta(hours=2)):
            await self._told(lambda: holds.expire(held.id))

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            self._say(final=False)

    def _say(self, *, final: bool) -> None:
        tally = self.tally
        said: dict[str, object] = {"final": final, "done": min(tally.done, self.orders.attempts)}
        if final:
            said |= {
                "booked": [str(each) for each in tally.booked],
                "refused": tally.refused,
                "retried": tally.retried,
                "stirred": tally.stirred,
                "doubled": tally.doubled,
                "unexplained": tally.unexplained,
            }
        print(orjson.dumps(said).decode(), flush=True)  # noqa: T201 - spoken to the parent


async def main() -> None:
    configure_logging("json", "chaos")
    logging.getLogger().setLevel(logging.ERROR)
    orders = Orders(**orjson.loads(sys.stdin.buffer.readline()))
    async with wiring.connected():
        await Web(orders).run()


if __name__ == "__main__":
    asyncio.run(main())
