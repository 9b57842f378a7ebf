"""Without this module a subscriber would never hear of a parcel: it composes and seals the pushes, true and false."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlencode

import orjson

from integrations.sandbox.kuaidi100.parcels import Parcel, Row, is_finished, newest_first, snapshot
from integrations.sandbox.kuaidi100.watching import Subscription, subscriptions, watchers
from integrations.sandbox.kuaidi100.wire import digest
from integrations.sandbox.messenger import Callback, Sealed
from integrations.sandbox.world import World

CHANNEL = "kuaidi100"
REPEAT_SECONDS = 35 * 60.0
WRONG_SALT = "nobody-agreed-on-this"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
PushMode = Literal["normal", "forged", "duplicate", "stale", "updateall", "abort", "garbage"]
ABORTED = "3天查询无记录"


class PushChannel:
    """Kuaidi100 push: twenty seconds for the exact JSON answer, then three repeats 35 minutes apart."""

    name = CHANNEL
    timeout = 20.0
    gaps: tuple[float, ...] = (REPEAT_SECONDS,) * 3

    def seal(self, callback: Callback) -> Sealed:
        salt = WRONG_SALT if callback.seal == "forged" else callback.secret
        form = {"param": callback.payload, "sign": digest(callback.payload + salt)}
        return Sealed(dict(FORM), urlencode(form))

    def accepts(self, status: int, body: bytes) -> bool:
        if status != 200:
            return False
        try:
            content = orjson.loads(body)
        except ValueError:
            return False
        is_object = isinstance(content, dict)
        return is_object and content.get("result") is True and content.get("returnCode") == "200"

    def spoil(self, callback: Callback, how: str) -> Callback | None:
        if how == "forge":
            return replace(callback, seal="forged")
        if how == "garbage":
            return garbled(callback)
        return None


def push_normally(world: World, parcel: Parcel, *, after: float = 0.0, only: str = "") -> int:
    """Queue the snapshot for every subscriber (or the one at `only`); a signed parcel ends the watching."""
    reached = [known for known in watchers(world, parcel.number) if only in {"", known.address}]
    for known in reached:
        world.messenger.post(push(known, parcel.rows), after=after)
        if is_finished(parcel.rows):
            subscriptions(world).put(known.address, replace(known, is_watching=False))
    return len(reached)


def push(known: Subscription, rows: list[Row], *, status: str = "", message: str = "") -> Callback:
    """One full snapshot for one subscriber; the status follows from the rows unless it is named."""
    told = status or ("shutdown" if is_finished(rows) else "polling")
    content: dict[str, Any] = {
        "status": told,
        "billstatus": "check" if told == "shutdown" else "got",
        "message": message,
        "autoCheck": "0",
        "comOld": "",
        "comNew": "",
        "lastResult": snapshot(known.carrier, known.number, rows, known.level),
    }
    payload = orjson.dumps(content).decode()
    return Callback(CHANNEL, f"push {told}", known.number, known.callback_url, payload, secret=known.salt)


def pushes_in_mode(world: World, known: Subscription, parcel: Parcel, mode: PushMode) -> list[Callback]:
    """What the control API sends at once; `duplicate` is the same bytes twice, `stale` an older snapshot."""
    if mode == "updateall":
        return [push(known, parcel.rows, status="updateall")]
    if mode == "stale":
        older = newest_first(parcel.rows)[1:]
        return [replace(push(known, list(reversed(older))), seal="stale")]
    if mode == "abort":
        ended = replace(known, is_watching=False, aborted=world.clock.now())
        subscriptions(world).put(known.address, ended)
        return [push(known, parcel.rows, status="abort", message=ABORTED)]
    true = push(known, parcel.rows)
    if mode == "garbage":
        return [garbled(true)]
    if mode == "forged":
        return [replace(true, seal="forged")]
    return [true, true] if mode == "duplicate" else [true]


def garbled(callback: Callback) -> Callback:
    """Half of the JSON, correctly signed: only a reader that trusts the signature too far falls over it."""
    return replace(callback, seal="garbage", payload=callback.payload[: len(callback.payload) // 2])
