from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Scope
from app.kernel.audit import AuditLine
from app.kernel.errors import IllegalMove, NotAllowed, NotFound
from app.payments.models import Refund
from app.payments.refunds.deciding import (
    approve_refund,
    confirm_window_refund,
    decline_refund,
    give_up_refund,
    retry_refund,
)
from app.payments.refunds.errors import HandedBackAlready, RefundNotAtWindow
from app.payments.refunds.sending import pursue
from app.payments.states import AttemptState, BillState, RefundState
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.refunds.stage import IN_UNIT, Paid, check_books, make_paid
from tests.portal import Portal


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    """In cash."""
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_paid(portal, 4000, channel="cash")
    await portal.control.be_kind()


async def test_cash_is_back_when_a_cashier_says_that_it_was_handed_over(paid: Paid) -> None:
    refund = await paid.refund(4000, 4000)
    await paid.portal.run_jobs()
    waiting = await Refund.get(id=refund.id)
    assert (waiting.state, waiting.ask_again_at) == (RefundState.APPROVED, None)

    settled = await confirm_window_refund(paid.cashier, refund.id)
    assert (settled.state, settled.handed_back_by_id) == (RefundState.SUCCEEDED, paid.cashier.id)
    assert await paid.standing() == (BillState.FULLY_REFUNDED, 4000, AttemptState.SUCCEEDED, 4000)
    [said] = await AuditLine.filter(act="refund.settled", subject=f"refund:{refund.id}")
    assert (said.actor, said.person) == (paid.cashier.reference, paid.payer.id)
    async with nothing_moves():
        await confirm_window_refund(paid.cashier, refund.id)
        await pursue(refund.id)
    await check_books(paid.bill.id)


async def test_a_second_window_with_an_old_screen_is_told_who_has_paid_it_out(paid: Paid) -> None:
    refund = await paid.refund(4000, 4000)
    other = await make_staff(Role.CASHIER, scope=IN_UNIT)
    settled = await confirm_window_refund(paid.cashier, refund.id)
    assert settled.settled_at is not None
    async with nothing_moves():
        with pytest.raises(HandedBackAlready) as refusal:
            await confirm_window_refund(other, refund.id)
    at = f"{clock.local(settled.settled_at):%Y-%m-%d %H:%M}"
    assert refusal.value.sentence("zh") == f"这笔退款已由“测试工位”于{at}在窗口退还,请勿再次付款"
    assert (await Refund.get(id=refund.id)).handed_back_by_id == paid.cashier.id


async def test_cash_is_out_of_one_till_however_many_windows_hand_it_over_at_once(portal: Portal) -> None:
    for _ in range(5):
        paid = await make_paid(portal, 4000, channel="cash")
        refund = await paid.refund(4000, 4000)
        cashiers = [paid.cashier, *[await make_staff(Role.CASHIER, scope=IN_UNIT) for _ in range(3)]]
        ends = await at_once(*(confirm_window_refund(each, refund.id) for each in cashiers))
        [done] = [end for end in ends if isinstance(end, Refund)]
        assert sorted(type(end).__name__ for end in ends if end is not done) == ["HandedBackAlready"] * 3
        till = (await Refund.get(id=refund.id)).handed_back_by_id
        assert [each.id for each, end in zip(cashiers, ends, strict=True) if end is done] == [till]
        await check_books(paid.bill.id)


async def test_nothing_is_handed_over_before_it_is_agreed(paid: Paid) -> None:
    refund = await paid.refund(4000, 4000, paid.payer)
    async with nothing_moves():
        with pytest.raises(IllegalMove):
            await confirm_window_refund(paid.cashier, refund.id)
    await approve_refund(paid.second, refund.id)
    assert (await confirm_window_refund(paid.cashier, refund.id)).state is RefundState.SUCCEEDED
    await check_books(paid.bill.id)


async def test_only_a_cashier_of_the_unit_hands_money_over(paid: Paid) -> None:
    refund = await paid.refund(4000, 4000)
    elsewhere = await make_staff(Role.CASHIER, scope=Scope(department="ps-traffic"))
    async with nothing_moves():
        with pytest.raises(NotAllowed):
            await confirm_window_refund(paid.second, refund.id)
        with pytest.raises(NotFound):
            await confirm_window_refund(elsewhere, refund.id)


async def test_what_was_paid_in_wechat_goes_back_in_wechat(portal: Portal, paid: Paid) -> None:
    other = await make_paid(portal, 4000)
    refund = await other.refund(4000, 4000)
    async with nothing_moves():
        with pytest.raises(RefundNotAtWindow):
            await confirm_window_refund(other.cashier, refund.id)


async def test_money_nobody_collects_is_free_again(paid: Paid) -> None:
    refund = await paid.refund(4000, 4000)
    assert (await give_up_refund(paid.second, refund.id, "缴款人未来领取")).state is RefundState.CLOSED
    assert await paid.standing() == (BillState.PAID, 0, AttemptState.SUCCEEDED, 0)
    async with nothing_moves("refund"):
        with pytest.raises(IllegalMove) as refusal:
            await confirm_window_refund(paid.cashier, refund.id)
    assert "“退款没有进行,原因见说明”" in refusal.value.sentence("zh")
    await check_books(paid.bill.id)


async def test_who_comes_too_late_reads_how_it_stands_at_a_window_where_there_is_no_platform(paid: Paid) -> None:
    refund, words = await paid.refund(4000, 4000, paid.payer), []
    for act in (retry_refund(paid.second, refund.id), give_up_refund(paid.second, refund.id, "缴款人未来领取")):
        with pytest.raises(IllegalMove) as refusal:
            await act
        words.append(refusal.value.values["state_zh"])
    await approve_refund(paid.second, refund.id)
    with pytest.raises(IllegalMove) as refusal:
        await decline_refund(paid.second, refund.id, "不退")
    words.append(refusal.value.values["state_zh"])
    assert words == ["退款审核中", "退款审核中", "退款已同意,请到缴费窗口领取"]


async def test_two_cashiers_and_one_who_gives_up_at_once_hand_it_over_once_or_never(portal: Portal) -> None:
    for _ in range(5):
        paid = await make_paid(portal, 4000, channel="cash")
        refund = await paid.refund(4000, 4000)
        other = await make_staff(Role.CASHIER, scope=IN_UNIT)
        ends = await at_once(
            confirm_window_refund(paid.cashier, refund.id),
            confirm_window_refund(other, refund.id),
            give_up_refund(paid.second, refund.id, "缴款人未来领取"),
        )
        assert all(isinstance(end, Refund | IllegalMove | HandedBackAlready) for end in ends), ends
        state = (await Refund.get(id=refund.id)).state
        assert state in {RefundState.SUCCEEDED, RefundState.CLOSED}
        handed = [end for end in ends[:2] if isinstance(end, Refund)]
        assert len(handed) == (1 if state is RefundState.SUCCEEDED else 0)
        settled = await AuditLine.filter(act="refund.settled", subject=f"refund:{refund.id}").count()
        assert settled == (1 if state is RefundState.SUCCEEDED else 0)
        await check_books(paid.bill.id)
