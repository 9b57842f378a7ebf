"""Without this module nobody would know whether WeChat Pay's account of a day reaches us whole."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, date, datetime, timedelta
from secrets import token_hex

import httpx
import pytest

from app.kernel import ports
from app.kernel.clock import SHANGHAI
from app.kernel.errors import ProviderUnavailable
from app.kernel.http import OutboundClient
from app.payments.ports import AccountLine, AccountNotReady, PaymentChannel, PaymentOrder, RefundOrder
from integrations.sandbox.control import SandboxControl
from integrations.wechat.pay_accounts import Accounts
from integrations.wechat.pay_client import PayClient
from integrations.wechat.settings import read_settings
from tests.integrations.contract.stage import Sandbox, environment_of

pytestmark = pytest.mark.usefixtures("door")
EMPTY_SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "wechat")


@pytest.fixture
async def quiet(control: SandboxControl) -> None:
    """A sandbox in the middle of a day, so that what a test does is of one day, and nobody is told of it."""
    now = datetime.fromisoformat((await control.clock())["now"])
    noon = now.replace(hour=12, minute=0, second=0)
    await control.advance_clock((noon - now).total_seconds() + (86_400 if noon < now else 0))
    await control.be_hostile(notify_by_itself=False, haste=0.002)


@pytest.fixture
async def order_no(control: SandboxControl, quiet: None) -> str:
    """An order of forty yuan that was paid a moment ago."""
    return await paid(control, 4000)


async def paid(control: SandboxControl, fen: int, description: str = "证照工本费") -> str:
    phone = await control.make_phone()
    order_no = f"P{token_hex(12).upper()}"
    expires_at = datetime.now(UTC) + timedelta(days=3)
    await channel().open_payment(PaymentOrder(order_no, fen, description, phone.openid, expires_at))
    await control.pay_order(order_no)
    return order_no


async def today(control: SandboxControl) -> date:
    return datetime.fromisoformat((await control.clock())["now"]).date()


async def to_ten_next_day(control: SandboxControl) -> date:
    """Ten o'clock of the next day has come; the day that is over."""
    now = datetime.fromisoformat((await control.clock())["now"])
    ten = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), SHANGHAI) + timedelta(hours=10)
    await control.advance_clock((ten - now).total_seconds() + 1)
    return now.date()


async def test_the_account_of_a_day_has_each_payment_and_refund_of_it(control: SandboxControl, order_no: str) -> None:
    strange = await paid(control, 1, "费,`号\n第二行\\ 完")
    await channel().refund(RefundOrder("R1", order_no, 1500, 4000, "多付退回"))
    await asyncio.sleep(0.05)
    known, other = await control.order(order_no), await control.order(strange)
    day = await to_ten_next_day(control)
    account = await channel().day_account(day)
    [refund] = known.refunds
    assert account.lines == [
        AccountLine(order_no, "", known.transaction_id, 4000, 24_000, moment(known.paid_at)),
        AccountLine(strange, "", other.transaction_id, 1, 0, moment(other.paid_at)),
        AccountLine(order_no, "R1", refund["refund_id"], 1500, -9_000, moment(refund["create_time"])),
    ]
    assert account.day == day
    assert account.digest == hashlib.sha1(account.file).hexdigest()  # noqa: S324 - the provider's choice
    assert account.file.decode("utf-8-sig").startswith("交易时间,")


async def test_the_account_of_the_money_tells_what_moved_with_fees(control: SandboxControl, order_no: str) -> None:
    await channel().refund(RefundOrder("R1", order_no, 1500, 4000, "多付退回"))
    day = await to_ten_next_day(control)
    account = await channel().funds_account(day)
    assert (account.income_fen, account.outgo_fen, account.entries) == (4000 + 9, 1500 + 24, 4)
    assert account.digest == hashlib.sha1(account.file).hexdigest()  # noqa: S324 - the provider's choice


async def test_a_quiet_day_has_an_empty_account(control: SandboxControl, quiet: None) -> None:
    day = await to_ten_next_day(control)
    account, funds = await channel().day_account(day), await channel().funds_account(day)
    assert (account.day, list(account.lines), account.file, account.digest) == (day, [], b"", EMPTY_SHA1)
    assert (funds.income_fen, funds.outgo_fen, funds.entries, funds.digest) == (0, 0, 0, EMPTY_SHA1)


async def test_before_ten_oclock_there_is_none(control: SandboxControl, order_no: str) -> None:
    day = await today(control)
    await control.advance_clock(16 * 3600)
    for asked in (channel().day_account(day), channel().funds_account(day)):
        with pytest.raises(AccountNotReady):
            await asked


