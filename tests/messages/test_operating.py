"""`portal messages …`, as an operator types it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from subprocess import CompletedProcess
from uuid import uuid4

import pytest

from app.kernel import clock, db
from app.kernel.inbox.notices import Notice
from app.messages.models import Message, MessageAttempt
from app.messages.operating import stuck
from app.messages.tasks import sweep_waiting_messages
from app.messages.words import MessageState
from tests.identity.traces import audit_of, nothing_moves
from tests.messages.stage import FIELDS, attempts_at, make_reader, put_in_use, wechat_template
from tests.operations.conftest import run_portal_here
from tests.portal import Portal


@pytest.fixture(autouse=True)
async def kind_platform(portal: Portal) -> AsyncIterator[None]:
    yield
    await portal.control.message_door("open")


async def typed(*words: str) -> CompletedProcess[str]:
    """In a terminal of the running portal."""
    return await asyncio.to_thread(run_portal_here, "messages", *words)


async def test_a_push_of_reports_that_was_given_up_is_listed_and_one_about_money_is_not(portal: Portal) -> None:
    jobs = {}
    for topic in ("messages.receipt", "payments.notice"):
        notice = await Notice.create(
            provider="wechat", kind="events", event_key=uuid4().hex, topic=topic, content={"told": []}, raw_body=b"",
            raw_headers={}, received_at=clock.now(),
        )  # fmt: skip
        made = await db.row(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args) "
            "VALUES ('default', 'inbox.process', 'failed', jsonb_build_object('notice_id', $1::text)) RETURNING id",
            str(notice.id),
        )
        assert made is not None
        jobs[topic] = made["id"]
    try:
        listed = {one.number for one in (await stuck(1000))[0]}
    finally:
        await db.rows("DELETE FROM procrastinate_jobs WHERE id = ANY($1::bigint[])", list(jobs.values()))
    assert f"job {jobs['messages.receipt']}" in listed
    assert f"job {jobs['payments.notice']}" not in listed


async def test_a_failed_message_is_listed_looked_at_and_tried_again(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template)
    await portal.control.message_door("unauthorised")
    message = await reader.told()
    await portal.run_jobs()

    listed = await typed("dead", "--limit", "1000")
    assert listed.returncode == 1, listed.stderr
    assert f"message {message.id}  slot-booked  {message.subject}\n" in listed.stdout
    looked = await typed("inspect", str(message.id))
    first, _, attempt = looked.stdout.splitlines()
    assert first == f"message {message.id} slot-booked about {message.subject}: FAILED"
    assert ": FAILED 48001, 1 tries, last " in attempt
    assert str(reader.actor.id) not in looked.stdout
    assert message.body not in looked.stdout

    await portal.control.message_door("open")
    assert (await typed("replay", str(message.id))).stdout == "it is tried again on 1 channels\n"
    await portal.run_jobs()
    assert await reader.received() == [template]
    assert await attempts_at(message.id) == [("wechat", "SENT", "")]
    assert [act for act, _ in await audit_of(f"message:{message.id}")] == ["message.replayed"]


async def test_what_was_sent_or_is_unknown_is_not_sent_again(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template)
    message = await reader.told()
    await portal.run_jobs()
    for state in (MessageState.SENT, MessageState.UNSURE):
        await Message.filter(id=message.id).update(state=state)
        async with nothing_moves():
            refused = await typed("replay", str(message.id))
        assert refused.returncode == 1
        assert "a channel whose outcome is unknown is not asked again" in refused.stderr
    assert (await typed("inspect", str(uuid4()))).stderr == "Error: No such message; please check and try again.\n"


async def test_a_job_that_waits_for_later_does_not_hold_up_the_one_that_is_due(portal: Portal) -> None:
    template = await portal.control.add_template(*FIELDS)
    await put_in_use("slot-booked", "wechat", template, FIELDS)
    reader = await make_reader(portal)
    await reader.agrees(template)
    await portal.control.message_door("busy")
    message = await reader.told()
    await portal.run_jobs()
    assert await reader.received() == []  # its job comes back in half a minute
    async with nothing_moves():
        refused = await typed("replay", str(message.id))
    assert (refused.returncode, "Nothing of this message is stuck" in refused.stderr) == (1, True)
    await portal.control.message_door("open")
    long_ago = clock.now() - timedelta(hours=2)
    await MessageAttempt.filter(message_id=message.id).update(next_at=long_ago)
    await Message.filter(id=message.id).update(not_before=long_ago)
    await sweep_waiting_messages()
    await portal.run_jobs()
    assert await reader.received() == [template]


async def test_a_message_whose_job_was_lost_is_found_and_runs_again(portal: Portal) -> None:
    template = await portal.control.add_template(*FIELDS)
    await put_in_use("slot-booked", "wechat", template, FIELDS)
    reader = await make_reader(portal)
    await reader.agrees(template)
    message = await reader.told()
    await portal.run_jobs()
    await Message.filter(id=message.id).update(state=MessageState.WAITING, not_before=clock.now() - timedelta(hours=2))
    assert f"message {message.id}  slot-booked  its job was lost\n" in (await typed("dead", "--limit", "1000")).stdout
    assert (await typed("replay", str(message.id))).stdout == "its job was lost; it runs again\n"
    await portal.run_jobs()
    assert (await Message.get(id=message.id)).state is MessageState.SENT
    assert await reader.received() == [template]
