"""Without this module a cut-off bill would be taken for a quiet day: zip, GBK, rows, and the sums at their end."""

from __future__ import annotations

import csv
import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from app.kernel.money import fen_of_yuan
from app.payments.ports import AccountBroken, AccountLine
from integrations.alipay.pay_truth import moment

_MOST_BYTES = 256 * 1024 * 1024
_MOST_FILES = 20
_YUAN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")
_TRAILER = re.compile(r"#(..合计)：([0-9]+)笔，[^0-9\-]*(-?[0-9.]+)元")
_EXPORTED = "#导出时间"
_OWNER = re.compile(r"#账号：\[([0-9]{16})0156\]")
_FIRST_DAY = re.compile(r"#起始日期：\[([0-9]{4})年([0-9]{2})月([0-9]{2})日")
_FEN_TO_E5 = 1000
_OWN_MONEY = re.compile("提现|充值|转账")
"""Business types (业务类型) of the merchant's own money, known from bills as merchants get them, not from Alipay's
pages: what is called otherwise is still a difference of the day.
"""

_PAYMENT, _REFUND = "交易", "退款"

Row = Mapping[str, str]


class AccountUnreadable(AccountBroken):
    """A bill that is not shaped as it always is, or does not add up to its own trailer."""


@dataclass(frozen=True)
class Sheet:
    """The detail list of a bill: its rows by column, what its trailer says (number, fen), and a digest that is equal
    for every export of the same rows.
    """

    head: Sequence[str]
    rows: Sequence[Row]
    trailer: Mapping[str, tuple[int, int]]
    digest: str


def read_sheet(file: bytes, title: str) -> Sheet:
    """The one file of the zip whose name has the title and is not the summary. Raises `AccountUnreadable`."""
    lines = [line.rstrip("\r") for line in _text(file, title).split("\n")]
    try:
        start = next(i for i, line in enumerate(lines) if line.startswith("#-") and f"{title}列表-" in line)
        end = next(i for i, line in enumerate(lines) if line.startswith("#-") and f"{title}列表结束" in line)
    except StopIteration:
        raise AccountUnreadable("the list has no beginning or no end") from None
    header, *rows = [[cell.strip() for cell in row] for row in csv.reader(lines[start + 1 : end])] or [[]]
    if not header or any(len(row) != len(header) for row in rows):
        raise AccountUnreadable("a row is not as long as its header")
    trailer = {name: (int(count), _fen(total)) for name, count, total in map(_read_trailer, lines[end + 1 :]) if name}
    steady = "\n".join(line for line in lines if not line.startswith(_EXPORTED))
    digest = hashlib.sha256(steady.encode()).hexdigest()
    return Sheet(lines[:start], [dict(zip(header, row, strict=True)) for row in rows], trailer, digest)


def check_is_of(sheet: Sheet, seller_id: str, day: date) -> None:
    """Raises `AccountUnreadable` when it is the bill of another merchant or another day."""
    owner, first = (pattern.search("\n".join(sheet.head)) for pattern in (_OWNER, _FIRST_DAY))
    if owner is None or owner.group(1) != seller_id:
        raise AccountUnreadable("of another merchant")
    if first is None or first.groups() != (f"{day:%Y}", f"{day:%m}", f"{day:%d}"):
        raise AccountUnreadable("of another day")


def read_business(sheet: Sheet) -> list[AccountLine]:
    """Payments and refunds of a day (业务明细), held against count and sum of each. Raises `AccountUnreadable`."""
    kinds = [_cell(row, "业务类型") for row in sheet.rows]
    if set(kinds) - {_PAYMENT, _REFUND}:
        raise AccountUnreadable("a row is neither payment nor refund")
    for kind in (_PAYMENT, _REFUND):
        sums = [_fen(_cell(row, "商家实收（元）")) for row, one in zip(sheet.rows, kinds, strict=True) if one == kind]
        _check(sheet, f"{kind}合计", sums)
    return [_line(row) for row in sheet.rows]


def read_funds(sheet: Sheet) -> tuple[int, int, int]:
    """What came in and went out with payments, refunds and fees, both positive in fen, and the number of all movements
    (账务明细). Raises as above.
    """
    sums = []
    for side, name in (("收入金额（+元）", "收入合计"), ("支出金额（-元）", "支出合计")):
        moved = [(fen, row) for row in sheet.rows if (fen := _fen(_cell(row, side) or "0")) != 0]
        _check(sheet, name, [fen for fen, _ in moved])
        sums.append(abs(sum(fen for fen, row in moved if not _OWN_MONEY.search(_cell(row, "业务类型")))))
    came, went = sums
    return came, went, len(sheet.rows)


def _line(row: Row) -> AccountLine:
    """The fee stands in the row with the sign of the movement: what is taken is negative there and positive for us."""
    refund = _cell(row, "业务类型") == _REFUND
    amount, number = _fen(_cell(row, "订单金额（元）")), _cell(row, "退款批次号/请求号")
    if (amount < 0) is not refund or not _cell(row, "商户订单号") or (refund and not number):
        raise AccountUnreadable("a row contradicts itself")
    try:
        at = moment(row, "完成时间")
    except ValueError:
        raise AccountUnreadable("a row without its moment") from None
    return AccountLine(
        order_no=_cell(row, "商户订单号"),
        refund_no=number if refund else "",
        provider_ref=_cell(row, "支付宝交易号"),
        amount_fen=abs(amount),
        fee_e5=-_fen(_cell(row, "服务费（元）")) * _FEN_TO_E5,
        at=at,
    )


def _check(sheet: Sheet, name: str, sums: Sequence[int]) -> None:
    """The trailer writes what went out with or without its sign."""
    if name not in sheet.trailer:
        raise AccountUnreadable("the trailer is missing")
    count, total = sheet.trailer[name]
    if (count, abs(total)) != (len(sums), abs(sum(sums))):
        raise AccountUnreadable("the rows do not add up to the trailer")


def _text(file: bytes, title: str) -> str:
    """Names and contents are GBK, the names without saying so."""
    try:
        with zipfile.ZipFile(BytesIO(file), metadata_encoding="gbk") as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > _MOST_BYTES:
                raise AccountUnreadable("too large inside")
            [found] = [e for e in entries if title in e.filename and "汇总" not in e.filename]
            return archive.read(found).decode("gb18030")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, UnicodeDecodeError, EOFError):
        raise AccountUnreadable("not a zip of GBK text") from None
    except ValueError:
        raise AccountUnreadable("not one detail file") from None


def _read_trailer(line: str) -> tuple[str, str, str]:
    found = _TRAILER.match(line)
    return (found.group(1), found.group(2), found.group(3)) if found else ("", "", "")


def _cell(row: Row, name: str) -> str:
    try:
        return row[name]
    except KeyError:
        raise AccountUnreadable(f"no column {name}") from None


def _fen(text: str) -> int:
    if not _YUAN.fullmatch(text):
        raise AccountUnreadable("an amount is not one")
    return fen_of_yuan(text)
