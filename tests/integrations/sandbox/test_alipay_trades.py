"""Without this module the sandbox could take what Alipay refuses: trades, refunds, notices and bills by hand."""

from __future__ import annotations

import time
import zipfile
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography.exceptions import InvalidSignature

from integrations.sandbox.control import AlipayUser, ControlRefused, SandboxControl
from tests.integrations.sandbox.alipay_app import AlipayApp, assert_signed, beijing, text_to_sign
from tests.integrations.sandbox.receiver import Got, Receiver

CREATE, QUERY, CLOSE = "alipay.trade.create", "alipay.trade.query", "alipay.trade.close"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
BILL = "alipay.data.dataservice.bill.downloadurl.query"
NUMBER = "T20260301000001"


@pytest.fixture
def app(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> AlipayApp:
    return AlipayApp(env, client)


@pytest.fixture
async def user(control: SandboxControl) -> AlipayUser:
    return await control.add_alipay_user()


@pytest.fixture
async def paid(app: AlipayApp, user: AlipayUser, receiver: Receiver, control: SandboxControl) -> str:
    """A trade that was paid while Alipay kept silent; its number there."""
    receiver.body = b"success"
    await control.be_hostile(notify_by_itself=False)
    told = await app.granted(CREATE, wanted(app, user), notify_url=receiver.url)
    assert await control.pay_trade(NUMBER) == "9000"
    return str(told["trade_no"])


def wanted(app: AlipayApp, user: AlipayUser, **changes: Any) -> dict[str, Any]:
    asked = {
        "out_trade_no": NUMBER,
        "total_amount": "12.50",
        "subject": "工本费 100%+1",
        "product_code": "JSAPI_PAY",
        "op_app_id": app.env["ALIPAY_APP_ID"],
        "buyer_open_id": user.open_id,
    }
    return {name: value for name, value in (asked | changes).items() if value is not None}


def form_of(app: AlipayApp, got: Got) -> dict[str, str]:
    """The notice, verified with everything but `sign` and `sign_type` in the signed text."""
    form = dict(parse_qsl(got.body.decode(), keep_blank_values=True, strict_parsing=True))
    rest = {name: value for name, value in form.items() if name not in {"sign", "sign_type"}}
    assert_signed(app.platform, text_to_sign(rest), form["sign"])
    return form


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"total_amount": "0.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "100000000.01"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "1.001"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "-1.00"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": 12.5}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "A" * 65}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "A-1"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "工本费/押金"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "费" * 257}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": "QUICK_WAP_WAY"}, "ACQ.INVALID_PARAMETER"),
        ({"op_app_id": "2021000000000000"}, "ACQ.ACCESS_FORBIDDEN"),
        ({"seller_id": "2088000000000000"}, "ACQ.PARTNER_ERROR"),
        ({"buyer_open_id": None}, "ACQ.INVALID_PARAMETER"),
        ({"buyer_open_id": "nobody"}, "ACQ.INVALID_PARAMETER"),
        ({"time_expire": "2020-01-01 00:00:00"}, "ACQ.INVALID_PARAMETER"),
        ({"timeout_express": "1y"}, "ACQ.INVALID_PARAMETER"),
    ],
)
async def test_a_wrong_field_makes_no_trade(
    app: AlipayApp, control: SandboxControl, user: AlipayUser, changes: dict[str, Any], sub_code: str
) -> None:
    told = await app.ask(CREATE, wanted(app, user, **changes))
    app.verify(told)
    assert told.sub_code == f"40004 {sub_code}"
    assert await control.trades() == []


async def test_the_seller_cannot_buy_from_himself(app: AlipayApp, user: AlipayUser) -> None:
    told = await app.ask(CREATE, wanted(app, user, buyer_open_id=None, buyer_id=app.env["ALIPAY_SELLER_ID"]))
    assert told.sub_code == "40004 ACQ.BUYER_SELLER_EQUAL"


