"""Without this module a forged notice could pay a bill."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import pytest
from pydantic import TypeAdapter

from app.kernel import ports
from app.kernel.callbacks import MAX_CALLBACK_BYTES, CallbackReader, CallbackRefused, RawCallback
from app.payments.ports import (
    NOTICE_TOPIC,
    REFUND_TOPIC,
    PaymentChannel,
    PaymentOrder,
    PaymentState,
    PaymentTruth,
    RefundOrder,
    RefundStanding,
    RefundTruth,
)
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Door, Sandbox, connected
from tests.integrations.wechat.mutations import MUTATIONS, with_header

truth_from = TypeAdapter(PaymentTruth).validate_python
refund_from = TypeAdapter(RefundTruth).validate_python


@pytest.fixture
async def paid(control: SandboxControl, door: Door) -> PaymentOrder:
    """An order that was paid a moment ago, before anybody told us."""
    phone = await control.make_phone()
    await control.be_hostile(notify_by_itself=False)
    order = PaymentOrder(
        f"P{token_hex(12).upper()}", 4000, "证照工本费", phone.openid, datetime.now(UTC) + timedelta(minutes=30)
    )
    await ports.get(PaymentChannel, "wechat").open_payment(order)
    assert await control.pay_order(order.order_no) == "requestPayment:ok"
    return order


async def test_a_payment_is_told_to_us_by_itself(control: SandboxControl, door: Door) -> None:
    phone = await control.make_phone()
    order = PaymentOrder("P0123456789", 1, "费", phone.openid, datetime.now(UTC) + timedelta(minutes=30))
    await ports.get(PaymentChannel, "wechat").open_payment(order)
    await control.pay_order(order.order_no)
    await control.settle()
    assert [received.topic for received in door.received] == [NOTICE_TOPIC]


async def test_a_notice_says_the_same_as_a_query(control: SandboxControl, door: Door, paid: PaymentOrder) -> None:
    replies = await control.notify(paid.order_no, times=2)
    assert [(reply.status, reply.body, reply.accepted) for reply in replies] == [(204, "", True)] * 2
    truth = await ports.get(PaymentChannel, "wechat").ask(paid.order_no)
    assert truth.state is PaymentState.PAID
    assert [truth_from(received.content) for received in door.received] == [truth, truth]
    assert {received.event_key for received in door.received} == {
        f"transaction:{paid.order_no}:{truth.provider_ref}:{truth.amount_fen}CNY"
    }


@pytest.mark.parametrize(
    ("mode", "status", "reason"),
    [
        ("forged", 401, "signature-wrong"),
        ("tampered", 401, "signature-wrong"),
        ("signtest", 401, "signature-wrong"),
        ("expired", 401, "timestamp-stale"),
        ("unknown_serial", 401, "serial-unknown"),
        ("other_merchant", 400, "not-ours"),
        ("other_app", 400, "not-ours"),
    ],
)
async def test_a_notice_that_is_not_genuine_and_ours_is_refused(
    control: SandboxControl, door: Door, paid: PaymentOrder, mode: str, status: int, reason: str
) -> None:
    [reply] = await control.notify(paid.order_no, mode)
    assert (reply.status, reply.body) == (status, '{"code":"FAIL","message":"失败"}')
    assert (door.received, door.refused) == ([], [reason])


@pytest.mark.parametrize(
    ("mode", "amount", "currency"), [("wrong_amount", 4001, "CNY"), ("wrong_currency", 4000, "USD")]
)
async def test_a_wrong_amount_is_handed_on_for_the_domain_to_see(
    control: SandboxControl, door: Door, paid: PaymentOrder, mode: str, amount: int, currency: str
) -> None:
    await control.notify(paid.order_no, mode)
    truth = truth_from(door.received[0].content)
    assert (truth.amount_fen, truth.currency) == (amount, currency)


async def test_a_refund_is_told_with_its_own_number_and_outcome(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    channel = ports.get(PaymentChannel, "wechat")
    order = RefundOrder("R0000000001", paid.order_no, 1500, 4000, "多付退回")
    accepted = await channel.refund(order)
    await control.notify(paid.order_no, out_refund_no="R0000000001")
    [received] = door.received
    key = f"refund:R0000000001:SUCCESS:{accepted.provider_ref}:1500"
    assert (received.event_key, received.topic) == (key, REFUND_TOPIC)
    truth = refund_from(received.content)
    assert (truth.channel, truth.refund_no, truth.state) == ("wechat", "R0000000001", RefundStanding.SUCCEEDED)
    assert (truth.amount_fen, truth.provider_ref) == (1500, accepted.provider_ref)
    assert truth.refunded_at is not None


async def test_a_refund_of_another_merchant_is_refused(control: SandboxControl, door: Door, paid: PaymentOrder) -> None:
    await ports.get(PaymentChannel, "wechat").refund(RefundOrder("R1", paid.order_no, 1500, 4000, "多付退回"))
    [reply] = await control.notify(paid.order_no, "other_merchant", out_refund_no="R1")
    assert (reply.status, door.received, door.refused) == (400, [], ["not-ours"])


async def test_a_refund_told_over_another_sum_is_no_repetition_of_the_true_notice(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    await ports.get(PaymentChannel, "wechat").refund(RefundOrder("R1", paid.order_no, 1500, 4000, "多付退回"))
    await control.notify(paid.order_no, "wrong_amount", out_refund_no="R1")
    await control.notify(paid.order_no, out_refund_no="R1")
    assert [refund_from(received.content).amount_fen for received in door.received] == [1501, 1500]
    assert len({received.event_key for received in door.received}) == 2


async def test_while_the_key_is_switched_both_kinds_are_believed(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    await control.notify(paid.order_no)
    await control.be_hostile(sign_with_certificate=True)
    await control.notify(paid.order_no)
    serials = [raw.headers["wechatpay-serial"] for raw in door.raw]
    assert serials[0].startswith("PUB_KEY_ID_")
    assert len(serials[1]) == 40
    assert (len(door.received), door.refused) == (2, [])


async def test_an_unknown_public_key_costs_no_request(control: SandboxControl, door: Door, paid: PaymentOrder) -> None:
    await control.notify(paid.order_no, "unknown_serial", times=20)
    assert not [entry for entry in await control.journal() if "certificates" in entry.what]


async def test_unknown_certificate_serials_cost_one_request_a_minute(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    await control.notify(paid.order_no)
    reader = ports.get(CallbackReader, "wechat/payment")
    for number in range(20):
        with pytest.raises(CallbackRefused, match="serial-unknown"):
            await reader.read(with_header(door.raw[0], "wechatpay-serial", f"{number:040X}"))
    asked = [entry for entry in await control.journal() if "certificates" in entry.what]
    assert len(asked) == 1


async def test_another_key_for_the_content_opens_nothing(
    control: SandboxControl, door: Door, paid: PaymentOrder, sandbox: Sandbox
) -> None:
    await control.notify(paid.order_no)
    async with connected("wechat", **{**sandbox.environment, "WECHAT_PAY_API_V3_KEY": "0" * 32}):
        with pytest.raises(CallbackRefused, match="ciphertext"):
            await ports.get(CallbackReader, "wechat/payment").read(door.raw[0])


async def test_no_mutation_of_a_true_notice_is_believed(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    await control.notify(paid.order_no)
    true, reader = door.raw[0], ports.get(CallbackReader, "wechat/payment")
    await reader.read(true)
    source = random.Random(20261125)  # noqa: S311 - repeatable on purpose
    for attempt in range(1000):
        mutate = source.choice(MUTATIONS)
        false = mutate(true, source)
        assert (false.body, false.headers) != (true.body, true.headers), mutate.__name__
        try:
            await reader.read(false)
        except CallbackRefused:
            continue
        pytest.fail(f"attempt {attempt}: {mutate.__name__} was believed")
    assert len(door.received) == 1


@pytest.mark.parametrize("body", [b"", b"x" * (MAX_CALLBACK_BYTES + 1)])
async def test_an_empty_or_oversized_body_is_not_even_verified(door: Door, body: bytes) -> None:
    with pytest.raises(CallbackRefused, match="size"):
        await ports.get(CallbackReader, "wechat/payment").read(RawCallback("wechat", "payment", {}, {}, body))
