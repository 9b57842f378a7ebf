"""Without this module a resident who cannot pay would not know whether they have paid."""

from __future__ import annotations

from typing import Self

from app.kernel.errors import Refusal
from app.kernel.money import Fen, yuan


class NothingToPay(Refusal):
    code = "NOTHING_TO_PAY"
    zh = "该缴费单已缴清,或所办事项已不再需要缴费,无需支付"
    en = "This bill is already paid, or what it is for no longer waits for it; nothing is due."


class PaymentUnderWay(Refusal):
    code = "PAYMENT_UNDER_WAY"
    zh = "这张缴费单正在另一部手机上支付,请在那里完成支付,或在{minutes}分钟后再试"
    en = "This bill is being paid on another phone; finish it there, or try again in {minutes} minutes."
    retryable = True


class BillExpired(Refusal):
    code = "BILL_EXPIRED"
    zh = "该缴费单已过期,请在缴费单中重新开单或联系执收单位;预约押金过期的请重新预约"
    en = "This bill has expired; renew it or ask the collecting unit; after a deposit, book again."


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


class AmountDiffers(Refusal):
    code = "AMOUNT_DIFFERS"
    zh = "金额与应缴金额不符,应缴{due_yuan}元,请核对后再收"
    en = "This is not what is due; {due_yuan} yuan is. Please check and take that."

    @classmethod
    def of(cls, due_fen: int) -> Self:
        return cls(due_yuan=yuan(Fen(due_fen)), field="amountFen")


class SlipUsed(Refusal):
    code = "SLIP_USED"
    zh = "这张签购单已用于另一笔缴费,请核对参考号"
    en = "This slip has paid another bill already; check its number."


class AlreadyPaid(Refusal):
    code = "BILL_ALREADY_PAID"
    zh = "该缴费单已缴费,不能再减免或作废;如需退还请办理退款"
    en = "This bill is paid and can no longer be reduced or cancelled; ask for a refund instead."


class ExemptionTooLarge(Refusal):
    code = "EXEMPTION_TOO_LARGE"
    zh = "减免金额须大于0且不超过该收费项目的金额{line_yuan}元;每个项目只能减免一次"
    en = "An exemption is over more than nothing and at most the line's {line_yuan} yuan; each line is reduced once."


class NotToBeCancelled(Refusal):
    code = "BILL_NOT_CANCELLABLE"
    zh = "只有单独开具的缴费通知可以作废;办件收费请减免,预约押金请取消预约"
    en = "Only a notice that stands alone is cancelled; reduce the fee of a case, cancel the booking of a deposit."


class NotToBeRenewed(Refusal):
    code = "BILL_NOT_RENEWABLE"
    zh = "该缴费单未过期或已不再需要缴费,无需重新开单"
    en = "This bill has not expired, or nothing waits for it any more; it need not be renewed."


class TooLargeToRenew(Refusal):
    code = "BILL_TOO_LARGE_TO_RENEW"
    zh = "加处罚款后金额超过100万元,不能重新开单,请联系执收单位作废后分开开具缴费通知"
    en = "With its late fine this bill is over one million yuan; ask its unit to make out separate notices."


class AmountNotOpen(Refusal):
    code = "AMOUNT_FIXED_BY_LIST"
    zh = "“{name}”按收费目录收取{listed_yuan}元,不能另定金额"
    en = "The fee “{name}” is {listed_yuan} yuan by the list of fees; no other amount can be set."


class DecisionNeeded(Refusal):
    code = "DECISION_NEEDED"
    zh = "“{name}”的金额以决定书为准,请填写决定书文号和金额(0.01元至100万元)"
    en = "The fee “{name}” is set by a decision: enter its number and the amount, 0.01 to 1,000,000 yuan."
