"""Without this module nothing paid in Alipay could be reconciled: a day's bill, in GBK, zipped, soon gone."""

from __future__ import annotations

import base64
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

from integrations.sandbox.alipay import bill_rows
from integrations.sandbox.alipay import trade_checks as checks
from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.wire import not_done
from integrations.sandbox.clock import BEIJING
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

LINK_LIFE = 30
READY_AT = 10  # o'clock of the next day
OLDEST = timedelta(days=900)
PATH = "/downloadBillFile.resource"
DASHES = "-" * 40
Row = dict[str, str]


@dataclass(frozen=True)
class BillFile:
    content: str
    expires: float


class GbkEntry(zipfile.ZipInfo):
    """An entry whose name is written in GBK without saying so, as the real files have it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - the library's own name
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def download_url(world: World, question: Question) -> dict[str, Any]:
    """alipay.data.dataservice.bill.downloadurl.query: an address that lives half a minute."""
    kind = checks.need_text(question.content, "bill_type", 20)
    if kind not in {"trade", "signcustomer"}:
        raise not_done("INVALID_PARAMETER", "bill_type为trade或signcustomer")
    day = _billable_day(world, checks.need_text(question.content, "bill_date", 10))
    rows = bill_rows.business_rows(world, day) if kind == "trade" else bill_rows.fund_rows(world, day)
    if not rows and not world.dice.now.early_bills:
        raise not_done("isp.bill_not_exist", "账单不存在")
    files = _business(world, day, rows) if kind == "trade" else _funds(world, day, rows)
    token = secrets.token_urlsafe(24)
    stored = BillFile(base64.b64encode(_zipped(files)).decode(), world.clock.now() + LINK_LIFE)
    _files(world).put(token, stored)
    pid = world.keys.alipay.account.seller_id
    return {
        "bill_download_url": f"{world.base_url}{PATH}?bizType={kind}&userId={pid}0156&fileType=csv.zip"
        f"&bizDates={day:%Y%m%d}&downloadFileName={pid}0156_{day:%Y%m%d}.csv.zip&token={token}"
    }


def download(world: World, call: Call) -> Answer:
    """A plain GET without any signature; later than half a minute there is nothing."""
    stored = _files(world).get(call.query.get("token", ""))
    if stored is None or world.clock.now() > stored.expires:
        return Answer(403, "下载链接已失效".encode(), {"content-type": "text/html;charset=utf-8"}, "link expired")
    return Answer(200, base64.b64decode(stored.content), {"content-type": "application/octet-stream"}, "bill")


def _files(world: World) -> Shelf[BillFile]:
    return Shelf(world.records, "alipay_bills", BillFile, keep=20)


def _billable_day(world: World, shown: str) -> date:
    """Days only; whole months are not played."""
    try:
        day = date.fromisoformat(shown)
    except ValueError:
        raise not_done("INVALID_PARAMETER", "bill_date格式为yyyy-MM-dd") from None
    now = datetime.fromtimestamp(world.clock.now(), BEIJING)
    if world.dice.now.early_bills and day <= now.date():
        return day
    if day >= now.date() or day < now.date() - OLDEST:
        raise not_done("INVALID_PARAMETER", "bill_date不在可下载范围内")
    if day == now.date() - timedelta(days=1) and now.hour < READY_AT:
        raise not_done("isp.bill_not_exist", "账单不存在")
    return day


def _zipped(files: Sequence[tuple[str, list[str]]]) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in files:
            archive.writestr(GbkEntry(name), ("\r\n".join(lines) + "\r\n").encode("gbk"), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _business(world: World, day: date, rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """Every cell ends with a tab now and then, and refunds are negative: a careless reader stumbles."""
    paid = [row for row in rows if row["业务类型"] == "交易"]
    back = [row for row in rows if row["业务类型"] == "退款"]
    trailer = [
        f"#交易合计：{len(paid)}笔，商家实收共{bill_rows.total(paid, '商家实收（元）')}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{bill_rows.total(back, '商家实收（元）')}元，商家优惠退款共0.00元",
    ]
    detail = _lines(world, day, "业务明细", bill_rows.BUSINESS_COLUMNS, rows, trailer)
    name = _name(world, day)
    sums = [str(len(paid)), str(len(back)), bill_rows.total(rows, "商家实收（元）")]
    summary = [
        *_head(world, day, "业务汇总"),
        "门店编号,交易订单总笔数,退款订单总笔数,实收净额（元）",
        f"合计\t,{','.join(sums)}",
        f"#{DASHES}业务汇总列表结束{DASHES}",
    ]
    return [(f"{name}_业务明细.csv", detail), (f"{name}_业务明细(汇总).csv", summary)]


def _funds(world: World, day: date, rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    came = [row for row in rows if row["收入金额（+元）"] != "0.00"]
    went = [row for row in rows if row["支出金额（-元）"] != "0.00"]
    trailer = [
        f"#支出合计：{len(went)}笔，共{bill_rows.total(went, '支出金额（-元）')}元",
        f"#收入合计：{len(came)}笔，共{bill_rows.total(came, '收入金额（+元）')}元",
    ]
    detail = _lines(world, day, "账务明细", bill_rows.FUND_COLUMNS, rows, trailer)
    name = _name(world, day)
    return [(f"{name}_账务明细.csv", detail), (f"{name}_账务明细(汇总).csv", _head(world, day, "账务汇总"))]


def _name(world: World, day: date) -> str:
    return f"{world.keys.alipay.account.seller_id}0156_{day:%Y%m%d}"


def _head(world: World, day: date, what: str) -> list[str]:
    start, end = f"{day:%Y年%m月%d日} 00:00:00", f"{day + timedelta(days=1):%Y年%m月%d日} 00:00:00"
    return [
        f"#支付宝{what}查询",
        f"#账号：[{world.keys.alipay.account.seller_id}0156]",
        f"#起始日期：[{start}]   终止日期：[{end}]",
        f"#{DASHES}{what}列表{DASHES}",
    ]


def _lines(
    world: World, day: date, what: str, columns: Sequence[str], rows: Sequence[Row], trailer: Sequence[str]
) -> list[str]:
    exported = datetime.fromtimestamp(world.clock.now(), BEIJING)
    return [
        *_head(world, day, what),
        ",".join(columns),
        *(",".join(_cell(row[name], place) for place, name in enumerate(columns)) for row in rows),
        f"#{DASHES}{what}列表结束{DASHES}",
        *trailer,
        f"#导出时间：[{exported:%Y年%m月%d日 %H:%M:%S}]",
    ]


def _cell(value: str, place: int) -> str:
    """Commas would make two cells of one."""
    return value.replace(",", "，") + ("\t" if place % 2 == 0 else "")
