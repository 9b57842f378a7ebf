"""What has to arrive goes on from channel to channel until one took it, and each is asked once when nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.identity.models import ChannelBinding, Resident
from app.kernel import clock, db
from app.kernel.privacy import seal
from app.messages.models import Message, MessageAttempt, MessageTemplate, Subscription
from app.messages.sending import send
from app.messages.weakness import forget_shares, is_skipped, measured_shares
from app.messages.words import AttemptState, MessageState, SubscriptionKind
from integrations.sandbox.control import AlipayUser
from tests.messages.stage import Reader, attempts_at, make_reader, put_in_use, wechat_template
from tests.people import new_key
from tests.portal import Portal

NOON = clock.at_local(clock.today() + timedelta(days=6), 12)
"""A day of its own: how much a channel takes is measured over everything that was sent lately."""
KEY = "booking-hall-cancelled"
SENTENCE = "【云澜政务】{time}“{item}”的预约因大厅原因无法进行,请重新预约。"


@pytest.fixture(autouse=True)
async def kind_platforms(portal: Portal) -> AsyncIterator[None]:
    yield
    await portal.control.message_door("open", left=30_000_000)
    await portal.control.sms_door("open")
    await portal.control.be_kind()


@dataclass(frozen=True)
class Everywhere:
    """Somebody on WeChat, on Alipay and with a number, who may be told on all three."""

    reader: Reader
    user: AlipayUser
    wechat: str
    alipay: str
    sms: str

    @property
    def mobile(self) -> str:
        return self.reader.person.mobile

    async def told(self) -> Message:
        message = await self.reader.told(KEY, useless_after=NOON + timedelta(days=2))
        await Message.filter(id=message.id).update(not_before=NOON)
        return message

    async def arrived(self) -> tuple[int, int, int]:
        """How many messages came on WeChat, on Alipay, and as text messages."""
        control = self.reader.portal.control
        on_alipay = await control.alipay_messages(self.user.open_id)
        return len(await self.reader.received()), len(on_alipay), len(await control.text_messages(self.mobile))


async def somebody_everywhere(portal: Portal) -> Everywhere:
    control = portal.control
    wechat = await wechat_template(portal, KEY)
    alipay = await control.add_alipay_template("keyword1", "keyword2")
    await put_in_use(KEY, "alipay", alipay, {"keyword1": "{item}", "keyword2": "{time}"}, page="pages/booking/detail")
    sms = await control.add_sms_template(SENTENCE)
    await put_in_use(KEY, "sms", sms, {"item": "{item}", "time": "{time}"})
    reader = await make_reader(portal)
    await reader.agrees(wechat)
    await Resident.filter(id=reader.actor.id).update(phone_sealed=seal(reader.person.mobile))
    user = await control.add_alipay_user(mobile=reader.person.mobile)
    binding = await ChannelBinding.create(
        resident_id=reader.actor.own_id(), channel="alipay", app_id="app", open_id=user.open_id, bound_at=clock.now()
    )
    await control.tap_allow_in_alipay(user.open_id, alipay)
    await Subscription.create(
        binding_id=binding.id, provider_template=alipay, kind=SubscriptionKind.ONE_TIME, balance=1,
        changed_at=clock.now(),
    )  # fmt: skip
    return Everywhere(reader, user, wechat, alipay, sms)


async def send_at(message: Message, *hours: float) -> None:
    for hour in hours:
        forget_shares()
        with clock.standing_at(NOON + timedelta(hours=hour)):
            await send(message.id)


async def state_of(message: Message) -> MessageState:
    return (await Message.get(id=message.id)).state


async def test_the_first_channel_that_takes_it_is_the_last(portal: Portal) -> None:
    somebody = await somebody_everywhere(portal)
    message = await somebody.told()
    await send_at(message, 0, 1)
    assert await somebody.arrived() == (1, 0, 0)
    assert await state_of(message) is MessageState.SENT


async def test_who_refused_on_wechat_is_told_on_alipay(portal: Portal) -> None:
    somebody = await somebody_everywhere(portal)
    await portal.control.switch_messages(somebody.reader.person.openid, somebody.wechat, on=False)
    message = await somebody.told()
    await send_at(message, 0)
    assert await attempts_at(message.id) == [("wechat", "REFUSED", "43101"), ("alipay", "SENT", "")]
    [arrived] = await portal.control.alipay_messages(somebody.user.open_id)
    assert arrived["template"] == somebody.alipay
    assert arrived["values"]["keyword1"] == "居民身份证丢失补领(损坏换领)"
    assert arrived["page"] == message.page
    assert await somebody.arrived() == (0, 1, 0)


async def test_what_no_app_takes_goes_as_a_text_message(portal: Portal) -> None:
    somebody = await somebody_everywhere(portal)
    await portal.control.drop_template(somebody.wechat)
    await Subscription.filter(provider_template=somebody.alipay).update(balance=5)
    await portal.control.tap_allow_in_alipay(somebody.user.open_id, somebody.alipay)
    await put_in_use(KEY, "alipay", await portal.control.add_alipay_template("keyword9"), {"keyword1": "{item}"})
    message = await somebody.told()
    await send_at(message, 0)
    assert await attempts_at(message.id) == [("wechat", "FAILED", "40037"), ("sms", "SENT", "")]
    [text] = await portal.control.text_messages(somebody.mobile)
    assert text["text"].startswith("【云澜政务】")
    assert "居民身份证丢失补领" in text["text"]


async def test_an_unknown_outcome_goes_on_and_never_back(portal: Portal) -> None:
    """WeChat did it and its answer was lost: told twice, on two channels, but never twice on one."""
    somebody = await somebody_everywhere(portal)
    message = await somebody.told()
    await portal.control.be_hostile(seed=7, garbage=1.0)
    with clock.standing_at(NOON):
        await send(message.id)
    await portal.control.be_kind()
    await send_at(message, 1, 3, 9)
    assert [state for _, state, _ in await attempts_at(message.id)][:2] == ["UNSURE", "UNSURE"]
    assert await somebody.arrived() == (1, 1, 1)
    assert await state_of(message) is MessageState.SENT


async def test_when_all_are_down_it_comes_back_to_those_that_may_take_it(portal: Portal) -> None:
    somebody = await somebody_everywhere(portal)
    await Subscription.filter(provider_template=somebody.alipay).update(balance=0)
    await portal.control.message_door("busy")
    await portal.control.sms_door("closed")
    message = await somebody.told()
    await send_at(message, 0, 0.1, 0.2, 0.5, 1)
    assert {(channel, state) for channel, state, _ in await attempts_at(message.id)} == {
        ("wechat", "RETRY"),
        ("sms", "RETRY"),
    }
    assert await state_of(message) is MessageState.WAITING
    await portal.control.message_door("open")
    await portal.control.sms_door("open")
    await send_at(message, 2, 3, 4)
    assert sum(await somebody.arrived()) == 1
    assert await state_of(message) is MessageState.SENT


async def test_a_repeat_at_the_gateway_is_the_same_text_message(portal: Portal) -> None:
    """Its answer was lost; our reference makes asking again harmless there."""
    somebody = await somebody_everywhere(portal)
    await Subscription.filter(provider_template__in=[somebody.alipay, somebody.wechat]).update(balance=0)
    message = await somebody.told()
    await portal.control.be_hostile(seed=3, error_after_effect=1.0)
    with clock.standing_at(NOON):
        await send(message.id)
    await portal.control.be_kind()
    assert await attempts_at(message.id) == [("sms", "RETRY", "no answer")]
    await send_at(message, 1)
    assert await attempts_at(message.id) == [("sms", "SENT", "")]
    assert await somebody.arrived() == (0, 0, 1)


async def test_who_answered_td_is_not_written_to(portal: Portal) -> None:
    somebody = await somebody_everywhere(portal)
    await Subscription.filter(provider_template__in=[somebody.alipay, somebody.wechat]).update(balance=0)
    await portal.control.sms_number(somebody.mobile, unsubscribed=True)
    message = await somebody.told()
    await send_at(message, 0)
    assert await attempts_at(message.id) == [("sms", "REFUSED", "NUMBER_UNSUBSCRIBED")]
    assert await state_of(message) is MessageState.INBOX_ONLY


@pytest.mark.parametrize("mode", ["forged", "stale", "tampered"])
async def test_a_false_report_moves_nothing(portal: Portal, mode: str) -> None:
    somebody, message, number = await by_text(portal)
    url = f"{portal.url}/callbacks/sms/reports"
    [reply] = await portal.control.report_text(number, url, mode=mode)
    await portal.run_jobs(may_fail=True)
    assert reply.status == 401
    assert [state for channel, state, _ in await attempts_at(message.id) if channel == "sms"] == ["SENT"]
    assert await somebody.arrived() == (0, 0, 1)


async def test_a_text_message_that_arrived_is_delivered_however_often_that_is_told(portal: Portal) -> None:
    _, message, number = await by_text(portal)
    replies = await portal.control.report_text(number, f"{portal.url}/callbacks/sms/reports", times=4)
    await portal.run_jobs(may_fail=True)
    assert [reply.status for reply in replies] == [200] * 4
    assert await attempts_at(message.id) == [("sms", "DELIVERED", "")]
    assert await state_of(message) is MessageState.SENT


async def test_a_text_message_to_a_dead_number_goes_on_where_consent_came_meanwhile(portal: Portal) -> None:
    somebody, message, number = await by_text(portal)
    await somebody.reader.agrees(somebody.wechat)
    await portal.control.report_text(number, f"{portal.url}/callbacks/sms/reports", state="FAILED", code="UNDELIV")
    await portal.run_jobs(may_fail=True)
    assert (await attempts_at(message.id))[0] == ("sms", "FAILED", "UNDELIV")
    await send_at(message, 1)
    assert await somebody.arrived() == (1, 0, 1)
    assert await state_of(message) is MessageState.SENT


async def by_text(portal: Portal) -> tuple[Everywhere, Message, str]:
    """Somebody who could only be told by text message, the message, and its number at the gateway."""
    somebody = await somebody_everywhere(portal)
    await Subscription.filter(provider_template__in=[somebody.alipay, somebody.wechat]).update(balance=0)
    message = await somebody.told()
    await send_at(message, 0)
    [text] = await portal.control.text_messages(somebody.mobile)
    return somebody, message, text["id"]


async def attempted(reader: Reader, state: AttemptState, times: int) -> None:
    """That many attempts on WeChat, just now."""
    words = await MessageTemplate.filter(channel="inbox").first()
    assert words is not None
    for _ in range(times):
        message = await Message.create(
            resident_id=reader.actor.id, key=KEY, subject="booking:x", once_key=new_key(), language="zh", words={},
            template_id=words.id, title="x", body="x", not_before=NOON, state=MessageState.SENT, made_at=clock.now(),
        )  # fmt: skip
        await MessageAttempt.create(
            message_id=message.id, channel="wechat", template_id=words.id, state=state, tried_at=clock.now()
        )


async def test_a_channel_loses_traffic_by_what_it_does_not_take_and_recovers_by_itself(portal: Portal) -> None:
    """Half of what it was handed failed: half of the traffic goes elsewhere, until the bad minutes are over."""
    reader = await make_reader(portal)
    ids = [db.new_id() for _ in range(1000)]
    with clock.standing_at(clock.at_local(clock.today() + timedelta(days=30), 12)):
        await attempted(reader, AttemptState.SENT, 20)
        await attempted(reader, AttemptState.REFUSED, 20)
        assert await measured_shares() == {"wechat": 1.0}
        await attempted(reader, AttemptState.RETRY, 10)
        await attempted(reader, AttemptState.UNSURE, 10)
        forget_shares()
        assert await measured_shares() == {"wechat": 0.5}
        skipped = sum([await is_skipped("wechat", one) for one in ids])
        assert 400 < skipped < 600
    with clock.standing_at(clock.at_local(clock.today() + timedelta(days=30), 12, 11)):
        forget_shares()
        assert await measured_shares() == {}
        assert not any([await is_skipped("wechat", one) for one in ids])
    forget_shares()
