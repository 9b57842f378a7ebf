from __future__ import annotations

from datetime import timedelta

import pytest

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor
from app.payments.errors import ExemptionTooLarge, NotToBeRenewed, TooLargeToRenew
from app.payments.exemptions import exempt
from app.payments.models import Bill
from app.payments.notices import NoticeLine
from app.payments.renewing import renew
from app.payments.settling import expire
from app.payments.states import BillState
from tests.identity.accounts import make_staff
from tests.identity.traces import nothing_moves
from tests.payments.stage import FINE, make_notice, owed
from tests.people import new_key
from tests.portal import Portal


@pytest.mark.parametrize(("days_late", "fine"), [(0, 0), (1, 600), (10, 6_000), (34, 20_000), (300, 20_000)])
async def test_a_fine_not_paid_in_time_grows_by_three_per_cent_a_day_to_twice_at_most(
    portal: Portal, days_late: int, fine: int
) -> None:
    staff = await make_staff(Role.CASHIER)
    notice = await make_notice(staff)
    with clock.standing_at(notice.due_at + timedelta(days=days_late, minutes=1)):
        assert await expire(notice.id)
        assert await owed(notice) == 0
        renewed = await renew(staff, notice.id)
        assert (renewed.state, renewed.total_fen) == (BillState.CREATED, 20_000 + fine)
        assert renewed.due_at == clock.now() + timedelta(days=30)
    assert await owed(notice) == 20_000 + fine
    with clock.standing_at(renewed.due_at + timedelta(days=1)):
        await expire(notice.id)
        assert (await renew(staff, notice.id)).total_fen == 20_000 + min(20_000, fine + 600)


async def exempted(cashier: Actor, notice: Bill, line: int, fen: int) -> Bill:
    said = {"basis": "减免决定", "proof": "减免决定书 测0001", "idempotency_key": new_key()}
    return await exempt(cashier, notice.id, line, fen, **said)


async def expired_and_renewed(cashier: Actor, notice: Bill, days_late: int) -> Bill:
    """Its days run out, and so many more."""
    notice = await Bill.get(id=notice.id)
    with clock.standing_at(notice.due_at + timedelta(days=days_late, minutes=1)):
        assert await expire(notice.id)
        return await renew(cashier, notice.id)


async def test_a_late_fine_that_was_waived_stays_waived_and_only_what_comes_on_top_is_owed(portal: Portal) -> None:
    staff = await make_staff(Role.CASHIER)
    notice = await expired_and_renewed(staff, await make_notice(staff), 10)
    assert notice.total_fen == 26_000
    await exempted(staff, notice, 1, 6_000)
    renewed = await expired_and_renewed(staff, notice, 1)
    assert [(line["amount_fen"], line["exempt_fen"]) for line in renewed.lines] == [(20_000, 0), (6_600, 6_000)]
    assert renewed.total_fen == await owed(notice) == 20_600
    async with nothing_moves():
        with pytest.raises(ExemptionTooLarge):
            await exempted(staff, notice, 1, 600)


async def test_a_late_fine_grows_only_on_what_is_owed_of_the_fine(portal: Portal) -> None:
    staff = await make_staff(Role.CASHIER)
    notice = await make_notice(staff)
    await exempted(staff, notice, 0, 15_000)
    assert (await expired_and_renewed(staff, notice, 10)).total_fen == 5_000 + 1_500
    assert (await expired_and_renewed(staff, notice, 300)).total_fen == 5_000 + 5_000


async def test_what_was_waived_of_a_late_fine_is_never_more_than_what_is_left_of_it(portal: Portal) -> None:
    """The fine itself is reduced afterwards, and its late fine is no higher than it."""
    staff = await make_staff(Role.CASHIER)
    notice = await expired_and_renewed(staff, await make_notice(staff), 10)
    await exempted(staff, notice, 1, 5_900)
    await exempted(staff, notice, 0, 19_000)
    renewed = await expired_and_renewed(staff, notice, 0)
    assert [(line["amount_fen"], line["exempt_fen"]) for line in renewed.lines] == [(20_000, 19_000), (1_000, 1_000)]
    assert renewed.total_fen == await owed(notice) == 1_000


async def test_a_fine_that_was_waived_altogether_has_no_late_fine_and_is_not_renewed(portal: Portal) -> None:
    staff = await make_staff(Role.CASHIER)
    notice = await expired_and_renewed(staff, await make_notice(staff), 10)
    await exempted(staff, notice, 0, 20_000)
    with pytest.raises(NotToBeRenewed):
        await expired_and_renewed(staff, notice, 1)
    assert ((await Bill.get(id=notice.id)).state, await owed(notice)) == (BillState.EXPIRED, 0)


async def test_a_bill_that_grew_over_a_million_yuan_is_not_renewed(portal: Portal) -> None:
    staff = await make_staff(Role.CASHIER)
    notice = await make_notice(staff, NoticeLine("TF", amount_fen=99_000_000, decision=FINE.decision))
    with pytest.raises(TooLargeToRenew):
        await expired_and_renewed(staff, notice, 1)
    assert ((await Bill.get(id=notice.id)).state, await owed(notice)) == (BillState.EXPIRED, 0)
