"""Without this module nobody would hear of a subscription that was switched off, or a message that did not arrive.

Message push (protocols/wechat.md 6), in encrypted mode only: of a plain one the signature does not cover the body. The
crypto is wechatpy's; the signature is compared in constant time before anything is opened.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any
from xml.parsers.expat import ExpatError

import orjson
import xmltodict
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException

from app.kernel.callbacks import CallbackAnswer, CallbackRefused, RawCallback, Received
from app.messages.ports import CONSENT_TOPIC, RECEIPT_TOPIC, ConsentNews, Receipt

_WINDOW_SECONDS = 300
_LONGEST_ECHO = 200
_CHANNEL = "wechat"
_ENCRYPTED = re.compile(rb"<Encrypt>\s*(?:<!\[CDATA\[)?([A-Za-z0-9+/=]+)(?:\]\]>)?\s*</Encrypt>")
_OK = CallbackAnswer(200, b"success", "text/plain")
_NO = CallbackAnswer(403)
_PARTS = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}
_SENT = "subscribe_msg_sent_event"
_CHANGED = "subscribe_msg_change_event"


class WechatPushes:
    """`CallbackReader` and `CallbackGreeter` of message push."""

    def __init__(self, app_id: str, token: str, aes_key: str) -> None:
        self._app_id = app_id
        self._token = token
        self._crypto = WeChatCrypto(token, aes_key, app_id)

    def greet(self, raw: RawCallback) -> CallbackAnswer:
        """The check when the address is set in the console: whoever knows the token gets the echo back."""
        query = raw.query
        echo = query.get("echostr", "")
        signed = self._signature(query.get("timestamp", ""), query.get("nonce", ""))
        if not 0 < len(echo) <= _LONGEST_ECHO or not _same(signed, query.get("signature", "")):
            return _NO
        return CallbackAnswer(200, echo.encode(), "text/plain")

    async def read(self, raw: RawCallback) -> Received:
        event = self._opened(raw)
        name = str(event.get("Event", "") or event.get("MsgType", ""))
        sender = str(event.get("FromUserName", ""))
        entries = list(_entries(name, event))
        key = _event_key(name, sender, event)
        if name == _SENT:
            told = [asdict(Receipt(_CHANNEL, ref, delivered, code)) for ref, delivered, code in map(_receipt, entries)]
            return Received(key, RECEIPT_TOPIC, {"told": told})
        if name in _PARTS:
            news = [asdict(self._news(sender, entry, name)) for entry in entries]
            return Received(key, CONSENT_TOPIC, {"told": news})
        return Received(key, f"wechat.{name[:40]}", {"event": name[:60]})

    def acknowledge(self) -> CallbackAnswer:
        return _OK

    def refuse(self, reason: str) -> CallbackAnswer:  # noqa: ARG002 - nothing an attacker could use
        return _NO

    def _opened(self, raw: RawCallback) -> Mapping[str, Any]:
        query = raw.query
        timestamp, nonce, given = query.get("timestamp", ""), query.get("nonce", ""), query.get("msg_signature", "")
        if not given:
            raise CallbackRefused("not encrypted")
        encrypted = _encrypted(raw.body)
        if not _same(self._signature(timestamp, nonce, encrypted), given):
            raise CallbackRefused("signature wrong")
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            raise CallbackRefused("timestamp is none")
        if abs(time.time() - int(timestamp)) > _WINDOW_SECONDS:
            raise CallbackRefused("stale")
        try:
            text = self._crypto.decrypt_message({"Encrypt": encrypted}, given, timestamp, nonce)
        except InvalidAppIdException:
            raise CallbackRefused("another mini-program") from None
        except Exception:  # noqa: BLE001 - wechatpy lets everything out: of base64, padding, lengths and text
            raise CallbackRefused("cannot be opened") from None
        return _parsed(text if isinstance(text, str) else text.decode())

    def _signature(self, *parts: str) -> str:
        joined = b"".join(sorted(part.encode() for part in (self._token, *parts)))
        return hashlib.sha1(joined).hexdigest()  # noqa: S324 - the platform's choice

    def _news(self, sender: str, entry: Mapping[str, Any], name: str) -> ConsentNews:
        accepted = str(entry.get("SubscribeStatusString", "")).lower() == "accept"
        template = str(entry.get("TemplateId", ""))[:100]
        return ConsentNews(_CHANNEL, self._app_id, sender, template, accepted, switched_off=name == _CHANGED)


def _encrypted(body: bytes) -> str:
    """Of XML or JSON; what stands beside it in clear is ignored."""
    if body.lstrip()[:1] == b"{":
        try:
            content = orjson.loads(body)
        except ValueError:
            raise CallbackRefused("not JSON") from None
        found = content.get("Encrypt") if isinstance(content, dict) else None
        if isinstance(found, str) and found:
            return found
        raise CallbackRefused("nothing encrypted")
    match = _ENCRYPTED.search(body)
    if match is None:
        raise CallbackRefused("nothing encrypted")
    return match[1].decode()


def _parsed(text: str) -> Mapping[str, Any]:
    """The event; in XML its parts are nested deeper than in JSON."""
    try:
        content = orjson.loads(text) if text.lstrip().startswith("{") else xmltodict.parse(text).get("xml")
    except (ValueError, ExpatError):
        raise CallbackRefused("not an event") from None
    if not isinstance(content, dict):
        raise CallbackRefused("not an event")
    return content


def _entries(name: str, event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One entry comes as an object, several as a list; in XML inside an element of the event's own."""
    inner = event.get(_PARTS.get(name, ""), event)
    listed = inner.get("List", inner.get("list")) if isinstance(inner, Mapping) else None
    for entry in listed if isinstance(listed, list) else [listed]:
        if isinstance(entry, Mapping):
            yield entry


def _receipt(entry: Mapping[str, Any]) -> tuple[str, bool, str]:
    """Numbers arrive as text."""
    code = str(entry.get("ErrorCode", ""))
    return str(entry.get("MsgID", ""))[:100], code == "0", code[:60]


def _event_key(name: str, sender: str, event: Mapping[str, Any]) -> str:
    """The same for every delivery of one event, which has no number of its own."""
    if event.get("MsgId"):
        return f"message/{event['MsgId']}"[:200]
    rest = {key: value for key, value in event.items() if key not in {"ToUserName", "MsgType"}}
    digest = hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{name[:60]}/{sender[:60]}/{digest[:48]}"


def _same(ours: str, given: str) -> bool:
    return hmac.compare_digest(ours.encode(), given.encode())
