from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.messages.models import Message
from app.payments.models import Bill, PaymentAttempt
from app.payments.ports import RefundStanding
from app.payments.refunds.deciding import decline_refund
from app.payments.refunds.settling import settle_refund
from tests.identity.accounts import make_resident
from tests.payments.refunds.stage import Paid, make_paid, told
from tests.portal import Portal

BACK, STUCK, GIVEN_UP = RefundStanding.SUCCEEDED, RefundStanding.ABNORMAL, RefundStanding.CLOSED


@pytest.fixture
async def paid(portal: Portal) -> AsyncIterator[Paid]:
    await portal.control.be_hostile(notify_by_itself=False)
    yield await make_paid(portal, 4000)
    await portal.control.be_kind()


async def test_each_time_a_refund_bounces_or_is_back_its_payer_is_told(portal: Portal, paid: Paid) -> None:
    """To be told once that it is back, when it bounced, would be the last that they hear."""
    refund = await paid.refund(4000, 4000)
    for standing in (BACK, STUCK, BACK, STUCK, BACK):
        for _ in range(2):
            await settle_refund(told(refund, standing), present=True)
            await portal.run_jobs()
    heard = Message.filter(resident_id=paid.payer.id, key__in=["refund-succeeded", "refund-bounced"])
    keys = [message.key for message in await heard.order_by("made_at", "id")]
    assert keys == ["refund-succeeded", "refund-bounced"] * 2 + ["refund-succeeded"]


async def test_who_was_not_to_get_it_by_this_refund_and_does_is_told_so(portal: Portal, paid: Paid) -> None:
    """The platform gave it up, it was started again, and the first came through after all."""
    refund = await paid.refund(4000, 4000)
    for standing in (GIVEN_UP, BACK, BACK):
        await settle_refund(told(refund, standing), present=True)
        await portal.run_jobs()
    heard = Message.filter(resident_id=paid.payer.id, key__in=["refund-succeeded", "refund-bounced", "refund-failed"])
    assert [message.key for message in await heard] == ["refund-succeeded"]


async def test_who_paid_for_another_and_asked_in_vain_is_told_why_as_the_debtor_is(portal: Portal, paid: Paid) -> None:
    guest = await make_resident()
    await Bill.filter(id=paid.bill.id).update(anyone_may_pay=True)
    await PaymentAttempt.filter(id=paid.attempt.id).update(payer_id=guest.id)
    for asker, told_of in ((guest, {guest.id, paid.payer.id}), (paid.payer, {paid.payer.id})):
        refund = await paid.refund(4000, 4000, asker)
        await decline_refund(paid.second, refund.id, "只缴过一次")
        await portal.run_jobs()
        heard = [each for each in await Message.filter(key="refund-declined") if str(refund.id) in each.once_key]
        assert {each.resident_id for each in heard} == told_of
        assert len(heard) == len(told_of)
        assert all("只缴过一次" in each.body for each in heard)
