"""Without this module nobody could leave (个人信息保护法 47).

Every domain is asked first and answers with reasons. A dry run is the real thing, undone: what it tells is what
would happen, and there is no second list of deletions to keep in step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from app.identity import capabilities
from app.identity.assurance import require_step_up
from app.identity.errors import AccountEnded
from app.identity.events import AccountClosed
from app.identity.holdings import in_order_of_locks
from app.identity.models import Resident
from app.identity.ports import Kind, Reason
from app.identity.queries import recent_sessions
from app.identity.rules import Level
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.facts.publishing import publish
from app.kernel.ratelimit import check_rate


@dataclass(frozen=True)
class Outcome:
    """What became, or would become, of one kind of data, and of how many pieces of it."""

    domain: str
    kind: str
    words: Kind
    count: int


@dataclass(frozen=True)
class Closing:
    """Reasons why an account stays, or else what closing it does."""

    closed: bool
    reasons: tuple[Reason, ...] = ()
    outcomes: tuple[Outcome, ...] = field(default=())


class _OnlyAsked(Exception):
    """Undoes a dry run."""

    def __init__(self, outcomes: tuple[Outcome, ...]) -> None:
        super().__init__()
        self.outcomes = outcomes


async def close_account(actor: Actor, *, dry_run: bool) -> Closing:
    """Close the resident's own account, or say what stands in the way or would happen; again is harmless.

    The real run needs a proof of this very session. Raises `SwitchedOff`, `ActingForAnother`, `StepUpNeeded`,
    `AccountEnded` (joined with another) or `TooManyRequests`.
    """
    capabilities.check_on(capabilities.ACCOUNT_CLOSING)
    resident_id = actor.own_id()
    await check_rate("20/hour", "closing", str(resident_id))
    if not dry_run:
        await require_step_up(actor, Level.L2)
    try:
        closing = await _close_or_undo(actor, resident_id, dry_run=dry_run)
    except _OnlyAsked as asked:
        return Closing(closed=False, outcomes=asked.outcomes)
    if closing.closed:
        recent_sessions.forget_account(resident_id)
    return closing


async def _close_or_undo(actor: Actor, resident_id: UUID, *, dry_run: bool) -> Closing:
    async with db.transaction():
        closing = await _close(actor, resident_id)
        if dry_run and closing.outcomes:
            raise _OnlyAsked(closing.outcomes)
    return closing


async def _close(actor: Actor, resident_id: UUID) -> Closing:
    # Whoever applies, books, pays or signs in waits here, or we wait for them and see what they did.
    resident = await Resident.select_for_update(no_key=True).get(id=resident_id)
    if resident.merged_into_id is not None:
        raise AccountEnded
    if resident.closed_at is not None:
        return Closing(closed=True)
    reasons = await reasons_to_stay(resident_id)
    if reasons:
        return Closing(closed=False, reasons=reasons)
    outcomes: list[Outcome] = []
    # The account itself comes last: by its identity number the others find what is theirs.
    for domain, held in sorted(in_order_of_locks(), key=lambda entry: entry[0] == "identity"):
        counts = await held.forget(resident_id)
        outcomes += [Outcome(domain, kind, held.kinds[kind], count) for kind, count in counts.items()]
    await Resident.filter(id=resident_id).update(closed_at=clock.now())
    told = {f"{outcome.domain}.{outcome.kind}": outcome.count for outcome in outcomes if outcome.count}
    await audit.record(actor, "identity.account_closed", f"resident:{resident_id}", detail=told)
    await publish(AccountClosed(resident_id))
    return Closing(closed=True, outcomes=tuple(outcomes))


async def reasons_to_stay(resident_id: UUID) -> tuple[Reason, ...]:
    """What each domain says stands in the way, in the written order of locks."""
    return tuple([reason for _, held in in_order_of_locks() for reason in await held.reasons_to_stay(resident_id)])
