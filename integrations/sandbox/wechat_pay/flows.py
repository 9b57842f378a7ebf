"""Without this module nobody would see what moved on the merchant's account: the fund-flow bill of a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from integrations.sandbox.clock import beijing
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.wechat_pay.bills import billable_day, fee_fen, granted, is_on, total, yuan
from integrations.sandbox.wechat_pay.gate import Caller
from integrations.sandbox.wechat_pay.orders import orders
from integrations.sandbox.wechat_pay.refunds import RefundRecord, refunds
from integrations.sandbox.wechat_pay.wire import wrong
from integrations.sandbox.world import World

ACCOUNTS = ("BASIC", "OPERATION", "FEES", "ALL")
IN, OUT = "收入", "支出"
COLUMNS = (
    "记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型",
    "收支金额(元)", "账户结余(元)", "资金变更提交申请人", "备注", "业务凭证号",
)  # fmt: skip
Movement = tuple[float, str, str, str, int]
"""Moment, business number, name, direction, fen."""


def fund_flow_bill(world: World, call: Call, _: Caller) -> Answer:
    """Apply for the fund-flow bill; all our money is on the basic account."""
    account = call.query.get("account_type", "BASIC")
    if account not in ACCOUNTS:
        raise wrong("/account_type", account, "取值不正确", "query")
    day = billable_day(world, call)
    rows = [] if account in {"OPERATION", "FEES"} else _rows(world, day)
    incomes, outgoes = ([row for row in rows if row["收支类型"] == way] for way in (IN, OUT))
    summary = {
        "资金流水总笔数": str(len(rows)),
        "收入笔数": str(len(incomes)),
        "收入金额": total(incomes, "收支金额(元)"),
        "支出笔数": str(len(outgoes)),
        "支出金额": total(outgoes, "收支金额(元)"),
    }
    return granted(world, call, COLUMNS, rows, summary)


def _rows(world: World, day: date) -> list[dict[str, Any]]:
    balance, rows = 0, []
    for number, (moment, reference, name, way, fen) in enumerate(sorted(_movements(world)), start=1):
        balance += fen if way == IN else -fen
        if not is_on(moment, day):
            continue
        row = dict.fromkeys(COLUMNS, "") | {
            "记账时间": beijing(moment),
            "微信支付业务单号": reference,
            "资金流水单号": f"{number:016d}",
            "业务名称": name,
            "业务类型": name,
            "收支类型": way,
            "收支金额(元)": yuan(fen),
            "账户结余(元)": f"-{yuan(-balance)}" if balance < 0 else yuan(balance),
            "资金变更提交申请人": "system",
            "业务凭证号": reference,
        }
        rows.append(row)
    return rows


def _movements(world: World) -> Iterator[Movement]:
    """All there ever were: a balance is the sum of what came before."""
    for order in orders(world).every():
        if order.is_paid:
            yield order.paid, order.transaction_id, "交易", IN, order.total
            yield from _fee(order.paid, order.transaction_id, "扣除交易手续费", OUT, order.total)
    for refund in refunds(world).every():
        yield refund.created, refund.refund_id, "退款", OUT, refund.refund
        yield from _fee(refund.created, refund.refund_id, "退还手续费", IN, refund.refund)
        if _came_back(world, refund):
            yield refund.settled, refund.refund_id, "退款失败退回", IN, refund.refund
            yield from _fee(refund.settled, refund.refund_id, "扣除交易手续费", OUT, refund.refund)


def _came_back(world: World, refund: RefundRecord) -> bool:
    """A closed refund; one that is abnormal waits on the way for somebody to send it elsewhere."""
    return refund.outcome == "CLOSED" and world.clock.now() >= refund.settled


def _fee(moment: float, reference: str, name: str, way: str, fen: int) -> Iterator[Movement]:
    if fee_fen(fen):
        yield moment, reference, name, way, fee_fen(fen)
