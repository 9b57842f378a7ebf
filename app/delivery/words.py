"""Without this module directions, orders and tasks of parcels would have a spelling in every file."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    """Which way a parcel goes."""

    RESULT_TO_APPLICANT = "RESULT_TO_APPLICANT"
    MATERIAL_TO_HALL = "MATERIAL_TO_HALL"
    MATERIAL_RETURN = "MATERIAL_RETURN"


DIRECTION_WORDS: dict[Direction, tuple[str, str]] = {
    Direction.RESULT_TO_APPLICANT: ("结果寄送", "The result to the applicant"),
    Direction.MATERIAL_TO_HALL: ("材料寄件", "Materials to the hall"),
    Direction.MATERIAL_RETURN: ("材料退回", "Materials back to the applicant"),
}


class OrderState(StrEnum):
    """How far an order at a carrier is; a parcel whose number was typed in has none."""

    ASKED = "ASKED"
    """We want a courier; the carrier may not know yet."""

    PLACED = "PLACED"
    CANCEL_ASKED = "CANCEL_ASKED"
    PICKED_UP = "PICKED_UP"
    """The courier has it: from here on nothing is cancelled."""

    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    """The carrier did not take it, or let it fall."""


ORDER_WORDS: dict[OrderState, tuple[str, str]] = {
    OrderState.ASKED: ("正在下单", "Ordering the courier"),
    OrderState.PLACED: ("已下单,等待揽收", "Ordered, waiting for the courier"),
    OrderState.CANCEL_ASKED: ("正在取消", "Cancelling"),
    OrderState.PICKED_UP: ("快递员已揽收", "Picked up"),
    OrderState.CANCELLED: ("已取消", "Cancelled"),
    OrderState.FAILED: (
        "下单未成功,请换一家快递公司或联系大厅",
        "The order failed; choose another carrier or ask the hall",
    ),
}

LIVE_ORDERS = frozenset({OrderState.ASKED, OrderState.PLACED, OrderState.CANCEL_ASKED})
ENDED_ORDERS = frozenset({OrderState.CANCELLED, OrderState.FAILED})


class TaskKind(StrEnum):
    """What about a parcel needs a person."""

    RETURNED = "RETURNED"
    REFUSED = "REFUSED"
    LOST = "LOST"
    DELIVERY_UNDONE = "DELIVERY_UNDONE"
    """The carrier took a delivery back after its case was closed."""

    RECEIPT_UNCONFIRMED = "RECEIPT_UNCONFIRMED"
    """Delivered, and nobody says that the addressee has it."""

    STUCK = "STUCK"
    UNKNOWN_CODE = "UNKNOWN_CODE"
    UNREADABLE_TIME = "UNREADABLE_TIME"
    ORDER_FAILED = "ORDER_FAILED"
    OTHER_CARRIER = "OTHER_CARRIER"
    """The tracker says that another carrier has the number."""

    MATERIALS_MISSING = "MATERIALS_MISSING"
    SETTLEMENT_OURS_ONLY = "SETTLEMENT_OURS_ONLY"
    SETTLEMENT_THEIRS_ONLY = "SETTLEMENT_THEIRS_ONLY"
    SETTLEMENT_WEIGHT = "SETTLEMENT_WEIGHT"
    SETTLEMENT_FEE = "SETTLEMENT_FEE"
    SETTLEMENT_PAID_ALREADY = "SETTLEMENT_PAID_ALREADY"
    """The city is billed for what somebody paid at the door."""


TASK_WORDS: dict[TaskKind, tuple[str, str]] = {
    TaskKind.RETURNED: ("退回件待签收入库", "A returned parcel has to be scanned in"),
    TaskKind.REFUSED: ("收件人拒收,请联系申请人", "Refused at the door; contact the applicant"),
    TaskKind.LOST: ("包裹遗失,请补办并向承运商索赔", "Lost; issue again and claim from the carrier"),
    TaskKind.DELIVERY_UNDONE: ("承运商撤销了签收,请核实", "The carrier took the delivery back; look into it"),
    TaskKind.RECEIPT_UNCONFIRMED: (
        "未确认由申请人本人收到,请联系申请人",
        "Nobody knows whether the applicant has it; ask them",
    ),
    TaskKind.STUCK: ("长时间没有物流更新,请催查", "No news for days; ask the carrier"),
    TaskKind.UNKNOWN_CODE: ("承运商状态码未知,请核对", "A status nobody knows; look at it"),
    TaskKind.UNREADABLE_TIME: ("承运商的时间无法识别,请核对", "A time nobody can read; look at it"),
    TaskKind.ORDER_FAILED: ("下单未成功,请改派", "The order failed; choose another carrier"),
    TaskKind.OTHER_CARRIER: ("单号属于另一家承运商,请核对", "The number is another carrier's; check it"),
    TaskKind.MATERIALS_MISSING: ("寄来的材料不齐,请通知申请人", "Materials are missing; tell the applicant"),
    TaskKind.SETTLEMENT_OURS_ONLY: ("对账单缺少我方寄件", "The carrier's statement lacks a parcel of ours"),
    TaskKind.SETTLEMENT_THEIRS_ONLY: (
        "对账单多出寄件,或重复收费",
        "The carrier's statement has a parcel we do not know, or bills one twice",
    ),
    TaskKind.SETTLEMENT_WEIGHT: ("重量与我方记录不符", "The weight differs from ours"),
    TaskKind.SETTLEMENT_FEE: ("费用与我方记录不符", "The fee differs from ours"),
    TaskKind.SETTLEMENT_PAID_ALREADY: ("该件由个人付费,不应再向大厅收费", "Paid at the door; not the hall's to pay"),
}

SETTLEMENT_KINDS = frozenset(kind for kind in TaskKind if kind.name.startswith("SETTLEMENT"))


class TaskState(StrEnum):
    OPEN = "OPEN"
    DONE = "DONE"
