"""Without this module a resident who cannot pay would not know whether they have paid."""

from __future__ import annotations

from app.kernel.errors import Refusal


class NothingToPay(Refusal):
    code = "NOTHING_TO_PAY"
    zh = "该缴费单已缴清,无需再次支付"
    en = "This bill is already paid; nothing more is due."


class PaymentUnderWay(Refusal):
    code = "PAYMENT_UNDER_WAY"
    zh = "这张缴费单正在另一部手机上支付,请在那里完成支付,或在{minutes}分钟后再试"
    en = "This bill is being paid on another phone; finish it there, or try again in {minutes} minutes."
    retryable = True


class BillExpired(Refusal):
    code = "BILL_EXPIRED"
    zh = "该缴费单已过期,请联系执收单位重新开单"
    en = "This bill has expired; ask the collecting unit for a new one."


class ChannelUnavailable(Refusal):
    code = "PAYMENT_CHANNEL_UNAVAILABLE"
    zh = "该支付方式暂不可用,请选择其他方式"
    en = "This way to pay is not available; choose another."


class PaymentRefused(Refusal):
    code = "PAYMENT_REFUSED"
    zh = "支付平台拒绝了这笔订单,请稍后重试或到窗口缴费"
    en = "The payment platform refused the order; try again later or pay at a window."
    retryable = True


class BillCancelled(Refusal):
    code = "BILL_CANCELLED"
    zh = "该缴费单已作废,无需缴费"
    en = "This bill was cancelled; there is nothing to pay."


class BillTooLarge(Refusal):
    code = "BILL_AMOUNT_INVALID"
    zh = "缴费单金额须大于0且不超过100万元,请核对收费项目和数量"
    en = "A bill is over more than nothing and at most one million yuan; check the fees and quantities."
