"""Without this module nothing could be reconciled: the daily bills, built from what really happened."""

from __future__ import annotations

import base64
import gzip
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from integrations.sandbox.clock import BEIJING, beijing
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat_pay.gate import Caller
from integrations.sandbox.wechat_pay.orders import Order, find_order, orders
from integrations.sandbox.wechat_pay.refunds import RefundRecord, refunds
from integrations.sandbox.wechat_pay.wire import PayError, told, wrong
from integrations.sandbox.world import World

TOKEN_LIFE = 300
READY_AT = 10  # o'clock of the next day
OLDEST = timedelta(days=92)
KINDS = ("ALL", "SUCCESS", "REFUND")
RATE = "0.60%"
COLUMNS = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号",
    "商户订单号", "用户标识", "交易类型", "交易状态", "付款银行", "货币种类",
    "应结订单金额", "代金券金额", "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额",
    "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率",
    "订单金额", "申请退款金额", "费率备注",
)  # fmt: skip
REFUND_COLUMNS = frozenset({
    "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "申请退款金额",
})  # fmt: skip
SUMMARY = (
    "总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额", "订单总金额", "申请退款总金额",
)  # fmt: skip


@dataclass(frozen=True)
class BillFile:
    content: str
    zipped: bool
    expires: float


def trade_bill(world: World, call: Call, _: Caller) -> Answer:
    """Apply for the trade bill: a hash over the plain file and an address that lives five minutes."""
    kind = call.query.get("bill_type", "ALL")
    if kind not in KINDS:
        raise wrong("/bill_type", kind, "取值不正确", "query")
    rows = _rows(world, billable_day(world, call), kind)
    columns = [name for name in COLUMNS if kind != "SUCCESS" or name not in REFUND_COLUMNS]
    totals = [total(rows, "应结订单金额"), total(rows, "退款金额"), "0.00", total(rows, "手续费", 5)]
    totals += [total(rows, "订单金额"), total(rows, "申请退款金额")]
    return granted(world, call, columns, rows, dict(zip(SUMMARY, [str(len(rows)), *totals], strict=True)))


def granted(
    world: World, call: Call, columns: Sequence[str], rows: Sequence[dict[str, Any]], summary: dict[str, str]
) -> Answer:
    """The answer to an application for any bill."""
    zipped = call.query.get("tar_type", "") == "GZIP"
    if call.query.get("tar_type", "GZIP") != "GZIP":
        raise wrong("/tar_type", call.query["tar_type"], "取值不正确", "query")
    if not rows:
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    content = _file(columns, rows, summary)
    token = secrets.token_urlsafe(32)
    stored = BillFile(base64.b64encode(content).decode(), zipped, world.clock.now() + TOKEN_LIFE)
    _files(world).put(token, stored)
    address = f"{world.base_url}/v3/billdownload/file?token={token}"
    return told(
        {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(content).hexdigest(),  # noqa: S324 - the protocol's hash
            "download_url": address + ("&tartype=gzip" if zipped else ""),
        }
    )


def download(world: World, call: Call, _: Caller) -> Answer:
    """Download bill: behind the usual Authorization, but the file itself is not signed."""
    stored = _files(world).get(call.query.get("token", ""))
    if stored is None or world.clock.now() > stored.expires:
        raise PayError(400, "INVALID_REQUEST", "token无效或已过期")
    content = base64.b64decode(stored.content)
    if stored.zipped:
        return Answer(200, gzip.compress(content), {"content-type": "application/octet-stream"}, "bill")
    return Answer(200, content, {"content-type": "text/plain; charset=utf-8"}, "bill")


def _files(world: World) -> Shelf[BillFile]:
    return Shelf(world.records, "bills", BillFile, keep=50)


