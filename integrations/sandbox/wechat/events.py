"""Without this module WeChat would never tell us anything by itself: it composes and seals message pushes (6, 3.4)."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import struct
import time
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from integrations.sandbox.messenger import Callback, Sealed
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

CHANNEL = "wechat_events"
ONLY = "only"
BLOCK = 32
OLD = 3600
ORIGINAL_ID = "gh_sandbox"
EventMode = Literal["normal", "forged", "plain", "stale", "other_app", "garbage", "tampered"]
PARTS = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}


@dataclass(frozen=True)
class Console:
    """Where pushes go, and in which format; empty while nobody set an address."""

    url: str = ""
    format: str = "json"


def consoles(world: World) -> Shelf[Console]:
    return Shelf(world.records, "wechat_console", Console, keep=8)


def console(world: World) -> Console:
    return consoles(world).get(ONLY) or Console()


class EventChannel:
    """Message push: five seconds for `success` or nothing at all, then three repeats."""

    name = CHANNEL
    timeout = 5.0
    gaps: tuple[float, ...] = (5.0, 5.0, 5.0)

    def __init__(self, world: World) -> None:
        self._world = world

    def seal(self, callback: Callback) -> Sealed:
        """Encrypted under the AES key, signed over the ciphertext; or wrong in one of the ways of `EventMode`."""
        world, how = self._world, callback.seal
        keys = world.keys.messages
        timestamp, nonce = str(int(time.time()) - (OLD if how == "stale" else 0)), str(secrets.randbelow(10**9))
        token = "nobody-agreed-on-this" if how == "forged" else keys.push_token
        plain = {"signature": digest(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
        kind = "text/xml" if callback.payload.startswith("<") else "application/json"
        headers = {"content-type": kind}
        if how == "plain":
            return Sealed(headers, callback.payload, urlencode(plain))
        app_id = "wx0000000000000000" if how == "other_app" else world.keys.account.wechat_app_id
        text = "{not an event" if how == "garbage" else callback.payload
        encrypted = encrypt(keys.push_aes_key, app_id, text)
        signed = digest(token, timestamp, nonce, encrypted)
        if how == "tampered":
            encrypted = encrypt(keys.push_aes_key, app_id, text)
        query = {**plain, "encrypt_type": "aes", "msg_signature": signed}
        return Sealed(headers, _wrapped(kind, encrypted), urlencode(query))

    def accepts(self, status: int, body: bytes) -> bool:
        return status == 200 and body in {b"success", b""}

    def spoil(self, callback: Callback, how: str) -> Callback | None:
        return replace(callback, seal="forged") if how == "forge" else None


def digest(*parts: str) -> str:
    """SHA-1 over the parts in the order of their bytes."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324 - the platform's choice


def encrypt(aes_key: str, app_id: str, text: str) -> str:
    """AES-256-CBC, the key's first half as IV: 16 random bytes, the length, the message, the appid, padded to 32."""
    key, message = base64.b64decode(aes_key + "="), text.encode()
    plain = os.urandom(16) + struct.pack(">I", len(message)) + message + app_id.encode()
    fill = BLOCK - len(plain) % BLOCK
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(cipher.update(plain + bytes([fill]) * fill) + cipher.finalize()).decode()


def event(
    world: World, openid: str, name: str, entries: list[dict[str, str]], *, at: float | None = None
) -> Callback | None:
    """One event about a user, told once however often it is delivered; None while no address is set."""
    present = console(world)
    if not present.url:
        return None
    head = {
        "ToUserName": ORIGINAL_ID,
        "FromUserName": openid,
        "CreateTime": int(world.clock.now() if at is None else at),
        "MsgType": "event",
        "Event": name,
    }
    payload = _xml(head, name, entries) if present.format == "xml" else _json(head, entries)
    return Callback(CHANNEL, name, openid, present.url, payload)


def _json(head: dict[str, Any], entries: list[dict[str, str]]) -> str:
    """One entry is an object, several are a list; in JSON the time is a number and the entries text."""
    listed: Any = entries[0] if len(entries) == 1 else entries
    return orjson.dumps({**head, "List": listed} if entries else head).decode()


def _xml(head: dict[str, Any], name: str, entries: list[dict[str, str]]) -> str:
    fields = "".join(f"<{key}><![CDATA[{value}]]></{key}>" for key, value in head.items())
    rows = "".join(
        "<List>" + "".join(f"<{key}>{escape(value)}</{key}>" for key, value in entry.items()) + "</List>"
        for entry in entries
    )
    part = PARTS.get(name, "")
    return f"<xml>{fields}{f'<{part}>{rows}</{part}>' if part else rows}</xml>"


def _wrapped(kind: str, encrypted: str) -> str:
    if kind == "text/xml":
        return (
            f"<xml><ToUserName><![CDATA[{ORIGINAL_ID}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
        )
    return orjson.dumps({"ToUserName": ORIGINAL_ID, "Encrypt": encrypted}).decode()
