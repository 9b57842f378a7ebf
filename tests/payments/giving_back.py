"""What may happen to money on its way back to who paid: acts like those of `acts`."""

from __future__ import annotations

from hypothesis import strategies as st

from app.kernel import clock
from app.payments.ports import RefundStanding
from app.payments.refunds.deciding import (
    approve_refund,
    confirm_window_refund,
    decline_refund,
    give_up_refund,
    retry_refund,
)
from app.payments.refunds.requesting import request_refund
from app.payments.refunds.rules import RefundWish
from app.payments.refunds.sending import pursue
from app.payments.refunds.settling import settle_refund
from app.payments.states import AttemptState, RefundState
from app.payments.words import RefundReason
from tests.payments.drawing import Draw, Work, one_of, places
from tests.payments.histories import Life
from tests.people import new_key

_standings = st.sampled_from(
    [RefundStanding.SUCCEEDED, RefundStanding.SUCCEEDED, RefundStanding.ABNORMAL, RefundStanding.CLOSED]
)


def money_is_asked_back(life: Life, draw: Draw) -> Work:
    asker, part = draw(st.sampled_from([life.cashier, life.payer])), draw(st.sampled_from([1, 3_000, 0]))

    async def ask() -> None:
        [attempt] = await life.attempts(AttemptState.SUCCEEDED)
        left = attempt.amount_fen - attempt.promised_fen
        wish = RefundWish(RefundReason.CHARGED_WRONGLY, left, part or left or 1)
        await request_refund(asker, life.bill_id, wish, idempotency_key=new_key())

    return ask


def second_person_decides(life: Life, draw: Draw) -> Work:
    yes, place = draw(st.sampled_from([True, True, False])), draw(places)

    async def decide() -> None:
        asked = await life.refunds(RefundState.REQUESTED)
        refund_id = asked[place % len(asked)].id
        if yes:
            await approve_refund(life.second, refund_id)
        else:
            await decline_refund(life.second, refund_id, "收费无误")

    return decide


def refunds_are_pursued(life: Life, _draw: Draw) -> Work:
    """When their time has come."""

    async def go() -> None:
        for refund in await life.refunds():
            if refund.ask_again_at is not None:
                with clock.standing_at(max(life.now, refund.ask_again_at)):
                    await pursue(refund.id)

    return go


def bank_moves_a_refund(life: Life, draw: Draw) -> Work:
    """It reaches the payer, is stuck, is given up, or comes back from the payer's bank afterwards."""
    bank, refund_no = one_of(life.repayments(), draw)
    standing, heard = draw(_standings), draw(st.sampled_from(["not at all", "by notice", "by question"]))

    async def move() -> None:
        bank.move_refund(refund_no, standing)
        life.remember(bank, refund_no)
        if heard == "by notice":
            await life.tell_of_refund(bank.refund_truth(refund_no))
        elif heard == "by question":
            await settle_refund(bank.refund_truth(refund_no), present=True)

    return move


def old_word_about_a_refund_comes_again(life: Life, draw: Draw) -> Work:
    truth = one_of(life.said_of_refunds, draw)
    return lambda: settle_refund(truth)


def window_helps_a_refund(life: Life, draw: Draw) -> Work:
    place, act = draw(places), draw(st.sampled_from(["retry", "give up", "hand back", "hand back"]))

    async def help_on() -> None:
        found = await life.refunds()
        refund_id = found[place % len(found)].id
        if act == "retry":
            await retry_refund(life.cashier, refund_id)
        elif act == "give up":
            await give_up_refund(life.second, refund_id, "无人领取")
        else:
            life.ever_back.add((await confirm_window_refund(life.cashier, refund_id)).refund_no)

    return help_on
