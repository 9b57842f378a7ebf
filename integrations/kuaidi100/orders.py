"""Without this module no courier of any carrier but the post's could be called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.delivery.ports import CourierOrder, OrderNews, OrderRefused, Party, Payer, Placed
from app.kernel import clock
from app.kernel.logging import get_logger
from app.kernel.money import fen_of_yuan
from integrations.kuaidi100.api import Kuaidi100Api, Reply, unavailable
from integrations.kuaidi100.carriers import load_carriers
from integrations.kuaidi100.order_news import news_of
from integrations.kuaidi100.order_salts import order_salt
from integrations.kuaidi100.settings import Kuaidi100Settings

_log = get_logger(__name__)

_ALARMS = frozenset({"503", "600", "601"})
_PASSING = frozenset({"", "500", "501", "502", "504", *_ALARMS})
"""No verdict on the order: their trouble, or a key an operator has to look at."""

_DAYS = ("今天", "明天", "后天")
_MOST_BYTES = 300


class Kuaidi100Orders:
    """`CarrierOrders` over Kuaidi100's `borderapi.do` (商家寄件). The account pays for every order: `SHIPPER`."""

    payers = frozenset({Payer.CITY})

    def __init__(self, api: Kuaidi100Api, settings: Kuaidi100Settings, public_url: str) -> None:
        self._api = api
        self._salt = settings.salt
        self._callback_url = f"{public_url.rstrip('/')}/callbacks/kuaidi100/order"
        table = load_carriers().values()
        self.carriers: Mapping[str, str] = {carrier.code: carrier.name_zh for carrier in table if carrier.orders}
        self.by_appointment = frozenset(carrier.code for carrier in table if carrier.by_appointment)

    async def place(self, order: CourierOrder) -> Placed:
        """Enterprise API, `bOrder`. `thirdOrderId` makes a repetition within 48 hours the same order."""
        if order.carrier not in self.carriers:
            raise OrderRefused("carrier", "不支持该快递公司下单")
        question = {
            **_parties(order),
            "kuaidicom": order.carrier,
            "callBackUrl": f"{self._callback_url}?order={order.order_no}",
            "salt": order_salt(self._salt.get_secret_value(), order.order_no),
            "thirdOrderId": order.order_no,
            "cargo": order.cargo,
            "payment": "SHIPPER",
            "remark": order.remark,
            **_weight(order),
            **_window(order),
        }
        reply = await self._api.order("bOrder", question, may_repeat=True)
        data = _data("bOrder", reply, "快递公司未接单,请核对地址和电话,或换一家快递公司")
        task, theirs, number = (str(data.get(name) or "") for name in ("taskId", "orderId", "kuaidinum"))
        if not task or not theirs or len(f"{task}:{theirs}") > 80:
            raise unavailable("bOrder: not a usable answer")
        return Placed(f"{task}:{theirs}", number or None)

    async def cancel(self, ref: str, order_no: str, number: str | None) -> None:  # noqa: ARG002 - theirs is enough
        """Enterprise API, `cancel`: only before the courier has it."""
        task, _, theirs = ref.partition(":")
        question = {"taskId": task, "orderId": theirs, "cancelMsg": "计划有变"}
        reply = await self._api.order("cancel", question, may_repeat=True)
        _data("cancel", reply, "快递公司未接受取消,快递员可能已揽收")

    async def ask(self, ref: str, order_no: str) -> OrderNews | None:
        """Enterprise API, `detail`."""
        task = ref.partition(":")[0]
        reply = await self._api.order("detail", {"taskId": task}, may_repeat=True)
        try:
            data = _data("detail", reply, "")
        except OrderRefused:
            return None
        return news_of(order_no, task, data, as_of_now=True)

    async def price(self, order: CourierOrder) -> int | None:
        """Enterprise API, `price`: an estimate in fen."""
        question = {
            "kuaidicom": order.carrier,
            "sendManPrintAddr": order.sender.address,
            "recManPrintAddr": order.receiver.address,
            **_weight(order),
        }
        reply = await self._api.order("price", question, may_repeat=True)
        try:
            return fen_of_yuan(str(_data("price", reply, "").get("price")))
        except (OrderRefused, ValueError):
            return None


def _parties(order: CourierOrder) -> dict[str, str]:
    return {**_party("send", order.sender), **_party("rec", order.receiver)}


def _party(side: str, party: Party) -> dict[str, str]:
    line = party.address.encode()[:_MOST_BYTES].decode(errors="ignore")
    return {f"{side}ManName": party.name, f"{side}ManMobile": party.phone, f"{side}ManPrintAddr": line}


def _weight(order: CourierOrder) -> dict[str, str]:
    """In kilograms, as they count."""
    return {} if order.weight_g is None else {"weight": f"{order.weight_g / 1000:.2f}"}


def _window(order: CourierOrder) -> dict[str, str]:
    """A day as a word, seen from now: a repetition after midnight says another word for the same day."""
    if order.pickup_from is None or order.pickup_until is None:
        return {}
    since, until = clock.local(order.pickup_from), clock.local(order.pickup_until)
    ahead = max((since.date() - clock.today()).days, 0)
    day = _DAYS[min(ahead, len(_DAYS) - 1)]
    return {"dayType": day, "pickupStartTime": f"{since:%H:%M}", "pickupEndTime": f"{until:%H:%M}"}


def _data(operation: str, reply: Reply, refusal_zh: str) -> dict[str, Any]:
    """What an accepted answer holds. Raises `OrderRefused`, or `ProviderUnavailable` for what is no verdict."""
    if reply.content.get("result") is True and reply.code == "200":
        data = reply.content.get("data")
        return data if isinstance(data, dict) else {}
    tell = _log.error if reply.code in _ALARMS else _log.warning
    tell("kuaidi100 refused", operation=operation, code=reply.code[:20], words=str(reply.content.get("message"))[:100])
    if reply.code in _PASSING:
        raise unavailable(f"{operation}: returnCode {reply.code[:20]}")
    raise OrderRefused(reply.code[:20], refusal_zh)
