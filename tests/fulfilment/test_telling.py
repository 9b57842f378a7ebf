"""WeChat holds money back until it knows what it brought; the worker tells it, once."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from app.cases.commands import hand_over
from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.delivery.commands import register_parcel
from app.delivery.models import Parcel
from app.delivery.receiving import scan_return
from app.doctor import _ask_provider
from app.fulfilment.ports import FulfilmentRegister
from app.fulfilment.queries import fulfilment_of
from app.fulfilment.tasks import tell_platform
from app.identity.rules import Role
from app.kernel import clock, db, ports
from app.kernel.errors import ProviderUnavailable
from app.kernel.http import OutboundClient
from app.kernel.privacy import seal
from app.payments.events import BillPaid
from app.payments.models import Bill, PaymentAttempt
from app.payments.refunds.sending import pursue
from integrations import wechat
from integrations.wechat.shipping import WechatShipping
from tests.delivery.deaths import killed
from tests.delivery.stage import ADDRESS, new_number
from tests.identity.accounts import make_staff
from tests.live.sockets import happen
from tests.payments.refunds.stage import make_paid
from tests.payments.stage import Payer, make_payer
from tests.portal import Portal, environment

Told = dict[str, Any]


@pytest.fixture(autouse=True)
async def managed(portal: Portal) -> AsyncIterator[None]:
    """The account is under trade management, and the setting is on."""
    before = {port: dict(adapters) for port, adapters in ports._adapters.items()}
    http = OutboundClient()
    with environment({**os.environ, "WECHAT_SHIPPING_INFO": "true"}):
        wechat.connect(http)
    await portal.control.manage_trade()
    yield
    ports.clear()
    ports._adapters.update(before)
    await portal.control.be_kind()
    await portal.control.manage_trade(managed=False)
    await http.close()


async def pays(portal: Portal, payer: Payer) -> str:
    """Paid and known to us; gives the number of the order."""
    payable = await payer.open_order()
    await payer.pays(payable)
    await portal.control.settle()
    await portal.run_jobs()
    return payable.attempt.order_no


async def make_posting_payer(portal: Portal) -> Payer:
    payer = await make_payer(portal)
    sealed = seal(orjson.dumps(asdict(ADDRESS)).decode())
    await Case.filter(id=payer.case.id).update(delivery_method=DeliveryMethod.POST, delivery_address_sealed=sealed)
    return payer


async def scan(portal: Portal, number: str, step: str) -> None:
    await portal.control.scan(number, step)
    await portal.control.settle()
    await portal.run_jobs()


async def tell_again(order_no: str) -> None:
    payment = await PaymentAttempt.get(order_no=order_no)
    await tell_platform.work(payment_id=str(payment.id))


async def test_what_is_collected_at_the_hall_is_told_when_it_is_paid(portal: Portal) -> None:
    payer = await make_payer(portal)
    order_no = await pays(portal, payer)

    shipping = await portal.control.shipping(order_no)
    [told] = shipping["uploads"]
    at = datetime.fromisoformat(told.pop("upload_time"))
    assert at.utcoffset() == timedelta(hours=8)
    assert abs(at - clock.now()) < timedelta(minutes=5)
    assert told == {
        "order_key": {
            "order_number_type": 1,
            "mchid": os.environ["WECHAT_PAY_MCH_ID"],
            "out_trade_no": order_no,
        },
        "logistics_type": 4,
        "delivery_mode": 1,
        "shipping_list": [{"item_desc": "居民身份证丢失补领(损坏换领)"}],
        "payer": {"openid": payer.person.openid},
    }
    assert (shipping["order_state"], shipping["frozen"]) == (2, False)


async def test_a_notice_brings_nothing_that_is_handed_over(portal: Portal) -> None:
    paid = await make_paid(portal, 4000)
    await portal.run_jobs()
    [told] = (await portal.control.shipping(paid.attempt.order_no))["uploads"]
    assert (told["logistics_type"], told["shipping_list"]) == (3, [{"item_desc": "测试缴费"}])


async def test_what_is_posted_is_told_with_its_number_when_the_courier_has_it_and_once(portal: Portal) -> None:
    """Neither later scans nor the closing case nor a second parcel are told: WeChat takes one correction, and a person
    may need it.
    """
    payer, issuer = await make_posting_payer(portal), await make_staff(Role.ISSUER)
    order_no = await pays(portal, payer)
    number = f"SF{new_number()}"
    parcel = await register_parcel(issuer, payer.case.id, "shunfeng", number)
    await portal.run_jobs()
    assert await portal.control.shipping(order_no) == {"order_state": 1, "frozen": True, "uploads": []}

    await scan(portal, number, "picked_up")
    [told] = (await portal.control.shipping(order_no))["uploads"]
    assert (told["logistics_type"], told["delivery_mode"]) == (1, 1)
    assert told["shipping_list"] == [
        {
            "tracking_no": number,
            "express_company": "SF",
            "item_desc": "居民身份证丢失补领(损坏换领)",
            "contact": {"receiver_contact": "*******1234"},
        }
    ]
    assert "测试居民" not in str(told)

    await scan(portal, number, "in_transit")
    await scan_return(issuer, parcel.id)
    second = new_number()
    await register_parcel(issuer, payer.case.id, "ems", second)
    await portal.run_jobs()
    await scan(portal, second, "delivered")
    assert (await Case.get(id=payer.case.id)).state is CaseState.CLOSED
    assert (await portal.control.shipping(order_no))["uploads"] == [told]


async def test_two_parcels_that_left_before_anything_was_told_are_told_together(portal: Portal) -> None:
    payer, issuer = await make_posting_payer(portal), await make_staff(Role.ISSUER)
    order_no = await pays(portal, payer)
    numbers = [new_number(), new_number()]
    for number in numbers:
        parcel = await register_parcel(issuer, payer.case.id, "ems", number)
        await Parcel.filter(id=parcel.id).update(picked_up_at=clock.now())
        await scan_return(issuer, parcel.id)
    await portal.run_jobs()
    [told] = (await portal.control.shipping(order_no))["uploads"]
    assert (told["delivery_mode"], told["is_all_delivered"]) == (2, True)
    assert [entry["tracking_no"] for entry in told["shipping_list"]] == numbers


async def test_a_result_that_was_to_be_posted_and_is_collected_is_told_as_collected(portal: Portal) -> None:
    payer = await make_posting_payer(portal)
    order_no = await pays(portal, payer)
    assert (await portal.control.shipping(order_no))["frozen"] is True
    await hand_over(await make_staff(Role.ISSUER), payer.case.id)
    await portal.run_jobs()
    [told] = (await portal.control.shipping(order_no))["uploads"]
    assert (told["logistics_type"], told["shipping_list"][0].keys()) == (4, {"item_desc"})


async def test_facts_and_jobs_that_come_again_tell_nothing_again(portal: Portal) -> None:
    payer = await make_payer(portal)
    order_no = await pays(portal, payer)
    await happen(BillPaid(payer.bill.id, payer.bill.total_fen))
    await portal.run_jobs()
    await tell_again(order_no)
    assert len((await portal.control.shipping(order_no))["uploads"]) == 1


async def test_an_answer_that_was_lost_is_not_told_twice(portal: Portal) -> None:
    """The upload took effect and the answer was an error: the job comes again, asks, and leaves it."""
    payer = await make_payer(portal)
    await portal.control.manage_trade(knows_after=3600)
    order_no = await pays_in_vain(portal, payer)
    await portal.control.manage_trade()
    found = await fulfilment_of((await PaymentAttempt.get(order_no=order_no)).id)
    assert found
    register = ports.get(FulfilmentRegister, "wechat")
    assert isinstance(register, WechatShipping)
    await portal.control.be_hostile(error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await register._call("upload_shipping_info", register._form(found[1]))
    await portal.control.be_kind()
    await tell_again(order_no)
    assert len((await portal.control.shipping(order_no))["uploads"]) == 1


async def test_a_worker_killed_between_the_upload_and_its_record_tells_nothing_twice(portal: Portal) -> None:
    payer = await make_payer(portal)
    await portal.control.manage_trade(knows_after=3600)
    order_no = await pays_in_vain(portal, payer)
    await portal.control.manage_trade()
    payment = await PaymentAttempt.get(order_no=order_no)
    assert await killed("tell", "wechat", payment.id, WECHAT_SHIPPING_INFO="true")
    uploads = (await portal.control.shipping(order_no))["uploads"]
    assert len(uploads) == 1
    await happen(BillPaid(payer.bill.id, payer.bill.total_fen))
    await portal.run_jobs()
    assert await portal.control.shipping(order_no) == {"order_state": 2, "frozen": False, "uploads": uploads}


async def pays_in_vain(portal: Portal, payer: Payer) -> str:
    """Paid, while the platform cannot be told: the job waits on its ladder and is taken off it by the test."""
    payable = await payer.open_order()
    await payer.pays(payable)
    await portal.control.settle()
    await portal.run_jobs(may_fail=True)
    [waiting] = await db.rows(
        "SELECT attempts FROM procrastinate_jobs WHERE task_name = 'fulfilment.tell_platform' AND status = 'todo'"
    )
    assert waiting["attempts"] == 1
    await db.rows("DELETE FROM procrastinate_jobs WHERE task_name = 'fulfilment.tell_platform'")
    return payable.attempt.order_no


async def test_an_order_that_the_platform_does_not_know_yet_is_told_later(portal: Portal) -> None:
    payer = await make_payer(portal)
    await portal.control.manage_trade(knows_after=30)
    order_no = await pays_in_vain(portal, payer)
    with pytest.raises(ProviderUnavailable):
        await tell_again(order_no)
    await portal.control.manage_trade(knows_after=0)
    await tell_again(order_no)
    assert (await portal.control.shipping(order_no))["order_state"] == 2


async def test_money_that_went_back_is_not_told_of(portal: Portal) -> None:
    paid = await make_paid(portal, 4000)
    refund = await paid.refund(4000, 4000)
    await pursue(refund.id)
    await portal.control.settle()
    await portal.run_jobs()
    assert (await Bill.get(id=paid.bill.id)).state == "FULLY_REFUNDED"
    assert (await portal.control.shipping(paid.attempt.order_no))["uploads"] == []


async def test_while_the_setting_is_off_nothing_is_told_and_the_doctor_warns(portal: Portal) -> None:
    http = OutboundClient()
    on = await _ask_provider("wechat", ports.every(ports.HealthCheck)["wechat"])
    ports._adapters.pop(FulfilmentRegister)
    wechat.connect(http)
    payer = await make_payer(portal)
    order_no = await pays(portal, payer)
    assert await portal.control.shipping(order_no) == {"order_state": 1, "frozen": True, "uploads": []}

    off = await _ask_provider("wechat", ports.every(ports.HealthCheck)["wechat"])
    await portal.control.manage_trade(managed=False)
    free = await _ask_provider("wechat", ports.every(ports.HealthCheck)["wechat"])
    await http.close()
    assert [(found.works, found.warns) for found in (on, off, free)] == [(True, False), (True, True), (True, False)]
    assert "WECHAT_SHIPPING_INFO=true" in off.line(20)
