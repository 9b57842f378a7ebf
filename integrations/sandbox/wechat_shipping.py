"""Without this module no money would ever be held back: it plays WeChat's order shipping management.

An account under it gets the money of an order once it was told what the order brought; one correction is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.front import Answer, Call, provider_route
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat.tokens import check_token
from integrations.sandbox.wechat.wire import WECHAT, WechatError, posted_json, success
from integrations.sandbox.wechat_pay.orders import Order, find_order
from integrations.sandbox.wechat_pay.refunds import refunds
from integrations.sandbox.world import World

ONLY = "only"
TO_SHIP, SHIPPED, REFUNDED = 1, 2, 5
EXPRESS, SAME_CITY, VIRTUAL, SELF_PICKUP = 1, 2, 3, 4
TOGETHER, SPLIT = 1, 2
MOST_UPLOADS = 2
COMPANIES = frozenset({"EMS", "YZPY", "SF", "JD", "ZTO", "YTO", "STO", "YD", "JTSD", "DBL", "HTKY", "ZJS", "DNWL"})
MASKED = re.compile(r"\D*\*{3,}[\d*]*\d{4}|(\+?\d{2,4}-)?\d{0,3}\*{3,}\d{4}")


@dataclass(frozen=True)
class Management:
    managed: bool = False
    knows_after: float = 0


@dataclass(frozen=True)
class Shipping:
    out_trade_no: str
    uploads: list[dict[str, Any]]


class Managing(Form):
    managed: bool = True
    knows_after: Annotated[float, Field(ge=0)] = 0


def _managements(world: World) -> Shelf[Management]:
    return Shelf(world.records, "wechat_trade_management", Management, keep=8)


def _shippings(world: World) -> Shelf[Shipping]:
    return Shelf(world.records, "wechat_shippings", Shipping, keep=20000)


def _management(world: World) -> Management:
    return _managements(world).get(ONLY) or Management()


def is_trade_managed(world: World, call: Call) -> Answer:
    check_token(world, call)
    if posted_json(call).get("appid") != world.keys.account.wechat_app_id:
        raise WechatError(40013)
    return success({"is_trade_managed": _management(world).managed})


def get_order(world: World, call: Call) -> Answer:
    check_token(world, call)
    content = posted_json(call)
    order = _paid(world, content, "merchant_id", "merchant_trade_no")
    shown = {
        "transaction_id": order.transaction_id,
        "merchant_id": order.mchid,
        "merchant_trade_no": order.out_trade_no,
        "description": order.description,
        "paid_amount": order.total,
        "openid": order.openid,
        "pay_time": int(order.paid),
        "order_state": _state(world, order),
    }
    return success({"order": shown})


def upload(world: World, call: Call) -> Answer:
    check_token(world, call)
    content = posted_json(call)
    key = content.get("order_key")
    if not isinstance(key, dict):
        raise WechatError(10060014, "order_key")
    order = _paid(world, _named(key), "mchid", "out_trade_no")
    if _state(world, order) == REFUNDED:
        raise WechatError(10060004)
    payer = content.get("payer")
    if not isinstance(payer, dict) or payer.get("openid") != order.openid:
        raise WechatError(10060031)
    _check(content)
    known = _shippings(world).get(order.out_trade_no) or Shipping(order.out_trade_no, [])
    if len(known.uploads) >= MOST_UPLOADS:
        raise WechatError(10060003)
    if known.uploads and known.uploads[-1]["upload_time"] >= content["upload_time"]:
        raise WechatError(10060014, "upload_time")
    _shippings(world).put(order.out_trade_no, replace(known, uploads=[*known.uploads, content]))
    return success({})


def _named(key: dict[str, Any]) -> dict[str, Any]:
    """Only what its own kind of number names counts."""
    by_merchant = key.get("order_number_type") == 1
    names = ("mchid", "out_trade_no") if by_merchant else ("transaction_id",)
    return {name: key.get(name) for name in names}


def _paid(world: World, content: dict[str, Any], merchant: str, number: str) -> Order:
    transaction = content.get("transaction_id")
    if isinstance(transaction, str) and transaction:
        order = find_order(world, transaction_id=transaction)
    else:
        order = find_order(world, out_trade_no=str(content.get(number)))
        order = order if order and order.mchid == content.get(merchant) else None
    known_since = world.clock.now() - _management(world).knows_after
    if order is None or not order.is_paid or order.paid > known_since:
        raise WechatError(10060001)
    return order


def _state(world: World, order: Order) -> int:
    back = [refund.refund for refund in refunds(world).every() if refund.out_trade_no == order.out_trade_no]
    if sum(back) >= order.total:
        return REFUNDED
    return SHIPPED if _shippings(world).get(order.out_trade_no) else TO_SHIP


def _check(content: dict[str, Any]) -> None:
    logistics, mode, entries = (content.get(name) for name in ("logistics_type", "delivery_mode", "shipping_list"))
    if logistics not in {EXPRESS, SAME_CITY, VIRTUAL, SELF_PICKUP} or mode not in {TOGETHER, SPLIT}:
        raise WechatError(10060014, "logistics_type or delivery_mode")
    if not isinstance(entries, list) or not 1 <= len(entries) <= (15 if mode == SPLIT else 1):
        raise WechatError(10060014, "shipping_list")
    if mode == SPLIT and (logistics != EXPRESS or not isinstance(content.get("is_all_delivered"), bool)):
        raise WechatError(10060014, "is_all_delivered")
    for entry in entries:
        _check_entry(entry, logistics)
    try:
        told = datetime.fromisoformat(str(content.get("upload_time")))
    except ValueError:
        raise WechatError(10060014, "upload_time") from None
    if told.tzinfo is None:
        raise WechatError(10060014, "upload_time")


def _check_entry(entry: Any, logistics: int) -> None:
    what = entry.get("item_desc") if isinstance(entry, dict) else None
    if not isinstance(what, str) or not 0 < len(what) <= 120:
        raise WechatError(10060014, "item_desc")
    if logistics != EXPRESS:
        if {"tracking_no", "express_company"} & entry.keys():
            raise WechatError(10060014, "tracking_no")
        return
    number, company = entry.get("tracking_no"), entry.get("express_company")
    if not isinstance(number, str) or not number.isalnum() or company not in COMPANIES:
        raise WechatError(10060014, "tracking_no or express_company")
    contact = entry.get("contact") or {}
    shown = [value for value in contact.values() if value]
    if (company == "SF" and not shown) or not all(MASKED.fullmatch(str(value)) for value in shown):
        raise WechatError(10060014, "contact")


def routes(world: World) -> list[Route]:
    endpoints = {"is_trade_managed": is_trade_managed, "get_order": get_order, "upload_shipping_info": upload}
    return [provider_route(world, WECHAT, f"/wxa/sec/order/{name}", handle) for name, handle in endpoints.items()]


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/wechat/trade-management", "POST", set_management),
        control_route(world, "/wechat/shipping/{out_trade_no}", "GET", show_shipping),
    ]


async def set_management(world: World, request: Request) -> object:
    wanted = await read_form(request, Managing)
    _managements(world).put(ONLY, Management(wanted.managed, wanted.knows_after))
    return {}


async def show_shipping(world: World, request: Request) -> object:
    """Money is frozen while the account is managed and nothing was told of the order."""
    order = find_order(world, out_trade_no=request.path_params["out_trade_no"])
    if order is None or not order.is_paid:
        raise Unacceptable("No paid order has this number.", 404)
    state, told = _state(world, order), _shippings(world).get(order.out_trade_no)
    frozen = _management(world).managed and state == TO_SHIP
    return {"order_state": state, "frozen": frozen, "uploads": told.uploads if told else []}
