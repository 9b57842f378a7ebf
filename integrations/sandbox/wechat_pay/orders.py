"""Without this module there would be nothing to pay: JSAPI orders, their queries and their closing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from integrations.sandbox.clock import beijing, rfc3339
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat.people import People
from integrations.sandbox.wechat_pay import checks
from integrations.sandbox.wechat_pay.gate import Caller, check_mchid, posted_json
from integrations.sandbox.wechat_pay.wire import PayError, told, wrong
from integrations.sandbox.world import World

PREPAY_LIFE = 2 * 3600
SHORTEST_DEADLINE = 60
LONGEST_DEADLINE = 7 * 86400

NOTPAY, SUCCESS, REFUND, CLOSED = "NOTPAY", "SUCCESS", "REFUND", "CLOSED"
PAID = frozenset({SUCCESS, REFUND})
DESCRIPTIONS = {NOTPAY: "订单未支付", SUCCESS: "支付成功", REFUND: "转入退款", CLOSED: "订单已关闭"}


@dataclass(frozen=True)
class Order:
    """`parameters` is the first request, against which a repeat is compared. Moments are the sandbox's."""

    out_trade_no: str
    mchid: str
    appid: str
    openid: str
    description: str
    attach: str
    total: int
    notify_url: str
    created: float
    deadline: float
    parameters: dict[str, Any]
    trade_state: str = NOTPAY
    transaction_id: str = ""
    paid: float = 0.0

    @property
    def is_paid(self) -> bool:
        return self.trade_state in PAID


@dataclass(frozen=True)
class Prepay:
    prepay_id: str
    out_trade_no: str
    issued: float


@dataclass(frozen=True)
class TransactionOf:
    out_trade_no: str


def orders(world: World) -> Shelf[Order]:
    return Shelf(world.records, "orders", Order, keep=20000)


def prepays(world: World) -> Shelf[Prepay]:
    return Shelf(world.records, "prepays", Prepay, keep=20000)


def open_jsapi(world: World, call: Call, caller: Caller) -> Answer:
    """JSAPI order: the same parameters again give a fresh prepay_id, other parameters OUT_TRADE_NO_USED."""
    content = posted_json(call)
    wanted = _read_order(world, content, caller)
    known = orders(world).get(wanted.out_trade_no)
    if known is None:
        orders(world).put(wanted.out_trade_no, wanted)
    elif known.is_paid:
        raise PayError(400, "ORDERPAID", "该订单已支付")
    elif known.trade_state == CLOSED:
        raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
    elif known.parameters != content:
        raise PayError(403, "OUT_TRADE_NO_USED", "商户订单号重复，请核实订单信息")
    now = world.clock.now()
    day = "".join(filter(str.isdigit, beijing(now)))
    prepay = Prepay(f"wx{day}{secrets.token_hex(10)}", wanted.out_trade_no, now)
    prepays(world).put(prepay.prepay_id, prepay)
    return told({"prepay_id": prepay.prepay_id})


def query_by_number(world: World, call: Call, caller: Caller) -> Answer:
    check_mchid(caller, call.query, "query")
    return told(transaction(_order(world, call.variables["out_trade_no"])))


def query_by_transaction(world: World, call: Call, caller: Caller) -> Answer:
    check_mchid(caller, call.query, "query")
    found = _transactions(world).get(call.variables["transaction_id"])
    return told(transaction(_order(world, found.out_trade_no if found else "")))


def close(world: World, call: Call, caller: Caller) -> Answer:
    """Close order: 204 also when repeated; a paid order is not closed."""
    check_mchid(caller, posted_json(call), "body")
    order = _order(world, call.variables["out_trade_no"])
    if order.is_paid:
        raise PayError(400, "ORDERPAID", "该订单已支付")
    orders(world).put(order.out_trade_no, replace(order, trade_state=CLOSED))
    return Answer(204, verdict="closed")


def settle(world: World, order: Order) -> Order:
    """The money has arrived. The caller has checked that the order may be paid."""
    now = world.clock.now()
    transaction_id = f"42000{secrets.randbelow(10**23):023d}"
    paid = replace(order, trade_state=SUCCESS, transaction_id=transaction_id, paid=now)
    orders(world).put(paid.out_trade_no, paid)
    _transactions(world).put(transaction_id, TransactionOf(paid.out_trade_no))
    return paid


def transaction(order: Order) -> dict[str, Any]:
    """Query order, and the plaintext of TRANSACTION.SUCCESS: no transaction_id before the payment."""
    amount: dict[str, Any] = {"total": order.total, "currency": "CNY"}
    shown: dict[str, Any] = {
        "appid": order.appid,
        "mchid": order.mchid,
        "out_trade_no": order.out_trade_no,
        "trade_state": order.trade_state,
        "trade_state_desc": DESCRIPTIONS[order.trade_state],
        "attach": order.attach,
        "payer": {"openid": order.openid},
        "amount": amount,
        "promotion_detail": [],
    }
    if order.is_paid:
        amount |= {"payer_total": order.total, "payer_currency": "CNY"}
        shown |= {
            "transaction_id": order.transaction_id,
            "trade_type": "JSAPI",
            "bank_type": "OTHERS",
            "success_time": rfc3339(order.paid),
        }
    return shown


def find_order(world: World, *, out_trade_no: str = "", transaction_id: str = "") -> Order | None:
    if transaction_id:
        found = _transactions(world).get(transaction_id)
        out_trade_no = found.out_trade_no if found else ""
    return orders(world).get(out_trade_no)


def _order(world: World, out_trade_no: str) -> Order:
    order = orders(world).get(out_trade_no)
    if order is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    return order


def _transactions(world: World) -> Shelf[TransactionOf]:
    return Shelf(world.records, "transactions", TransactionOf, keep=20000)


def _read_order(world: World, content: dict[str, Any], caller: Caller) -> Order:
    appid = checks.need_text(content, "/appid", 32)
    check_mchid(caller, content, "body")
    description = checks.need_text(content, "/description", 127)
    out_trade_no = checks.need_number(content, "/out_trade_no", checks.OUT_TRADE_NO)
    deadline = checks.may_deadline(content)
    attach = checks.may_text(content, "/attach", 128, in_bytes=True)
    notify_url = checks.need_callback_url(content, 255, required=True)
    total = checks.need_fen(content, "/amount/total")
    checks.need_currency(content, required=False)
    openid = checks.need_text(content, "/payer/openid", 128)
    checks.check_extras(content)
    if appid != world.keys.account.wechat_app_id:
        raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    if People(world.records).find(openid) is None:
        raise wrong("/payer/openid", openid, "openid与appid不匹配")
    now = world.clock.now()
    latest = now + LONGEST_DEADLINE
    return Order(
        out_trade_no=out_trade_no,
        mchid=caller.mchid,
        appid=appid,
        openid=openid,
        description=description,
        attach=attach,
        total=total,
        notify_url=notify_url,
        created=now,
        deadline=latest if deadline is None else min(max(deadline, now + SHORTEST_DEADLINE), latest),
        parameters=content,
    )
