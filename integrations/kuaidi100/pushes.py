"""Without this module we would learn of a parcel's moves only by asking, or believe anybody who tells of them."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, TypeGuard
from urllib.parse import parse_qsl

import orjson
from pydantic import TypeAdapter

from app.delivery.ports import SNAPSHOT_TOPIC, TrackingSnapshot
from app.kernel.callbacks import MAX_CALLBACK_BYTES, CallbackAnswer, CallbackRefused, RawCallback, Received
from integrations.kuaidi100.api import PROVIDER, signature
from integrations.kuaidi100.settings import Kuaidi100Settings
from integrations.kuaidi100.states import events_of, is_untimed

_ACCEPTED = '{"result":true,"returnCode":"200","message":"成功"}'.encode()
_REFUSED = '{"result":false,"returnCode":"400","message":"拒绝"}'.encode()
_PLAIN = re.compile(r"[0-9A-Za-z_\-]{1,40}")
_snapshot = TypeAdapter(TrackingSnapshot)


class Kuaidi100Pushes:
    """`CallbackReader` for `kuaidi100/tracking`. Enterprise API, "push".

    Kuaidi100 waits 20 seconds for the exact answer, repeats three times and then stays silent for good: a
    parcel long without news has to be asked for.
    """

    def __init__(self, settings: Kuaidi100Settings) -> None:
        self._salt = settings.salt

    async def read(self, raw: RawCallback) -> Received:
        """The signature is over the text of `param` as decoded from the form, never over JSON written anew."""
        if not raw.body or len(raw.body) > MAX_CALLBACK_BYTES:
            raise CallbackRefused("size")
        form = form_of(raw.body)
        param, given = form.get("param", ""), form.get("sign", "")
        if not param or not given:
            raise CallbackRefused("unsigned")
        right = signature(param, self._salt.get_secret_value())
        if not hmac.compare_digest(right.encode(), given.upper().encode()):
            raise CallbackRefused("signature-wrong")
        content = _snapshot.dump_python(_read(_object(param)), mode="json")
        return Received(hashlib.sha256(param.encode()).hexdigest(), SNAPSHOT_TOPIC, content)

    def acknowledge(self) -> CallbackAnswer:
        return CallbackAnswer(200, _ACCEPTED)

    def refuse(self, reason: str) -> CallbackAnswer:  # noqa: ARG002 - every reason gets the same answer
        return CallbackAnswer(400, _REFUSED)


def form_of(body: bytes) -> dict[str, str]:
    """Each name once: with two texts under one name it would be open which of them was signed."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        raise CallbackRefused("not-a-form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise CallbackRefused("not-a-form")
    return form


def _object(text: str) -> dict[str, Any]:
    try:
        content = orjson.loads(text)
    except ValueError:
        raise CallbackRefused("not-json") from None
    if not isinstance(content, dict):
        raise CallbackRefused("not-json")
    return content


def _read(push: dict[str, Any]) -> TrackingSnapshot:
    """`comOld` is the carrier we subscribed with when Kuaidi100 corrected it to `comNew`."""
    result = push.get("lastResult")
    if not isinstance(result, dict):
        raise CallbackRefused("content")
    number, carrier = result.get("nu"), push.get("comOld") or result.get("com")
    if not _is_plain(number) or not _is_plain(carrier):
        raise CallbackRefused("content")
    corrected = push.get("comNew") if str(push.get("autoCheck")) == "1" else None
    return TrackingSnapshot(
        tracker=PROVIDER,
        carrier=carrier,
        number=number,
        events=events_of(result),
        rewritten=push.get("status") == "updateall",
        abandoned=push.get("status") == "abort",
        untimed=is_untimed(result),
        new_carrier=corrected if _is_plain(corrected) and corrected != carrier else None,
    )


def _is_plain(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None
