"""Without this module the post would forget what it was given: orders, and the events of their waybills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

NAMES = {
    "203": "收寄", "207": "撤销收寄", "305": "离开", "423": "离开", "424": "撤销离开", "516": "到达投递部",
    "702": "投递", "704": "妥投", "705": "未妥投", "711": "退回妥投", "741": "退回", "742": "撤销投递",
    "743": "撤销妥投", "744": "撤销未妥投", "747": "投柜", "748": "取件", "801": "订单取消", "954": "到达",
    "987": "丢失赔付",
}  # fmt: skip


class Event(TypedDict):
    at: float
    code: str
    deliver: str
    attempt: str


@dataclass(frozen=True)
class Waybill:
    """`order` is empty for what was sent at a counter."""

    number: str
    order: str
    asked: dict[str, str]
    events: list[Event]
    cancelled: bool = False


def waybills(world: World) -> Shelf[Waybill]:
    return Shelf(world.records, "ems_waybills", Waybill, keep=20000)


def of_order(world: World, order: str) -> Waybill | None:
    return next((one for one in waybills(world).every() if order and one.order == order), None)


def is_picked_up(waybill: Waybill) -> bool:
    return any(event["code"] in {"203", "208"} for event in waybill.events)
