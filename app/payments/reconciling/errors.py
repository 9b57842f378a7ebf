"""Without this module a cashier whose day cannot be closed would not know what is missing."""

from __future__ import annotations

from typing import Self

from app.kernel.errors import Refusal
from app.kernel.money import Fen, yuan


class DayNotOver(Refusal):
    code = "DAY_NOT_OVER"
    zh = "这一天还没有结束,请在次日核对和签认"
    en = "This day is not over; check and sign it off tomorrow."


class DayTooOld(Refusal):
    code = "DAY_TOO_OLD"
    zh = "支付平台只提供最近{days}天的账单,更早的请到支付平台的商户后台查询"
    en = "The payment platform only gives accounts of the last {days} days; older ones are in its merchant console."


class KeepsNoAccounts(Refusal):
    code = "CHANNEL_KEEPS_NO_ACCOUNTS"
    zh = "该支付方式没有平台账单,请由收费员清点后签认"
    en = "There is no platform account of this way to pay; the cashier counts and signs it off."


class AccountNotThere(Refusal):
    code = "ACCOUNT_NOT_READY"
    zh = "支付平台还没有生成这一天的账单(一般在次日上午10点以后),届时会自动对账,也可以到时再试"
    en = (
        "The payment platform has not made the account of this day yet: it mostly does after ten the next morning. It"
        " is compared by itself then, or try again."
    )
    retryable = True


class AccountRefused(Refusal):
    code = "ACCOUNT_CONTRADICTS_ITSELF"
    zh = "支付平台账单的合计与明细不符,未采用,已列入待处理事项;请联系支付平台"
    en = "The platform's account contradicts itself; it was not taken and is now a task. Ask the platform."


class DayNotReconciled(Refusal):
    code = "DAY_NOT_RECONCILED"
    zh = "这一天还没有与支付平台对账,请先对账"
    en = "This day has not been compared with the platform's account yet; do that first."


class DifferencesOpen(Refusal):
    code = "DIFFERENCES_OPEN"
    zh = "这一天还有{count}项差异未处理,请处理后再签认"
    en = "{count} differences of this day are still open; close them before signing it off."


class DaySignedOff(Refusal):
    code = "DAY_SIGNED_OFF"
    zh = "这一天已经签认,不能再更改"
    en = "This day is signed off and is not changed any more."


class DayNotSignedOff(Refusal):
    code = "DAY_NOT_SIGNED_OFF"
    zh = "这一天还没有签认,签认后才能登记划解"
    en = "This day is not signed off yet; money is handed over after that."


class CountDiffers(Refusal):
    code = "COUNT_DIFFERS"
    zh = "清点金额与账上不符,账上为{true_yuan}元,请重新清点"
    en = "This is not what the books say, which is {true_yuan} yuan; count again."

    @classmethod
    def of(cls, fen: int) -> Self:
        return cls(true_yuan=yuan(Fen(fen)), field="countedFen")


class RemittanceDiffers(Refusal):
    code = "REMITTANCE_DIFFERS"
    zh = "划解金额与应划解金额不符,应划解{true_yuan}元,请核对后重新登记"
    en = "This is not what is to be handed over, which is {true_yuan} yuan; check and record that."

    @classmethod
    def of(cls, fen: int) -> Self:
        return cls(true_yuan=yuan(Fen(fen)), field="amountFen")


class NothingToHandOver(Refusal):
    code = "NOTHING_TO_HAND_OVER"
    zh = "该单位当日没有需要划解的款项"
    en = "There is nothing to hand over for this unit and day."


class TaskClosed(Refusal):
    code = "MONEY_TASK_CLOSED"
    zh = "该事项已经处理完毕,请刷新列表"
    en = "This task is closed already; refresh the list."
