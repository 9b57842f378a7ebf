"""Without this module the tables of money would each spell their words anew."""

from __future__ import annotations

from enum import StrEnum


class Account(StrEnum):
    """The accounts of the ledger. Debit is positive: what somebody owes us or holds for us."""

    PAYER = "PAYER"
    """What payers owe: bills issued and not yet paid."""

    CLEARING = "CLEARING"
    """What a channel holds for us until it is handed over."""

    UNIT = "UNIT"
    """What belongs to a collecting unit, by treasury level and division."""

    SURPLUS = "SURPLUS"
    """Money nobody owed, to be given back."""

    REFUNDS = "REFUNDS"
    """Promised back to payers, not yet there."""

    FEES = "FEES"
    """What the channel kept for its service."""

    REMITTED = "REMITTED"
    """Handed over to the treasury (划解)."""


class RefundReason(StrEnum):
    """Why money goes back."""

    SURPLUS = "SURPLUS"
    HALL_CANCELLED = "HALL_CANCELLED"
    DEPOSIT_BACK = "DEPOSIT_BACK"
    PAID_TWICE = "PAID_TWICE"
    CHARGED_WRONGLY = "CHARGED_WRONGLY"
    EXEMPTED = "EXEMPTED"
    WITHDRAWN = "WITHDRAWN"
    OTHER = "OTHER"


REASON_WORDS: dict[RefundReason, tuple[str, str]] = {
    RefundReason.SURPLUS: ("多缴或迟到的款项自动退回", "Surplus or late money, returned by itself"),
    RefundReason.HALL_CANCELLED: ("大厅取消了预约", "The hall cancelled the booking"),
    RefundReason.DEPOSIT_BACK: ("退还预约押金", "Deposit of the booking"),
    RefundReason.PAID_TWICE: ("重复缴费", "Paid twice"),
    RefundReason.CHARGED_WRONGLY: ("收费有误", "Charged wrongly"),
    RefundReason.EXEMPTED: ("符合减免条件", "An exemption applies"),
    RefundReason.WITHDRAWN: ("申请人撤回", "Withdrawn by the applicant"),
    RefundReason.OTHER: ("其他", "Another reason"),
}


STANDARD_WORDS: dict[str, tuple[str, str]] = {
    "NATIONAL": ("国家统一标准", "Set nationally"),
    "LOCAL": ("本地标准", "Set locally"),
    "STATUTORY_TAX": ("依法计征", "Set by tax law"),
    "BY_DECISION": ("以决定书为准", "Set by the decision"),
    "LATE_FINE": ("每日按罚款数额的3%加处,不超过罚款本数", "Three per cent of the fine a day, at most the fine"),
    "DEPOSIT": ("按预约规则", "Set by the booking rules"),
}
"""By what a line of a bill is charged (收费标准)."""


class TaskKind(StrEnum):
    """What somebody has to look at."""

    OURS_ONLY = "OURS_ONLY"
    THEIRS_ONLY = "THEIRS_ONLY"
    AMOUNT = "AMOUNT"
    STATE = "STATE"
    DATE_BOUNDARY = "DATE_BOUNDARY"
    FUNDS = "FUNDS"
    ACCOUNT_BROKEN = "ACCOUNT_BROKEN"
    ACCOUNT_CHANGED = "ACCOUNT_CHANGED"
    WRONG_AMOUNT = "WRONG_AMOUNT"
    WRONG_PAYER = "WRONG_PAYER"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    REFUND_ABNORMAL = "REFUND_ABNORMAL"
    REFUND_REFUSED = "REFUND_REFUSED"
    RECEIPT_FAILED = "RECEIPT_FAILED"


TASK_WORDS: dict[TaskKind, tuple[str, str]] = {
    TaskKind.OURS_ONLY: ("短款:我方有、支付平台账单没有", "Ours only: the platform's account does not have it"),
    TaskKind.THEIRS_ONLY: ("长款:支付平台账单有、我方没有", "Theirs only: the platform's account has it, we do not"),
    TaskKind.AMOUNT: ("金额不一致", "The amounts differ"),
    TaskKind.STATE: ("状态不一致", "The states differ"),
    TaskKind.DATE_BOUNDARY: ("跨日:在相邻日期的账单中", "Date boundary: it is in the account of the next day"),
    TaskKind.FUNDS: (
        "资金账单与交易账单合计不一致",
        "The account of funds tells another sum than the account of payments",
    ),
    TaskKind.ACCOUNT_BROKEN: (
        "支付平台账单的合计与明细不符,未采用",
        "The platform's account contradicts itself and was not taken",
    ),
    TaskKind.ACCOUNT_CHANGED: (
        "支付平台更正了已核对的账单,请决定是否采用",
        "The platform corrected an account that was taken already; decide whether to take the new one",
    ),
    TaskKind.WRONG_AMOUNT: ("到账通知金额与账单不符", "The notice tells another amount than the bill"),
    TaskKind.WRONG_PAYER: ("付款人与下单人不符", "Somebody else than the orderer paid"),
    TaskKind.UNKNOWN_ORDER: ("通知中的订单号不存在", "The notice is about an order we do not know"),
    TaskKind.REFUND_ABNORMAL: ("退款异常,款项未到付款人账户", "A refund did not reach the payer"),
    TaskKind.REFUND_REFUSED: ("支付平台拒绝退款", "The platform refused a refund"),
    TaskKind.RECEIPT_FAILED: ("票据开具失败", "A receipt could not be issued"),
}


class TaskState(StrEnum):
    OPEN = "OPEN"
    SETTLED = "SETTLED"
    """By itself, because the provider's word or a later account made it good."""

    DONE = "DONE"
    """By a person, who has said how."""


class StatementState(StrEnum):
    EXPECTED = "EXPECTED"
    MATCHED = "MATCHED"
    DIFFERENCES = "DIFFERENCES"
    SIGNED_OFF = "SIGNED_OFF"


class ReceiptKind(StrEnum):
    FISCAL = "FISCAL"
    PLAIN = "PLAIN"


class ReceiptState(StrEnum):
    ISSUED = "ISSUED"
    VOIDED = "VOIDED"
