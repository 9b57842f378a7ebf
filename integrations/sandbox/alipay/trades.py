"""Without this module there would be nothing to pay in Alipay: trades, their queries and their closing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from integrations.sandbox.alipay import trade_checks as checks
from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.people import AlipayUser, Users
from integrations.sandbox.alipay.trade_notices import post_state
from integrations.sandbox.alipay.trade_records import (
    CLOSED,
    FINISHED,
    SUCCESS,
    WAIT,
    NumberOf,
    Trade,
    buyer,
    logon_id,
    trade_numbers,
    trades,
)
from integrations.sandbox.alipay.wire import not_done
from integrations.sandbox.clock import BEIJING, beijing
from integrations.sandbox.world import World

REFUND_WINDOW = 365 * 86400.0  # the contract says how long; then the trade is finished


def create(world: World, question: Question) -> dict[str, Any]:
    """alipay.trade.create: the same content again gives the same trade, another content CONTEXT_INCONSISTENT."""
    number = checks.need_number(question.content, "out_trade_no", checks.OUT_TRADE_NO)
    known = find_trade(world, out_trade_no=number)
    if known is not None:
        _check_repeat(known, question.content)
        return _named(known)
    made = _read_trade(world, question, number)
    trades(world).put(number, made)
    trade_numbers(world).put(made.trade_no, NumberOf(number))
    return _named(made)


def query(world: World, question: Question) -> dict[str, Any]:
    """alipay.trade.query. What was paid keeps its send_pay_date, also when all of it went back."""
    trade = asked_for(world, question)
    told = {
        **_named(trade),
        "trade_status": trade.status,
        "total_amount": checks.yuan(trade.total),
        "buyer_logon_id": logon_id(world, trade),
        **buyer(world, trade, "buyer_user_id"),
        "point_amount": "0.00",
    }
    if not trade.was_paid:
        return {**told, "buyer_pay_amount": "0.00", "receipt_amount": "0.00", "invoice_amount": "0.00"}
    sums = dict.fromkeys(("buyer_pay_amount", "receipt_amount", "invoice_amount"), checks.yuan(trade.total))
    funds = [{"fund_channel": "ALIPAYACCOUNT", "amount": checks.yuan(trade.total)}]
    return {**told, **sums, "send_pay_date": beijing(trade.paid), "fund_bill_list": funds}


def close(world: World, question: Question) -> dict[str, Any]:
    """alipay.trade.close: only what nobody paid, and only once."""
    trade = asked_for(world, question)
    if trade.status != WAIT:
        raise not_done("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    end(world, trade)
    return _named(trade)


def settle(world: World, trade: Trade) -> Trade:
    """The money has arrived. The caller has checked that the trade may be paid."""
    paid = replace(trade, status=SUCCESS, paid=world.clock.now())
    trades(world).put(paid.out_trade_no, paid)
    return paid


def end(world: World, trade: Trade) -> Trade:
    """Closed without money: by the merchant, or because its time is over."""
    ended = replace(trade, status=CLOSED, closed=min(world.clock.now(), trade.deadline))
    trades(world).put(ended.out_trade_no, ended)
    post_state(world, ended)
    return ended


def find_trade(world: World, *, out_trade_no: str = "", trade_no: str = "") -> Trade | None:
    """The trade as it is by now: what ran out of time is closed, what can no longer be refunded is finished."""
    if trade_no:
        found = trade_numbers(world).get(trade_no)
        out_trade_no = found.out_trade_no if found else ""
    trade = trades(world).get(out_trade_no)
    now = world.clock.now()
    if trade is not None and trade.status == WAIT and now > trade.deadline:
        return end(world, trade)
    if trade is not None and trade.status == SUCCESS and now - trade.paid > REFUND_WINDOW:
        finished = replace(trade, status=FINISHED)
        trades(world).put(trade.out_trade_no, finished)
        post_state(world, finished)
        return finished
    return trade


def asked_for(world: World, question: Question) -> Trade:
    """`trade_no` wins when both numbers are there."""
    trade_no = checks.may_text(question.content, "trade_no", 64)
    out_trade_no = checks.may_text(question.content, "out_trade_no", 64)
    if not (trade_no or out_trade_no):
        raise checks.invalid("trade_no和out_trade_no不能同时为空")
    trade = find_trade(world, out_trade_no=out_trade_no, trade_no=trade_no)
    if trade is None:
        raise not_done("ACQ.TRADE_NOT_EXIST", "交易不存在")
    return trade


def _named(trade: Trade) -> dict[str, Any]:
    return {"out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no}


def _check_repeat(known: Trade, content: Mapping[str, Any]) -> None:
    if known.status == FINISHED:
        raise not_done("ACQ.TRADE_HAS_FINISHED", "交易已经完结")
    if known.was_paid:
        raise not_done("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    if known.status == CLOSED:
        raise not_done("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if known.content != content:
        raise not_done("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")


def _read_trade(world: World, question: Question, number: str) -> Trade:
    content, account, now = question.content, world.keys.alipay.account, world.clock.now()
    total, subject = checks.need_fen(content, "total_amount"), checks.need_subject(content)
    if checks.need_text(content, "product_code", 64) != "JSAPI_PAY":
        raise checks.invalid("product_code为JSAPI_PAY")
    if checks.need_text(content, "op_app_id", 32) != account.app_id:
        raise not_done("ACQ.ACCESS_FORBIDDEN", "op_app_id未与商户绑定")
    if checks.may_text(content, "seller_id", 28) not in {"", account.seller_id}:
        raise not_done("ACQ.PARTNER_ERROR", "seller_id不是本商户")
    payer = _buyer_of(world, content, account.seller_id)
    day = datetime.fromtimestamp(now, BEIJING).strftime("%Y%m%d")
    return Trade(
        trade_no=f"{day}22001{secrets.randbelow(10**15):015d}",
        out_trade_no=number,
        app_id=account.app_id,
        seller_id=account.seller_id,
        open_id=payer.open_id,
        user_id=payer.user_id,
        subject=subject,
        body=checks.may_text(content, "body", 128),
        passback=checks.may_text(content, "passback_params", 512),
        total=total,
        notify_url=checks.need_notify_url(question.parameters),
        created=now,
        deadline=checks.deadline(content, now),
        certified=bool(question.parameters.get("app_cert_sn")),
        content=dict(content),
    )


def _buyer_of(world: World, content: Mapping[str, Any], seller_id: str) -> AlipayUser:
    open_id, user_id = checks.may_text(content, "buyer_open_id", 128), checks.may_text(content, "buyer_id", 28)
    if bool(open_id) == bool(user_id):
        raise checks.invalid("buyer_open_id和buyer_id必须二选一")
    if user_id == seller_id:
        raise not_done("ACQ.BUYER_SELLER_EQUAL", "买卖家不能相同")
    users = Users(world.records)
    found = users.find(open_id) if open_id else next((u for u in users.every() if u.user_id == user_id), None)
    if found is None:
        raise checks.invalid("买家不存在")
    return found
