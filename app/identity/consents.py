"""Without this module sensitive data would be taken from people who never agreed, or had thought better of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.identity.errors import ConsentNeeded, ConsentNotAsked, NoticeOutdated
from app.identity.models import Consent, Resident
from app.identity.privacy_notice import PURPOSES, Purpose, needs_consent, notice_on, still_holds
from app.identity.queries import locked_resident
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound


async def check_given(resident_id: UUID, purpose: Purpose) -> None:
    """Raise `ConsentNeeded` unless the resident agrees to `purpose` by what the notice says of it now.

    A plain read: where the consent must still hold at the write, ask again with the resident locked.
    """
    consent = await Consent.get_or_none(resident_id=resident_id, purpose=purpose, withdrawn_at=None)
    if consent is None or not still_holds(purpose, consent.version, clock.today()):
        words = PURPOSES[purpose]
        raise ConsentNeeded(
            purpose_zh=words.name_zh,
            purpose_en=words.name_en,
            version=notice_on(clock.today()).version,
            ways=[purpose],
        )


async def give(actor: Actor, purpose: Purpose, version: str) -> Consent:
    """Agree to a purpose under the version in force; again is harmless, and an older consent gives way.

    Raises `ConsentNotAsked` for what rests on a duty and `NoticeOutdated` for any other version.
    """
    if not needs_consent(purpose):
        raise ConsentNotAsked(purpose_zh=PURPOSES[purpose].name_zh, purpose_en=PURPOSES[purpose].name_en)
    current = notice_on(clock.today()).version
    if version != current:
        raise NoticeOutdated(field="version", version=current)
    resident_id = actor.own_id()
    async with db.transaction():
        await locked_resident(resident_id)
        earlier = await Consent.get_or_none(resident_id=resident_id, purpose=purpose, withdrawn_at=None)
        if earlier is not None and earlier.version == version:
            return earlier
        now = clock.now()
        if earlier is not None:
            earlier.withdrawn_at = now
            await earlier.save(update_fields=["withdrawn_at"])
        consent = await Consent.create(resident_id=resident_id, purpose=purpose, version=version, given_at=now)
        await _note(actor, "consent.given", consent)
    return consent


async def withdraw(actor: Actor, purpose: Purpose) -> Consent:
    """Take a consent back; again is harmless. What was kept on it alone is deleted with it (个人信息保护法 47).

    Raises `NotFound` when the resident never agreed to it.
    """
    resident_id = actor.own_id()
    async with db.transaction():
        await locked_resident(resident_id)
        given = Consent.filter(resident_id=resident_id, purpose=purpose)
        consent = await given.filter(withdrawn_at=None).first() or await given.order_by("-withdrawn_at").first()
        if consent is None:
            raise NotFound(what_zh="这项同意", what_en="consent")
        if consent.withdrawn_at is not None:
            return consent
        consent.withdrawn_at = clock.now()
        await consent.save(update_fields=["withdrawn_at"])
        if purpose is Purpose.PHONE:
            await Resident.filter(id=resident_id).update(phone_sealed=None, phone_index=None)
        await _note(actor, "consent.withdrawn", consent)
    return consent


async def _note(actor: Actor, act: str, consent: Consent) -> None:
    detail = {"purpose": consent.purpose, "version": consent.version}
    await audit.record(actor, act, f"resident:{consent.resident_id}", detail=detail)


@dataclass(frozen=True)
class ConsentPage:
    consents: list[Consent]
    has_more: bool


async def history(actor: Actor, *, limit: int, before: UUID | None) -> ConsentPage:
    """Every consent the resident ever gave, newest first."""
    given = Consent.filter(resident_id=actor.own_id())
    if before is not None:
        given = given.filter(id__lt=before)
    found = await given.order_by("-id").limit(limit + 1)
    return ConsentPage(found[:limit], has_more=len(found) > limit)
