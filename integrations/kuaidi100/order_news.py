"""Without this module we would not know which courier comes, what the parcel is called or what it cost."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from pydantic import TypeAdapter

from app.delivery.ports import ORDER_TOPIC, OrderNews, OrderStep
from app.kernel.callbacks import MAX_CALLBACK_BYTES, CallbackAnswer, CallbackRefused, RawCallback, Received
from integrations.kuaidi100.api import PROVIDER, signature
from integrations.kuaidi100.order_salts import order_salt
from integrations.kuaidi100.pushes import form_of
from integrations.kuaidi100.settings import Kuaidi100Settings

_ACCEPTED = '{"result":true,"returnCode":"200","message":"成功"}'.encode()
_REFUSED = '{"result":false,"returnCode":"400","message":"拒绝"}'.encode()
_ORDER_NO, _NUMBER = re.compile(r"[0-9A-Za-z]{1,32}"), re.compile(r"[0-9A-Za-z]{6,32}")
_news = TypeAdapter(OrderNews)

_STEPS = {
    "0": OrderStep.PLACED,
    "610": OrderStep.FAILED,
    "1": OrderStep.ACCEPTED,
    "10": OrderStep.PICKED_UP,
    "9": OrderStep.CANCELLED,
    "99": OrderStep.CARRIER_CANCELLED,
    "15": OrderStep.SETTLED,
    "155": OrderStep.CORRECTED,
}
_MOST_GRAMS, _MOST_FEN = 10**7, 10**8


class Kuaidi100OrderNews:
    """`CallbackReader` for `kuaidi100/order`. Enterprise API, "order callback": answered like a push."""

    def __init__(self, settings: Kuaidi100Settings) -> None:
        self._salt = settings.salt

    async def read(self, raw: RawCallback) -> Received:
        """Signed with the salt of the order its own address names: no news can be told as another order's."""
        if not raw.body or len(raw.body) > MAX_CALLBACK_BYTES:
            raise CallbackRefused("size")
        form, order_no = form_of(raw.body), raw.query.get("order", "")
        task, param, given = (form.get(name, "") for name in ("taskId", "param", "sign"))
        if not param or not given or not _ORDER_NO.fullmatch(order_no):
            raise CallbackRefused("unsigned")
        right = signature(param, order_salt(self._salt.get_secret_value(), order_no))
        if not hmac.compare_digest(right.encode(), given.upper().encode()):
            raise CallbackRefused("signature-wrong")
        content = _object(param)
        data = content.get("data")
        if not isinstance(data, dict):
            raise CallbackRefused("content")
        told = {"kuaidinum": content.get("kuaidinum"), **data}
        news = news_of(order_no, task if _ORDER_NO.fullmatch(task) else "", told)
        key = hashlib.sha256(f"{order_no}|{param}".encode()).hexdigest()
        return Received(f"order:{key}", ORDER_TOPIC, _news.dump_python(news, mode="json"))

    def acknowledge(self) -> CallbackAnswer:
        return CallbackAnswer(200, _ACCEPTED)

    def refuse(self, reason: str) -> CallbackAnswer:  # noqa: ARG002 - every reason gets the same answer
        return CallbackAnswer(400, _REFUSED)


def news_of(order_no: str, task: str, data: Mapping[str, Any], *, as_of_now: bool = False) -> OrderNews:
    """What `data` tells of an order; `as_of_now` when it was asked for, so that prices are not added up again."""
    code, number, theirs = _text(data, "status"), _text(data, "kuaidinum"), _text(data, "orderId")
    step = _STEPS.get(code, OrderStep.OTHER)
    if as_of_now and step is OrderStep.SETTLED:
        step = OrderStep.CORRECTED
    return OrderNews(
        agent=PROVIDER,
        order_no=order_no,
        step=step,
        ref=f"{task}:{theirs}" if task and theirs else "",
        number=number if _NUMBER.fullmatch(number) else None,
        courier_name=_text(data, "courierName")[:60],
        courier_phone=_text(data, "courierMobile")[:30],
        weight_g=_scaled(data, "weight", 1_000, _MOST_GRAMS),
        fee_fen=_scaled(data, "freight", 100, _MOST_FEN),
        code=code[:20],
        remark=_text(data, "message")[:100],
    )


def _scaled(data: Mapping[str, Any], name: str, times: int, most: int) -> int | None:
    """Kilograms in grams, yuan in fen; nothing for what is no number, negative or absurd."""
    try:
        value = Decimal(_text(data, name)) * times
    except InvalidOperation:
        return None
    return int(value) if value.is_finite() and 0 < value <= most else None


def _object(text: str) -> dict[str, Any]:
    try:
        content = orjson.loads(text)
    except ValueError:
        raise CallbackRefused("not-json") from None
    if not isinstance(content, dict):
        raise CallbackRefused("not-json")
    return content


def _text(content: Mapping[str, Any], name: str) -> str:
    """Codes and amounts come as text or as a number."""
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).replace("\0", "").strip()
