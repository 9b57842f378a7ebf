"""Without this module no parcel would move: the courier's steps, the rows they leave and the snapshot of them all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypedDict

from integrations.sandbox.clock import beijing
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World


class Row(TypedDict):
    """One scan: `at` in seconds, the status as Kuaidi100's table of states and sub-states names it."""

    at: float
    step: str
    text: str


@dataclass(frozen=True)
class Step:
    code: str
    name: str
    state: str
    text: str


@dataclass(frozen=True)
class Parcel:
    """Rows in the order they were scanned. `phone` is the tail a query must know, empty when any will do."""

    number: str
    carrier: str
    rows: list[Row]
    phone: str = ""
    last_query: float = 0.0


STEPS = {
    "picked_up": Step("103", "已揽收", "1", "【测试市】快件已揽收"),
    "in_transit": Step("1002", "干线", "0", "【测试市】快件已发往测试市中心局"),
    "at_destination": Step("1001", "到达派件城市", "0", "【测试市】快件已到达派件网点"),
    "out_for_delivery": Step("5", "派件", "5", "【测试市】快件正在派送，派件员：测试快递员，电话：13000000000"),
    "delivery_failed": Step("204", "派送异常", "2", "【测试市】派送不成功，收件人不在，将再次派送"),
    "awaiting_collection": Step("501", "投柜或驿站", "5", "【测试市】快件已放入快递柜，请凭取件码领取"),
    "delivered": Step("301", "本人签收", "3", "【测试市】快件已由本人签收"),
    "delivered_by_other": Step("303", "代签", "3", "【测试市】快件已由他人代签：门卫"),
    "delivered_to_locker": Step("304", "投柜或站签收", "3", "【测试市】快件已投柜签收"),
    "refused": Step("203", "拒收", "2", "【测试市】收件人拒收"),
    "returning": Step("6", "退回", "6", "【测试市】快件退回中"),
    "returned": Step("4", "退签", "4", "【测试市】退回件已由寄件人签收"),
    "signed_by_sender": Step("301", "本人签收", "3", "【测试市】退回件已由寄件人签收"),
    "unknown_code": Step("9999", "未知", "99", "【测试市】承运商给出了新的状态"),
}
FINISHED = frozenset({"delivered", "delivered_by_other", "returned", "signed_by_sender"})


def parcels(world: World) -> Shelf[Parcel]:
    return Shelf(world.records, "parcels", Parcel, keep=20000)


def scan(world: World, parcel: Parcel, step: str, text: str, at: float) -> Parcel:
    row = Row(at=at, step=step, text=text or STEPS[step].text)
    scanned = replace(parcel, rows=[*parcel.rows, row])
    parcels(world).put(parcel.number, scanned)
    return scanned


def newest_first(rows: list[Row]) -> list[Row]:
    """By time, rows of the same second in the order they were scanned."""
    placed = sorted(enumerate(rows), key=lambda pair: (pair[1]["at"], pair[0]), reverse=True)
    return [row for _, row in placed]


def snapshot(carrier: str, number: str, rows: list[Row], level: str, *, ascending: bool = False) -> dict[str, Any]:
    """The result object of a query, and `lastResult` of a push: the whole history, all values as text.

    `level` is resultv2: empty or 0 bare rows, 1 adds area and status name, 4 and 8 the codes.
    """
    ordered = newest_first(rows)
    newest = ordered[0]["step"] if ordered else "in_transit"
    data = [_row(row, level) for row in (reversed(ordered) if ascending else ordered)]
    return {
        "message": "ok",
        "nu": number,
        "ischeck": "1" if STEPS[newest].state == "3" else "0",
        "com": carrier,
        "status": "200",
        "state": STEPS[newest].state,
        "condition": "F00" if STEPS[newest].state == "3" else "00",
        "data": data,
    }


def is_finished(rows: list[Row]) -> bool:
    return bool(rows) and newest_first(rows)[0]["step"] in FINISHED


def _row(row: Row, level: str) -> dict[str, str]:
    step, moment = STEPS[row["step"]], beijing(row["at"])
    shown = {"time": moment, "ftime": moment, "context": row["text"], "location": ""}
    if level in {"1", "4", "8"}:
        shown |= {
            "status": step.name,
            "areaCode": "CN110101000000",
            "areaName": "北京,北京市,东城区",
            "areaCenter": "116.416357,39.928353",
            "areaPinYin": "dong cheng qu",
        }
    if level in {"4", "8"}:
        shown["statusCode"] = step.code
    return shown
