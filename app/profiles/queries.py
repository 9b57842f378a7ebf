"""Without this module a resident's address book and preferences could only be written."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.identity.models import Resident
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import unseal
from app.kernel.settings import get_settings
from app.profiles.models import PostalAddress, Preferences
from app.profiles.rules import INVENTED, MOST_ADDRESSES, PROVINCES, Address, Language, NoticeKind

_LONGEST_LIST = 3 * MOST_ADDRESSES
"""Joined accounts bring their addresses along; nothing more is added until some are removed."""


def provinces_here() -> frozenset[str]:
    """First two digits of the division codes that are places here: outside production the seed's tree is one."""
    return frozenset(PROVINCES) | (frozenset() if get_settings().in_production else {INVENTED})


async def addresses_of(actor: Actor) -> list[PostalAddress]:
    """The address book of whose matter it is: an agent chooses among the principal's. The preferred one first."""
    book = PostalAddress.filter(resident_id=actor.resident_id())
    return await book.order_by("-preferred", "-id").limit(_LONGEST_LIST)


async def own_address(actor: Actor, address_id: UUID) -> PostalAddress:
    """An entry in full is for its owner only. Raises `NotFound` alike for none and for somebody else's."""
    return await entry_of(actor.own_id(), address_id)


async def entry_of(resident_id: UUID, address_id: UUID) -> PostalAddress:
    """Raises `NotFound` alike for none and for somebody else's."""
    entry = await PostalAddress.get_or_none(id=address_id, resident_id=resident_id)
    if entry is None:
        raise NotFound(what_zh="这个地址", what_en="address")
    return entry


def opened(entry: PostalAddress) -> Address:
    return Address(
        unseal(entry.receiver_sealed), unseal(entry.phone_sealed), entry.division_code, unseal(entry.detail_sealed)
    )


@dataclass(frozen=True)
class Liking:
    """How a resident wants to be shown and told things; `language` is None while they never said."""

    language: Language | None
    large_type: bool
    muted: frozenset[NoticeKind]


async def preferences_of(resident_id: UUID) -> Liking:
    """The defaults for who never chose: ordinary type, nothing muted."""
    resident = await Resident.get(id=resident_id)
    chosen = await Preferences.get_or_none(resident_id=resident_id)
    return Liking(
        Language(resident.language) if resident.language else None,
        large_type=chosen.large_type if chosen else False,
        muted=frozenset(NoticeKind(kind) for kind in chosen.muted) if chosen else frozenset(),
    )
