"""Without this module nobody would know whether the post's courier comes."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from app.delivery.ports import CarrierOrders, CourierOrder, OrderRefused, Party, Payer
from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from app.kernel.settings import SettingsInvalid
from integrations.ems.health import NotAccepted
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Sandbox, connected

pytestmark = pytest.mark.usefixtures("door")

HALL = Party("云澜市政务服务中心", "12345", ("云澜省", "云澜市", ""), "人民路1号")
HOME = Party("测试居民甲", "13000001234", ("云澜省", "云澜市", "澄江区"), "澄江区人民路2号")


def orders() -> CarrierOrders:
    return ports.get(CarrierOrders, "ems")


@pytest.fixture
def order() -> CourierOrder:
    return CourierOrder(f"ZT{secrets.token_hex(12)}", "ems", HALL, HOME, Payer.CITY, "文件", 500)


async def test_an_order_has_its_number_at_once_and_is_known_again(control: SandboxControl, order: CourierOrder) -> None:
    placed = await orders().place(order)
    assert placed == await orders().place(order)
    [waybill] = await control.waybills(order.order_no)
    assert (placed.ref, placed.number) == (order.order_no, waybill.number)
    assert (waybill.asked["bizProductNo"], waybill.asked["sender.phone"], waybill.asked["receiver.mobile"]) == (
        "1",
        "12345",
        "13000001234",
    )


async def test_the_recipient_may_pay_at_the_door(control: SandboxControl, order: CourierOrder) -> None:
    await orders().place(replace(order, payer=Payer.RECIPIENT_ON_DELIVERY))
    assert (await control.waybills(order.order_no))[0].asked["bizProductNo"] == "3"
    with pytest.raises(OrderRefused):
        await orders().place(replace(order, payer=Payer.SENDER))


async def test_it_is_cancelled_until_it_was_accepted(control: SandboxControl, order: CourierOrder) -> None:
    placed = await orders().place(order)
    await orders().cancel(placed.ref, order.order_no, placed.number)
    assert (await control.waybills(order.order_no))[0].cancelled
    await control.post_scan(placed.number or "", "203")
    with pytest.raises(OrderRefused) as refusal:
        await orders().cancel(placed.ref, order.order_no, placed.number)
    assert refusal.value.code == "B0005"


async def test_an_address_that_is_none_is_refused(order: CourierOrder) -> None:
    with pytest.raises(OrderRefused) as refusal:
        await orders().place(replace(order, receiver=replace(HOME, detail="")))
    assert refusal.value.code == "B0003"


@pytest.mark.parametrize("fault", ["server_error", "garbage"])
async def test_no_usable_answer_is_unavailable(control: SandboxControl, order: CourierOrder, fault: str) -> None:
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await orders().place(order)


async def test_an_answer_lost_after_its_effect_is_the_same_order(control: SandboxControl, order: CourierOrder) -> None:
    await control.be_hostile(error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await orders().place(order)
    await control.be_kind()
    await orders().place(order)
    assert len(await control.waybills(order.order_no)) == 1


async def test_what_we_sent_is_not_readable_in_the_journal(control: SandboxControl, order: CourierOrder) -> None:
    await orders().place(order)
    written = str([entry.detail for entry in await control.journal()])
    assert HOME.name not in written
    assert HOME.phone not in written


async def test_a_start_with_a_key_that_is_none_names_it(sandbox: Sandbox) -> None:
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("ems", **{**sandbox.environment, "EMS_KEY": "short"}):
            pass
    assert str(fault.value) == "EMS_KEY: must be base64 of 16 bytes, as the post gives it out"


async def test_the_doctor_finds_right_settings_right_and_wrong_ones_wrong(sandbox: Sandbox) -> None:
    assert await ports.get(ports.HealthCheck, "ems").check() == "the post opens what we close"
    wrong = {"EMS_AUTHORIZATION": "x", "EMS_SENDER_NO": "1", "EMS_KEY": "c3RyYW5nZXJzLWtleS0hIQ=="}
    for (name, value), code in zip(wrong.items(), ("E0002", "E0001", "E0003"), strict=True):
        async with connected("ems", **{**sandbox.environment, name: value}):
            with pytest.raises(NotAccepted) as fault:
                await ports.get(ports.HealthCheck, "ems").check()
        assert str(fault.value) == f"track: retCode {code}"
