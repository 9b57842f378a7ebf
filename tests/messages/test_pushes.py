"""What WeChat tells by itself: believed when it is sealed for us, counted once, and acted upon."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.kernel import clock, db
from app.kernel.inbox.notices import Notice, NoticeState
from app.messages.models import Message, MessageAttempt, MessageTemplate, Subscription
from app.messages.operating import stuck
from app.messages.ports import Receipt
from app.messages.receipts import take_receipts
from app.messages.words import AttemptState, MessageState
from integrations.sandbox.control import ControlRefused
from tests.identity.traces import nothing_moves
from tests.messages.stage import Reader, attempts_at, make_reader, wechat_template
from tests.people import until
from tests.portal import Portal


@pytest.fixture(params=["json", "xml"])
async def console(portal: Portal, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Message push set up in the console, in either format."""
    await portal.control.set_console(f"{portal.url}/callbacks/wechat/events", format=request.param)
    yield request.param
    await portal.control.settle()
    await portal.run_jobs(may_fail=True)


async def sent_once(portal: Portal, accepts: int = 1) -> tuple[Reader, Message, int]:
    """A reader, a message that was sent to them, and its number at WeChat."""
    template = await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    await reader.agrees(template, accepts)
    await portal.control.settle()
    await portal.run_jobs()
    await reader.counted(template, accepts)  # each tap is told as well
    message = await reader.told()
    await portal.run_jobs()
    [sent] = await portal.control.messages_on(reader.person.openid)
    return reader, message, sent.msgid


async def test_the_console_gets_its_echo_back_and_a_stranger_nothing(portal: Portal) -> None:
    await portal.control.set_console(f"{portal.url}/callbacks/wechat/events")
    stranger = portal.stranger()
    for query in ("", "?signature=x&timestamp=1&nonce=2&echostr=3"):
        answer = await stranger.http.get(f"/callbacks/wechat/events{query}")
        assert (answer.status_code, answer.content) == (403, b"")
    assert (await stranger.http.get("/callbacks/wechat/payment")).status_code == 405
    with pytest.raises(ControlRefused):
        await portal.control.set_console(f"{portal.url}/callbacks/wechat/nothing")


async def test_a_message_that_did_not_arrive_after_all_is_a_failed_one(portal: Portal, console: str) -> None:
    """WeChat took it, and the accept with it: our count stays what WeChat's is."""
    reader, message, msgid = await sent_once(portal, accepts=3)
    [template] = await reader.received()
    [reply] = await portal.control.report_message(msgid, error_code=43004, error_status="fail")
    assert (reply.status, reply.body) == (200, "success")
    await portal.run_jobs()
    assert await attempts_at(message.id) == [("wechat", "FAILED", "43004")]
    assert (await Message.get(id=message.id)).state is MessageState.FAILED
    assert (await portal.control.accepts_on(reader.person.openid))[template] == 2
    assert await reader.balance(template) == 2


async def test_a_report_told_five_times_counts_once(portal: Portal, console: str) -> None:
    _, message, msgid = await sent_once(portal)
    replies = await portal.control.report_message(msgid, times=5)
    assert [reply.accepted for reply in replies] == [True] * 5
    await portal.run_jobs()
    assert await attempts_at(message.id) == [("wechat", "DELIVERED", "0")]
    notices = await Notice.filter(provider="wechat", kind="events", content__contains={"told": []}).order_by("-id")
    mine = [one for one in notices if str(msgid) in str(one.content)]
    assert [(one.deliveries, one.state) for one in mine] == [(5, NoticeState.HANDLED)]


@pytest.mark.parametrize("mode", ["forged", "plain", "stale", "other_app", "garbage", "tampered"])
async def test_what_is_not_sealed_for_us_moves_nothing(portal: Portal, console: str, mode: str) -> None:
    _, message, msgid = await sent_once(portal)
    async with nothing_moves("audit_line"):
        [reply] = await portal.control.report_message(msgid, mode=mode, error_code=43004)
    assert (reply.status, reply.body) == (403, "")
    assert await attempts_at(message.id) == [("wechat", "SENT", "")]


async def test_what_is_switched_off_on_the_phone_is_not_sent_any_more(portal: Portal, console: str) -> None:
    """Several templates in one push; the tap itself is told too and is not counted again."""
    template = await wechat_template(portal, "slot-booked")
    other = await wechat_template(portal, "visit-soon")
    reader = await make_reader(portal)
    await reader.agrees(template, times=2)
    await reader.agrees(other)
    await portal.control.settle()
    await portal.run_jobs()
    assert (await reader.balance(template), await reader.balance(other)) == (2, 1)

    await portal.control.switch_messages(reader.person.openid, template, other, on=False)
    await portal.control.settle()
    await portal.run_jobs()

    for one in (template, other):
        row = await Subscription.get(binding_id=reader.binding.id, provider_template=one)
        assert (row.balance, row.refused_at is not None) == (0, True)
    message = await reader.told()
    await portal.run_jobs()
    assert (await Message.get(id=message.id)).state is MessageState.INBOX_ONLY
    assert await reader.received() == []


