"""Without this module a bill could be read almost rightly: a fen beside, a column beside, a line too few."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.payments.ports import AccountBroken, AccountLine
from integrations.wechat.pay_accounts import _unpacked
from integrations.wechat.pay_bills import flows_of, read_table, trades_of

TRADES = Path(__file__).with_name("tradebill.csv").read_bytes()
FLOWS = Path(__file__).with_name("fundflowbill.csv").read_bytes()
TRADES_SHA1 = "bbde90f6879caffb4b11bfe7be3caf072fb89708"
FLOWS_SHA1 = "20cd17cec75d6f3c708db057bc4c74bbeaf61a6f"
DAY = date(2026, 1, 31)


def trades(file: bytes) -> list[AccountLine]:
    return trades_of(read_table(file, "总交易单数"), "1900000001", DAY)


def flows(file: bytes) -> tuple[int, int]:
    return flows_of(read_table(file, "资金流水总笔数"))


def changed(file: bytes, old: str, new: str) -> bytes:
    assert file.count(old.encode()) >= 1
    return file.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(("file", "digest"), [(TRADES, TRADES_SHA1), (FLOWS, FLOWS_SHA1)])
def test_the_hash_is_that_of_the_file_before_it_was_packed(file: bytes, digest: str) -> None:
    for packed in (file, gzip.compress(file)):
        told = _unpacked(packed, digest)
        assert (told.digest, told.content) == (digest, file)


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda file: file + b"\n", "not the file that was announced"),
        (lambda file: gzip.compress(file + b"\n"), "not the file that was announced"),
        (lambda file: gzip.compress(file)[:-9], "cut off, or larger than any day could be"),
        (lambda file: b"\x1f\x8b" + file, "packed wrongly"),
    ],
)
def test_a_file_with_another_hash_is_not_looked_into(damage: Callable[[bytes], bytes], cause: str) -> None:
    with pytest.raises(AccountBroken) as broken:
        _unpacked(damage(TRADES), TRADES_SHA1)
    assert broken.value.cause == cause


def test_every_line_is_read_with_its_amount_as_ordered_its_fee_and_whether_it_is_through() -> None:
    def at(hour: int, minute: int, second: int, day: int = 31) -> datetime:
        return datetime(2026, 1, day, hour, minute, second, tzinfo=UTC)

    paid, other = "A20260131000001", "A20260130000002"
    assert trades(TRADES) == [
        AccountLine(paid, "", "4200000000000000000000000001", 2000, 12_000, at(16, 0, 0, 30)),
        AccountLine(paid, "R1", "5030000000000000000000000001", 500, -3_000, at(2, 20, 30)),
        AccountLine(other, "R2", "5030000000000000000000000002", 10, 0, at(3, 20, 30), settled=False),
        AccountLine(other, "R3", "5030000000000000000000000003", 20, 0, at(4, 20, 30), settled=False),
        AccountLine(other, "R4", "5030000000000000000000000004", 40, 0, at(15, 59, 59), settled=False),
    ]


def test_a_value_loses_one_backtick_and_keeps_what_its_writer_wrote() -> None:
    first = read_table(TRADES, "总交易单数").rows[0]
    assert (first["商品名称"], first["商户数据包"]) == ("居住证工本费\\ 加急\\n第二行", "`重号`")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_mark_at_its_beginning_and_either_line_end_change_nothing(mark: bytes, line_end: bytes) -> None:
    plain = TRADES.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", line_end)
    assert trades(mark + plain) == trades(TRADES)
    assert trades(mark + plain.rstrip()) == trades(TRADES)


def test_columns_are_found_by_their_names_in_whatever_order() -> None:
    lines = TRADES.decode("utf-8-sig").split("\r\n")
    turned = [",".join(reversed(line.split(","))) for line in lines[:6]] + lines[6:]
    assert trades("\r\n".join(turned).encode()) == trades(TRADES)


def test_a_refund_that_failed_may_be_in_the_sums_or_left_out() -> None:
    without = changed(
        TRADES, "`5,`18.00,`5.70,`0.00,`0.09000,`20.00,`5.70", "`5,`18.00,`5.30,`0.00,`0.09000,`20.00,`5.30"
    )
    assert trades(without) == trades(TRADES)


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("`20.00,`0.00,`\r\n", "`20.01,`0.00,`\r\n", "订单总金额 is not the sum of its lines"),
        ("`0.12000", "`0.12001", "手续费总金额 is not the sum of its lines"),
        ("`18.00,`2.00", "`18.01,`2.00", "应结订单总金额 is not the sum of its lines"),
        ("`0.60%,`0.00,`5.00", "`0.60%,`0.00,`5.01", "申请退款总金额 is not the sum of its lines"),
        ("`5,`18.00", "`6,`18.00", "总交易单数 is not the number of its lines"),
        ("`20.00,`0.00,`\r\n", "`20.001,`0.00,`\r\n", "an amount that cannot be read"),
        ("`20.00,`0.00,`\r\n", "`NaN,`0.00,`\r\n", "an amount that cannot be read"),
        ("`20.00,`0.00,`\r\n", "`,`0.00,`\r\n", "an amount that cannot be read"),
        ("`1900000001", "`1900000002", "a line of another merchant"),
        ("`2026-01-31 00:00:00", "`2026-01-29 23:59:59", "a line of another day"),
        ("`2026-01-31 00:00:00", "`2026-01-31", "a moment that cannot be read"),
        ("`CNY", "`USD", "a line in another currency"),
        ("`SUCCESS,`OTHERS", "`REVOKED,`OTHERS", "a line in a state nobody knows"),
        ("`PROCESSING", "`LOST", "a line in a state nobody knows"),
        ("\\ 加急\\n", ",加急\\n", "line 2 has 28 values under 27 names"),
        (",商户订单号,", ",别的单号,", "no column 商户订单号"),
        ("总交易单数", "总数", "no summary at its end"),
    ],
)
def test_a_bill_that_contradicts_itself_is_believed_in_no_line(old: str, new: str, cause: str) -> None:
    with pytest.raises(AccountBroken) as broken:
        trades(changed(TRADES, old, new))
    assert broken.value.cause == cause


@pytest.mark.parametrize("lost", range(1, 6))
def test_a_line_that_was_lost_is_noticed(lost: int) -> None:
    lines = TRADES.split(b"\r\n")
    with pytest.raises(AccountBroken):
        trades(b"\r\n".join(lines[:lost] + lines[lost + 1 :]))


@pytest.mark.parametrize("file", [b"", b"x", b"a\nb\nc\n", "坏".encode("gbk"), b"{}"])
def test_what_is_no_bill_is_refused(file: bytes) -> None:
    for read in (trades, flows):
        with pytest.raises(AccountBroken):
            read(file)


def test_what_came_in_and_went_out_is_told_in_fen() -> None:
    assert flows(FLOWS) == (2000, 512)


def test_our_own_money_that_is_drawn_out_or_paid_in_is_no_difference_of_the_day() -> None:
    drawn = "`2026-01-31 23:00:00,`1,`4,`提现,`提现,`支出,`14.88,`100.00,`system,`,`1\r\n资金流水总笔数"
    file = changed(changed(FLOWS, "资金流水总笔数", drawn), "`3,`1,`20.00,`2,`5.12", "`4,`1,`20.00,`3,`20.00")
    assert flows(file) == (2000, 512)
    assert flows(changed(FLOWS, "`交易,`收入", "`充值,`收入")) == (0, 512)
    assert flows(changed(FLOWS, "`退款,`支出", "`充值券退款,`支出")) == (2000, 512)


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("`收入,`20.00", "`收入,`20.01", "收入金额 is not the sum of its lines"),
        ("`支出,`5.00", "`收入,`5.00", "收入笔数 is not the sum of its lines"),
        ("`支出,`5.00", "`转出,`5.00", "a movement that goes neither in nor out"),
        ("`3,`1,`20.00", "`4,`1,`20.00", "资金流水总笔数 is not the sum of its lines"),
        ("`2,`5.12", "`2,`5.13", "支出金额 is not the sum of its lines"),
        ("收支金额", "金额", "no column 收支金额(元)"),
    ],
)
def test_movements_that_contradict_their_summary_are_refused(old: str, new: str, cause: str) -> None:
    with pytest.raises(AccountBroken) as broken:
        flows(changed(FLOWS, old, new))
    assert broken.value.cause == cause
