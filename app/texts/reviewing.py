"""Without this module what a platform doubted would stay in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.queryset import QuerySet

from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import unseal
from app.texts.models import TextCheck
from app.texts.rules import TextStanding


@dataclass(frozen=True)
class TextPage:
    texts: Sequence[TextCheck]
    has_more: bool


async def texts_to_review(actor: Actor, *, limit: int, after: UUID | None) -> TextPage:
    """What waits for a person in the part of the city a manager works for, oldest first; each look is audited.

    Raises `NotAllowed`.
    """
    waiting = _at_work(actor).filter(standing=TextStanding.REVIEW, text_sealed__isnull=False)
    if after is not None:
        waiting = waiting.filter(id__gt=after)
    found = await waiting.order_by("id").limit(limit + 1)
    await audit.record_each(actor, "text.listed", [(f"text:{one.id}", one.resident_id) for one in found[:limit]])
    return TextPage(found[:limit], has_more=len(found) > limit)


async def review_text(actor: Actor, check_id: UUID, *, approve: bool) -> TextCheck:
    """Let a doubted text be read, or withhold it from everybody but who wrote it. The last word counts; the same again
    is harmless.

    Raises `NotAllowed`, or `NotFound` alike for none, for another unit's and for one nobody doubts.
    """
    standing = TextStanding.APPROVED if approve else TextStanding.WITHHELD
    doubted = (TextStanding.REVIEW, TextStanding.APPROVED, TextStanding.WITHHELD)
    async with db.transaction():
        one = await _at_work(actor).filter(id=check_id, standing__in=doubted).select_for_update().first()
        if one is None:
            raise NotFound(what_zh="这段文字", what_en="text")
        if one.standing is not standing:
            one.standing, one.text_sealed = standing, None
            one.decided_by_id, one.decided_at = actor.staff_id(), clock.now()
            await one.save(update_fields=["standing", "text_sealed", "decided_by_id", "decided_at"])
            await audit.record(actor, "text.reviewed", f"text:{one.id}", result=standing.value, person=one.resident_id)
    return one


def written(one: TextCheck) -> str | None:
    """The text itself, while it waits for a person."""
    return unseal(one.text_sealed) if one.text_sealed else None


def _at_work(actor: Actor) -> QuerySet[TextCheck]:
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    there = TextCheck.filter(division_code__startswith=actor.scope.division)
    return there.filter(department__in=["", actor.scope.department]) if actor.scope.department else there
