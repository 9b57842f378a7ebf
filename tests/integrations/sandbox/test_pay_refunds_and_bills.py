"""Without this module money could go back twice, and the bill could tell another story than the orders."""

import asyncio
import gzip
import hashlib
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.sandbox.control import Phone, SandboxControl
from tests.integrations.sandbox.merchant import Merchant
from tests.integrations.sandbox.receiver import Receiver

REFUNDS = "/v3/refund/domestic/refunds"
BEIJING = ZoneInfo("Asia/Shanghai")
ORDER = "ORDER00001"


@pytest.fixture
async def paid(merchant: Merchant, control: SandboxControl, phone: Phone) -> str:
    """A paid order of 20 yuan nobody was told about; its transaction_id."""
    await control.be_hostile(notify_by_itself=False)
    await merchant.open(merchant.order(ORDER, phone.openid, "http://127.0.0.1:1/pay", description="工本费,加急"))
    await control.pay_order(ORDER)
    await control.be_hostile(notify_by_itself=True)
    return (await control.order(ORDER)).transaction_id


def asked(number: str, fen: int, **changes: Any) -> dict[str, Any]:
    amount = {"refund": fen, "total": 2000, "currency": "CNY"}
    return {"out_trade_no": ORDER, "out_refund_no": number, "amount": amount} | changes


async def test_a_refund_is_accepted_then_settled_then_notified(
    merchant: Merchant, control: SandboxControl, paid: str, receiver: Receiver
) -> None:
    await control.be_hostile(haste=0.01)
    content = asked("R1", 500, notify_url=f"{receiver.url}/refund")
    accepted = await merchant.send("POST", REFUNDS, content)
    merchant.verify(accepted.headers, accepted.content)
    assert (accepted.status_code, accepted.json()["status"]) == (200, "PROCESSING")
    assert accepted.json()["transaction_id"] == paid
    (got,) = await receiver.wait_for(1)
    merchant.verify(got.headers, got.body)
    envelope = json.loads(got.body)
    plaintext = merchant.unwrap(envelope["resource"])
    assert (envelope["event_type"], envelope["resource"]["original_type"]) == ("REFUND.SUCCESS", "refund")
    assert (plaintext["refund_status"], plaintext["amount"]["refund"]) == ("SUCCESS", 500)
    assert plaintext["mchid"] == merchant.env["WECHAT_PAY_MCH_ID"]
    assert "status" not in plaintext
    queried = await merchant.send("GET", f"{REFUNDS}/R1")
    assert (queried.json()["status"], queried.json()["refund_id"]) == ("SUCCESS", plaintext["refund_id"])
    assert (await merchant.query(ORDER)).json()["trade_state"] == "REFUND"


