"""Without this module pushes would not know whom to reach: the subscriptions that exist and how they ended."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World


@dataclass(frozen=True)
class Subscription:
    """`level` is resultv2. A subscription that has ended is still told about later scans: parcels do that."""

    number: str
    carrier: str
    callback_url: str
    salt: str
    phone: str
    level: str
    since: float
    is_watching: bool = True
    aborted: float = 0.0

    @property
    def address(self) -> str:
        return f"{self.carrier} {self.number} {self.callback_url}"


def subscriptions(world: World) -> Shelf[Subscription]:
    return Shelf(world.records, "subscriptions", Subscription, keep=20000)


def watchers(world: World, number: str) -> list[Subscription]:
    return [known for known in subscriptions(world).every() if known.number == number]
