"""Without this module tests and the demo would speak to the control API in loose dictionaries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.alipay_control import AlipayControl, AlipayUser, Certification, Trade
from integrations.sandbox.calling import ControlRefused, Reply, read, read_replies
from integrations.sandbox.courier_control import CourierControl, CourierOrder
from integrations.sandbox.fiscal_control import FiscalControl, FiscalReceipt
from integrations.sandbox.message_calls import MessageControl, SentMessage
from integrations.sandbox.shipping_calls import ShippingControl

__all__ = [
    "AlipayUser",
    "Certification",
    "ControlRefused",
    "CourierOrder",
    "Face",
    "FiscalReceipt",
    "JournalEntry",
    "Order",
    "Parcel",
    "Phone",
    "Reply",
    "SandboxControl",
    "SentMessage",
    "Trade",
    "WaitingCallback",
]


@dataclass(frozen=True)
class Phone:
    openid: str
    unionid: str
    name: str
    id_number: str
    mobile: str
    high_risk: bool


@dataclass(frozen=True)
class Face:
    """`verify_ret` is None until the check was done on the phone."""

    verify_id: str
    openid: str
    cert_name: str
    verify_ret: int | None
    expired: bool


@dataclass(frozen=True)
class Order:
    """`total` is fen; moments are RFC 3339 in Beijing time, empty when they have not come."""

    out_trade_no: str
    transaction_id: str
    openid: str
    description: str
    attach: str
    total: int
    trade_state: str
    notify_url: str
    created_at: str
    expires_at: str
    paid_at: str
    refunds: list[dict[str, Any]]


@dataclass(frozen=True)
class Parcel:
    """Rows `{at, step, text}` newest first; `subscriptions` `{url, watching}`."""

    number: str
    carrier: str
    finished: bool
    rows: list[dict[str, str]]
    subscriptions: list[dict[str, Any]]


@dataclass(frozen=True)
class WaitingCallback:
    provider: str
    event: str
    subject: str
    url: str
    attempt: int
    due_in: float


@dataclass(frozen=True)
class JournalEntry:
    """`direction` is request or callback; `fate` names what hostility did to it, empty when nothing."""

    id: int
    at: float
    direction: str
    provider: str
    what: str
    status: int
    verdict: str
    detail: str
    fate: str
    milliseconds: int


class SandboxControl(AlipayControl, FiscalControl, CourierControl, MessageControl, ShippingControl):
    """One method per control call. Use as an async context manager; raises ControlRefused on every 4xx."""

    async def health(self) -> dict[str, Any]:
        return await self._object("GET", "/health")

    async def make_phone(
        self, *, name: str = "", id_number: str = "", mobile: str = "", high_risk: bool = False
    ) -> Phone:
        wanted = {"name": name, "id_number": id_number, "mobile": mobile, "high_risk": high_risk}
        return read(Phone, await self._object("POST", "/phones", wanted))

    async def phones(self) -> list[Phone]:
        return [read(Phone, one) for one in await self._list("GET", "/phones")]

    async def phone(self, openid: str) -> Phone:
        return read(Phone, await self._object("GET", f"/phones/{openid}"))

    async def faces(self, openid: str = "") -> list[Face]:
        """Face checks asked for, of one phone or of all."""
        found = [read(Face, one) for one in await self._list("GET", "/faces")]
        return [face for face in found if openid in {"", face.openid}]

    async def login_code(self, openid: str) -> str:
        return str((await self._object("POST", f"/phones/{openid}/login-code"))["code"])

    async def phone_code(self, openid: str) -> str:
        return str((await self._object("POST", f"/phones/{openid}/phone-code"))["code"])

    async def phone_data(self, openid: str, appid: str = "") -> tuple[str, str]:
        """What an older phone is given: `encryptedData` and `iv`."""
        told = await self._object("POST", f"/phones/{openid}/phone-data", {"appid": appid})
        return str(told["encryptedData"]), str(told["iv"])

    async def face(self, openid: str, verify_id: str, verify_ret: int | None = None) -> int:
        """Look into the phone; without `verify_ret` its owner does. Returns the verify_ret that was recorded."""
        wanted: dict[str, Any] = {"verify_id": verify_id}
        if verify_ret is not None:
            wanted["verify_ret"] = verify_ret
        return int((await self._object("POST", f"/phones/{openid}/face", wanted))["verify_ret"])

    async def pay(self, openid: str, payment: Mapping[str, str], *, outcome: str = "ok") -> str:
        """`wx.requestPayment(payment)` on this phone; returns errMsg."""
        names = ("timeStamp", "nonceStr", "package", "signType", "paySign")
        wanted = {"openid": openid, "outcome": outcome, **{name: payment[name] for name in names}}
        return str((await self._object("POST", "/pay", wanted))["errMsg"])

    async def pay_order(self, out_trade_no: str, *, outcome: str = "ok") -> str:
        """Pay by number, without the mini-program's parameters; returns errMsg."""
        answer = await self._object("POST", f"/orders/{out_trade_no}/pay", {"outcome": outcome})
        return str(answer["errMsg"])

    async def orders(self) -> list[Order]:
        return [read(Order, one) for one in await self._list("GET", "/orders")]

    async def order(self, out_trade_no: str) -> Order:
        return read(Order, await self._object("GET", f"/orders/{out_trade_no}"))

    async def mistake(self, out_trade_no: str, *, total: int = 0, openid: str = "") -> Order:
        """Let WeChat Pay keep the order with another sum or payer than it was opened with."""
        wanted = {"total": total, "openid": openid}
        return read(Order, await self._object("POST", f"/orders/{out_trade_no}/mistake", wanted))

    async def notify(
        self,
        out_trade_no: str,
        mode: str = "normal",
        *,
        times: int = 1,
        parallel: bool = False,
        out_refund_no: str = "",
    ) -> list[Reply]:
        wanted = {"mode": mode, "times": times, "parallel": parallel, "out_refund_no": out_refund_no}
        return read_replies(await self._list("POST", f"/orders/{out_trade_no}/notify", wanted))

    async def scan(
        self,
        number: str,
        step: str,
        *,
        text: str = "",
        at: str | None = None,
        push: bool = True,
        carrier: str = "",
        phone: str = "",
    ) -> Parcel:
        """The courier scans; `carrier` is needed when nobody subscribed to the number before."""
        wanted = {"step": step, "text": text, "at": at, "push": push, "carrier": carrier, "phone": phone}
        return read(Parcel, await self._object("POST", f"/parcels/{number}/scan", wanted))

    async def parcels(self) -> list[Parcel]:
        return [read(Parcel, one) for one in await self._list("GET", "/parcels")]

    async def parcel(self, number: str) -> Parcel:
        return read(Parcel, await self._object("GET", f"/parcels/{number}"))

    async def push(
        self,
        number: str,
        mode: str = "normal",
        *,
        times: int = 1,
        parallel: bool = False,
        keep: int | None = None,
    ) -> list[Reply]:
        wanted = {"mode": mode, "times": times, "parallel": parallel, "keep": keep}
        return read_replies(await self._list("POST", f"/parcels/{number}/push", wanted))

    async def push_unasked(
        self, url: str, carrier: str, number: str, events: list[dict[str, str]] | None = None
    ) -> list[Reply]:
        """A correctly signed push for a number nobody subscribed to; events are `{step, text?, at?}`."""
        wanted = {"url": url, "carrier": carrier, "number": number, "events": events or []}
        return read_replies(await self._list("POST", "/push", wanted))

    async def be_hostile(self, **changes: Any) -> dict[str, Any]:
        """Set the named fields of the hostility; naming `seed` starts the decisions again."""
        return await self._object("POST", "/hostility", changes)

    async def be_kind(self) -> dict[str, Any]:
        return await self._object("DELETE", "/hostility")

    async def hostility(self) -> dict[str, Any]:
        return await self._object("GET", "/hostility")

    async def advance_clock(self, seconds: float) -> dict[str, Any]:
        """Let codes, tokens, orders and parcels grow older; signatures keep the real time."""
        return await self._object("POST", "/clock", {"advance": seconds})

    async def clock(self) -> dict[str, Any]:
        return await self._object("GET", "/clock")

    async def journal(self, after: int = 0) -> list[JournalEntry]:
        return [read(JournalEntry, one) for one in await self._list("GET", f"/journal?after={after}")]

    async def waiting(self) -> list[WaitingCallback]:
        """Callbacks queued or on the wire."""
        return [read(WaitingCallback, one) for one in await self._list("GET", "/callbacks")]

    async def settle(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - a bound on polling, not a cancel
        """Wait until no callback waits any more. Raises TimeoutError naming what is left."""
        end = time.monotonic() + timeout
        while left := await self.waiting():
            if time.monotonic() > end:
                raise TimeoutError(f"still waiting: {left[:3]}")
            await asyncio.sleep(0.02)

    async def reset(self) -> None:
        """Forget everything but the keys; whoever is made afterwards is somebody new."""
        await self._object("POST", "/reset")
