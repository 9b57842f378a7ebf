"""Without this module WeChat Pay's account of a day would be text that says what it likes.

A bill as it comes: perhaps with a byte-order mark, lines ended by CRLF or LF, a backtick before each value, columns
in an order of WeChat's choice, and two last lines that sum it up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from app.kernel.clock import SHANGHAI
from app.payments.ports import AccountBroken, AccountLine

E5 = 100_000
_LINE_END = re.compile(r"\r?\n")
_SUMS = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
_OWN_MONEY = re.compile("提现|充值(?!券)|转账")
"""Business types (业务类型) of the merchant's own money. Known from bills as merchants get them, not from WeChat's
pages: what is called otherwise is still a difference of the day.
"""

_REFUND_STATES = {"SUCCESS": True, "PROCESSING": False, "CHANGE": False, "FAIL": False}

Row = Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """Lines and summary by the names of their columns."""

    rows: Sequence[Row]
    summary: Row


def read_table(file: bytes, mark: str) -> Table:
    """WeChat Pay API v3, "download bill"; `mark` is the first column of the summary. Raises `AccountBroken`."""
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AccountBroken("not UTF-8") from None
    lines = [line for line in _LINE_END.split(text) if line]
    if len(lines) < 3 or _names(lines[-2])[0] != mark:
        raise AccountBroken("no summary at its end")
    columns = _names(lines[0])
    rows = [_row(columns, line, number) for number, line in enumerate(lines[1:-2], start=2)]
    return Table(rows, _row(_names(lines[-2]), lines[-1], len(lines)))


def trades_of(table: Table, mch_id: str, day: date) -> list[AccountLine]:
    """The lines of a trade bill, checked against its summary. Raises `AccountBroken`."""
    try:
        lines = [_trade(row, mch_id, day) for row in table.rows]
        _check_sums(table)
    except KeyError as missing:
        raise AccountBroken(f"no column {missing.args[0]}") from None
    return lines


def flows_of(table: Table) -> tuple[int, int]:
    """What came in and what went out in fen with payments, refunds and fees, the lines of a fund-flow bill held
    against its summary. Raises `AccountBroken`.
    """
    moved, own = {"收入": [0, 0], "支出": [0, 0]}, {"收入": 0, "支出": 0}
    try:
        for row in table.rows:
            if row["收支类型"] not in moved:
                raise AccountBroken("a movement that goes neither in nor out")
            fen = _units(row["收支金额(元)"], 100)
            told = moved[row["收支类型"]]
            told[0] += 1
            told[1] += fen
            own[row["收支类型"]] += fen if _OWN_MONEY.search(row["业务类型"]) else 0
        named = {"收入笔数": 0, "收入金额": 0, "支出笔数": 0, "支出金额": 0}
        for way, (count, fen) in moved.items():
            named |= {f"{way}笔数": count, f"{way}金额": fen}
        named["资金流水总笔数"] = len(table.rows)
        for name, value in named.items():
            scale = 1 if name.endswith("笔数") else 100
            if _units(table.summary[name], scale) != value:
                raise AccountBroken(f"{name} is not the sum of its lines")
    except KeyError as missing:
        raise AccountBroken(f"no column {missing.args[0]}") from None
    return moved["收入"][1] - own["收入"], moved["支出"][1] - own["支出"]


def _trade(row: Row, mch_id: str, day: date) -> AccountLine:
    """`订单金额` and `申请退款金额` are what was asked for; the settled columns leave coupons out."""
    if row["商户号"] != mch_id:
        raise AccountBroken("a line of another merchant")
    at = _moment(row["交易时间"])
    if abs((at.astimezone(SHANGHAI).date() - day).days) > 1:
        raise AccountBroken("a line of another day")
    if row["货币种类"] != "CNY":
        raise AccountBroken("a line in another currency")
    fee_e5 = _units(row["手续费"], E5)
    if row["交易状态"] == "SUCCESS":
        paid = _units(row["订单金额"], 100)
        return AccountLine(row["商户订单号"], "", row["微信订单号"], paid, fee_e5, at)
    settled = _REFUND_STATES.get(row["退款状态"])
    if row["交易状态"] != "REFUND" or settled is None or not row["商户退款单号"]:
        raise AccountBroken("a line in a state nobody knows")
    asked = _units(row["申请退款金额"], 100)
    return AccountLine(row["商户订单号"], row["商户退款单号"], row["微信退款单号"], asked, fee_e5, at, settled)


def _check_sums(table: Table) -> None:
    if _units(table.summary["总交易单数"], 1) != len(table.rows):
        raise AccountBroken("总交易单数 is not the number of its lines")
    standing = [row for row in table.rows if row["退款状态"] != "FAIL"]
    for name, column in _SUMS.items():
        # Nobody publishes whether a refund that failed is still part of the sums.
        sums = {sum(_units(row[column], E5) for row in rows) for rows in (table.rows, standing)}
        if _units(table.summary[name], E5) not in sums:
            raise AccountBroken(f"{name} is not the sum of its lines")


def _names(line: str) -> list[str]:
    """Names bear no backtick; some pages of WeChat's write the brackets wide."""
    return [name.strip().lstrip("`").replace("\uff08", "(").replace("\uff09", ")") for name in line.split(",")]


def _row(columns: Sequence[str], line: str, number: int) -> Row:
    """A comma in what a user wrote comes as backslash and space, so each one here parts two values."""
    values = [value.removeprefix("`") for value in line.split(",")]
    if len(values) != len(columns):
        raise AccountBroken(f"line {number} has {len(values)} values under {len(columns)} names")
    return dict(zip(columns, values, strict=True))


def _units(text: str, per_yuan: int) -> int:
    """A decimal in whole units: fen are 100 to the yuan, fees have five decimals."""
    try:
        amount = Decimal(text) * per_yuan
    except InvalidOperation:
        raise AccountBroken("an amount that cannot be read") from None
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise AccountBroken("an amount that cannot be read")
    return int(amount)


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).astimezone(UTC)
    except ValueError:
        raise AccountBroken("a moment that cannot be read") from None
