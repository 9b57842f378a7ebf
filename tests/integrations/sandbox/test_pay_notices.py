"""Without this module notifications could be wrong in the wrong way: each mode lies exactly as it says."""

import time
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from integrations.sandbox.control import ControlRefused, Phone, SandboxControl
from tests.integrations.sandbox.merchant import Merchant
from tests.integrations.sandbox.receiver import Got, Receiver

ORDER = "ORDER00001"


async def open_order(merchant: Merchant, phone: Phone, receiver: Receiver) -> None:
    await merchant.open(merchant.order(ORDER, phone.openid, f"{receiver.url}/callbacks/wechat/payment"))


def content_of(got: Got) -> dict[str, Any]:
    import json

    content: dict[str, Any] = json.loads(got.body)
    return content


def verify(merchant: Merchant, got: Got) -> dict[str, Any]:
    """What an honest reader does: signature, clock, serial, then the plaintext."""
    merchant.verify(got.headers, got.body)
    assert abs(time.time() - int(got.headers["wechatpay-timestamp"])) < 300
    assert got.headers["wechatpay-serial"] == merchant.env["WECHAT_PAY_PUBLIC_KEY_ID"]
    return merchant.unwrap(content_of(got)["resource"])


async def test_a_payment_is_notified_by_itself(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    await open_order(merchant, phone, receiver)
    await control.pay_order(ORDER)
    (got,) = await receiver.wait_for(1)
    assert got.path == "/callbacks/wechat/payment"
    envelope = content_of(got)
    assert (envelope["event_type"], envelope["resource_type"]) == ("TRANSACTION.SUCCESS", "encrypt-resource")
    assert envelope["resource"]["original_type"] == "transaction"
    assert verify(merchant, got) == (await merchant.query(ORDER)).json()
    await control.settle()
    assert len(receiver.got) == 1


async def test_only_200_and_204_end_the_repeats(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    receiver.statuses = [500, 401, 302, 204]
    await open_order(merchant, phone, receiver)
    await control.pay_order(ORDER)
    got = await receiver.wait_for(4)
    await control.settle()
    assert len(receiver.got) == 4
    assert len({one.body for one in got}) == 1
    assert len({one.headers["wechatpay-signature"] for one in got}) == 4
    callbacks = [entry for entry in await control.journal() if entry.direction == "callback"]
    assert [(entry.status, entry.verdict) for entry in callbacks] == [
        (500, "refused"),
        (401, "refused"),
        (302, "refused"),
        (204, "accepted"),
    ]


async def test_a_receiver_that_is_down_gets_fifteen_repeats_and_no_more(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    await control.be_hostile(haste=0.000001)
    await merchant.open(merchant.order(ORDER, phone.openid, "http://127.0.0.1:9/closed"))
    await control.pay_order(ORDER)
    await control.settle()
    callbacks = [entry for entry in await control.journal() if entry.direction == "callback"]
    assert [entry.verdict for entry in callbacks] == ["no answer"] * 16


async def test_the_sandbox_keeps_quiet_when_told_and_speaks_when_asked(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    await control.be_hostile(notify_by_itself=False)
    await open_order(merchant, phone, receiver)
    with pytest.raises(ControlRefused, match="not paid"):
        await control.notify(ORDER)
    await control.pay_order(ORDER)
    await control.settle()
    assert receiver.got == []
    receiver.statuses = [200, 500]
    receiver.body = b"heard"
    replies = await control.notify(ORDER, times=2)
    assert [(reply.status, reply.body, reply.accepted) for reply in replies] == [
        (200, "heard", True),
        (500, "heard", False),
    ]
    assert all(reply.milliseconds < 2000 for reply in replies)
    assert [verify(merchant, got)["out_trade_no"] for got in receiver.got] == [ORDER, ORDER]


async def test_notifications_can_come_all_at_once(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    await control.be_hostile(notify_by_itself=False)
    await open_order(merchant, phone, receiver)
    await control.pay_order(ORDER)
    replies = await control.notify(ORDER, times=30, parallel=True)
    assert [reply.status for reply in replies] == [200] * 30
    assert len(receiver.got) == 30


@pytest.fixture
async def paid(merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver) -> None:
    await control.be_hostile(notify_by_itself=False)
    await open_order(merchant, phone, receiver)
    await control.pay_order(ORDER)


@pytest.mark.usefixtures("paid")
async def test_a_forged_one_is_signed_by_nobody_we_know(
    merchant: Merchant, control: SandboxControl, receiver: Receiver
) -> None:
    await control.notify(ORDER, "forged")
    with pytest.raises(InvalidSignature):
        verify(merchant, receiver.got[0])


@pytest.mark.usefixtures("paid")
async def test_a_tampered_one_fails_in_signature_and_cipher(
    merchant: Merchant, control: SandboxControl, receiver: Receiver
) -> None:
    await control.notify(ORDER, "tampered")
    with pytest.raises(InvalidSignature):
        verify(merchant, receiver.got[0])
    with pytest.raises(InvalidTag):
        merchant.unwrap(content_of(receiver.got[0])["resource"])


@pytest.mark.usefixtures("paid")
async def test_an_expired_one_is_signed_properly_ten_minutes_ago(
    merchant: Merchant, control: SandboxControl, receiver: Receiver
) -> None:
    await control.notify(ORDER, "expired")
    merchant.verify(receiver.got[0].headers, receiver.got[0].body)
    assert 590 < time.time() - int(receiver.got[0].headers["wechatpay-timestamp"]) < 610


@pytest.mark.usefixtures("paid")
async def test_an_unknown_serial_hides_a_good_signature(
    merchant: Merchant, control: SandboxControl, receiver: Receiver
) -> None:
    await control.notify(ORDER, "unknown_serial")
    merchant.verify(receiver.got[0].headers, receiver.got[0].body)
    assert receiver.got[0].headers["wechatpay-serial"] != merchant.env["WECHAT_PAY_PUBLIC_KEY_ID"]


@pytest.mark.usefixtures("paid")
async def test_a_signtest_does_not_verify(merchant: Merchant, control: SandboxControl, receiver: Receiver) -> None:
    await control.notify(ORDER, "signtest")
    assert receiver.got[0].headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    with pytest.raises((InvalidSignature, ValueError)):
        verify(merchant, receiver.got[0])


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("wrong_amount", {"amount.total": 2001, "amount.currency": "CNY"}),
        ("wrong_currency", {"amount.total": 2000, "amount.currency": "USD"}),
        ("other_merchant", {"mchid": "1900000000"}),
        ("other_app", {"appid": "wx0000000000000000"}),
        ("unknown_order", {"out_trade_no": "UNKNOWN0000000000001"}),
    ],
)
async def test_a_lie_is_properly_signed_and_wrong_in_one_place(
    merchant: Merchant, control: SandboxControl, receiver: Receiver, mode: str, told: dict[str, Any]
) -> None:
    await control.notify(ORDER, mode)
    content = verify(merchant, receiver.got[0])
    flat = content | {f"amount.{name}": value for name, value in content["amount"].items()}
    assert {name: flat[name] for name in told} == told


@pytest.mark.usefixtures("paid")
async def test_a_replay_is_the_last_accepted_one_byte_by_byte(control: SandboxControl, receiver: Receiver) -> None:
    with pytest.raises(ControlRefused, match="Nothing was delivered"):
        await control.notify(ORDER, "replay")
    await control.notify(ORDER)
    await control.notify(ORDER, "wrong_amount")
    await control.notify(ORDER, "replay", times=2)
    true, _, *replays = receiver.got
    assert [replay.body for replay in replays] == [true.body] * 2
    assert {replay.headers["wechatpay-signature"] for replay in replays} == {true.headers["wechatpay-signature"]}


async def test_a_lie_may_claim_a_payment_nobody_made(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    await open_order(merchant, phone, receiver)
    await control.notify(ORDER, "forged")
    plaintext = merchant.unwrap(content_of(receiver.got[0])["resource"])
    assert plaintext["trade_state"] == "SUCCESS"
    assert (await control.order(ORDER)).trade_state == "NOTPAY"


@pytest.mark.usefixtures("paid")
async def test_an_unknown_mode_is_refused_with_a_sentence(control: SandboxControl, receiver: Receiver) -> None:
    with pytest.raises(ControlRefused, match="mode is one of"):
        await control.notify(ORDER, "nonsense")
    assert receiver.got == []


async def test_notifications_may_be_signed_with_the_certificate(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    await control.be_hostile(sign_with_certificate=True)
    await open_order(merchant, phone, receiver)
    await control.pay_order(ORDER)
    (got,) = await receiver.wait_for(1)
    listed = (await merchant.send("GET", "/v3/certificates")).json()
    assert got.headers["wechatpay-serial"] == listed["data"][0]["serial_no"]
