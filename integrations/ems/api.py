"""Without this module each call to the post would close, send and read refusals in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from app.kernel import clock
from app.kernel.errors import ProviderUnavailable
from app.kernel.http import OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from integrations.ems.cipher import close
from integrations.ems.settings import EmsSettings

_log = get_logger(__name__)

PROVIDER = "ems"
ACCEPTED = "00000"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


def unavailable(cause: str) -> ProviderUnavailable:
    """The resident reads a sentence, the operator the cause: it is a note, and never holds a secret."""
    refusal = ProviderUnavailable(service_zh="邮政快递服务", service_en="The post's courier service")
    refusal.add_note(cause)
    return refusal


@dataclass(frozen=True)
class Reply:
    """`code` is the retCode; `items` what the body lists, empty for a refusal."""

    code: str
    message: str
    items: list[dict[str, Any]]


class EmsApi:
    """The open platform of China Post and EMS: one address, forms with an encrypted body, JSON text inside JSON."""

    def __init__(self, http: OutboundClient, settings: EmsSettings) -> None:
        self._http = http
        self._settings = settings

    async def call(self, operation: str, api_code: str, content: object, *, may_repeat: bool = True) -> Reply:
        """Everything we ask may be repeated: orders are known again by our number. Raises `ProviderUnavailable`."""
        settings = self._settings
        form = {
            "apiCode": api_code,
            "senderNo": settings.sender_no,
            "authorization": settings.authorization.get_secret_value(),
            "msgType": "0",
            "timeStamp": f"{clock.local(clock.now()):%Y-%m-%d %H:%M:%S}",
            "version": "V1.0.0",
            "logitcsInterface": close(orjson.dumps(content).decode(), settings.key.get_secret_value()),
        }
        try:
            answer = await self._http.send(
                PROVIDER,
                operation,
                "POST",
                settings.base_url,
                headers=_FORM,
                content=urlencode(form).encode(),
                may_repeat=may_repeat,
            )
        except ProviderSilent as silence:
            _log.warning("ems is silent", operation=operation, cause=str(silence))
            raise unavailable(str(silence)) from None
        told = _object(answer.body) if answer.status == 200 else None
        if told is None or not isinstance(told.get("retCode"), str | int):
            _log.warning("ems's answer is not usable", operation=operation, status=answer.status)
            raise unavailable(f"{operation}: not a usable answer")
        code = str(told["retCode"])
        items = _items(operation, told.get("retBody")) if code == ACCEPTED else []
        return Reply(code[:20], str(told.get("retMsg") or "")[:100], items)


def _items(operation: str, body: object) -> list[dict[str, Any]]:
    """`retBody` is JSON text, with `responseItems`."""
    inner = _object(body) if isinstance(body, str) else None
    items = inner.get("responseItems") if inner is not None else None
    if not isinstance(items, list):
        raise unavailable(f"{operation}: not a usable answer")
    return [item for item in items if isinstance(item, dict)]


def _object(text: str | bytes) -> dict[str, Any] | None:
    try:
        content = orjson.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
