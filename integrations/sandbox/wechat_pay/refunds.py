"""Without this module money could not go back: refunds that are first accepted and settled a little later."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import Any

from integrations.sandbox.clock import rfc3339
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat_pay import checks
from integrations.sandbox.wechat_pay.gate import Caller, posted_json
from integrations.sandbox.wechat_pay.notices import post_refund
from integrations.sandbox.wechat_pay.orders import REFUND, Order, find_order, orders
from integrations.sandbox.wechat_pay.wire import PayError, told, wrong
from integrations.sandbox.world import World

PROCESSING_SECONDS = 15  # before haste
REFUNDS_PER_ORDER = 50
YEAR = 365 * 86400
ACCOUNT = "支付用户零钱"


@dataclass(frozen=True)
class RefundRecord:
    """`outcome` is what PROCESSING becomes at `settles` (real clock); `created` is the sandbox's clock."""

    refund_id: str
    mchid: str
    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    refund: int
    total: int
    notify_url: str
    created: float
    settles: float
    outcome: str
    parameters: dict[str, Any]
    took: float = 0.0

    @property
    def status(self) -> str:
        return self.outcome if time.time() >= self.settles else "PROCESSING"

    @property
    def settled(self) -> float:
        """On the sandbox's clock."""
        return self.created + self.took

    def status_at(self, moment: float) -> str:
        return self.outcome if moment >= self.settled else "PROCESSING"


def refunds(world: World) -> Shelf[RefundRecord]:
    return Shelf(world.records, "refunds", RefundRecord, keep=20000)


def apply(world: World, call: Call, _: Caller) -> Answer:
    """Refund application: a repeat with the same number and parameters refunds once, others are refused."""
    if world.dice.now.too_often:
        raise PayError(429, "FREQUENCY_LIMITED", "频率超限")
    content = posted_json(call)
    wanted = _read_refund(world, content)
    known = refunds(world).get(wanted.out_refund_no)
    if known is not None:
        if known.parameters != content:
            raise PayError(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        return told(shown(known))
    order = find_order(world, out_trade_no=wanted.out_trade_no)
    assert order is not None
    _check_limits(world, order, wanted)
    refunds(world).put(wanted.out_refund_no, wanted)
    orders(world).put(order.out_trade_no, replace(order, trade_state=REFUND))
    post_refund(world, notice(wanted), wanted.outcome, wanted.notify_url, after=wanted.settles - time.time())
    return told(shown(wanted))


def query(world: World, call: Call, _: Caller) -> Answer:
    found = refunds(world).get(call.variables["out_refund_no"])
    if found is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return told(shown(found))


def shown(refund: RefundRecord) -> dict[str, Any]:
    """Query refund: here the state is called `status`."""
    content: dict[str, Any] = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": ACCOUNT,
        "create_time": rfc3339(refund.created),
        "status": refund.status,
        "funds_account": "AVAILABLE",
        "amount": {
            "total": refund.total,
            "refund": refund.refund,
            "payer_total": refund.total,
            "payer_refund": refund.refund,
            "settlement_total": refund.total,
            "settlement_refund": refund.refund,
            "discount_refund": 0,
            "currency": "CNY",
        },
        "promotion_detail": [],
    }
    if refund.status == "SUCCESS":
        content["success_time"] = rfc3339(refund.settled)
    return content


def notice(refund: RefundRecord) -> dict[str, Any]:
    """The plaintext of REFUND.*: here the state is called `refund_status`."""
    content: dict[str, Any] = {
        "mchid": refund.mchid,
        "out_trade_no": refund.out_trade_no,
        "transaction_id": refund.transaction_id,
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_status": refund.outcome,
        "user_received_account": ACCOUNT,
        "amount": {
            "total": refund.total,
            "refund": refund.refund,
            "payer_total": refund.total,
            "payer_refund": refund.refund,
        },
    }
    if refund.outcome == "SUCCESS":
        content["success_time"] = rfc3339(refund.settled)
    return content


def _read_refund(world: World, content: dict[str, Any]) -> RefundRecord:
    out_trade_no = checks.may_text(content, "/out_trade_no", 32)
    transaction_id = checks.may_text(content, "/transaction_id", 32)
    if bool(out_trade_no) == bool(transaction_id):
        raise wrong("/transaction_id", transaction_id, "transaction_id和out_trade_no必须二选一")
    out_refund_no = checks.need_number(content, "/out_refund_no", checks.OUT_REFUND_NO)
    checks.may_text(content, "/reason", 80)
    notify_url = checks.need_callback_url(content, 256, required=False)
    refund = checks.need_fen(content, "/amount/refund")
    total = checks.need_fen(content, "/amount/total")
    checks.need_currency(content, required=True)
    order = find_order(world, out_trade_no=out_trade_no, transaction_id=transaction_id)
    if order is None or not order.is_paid:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在或未支付")
    if total != order.total:
        raise wrong("/amount/total", total, "与原订单金额不一致")
    mood = world.dice.now
    took = PROCESSING_SECONDS * mood.haste
    return RefundRecord(
        refund_id=f"50{secrets.randbelow(10**27):027d}",
        mchid=order.mchid,
        out_refund_no=out_refund_no,
        out_trade_no=order.out_trade_no,
        transaction_id=order.transaction_id,
        refund=refund,
        total=total,
        notify_url=notify_url,
        created=world.clock.now(),
        settles=time.time() + took,
        took=took,
        outcome=mood.refund_outcome,
        parameters=content,
    )


def _check_limits(world: World, order: Order, wanted: RefundRecord) -> None:
    before = [r for r in refunds(world).every() if r.out_trade_no == order.out_trade_no]
    if wanted.created - order.paid > YEAR:
        raise PayError(403, "RULE_LIMIT", "订单已超过可退款的最大期限")
    if len(before) >= REFUNDS_PER_ORDER:
        raise PayError(403, "RULE_LIMIT", "部分退款次数超过限制")
    returned = sum(refund.refund for refund in before if refund.outcome != "CLOSED")
    if returned + wanted.refund > order.total:
        raise PayError(400, "INVALID_REQUEST", "申请退款金额大于订单可退金额")
    if world.dice.now.not_enough:
        raise PayError(403, "NOT_ENOUGH", "商户号余额不足")
