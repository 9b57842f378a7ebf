"""Without this module a resident who needs a higher level would be told to use a way that is switched off."""

from __future__ import annotations

from datetime import timedelta

from app.identity.capabilities import is_on, proof
from app.identity.models import IdentityProof, ProofState, Resident
from app.identity.ports import IdentityAuthority, IdentityProver
from app.identity.rules import STEP_UP_MINUTES, STRONG, Way, check_level, check_stepped_up
from app.kernel import clock, ports
from app.kernel.actor import Actor


def ways() -> list[Way]:
    """The ways to prove who one is that are switched on, the strongest first."""
    provers, authorities = ports.every(IdentityProver), ports.every(IdentityAuthority)
    found = [Way(code, way.name_zh, way.name_en, way.level, way.channel) for code, way in provers.items()]
    found += [Way(code, way.name_zh, way.name_en, way.level) for code, way in authorities.items()]
    live = [way for way in found if is_on(proof(way.code))]
    return sorted(live, key=lambda way: (-way.level, way.code))


async def require_level(actor: Actor, subject: Resident, required: int) -> None:
    """Raise `AssuranceTooLow`, naming the ways up, when who is acting has not proved enough.

    For an agent their own level counts: it is they who hold the phone. `subject` is the locked account.
    """
    level = subject.level
    if actor.principal is not None:
        level = (await Resident.get(id=actor.id)).level
    check_level(level, required, ways())


async def require_step_up(actor: Actor, required: int) -> None:
    """Raise `StepUpNeeded` unless this very session proved at least `required` within ten minutes.

    For what a borrowed phone must not be able to do. An account that never proved anything has nothing to
    repeat and is let through; one that was proved by a face needs a face, since the owner's name and number are
    known to many.
    """
    resident = await Resident.get(id=actor.own_id())
    if resident.level == 1:
        return
    required = max(required, min(resident.level, STRONG))
    since = clock.now() - timedelta(minutes=STEP_UP_MINUTES)
    proved = await IdentityProof.filter(
        session_id=actor.session_id, state=ProofState.PASSED, finished_at__gt=since, level__gte=required
    ).exists()
    check_stepped_up(proved, ways(), required)
