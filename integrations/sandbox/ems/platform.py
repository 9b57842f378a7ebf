"""Without this module the post could not be asked for anything: one address, told apart by `apiCode`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from integrations.sandbox.clock import beijing
from integrations.sandbox.ems.waybills import NAMES, Event, Waybill, is_picked_up, of_order, waybills
from integrations.sandbox.ems.wire import EmsError, decrypted, posted_form, success, text
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.world import World

NUMBER = re.compile(r"[0-9A-Z]{6,32}")
PARTY = ("name", "prov", "city", "address")
LONGEST_ORDER = 50


def open_platform(world: World, call: Call) -> Answer:
    form, account = posted_form(call), world.keys.couriers
    if form["senderNo"] != account.ems_sender_no:
        raise EmsError("E0001", "协议客户号错误")
    if form["authorization"] != account.ems_authorization:
        raise EmsError("E0002", "授权码错误")
    if form["msgType"] != "0" or form["version"] != "V1.0.0":
        raise EmsError("B0009", "msgType或version错误")
    try:
        datetime.strptime(form["timeStamp"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - only its form is checked
    except ValueError:
        raise EmsError("B0009", "timeStamp错误") from None
    handler = CODES.get(form["apiCode"])
    if handler is None:
        raise EmsError("B0009", "apiCode不存在")
    return success(handler(world, decrypted(form["logitcsInterface"], account.ems_key)))


def create(world: World, content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, list) or not content or not all(isinstance(one, dict) for one in content):
        raise EmsError("B0009", "报文应为订单数组")
    return [_create(world, one) for one in content]


def _create(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    order = text(asked, "logisticsOrderNo")
    if text(asked, "ecommerceUserId") != world.keys.couriers.ems_sender_no:
        raise EmsError("B0003", "ecommerceUserId错误")
    if not order or len(order) > LONGEST_ORDER:
        raise EmsError("B0003", "logisticsOrderNo错误")
    if text(asked, "contentsAttribute") not in {"1", "3"} or text(asked, "bizProductNo") not in {
        "1", "2", "3", "9", "10", "11"
    }:  # fmt: skip
        raise EmsError("B0003", "contentsAttribute或bizProductNo错误")
    for side in ("sender", "receiver"):
        party = asked.get(side)
        if not isinstance(party, dict) or any(not text(party, name) for name in PARTY):
            raise EmsError("B0003", f"{side}不完整")
        if not text(party, "mobile") and not text(party, "phone"):
            raise EmsError("B0003", f"{side}电话不能为空")
    if not asked.get("cargos"):
        raise EmsError("B0003", "cargos不能为空")
    known = of_order(world, order)
    if known is None:
        known = Waybill(_new_number(world), order, _flat(asked), [])
        waybills(world).put(known.number, known)
    return {"logisticsOrderNo": order, "waybillNo": known.number, "success": "T"}


def _flat(asked: dict[str, Any]) -> dict[str, str]:
    sides = {f"{side}.{name}": str(value) for side in ("sender", "receiver") for name, value in asked[side].items()}
    return {name: text(asked, name) for name in asked if name not in {"sender", "receiver", "cargos"}} | sides


def _new_number(world: World) -> str:
    return f"11{(int(world.clock.now()) * 100 + waybills(world).count()) % 10**11:011d}"


def cancel(world: World, content: Any) -> list[dict[str, Any]]:
    known = of_order(world, text(content, "logisticsOrderNo")) if isinstance(content, dict) else None
    if known is None or text(content, "waybillNo") not in {"", known.number}:
        raise EmsError("B0004", "订单不存在")
    if not text(content, "cancelReason"):
        raise EmsError("B0003", "cancelReason不能为空")
    if is_picked_up(known):
        raise EmsError("B0005", "已收寄，不能取消")
    waybills(world).put(known.number, replace(known, cancelled=True))
    return [{"logisticsOrderNo": known.order, "waybillNo": known.number}]


def track(world: World, content: Any) -> list[dict[str, Any]]:
    number = text(content, "waybillNo") if isinstance(content, dict) else ""
    if not NUMBER.fullmatch(number) or content.get("direction") != "0":
        raise EmsError("B0003", "waybillNo或direction错误")
    known = waybills(world).get(number)
    if known is None:
        raise EmsError("B0001", "查无此单")
    return [told(known.number, event) for event in known.events]


CODES: dict[str, Callable[[World, Any], list[dict[str, Any]]]] = {
    "020003": create,
    "020006": cancel,
    "040001": track,
}


def told(number: str, event: Event) -> dict[str, Any]:
    name = NAMES.get(event["code"], "其他")
    row = {
        "waybillNo": number,
        "opTime": beijing(event["at"]),
        "opCode": event["code"],
        "opName": name,
        "opDesc": f"【测试市】{name}",
        "opOrgCity": "测试市",
        "opOrgName": "测试揽投部",
        "operatorNo": "00001",
        "operatorName": "测试快递员",
    }
    more = {"deliverCode": event["deliver"], "attemptDeliveryCode": event["attempt"]}
    return row | {key: value for key, value in more.items() if value}
