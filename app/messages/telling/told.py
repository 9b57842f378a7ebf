"""Without this module each fact would write moments and amounts in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.catalogue.queries import items_in_force, service_points_by_key
from app.kernel.clock import local
from app.kernel.money import Fen, yuan
from app.links.things import Thing
from app.links.tickets import link_values

Words = tuple[str, str]
"""A value in Chinese and English."""


@dataclass(frozen=True)
class Elsewhere:
    """What is shown on a page it shares with others: no link leads to it alone."""

    subject: str
    page: str


@dataclass(frozen=True)
class Told:
    """What one resident is told because of a fact.

    `once` names what is told only once among messages of one kind, also when accounts are joined meanwhile. Beyond
    `useless_after` it is not worth sending any more. `at_once`: it is for this moment, whatever its rule says of it.
    """

    resident_id: UUID
    about: Thing | Elsewhere
    once: str
    values: Mapping[str, Words]
    useless_after: datetime | None = None
    at_once: bool = False

    def every_value(self) -> dict[str, Words]:
        """With the link, of whatever has one."""
        if not isinstance(self.about, Thing):
            return dict(self.values)
        return {**self.values, **{name: alike(text) for name, text in link_values(self.about).items()}}


def alike(text: str) -> Words:
    """A value that has no language: a number, or words nobody translated."""
    return text, text


def moment(at: datetime) -> Words:
    """As the hall's clock shows it, in forms that typed templates take for a time."""
    shown = local(at)
    return f"{shown.year}年{shown.month}月{shown.day}日 {shown:%H:%M}", f"{shown:%Y-%m-%d %H:%M}"


def amount(fen: int) -> Words:
    return f"{yuan(Fen(fen))}元", f"¥{yuan(Fen(fen))}"


async def item_words(key: str) -> Words:
    """What an item is called; its key when it is no longer in force."""
    [item] = await items_in_force([key])
    return (item.name_zh, item.name_en or item.name_zh) if item else alike(key)


async def place_words(key: str) -> Words:
    """What a service point is called."""
    [place] = await service_points_by_key([key])
    return (place.name_zh, place.name_en or place.name_zh) if place else alike(key)
