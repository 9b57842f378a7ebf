"""Without this module we would learn of the post's parcels only by asking, or believe anybody who tells of them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson
from pydantic import TypeAdapter

from app.delivery.ports import SNAPSHOT_TOPIC, TrackingSnapshot
from app.kernel.callbacks import (
    MAX_CALLBACK_BYTES,
    CallbackAnswer,
    CallbackRefused,
    RawCallback,
    Received,
)
from integrations.ems.api import PROVIDER
from integrations.ems.cipher import NotOurs, open_body
from integrations.ems.forms import form_of
from integrations.ems.settings import EmsSettings
from integrations.ems.states import events_of, is_untimed, text_of

_ACCEPTED = '{"retCode":"00000","retMsg":"成功","success":true}'.encode()
_REFUSED = '{"retCode":"B0002","retMsg":"拒绝","success":false}'.encode()
_NUMBER = re.compile(r"[0-9A-Z]{6,32}")
_snapshot = TypeAdapter(TrackingSnapshot)


class EmsPushes:
    """`CallbackReader` for `ems/tracking` (apiCode 040002): events of one number, only those that are new."""

    def __init__(self, settings: EmsSettings) -> None:
        self._sender_no = settings.sender_no
        self._key = settings.key

    async def read(self, raw: RawCallback) -> Received:
        """Only who has the key can close a body that ends with it."""
        if not raw.body or len(raw.body) > MAX_CALLBACK_BYTES:
            raise CallbackRefused("size")
        form = form_of(raw.body)
        if form.get("apiCode") != "040002" or form.get("senderNo") != self._sender_no:
            raise CallbackRefused("not-for-us")
        try:
            text = open_body(form.get("logitcsInterface", ""), self._key.get_secret_value())
        except NotOurs:
            raise CallbackRefused("signature-wrong") from None
        items = _items(text)
        [number] = numbers if len(numbers := {_number(item) for item in items}) == 1 else [""]
        if not _NUMBER.fullmatch(number):
            raise CallbackRefused("content")
        untimed = is_untimed(items)
        snapshot = TrackingSnapshot(PROVIDER, PROVIDER, number, events_of(items), partial=True, untimed=untimed)
        key = hashlib.sha256(text.encode()).hexdigest()
        return Received(key, SNAPSHOT_TOPIC, _snapshot.dump_python(snapshot, mode="json"))

    def acknowledge(self) -> CallbackAnswer:
        return CallbackAnswer(200, _ACCEPTED)

    def refuse(self, reason: str) -> CallbackAnswer:  # noqa: ARG002 - every reason gets the same answer
        return CallbackAnswer(400, _REFUSED)


def _items(text: str) -> list[dict[str, Any]]:
    """A list of events, or one alone."""
    try:
        content = orjson.loads(text)
    except ValueError:
        raise CallbackRefused("not-json") from None
    items = content if isinstance(content, list) else [content]
    if not items or not all(isinstance(item, dict) for item in items):
        raise CallbackRefused("content")
    return items


def _number(item: dict[str, Any]) -> str:
    return text_of(item, "waybillNo") or text_of(item, "traceNo")