@pytest.mark.usefixtures("paid")
async def test_the_same_refund_number_refunds_once(merchant: Merchant) -> None:
    first = await merchant.send("POST", REFUNDS, asked("R1", 500))
    again = await merchant.send("POST", REFUNDS, asked("R1", 500))
    other = await merchant.send("POST", REFUNDS, asked("R1", 600))
    assert again.json()["refund_id"] == first.json()["refund_id"]
    assert (other.status_code, other.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.usefixtures("paid")
async def test_refunds_never_exceed_the_order(merchant: Merchant) -> None:
    assert (await merchant.send("POST", REFUNDS, asked("R1", 1500))).status_code == 200
    too_much = await merchant.send("POST", REFUNDS, asked("R2", 501))
    assert (too_much.status_code, too_much.json()["code"]) == (400, "INVALID_REQUEST")
    assert (await merchant.send("POST", REFUNDS, asked("R3", 500))).status_code == 200


async def test_wrong_refunds_are_refused(merchant: Merchant, control: SandboxControl, phone: Phone, paid: str) -> None:
    await merchant.open(merchant.order("UNPAID0001", phone.openid, "http://127.0.0.1:1/pay"))
    wrong_total = asked("R1", 500) | {"amount": {"refund": 500, "total": 1999, "currency": "CNY"}}
    answers = [
        await merchant.send("POST", REFUNDS, content)
        for content in (
            asked("R1", 500, transaction_id=paid),
            asked("R 1", 500),
            asked("R1", 0),
            wrong_total,
            asked("R1", 500, out_trade_no="UNPAID0001"),
            asked("R1", 500, notify_url="http://127.0.0.1:1/x?y=1"),
        )
    ]
    fields = ["/transaction_id", "/out_refund_no", "/amount/refund", "/amount/total", None, "/notify_url"]
    assert [answer.json().get("detail", {}).get("field") for answer in answers] == fields
    assert (await merchant.send("GET", f"{REFUNDS}/R1")).status_code == 404
    await control.be_hostile(not_enough=True)
    poor = await merchant.send("POST", REFUNDS, asked("R1", 500))
    assert (poor.status_code, poor.json()["code"]) == (403, "NOT_ENOUGH")
    assert (await control.order(ORDER)).trade_state == "SUCCESS"


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize("outcome", ["ABNORMAL", "CLOSED"])
async def test_a_refund_can_end_badly(merchant: Merchant, control: SandboxControl, outcome: str) -> None:
    await control.be_hostile(refund_outcome=outcome)
    await merchant.send("POST", REFUNDS, asked("R1", 500))
    await asyncio.sleep(0.05)
    answer = (await merchant.send("GET", f"{REFUNDS}/R1")).json()
    assert answer["status"] == outcome
    assert "success_time" not in answer


async def bill(merchant: Merchant, day: str, more: str = "") -> Any:
    return await merchant.send("GET", f"/v3/bill/tradebill?bill_date={day}{more}")


@pytest.mark.usefixtures("paid")
async def test_the_bill_tells_what_happened_that_day(merchant: Merchant, control: SandboxControl) -> None:
    await merchant.send("POST", REFUNDS, asked("R1", 500))
    await control.be_hostile(early_bills=True)
    today = f"{datetime.now(BEIJING):%Y-%m-%d}"
    told = await bill(merchant, today)
    merchant.verify(told.headers, told.content)
    target = told.json()["download_url"].removeprefix(merchant.env["WECHAT_PAY_BASE_URL"])
    file = await merchant.send("GET", target, headers={"Accept": "*/*"})
    assert hashlib.sha1(file.content).hexdigest() == told.json()["hash_value"]  # noqa: S324
    assert "wechatpay-signature" not in file.headers
    lines = file.content.decode("utf-8-sig").split("\r\n")
    columns = lines[0].split(",")
    payment, refund = (dict(zip(columns, line.split(","), strict=True)) for line in lines[1:3])
    assert (payment["商户订单号"], payment["订单金额"], payment["交易状态"]) == (f"`{ORDER}", "`20.00", "`SUCCESS")
    assert payment["商品名称"] == "`工本费\\ 加急"
    assert (refund["商户退款单号"], refund["申请退款金额"], refund["交易状态"]) == ("`R1", "`5.00", "`REFUND")
    assert lines[3].startswith("总交易单数,")
    assert lines[4] == "`2,`20.00,`5.00,`0.00,`0.09000,`20.00,`5.00"


@pytest.mark.usefixtures("paid")
async def test_a_zipped_bill_has_the_hash_of_the_plain_one(merchant: Merchant, control: SandboxControl) -> None:
    await control.be_hostile(early_bills=True)
    told = (await bill(merchant, f"{datetime.now(BEIJING):%Y-%m-%d}", "&bill_type=SUCCESS&tar_type=GZIP")).json()
    target = told["download_url"].removeprefix(merchant.env["WECHAT_PAY_BASE_URL"])
    plain = gzip.decompress((await merchant.send("GET", target)).content)
    assert hashlib.sha1(plain).hexdigest() == told["hash_value"]  # noqa: S324
    assert "退款" not in plain.decode().splitlines()[0]
    await control.advance_clock(301)
    expired = await merchant.send("GET", target)
    assert (expired.status_code, expired.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.usefixtures("paid")
async def test_bills_come_the_next_day_after_ten(merchant: Merchant, control: SandboxControl) -> None:
    now = datetime.now(BEIJING)
    today = f"{now:%Y-%m-%d}"
    assert (await bill(merchant, today)).json()["detail"]["field"] == "/bill_date"
    assert (await bill(merchant, "2026/01/01")).json()["detail"]["field"] == "/bill_date"
    seconds_left = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)
    await control.advance_clock(seconds_left + 3600)
    assert (await bill(merchant, today)).json()["code"] == "STATEMENT_CREATING"
    await control.advance_clock(10 * 3600)
    assert (await bill(merchant, today)).status_code == 200
    await control.advance_clock(2 * 86400)
    empty = f"{datetime.fromisoformat((await control.clock())['now']).date()}"
    await control.advance_clock(86400)
    assert (await bill(merchant, empty)).json()["code"] == "NO_STATEMENT_EXIST"
