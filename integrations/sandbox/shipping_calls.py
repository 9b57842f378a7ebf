"""Without this module tests could not put the mini-program under trade management, nor see what WeChat was told."""

from __future__ import annotations

from typing import Any

from integrations.sandbox.calling import Caller


class ShippingControl(Caller):
    async def manage_trade(self, *, managed: bool = True, knows_after: float = 0) -> None:
        """Whether the account is under trade management; an order is known there so many seconds after it was paid."""
        await self._object("POST", "/wechat/trade-management", {"managed": managed, "knows_after": knows_after})

    async def shipping(self, out_trade_no: str) -> dict[str, Any]:
        """`{order_state, frozen, uploads}` of an order; each upload as it came."""
        return await self._object("GET", f"/wechat/shipping/{out_trade_no}")