@pytest.mark.parametrize("days", [0, 1, -100])
async def test_a_day_that_is_not_over_or_long_gone_has_no_account(
    control: SandboxControl, order_no: str, days: int
) -> None:
    with pytest.raises(ProviderUnavailable) as refusal:
        await channel().day_account(await today(control) + timedelta(days=days))
    assert refusal.value.__notes__ == ["tradebill: 400 PARAM_ERROR"]


@pytest.mark.parametrize(("outcome", "settled"), [("SUCCESS", True), ("ABNORMAL", False), ("CLOSED", False)])
async def test_a_refund_that_ended_badly_is_not_through(
    control: SandboxControl, order_no: str, outcome: str, settled: bool
) -> None:
    await control.be_hostile(refund_outcome=outcome)
    await channel().refund(RefundOrder("R1", order_no, 1500, 4000, "多付退回"))
    day = await to_ten_next_day(control)
    _, refund = (await channel().day_account(day)).lines
    assert (refund.refund_no, refund.amount_fen, refund.settled) == ("R1", 1500, settled)
    funds = await channel().funds_account(day)
    kept = 4000 - 24 - (0 if outcome == "CLOSED" else 1500 - 9)
    assert funds.income_fen - funds.outgo_fen == kept


async def test_what_happens_after_midnight_is_in_the_account_of_the_next_day(
    control: SandboxControl, order_no: str
) -> None:
    """Also what a refund of a minute before midnight became a minute after it."""
    now = datetime.fromisoformat((await control.clock())["now"])
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), SHANGHAI)
    await control.advance_clock((midnight - now).total_seconds() - 8)
    await control.be_hostile(haste=1.0)
    await channel().refund(RefundOrder("RBEFORE", order_no, 100, 4000, ""))
    await control.advance_clock(10)
    late = await paid(control, 700)
    await control.advance_clock(2 * 86_400)
    before = await channel().day_account(midnight.date() - timedelta(days=1))
    after = await channel().day_account(midnight.date())
    assert [(line.order_no, line.refund_no, line.settled) for line in before.lines] == [
        (order_no, "", True),
        (order_no, "RBEFORE", False),
    ]
    assert [(line.order_no, line.refund_no) for line in after.lines] == [(late, "")]


async def test_asked_again_a_day_has_the_same_account(control: SandboxControl, order_no: str) -> None:
    day = await to_ten_next_day(control)
    assert await channel().day_account(day) == await channel().day_account(day)


async def test_answers_that_are_no_use_are_asked_for_again(control: SandboxControl, order_no: str) -> None:
    day = await to_ten_next_day(control)
    await control.be_hostile(seed=7, server_error=0.2, sign_test=0.2)
    lines = [(await channel().day_account(day)).lines for _ in range(3)]
    assert [[line.order_no for line in each] for each in lines] == [[order_no]] * 3


@pytest.mark.parametrize("fault", ["server_error", "sign_test", "garbage"])
async def test_a_platform_that_is_never_right_gives_no_account(
    control: SandboxControl, order_no: str, fault: str
) -> None:
    day = await to_ten_next_day(control)
    await control.be_hostile(**{fault: 1.0})
    for asked in (channel().day_account(day), channel().funds_account(day)):
        with pytest.raises(ProviderUnavailable):
            await asked


class Late(httpx.AsyncHTTPTransport):
    """Five minutes pass before the file is asked for, this often."""

    def __init__(self, control: SandboxControl, times: int) -> None:
        super().__init__()
        self._control = control
        self._left = times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/file") and self._left:
            self._left -= 1
            await self._control.advance_clock(301)
        return await super().handle_async_request(request)


async def test_an_address_that_is_too_old_is_asked_for_anew(
    control: SandboxControl, order_no: str, sandbox: Sandbox
) -> None:
    day = await to_ten_next_day(control)
    with environment_of(sandbox.environment):
        settings = read_settings()
    once = OutboundClient(httpx.AsyncClient(transport=Late(control, 1)))
    account = await Accounts(PayClient(once, settings), settings.pay_mch_id).day(day)
    assert [line.order_no for line in account.lines] == [order_no]
    always = OutboundClient(httpx.AsyncClient(transport=Late(control, 9)))
    with pytest.raises(ProviderUnavailable) as refusal:
        await Accounts(PayClient(always, settings), settings.pay_mch_id).day(day)
    assert refusal.value.__notes__ == ["tradebill: 400 INVALID_REQUEST"]
    await once.close()
    await always.close()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