async def test_a_trade_lives_from_waiting_over_paid_to_closed_by_refund(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    assert (await app.ask(QUERY, {"out_trade_no": NUMBER})).sub_code == "40004 ACQ.TRADE_NOT_EXIST"
    made = await app.granted(CREATE, wanted(app, user))
    assert await app.granted(CREATE, wanted(app, user)) == made
    assert (await app.ask(CREATE, wanted(app, user, total_amount="12.51"))).sub_code == (
        "40004 ACQ.CONTEXT_INCONSISTENT"
    )
    waiting = await app.granted(QUERY, {"trade_no": made["trade_no"], "out_trade_no": "another"})
    assert (waiting["trade_status"], "send_pay_date" in waiting) == ("WAIT_BUYER_PAY", False)
    assert await control.trade_pay(user.open_id, {"tradeNO": made["trade_no"]}) == "9000"
    done = await app.granted(QUERY, {"out_trade_no": NUMBER})
    assert (done["trade_status"], done["total_amount"], done["buyer_open_id"]) == (
        "TRADE_SUCCESS",
        "12.50",
        user.open_id,
    )
    assert (await app.ask(CLOSE, {"out_trade_no": NUMBER})).sub_code == "40004 ACQ.TRADE_STATUS_ERROR"
    assert (await app.ask(CREATE, wanted(app, user))).sub_code == "40004 ACQ.TRADE_HAS_SUCCESS"
    await app.granted(REFUND, {"out_trade_no": NUMBER, "refund_amount": "12.50", "out_request_no": "R1"})
    closed = await app.granted(QUERY, {"out_trade_no": NUMBER})
    assert (closed["trade_status"], closed["send_pay_date"]) == ("TRADE_CLOSED", done["send_pay_date"])


async def test_a_password_entered_in_time_pays_a_trade_that_was_closed_meanwhile(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    await control.be_hostile(notify_by_itself=False)
    made = await app.granted(CREATE, wanted(app, user))
    payment = {"tradeNO": made["trade_no"]}
    await app.granted(CLOSE, {"out_trade_no": NUMBER})
    with pytest.raises(ControlRefused, match="closed"):
        await control.trade_pay(user.open_id, payment)
    assert await control.trade_pay(user.open_id, payment, outcome="late") == "9000"
    done = await app.granted(QUERY, {"out_trade_no": NUMBER})
    assert (done["trade_status"], done["total_amount"]) == ("TRADE_SUCCESS", "12.50")
    with pytest.raises(ControlRefused, match="already paid"):
        await control.trade_pay(user.open_id, payment, outcome="late")


async def test_a_refund_counts_together_and_a_repeat_moves_nothing(
    app: AlipayApp, control: SandboxControl, paid: str
) -> None:
    asked = {"trade_no": paid, "refund_amount": "5.00", "out_request_no": "R1"}
    first = await app.granted(REFUND, asked)
    again = await app.granted(REFUND, asked)
    assert [(told["fund_change"], told["refund_fee"]) for told in (first, again)] == [("Y", "5.00"), ("N", "5.00")]
    other = await app.ask(REFUND, asked | {"refund_amount": "5.01"})
    assert other.sub_code == "40004 ACQ.DISCORDANT_REPEAT_REQUEST"
    await control.be_hostile(haste=1.0)
    assert (await app.ask(REFUND, asked | {"out_request_no": "R2"})).sub_code == "40004 ACQ.REFUND_TOO_FREQUENT"
    await control.be_hostile(haste=0.0001)
    more = await app.granted(REFUND, asked | {"out_request_no": "R2"})
    assert (more["fund_change"], more["refund_fee"]) == ("Y", "10.00")
    over = await app.ask(REFUND, asked | {"out_request_no": "R3"})
    assert over.sub_code == "40004 ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    known = await app.granted(REFUND_QUERY, {"trade_no": paid, "out_request_no": "R2"})
    assert (known["refund_status"], known["refund_amount"], known["total_amount"]) == (
        "REFUND_SUCCESS",
        "5.00",
        "12.50",
    )
    unknown = await app.granted(REFUND_QUERY, {"trade_no": paid, "out_request_no": "R9"})
    assert "refund_status" not in unknown


async def test_a_notice_is_signed_repeated_under_its_id_and_stopped_by_seven_letters(
    app: AlipayApp, control: SandboxControl, user: AlipayUser, receiver: Receiver
) -> None:
    receiver.body = b"success\n"
    await app.granted(CREATE, wanted(app, user, passback_params="a%3Db"), notify_url=receiver.url)
    await control.be_hostile(haste=0.00001)
    await control.pay_trade(NUMBER)
    forms = [form_of(app, got) for got in await receiver.wait_for(3)]
    receiver.body = b"success"
    await control.settle()
    assert len({form["notify_id"] for form in forms}) == 1
    first = forms[0]
    assert (first["trade_status"], first["total_amount"], first["subject"], first["passback_params"]) == (
        "TRADE_SUCCESS",
        "12.50",
        "工本费 100%+1",
        "a%3Db",
    )
    assert (first["app_id"], first["seller_id"]) == (app.env["ALIPAY_APP_ID"], app.env["ALIPAY_SELLER_ID"])
    assert "refund_fee" not in first


async def test_refunds_are_told_where_the_payment_was(
    app: AlipayApp, control: SandboxControl, paid: str, receiver: Receiver
) -> None:
    await control.be_hostile(notify_by_itself=True, haste=0.0001)
    for number, yuan in (("R1", "5.00"), ("R2", "7.50")):
        await app.granted(REFUND, {"trade_no": paid, "refund_amount": yuan, "out_request_no": number})
        await control.settle()
    forms = [form_of(app, got) for got in receiver.got]
    told = [(form["trade_status"], form["out_biz_no"], form["refund_fee"], "gmt_close" in form) for form in forms]
    assert told == [("TRADE_SUCCESS", "R1", "5.00", False), ("TRADE_CLOSED", "R2", "12.50", True)]


@pytest.mark.usefixtures("paid")
async def test_lies_are_wrong_in_one_place(app: AlipayApp, control: SandboxControl, receiver: Receiver) -> None:
    for mode in ("forged", "tampered", "sign_type_kept"):
        await control.notify_trade(NUMBER, mode)
        with pytest.raises(InvalidSignature):
            form_of(app, receiver.got[-1])
    for mode, name in (("wrong_amount", "total_amount"), ("other_app", "app_id"), ("other_seller", "seller_id")):
        await control.notify_trade(NUMBER, mode)
        lie = form_of(app, receiver.got[-1])
        await control.notify_trade(NUMBER)
        true = form_of(app, receiver.got[-1])
        changed = {one for one in true if true[one] != lie[one]} - {"sign", "notify_id", "notify_time"}
        assert changed - {"auth_app_id"} == {name}
    await control.notify_trade(NUMBER, "replay")
    assert receiver.got[-1].body == receiver.got[-2].body
    with pytest.raises(ControlRefused, match="mode is one of"):
        await control.notify_trade(NUMBER, "nonsense")


@pytest.mark.usefixtures("paid")
async def test_a_bill_is_a_zip_in_gbk_behind_a_link_of_half_a_minute(
    app: AlipayApp, control: SandboxControl, client: httpx.AsyncClient
) -> None:
    today = beijing(time.time())[:10]
    refused = await app.ask(BILL, {"bill_type": "trade", "bill_date": today})
    assert refused.sub_code == "40004 INVALID_PARAMETER"
    await control.be_hostile(early_bills=True)
    url = (await app.granted(BILL, {"bill_type": "trade", "bill_date": today}))["bill_download_url"]
    archive = zipfile.ZipFile(BytesIO((await client.get(url)).content), metadata_encoding="gbk")
    assert [name.split("_")[-1] for name in archive.namelist()] == ["业务明细.csv", "业务明细(汇总).csv"]
    lines = archive.read(archive.namelist()[0]).decode("gbk").splitlines()
    assert lines[0] == "#支付宝业务明细查询"
    assert next(line for line in lines if NUMBER in line).split(",")[11] == "12.50"
    assert "#交易合计：1笔，商家实收共12.50元，商家优惠共0.00元" in lines
    await control.advance_clock(31)
    assert (await client.get(url)).status_code == 403