async def test_events_nobody_knows_are_kept_for_a_person(portal: Portal, console: str) -> None:
    reader = await make_reader(portal)
    [reply] = await portal.control.push_event(reader.person.openid, "some_new_event", {"Word": "x"})
    assert reply.accepted

    async def kept() -> Notice | None:
        await portal.run_jobs()
        return await Notice.filter(topic="wechat.some_new_event").order_by("-id").first()

    notice = await until(kept, what="the event to be kept")
    assert (notice.state, notice.remark) == (NoticeState.UNMATCHED, "nobody handles this topic")


async def test_a_report_about_nothing_of_ours_is_kept_for_a_person(portal: Portal, console: str) -> None:
    reader = await make_reader(portal)
    entry = {"TemplateId": "x", "MsgID": "123", "ErrorCode": "0", "ErrorStatus": "success"}
    await portal.control.push_event(reader.person.openid, "subscribe_msg_sent_event", entry)
    await portal.run_jobs()
    notice = await Notice.filter(topic="messages.receipt").order_by("-id").first()
    assert notice is not None
    assert (notice.state, notice.remark) == (NoticeState.UNMATCHED, "no such message")


async def test_a_verdict_on_media_nobody_sent_is_kept_once_and_listed(portal: Portal, console: str) -> None:
    """We send no media to be checked; what comes all the same is for a person."""
    reader = await make_reader(portal)
    verdict = {"trace_id": reader.person.openid, "version": "2", "errcode": "0", "suggest": "risky"}
    replies = await portal.control.push_event(reader.person.openid, "wxa_media_check", verdict, times=3)
    assert [reply.accepted for reply in replies] == [True] * 3
    await portal.run_jobs()
    [notice] = await Notice.filter(topic="wechat.wxa_media_check", event_key__contains=reader.person.openid)
    assert (notice.state, notice.remark, notice.deliveries) == (NoticeState.UNMATCHED, "nobody handles this topic", 3)
    listed, _ = await stuck(1000)
    assert (f"notice {notice.id}", "wechat.wxa_media_check") in [(one.number, one.what) for one in listed]


async def being_sent(reader: Reader) -> MessageAttempt:
    """A message that is at WeChat just now: its sender has not written down yet what WeChat said."""
    message = await reader.told()
    words = await MessageTemplate.filter(channel="wechat").order_by("-id").first()
    assert words is not None
    return await MessageAttempt.create(
        message_id=message.id, channel="wechat", template_id=words.id, state=AttemptState.CLAIMED,
        tried_at=clock.now(), tries=1,
    )  # fmt: skip


async def written_down(attempt: MessageAttempt, ref: str) -> None:
    """By its sender; and the time passes that one may take."""
    await MessageAttempt.filter(id=attempt.id).update(state=AttemptState.SENT, provider_ref=ref)
    await Message.filter(id=attempt.message_id).update(state=MessageState.SENT)
    await db.rows("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'messages.take_receipt'")


async def test_a_report_that_was_faster_than_the_sender_is_taken_when_it_is_written_down(
    portal: Portal, console: str
) -> None:
    reader, ref = await make_reader(portal), f"9{db.new_id().int % 10**12:012d}"
    await wechat_template(portal, "slot-booked")
    attempt = await being_sent(reader)
    entry = {"TemplateId": "x", "MsgID": ref, "ErrorCode": "43004", "ErrorStatus": "fail"}
    await portal.control.push_event(reader.person.openid, "subscribe_msg_sent_event", entry)
    await portal.run_jobs()
    notice = await Notice.filter(topic="messages.receipt").order_by("-id").first()
    assert notice is not None
    assert notice.state is NoticeState.UNMATCHED

    await written_down(attempt, ref)
    await portal.run_jobs()

    assert await attempts_at(attempt.message_id) == [("wechat", "FAILED", "43004")]
    await notice.refresh_from_db()
    assert (notice.state, notice.remark) == (NoticeState.HANDLED, "already FAILED")


async def test_a_report_nobody_can_place_takes_no_other_of_its_push_along(portal: Portal) -> None:
    """While messages are at WeChat as well, of which it might be."""
    reader, message, msgid = await sent_once(portal)
    attempt = await being_sent(reader)
    async with db.transaction():
        verdict = await take_receipts(
            [Receipt("wechat", "of-nobody", delivered=False), Receipt("wechat", str(msgid), delivered=True)]
        )
    assert (verdict.matched, verdict.remark) == (True, "no such message; DELIVERED")
    await written_down(attempt, "another")
    await portal.run_jobs()
    assert await attempts_at(message.id) == [("wechat", "DELIVERED", "")]
    assert await attempts_at(attempt.message_id) == [("wechat", "SENT", "")]
