"""Without this module whoever asks for a receipt in vain would not know what to do."""

from __future__ import annotations

from app.kernel.errors import Refusal


class ReceiptNotReady(Refusal):
    code = "RECEIPT_NOT_READY"
    zh = "票据正在开具,请稍候片刻再试"
    en = "The receipt is being made; try again in a moment."
    retryable = True

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=10)


class ReceiptTakenBack(Refusal):
    code = "RECEIPT_TAKEN_BACK"
    zh = "这张票据已作废,请在缴费单中查看重新开具的票据"
    en = "This receipt was taken back; see the bill for the one that took its place."


class ReceiptUnknown(Refusal):
    code = "RECEIPT_UNKNOWN"
    zh = "没有查到这张票据:请核对票据代码、票据号码和校验码"
    en = "No such receipt: check its code, its number and its check code."


class ReceiptLinkExpired(Refusal):
    code = "RECEIPT_LINK_EXPIRED"
    zh = "下载链接已失效,请回到缴费单重新打开票据"
    en = "This link has expired; open the receipt again from the bill."
