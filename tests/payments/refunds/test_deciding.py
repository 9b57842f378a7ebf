from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.identity.rules import Role
from app.kernel.actor import Scope
from app.kernel.audit import AuditLine
from app.kernel.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from app.payments.models import LedgerEntry, Refund
from app.payments.ports import RefundStanding
from app.payments.refunds.deciding import approve_refund, decline_refund, give_up_refund, retry_refund
from app.payments.refunds.errors import RefundAtPlatform, SecondPersonNeeded
from app.payments.refunds.queries import refunds_of_units
from app.payments.refunds.settling import settle_refund
from app.payments.states import AttemptState, BillState, RefundState
from tests.identity.accounts import make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.payments.refunds.stage import IN_UNIT, Paid, check_books, make_paid, pursued, told
from tests.portal import Portal


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    await portal.control.be_hostile(notify_by_itself=False, haste=0.002)
    yield await make_paid(portal, 60000)
    await portal.control.be_kind()


async def test_the_second_person_agrees_and_only_then_the_ledger_knows(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000)
    approved = await approve_refund(paid.second, refund.id)
    assert (approved.state, approved.decided_by_id) == (RefundState.APPROVED, paid.second.id)
    assert await LedgerEntry.filter(refund_id=refund.id).count() == 2
    assert await audit_of(f"refund:{refund.id}") == [("refund.requested", "done"), ("refund.approved", "done")]
    async with nothing_moves():
        assert (await approve_refund(paid.second, refund.id)).id == refund.id
    await check_books(paid.bill.id)


async def test_who_asked_never_decides(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000)
    async with nothing_moves():
        with pytest.raises(SecondPersonNeeded):
            await approve_refund(paid.cashier, refund.id)
        with pytest.raises(SecondPersonNeeded):
            await decline_refund(paid.cashier, refund.id, "不退")
    other = await make_staff(Role.CASHIER, scope=IN_UNIT)
    assert (await approve_refund(other, refund.id)).state is RefundState.APPROVED


async def test_a_declined_refund_sets_the_money_free_and_tells_why(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000, paid.payer)
    declined = await decline_refund(paid.second, refund.id, " 收费无误 ")
    assert (declined.state, declined.answer) == (RefundState.DECLINED, "收费无误")
    assert await paid.standing() == (BillState.PAID, 0, AttemptState.SUCCEEDED, 0)
    assert not await LedgerEntry.exists(refund_id=refund.id)
    [said] = await AuditLine.filter(act="refund.declined", subject=f"refund:{refund.id}")
    assert (said.person, said.detail["fen"]) == (paid.payer.id, 60000)
    async with nothing_moves():
        await decline_refund(paid.second, refund.id, "收费无误")
        with pytest.raises(IllegalMove):
            await approve_refund(paid.second, refund.id)
    assert (await paid.refund(60000, 60000, paid.payer)).state is RefundState.REQUESTED
    await check_books(paid.bill.id)


async def test_nobody_else_decides(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000, paid.payer)
    stranger = await make_staff(Role.DEPARTMENT_MANAGER, scope=Scope(department="ps-traffic"))
    handler = await make_staff(Role.HANDLER, scope=IN_UNIT)
    async with nothing_moves():
        for act in (approve_refund(stranger, refund.id), decline_refund(stranger, refund.id, "不退")):
            with pytest.raises(NotFound):
                await act
        with pytest.raises(NotAllowed):
            await approve_refund(handler, refund.id)
        with pytest.raises(InvalidInput):
            await decline_refund(paid.second, refund.id, " ")


async def test_what_the_platform_never_heard_of_can_be_given_up(paid: Paid) -> None:
    refund = await paid.refund(20000, 60000)
    given_up = await give_up_refund(paid.second, refund.id, "改为单位转账")
    assert (given_up.state, given_up.answer) == (RefundState.CLOSED, "改为单位转账")
    assert await paid.standing() == (BillState.PAID, 0, AttemptState.SUCCEEDED, 0)
    entries = await LedgerEntry.filter(refund_id=refund.id).order_by("id")
    assert [(one.journal.split(":")[0], one.amount_fen) for one in entries] == [
        ("promised", 20000),
        ("promised", -20000),
        ("given_up", -20000),
        ("given_up", 20000),
    ]
    async with nothing_moves():
        await give_up_refund(paid.second, refund.id, "改为单位转账")
    await check_books(paid.bill.id)


async def test_who_asked_does_not_bring_back_what_another_person_gave_up(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000)
    await approve_refund(paid.second, refund.id)
    await give_up_refund(paid.second, refund.id, "改为单位转账")
    async with nothing_moves():
        with pytest.raises(SecondPersonNeeded):
            await retry_refund(paid.cashier, refund.id)
    started = await retry_refund(paid.second, refund.id)
    assert (started.state, started.again_of) == (RefundState.APPROVED, refund.id)
    assert (await retry_refund(paid.cashier, refund.id)).id == started.id
    await check_books(paid.bill.id)


async def test_who_asked_helps_on_what_only_the_platform_gave_up(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000)
    await approve_refund(paid.second, refund.id)
    await settle_refund(told(refund, RefundStanding.CLOSED), present=True)
    again = await Refund.get(again_of=refund.id)
    await settle_refund(told(again, RefundStanding.CLOSED), present=True)
    assert (await retry_refund(paid.cashier, again.id)).state is RefundState.APPROVED
    await check_books(paid.bill.id)


async def test_what_the_platform_has_cannot_be_given_up(paid: Paid) -> None:
    refund = await paid.refund(20000, 60000)
    await pursued(refund)
    with pytest.raises(RefundAtPlatform):
        await give_up_refund(paid.second, refund.id, "不退了")
    assert (await Refund.get(id=refund.id)).state in {RefundState.PROCESSING, RefundState.SUCCEEDED}
    await check_books(paid.bill.id)


async def test_only_an_agreed_refund_can_be_helped_on(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000)
    async with nothing_moves():
        with pytest.raises(IllegalMove):
            await retry_refund(paid.second, refund.id)
        with pytest.raises(IllegalMove):
            await give_up_refund(paid.second, refund.id, "不退了")


async def test_the_desk_of_a_unit_shows_its_refunds_only(paid: Paid) -> None:
    refund = await paid.refund(60000, 60000, paid.payer)
    found = await refunds_of_units(paid.second, RefundState.REQUESTED, limit=50, after=None)
    assert refund.id in [one.id for one in found.refunds]
    assert await AuditLine.exists(act="refund.listed", subject=f"refund:{refund.id}", person=paid.payer.id)
    stranger = await make_staff(Role.CASHIER, scope=Scope(department="ps-traffic"))
    assert not (await refunds_of_units(stranger, RefundState.REQUESTED, limit=50, after=None)).refunds
