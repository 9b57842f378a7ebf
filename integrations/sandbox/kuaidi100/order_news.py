"""Without this module nobody would hear of an order again: the callbacks of Kuaidi100's order desk."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson

from integrations.sandbox.kuaidi100.orders import Order
from integrations.sandbox.kuaidi100.pushes import FORM, WRONG_SALT, PushChannel
from integrations.sandbox.kuaidi100.wire import digest
from integrations.sandbox.messenger import Callback, Sealed

CHANNEL = "kuaidi100-order"


class OrderChannel(PushChannel):
    """Answered and repeated like a push; the task is told beside `param`."""

    name = CHANNEL

    def seal(self, callback: Callback) -> Sealed:
        salt = WRONG_SALT if callback.seal == "forged" else callback.secret
        form = {"taskId": callback.subject, "param": callback.payload, "sign": digest(callback.payload + salt)}
        return Sealed(dict(FORM), urlencode(form))


def news(order: Order, status: str, told: dict[str, str]) -> Callback:
    """One telling; `told` holds what this one is about, such as weight and freight."""
    data: dict[str, Any] = {"orderId": order.order_id, "status": int(status), **told}
    if order.courier[0]:
        data |= {"courierName": order.courier[0], "courierMobile": order.courier[1]}
    content = {
        "kuaidicom": order.carrier,
        "kuaidinum": order.number,
        "status": "200",
        "message": "成功",
        "data": data,
    }
    payload = orjson.dumps(content).decode()
    return Callback(CHANNEL, f"order {status}", order.task_id, order.callback_url, payload, secret=order.salt)
