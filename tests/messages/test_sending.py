"""Messages reach a phone on WeChat: once, by consent, and through whatever the platform does meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.identity.rules import Role
from app.kernel import clock
from app.messages.models import Message, MessageAttempt, MessageTemplate
from app.messages.rules import CLAIM_LASTS, LADDER
from app.messages.sending import send
from app.messages.words import AttemptState, MessageState
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.messages.stage import FIELDS, attempts_at, make_reader, put_in_use, wechat_template
from tests.portal import Portal

NOON = clock.at_local(clock.today() + timedelta(days=1), 12)
"""Nobody has to be let sleep, and nothing made now is outdated."""


@pytest.fixture(autouse=True)
async def kind_platform(portal: Portal) -> AsyncIterator[None]:
    yield
    await portal.control.message_door("open", left=30_000_000)
    await portal.control.be_kind()


async def state_of(message: Message) -> MessageState:
    return (await Message.get(id=message.id)).state


async def test_a_booking_reaches_the_phone_with_its_page_and_spends_one_accept(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template, times=2)

    message = await reader.told()
    await portal.run_jobs()

    [sent] = await portal.control.messages_on(reader.person.openid)
    assert sent.template == template
    assert sent.values["thing1"] == "居民身份证丢失补领(损坏换领)"
    assert sent.page == message.page
    assert (sent.lang, sent.state) == ("zh_CN", "formal")
    attempt = await MessageAttempt.get(message_id=message.id)
    assert (attempt.state, attempt.provider_ref, attempt.tries) == (AttemptState.SENT, str(sent.msgid), 1)
    pinned = await MessageTemplate.get(id=attempt.template_id)
    assert (pinned.provider_template, pinned.version >= 1) == (template, True)
    assert await state_of(message) is MessageState.SENT
    assert await reader.balance(template) == 1
    assert (await portal.control.accepts_on(reader.person.openid))[template] == 1


async def test_twenty_senders_at_once_send_it_once(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template, times=5)
    message = await reader.told()
    await at_once(*(send(message.id) for _ in range(20)))
    await portal.run_jobs()
    assert await reader.received() == [template]
    assert await reader.balance(template) == 4


async def test_five_messages_share_one_accept(portal: Portal) -> None:
    """The database decides who spends it; the others stay in the inbox."""
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template)
    messages = [await reader.told() for _ in range(5)]
    await at_once(*(send(message.id) for message in messages))
    states = sorted([(await state_of(message)).value for message in messages])
    assert states == ["INBOX_ONLY"] * 4 + ["SENT"]
    assert await reader.received() == [template]
    assert await reader.balance(template) == 0


async def test_without_consent_it_stays_in_the_inbox(portal: Portal) -> None:
    await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    message = await reader.told()
    await portal.run_jobs()
    assert await state_of(message) is MessageState.INBOX_ONLY
    assert (await reader.received(), await attempts_at(message.id)) == ([], [])


async def test_a_refusal_of_the_platform_corrects_our_count(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.counted(template, times=3)
    message = await reader.told()
    await portal.run_jobs()
    assert await attempts_at(message.id) == [("wechat", "REFUSED", "43101")]
    assert await state_of(message) is MessageState.INBOX_ONLY
    assert await reader.balance(template) == 0


async def test_a_platform_that_is_down_for_an_hour_loses_nothing_and_sends_nothing_twice(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    readers = [await make_reader(portal) for _ in range(5)]
    messages = []
    for reader in readers:
        await reader.agrees(template)
        messages.append(await reader.told(useless_after=NOON + timedelta(days=1)))
    await portal.control.message_door("busy")
    for minutes in range(0, 61, 2):
        with clock.standing_at(NOON + timedelta(minutes=minutes)):
            await asyncio.gather(*(send(message.id) for message in messages))
    assert {await state_of(message) for message in messages} == {MessageState.WAITING}
    assert [await reader.balance(template) for reader in readers] == [1] * 5
    [attempt, *_] = await MessageAttempt.filter(message_id=messages[0].id)
    assert (attempt.state, attempt.code, attempt.tries) == (AttemptState.RETRY, "-1", 5)

    await portal.control.message_door("open")
    for minutes in range(60, 241, 20):
        with clock.standing_at(NOON + timedelta(minutes=minutes)):
            await asyncio.gather(*(send(message.id) for message in messages))
    assert [await reader.received() for reader in readers] == [[template]] * 5
    assert [await reader.balance(template) for reader in readers] == [0] * 5


async def test_after_the_last_try_it_is_a_failed_message(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template)
    message = await reader.told(useless_after=NOON + timedelta(days=9))
    await portal.control.message_door("busy")
    at = NOON
    for wait in (timedelta(), *LADDER):
        at += wait
        await Message.filter(id=message.id).update(at_once=True)
        with clock.standing_at(at):
            await send(message.id)
    assert await attempts_at(message.id) == [("wechat", "FAILED", "-1")]
    assert await state_of(message) is MessageState.FAILED
    assert await reader.balance(template) == 1
    caller = await caller_of(portal, await make_staff(Role.SYSTEM_ADMINISTRATOR))
    [edge] = (await caller.do("FailedMessages", first=1))["edges"]
    assert edge["node"]["id"] == str(message.id)
    [attempt] = edge["node"]["attempts"]
    assert (attempt["channel"], attempt["state"], attempt["code"], attempt["tries"]) == ("wechat", "FAILED", "-1", 8)


async def test_a_used_up_quota_waits_for_the_next_day(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template)
    message = await reader.told(useless_after=NOON + timedelta(days=3))
    await portal.control.message_door("open", left=0)
    with clock.standing_at(NOON):
        await send(message.id)
    attempt = await MessageAttempt.get(message_id=message.id)
    midnight = clock.at_local(clock.local(NOON).date() + timedelta(days=1), 0, 1)
    assert (attempt.state, attempt.code, attempt.next_at) == (AttemptState.RETRY, "45009", midnight)
    await portal.control.message_door("open", left=5)
    with clock.standing_at(NOON + timedelta(hours=20)):
        await send(message.id)
    assert await reader.received() == [template]


async def test_a_rejected_template_is_a_failure_of_ours_and_costs_no_consent(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template)
    await portal.control.drop_template(template)
    message = await reader.told()
    await portal.run_jobs()
    assert await attempts_at(message.id) == [("wechat", "FAILED", "40037")]
    assert await state_of(message) is MessageState.FAILED
    assert await reader.balance(template) == 1


async def test_a_field_the_platform_does_not_have_is_named_by_it(portal: Portal) -> None:
    """Published for keywords that the console no longer has."""
    template = await portal.control.add_template("thing1", "thing4")
    await put_in_use("slot-booked", "wechat", template, FIELDS)
    reader = await make_reader(portal)
    await reader.agrees(template)
    message = await reader.told()
    await portal.run_jobs()
    assert await attempts_at(message.id) == [("wechat", "FAILED", "47003")]


async def test_an_answer_that_never_comes_is_not_asked_for_again(portal: Portal) -> None:
    """The gateway says 502 after the platform did it, or before: nobody knows, so nothing goes out twice."""
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template, times=2)
    message = await reader.told()
    await portal.control.be_hostile(seed=1, garbage=1.0)
    with clock.standing_at(NOON):
        await send(message.id)
    await portal.control.be_kind()
    for hours in (1, 2, 5):
        with clock.standing_at(NOON + timedelta(hours=hours)):
            await send(message.id)
    assert await state_of(message) is MessageState.UNSURE
    assert await attempts_at(message.id) == [("wechat", "UNSURE", "no answer")]
    assert await reader.received() == [template]
    assert await reader.balance(template) == 1


async def test_what_came_too_late_is_not_sent(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template)
    message = await reader.told(useless_after=NOON - timedelta(minutes=1))
    with clock.standing_at(NOON):
        await send(message.id)
    assert (await state_of(message), await reader.received()) == (MessageState.OVER, [])


async def test_a_retry_at_night_waits_for_the_morning(portal: Portal) -> None:
    template = await wechat_template(portal, "fault-recorded", thing1="{item}", time2="{time}")
    reader = await make_reader(portal)
    await reader.agrees(template)
    message = await reader.told("fault-recorded", useless_after=NOON + timedelta(days=3))
    evening = clock.at_local(clock.local(NOON).date(), 20, 59)
    await portal.control.message_door("busy")
    with clock.standing_at(evening):
        await Message.filter(id=message.id).update(not_before=evening)
        await send(message.id)
        await send(message.id)
    await portal.control.message_door("open")
    with clock.standing_at(evening + timedelta(minutes=10)):
        await send(message.id)
    assert await reader.received() == []
    with clock.standing_at(clock.at_local(clock.local(NOON).date() + timedelta(days=1), 8, 1)):
        await send(message.id)
    assert await reader.received() == [template]


async def test_a_token_that_ends_mid_batch_is_replaced_once_for_twenty_senders(portal: Portal) -> None:
    template = await wechat_template(portal, "slot-booked")
    readers = [await make_reader(portal) for _ in range(20)]
    messages = []
    for reader in readers:
        await reader.agrees(template)
        messages.append(await reader.told())
    for message in messages[:4]:
        await send(message.id)
    [*_, last] = await portal.control.journal()
    async with portal.later(7201):
        await at_once(*(send(message.id) for message in messages[4:]))
        fetched = [one for one in await portal.control.journal(last.id) if "stable_token" in one.what]
        assert len(fetched) == 1
        assert [await reader.received() for reader in readers] == [[template]] * 20


async def test_a_sender_killed_between_claim_and_record_never_sends_twice(portal: Portal) -> None:
    """The claim it leaves is unknown once it is old, and that channel is not asked again."""
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template, times=3)
    message = await reader.told(useless_after=NOON + timedelta(days=3))
    killed = await asyncio.to_thread(_send_and_be_killed, str(message.id))
    assert killed == -signal.SIGKILL
    assert await reader.received() == [template]
    assert await attempts_at(message.id) == [("wechat", "CLAIMED", "")]

    await send(message.id)  # the same job, rescued at once
    assert await attempts_at(message.id) == [("wechat", "CLAIMED", "")]
    with clock.standing_at(clock.now() + CLAIM_LASTS):
        await send(message.id)
    assert await attempts_at(message.id) == [("wechat", "UNSURE", "sender lost")]
    assert await state_of(message) is MessageState.UNSURE
    assert await reader.received() == [template]


def _send_and_be_killed(message_id: str) -> int:
    """A process of its own that dies by SIGKILL right after WeChat has answered."""
    script = Path(__file__).parent / "killed_sender.py"
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(script), message_id],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
        timeout=120,
    )
    return done.returncode
