"""Without this module nobody would know whether WeChat takes what it is told a payment brought, or twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest

from app.fulfilment.ports import Fulfilment, FulfilmentRegister, PostedParcel, Way
from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from app.payments.ports import PaymentChannel, PaymentOrder
from integrations.kuaidi100.carriers import load_carriers
from integrations.sandbox.control import SandboxControl
from integrations.sandbox.wechat_shipping import COMPANIES
from integrations.wechat.api import WechatRefused
from integrations.wechat.shipping import _COMPANIES, WechatShipping
from tests.integrations.contract.stage import Door, Sandbox, connected

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
async def register(sandbox: Sandbox, control: SandboxControl, door: Door) -> Any:
    """Wired with the setting on."""
    async with connected("wechat", **sandbox.environment, PORTAL_PUBLIC_URL=door.url, WECHAT_SHIPPING_INFO="true"):
        await control.manage_trade()
        yield ports.get(FulfilmentRegister, "wechat")


async def paid(control: SandboxControl) -> Fulfilment:
    """An order somebody paid, and nothing is handed over for it."""
    phone = await control.make_phone()
    until = datetime.now(UTC) + timedelta(minutes=30)
    order = PaymentOrder(f"P{token_hex(12).upper()}", 4000, "不动产登记费", phone.openid, until)
    channel = ports.get(PaymentChannel, "wechat")
    opened = await channel.open_payment(order)
    await control.pay(phone.openid, await channel.client_parameters(opened.prepay_ref))
    return Fulfilment(order.order_no, phone.openid, order.description, Way.NOTHING_TO_HAND_OVER)


async def uploads(control: SandboxControl, told: Fulfilment) -> list[dict[str, Any]]:
    return list((await control.shipping(told.order_no))["uploads"])


def posted(told: Fulfilment, *parcels: PostedParcel, what: str = "不动产登记费") -> Fulfilment:
    return Fulfilment(told.order_no, told.payer_open_id, what, Way.POSTED, parcels)


def parcels(count: int, carrier: str = "ems") -> list[PostedParcel]:
    return [PostedParcel(carrier, f"11{place:011d}", "1234") for place in range(count)]


def test_every_carrier_whose_couriers_can_be_ordered_has_a_word_of_wechats() -> None:
    ordered = {code for code, carrier in load_carriers().items() if carrier.orders}
    assert ordered - _COMPANIES.keys() == set()
    assert set(_COMPANIES.values()) <= COMPANIES


async def test_an_order_is_told_once(register: WechatShipping, control: SandboxControl) -> None:
    told = await paid(control)
    assert await register.is_wanted() is True
    assert (await control.shipping(told.order_no))["frozen"] is True
    assert await register.tell(told) is True
    assert await register.tell(told) is False
    [upload] = await uploads(control, told)
    assert (upload["logistics_type"], upload["shipping_list"]) == (3, [{"item_desc": "不动产登记费"}])
    assert (await control.shipping(told.order_no))["frozen"] is False


@pytest.mark.parametrize(
    ("carrier", "company", "contact"),
    [
        ("shunfeng", "SF", {"receiver_contact": "*******1234"}),
        ("ems", "EMS", None),
        ("zhongtong", "ZTO", None),
    ],
)
async def test_a_parcel_is_told_in_wechats_words_and_only_one_carrier_gets_four_digits(
    register: WechatShipping, control: SandboxControl, carrier: str, company: str, contact: object
) -> None:
    told = posted(await paid(control), *parcels(1, carrier), what="费" * 200)
    await register.tell(told)
    [upload] = await uploads(control, told)
    [entry] = upload["shipping_list"]
    assert (entry["tracking_no"], entry["express_company"], entry.get("contact")) == ("1100000000000", company, contact)
    assert entry["item_desc"] == "费" * 120


async def test_of_many_parcels_the_newest_fifteen_are_told(register: WechatShipping, control: SandboxControl) -> None:
    told = posted(await paid(control), *parcels(16))
    await register.tell(told)
    [upload] = await uploads(control, told)
    assert (upload["delivery_mode"], upload["is_all_delivered"]) == (2, True)
    assert [entry["tracking_no"] for entry in upload["shipping_list"]] == [one.number for one in parcels(16)[1:]]


async def test_what_wechat_has_no_word_for_is_not_told(register: WechatShipping, control: SandboxControl) -> None:
    told = posted(await paid(control), *parcels(1, "pigeon"))
    with pytest.raises(ProviderUnavailable):
        await register.tell(told)
    assert await uploads(control, told) == []


async def test_an_order_that_is_not_there_or_not_paid_is_no_success(
    register: WechatShipping, control: SandboxControl
) -> None:
    told = await paid(control)
    unknown = Fulfilment("P" + "0" * 24, told.payer_open_id, "费", Way.AT_THE_HALL)
    with pytest.raises(ProviderUnavailable):
        await register.tell(unknown)


async def test_an_access_token_that_ran_out_is_replaced(register: WechatShipping, control: SandboxControl) -> None:
    told = await paid(control)
    await register.is_wanted()
    await control.advance_clock(7201)
    assert await register.tell(told) is True
    assert len(await uploads(control, told)) == 1


async def test_an_order_is_known_some_seconds_after_it_was_paid(
    register: WechatShipping, control: SandboxControl
) -> None:
    told = await paid(control)
    await control.manage_trade(knows_after=30)
    with pytest.raises(ProviderUnavailable):
        await register.tell(told)
    await control.advance_clock(31)
    assert await register.tell(told) is True


async def test_an_answer_that_is_none_is_no_success(register: WechatShipping, control: SandboxControl) -> None:
    told = await paid(control)
    await register.is_wanted()  # there is a token
    await control.be_hostile(seed=1, garbage=1.0)
    with pytest.raises(ProviderUnavailable):
        await register.tell(told)
    await control.be_kind()
    assert await register.tell(told) is True


def _set(name: str, value: object) -> Change:
    return lambda form: form.__setitem__(name, value)


def _entry(**more: object) -> Change:
    return lambda form: form["shipping_list"][0].update(more)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        (_set("payer", {"openid": "somebody"}), 10060031),
        (_set("order_key", {"order_number_type": 1, "mchid": "1900000000", "out_trade_no": "x"}), 10060001),
        (_set("order_key", {"order_number_type": 2, "transaction_id": "42000"}), 10060001),
        (_set("logistics_type", 9), 10060014),
        (_set("logistics_type", 3), 10060014),
        (_set("delivery_mode", 2), 10060014),
        (_set("shipping_list", []), 10060014),
        (_set("upload_time", "2026-11-26T10:00:00"), 10060014),
        (_entry(item_desc=""), 10060014),
        (_entry(item_desc="费" * 121), 10060014),
        (_entry(express_company="PIGEON"), 10060014),
        (_entry(tracking_no=""), 10060014),
        (_entry(express_company="SF"), 10060014),
        (_entry(contact={"receiver_contact": "13000001234"}), 10060014),
    ],
)
async def test_the_sandbox_takes_nothing_that_is_wrong(
    register: WechatShipping, control: SandboxControl, change: Change, errcode: int
) -> None:
    told = posted(await paid(control), *parcels(1))
    form = register._form(told)
    change(form)
    with pytest.raises(WechatRefused) as refused:
        await register._api.call("/wxa/sec/order/upload_shipping_info", form)
    assert refused.value.errcode == errcode
    assert await uploads(control, told) == []


async def test_the_sandbox_takes_one_correction(register: WechatShipping, control: SandboxControl) -> None:
    told = await paid(control)
    form = register._form(told)

    async def upload() -> int:
        try:
            await register._api.call("/wxa/sec/order/upload_shipping_info", form)
        except WechatRefused as refused:
            return refused.errcode
        return 0

    assert [await upload(), await upload()] == [0, 10060014]  # the same moment is no later one
    form["upload_time"] = "2099-01-01T00:00:00.000+08:00"
    assert [await upload(), await upload()] == [0, 10060003]
    assert len(await uploads(control, told)) == 2
