"""Without this module nobody could pay an order or lie about one: the control calls around payments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.clock import rfc3339
from integrations.sandbox.delivering import Delivery, deliver
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.messenger import Callback
from integrations.sandbox.wechat_pay.notices import CHANNEL, MODES, payment_callback, refund_callback
from integrations.sandbox.wechat_pay.orders import Order, orders
from integrations.sandbox.wechat_pay.payer import PaymentRequest, play_payment, request_payment
from integrations.sandbox.wechat_pay.refunds import RefundRecord, notice, refunds
from integrations.sandbox.wechat_pay.refunds import shown as refund_shown
from integrations.sandbox.world import World


class DirectPayment(Form):
    outcome: Literal["ok", "cancel"] = "ok"


class Mistake(Form):
    """What WeChat Pay takes the order for from now on, in every answer, notice and bill; empty is left as it is."""

    total: Annotated[int, Field(ge=0)] = 0
    openid: str = ""


class Notification(Delivery):
    """`out_refund_no` turns it into the notification of that refund."""

    out_refund_no: str = ""


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/pay", "POST", pay),
        control_route(world, "/orders", "GET", list_orders),
        control_route(world, "/orders/{out_trade_no}", "GET", show_order),
        control_route(world, "/orders/{out_trade_no}/pay", "POST", pay_directly),
        control_route(world, "/orders/{out_trade_no}/mistake", "POST", mistake),
        control_route(world, "/orders/{out_trade_no}/notify", "POST", notify),
    ]


async def pay(world: World, request: Request) -> object:
    return request_payment(world, await read_form(request, PaymentRequest))


async def pay_directly(world: World, request: Request) -> object:
    wanted = await read_form(request, DirectPayment)
    return play_payment(world, _order(world, request), wanted.outcome)


async def mistake(world: World, request: Request) -> object:
    wanted, order = await read_form(request, Mistake), _order(world, request)
    kept = replace(order, total=wanted.total or order.total, openid=wanted.openid or order.openid)
    orders(world).put(order.out_trade_no, kept)
    return _shown(kept, refunds(world).every())


async def list_orders(world: World, _: Request) -> object:
    back = refunds(world).every()
    return [_shown(order, back) for order in orders(world).every()]


async def show_order(world: World, request: Request) -> object:
    return _shown(_order(world, request), refunds(world).every())


async def notify(world: World, request: Request) -> object:
    wanted = await read_form(request, Notification)
    callback = _callback(world, _order(world, request), wanted)
    return await deliver(world, CHANNEL, callback, wanted, "order")


def _order(world: World, request: Request) -> Order:
    order = orders(world).get(request.path_params["out_trade_no"])
    if order is None:
        raise Unacceptable("No such order.", 404)
    return order


def _callback(world: World, order: Order, wanted: Notification) -> Callback:
    if wanted.mode not in {*MODES, "replay"}:
        raise Unacceptable(f"mode is one of {', '.join(MODES)}, replay.", 422)
    if wanted.out_refund_no:
        refund = refunds(world).get(wanted.out_refund_no)
        if refund is None or refund.out_trade_no != order.out_trade_no:
            raise Unacceptable("No such refund of this order.", 404)
        if not refund.notify_url:
            raise Unacceptable("The refund was requested without notify_url.", 409)
        return refund_callback(world, notice(refund), refund.outcome, refund.notify_url, wanted.mode)
    if wanted.mode == "normal" and not order.is_paid:
        raise Unacceptable("The order is not paid: there is nothing true to tell.", 409)
    return payment_callback(world, order, wanted.mode)


def _shown(order: Order, back: Sequence[RefundRecord]) -> dict[str, Any]:
    """An order as its payer and its merchant may see it; moments in Beijing time."""
    return {
        "out_trade_no": order.out_trade_no,
        "transaction_id": order.transaction_id,
        "openid": order.openid,
        "description": order.description,
        "attach": order.attach,
        "total": order.total,
        "trade_state": order.trade_state,
        "notify_url": order.notify_url,
        "created_at": rfc3339(order.created),
        "expires_at": rfc3339(order.deadline),
        "paid_at": rfc3339(order.paid) if order.is_paid else "",
        "refunds": [refund_shown(r) for r in back if r.out_trade_no == order.out_trade_no],
    }
