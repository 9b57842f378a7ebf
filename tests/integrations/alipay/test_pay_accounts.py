"""Without this module a bill cut off on the way would be taken for a quiet day."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest

from app.kernel import clock, ports
from app.kernel.clock import local
from app.kernel.errors import ProviderUnavailable
from app.payments.ports import AccountNotReady, PaymentChannel, PaymentOrder, RefundOrder
from integrations.alipay.pay_account_files import AccountUnreadable, check_is_of, read_business, read_funds, read_sheet
from integrations.sandbox.control import SandboxControl

pytestmark = pytest.mark.usefixtures("door")

BUSINESS = """#支付宝业务明细查询
#账号：[20880000000000010156]
#起始日期：[2026年11月24日 00:00:00]   终止日期：[2026年11月25日 00:00:00]
#------------业务明细列表------------
支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,订单金额（元）,商家实收（元）,退款批次号/请求号,服务费（元）,备注
2026112422001401\t,A0000001\t,交易\t,工本费,2026-11-24 09:00:00,2026-11-24 09:00:09\t,40.00,40.00,\t,-0.24,
2026112422001402\t,A0000002\t,交易\t,押金,2026-11-24 23:59:58,2026-11-24 23:59:59\t,100.00,100.00,\t,-0.60,
2026112322001409\t,A0000009\t,退款\t,工本费,2026-11-23 09:00:00,2026-11-24 10:00:00\t,-15.00,-15.00,R1\t,0.09,
#------------业务明细列表结束------------
#交易合计：2笔，商家实收共140.00元，商家优惠共0.00元
#退款合计：1笔，商家实收退款共-15.00元，商家优惠退款共0.00元
#导出时间：[2026年11月25日 10:00:01]
"""
FUNDS = """#支付宝账务明细查询
#------------账务明细列表------------
账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注
1\t,2\t,A0000001\t,工本费,2026-11-24 09:00:09,*,40.00,0.00,40.00,支付宝,在线支付,
2\t,2\t,A0000001\t,工本费,2026-11-24 09:00:09,*, ,-0.24,39.76,支付宝,收费,
#------------账务明细列表结束------------
#支出合计：1笔，共-0.24元
#收入合计：1笔，共40.00元
"""


@pytest.fixture
async def day(control: SandboxControl) -> date:
    """Two payments and a refund of today, whose bill can be had at once."""
    await control.be_hostile(notify_by_itself=False, early_bills=True, haste=0.0001)
    user = await control.add_alipay_user()
    for number, fen in (("A0000001", 4000), ("A0000002", 10001)):
        deadline = datetime.now(UTC) + timedelta(minutes=30)
        await channel().open_payment(PaymentOrder(number, fen, "工本费,补领", user.open_id, deadline))
        await control.pay_trade(number)
    await channel().refund(RefundOrder("R1", "A0000002", 1500, 10001, "多收退还"))
    return local(datetime.now(UTC)).date()


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "alipay")


def zipped(text: str, title: str = "业务明细", extra: str = "业务明细(汇总)") -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"20880000000000010156_20261124_{title}.csv", text.encode("gb18030"))
        archive.writestr(f"20880000000000010156_20261124_{extra}.csv", b"#")
    return target.getvalue()


async def test_a_day_is_read_line_by_line_in_our_words(control: SandboxControl, day: date) -> None:
    account = await channel().day_account(day)
    trades = {trade.out_trade_no: trade for trade in await control.trades()}
    assert account.day == day
    assert [(line.order_no, line.refund_no, line.amount_fen, line.fee_e5) for line in account.lines] == [
        ("A0000001", "", 4000, 24_000),
        ("A0000002", "", 10001, 60_000),
        ("A0000002", "R1", 1500, -9_000),
    ]
    assert [line.provider_ref for line in account.lines] == [trades[line.order_no].trade_no for line in account.lines]
    assert account.lines[0].at == datetime.fromisoformat(trades["A0000001"].paid_at)
    assert all(line.settled for line in account.lines)
    assert zipfile.is_zipfile(BytesIO(account.file))


async def test_the_money_of_a_day_is_counted_in_and_out(control: SandboxControl, day: date) -> None:
    account = await channel().funds_account(day)
    assert (account.income_fen, account.outgo_fen, account.entries) == (4000 + 10001 + 9, 24 + 60 + 1500, 6)


async def test_the_same_day_again_has_the_same_digest(control: SandboxControl, day: date) -> None:
    """Although the file says when it was made."""
    first = await channel().day_account(day)
    await control.advance_clock(61)
    again = await channel().day_account(day)
    assert first.digest == again.digest
    assert first.file != again.file
    assert first.lines == again.lines


async def test_today_and_an_early_morning_are_not_ready(control: SandboxControl, day: date) -> None:
    await control.be_hostile(early_bills=False)
    for ask in (channel().day_account, channel().funds_account):
        with pytest.raises(AccountNotReady):
            await ask(day)


async def test_a_quiet_day_has_no_lines(control: SandboxControl, day: date) -> None:
    await control.be_hostile(early_bills=False)
    quiet = day - timedelta(days=2)
    account, funds = await channel().day_account(quiet), await channel().funds_account(quiet)
    assert (list(account.lines), account.file) == ([], b"")
    assert (funds.income_fen, funds.outgo_fen, funds.entries) == (0, 0, 0)


async def test_no_bill_before_ten_o_clock_is_not_a_quiet_day(control: SandboxControl, day: date) -> None:
    await control.be_hostile(early_bills=False)
    quiet = day - timedelta(days=2)
    with (
        clock.standing_at(clock.at_local(quiet + timedelta(days=1), 9, 59)),
        pytest.raises(AccountNotReady),
    ):
        await channel().day_account(quiet)


@pytest.mark.parametrize("fault", ["garbage", "server_error", "sign_test"])
async def test_a_bill_that_cannot_be_had_is_no_bill(control: SandboxControl, day: date, fault: str) -> None:
    await control.be_hostile(seed=3, **{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await channel().day_account(day)


def test_lines_carry_the_sum_the_fee_and_the_moment() -> None:
    lines = read_business(read_sheet(zipped(BUSINESS), "业务明细"))
    assert [(line.order_no, line.refund_no, line.amount_fen, line.fee_e5) for line in lines] == [
        ("A0000001", "", 4000, 24_000),
        ("A0000002", "", 10000, 60_000),
        ("A0000009", "R1", 1500, -9_000),
    ]
    assert lines[1].at == datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)


def test_a_bill_is_of_one_merchant_and_one_day() -> None:
    sheet = read_sheet(zipped(BUSINESS), "业务明细")
    check_is_of(sheet, "2088000000000001", date(2026, 11, 24))
    with pytest.raises(AccountUnreadable, match="of another merchant"):
        check_is_of(sheet, "2088000000000002", date(2026, 11, 24))
    with pytest.raises(AccountUnreadable, match="of another day"):
        check_is_of(sheet, "2088000000000001", date(2026, 11, 25))


def test_columns_are_found_by_name_wherever_they_stand() -> None:
    rows = BUSINESS.split("\n")
    turned = [",".join(reversed(line.split(","))) if "," in line and line[0] != "#" else line for line in rows]
    assert read_business(read_sheet(zipped("\r\n".join(turned)), "业务明细")) == read_business(
        read_sheet(zipped(BUSINESS), "业务明细")
    )


def test_funds_are_counted_although_a_side_is_blank() -> None:
    assert read_funds(read_sheet(zipped(FUNDS, "账务明细", "账务明细(汇总)"), "账务明细")) == (4000, 24, 2)


def test_our_own_money_that_is_drawn_out_is_no_difference_of_the_day() -> None:
    drawn = "3\t,3\t,,,2026-11-24 23:00:00,*,0.00,-39.00,0.76,支付宝,提现,\n#------------账务明细列表结束"
    with_it = FUNDS.replace("#------------账务明细列表结束", drawn).replace("1笔，共-0.24元", "2笔，共-39.24元")
    assert read_funds(read_sheet(zipped(with_it, "账务明细", "账务明细(汇总)"), "账务明细")) == (4000, 24, 3)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda text: text.replace("#交易合计：2笔", "#交易合计：3笔"), "add up"),
        (lambda text: text.replace("共140.00元", "共140.01元"), "add up"),
        (lambda text: text.replace("退款共-15.00元", "退款共-15.01元"), "add up"),
        (lambda text: text.replace("40.00,40.00", "40.00,40.01"), "add up"),
        (lambda text: text[: text.index("#交易合计")], "trailer is missing"),
        (lambda text: text[: text.index("2026112322")], "no beginning or no end"),
        (lambda text: text.replace("业务明细列表-", "列表-"), "no beginning or no end"),
        (lambda text: text.replace("-0.24,\n", "-0.24\n"), "not as long as its header"),
        (lambda text: text.replace("服务费（元）", "费"), "no column"),
        (lambda text: text.replace("-0.24", "-0.24元"), "an amount is not one"),
        (lambda text: text.replace(",-0.24,", ",NaN,"), "an amount is not one"),
        (lambda text: text.replace("退款\t", "充值\t"), "neither payment nor refund"),
        (lambda text: text.replace("R1\t", "\t"), "contradicts itself"),
        (lambda text: text.replace("09:00:09\t", "9点\t"), "without its moment"),
    ],
)
def test_a_bill_that_does_not_hold_together_is_not_read(spoil: Callable[[str], str], cause: str) -> None:
    spoilt = spoil(BUSINESS)
    assert spoilt != BUSINESS
    with pytest.raises(AccountUnreadable, match=cause):
        read_business(read_sheet(zipped(spoilt), "业务明细"))


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"<html>",
        zipped(BUSINESS)[:-40],
        zipped(BUSINESS, title="别的"),
        zipped(BUSINESS, extra="另一份业务明细"),
    ],
)
def test_what_is_no_zip_with_one_detail_file_is_not_read(file: bytes) -> None:
    with pytest.raises(AccountUnreadable):
        read_sheet(file, "业务明细")


def test_a_bomb_is_not_unpacked() -> None:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("业务明细.csv", "w") as entry:
        for _ in range(257):
            entry.write(bytes(1024 * 1024))
    with pytest.raises(AccountUnreadable, match="too large inside"):
        read_sheet(target.getvalue(), "业务明细")
