"""The database goes away while a phone is to be told: the job comes again, and the phone hears."""

from __future__ import annotations

from app.delivery.events import CourierAssigned
from app.kernel import db
from tests.delivery.stage import send
from tests.identity.accounts import caller_of
from tests.kernel.test_outage import over_a_wire
from tests.live.sockets import Socket, happen, seen
from tests.portal import Portal, Services

WAITING = """
    SELECT attempts FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'live.tell_of_parcel<CourierAssigned'
"""
NOW = "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND attempts > 0"


async def test_a_phone_is_told_when_the_database_is_back(portal: Portal, services: Services) -> None:
    sent = await send()
    phone = await caller_of(portal, sent.owner)
    await portal.run_jobs()
    async with await (await Socket.of(phone)).listen() as socket:
        await happen(CourierAssigned(sent.parcel.id))
        async with over_a_wire(services) as wire:
            wire.breaks_at = (b"SELECT",)
            await portal.queue.run_worker_async(
                wait=False, concurrency=1, listen_notify=False, install_signal_handlers=False
            )
        assert [row["attempts"] for row in await db.rows(WAITING)] == [1]
        await db.rows(NOW)
        await portal.run_jobs(may_fail=True)
        await socket.change()
    assert seen(socket.told[1:]) == [("PARCEL", str(sent.parcel.id))]
    assert await db.rows(WAITING) == []
