"""Without this module a bill could be paid in Alipay for a wrong sum, twice, or by the wrong person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from secrets import token_hex

import pytest

from app.kernel import ports
from app.kernel.clock import local
from app.kernel.errors import ProviderUnavailable
from app.payments.ports import (
    OpenedPayment,
    OrderRefused,
    PaymentChannel,
    PaymentOrder,
    PaymentState,
    PaymentTruth,
    RefundOrder,
    RefundRefused,
    RefundStanding,
)
from integrations.sandbox.control import AlipayUser, ControlRefused, SandboxControl
from tests.integrations.contract.stage import Door, Sandbox, connected

pytestmark = pytest.mark.usefixtures("door")


@pytest.fixture
async def user(control: SandboxControl) -> AlipayUser:
    return await control.add_alipay_user()


@pytest.fixture
def order(user: AlipayUser) -> PaymentOrder:
    return new_order(user)


def new_order(user: AlipayUser, fen: int = 4000) -> PaymentOrder:
    deadline = (datetime.now(UTC) + timedelta(minutes=30)).replace(microsecond=0)
    return PaymentOrder(f"P{token_hex(12).upper()}", fen, "证照工本费", user.open_id, deadline)


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "alipay")


def changed(order: PaymentOrder, **values: object) -> PaymentOrder:
    return PaymentOrder(**{name: getattr(order, name) for name in order.__dataclass_fields__} | values)


async def test_alipay_is_told_the_sum_in_yuan_the_payer_and_where_to_tell_us(
    control: SandboxControl, door: Door, user: AlipayUser, order: PaymentOrder
) -> None:
    opened = await channel().open_payment(order)
    trade = await control.trade(order.order_no)
    assert (trade.trade_no, trade.open_id, trade.total, trade.subject) == (
        opened.prepay_ref,
        user.open_id,
        4000,
        "证照工本费",
    )
    assert (trade.trade_status, trade.notify_url) == ("WAIT_BUYER_PAY", f"{door.url}/callbacks/alipay/payment")
    assert datetime.fromisoformat(trade.expires_at) == order.expires_at


async def test_the_phone_pays_with_nothing_but_the_number_of_the_trade(
    control: SandboxControl, user: AlipayUser, order: PaymentOrder
) -> None:
    opened = await channel().open_payment(order)
    parameters = await channel().client_parameters(opened.prepay_ref)
    assert parameters == {"tradeNO": opened.prepay_ref}
    with pytest.raises(ControlRefused, match="belongs to another buyer"):
        await control.trade_pay((await control.add_alipay_user()).open_id, parameters)
    assert await control.trade_pay(user.open_id, parameters, outcome="cancel") == "6001"
    assert (await channel().ask(order.order_no)).state is PaymentState.NOT_PAID
    assert await control.trade_pay(user.open_id, parameters) == "9000"
    assert (await channel().ask(order.order_no)).state is PaymentState.PAID


async def test_equal_values_give_the_same_trade_and_others_are_refused(order: PaymentOrder) -> None:
    first = await channel().open_payment(order)
    assert await channel().open_payment(order) == first
    with pytest.raises(OrderRefused) as refused:
        await channel().open_payment(changed(order, amount_fen=4001))
    told = refused.value
    assert (told.code, told.already_paid, told.already_closed) == ("ACQ.CONTEXT_INCONSISTENT", False, False)


async def test_a_query_tells_the_whole_truth(control: SandboxControl, user: AlipayUser, order: PaymentOrder) -> None:
    assert await channel().ask(order.order_no) == PaymentTruth("alipay", order.order_no, PaymentState.UNKNOWN)
    opened = await channel().open_payment(order)
    assert await channel().ask(order.order_no) == PaymentTruth(
        "alipay", order.order_no, PaymentState.NOT_PAID, 4000, "CNY", None, user.open_id
    )
    await control.pay_trade(order.order_no)
    paid_at = datetime.fromisoformat((await control.trade(order.order_no)).paid_at)
    assert await channel().ask(order.order_no) == PaymentTruth(
        "alipay", order.order_no, PaymentState.PAID, 4000, "CNY", opened.prepay_ref, user.open_id, paid_at
    )


@pytest.mark.parametrize("ids", ["open_id", "both", "user_id"])
async def test_the_payer_is_named_as_the_sign_in_named_them(
    control: SandboxControl, user: AlipayUser, order: PaymentOrder, ids: str
) -> None:
    """An older application knows people by the user id only."""
    await control.be_hostile(alipay_ids=ids)
    payer = user.user_id if ids == "user_id" else user.open_id
    await channel().open_payment(changed(order, payer_open_id=payer))
    await control.pay_trade(order.order_no)
    truth = await channel().ask(order.order_no)
    assert (truth.payer_open_id, truth.payer_other_id) == (payer, user.user_id if ids == "both" else None)


async def test_a_closed_trade_cannot_be_paid_or_opened_again(control: SandboxControl, order: PaymentOrder) -> None:
    await channel().open_payment(order)
    await channel().close(order.order_no)
    await channel().close(order.order_no)
    assert (await channel().ask(order.order_no)).state is PaymentState.CLOSED
    with pytest.raises(ControlRefused, match="closed"):
        await control.pay_trade(order.order_no)
    with pytest.raises(OrderRefused) as refused:
        await channel().open_payment(order)
    assert (refused.value.code, refused.value.already_closed) == ("ACQ.TRADE_HAS_CLOSE", True)


async def test_what_alipay_never_heard_of_is_closed(order: PaymentOrder) -> None:
    await channel().close(order.order_no)
    assert (await channel().ask(order.order_no)).state is PaymentState.UNKNOWN


async def test_a_paid_trade_is_neither_closed_nor_opened_again(control: SandboxControl, order: PaymentOrder) -> None:
    await channel().open_payment(order)
    await control.pay_trade(order.order_no)
    with pytest.raises(OrderRefused) as not_closed:
        await channel().close(order.order_no)
    assert (not_closed.value.code, not_closed.value.already_paid) == ("ACQ.TRADE_STATUS_ERROR", True)
    with pytest.raises(OrderRefused) as not_opened:
        await channel().open_payment(order)
    assert (not_opened.value.code, not_opened.value.already_paid) == ("ACQ.TRADE_HAS_SUCCESS", True)


async def test_an_unpaid_trade_ends_with_its_time(control: SandboxControl, order: PaymentOrder) -> None:
    await channel().open_payment(order)
    await control.advance_clock(1801)
    assert (await channel().ask(order.order_no)).state is PaymentState.CLOSED


async def test_a_trade_whose_refund_time_is_over_was_paid(control: SandboxControl, order: PaymentOrder) -> None:
    await channel().open_payment(order)
    await control.pay_trade(order.order_no)
    await control.advance_clock(366 * 86400)
    assert (await control.trade(order.order_no)).trade_status == "TRADE_FINISHED"
    assert (await channel().ask(order.order_no)).state is PaymentState.PAID


@pytest.mark.parametrize(
    "wrong",
    [
        {"order_no": "short"},
        {"order_no": "A" * 33},
        {"order_no": "AB_CDEFG"},
        {"amount_fen": 0},
        {"amount_fen": -1},
        {"amount_fen": True},
        {"amount_fen": 40.0},
        {"amount_fen": 10_000_000_001},
        {"description": ""},
        {"payer_open_id": ""},
        {"payer_open_id": "o" * 129},
        {"expires_at": datetime(2026, 1, 1)},
    ],
)
async def test_an_order_we_could_not_answer_for_never_leaves(
    control: SandboxControl, order: PaymentOrder, wrong: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"an? (order|deadline)"):
        await channel().open_payment(changed(order, **wrong))
    assert await control.trades() == []


async def test_a_description_is_cut_and_freed_of_what_alipay_does_not_take(
    control: SandboxControl, order: PaymentOrder
) -> None:
    await channel().open_payment(changed(order, description="工本费(补领/换领)=A&B" + "费" * 300))
    subject = (await control.trade(order.order_no)).subject
    assert subject.startswith("工本费(补领／换领)＝A＆B费")
    assert len(subject) == 256


@pytest.mark.parametrize("fault", ["sign_test", "garbage", "server_error", "error_after_effect"])
async def test_a_gateway_that_is_never_right_is_unavailable(
    control: SandboxControl, order: PaymentOrder, fault: str
) -> None:
    await control.be_hostile(seed=3, **{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await channel().open_payment(order)
    with pytest.raises(ProviderUnavailable):
        await channel().ask(order.order_no)
    await control.be_kind()
    await channel().open_payment(order)
    assert (await channel().ask(order.order_no)).state is PaymentState.NOT_PAID
    assert [trade.out_trade_no for trade in await control.trades()] == [order.order_no]


@pytest.mark.parametrize("fault", ["sign_test", "server_error", "error_after_effect"])
async def test_a_close_nobody_confirmed_may_have_happened(
    control: SandboxControl, order: PaymentOrder, fault: str
) -> None:
    await channel().open_payment(order)
    await control.be_hostile(seed=3, **{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await channel().close(order.order_no)
    await control.be_kind()
    done = {"server_error": PaymentState.NOT_PAID}.get(fault, PaymentState.CLOSED)
    assert (await channel().ask(order.order_no)).state is done


async def test_another_seller_s_number_is_not_ours_to_use(
    control: SandboxControl, order: PaymentOrder, sandbox: Sandbox
) -> None:
    async with connected("alipay", **{**sandbox.environment, "ALIPAY_SELLER_ID": "2088000000000000"}):
        with pytest.raises(OrderRefused, match=r"ACQ\.PARTNER_ERROR"):
            await channel().open_payment(order)
    assert await control.trades() == []


async def test_with_certificates_it_is_the_same(
    control: SandboxControl, order: PaymentOrder, sandbox: Sandbox, certificate_mode: dict[str, str]
) -> None:
    async with connected("alipay", **{**sandbox.environment, **certificate_mode}):
        opened = await channel().open_payment(order)
        assert isinstance(opened, OpenedPayment)
        await control.pay_trade(order.order_no)
        assert (await channel().ask(order.order_no)).state is PaymentState.PAID


async def test_encrypted_questions_are_answered_the_same(
    control: SandboxControl, order: PaymentOrder, sandbox: Sandbox
) -> None:
    """Each kind of question by itself: opening, asking, giving back, asking about that, closing, the day's accounts."""
    await control.be_hostile(notify_by_itself=False, early_bills=True, haste=0.0001)
    today = local(datetime.now(UTC)).date()
    async with connected("alipay", **{**sandbox.environment, "ALIPAY_ENCRYPT_REQUESTS": "true"}):
        alipay = channel()
        await alipay.open_payment(order)
        assert (await alipay.ask(order.order_no)).state is PaymentState.NOT_PAID
        assert (await alipay.ask("P" * 25)).state is PaymentState.UNKNOWN
        await control.pay_trade(order.order_no)
        assert (await alipay.ask(order.order_no)).state is PaymentState.PAID

        part = RefundOrder("R0000001", order.order_no, 1500, order.amount_fen, "多收退还")
        assert (await alipay.ask_refund(part)).state is RefundStanding.UNKNOWN
        done = await alipay.refund(part)
        assert (done.state, done.amount_fen) == (RefundStanding.SUCCEEDED, 1500)
        assert await alipay.ask_refund(part) == done
        with pytest.raises(RefundRefused) as refused:
            await alipay.refund(RefundOrder("R0000002", order.order_no, 2501, order.amount_fen, "多收退还"))
        assert refused.value.code == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"

        account, funds = await alipay.day_account(today), await alipay.funds_account(today)
        assert [(line.order_no, line.refund_no, line.amount_fen) for line in account.lines] == [
            (order.order_no, "", 4000),
            (order.order_no, "R0000001", 1500),
        ]
        assert funds.entries >= len(account.lines)

        other = changed(order, order_no=f"P{token_hex(12).upper()}")
        await alipay.open_payment(other)
        await alipay.close(other.order_no)
        assert (await alipay.ask(other.order_no)).state is PaymentState.CLOSED
