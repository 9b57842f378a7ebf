"""Without this module the sandbox's unkindness could not be repeated: the same seed must do the same harm."""

import time
from typing import Any

import httpx
import pytest

from integrations.sandbox.control import ControlRefused, Phone, SandboxControl
from tests.integrations.sandbox.merchant import Merchant
from tests.integrations.sandbox.receiver import Receiver

CERTIFICATES = "/v3/certificates"
LOGIN = "/sns/jscode2session"


async def statuses(merchant: Merchant, count: int = 24) -> list[int]:
    return [(await merchant.send("GET", CERTIFICATES)).status_code for _ in range(count)]


async def test_the_same_seed_and_sequence_give_the_same_decisions(merchant: Merchant, control: SandboxControl) -> None:
    await control.be_hostile(seed=7, server_error=0.4)
    first = await statuses(merchant)
    await control.be_hostile(seed=7)
    again = []
    for _ in range(24):
        again.append((await merchant.send("GET", CERTIFICATES)).status_code)
        await merchant.client.get(LOGIN)  # what happens beside a stream does not move it
    await control.be_hostile(seed=8)
    other = await statuses(merchant)
    assert first == again
    assert first != other
    assert 200 in first
    assert {500, 502, 503} & set(first)
    await control.be_kind()
    assert await statuses(merchant, 5) == [200] * 5


async def test_an_error_may_come_after_the_effect(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    order = merchant.order("ORDER00001", phone.openid, receiver.url)
    await control.be_hostile(seed=1, server_error=1)
    assert (await merchant.send("POST", "/v3/pay/transactions/jsapi", order)).is_server_error
    assert await control.orders() == []
    await control.be_hostile(seed=1, server_error=0, error_after_effect=1)
    assert (await merchant.send("POST", "/v3/pay/transactions/jsapi", order)).is_server_error
    assert [one.out_trade_no for one in await control.orders()] == ["ORDER00001"]


async def test_a_time_out_says_nothing_until_the_caller_gives_up(merchant: Merchant, control: SandboxControl) -> None:
    await control.be_hostile(seed=1, timeout=1, timeout_seconds=60)
    started = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        await merchant.client.get(LOGIN, timeout=0.2)
    assert time.monotonic() - started < 2
    await control.be_hostile(timeout_seconds=0.05)
    assert (await merchant.client.get(LOGIN)).status_code in {200, 502}


async def test_garbage_and_sign_tests_look_like_success(merchant: Merchant, control: SandboxControl) -> None:
    await control.be_hostile(seed=3, garbage=1)
    answer = await merchant.send("GET", CERTIFICATES)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r".+"):
        answer.json()
    await control.be_hostile(seed=3, garbage=0, sign_test=1)
    answer = await merchant.send("GET", CERTIFICATES)
    assert answer.json()["data"]
    assert answer.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")


async def pay_some(merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver, count: int) -> None:
    for number in range(count):
        await merchant.open(merchant.order(f"ORDER{number:05d}", phone.openid, receiver.url))
        await control.pay_order(f"ORDER{number:05d}")
    await control.settle()


@pytest.mark.parametrize(
    ("mood", "count"),
    [({"duplicate": 1}, 4), ({"drop": 1}, 0), ({"forge": 1}, 4), ({"wrong_amount": 1}, 4), ({"garbage": 1}, 4)],
)
async def test_callbacks_are_doubled_lost_or_joined_by_lies(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver, mood: dict[str, Any], count: int
) -> None:
    for number in range(2):
        await merchant.open(merchant.order(f"ORDER{number:05d}", phone.openid, receiver.url))
    await control.be_hostile(seed=1, **mood)
    for number in range(2):
        await control.pay_order(f"ORDER{number:05d}")
    await control.settle()
    assert len(receiver.got) == count
    fates = {entry.fate for entry in await control.journal() if entry.direction == "callback"}
    assert (
        fates
        == {
            "duplicate": {"", "duplicate"},
            "drop": {"drop"},
            "forge": {"", "forged"},
            "wrong_amount": {"", "wrong_amount"},
            "garbage": {"", "garbage"},
        }[next(iter(mood))]
    )


async def test_callbacks_come_late_and_out_of_order(
    merchant: Merchant, control: SandboxControl, phone: Phone, receiver: Receiver
) -> None:
    await control.be_hostile(seed=5, delay=0.5, reorder=0.3, delay_seconds=0.4)
    await pay_some(merchant, control, phone, receiver, 8)
    subjects = [e.what.split(" ")[1] for e in await control.journal() if e.direction == "callback"]
    assert sorted(subjects) == [f"ORDER{number:05d}" for number in range(8)]
    assert subjects != sorted(subjects)


async def test_fields_not_named_stay_and_wrong_ones_are_refused(control: SandboxControl) -> None:
    await control.be_hostile(drop=0.5)
    assert (await control.be_hostile(seed=3))["drop"] == 0.5
    for wrong in ({"drop": 1.5}, {"drop": -1}, {"haste": 0}, {"unheard_of": 1}, {"refund_outcome": "LOST"}):
        with pytest.raises(ControlRefused, match=next(iter(wrong))):
            await control.be_hostile(**wrong)
    assert (await control.hostility())["drop"] == 0.5
    kind = await control.be_kind()
    assert (kind["drop"], kind["haste"], kind["notify_by_itself"]) == (0, 0.02, True)
