"""Without this module tests could not play a resident who comes from Alipay, or pays there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.calling import Reply, read, read_replies
from integrations.sandbox.key_control import KeyControl


@dataclass(frozen=True)
class AlipayUser:
    open_id: str
    user_id: str
    name: str
    id_number: str
    mobile: str


@dataclass(frozen=True)
class Certification:
    """A face check. `opened` counts right signed calls of its page; `outcome` is empty, pass, fail or cancel."""

    certify_id: str
    outer_order_no: str
    cert_name: str
    opened: int
    outcome: str
    expired: bool


@dataclass(frozen=True)
class Trade:
    """`total` is fen; moments are RFC 3339 in Beijing time, empty when they have not come."""

    out_trade_no: str
    trade_no: str
    open_id: str
    subject: str
    total: int
    trade_status: str
    notify_url: str
    created_at: str
    expires_at: str
    paid_at: str
    refunds: list[dict[str, Any]]


class AlipayControl(KeyControl):
    async def add_alipay_user(self, *, name: str = "", id_number: str = "", mobile: str = "") -> AlipayUser:
        """A new account; with the values of a WeChat phone it is the same person's. What is empty is made up."""
        wanted = {"name": name, "id_number": id_number, "mobile": mobile}
        return read(AlipayUser, await self._object("POST", "/alipay/users", wanted))

    async def alipay_users(self) -> list[AlipayUser]:
        return [read(AlipayUser, one) for one in await self._list("GET", "/alipay/users")]

    async def alipay_user(self, open_id: str) -> AlipayUser:
        return read(AlipayUser, await self._object("GET", f"/alipay/users/{open_id}"))

    async def alipay_auth_code(self, open_id: str) -> str:
        """`my.getAuthCode` on this user's phone: a code, good once, five minutes."""
        return str((await self._object("POST", f"/alipay/users/{open_id}/auth-code"))["code"])

    async def alipay_phone_response(self, open_id: str, mode: str = "normal") -> str:
        """`my.getPhoneNumber`: the JSON text `res.response`. Modes: normal (encrypted and signed), plain, unsigned,
        refused and plain_refused (an error in camelCase), forged (signed with a stranger's key).
        """
        wanted = {"mode": mode}
        return str((await self._object("POST", f"/alipay/users/{open_id}/phone-response", wanted))["response"])

    async def certifications(self) -> list[Certification]:
        """Face checks asked for with alipay.user.certify.open.initialize, oldest first."""
        return [read(Certification, one) for one in await self._list("GET", "/alipay/certifications")]

    async def finish_certify(self, certify_id: str, outcome: str = "pass") -> str:
        """`my.startAPVerify`; outcome is pass, fail, cancel or never. Returns resultStatus: 9000, 4000, 6001, or
        empty when the resident never comes back. Only pass and fail are final.
        """
        return await self._finish(certify_id, {"outcome": outcome})

    async def look_into_certify(self, certify_id: str, open_id: str) -> str:
        """`my.startAPVerify` with this user's face: passes only for his own name and number. Returns resultStatus."""
        return await self._finish(certify_id, {"open_id": open_id})

    async def trade_pay(self, open_id: str, payment: Mapping[str, str], *, outcome: str = "ok") -> str:
        """`my.tradePay(payment)` on this user's phone; returns resultCode: 9000, or 6001 when the resident cancels."""
        wanted = {"open_id": open_id, "tradeNO": payment["tradeNO"], "outcome": outcome}
        return str((await self._object("POST", "/alipay/pay", wanted))["resultCode"])

    async def pay_trade(self, out_trade_no: str, *, outcome: str = "ok") -> str:
        """Pay by number, without the mini-program's parameters; returns resultCode."""
        return str(
            (await self._object("POST", f"/alipay/trades/{out_trade_no}/pay", {"outcome": outcome}))["resultCode"]
        )

    async def trades(self) -> list[Trade]:
        return [read(Trade, one) for one in await self._list("GET", "/alipay/trades")]

    async def trade(self, out_trade_no: str) -> Trade:
        return read(Trade, await self._object("GET", f"/alipay/trades/{out_trade_no}"))

    async def notify_trade(
        self,
        out_trade_no: str,
        mode: str = "normal",
        *,
        times: int = 1,
        parallel: bool = False,
        out_request_no: str = "",
    ) -> list[Reply]:
        """Tell the product of the payment now, or of one refund; returns what it answered."""
        wanted = {"mode": mode, "times": times, "parallel": parallel, "out_request_no": out_request_no}
        return read_replies(await self._list("POST", f"/alipay/trades/{out_trade_no}/notify", wanted))

    async def _finish(self, certify_id: str, wanted: dict[str, Any]) -> str:
        return str((await self._object("POST", f"/alipay/certifications/{certify_id}", wanted))["result_status"])
