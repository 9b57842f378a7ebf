"""Without this module a bill of Alipay's would have nothing to say: one row for what was paid or went back that day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from integrations.sandbox.alipay.trade_checks import yuan
from integrations.sandbox.alipay.trade_records import Trade, TradeRefund, logon_id, refunds_of, trades
from integrations.sandbox.clock import BEIJING, beijing
from integrations.sandbox.world import World

PER_THOUSAND = 6  # of the sum, rounded to the fen
BUSINESS_COLUMNS = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称", "操作员",
    "终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）",
    "商家优惠（元）", "券核销金额（元）", "券名称", "商家红包消费金额（元）", "卡消费金额（元）", "退款批次号/请求号",
    "服务费（元）", "分润（元）", "备注",
)  # fmt: skip
FUND_COLUMNS = (
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）", "支出金额（-元）",
    "账户余额（元）", "交易渠道", "业务类型", "备注",
)  # fmt: skip
NOTHING = "0.00"
ALWAYS_NOTHING = (
    "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）",
    "商家红包消费金额（元）", "卡消费金额（元）", "分润（元）",
)  # fmt: skip

Row = dict[str, str]


def business_rows(world: World, day: date) -> list[Row]:
    """A row belongs to the day of its event: a refund days later is in a later bill."""
    return [_business_row(world, trade, refund) for trade, refund in _events(world, day)]


def fund_rows(world: World, day: date) -> list[Row]:
    """The sum and the fee are two movements; a refund gives its fee back."""
    rows: list[Row] = []
    for trade, refund in _events(world, day):
        fen, when = (trade.total, trade.paid) if refund is None else (-refund.amount, refund.created)
        for kind, moved in (("在线支付" if fen > 0 else "交易退款", fen), ("收费", -fee_of(fen))):
            if moved:
                rows.append(_fund_row(world, trade, len(rows), kind, moved, when))
    return rows


def fee_of(fen: int) -> int:
    """Rounded half up, with the sign of the sum."""
    fee = (abs(fen) * PER_THOUSAND + 500) // 1000
    return fee if fen > 0 else -fee


def total(rows: Sequence[Row], column: str) -> str:
    """Summed in fen, never in floating point."""
    return yuan(sum(int(row[column].replace(".", "")) for row in rows))


def _events(world: World, day: date) -> list[tuple[Trade, TradeRefund | None]]:
    found = [(when, trade, refund) for when, trade, refund in _every(world) if _is_on(when, day)]
    return [(trade, refund) for _, trade, refund in sorted(found, key=lambda event: event[0])]


def _every(world: World) -> Iterator[tuple[float, Trade, TradeRefund | None]]:
    for trade in trades(world).every():
        if trade.was_paid:
            yield trade.paid, trade, None
            yield from ((one.created, trade, one) for one in refunds_of(world, trade) if one.is_through)


def _is_on(moment: float, day: date) -> bool:
    return datetime.fromtimestamp(moment, BEIJING).date() == day


def _business_row(world: World, trade: Trade, refund: TradeRefund | None) -> Row:
    fen, when = (trade.total, trade.paid) if refund is None else (-refund.amount, refund.created)
    return (
        dict.fromkeys(BUSINESS_COLUMNS, "")
        | dict.fromkeys(ALWAYS_NOTHING, NOTHING)
        | {
            "支付宝交易号": trade.trade_no,
            "商户订单号": trade.out_trade_no,
            "业务类型": "交易" if refund is None else "退款",
            "商品名称": trade.subject,
            "创建时间": beijing(trade.created),
            "完成时间": beijing(when),
            "对方账户": f"*({logon_id(world, trade)})",
            "订单金额（元）": yuan(fen),
            "商家实收（元）": yuan(fen),
            "退款批次号/请求号": "" if refund is None else refund.out_request_no,
            "服务费（元）": yuan(-fee_of(fen)),
            "备注": "" if refund is None else refund.reason,
        }
    )


def _fund_row(world: World, trade: Trade, place: int, kind: str, moved: int, when: float) -> Row:
    return dict.fromkeys(FUND_COLUMNS, "") | {
        "账务流水号": f"{int(when)}{place:06d}",
        "业务流水号": trade.trade_no,
        "商户订单号": trade.out_trade_no,
        "商品名称": trade.subject,
        "发生时间": beijing(when),
        "对方账号": f"*({logon_id(world, trade)})",
        "收入金额（+元）": yuan(moved) if moved > 0 else NOTHING,
        "支出金额（-元）": yuan(moved) if moved < 0 else NOTHING,
        "账户余额（元）": NOTHING,
        "交易渠道": "支付宝",
        "业务类型": kind,
    }
