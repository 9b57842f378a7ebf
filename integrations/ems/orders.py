"""Without this module the post's couriers could not be called without an aggregator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.delivery.ports import CourierOrder, OrderNews, OrderRefused, Party, Payer, Placed
from app.kernel import clock
from app.kernel.logging import get_logger
from integrations.ems.api import ACCEPTED, EmsApi, Reply, unavailable
from integrations.ems.states import text_of

_log = get_logger(__name__)
_PASSING = frozenset({"S0001", "S0002", "E0001", "E0002", "E0003"})
"""Their trouble (S), or our key and agreement, which an operator has to look at (E): no verdict on the order."""

_PRODUCTS = {Payer.CITY: "1", Payer.RECIPIENT_ON_DELIVERY: "3"}
_DOCUMENTS = "1"


class EmsOrders:
    """`CarrierOrders` over the post's platform: 020003 orders, 020006 cancels. Our number is theirs as well."""

    carriers: Mapping[str, str] = {"ems": "EMS"}
    payers = frozenset(_PRODUCTS)
    by_appointment: frozenset[str] = frozenset()

    def __init__(self, api: EmsApi, sender_no: str) -> None:
        self._api = api
        self._sender_no = sender_no

    async def place(self, order: CourierOrder) -> Placed:
        """ApiCode 020003. The same `logisticsOrderNo` is the same order."""
        if order.carrier not in self.carriers or order.payer not in self.payers:
            raise OrderRefused("carrier", "邮政快递不支持这种下单方式")
        asked = {
            "ecommerceUserId": self._sender_no,
            "logisticsOrderNo": order.order_no,
            "createdTime": f"{clock.local(clock.now()):%Y-%m-%d %H:%M:%S}",
            "contentsAttribute": _DOCUMENTS,
            "bizProductNo": _PRODUCTS[order.payer],
            "sender": _party(order.sender),
            "receiver": _party(order.receiver),
            "cargos": [_cargo(order)],
            "remark": order.remark,
            **_window(order),
        }
        reply = await self._api.call("order", "020003", [asked])
        _check("order", reply, "邮政快递未接单,请核对地址和电话")
        for item in reply.items:
            number = text_of(item, "waybillNo")
            if text_of(item, "logisticsOrderNo") == order.order_no and number.isalnum() and 6 <= len(number) <= 32:
                return Placed(order.order_no, number)
        raise unavailable("order: not a usable answer")

    async def cancel(self, ref: str, order_no: str, number: str | None) -> None:  # noqa: ARG002 - theirs is ours
        """ApiCode 020006: before the courier has it."""
        asked = {"logisticsOrderNo": order_no, "waybillNo": number or "", "cancelReason": "计划有变"}
        reply = await self._api.call("cancel", "020006", asked)
        _check("cancel", reply, "邮政快递未接受取消,快递员可能已揽收")

    async def ask(self, ref: str, order_no: str) -> OrderNews | None:  # noqa: ARG002 - the port's
        """The post tells of an order by the events of its parcel."""
        return None

    async def price(self, order: CourierOrder) -> int | None:  # noqa: ARG002 - the port's
        """The agreement says what it costs, the platform does not."""
        return None


def _party(party: Party) -> dict[str, str]:
    province, city, county = party.region
    told = {"name": party.name, "prov": province, "city": city or province, "county": county, "address": party.detail}
    is_mobile = len(party.phone) == 11 and party.phone.startswith("1")
    return {**told, "mobile" if is_mobile else "phone": party.phone}


def _cargo(order: CourierOrder) -> dict[str, Any]:
    weight = {} if order.weight_g is None else {"cargoWeight": str(order.weight_g)}
    return {"cargoName": order.cargo, "cargoQuantity": "1", **weight}


def _window(order: CourierOrder) -> dict[str, str]:
    if order.pickup_from is None or order.pickup_until is None:
        return {}
    since, until = clock.local(order.pickup_from), clock.local(order.pickup_until)
    return {"pickupStartTime": f"{since:%Y-%m-%d %H:%M:%S}", "pickupEndTime": f"{until:%Y-%m-%d %H:%M:%S}"}


def _check(operation: str, reply: Reply, refusal_zh: str) -> None:
    if reply.code == ACCEPTED:
        return
    tell = _log.error if reply.code.startswith("E") else _log.warning
    tell("ems refused", operation=operation, code=reply.code, words=reply.message)
    if reply.code in _PASSING:
        raise unavailable(f"{operation}: retCode {reply.code}")
    raise OrderRefused(reply.code, refusal_zh)
