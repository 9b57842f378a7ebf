"""Without this module tests could not let an ordered courier come, or not come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations.sandbox.calling import Caller, Reply, read, read_replies


@dataclass(frozen=True)
class CourierOrder:
    """What Kuaidi100's order desk holds; `asked` is the order as it came, `status` the newest told."""

    task_id: str
    order_id: str
    third_order_id: str
    carrier: str
    number: str
    callback_url: str
    asked: dict[str, str]
    status: str


@dataclass(frozen=True)
class Waybill:
    """What the post holds of a parcel; `events` as `{at, code, deliver, attempt}`, oldest first."""

    number: str
    order: str
    asked: dict[str, str]
    events: list[dict[str, Any]]
    cancelled: bool


class CourierControl(Caller):
    async def courier_orders(self, third_order_id: str = "") -> list[CourierOrder]:
        """Oldest first; of one of our numbers, or all."""
        found = [read(CourierOrder, one) for one in await self._list("GET", "/courier-orders")]
        return [order for order in found if third_order_id in {"", order.third_order_id}]

    async def courier_step(self, third_order_id: str, status: str, **more: Any) -> list[Reply]:
        """Let an order go on and its customer be told; `weight` kg, `freight` yuan, `mode`, `times`, `tell`."""
        wanted = {"status": status, **more}
        return read_replies(await self._list("POST", f"/courier-orders/{third_order_id}/step", wanted))

    async def waybills(self, order: str = "") -> list[Waybill]:
        """The post's, oldest first; of one of our numbers, or all."""
        found = [read(Waybill, one) for one in await self._list("GET", "/ems/waybills")]
        return [waybill for waybill in found if order in {"", waybill.order}]

    async def post_scan(self, number: str, code: str, **more: Any) -> list[Reply]:
        """The postman scans; `deliver`, `attempt`, `at`, `push_to` (our address), `mode`, `times`."""
        wanted = {"code": code, **more}
        return read_replies(await self._list("POST", f"/ems/waybills/{number}/scan", wanted))
