"""Without this module each call to Kuaidi100 would sign, send and read refusals in its own way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from app.kernel.errors import ProviderUnavailable
from app.kernel.http import OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from integrations.kuaidi100.settings import Kuaidi100Settings

_log = get_logger(__name__)

PROVIDER = "kuaidi100"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


def unavailable(cause: str) -> ProviderUnavailable:
    """The resident reads a sentence, the operator the cause: it is a note, and never holds a secret."""
    refusal = ProviderUnavailable(service_zh="快递查询服务", service_en="The parcel tracking service")
    refusal.add_note(cause)
    return refusal


@dataclass(frozen=True)
class Reply:
    """`code` is the returnCode of a refusal (or of an accepted subscription), empty for a query's result."""

    code: str
    content: dict[str, Any]


class Kuaidi100Api:
    """The enterprise API of Kuaidi100: forms with a JSON text called `param`, JSON back, HTTP 200 always."""

    def __init__(self, http: OutboundClient, settings: Kuaidi100Settings) -> None:
        self._http = http
        self._settings = settings

    async def query(self, question: Mapping[str, str]) -> Reply:
        """Enterprise API, "real-time query". Never repeated: a number asked for twice in 30 minutes gets locked."""
        param = compact(question)
        key, customer = self._settings.key.get_secret_value(), self._settings.customer
        form = {"customer": customer, "sign": signature(param, key + customer), "param": param}
        return await self._post("query", "/poll/query.do", form, may_repeat=False)

    async def subscribe(self, question: Mapping[str, Any]) -> Reply:
        """Enterprise API, "subscribe". A repetition is answered with 501, so it may be repeated."""
        param = compact({**question, "key": self._settings.key.get_secret_value()})
        return await self._post("subscribe", "/poll", {"schema": "json", "param": param}, may_repeat=True)

    async def order(self, method: str, question: Mapping[str, Any], *, may_repeat: bool) -> Reply:
        """Enterprise API, "place orders" (`borderapi.do`): `method` is bOrder, cancel, price or detail."""
        assert self._settings.secret is not None, "orders are only connected with a secret"
        param, now = compact(question), str(time.time_ns() // 1_000_000)
        key = self._settings.key.get_secret_value()
        sign = signature(param, now + key + self._settings.secret.get_secret_value())
        form = {"method": method, "key": key, "t": now, "sign": sign, "param": param}
        return await self._post(method, "/order/borderapi.do", form, may_repeat=may_repeat)

    async def _post(self, operation: str, path: str, form: Mapping[str, str], *, may_repeat: bool) -> Reply:
        url, body = self._settings.base_url + path, urlencode(form).encode()
        try:
            answer = await self._http.send(
                PROVIDER, operation, "POST", url, headers=_FORM, content=body, may_repeat=may_repeat
            )
        except ProviderSilent as silence:
            _log.warning("kuaidi100 is silent", operation=operation, cause=str(silence))
            raise unavailable(str(silence)) from None
        try:
            content = orjson.loads(answer.body)
        except ValueError:
            content = None
        if answer.status != 200 or not isinstance(content, dict):
            _log.warning("kuaidi100's answer is not usable", operation=operation, status=answer.status)
            raise unavailable(f"{operation}: not a usable answer")
        return Reply(str(content.get("returnCode") or ""), content)


def compact(content: Mapping[str, Any]) -> str:
    """The JSON text that is signed and sent: made once, Chinese left as it is."""
    return orjson.dumps(content).decode()


def signature(param: str, secret: str) -> str:
    """Upper-case MD5 over the text and what follows it: key and customer for a query, the salt for a push."""
    return hashlib.md5((param + secret).encode()).hexdigest().upper()  # noqa: S324 - the provider's choice
