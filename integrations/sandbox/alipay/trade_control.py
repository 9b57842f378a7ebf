"""Without this module nobody could pay a trade or lie about one: the control calls around payments in Alipay."""

from __future__ import annotations

from typing import Any, Literal

from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.alipay.trade_checks import yuan
from integrations.sandbox.alipay.trade_notices import CHANNEL, MODES, payment_callback, post_payment, refund_callback
from integrations.sandbox.alipay.trade_records import CLOSED, Trade, refunds_of, sum_of, trades
from integrations.sandbox.alipay.trades import find_trade, settle
from integrations.sandbox.clock import rfc3339
from integrations.sandbox.delivering import Delivery, deliver
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.messenger import Callback
from integrations.sandbox.world import World

Outcome = Literal["ok", "late", "cancel"]
PAID, FAILED, CANCELLED = "9000", "4000", "6001"


class TradePay(Form):
    """The argument the mini-program hands to `my.tradePay`, whose phone it is and what the resident does."""

    open_id: str
    tradeNO: str  # noqa: N815 - Alipay's spelling
    outcome: Outcome = "ok"


class DirectPayment(Form):
    outcome: Outcome = "ok"


class Notification(Delivery):
    """`out_request_no` turns it into the notice of that refund."""

    out_request_no: str = ""


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/alipay/pay", "POST", trade_pay),
        control_route(world, "/alipay/trades", "GET", list_trades),
        control_route(world, "/alipay/trades/{out_trade_no}", "GET", show_trade),
        control_route(world, "/alipay/trades/{out_trade_no}/pay", "POST", pay_directly),
        control_route(world, "/alipay/trades/{out_trade_no}/notify", "POST", notify),
    ]


async def trade_pay(world: World, request: Request) -> object:
    """`my.tradePay({tradeNO})`: the trade first, then the person."""
    wanted = await read_form(request, TradePay)
    trade = find_trade(world, trade_no=wanted.tradeNO)
    if trade is None:
        raise _failed("No such trade.")
    if trade.open_id != wanted.open_id:
        raise _failed("The trade belongs to another buyer.", 403)
    return _play(world, trade, wanted.outcome)


async def pay_directly(world: World, request: Request) -> object:
    wanted = await read_form(request, DirectPayment)
    return _play(world, _trade(world, request), wanted.outcome)


async def list_trades(world: World, _: Request) -> object:
    return [_shown(world, trade) for trade in trades(world).every()]


async def show_trade(world: World, request: Request) -> object:
    return _shown(world, _trade(world, request))


async def notify(world: World, request: Request) -> object:
    wanted = await read_form(request, Notification)
    callback = _callback(world, _trade(world, request), wanted)
    return await deliver(world, CHANNEL, callback, wanted, "trade")


def _play(world: World, trade: Trade, outcome: Outcome) -> dict[str, str]:
    if trade.was_paid:
        raise _failed("The trade is already paid.", 409)
    if trade.status == CLOSED and outcome != "late":  # late: the password was entered in time
        raise _failed("The trade is closed.", 409)
    if outcome == "cancel":
        return {"resultCode": CANCELLED}
    post_payment(world, settle(world, trade))
    return {"resultCode": PAID}


def _trade(world: World, request: Request) -> Trade:
    trade = find_trade(world, out_trade_no=request.path_params["out_trade_no"])
    if trade is None:
        raise Unacceptable("No such trade.", 404)
    return trade


def _callback(world: World, trade: Trade, wanted: Notification) -> Callback:
    if wanted.mode not in {*MODES, "replay"}:
        raise Unacceptable(f"mode is one of {', '.join(MODES)}, replay.", 422)
    if not trade.notify_url:
        raise Unacceptable("The trade was made without notify_url.", 409)
    if wanted.out_request_no:
        back = refunds_of(world, trade)
        place = next((i for i, one in enumerate(back) if one.out_request_no == wanted.out_request_no), None)
        if place is None:
            raise Unacceptable("No such refund of this trade.", 404)
        return refund_callback(world, trade, back[place], sum_of(back[: place + 1]), wanted.mode)
    if wanted.mode == "normal" and not trade.was_paid:
        raise Unacceptable("The trade is not paid: there is nothing true to tell.", 409)
    return payment_callback(world, trade, wanted.mode)


def _shown(world: World, trade: Trade) -> dict[str, Any]:
    """A trade as its buyer and its seller may see it; moments in Beijing time."""
    return {
        "out_trade_no": trade.out_trade_no,
        "trade_no": trade.trade_no,
        "open_id": trade.open_id,
        "subject": trade.subject,
        "total": trade.total,
        "trade_status": trade.status,
        "notify_url": trade.notify_url,
        "created_at": rfc3339(trade.created),
        "expires_at": rfc3339(trade.deadline),
        "paid_at": rfc3339(trade.paid) if trade.was_paid else "",
        "refunds": [
            {"out_request_no": one.out_request_no, "refund_amount": yuan(one.amount), "through": one.is_through}
            for one in refunds_of(world, trade)
        ],
    }


def _failed(sentence: str, status: int = 400) -> Unacceptable:
    return Unacceptable(sentence, status, resultCode=FAILED)
