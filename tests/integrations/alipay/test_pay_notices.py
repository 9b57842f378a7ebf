"""Without this module a forged notice could pay a bill in Alipay."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from urllib.parse import parse_qsl, urlencode

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
from tests.integrations.alipay.mutations import MUTATIONS, says
from tests.integrations.contract.stage import Door, Sandbox, connected

truth_from = TypeAdapter(PaymentTruth).validate_python
refund_from = TypeAdapter(RefundTruth).validate_python


@pytest.fixture
async def order(control: SandboxControl, door: Door) -> PaymentOrder:
    """A trade nobody has paid yet, and an Alipay that keeps silent."""
    user = await control.add_alipay_user()
    await control.be_hostile(notify_by_itself=False, haste=0.0001)
    deadline = datetime.now(UTC) + timedelta(minutes=30)
    made = PaymentOrder(f"P{token_hex(12).upper()}", 4000, "工本费 100%+1", user.open_id, deadline)
    await channel().open_payment(made)
    return made


@pytest.fixture
async def paid(control: SandboxControl, order: PaymentOrder) -> PaymentOrder:
    assert await control.pay_trade(order.order_no) == "9000"
    return order


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "alipay")


def reader() -> CallbackReader:
    return ports.get(CallbackReader, "alipay/payment")


async def test_a_payment_and_an_end_are_told_to_us_by_themselves(
    control: SandboxControl, door: Door, order: PaymentOrder
) -> None:
    await control.be_hostile(notify_by_itself=True)
    other = replace(order, order_no="P0123456789")
    await channel().open_payment(other)
    await control.pay_trade(order.order_no)
    await channel().close(other.order_no)
    await control.settle()
    told = {truth.order_no: truth.state for truth in (truth_from(received.content) for received in door.received)}
    assert told == {order.order_no: PaymentState.PAID, other.order_no: PaymentState.CLOSED}
    assert {received.topic for received in door.received} == {NOTICE_TOPIC}


async def test_a_notice_says_the_same_as_a_query_and_keeps_its_key_over_repeats(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    replies = await control.notify_trade(paid.order_no, times=2)
    assert [(reply.status, reply.body, reply.accepted) for reply in replies] == [(200, "success", True)] * 2
    truth = await channel().ask(paid.order_no)
    assert truth.state is PaymentState.PAID
    assert [truth_from(received.content) for received in door.received] == [truth, truth]
    assert {received.event_key for received in door.received} == {
        f"trade:{paid.order_no}:{truth.provider_ref}:TRADE_SUCCESS:4000CNY"
    }


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("forged", "signature-wrong"),
        ("tampered", "signature-wrong"),
        ("sign_type_kept", "signature-wrong"),
        ("truncated", None),
        ("garbage", "not-a-form"),
        ("other_app", "not-ours"),
        ("other_seller", "not-ours"),
    ],
)
async def test_a_notice_that_is_not_genuine_and_ours_is_refused(
    control: SandboxControl, door: Door, paid: PaymentOrder, mode: str, reason: str | None
) -> None:
    [reply] = await control.notify_trade(paid.order_no, mode)
    assert (reply.status, reply.body, reply.accepted) == (400, "fail", False)
    assert door.received == []
    assert door.refused == [reason or door.refused[0]]


async def test_a_field_of_tomorrow_is_signed_and_does_no_harm(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    await control.notify_trade(paid.order_no)
    await control.notify_trade(paid.order_no, "extra_field")
    usual, extended = door.received
    assert b"field_of_tomorrow" in door.raw[1].body
    assert extended == usual


async def test_a_wrong_sum_or_payer_is_handed_on_for_the_domain_to_see(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    for mode in ("normal", "wrong_amount", "other_buyer", "unknown_order"):
        await control.notify_trade(paid.order_no, mode)
    truths = [truth_from(received.content) for received in door.received]
    assert [truth.amount_fen for truth in truths] == [4000, 4001, 4000, 4000]
    assert [truth.payer_open_id == paid.payer_open_id for truth in truths] == [True, True, False, True]
    assert truths[3].order_no == "UNKNOWN0000000000001"
    keys = [received.event_key for received in door.received]
    assert keys[0] == keys[2]
    assert len({keys[0], keys[1], keys[3]}) == 3


async def test_a_lie_may_be_told_of_what_nobody_paid(control: SandboxControl, door: Door, order: PaymentOrder) -> None:
    await control.notify_trade(order.order_no, "forged")
    assert (door.received, door.refused) == ([], ["signature-wrong"])
    assert (await channel().ask(order.order_no)).state is PaymentState.NOT_PAID


async def test_refunds_are_told_apart_from_payments_and_from_each_other(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    """A part leaves the state of a payment, the last part that of an end."""
    await control.be_hostile(notify_by_itself=True)
    for fen, number in ((1500, "R1"), (2500, "R2")):
        await channel().refund(RefundOrder(number, paid.order_no, fen, 4000, "退款"))
        await control.settle()
    truths = [refund_from(received.content) for received in door.received]
    trade_no = (await control.trade(paid.order_no)).trade_no
    assert [received.topic for received in door.received] == [REFUND_TOPIC] * 2
    assert [(truth.refund_no, truth.state, truth.amount_fen) for truth in truths] == [
        ("R1", RefundStanding.SUCCEEDED, None),
        ("R2", RefundStanding.SUCCEEDED, None),
    ]
    assert [received.event_key for received in door.received] == [
        f"refund:{trade_no}:TRADE_SUCCESS:R1:1500",
        f"refund:{trade_no}:TRADE_CLOSED:R2:4000",
    ]
    assert all(truth.refunded_at and truth.provider_ref == trade_no for truth in truths)


async def test_a_finished_trade_is_a_paid_one(control: SandboxControl, door: Door, paid: PaymentOrder) -> None:
    await control.be_hostile(notify_by_itself=True)
    await control.advance_clock(366 * 86400)
    await control.trade(paid.order_no)
    await control.settle()
    [received] = door.received
    truth = truth_from(received.content)
    assert (truth.state, truth.amount_fen) == (PaymentState.PAID, 4000)
    assert received.event_key.endswith(":TRADE_FINISHED:4000CNY")


async def test_a_notice_under_a_certificate_is_believed_also_when_it_is_new(
    control: SandboxControl, door: Door, sandbox: Sandbox, certificate_mode: dict[str, str]
) -> None:
    user = await control.add_alipay_user()
    await control.be_hostile(notify_by_itself=False)
    async with connected("alipay", **{**sandbox.environment, **certificate_mode, "PORTAL_PUBLIC_URL": door.url}):
        deadline = datetime.now(UTC) + timedelta(minutes=30)
        await channel().open_payment(PaymentOrder("P0123456789", 1, "费", user.open_id, deadline))
        await control.pay_trade("P0123456789")
        await control.notify_trade("P0123456789")
        await control.be_hostile(alipay_new_certificate=True)
        await control.notify_trade("P0123456789")
        await control.notify_trade("P0123456789", "forged")
    serials = [dict(parse_qsl(raw.body.decode()))["alipay_cert_sn"] for raw in door.raw]
    assert serials[0] != serials[1] == serials[2]
    assert (len(door.received), door.refused) == (2, ["signature-wrong"])


async def test_no_mutation_of_a_true_notice_is_believed(
    control: SandboxControl, door: Door, paid: PaymentOrder
) -> None:
    await control.notify_trade(paid.order_no)
    true = door.raw[0]
    source, refused = random.Random(20261126), 0  # noqa: S311 - repeatable on purpose
    while refused < 1000:
        mutate = source.choice(MUTATIONS)
        false = mutate(true, source)
        if says(false) == says(true):
            continue
        try:
            await reader().read(false)
        except CallbackRefused:
            refused += 1
            continue
        pytest.fail(f"{mutate.__name__} was believed: {false.body!r}")
    assert len(door.received) == 1


@pytest.mark.parametrize("body", [b"", b"x=" + b"x" * MAX_CALLBACK_BYTES])
async def test_an_empty_or_oversized_body_is_not_even_read(door: Door, body: bytes) -> None:
    with pytest.raises(CallbackRefused, match="size"):
        await reader().read(RawCallback("alipay", "payment", {}, {}, body))


async def test_too_many_fields_and_other_encodings_are_no_form(door: Door) -> None:
    many = urlencode({f"f{number}": "1" for number in range(101)}).encode()
    for body in (many, "subject=费".encode(), b"subject=%B7%D1", b"subject=%FF%FE&sign=x"):
        with pytest.raises(CallbackRefused, match="not-a-form"):
            await reader().read(RawCallback("alipay", "payment", {}, {}, body))
    with pytest.raises(CallbackRefused, match="name-twice"):
        await reader().read(RawCallback("alipay", "payment", {}, {}, b"total_amount=0.01&total_amount=40.00"))
