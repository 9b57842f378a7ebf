"""Without this module money could go back twice to a payer in WeChat, or be thought to be back when it is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import orjson
import pytest

from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from app.payments.ports import (
    PaymentChannel,
    PaymentOrder,
    RefundOrder,
    RefundRefused,
    RefundStanding,
    RefundTruth,
)
from integrations.sandbox.control import SandboxControl
from integrations.wechat.pay_truth import refund_truth_of
from tests.integrations.contract.stage import Door


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "wechat")


@pytest.fixture
async def refund(control: SandboxControl, door: Door) -> RefundOrder:
    """A part of an order that was paid, about to go back; nobody is told of anything by itself."""
    phone = await control.make_phone()
    await control.be_hostile(notify_by_itself=False, haste=0.002)
    order_no = f"P{token_hex(12).upper()}"
    expires_at = datetime.now(UTC) + timedelta(minutes=30)
    await channel().open_payment(PaymentOrder(order_no, 4000, "证照工本费", phone.openid, expires_at))
    await control.pay_order(order_no)
    return RefundOrder(f"R{token_hex(12).upper()}", order_no, 1500, 4000, "多付退回")


async def settled(order: RefundOrder) -> RefundTruth:
    for _ in range(200):
        truth = await channel().ask_refund(order)
        if truth.state is not RefundStanding.PROCESSING:
            return truth
        await asyncio.sleep(0.02)
    raise AssertionError("the refund never ended")


async def test_a_refund_is_accepted_first_and_through_a_little_later(
    control: SandboxControl, refund: RefundOrder, door: Door
) -> None:
    await control.be_hostile(haste=0.1)
    accepted = await channel().refund(refund)
    assert (accepted.state, accepted.amount_fen, accepted.refunded_at) == (RefundStanding.PROCESSING, 1500, None)
    await control.be_hostile(haste=0.002)
    through = await settled(refund)
    [known] = (await control.order(refund.order_no)).refunds
    at = datetime.fromisoformat(known["success_time"]).astimezone(UTC)
    provider_ref = known["refund_id"]
    assert provider_ref == accepted.provider_ref
    assert through == RefundTruth("wechat", refund.refund_no, RefundStanding.SUCCEEDED, 1500, provider_ref, at)


async def test_equal_values_repay_once(control: SandboxControl, refund: RefundOrder) -> None:
    first, second = await channel().refund(refund), await channel().refund(refund)
    assert first.provider_ref == second.provider_ref
    assert len((await control.order(refund.order_no)).refunds) == 1


async def test_a_refund_says_to_the_payer_why_and_to_wechat_where_to_tell_of_it(
    control: SandboxControl, refund: RefundOrder, door: Door
) -> None:
    await control.be_hostile(notify_by_itself=True)
    await channel().refund(replace(refund, reason="退" * 100))
    await control.settle()
    [entry] = [one for one in await control.journal() if one.what == "POST /v3/refund/domestic/refunds"]
    assert "退" * 80 in entry.detail
    assert "退" * 81 not in entry.detail
    assert [received.topic for received in door.received] == ["payments.refund_notice"]
    assert [raw.kind for raw in door.raw] == ["payment"]


@pytest.mark.parametrize(
    ("outcome", "standing"), [("ABNORMAL", RefundStanding.ABNORMAL), ("CLOSED", RefundStanding.CLOSED)]
)
async def test_a_refund_that_ends_badly_is_told_as_that(
    control: SandboxControl, refund: RefundOrder, outcome: str, standing: RefundStanding
) -> None:
    await control.be_hostile(refund_outcome=outcome)
    await channel().refund(refund)
    truth = await settled(refund)
    assert (truth.state, truth.amount_fen, truth.refunded_at) == (standing, 1500, None)


async def test_a_refund_nobody_asked_for_is_unknown(control: SandboxControl, refund: RefundOrder) -> None:
    assert await channel().ask_refund(refund) == RefundTruth("wechat", refund.refund_no, RefundStanding.UNKNOWN)


@pytest.mark.parametrize(("switch", "code"), [("not_enough", "NOT_ENOUGH"), ("too_often", "FREQUENCY_LIMITED")])
async def test_what_wechat_cannot_do_now_is_asked_again_later_with_equal_values(
    control: SandboxControl, refund: RefundOrder, switch: str, code: str
) -> None:
    await control.be_hostile(**{switch: True})
    with pytest.raises(RefundRefused) as refusal:
        await channel().refund(refund)
    assert (refusal.value.code, refusal.value.later) == (code, True)
    assert (await control.order(refund.order_no)).refunds == []
    await control.be_hostile(**{switch: False})
    assert (await channel().refund(refund)).amount_fen == 1500


async def test_more_than_was_paid_is_refused_for_good(control: SandboxControl, refund: RefundOrder) -> None:
    await channel().refund(replace(refund, refund_no="R1", amount_fen=3000))
    with pytest.raises(RefundRefused) as refusal:
        await channel().refund(refund)
    assert (refusal.value.code, refusal.value.later) == ("INVALID_REQUEST", False)
    assert [one["out_refund_no"] for one in (await control.order(refund.order_no)).refunds] == ["R1"]


async def test_another_sum_under_the_same_number_is_refused(control: SandboxControl, refund: RefundOrder) -> None:
    await channel().refund(refund)
    with pytest.raises(RefundRefused, match="INVALID_REQUEST"):
        await channel().refund(replace(refund, amount_fen=1501))
    assert [one["amount"]["refund"] for one in (await control.order(refund.order_no)).refunds] == [1500]


async def test_an_order_that_was_never_paid_cannot_be_repaid(control: SandboxControl, refund: RefundOrder) -> None:
    with pytest.raises(RefundRefused) as refusal:
        await channel().refund(replace(refund, order_no="PNEVERPAID01"))
    assert (refusal.value.code, refusal.value.later) == ("RESOURCE_NOT_EXISTS", False)


@pytest.mark.parametrize("fault", ["sign_test", "server_error", "error_after_effect", "garbage"])
async def test_after_an_answer_nobody_can_use_the_same_refund_repays_once(
    control: SandboxControl, refund: RefundOrder, fault: str
) -> None:
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await channel().refund(refund)
    with pytest.raises(ProviderUnavailable):
        await channel().ask_refund(refund)
    await control.be_kind()
    assert (await channel().refund(refund)).amount_fen == 1500
    assert len((await control.order(refund.order_no)).refunds) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"refund_no": ""},
        {"refund_no": "R-1"},
        {"refund_no": "R" * 65},
        {"refund_no": "../R1"},
        {"order_no": "short"},
        {"amount_fen": 0},
        {"amount_fen": 4001},
        {"amount_fen": True},
        {"amount_fen": 15.0},
        {"total_fen": 4000.0},
    ],
)
async def test_a_refund_we_could_not_answer_for_never_leaves(
    control: SandboxControl, refund: RefundOrder, wrong: dict[str, object]
) -> None:
    values = {name: getattr(refund, name) for name in refund.__dataclass_fields__} | wrong
    with pytest.raises(ValueError, match=r"an? (order|refund)"):
        await channel().refund(RefundOrder(**values))
    assert (await control.order(refund.order_no)).refunds == []


ANSWER = {
    "refund_id": "50300000000000000000000000001",
    "out_refund_no": "R1",
    "status": "PROCESSING",
    "amount": {"refund": 1, "total": 2, "currency": "CNY"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "DONE"},
        {"status": None},
        {"refund_status": "", "status": "SUCCESS"},
        {"status": "SUCCESS"},
        {"status": "SUCCESS", "success_time": "2026-11-26T10:00:00"},
        {"amount": None},
        {"amount": {"refund": "1"}},
        {"amount": {"refund": 1.0}},
        {"amount": {"refund": 1, "currency": "USD"}},
        {"refund_id": ""},
        {"out_refund_no": "R 1"},
    ],
)
def test_what_cannot_be_read_says_nothing_about_a_refund(change: dict[str, object]) -> None:
    assert refund_truth_of(ANSWER).state is RefundStanding.PROCESSING
    with pytest.raises(ValueError, match=r"status|amount|is no|missing|form|fen"):
        refund_truth_of(orjson.loads(orjson.dumps(ANSWER | change)))


@pytest.mark.parametrize("name", ["status", "refund_status"])
def test_an_answer_and_a_notice_spell_the_state_differently(name: str) -> None:
    told = {key: value for key, value in ANSWER.items() if key != "status"} | {name: "CLOSED"}
    assert refund_truth_of(told).state is RefundStanding.CLOSED
