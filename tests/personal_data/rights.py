"""A resident over HTTP who has just shown their face: what they may ask, a borrowed phone may not."""

from __future__ import annotations

from app.identity.models import IdentityProof, ProofState, Session
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.privacy import seal
from tests.identity.accounts import caller_of
from tests.people import Caller
from tests.portal import Portal


async def stepped_up(portal: Portal, actor: Actor, language: str = "zh-CN") -> Caller:
    caller = await caller_of(portal, actor, language)
    session = await Session.filter(resident_id=actor.own_id()).order_by("-id").first()
    assert session is not None
    await prove_in(actor, session)
    return caller


async def proven_actor(actor: Actor) -> Actor:
    """The same resident in a session that has just been proved, for acts without HTTP."""
    now = clock.now()
    session = await Session.create(
        resident_id=actor.own_id(),
        channel="wechat",
        device="测试手机",
        refresh_hash=db.new_id().hex,
        created_at=now,
        refreshed_at=now,
        expires_at=now,
    )
    await prove_in(actor, session)
    return Actor(actor.kind, actor.id, session.id)


async def prove_in(actor: Actor, session: Session) -> None:
    now = clock.now()
    await IdentityProof.create(
        resident_id=actor.own_id(),
        method="wechat-face",
        reference=db.new_id().hex,
        open_id="open",
        session_id=session.id,
        level=4,
        name_sealed=seal("测试居民"),
        id_number_sealed=seal("110101199003070000"),
        state=ProofState.PASSED,
        started_at=now,
        finished_at=now,
        expires_at=now,
    )
