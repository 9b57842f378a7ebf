"""Without this module who asks for money back would not learn why it does not come."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from app.kernel import clock
from app.kernel.errors import Refusal
from app.kernel.money import Fen, yuan


class NothingToRefund(Refusal):
    code = "NOTHING_TO_REFUND"
    zh = "这张缴费单没有可退的款项:尚未缴费,或已经退还、正在退还(含审核中的申请)"
    en = "There is nothing to give back: this bill is not paid, or its money is back, on its way or being asked for."


class NothingToReturn(Refusal):
    code = "NOTHING_TO_RETURN"
    zh = "支付平台现在的答复与这项差异不符:款项未到账、已按账单入账,或不是人民币。请重新核对后处理"
    en = (
        "The platform answers otherwise now: nothing came, it was what the bill asks for, or it is not in yuan. Please"
        " check again how it stands."
    )


class RefundableDiffers(Refusal):
    code = "REFUNDABLE_DIFFERS"
    zh = "现在可退的金额是{refundable_yuan}元,与您看到的不同,请核对后重新提交"
    en = "{refundable_yuan} yuan can be given back now, which is not what you saw; please check and ask again."

    @classmethod
    def of(cls, refundable_fen: int) -> Self:
        return cls(refundable_yuan=yuan(Fen(refundable_fen)), field="believedRefundableFen")


class RefundTooLarge(Refusal):
    code = "REFUND_TOO_LARGE"
    zh = "“{name}”最多可退{left_yuan}元,请修改金额"
    en = "At most {left_yuan} yuan of “{name}” can be given back; please change the amount."

    @classmethod
    def of(cls, name: str, left_fen: int, field: str) -> Self:
        return cls(name=name, left_yuan=yuan(Fen(left_fen)), field=field)


class SecondPersonNeeded(Refusal):
    code = "SECOND_PERSON_NEEDED"
    zh = "退款须由另一位工作人员审核,请交给本单位的其他收费员或负责人"
    en = "A refund is approved by a second person; leave it to another cashier or the manager of your unit."


class RefundAtPlatform(Refusal):
    code = "REFUND_AT_PLATFORM"
    zh = "支付平台已经受理这笔退款,不能放弃:处理中的请等待结果,异常的请在支付平台商户后台处理后重新查询"
    en = (
        "The payment platform has taken this refund up; it cannot be given up. Wait for the outcome; one that did not"
        " arrive is seen to in the platform's merchant console and then retried."
    )


class RefundNotAtWindow(Refusal):
    code = "REFUND_NOT_AT_WINDOW"
    zh = "这笔款项由支付平台原路退回,不能在窗口退还"
    en = "The payment platform returns this money the way it came; it is not handed back at a window."


class HandedBackAlready(Refusal):
    code = "REFUND_HANDED_BACK"
    zh = "这笔退款已由“{who}”于{at}在窗口退还,请勿再次付款"
    en = "This money was handed back by “{who}” at {at}; do not pay it out again."

    @classmethod
    def of(cls, who: str, at: datetime) -> Self:
        return cls(who=who, at=f"{clock.local(at):%Y-%m-%d %H:%M}")


class ReceiptStillInForce(Refusal):
    code = "RECEIPT_STILL_IN_FORCE"
    zh = "这笔款项的财政电子票据尚未冲红,请先不要退还现金,过几分钟再试;一直不行请看“票据开具失败”待办"
    en = (
        "The fiscal receipt over this money is still in force: hand nothing over yet and try again in some minutes; "
        "if that does not help, see the task “A receipt could not be issued”."
    )
    retryable = True
