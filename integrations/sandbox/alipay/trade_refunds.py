"""Without this module money could not go back in Alipay: refunds that count together, and what became of each."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from integrations.sandbox.alipay import trade_checks as checks
from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.trade_notices import post_refund
from integrations.sandbox.alipay.trade_records import (
    CLOSED,
    FINISHED,
    SUCCESS,
    Trade,
    TradeRefund,
    buyer,
    keep_refunds,
    logon_id,
    refunds_of,
    sum_of,
    trades,
)
from integrations.sandbox.alipay.trades import asked_for
from integrations.sandbox.alipay.wire import not_done
from integrations.sandbox.clock import beijing
from integrations.sandbox.world import World

GAP = 3.0  # seconds between two refunds of a trade, before haste
SLOW = 10.0  # seconds until a slow refund is through, before haste


def refund(world: World, question: Question) -> dict[str, Any]:
    """alipay.trade.refund: one number refunds once. `refund_fee` is what the whole trade has given back so far."""
    amount = checks.need_fen(question.content, "refund_amount")
    reason = checks.may_text(question.content, "refund_reason", 256)
    trade = asked_for(world, question)
    number = checks.may_text(question.content, "out_request_no", 64) or trade.out_trade_no
    if not checks.OUT_REQUEST_NO.fullmatch(number):
        raise checks.invalid("out_request_no字符不符合规则")
    before = refunds_of(world, trade)
    known = next((one for one in before if one.out_request_no == number), None)
    if known is not None:
        if known.amount != amount:
            raise not_done("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
        return _told(world, trade, before, moved=False)
    _check_may_refund(world, trade, before, amount)
    made = _made(world, number, amount, reason)
    after = [*before, made]
    keep_refunds(world, trade, after)
    trade = _with_state(world, trade, after)
    if made.settles is not None:
        post_refund(world, trade, made, sum_of(after), after=made.settles - time.time())
    return _told(world, trade, after, moved=made.is_through)


def query(world: World, question: Question) -> dict[str, Any]:
    """alipay.trade.fastpay.refund.query: no refund_status means not received, not through yet, or failed."""
    trade = asked_for(world, question)
    number = checks.need_text(question.content, "out_request_no", 64)
    found = next((one for one in refunds_of(world, trade) if one.out_request_no == number), None)
    if found is None or not found.is_through:
        return {}
    return {
        "out_trade_no": trade.out_trade_no,
        "trade_no": trade.trade_no,
        "out_request_no": number,
        "refund_reason": found.reason,
        "total_amount": checks.yuan(trade.total),
        "refund_amount": checks.yuan(found.amount),
        "refund_status": "REFUND_SUCCESS",
        "gmt_refund_pay": beijing(found.created),
    }


def _check_may_refund(world: World, trade: Trade, before: list[TradeRefund], amount: int) -> None:
    if trade.status == FINISHED:
        raise not_done("ACQ.TRADE_HAS_FINISHED", "交易已完结，不允许退款")
    if trade.status != SUCCESS:
        raise not_done("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    if amount + sum_of(before) > trade.total:
        raise not_done("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
    last = max((one.asked for one in before), default=0.0)
    if time.time() - last < GAP * world.dice.now.haste:
        raise not_done("ACQ.REFUND_TOO_FREQUENT", "同一笔交易的两次退款至少间隔3秒")
    if world.dice.now.not_enough:
        raise not_done("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")


def _made(world: World, number: str, amount: int, reason: str) -> TradeRefund:
    mood, now = world.dice.now, time.time()
    settles: float | None = now + SLOW * mood.haste if mood.alipay_slow_refunds else now
    return TradeRefund(
        out_request_no=number,
        amount=amount,
        reason=reason,
        created=world.clock.now(),
        asked=now,
        settles=settles if mood.refund_outcome == "SUCCESS" else None,
    )


def _with_state(world: World, trade: Trade, back: list[TradeRefund]) -> Trade:
    """A trade that gave everything back is closed."""
    if sum_of(back) < trade.total:
        return trade
    closed = replace(trade, status=CLOSED, closed=world.clock.now())
    trades(world).put(trade.out_trade_no, closed)
    return closed


def _told(world: World, trade: Trade, back: list[TradeRefund], *, moved: bool) -> dict[str, Any]:
    told = {
        "out_trade_no": trade.out_trade_no,
        "trade_no": trade.trade_no,
        "buyer_logon_id": logon_id(world, trade),
        **buyer(world, trade, "buyer_user_id"),
        "fund_change": "Y" if moved else "N",
        "refund_fee": checks.yuan(sum_of(back)),
    }
    return {**told, "gmt_refund_pay": beijing(back[-1].created)} if moved else told
