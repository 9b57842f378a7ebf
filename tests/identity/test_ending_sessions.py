"""Whoever ends or moves several sessions of an account locks them in the order of their keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from app.identity import bindings, sessions
from app.identity.closing import close_account
from app.identity.models import ChannelBinding, Session
from app.identity.personal_data import Holdings
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from tests.identity.accounts import make_resident
from tests.people import until
from tests.personal_data.rights import prove_in
from tests.portal import Portal

_WAITING = (
    "SELECT count(*) AS number FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def signed_in_often(resident: Actor) -> tuple[Actor, list[Session]]:
    """A resident with three sessions, in the order of their keys; the first was written last."""
    now = clock.now()
    found = []
    ids = [db.new_id() for _ in range(3)]
    keys = [
        await ChannelBinding.create(
            resident_id=resident.own_id(), channel="wechat", app_id="app", open_id=db.new_id().hex, bound_at=now
        )
        for _ in range(2)
    ]
    for session_id in (ids[1], ids[2], ids[0]):
        session = await Session.create(
            id=session_id,
            resident_id=resident.own_id(),
            binding_id=keys[0].id,
            channel="wechat",
            device="测试手机",
            refresh_hash=session_id.hex,
            created_at=now,
            refreshed_at=now,
            expires_at=clock.now().replace(year=now.year + 1),
        )
        found.append(session)
    found.sort(key=lambda session: session.id)
    await prove_in(resident, found[0])
    return Actor(ActorKind.RESIDENT, resident.id, found[0].id), found


async def close(resident: Actor) -> None:
    assert (await close_account(resident, dry_run=False)).closed


async def unbind(resident: Actor) -> None:
    key = await ChannelBinding.filter(resident_id=resident.own_id()).order_by("id").first()
    assert key is not None
    await bindings.unbind(resident, key.id)


async def join(resident: Actor) -> None:
    survivor = await make_resident()
    async with db.transaction():
        await Holdings().move(resident.own_id(), survivor.own_id())


async def _waiting(number: int) -> bool:
    found = await db.row(_WAITING)
    assert found is not None
    return int(found["number"]) >= number


@pytest.mark.parametrize("end", [close, unbind, join])
async def test_ending_all_sessions_while_the_account_ends_is_no_ring(
    portal: Portal, end: Callable[[Actor], Awaitable[None]]
) -> None:
    assert portal.url
    resident, (_, _, last) = await signed_in_often(await make_resident())
    held, go = asyncio.Event(), asyncio.Event()

    async def hold(session_id: UUID) -> None:
        async with db.transaction():
            await Session.select_for_update().get(id=session_id)
            held.set()
            await go.wait()

    async def wait_for(number: int) -> None:
        await until(lambda: _waiting(number), what=f"{number} that wait")

    holding = asyncio.create_task(hold(last.id))
    await held.wait()
    ending = asyncio.ensure_future(end(resident))
    await wait_for(1)
    revoking = asyncio.create_task(sessions.revoke_sessions(resident, keep_this=False))
    await wait_for(2)
    go.set()

    outcomes = await asyncio.gather(holding, ending, revoking, return_exceptions=True)

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
