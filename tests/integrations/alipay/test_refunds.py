"""Without this module money could go back twice in Alipay, or be taken for returned while it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from secrets import token_hex

import pytest

from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from app.payments.ports import PaymentChannel, PaymentOrder, PaymentState, RefundOrder, RefundRefused, RefundStanding
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Door
from tests.people import until


@pytest.fixture
async def paid(control: SandboxControl, door: Door) -> PaymentOrder:
    user = await control.add_alipay_user()
    await control.be_hostile(notify_by_itself=False, haste=0.0001)
    deadline = datetime.now(UTC) + timedelta(minutes=30)
    order = PaymentOrder(f"P{token_hex(12).upper()}", 4000, "证照工本费", user.open_id, deadline)
    await channel().open_payment(order)
    await control.pay_trade(order.order_no)
    return order


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "alipay")


def refund_of(order: PaymentOrder, fen: int, number: str = "R0000001") -> RefundOrder:
    return RefundOrder(number, order.order_no, fen, order.amount_fen, "多收退还")


async def test_a_refund_is_through_at_once_and_repeating_it_refunds_once(
    control: SandboxControl, paid: PaymentOrder
) -> None:
    first = await channel().refund(refund_of(paid, 1500))
    again = await channel().refund(refund_of(paid, 1500))
    trade = await control.trade(paid.order_no)
    assert first == again
    assert (first.channel, first.refund_no, first.state) == ("alipay", "R0000001", RefundStanding.SUCCEEDED)
    assert (first.amount_fen, first.provider_ref) == (1500, trade.trade_no)
    assert first.refunded_at is not None
    assert abs(datetime.now(UTC) - first.refunded_at) < timedelta(minutes=1)
    assert trade.refunds == [{"out_request_no": "R0000001", "refund_amount": "15.00", "through": True}]


async def test_parts_add_up_to_the_whole_and_never_to_more(control: SandboxControl, paid: PaymentOrder) -> None:
    """What comes back tells of one refund each, although Alipay counts them together."""
    told = [await channel().refund(refund_of(paid, fen, f"R{fen}")) for fen in (1000, 2500)]
    assert [truth.amount_fen for truth in told] == [1000, 2500]
    with pytest.raises(RefundRefused) as refused:
        await channel().refund(refund_of(paid, 501, "R501"))
    assert (refused.value.code, refused.value.later) == ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", False)
    await channel().refund(refund_of(paid, 500, "R500"))
    assert (await control.trade(paid.order_no)).trade_status == "TRADE_CLOSED"
    assert (await channel().ask(paid.order_no)).state is PaymentState.PAID
    assert (await channel().refund(refund_of(paid, 500, "R500"))).state is RefundStanding.SUCCEEDED


async def test_a_refund_is_asked_about_by_its_number(paid: PaymentOrder) -> None:
    order = refund_of(paid, 4000)
    assert (await channel().ask_refund(order)).state is RefundStanding.UNKNOWN
    done = await channel().refund(order)
    assert await channel().ask_refund(order) == done
    assert (await channel().ask_refund(refund_of(paid, 4000, "R2"))).state is RefundStanding.UNKNOWN


async def test_a_slow_refund_is_on_its_way_until_it_is_through(control: SandboxControl, paid: PaymentOrder) -> None:
    await control.be_hostile(alipay_slow_refunds=True, haste=0.05)
    order = refund_of(paid, 4000)
    assert (await channel().refund(order)).state is RefundStanding.PROCESSING
    assert (await channel().ask_refund(order)).state is RefundStanding.UNKNOWN
    assert (await channel().refund(order)).state is RefundStanding.PROCESSING

    async def look() -> bool:
        return (await channel().ask_refund(order)).state is RefundStanding.SUCCEEDED

    assert await until(look, what="the refund to be through", seconds=10)
    assert len((await control.trade(paid.order_no)).refunds) == 1


async def test_what_was_accepted_and_never_moved_is_no_refund(control: SandboxControl, paid: PaymentOrder) -> None:
    await control.be_hostile(refund_outcome="ABNORMAL")
    order = refund_of(paid, 4000)
    assert (await channel().refund(order)).state is RefundStanding.PROCESSING
    assert (await channel().ask_refund(order)).state is RefundStanding.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "code", "later"),
    [
        ({"not_enough": True}, "ACQ.SELLER_BALANCE_NOT_ENOUGH", True),
        ({"haste": 1.0}, "ACQ.REFUND_TOO_FREQUENT", True),
    ],
)
async def test_a_refund_that_may_pass_another_time_says_so(
    control: SandboxControl, paid: PaymentOrder, changes: dict[str, object], code: str, later: bool
) -> None:
    await channel().refund(refund_of(paid, 1))
    await control.be_hostile(**changes)
    with pytest.raises(RefundRefused) as refused:
        await channel().refund(refund_of(paid, 2, "R2"))
    assert (refused.value.code, refused.value.later) == (code, later)
    await control.be_hostile(not_enough=False, haste=0.0001)
    assert (await channel().refund(refund_of(paid, 2, "R2"))).state is RefundStanding.SUCCEEDED


async def test_a_number_stands_for_one_sum(control: SandboxControl, paid: PaymentOrder) -> None:
    await channel().refund(refund_of(paid, 1500))
    with pytest.raises(RefundRefused) as refused:
        await channel().refund(refund_of(paid, 1501))
    assert (refused.value.code, refused.value.later) == ("ACQ.DISCORDANT_REPEAT_REQUEST", False)
    assert [one["refund_amount"] for one in (await control.trade(paid.order_no)).refunds] == ["15.00"]


async def test_what_was_never_paid_or_known_cannot_go_back(control: SandboxControl, paid: PaymentOrder) -> None:
    unpaid = PaymentOrder("P0000000001", 4000, "费", paid.payer_open_id, paid.expires_at)
    await channel().open_payment(unpaid)
    with pytest.raises(RefundRefused, match=r"ACQ\.TRADE_STATUS_ERROR"):
        await channel().refund(refund_of(unpaid, 1))
    unknown = RefundOrder("R1", "P0000000002", 1, 1, "退")
    with pytest.raises(RefundRefused, match=r"ACQ\.TRADE_NOT_EXIST"):
        await channel().refund(unknown)
    assert (await channel().ask_refund(unknown)).state is RefundStanding.UNKNOWN


async def test_a_lost_answer_is_asked_for_again_with_equal_values(control: SandboxControl, paid: PaymentOrder) -> None:
    await control.be_hostile(seed=3, error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await channel().refund(refund_of(paid, 1500))
    with pytest.raises(ProviderUnavailable):
        await channel().ask_refund(refund_of(paid, 1500))
    await control.be_hostile(error_after_effect=0.0)
    assert (await channel().refund(refund_of(paid, 1500))).state is RefundStanding.SUCCEEDED
    assert len((await control.trade(paid.order_no)).refunds) == 1


@pytest.mark.parametrize(
    "wrong", [{"amount_fen": 0}, {"amount_fen": 4001}, {"amount_fen": True}, {"refund_no": "R 1"}, {"order_no": "x"}]
)
async def test_a_refund_we_could_not_answer_for_never_leaves(
    control: SandboxControl, paid: PaymentOrder, wrong: dict[str, object]
) -> None:
    good = refund_of(paid, 4000)
    values = {name: getattr(good, name) for name in good.__dataclass_fields__} | wrong
    with pytest.raises(ValueError, match=r"an? (refund|order)"):
        await channel().refund(RefundOrder(**values))
    assert (await control.trade(paid.order_no)).refunds == []
