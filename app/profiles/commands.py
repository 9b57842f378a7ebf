"""Without this module residents could neither keep an address nor say how they want to be told things.

All of it is personal: nobody writes in another's address book, not even with a mandate.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from app.identity.queries import locked_resident, recent_sessions
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.kernel.privacy import seal
from app.profiles.errors import AddressBookFull
from app.profiles.models import PostalAddress, Preferences
from app.profiles.queries import Liking, entry_of, preferences_of, provinces_here
from app.profiles.rules import MOST_ADDRESSES, Address, Language, NoticeKind, check_address, check_muted

_LONGEST_LABEL = 20


async def add_address(actor: Actor, address: Address, label: str, *, preferred: bool) -> PostalAddress:
    """Keep an address; the first one is the preferred one. Raises `AddressInvalid` or `AddressBookFull`."""
    given, label = check_address(address, provinces_here()), _label(label)
    resident_id = actor.own_id()
    async with db.transaction():
        await locked_resident(resident_id)
        kept = await PostalAddress.filter(resident_id=resident_id).count()
        if kept >= MOST_ADDRESSES:
            raise AddressBookFull(most=MOST_ADDRESSES)
        if preferred:
            await _prefer_none(resident_id)
        entry = PostalAddress(
            resident_id=resident_id, preferred=preferred or kept == 0, label=label, created_at=clock.now()
        )
        _write(entry, given)
        await entry.save(force_create=True)
        await audit.record(actor, "address.added", f"address:{entry.id}")
    return entry


async def change_address(actor: Actor, address_id: UUID, address: Address, label: str) -> PostalAddress:
    """Replace an entry; cases keep the address they were filed with. Raises `AddressInvalid` or `NotFound`."""
    given, label = check_address(address, provinces_here()), _label(label)
    async with db.transaction():
        entry = await _locked_entry(actor, address_id)
        entry.label = label
        _write(entry, given)
        await entry.save()
        await audit.record(actor, "address.changed", f"address:{entry.id}")
    return entry


async def prefer_address(actor: Actor, address_id: UUID) -> PostalAddress:
    """Make an entry the one that is offered first; again is harmless. Raises `NotFound`."""
    async with db.transaction():
        entry = await _locked_entry(actor, address_id)
        if not entry.preferred:
            await _prefer_none(entry.resident_id)
            entry.preferred = True
            await entry.save(update_fields=["preferred"])
            await audit.record(actor, "address.preferred", f"address:{entry.id}")
    return entry


async def remove_address(actor: Actor, address_id: UUID) -> UUID:
    """Forget an entry; without the preferred one none is preferred. Raises `NotFound`."""
    async with db.transaction():
        entry = await _locked_entry(actor, address_id)
        await entry.delete()
        await audit.record(actor, "address.removed", f"address:{address_id}")
    return address_id


async def set_preferences(
    actor: Actor,
    *,
    language: Language | None = None,
    large_type: bool | None = None,
    muted: Collection[NoticeKind] | None = None,
) -> Liking:
    """Change what is given and leave the rest. Raises `NoticeNotMutable`."""
    resident_id = actor.own_id()
    silenced = None if muted is None else check_muted(muted)
    async with db.transaction():
        resident = await locked_resident(resident_id)
        if language is not None:
            resident.language = language
            await resident.save(update_fields=["language"])
        chosen = await Preferences.get_or_none(resident_id=resident_id) or Preferences(
            resident_id=resident_id, muted=[], changed_at=clock.now()
        )
        chosen.large_type = chosen.large_type if large_type is None else large_type
        chosen.muted = chosen.muted if silenced is None else silenced
        chosen.changed_at = clock.now()
        await chosen.save()
        await audit.record(actor, "preferences.changed", f"resident:{resident_id}")
        liking = await preferences_of(resident_id)
    recent_sessions.forget_account(resident_id)  # they remember the language
    return liking


async def _locked_entry(actor: Actor, address_id: UUID) -> PostalAddress:
    """The resident is locked, and with them the whole book."""
    resident_id = actor.own_id()
    await locked_resident(resident_id)
    return await entry_of(resident_id, address_id)


async def _prefer_none(resident_id: UUID) -> None:
    await PostalAddress.filter(resident_id=resident_id, preferred=True).update(preferred=False)


def _write(entry: PostalAddress, address: Address) -> None:
    entry.receiver_sealed, entry.phone_sealed = seal(address.receiver), seal(address.phone)
    entry.division_code, entry.detail_sealed = address.division_code, seal(address.detail)
    entry.changed_at = clock.now()


def _label(text: str) -> str:
    label = " ".join(text.split())
    if len(label) > _LONGEST_LABEL or not label.isprintable():
        raise InvalidInput(field="label", reason_zh="地址名称最多20个字", reason_en="a label has at most 20 characters")
    return label