def billable_day(world: World, call: Call) -> date:
    shown = call.query.get("bill_date", "")
    try:
        day = date.fromisoformat(shown)
    except ValueError:
        raise wrong("/bill_date", shown, "格式为YYYY-MM-DD", "query") from None
    now = datetime.fromtimestamp(world.clock.now(), BEIJING)
    if day > now.date() or day < now.date() - OLDEST:
        raise wrong("/bill_date", shown, "日期不在可下载范围内", "query")
    if world.dice.now.early_bills:
        return day
    if day == now.date():
        raise wrong("/bill_date", shown, "不能下载当日账单", "query")
    if day == now.date() - timedelta(days=1) and now.hour < READY_AT:
        raise PayError(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")
    return day


def _rows(world: World, day: date, kind: str) -> list[dict[str, Any]]:
    """A row belongs to the day of its event: a refund days later is in a later bill. A bill is of its day: what a
    refund became after midnight is not in it.
    """
    known_at = min(world.clock.now(), end_of(day))
    rows: list[tuple[float, dict[str, Any]]] = []
    if kind in {"ALL", "SUCCESS"}:
        rows += [(o.paid, _payment(o)) for o in orders(world).every() if o.is_paid and is_on(o.paid, day)]
    if kind in {"ALL", "REFUND"}:
        for refund in refunds(world).every():
            order = find_order(world, out_trade_no=refund.out_trade_no)
            if order is not None and is_on(refund.created, day):
                rows.append((refund.created, _refund(order, refund, known_at)))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def end_of(day: date) -> float:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), BEIJING).timestamp()


def is_on(moment: float, day: date) -> bool:
    return datetime.fromtimestamp(moment, BEIJING).date() == day


def _payment(order: Order) -> dict[str, Any]:
    return _order_part(order, order.paid, "SUCCESS") | {
        "应结订单金额": yuan(order.total),
        "退款金额": "0.00",
        "充值券退款金额": "0.00",
        "手续费": _fee(order.total),
        "订单金额": yuan(order.total),
        "申请退款金额": "0.00",
    }


def _refund(order: Order, refund: RefundRecord, known_at: float) -> dict[str, Any]:
    states = {"SUCCESS": "SUCCESS", "PROCESSING": "PROCESSING", "ABNORMAL": "CHANGE", "CLOSED": "FAIL"}
    state = states[refund.status_at(known_at)]
    return _order_part(order, refund.created, "REFUND") | {
        "应结订单金额": "0.00",
        "微信退款单号": refund.refund_id,
        "商户退款单号": refund.out_refund_no,
        "退款金额": yuan(refund.refund),
        "充值券退款金额": "0.00",
        "退款类型": "ORIGINAL",
        "退款状态": state,
        "手续费": "0.00000" if state == "FAIL" else "-" + _fee(refund.refund),
        "订单金额": "0.00",
        "申请退款金额": yuan(refund.refund),
    }


def _order_part(order: Order, moment: float, state: str) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS, "") | {
        "交易时间": beijing(moment),
        "公众账号ID": order.appid,
        "商户号": order.mchid,
        "特约商户号": "0",
        "微信订单号": order.transaction_id,
        "商户订单号": order.out_trade_no,
        "用户标识": order.openid,
        "交易类型": "JSAPI",
        "交易状态": state,
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "代金券金额": "0.00",
        "商品名称": _plain(order.description),
        "商户数据包": _plain(order.attach),
        "费率": RATE,
    }


def _file(columns: Sequence[str], rows: Sequence[dict[str, Any]], summary: dict[str, str]) -> bytes:
    """With byte-order mark and CRLF, the form a careless reader stumbles over; a backtick before each value."""
    lines = [",".join(columns), *(_line([row[name] for name in columns]) for row in rows)]
    lines += [",".join(summary), _line(list(summary.values()))]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def _line(values: Sequence[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def total(rows: Sequence[dict[str, Any]], column: str, decimals: int = 2) -> str:
    """Summed in the last decimal, never in floating point."""
    units = sum(int(row[column].replace(".", "")) for row in rows)
    sign, units = ("-", -units) if units < 0 else ("", units)
    return f"{sign}{units // 10**decimals}.{units % 10**decimals:0{decimals}d}"


def _plain(text: str) -> str:
    return text.replace(",", "\\ ").replace("\n", "\\n")


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def fee_fen(fen: int) -> int:
    """0.60 % of the amount, half a fen rounded up."""
    return (fen * 6 + 500) // 1000


def _fee(fen: int) -> str:
    """In yuan with five decimals."""
    return f"{yuan(fee_fen(fen))}000"
