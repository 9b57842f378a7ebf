"""Without this module trades, their refunds and their notices would each remember something else."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from integrations.sandbox.alipay.people import Users
from integrations.sandbox.records import Shelf
from integrations.sandbox.world import World

WAIT, SUCCESS, CLOSED, FINISHED = "WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED"


@dataclass(frozen=True)
class Trade:
    """`content` is the first biz_content, against which a repeat is compared. Moments are the sandbox's; `certified`
    says that the trade was made in certificate mode, in which its notices are signed too.
    """

    trade_no: str
    out_trade_no: str
    app_id: str
    seller_id: str
    open_id: str
    user_id: str
    subject: str
    body: str
    passback: str
    total: int
    notify_url: str
    created: float
    deadline: float
    certified: bool
    content: dict[str, Any]
    status: str = WAIT
    paid: float = 0.0
    closed: float = 0.0

    @property
    def was_paid(self) -> bool:
        return self.paid > 0


@dataclass(frozen=True)
class TradeRefund:
    """`asked` and `settles` are moments of the real clock, `created` is the sandbox's. What never settles was accepted
    and came to nothing.
    """

    out_request_no: str
    amount: int
    reason: str
    created: float
    asked: float
    settles: float | None

    @property
    def is_through(self) -> bool:
        return self.settles is not None and time.time() >= self.settles


@dataclass(frozen=True)
class NumberOf:
    out_trade_no: str


@dataclass(frozen=True)
class RefundsOf:
    refunds: list[dict[str, Any]]


def trades(world: World) -> Shelf[Trade]:
    return Shelf(world.records, "alipay_trades", Trade, keep=20000)


def trade_numbers(world: World) -> Shelf[NumberOf]:
    return Shelf(world.records, "alipay_trade_numbers", NumberOf, keep=20000)


def refunds_of(world: World, trade: Trade) -> list[TradeRefund]:
    """In the order in which they were asked for."""
    found = _refunds(world).get(trade.trade_no)
    return [TradeRefund(**one) for one in found.refunds] if found else []


def keep_refunds(world: World, trade: Trade, back: list[TradeRefund]) -> None:
    _refunds(world).put(trade.trade_no, RefundsOf([asdict(one) for one in back]))


def sum_of(back: list[TradeRefund]) -> int:
    return sum(one.amount for one in back if one.settles is not None)


def buyer(world: World, trade: Trade, user_id_name: str) -> dict[str, str]:
    """An old app is told the user id, a migrating one both, a new one the open id only."""
    shown = world.dice.now.alipay_ids
    told = {} if shown == "user_id" else {"buyer_open_id": trade.open_id}
    return told if shown == "open_id" else {**told, user_id_name: trade.user_id}


def logon_id(world: World, trade: Trade) -> str:
    user = Users(world.records).find(trade.open_id)
    return f"{user.mobile[:3]}******{user.mobile[-2:]}" if user else ""


def _refunds(world: World) -> Shelf[RefundsOf]:
    return Shelf(world.records, "alipay_refunds", RefundsOf, keep=20000)
