"""A worker that dies when somebody outside has done what it asked, and before that is written down; run as a program:
`killed_worker.py ACT PROVIDER ID`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from app import wiring
from app.delivery.couriers import see_to_order
from app.delivery.ports import CarrierOrders, ParcelTracker
from app.delivery.watching import watch
from app.fulfilment.ports import FulfilmentRegister
from app.fulfilment.tasks import tell_platform
from app.kernel import ports


async def tell(payment_id: UUID) -> None:
    await tell_platform.work(payment_id=str(payment_id))


ACTS: dict[str, tuple[type[Any], Callable[[UUID], Awaitable[None]]]] = {
    "place": (CarrierOrders, see_to_order),
    "cancel": (CarrierOrders, see_to_order),
    "subscribe": (ParcelTracker, watch),
    "tell": (FulfilmentRegister, tell),
}
"""What is asked of whom, and the work in which that happens."""


class Deadly:
    """An adapter, with the end of the process behind one of its calls."""

    def __init__(self, adapter: Any, fatal: str) -> None:
        self._adapter = adapter
        self._fatal = fatal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        return self._and_die(found) if name == self._fatal else found

    def _and_die(self, call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[None]]:
        async def call_and_die(*given: object) -> None:
            await call(*given)
            os.kill(os.getpid(), signal.SIGKILL)

        return call_and_die


async def main(act: str, provider: str, about: str) -> None:
    port, work = ACTS[act]
    async with wiring.connected():
        ports.register(port, provider, Deadly(ports.get(port, provider), act))
        await work(UUID(about))


asyncio.run(main(*sys.argv[1:]))
