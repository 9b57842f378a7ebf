"""Without this module no courier could be called: Kuaidi100's order desk for business customers (`borderapi.do`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.kuaidi100.wire import TrackError, digest, posted_form, read_param, success, text
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

CARRIERS = frozenset({
    "ems", "shunfeng", "jd", "zhongtong", "yuantong", "shentong", "yunda", "jtexpress", "debangkuaidi",
})  # fmt: skip
ASYNCHRONOUS = frozenset({"yunda"})
CARGO_NEEDED = frozenset({"jd", "yuantong"})
TIMES_NEEDED = frozenset({"shunfeng"})
KNOWN_AGAIN_FOR = 48 * 3600
LONGEST_ADDRESS, LONGEST_URL, LONGEST_ID = 300, 200, 32
PREFIX = {"shunfeng": "SF", "jd": "JDX0", "jtexpress": "JT", "yuantong": "YT", "debangkuaidi": "DPK"}
DIGITS = {"shunfeng": 13, "jd": 11, "jtexpress": 13, "yuantong": 13, "debangkuaidi": 12, "yunda": 14, "shentong": 13}
START = {"yunda": "3", "shentong": "77", "zhongtong": "75", "ems": "11"}
MOMENT = re.compile(r"\d{13}")
HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
OVER = frozenset({"9", "99", "610"})
CANCELLABLE = frozenset({"", "0", "1"})


@dataclass(frozen=True)
class Order:
    """`status` is the newest told, empty before the first; `freight` in yuan adds up over settlements."""

    task_id: str
    order_id: str
    third_order_id: str
    carrier: str
    number: str
    callback_url: str
    salt: str
    placed: float
    asked: dict[str, str]
    status: str = ""
    courier: tuple[str, str] = ("", "")
    weight: str = ""
    freight: float = 0.0


def orders(world: World) -> Shelf[Order]:
    return Shelf(world.records, "courier_orders", Order, keep=20000)


def order_desk(world: World, call: Call) -> Answer:
    """The signature is over `param` as sent, the time, the key and the secret; one address serves four methods."""
    form = posted_form(call, "400")
    account, secret = world.keys.account, world.keys.couriers.kuaidi100_secret
    if form.get("key") != account.kuaidi100_key:
        raise TrackError("601", "key过期或不存在")
    moment = form.get("t", "")
    if not MOMENT.fullmatch(moment):
        raise TrackError("400", "t应为13位毫秒时间戳")
    if form.get("sign") != digest(form.get("param", "") + moment + account.kuaidi100_key + secret):
        raise TrackError("503", "验证签名失败")
    method = METHODS.get(form.get("method", ""))
    if method is None:
        raise TrackError("400", "method不支持")
    return success(
        {"result": True, "returnCode": "200", "message": "成功", "data": method(world, read_param(form, "400"))}
    )


def place(world: World, param: dict[str, Any]) -> dict[str, Any]:
    asked = {name: text(param, name) for name in param}
    _check(asked)
    third, now = asked["thirdOrderId"], world.clock.now()
    earlier = [one for one in orders(world).every() if third and one.third_order_id == third]
    if earlier and now - earlier[-1].placed < KNOWN_AGAIN_FOR:
        return _told(earlier[-1])
    place_no = orders(world).count() + 1
    carrier = asked["kuaidicom"]
    order = Order(
        task_id=digest(f"task {place_no} {now}"),
        order_id=f"{int(now)}{place_no:06d}",
        third_order_id=third,
        carrier=carrier,
        number="" if carrier in ASYNCHRONOUS else new_number(carrier, place_no, now),
        callback_url=asked["callBackUrl"],
        salt=asked.get("salt", ""),
        placed=now,
        asked=asked,
    )
    orders(world).put(order.order_id, order)
    return _told(order)


def new_number(carrier: str, place_no: int, now: float) -> str:
    """A number of the carrier's form that no other order has."""
    digits = DIGITS.get(carrier, 11)
    body = f"{(int(now) * 1000 + place_no) % 10**digits:0{digits}d}"
    return (PREFIX.get(carrier) or START.get(carrier, "")) + body


def cancel(world: World, param: dict[str, Any]) -> dict[str, Any]:
    order = orders(world).get(text(param, "orderId"))
    if order is None or order.task_id != text(param, "taskId"):
        raise TrackError("403", "订单不存在")
    if not text(param, "cancelMsg"):
        raise TrackError("400", "cancelMsg不能为空")
    if order.status == "9":
        return {}
    if order.status not in CANCELLABLE:
        raise TrackError("407", "订单已揽收或已结束，无法取消")
    orders(world).put(order.order_id, replace(order, status="9"))
    return {}


def detail(world: World, param: dict[str, Any]) -> dict[str, Any]:
    found = [one for one in orders(world).every() if one.task_id == text(param, "taskId")]
    if not found:
        raise TrackError("403", "订单不存在")
    order = found[-1]
    return {
        **_told(order),
        "kuaidiCom": order.carrier,
        "status": order.status or "0",
        "courierName": order.courier[0],
        "courierMobile": order.courier[1],
        "weight": order.weight,
        "freight": f"{order.freight:.2f}" if order.freight else "",
    }


def price(_: World, param: dict[str, Any]) -> dict[str, Any]:
    if text(param, "kuaidicom") not in CARRIERS:
        raise TrackError("400", "不支持的快递公司")
    if not text(param, "sendManPrintAddr") or not text(param, "recManPrintAddr"):
        raise TrackError("400", "地址不能为空")
    kilograms = float(text(param, "weight") or 1)
    return {"kuaidiCom": text(param, "kuaidicom"), "price": f"{12 + 2 * max(kilograms - 1, 0):.2f}"}


METHODS: dict[str, Callable[[World, dict[str, Any]], dict[str, Any]]] = {
    "bOrder": place,
    "cancel": cancel,
    "detail": detail,
    "price": price,
}


def _told(order: Order) -> dict[str, Any]:
    return {"taskId": order.task_id, "orderId": order.order_id, "kuaidinum": order.number}


def _check(asked: dict[str, str]) -> None:
    carrier = asked.get("kuaidicom", "")
    if carrier not in CARRIERS:
        raise TrackError("400", "不支持的快递公司")
    needed = [f"{side}Man{part}" for side in ("send", "rec") for part in ("Name", "Mobile", "PrintAddr")]
    needed += ["callBackUrl"]
    needed += ["cargo"] if carrier in CARGO_NEEDED else []
    needed += ["pickupStartTime", "pickupEndTime"] if carrier in TIMES_NEEDED else []
    missing = [name for name in needed if not asked.get(name)]
    if missing:
        raise TrackError("400", f"{missing[0]}不能为空")
    if any(len(asked[f"{side}ManPrintAddr"].encode()) > LONGEST_ADDRESS for side in ("send", "rec")):
        raise TrackError("400", "地址过长")
    url = asked["callBackUrl"]
    if len(url.encode()) > LONGEST_URL or urlsplit(url).scheme not in {"http", "https"}:
        raise TrackError("400", "callBackUrl错误")
    if len(asked.setdefault("thirdOrderId", "")) > LONGEST_ID:
        raise TrackError("400", "thirdOrderId过长")
    if asked.get("payment", "SHIPPER") != "SHIPPER":
        raise TrackError("400", "payment仅支持SHIPPER")
    if asked.get("dayType", "今天") not in {"今天", "明天", "后天"}:
        raise TrackError("400", "dayType错误")
    if any(not HOUR.fullmatch(asked.get(name, "08:00")) for name in ("pickupStartTime", "pickupEndTime")):
        raise TrackError("400", "上门时间错误")
