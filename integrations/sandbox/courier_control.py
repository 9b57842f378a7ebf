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


class CourierControl(Caller):
    async def courier_orders(self, third_order_id: str = "") -> list[CourierOrder]:
        """Oldest first; of one of our numbers, or all."""
        found = [read(CourierOrder, one) for one in await self._list("GET", "/courier-orders")]
        return [order for order in found if third_order_id in {"", order.third_order_id}]

    async def courier_step(self, third_order_id: str, status: str, **more: Any) -> list[Reply]:
        """Let an order go on and its customer be told; `weight` kg, `freight` yuan, `mode`, `times`, `tell`."""
        wanted = {"status": status, **more}
        return read_replies(await self._list("POST", f"/courier-orders/{third_order_id}/step", wanted))
