"""Without this module an order could be paid twice, by the wrong person or after its time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from integrations.sandbox.control import ControlRefused, Phone, SandboxControl
from tests.integrations.sandbox.merchant import Merchant

NOTIFY = "http://127.0.0.1:1/pay"
JSAPI = "/v3/pay/transactions/jsapi"


@pytest.fixture(autouse=True)
async def quiet(control: SandboxControl) -> None:
    await control.be_hostile(notify_by_itself=False)


async def test_the_same_order_again_gives_a_fresh_prepay_id_and_another_is_refused(
    merchant: Merchant, phone: Phone
) -> None:
    order = merchant.order("ORDER00001", phone.openid, NOTIFY)
    assert await merchant.open(order) != await merchant.open(order)
    changed = await merchant.send("POST", JSAPI, order | {"amount": {"total": 2001, "currency": "CNY"}})
    assert (changed.status_code, changed.json()["code"]) == (403, "OUT_TRADE_NO_USED")


async def test_a_paid_order_shows_what_a_query_must_show(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    prepay_id = await merchant.open(merchant.order("ORDER00001", phone.openid, NOTIFY, attach="附言"))
    before = (await merchant.query("ORDER00001")).json()
    assert before["trade_state"] == "NOTPAY"
    assert "transaction_id" not in before
    assert await control.pay(phone.openid, merchant.payment(prepay_id)) == "requestPayment:ok"
    answer = await merchant.query("ORDER00001")
    merchant.verify(answer.headers, answer.content)
    after = answer.json()
    assert after["trade_state"] == "SUCCESS"
    assert after["amount"] == {"total": 2000, "payer_total": 2000, "currency": "CNY", "payer_currency": "CNY"}
    assert (after["attach"], after["payer"]) == ("附言", {"openid": phone.openid})
    assert (after["appid"], after["mchid"]) == (merchant.env["WECHAT_APP_ID"], merchant.env["WECHAT_PAY_MCH_ID"])
    by_id = f"/v3/pay/transactions/id/{after['transaction_id']}?mchid={after['mchid']}"
    assert (await merchant.send("GET", by_id)).json() == after


async def test_queries_want_the_own_mchid_and_a_known_order(merchant: Merchant) -> None:
    unknown = await merchant.query("UNKNOWN001")
    without = await merchant.send("GET", "/v3/pay/transactions/out-trade-no/UNKNOWN001")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "ORDER_NOT_EXIST")
    assert (without.status_code, without.json()["detail"]["location"]) == (400, "query")


async def test_closing_is_signed_empty_and_may_be_repeated(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    order = merchant.order("ORDER00001", phone.openid, NOTIFY)
    payment = merchant.payment(await merchant.open(order))
    path = "/v3/pay/transactions/out-trade-no/ORDER00001/close"
    for _ in range(2):
        answer = await merchant.send("POST", path, {"mchid": order["mchid"]})
        assert (answer.status_code, answer.content) == (204, b"")
        merchant.verify(answer.headers, b"")
    assert (await merchant.query("ORDER00001")).json()["trade_state"] == "CLOSED"
    assert (await merchant.send("POST", JSAPI, order)).json()["code"] == "ORDER_CLOSED"
    with pytest.raises(ControlRefused, match="closed"):
        await control.pay(phone.openid, payment)


async def test_a_paid_order_is_neither_closed_nor_opened_nor_paid_again(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    order = merchant.order("ORDER00001", phone.openid, NOTIFY)
    payment = merchant.payment(await merchant.open(order))
    await control.pay(phone.openid, payment)
    path = "/v3/pay/transactions/out-trade-no/ORDER00001/close"
    refusals = [await merchant.send("POST", path, {"mchid": order["mchid"]}), await merchant.send("POST", JSAPI, order)]
    assert [(answer.status_code, answer.json()["code"]) for answer in refusals] == [(400, "ORDERPAID")] * 2
    with pytest.raises(ControlRefused, match="already paid"):
        await control.pay(phone.openid, payment)


async def test_the_phone_refuses_parameters_that_were_not_signed_like_this(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    other = await control.make_phone()
    payment = merchant.payment(await merchant.open(merchant.order("ORDER00001", phone.openid, NOTIFY)))
    wrong = [
        (payment | {"paySign": merchant.sign("something else")}, "paySign"),
        (payment | {"timeStamp": "1"}, "paySign"),
        (payment | {"nonceStr": "x"}, "paySign"),
        (payment | {"nonceStr": "x" * 33}, "nonceStr"),
        (payment | {"signType": "MD5"}, "signType"),
        (merchant.payment("wxnone"), "No such prepay_id"),
    ]
    for spoiled, says in wrong:
        with pytest.raises(ControlRefused, match=says) as refusal:
            await control.pay(phone.openid, spoiled)
        assert refusal.value.answer["errMsg"].startswith("requestPayment:fail")
    with pytest.raises(ControlRefused, match="another openid"):
        await control.pay(other.openid, payment)
    assert await control.pay(phone.openid, payment, outcome="cancel") == "requestPayment:fail cancel"
    assert (await control.order("ORDER00001")).trade_state == "NOTPAY"


async def test_a_prepay_id_dies_after_two_hours_and_an_order_at_its_deadline(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    old = merchant.payment(await merchant.open(merchant.order("ORDER00001", phone.openid, NOTIFY)))
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat(timespec="seconds")
    dated = merchant.order("ORDER00002", phone.openid, NOTIFY, time_expire=soon)
    late = merchant.payment(await merchant.open(dated))
    await control.advance_clock(301)
    with pytest.raises(ControlRefused, match="deadline"):
        await control.pay(phone.openid, late)
    await control.advance_clock(2 * 3600)
    with pytest.raises(ControlRefused, match="two hours"):
        await control.pay(phone.openid, old)
    assert (await merchant.query("ORDER00002")).json()["trade_state"] == "NOTPAY"


async def test_an_order_can_be_paid_by_its_number_for_convenience(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    await merchant.open(merchant.order("ORDER00001", phone.openid, NOTIFY))
    assert await control.pay_order("ORDER00001", outcome="cancel") == "requestPayment:fail cancel"
    assert await control.pay_order("ORDER00001") == "requestPayment:ok"
    assert [order.trade_state for order in await control.orders()] == ["SUCCESS"]


async def test_twenty_fingers_on_the_button_pay_once(merchant: Merchant, control: SandboxControl, phone: Phone) -> None:
    payment = merchant.payment(await merchant.open(merchant.order("ORDER00001", phone.openid, NOTIFY)))
    presses = [control.pay(phone.openid, payment) for _ in range(20)]
    results = await asyncio.gather(*presses, return_exceptions=True)
    assert results.count("requestPayment:ok") == 1
    assert sum(isinstance(result, ControlRefused) for result in results) == 19


async def test_a_password_entered_in_time_pays_late_whatever_became_of_the_order(
    merchant: Merchant, control: SandboxControl, phone: Phone
) -> None:
    """Closed, or past its deadline; but only once, and only with a prepay_id that is still good."""
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat(timespec="seconds")
    orders = [
        merchant.order("ORDER00001", phone.openid, NOTIFY),
        merchant.order("ORDER00002", phone.openid, NOTIFY, time_expire=soon),
    ]
    closed, overdue = [merchant.payment(await merchant.open(order)) for order in orders]
    path = "/v3/pay/transactions/out-trade-no/ORDER00001/close"
    await merchant.send("POST", path, {"mchid": orders[0]["mchid"]})
    await control.advance_clock(301)

    for number, payment in (("ORDER00001", closed), ("ORDER00002", overdue)):
        with pytest.raises(ControlRefused):
            await control.pay(phone.openid, payment)
        assert await control.pay(phone.openid, payment, outcome="late") == "requestPayment:ok"
        assert (await merchant.query(number)).json()["trade_state"] == "SUCCESS"
        with pytest.raises(ControlRefused, match="already paid"):
            await control.pay(phone.openid, payment, outcome="late")
    third = merchant.payment(await merchant.open(merchant.order("ORDER00003", phone.openid, NOTIFY)))
    with pytest.raises(ControlRefused, match="ok, late or cancel"):
        await control.pay(phone.openid, third, outcome="never")
