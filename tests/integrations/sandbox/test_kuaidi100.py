"""Without this module parcels could be followed by strangers: queries and subscriptions are checked, pushes arrive."""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from integrations.sandbox.control import ControlRefused, SandboxControl
from tests.integrations.sandbox.receiver import Got, Receiver

NUMBER = "EA123456785CN"
SALT = "pepper"


class Subscriber:
    """A customer of Kuaidi100, as plain HTTP."""

    def __init__(self, client: httpx.AsyncClient, env: dict[str, str]) -> None:
        self.client, self.env = client, env

    async def query(self, question: dict[str, str], **changes: str) -> dict[str, Any]:
        text = json.dumps(question, ensure_ascii=False)
        customer = self.env["KUAIDI100_CUSTOMER"]
        sign = md5(text + self.env["KUAIDI100_KEY"] + customer)
        form = {"customer": customer, "sign": sign, "param": text} | changes
        return self._read(await self.client.post("/poll/query.do", data=form))

    async def subscribe(self, url: str, number: str = NUMBER, company: str = "ems", **changes: Any) -> dict[str, Any]:
        parameters = {"callbackurl": url, "salt": SALT, "resultv2": "4"} | changes.pop("parameters", {})
        param = {"company": company, "number": number, "key": self.env["KUAIDI100_KEY"], "parameters": parameters}
        form = {"schema": "json", "param": json.dumps(param | changes)}
        return self._read(await self.client.post("/poll", data=form))

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200
        content: dict[str, Any] = answer.json()
        return content


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()  # noqa: S324


def read_push(got: Got, salt: str = SALT) -> dict[str, Any]:
    """The form, its signature checked over the text of `param`."""
    assert got.headers["content-type"].startswith("application/x-www-form-urlencoded")
    form = parse_qs(got.body.decode(), strict_parsing=True)
    assert form["sign"] == [md5(form["param"][0] + salt)]
    content: dict[str, Any] = json.loads(form["param"][0])
    return content


@pytest.fixture
def subscriber(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> Subscriber:
    return Subscriber(client, env)


async def test_a_query_shows_the_whole_history_newest_first(subscriber: Subscriber, control: SandboxControl) -> None:
    await control.scan(NUMBER, "picked_up", carrier="ems", at="2026-01-05T09:00:00")
    await control.scan(NUMBER, "out_for_delivery", at="2026-01-06T08:30:00+08:00")
    answer = await subscriber.query({"com": "ems", "num": NUMBER, "resultv2": "4"})
    assert {name: answer[name] for name in ("message", "nu", "com", "state", "ischeck", "status")} == {
        "message": "ok",
        "nu": NUMBER,
        "com": "ems",
        "state": "5",
        "ischeck": "0",
        "status": "200",
    }
    rows = [(row["ftime"], row["statusCode"]) for row in answer["data"]]
    assert rows == [("2026-01-06 08:30:00", "5"), ("2026-01-05 09:00:00", "103")]
    plain = await subscriber.query({"com": "ems", "num": NUMBER, "order": "asc"})
    assert [row["ftime"][:10] for row in plain["data"]] == ["2026-01-05", "2026-01-06"]
    assert set(plain["data"][0]) == {"time", "ftime", "context", "location"}
    named = await subscriber.query({"com": "ems", "num": NUMBER, "resultv2": "1"})
    assert named["data"][0]["status"] == "派件"
    assert "statusCode" not in named["data"][0]


async def test_queries_are_refused_by_return_code(
    subscriber: Subscriber, control: SandboxControl, env: dict[str, str]
) -> None:
    param = {"com": "ems", "num": NUMBER}
    assert (await subscriber.query(param))["returnCode"] == "500"
    assert (await subscriber.query(param, customer="NOBODY"))["returnCode"] == "600"
    assert (await subscriber.query(param, sign="0" * 32))["returnCode"] == "503"
    reordered = json.dumps({"num": NUMBER, "com": "ems"})
    assert (await subscriber.query(param, param=reordered))["returnCode"] == "503"
    text = json.dumps(param)
    lower = md5(text + env["KUAIDI100_KEY"] + env["KUAIDI100_CUSTOMER"]).lower()
    assert (await subscriber.query(param, sign=lower))["returnCode"] == "503"
    assert (await subscriber.query({"com": "nobody", "num": NUMBER}))["returnCode"] == "400"
    assert (await subscriber.query({"com": "ems", "num": "1"}))["returnCode"] == "400"


async def test_some_carriers_want_the_phone(subscriber: Subscriber, control: SandboxControl) -> None:
    number = "SF1234567890123"
    await control.scan(number, "picked_up", carrier="shunfeng", phone="13000001234")
    codes = [
        (await subscriber.query({"com": "shunfeng", "num": number, "phone": phone})).get("returnCode")
        for phone in ("", "12", "9999", "1234", "13000001234")
    ]
    assert codes == ["408", "408", "408", None, None]


async def test_the_lock_is_a_switch(subscriber: Subscriber, control: SandboxControl) -> None:
    await control.scan(NUMBER, "picked_up", carrier="ems")
    param = {"com": "ems", "num": NUMBER}
    assert [(await subscriber.query(param))["message"] for _ in range(2)] == ["ok", "ok"]
    await control.be_hostile(query_lock=True)
    assert (await subscriber.query(param))["returnCode"] == "504"
    await control.advance_clock(1801)
    assert (await subscriber.query(param))["message"] == "ok"


async def test_subscriptions_are_refused_by_return_code(subscriber: Subscriber, control: SandboxControl) -> None:
    url = "http://127.0.0.1:1/push"
    codes = [
        (await subscriber.subscribe(url, key="wrong"))["returnCode"],
        (await subscriber.subscribe("https://example.test/push"))["returnCode"],
        (await subscriber.subscribe("not a url"))["returnCode"],
        (await subscriber.subscribe(url, number="1"))["returnCode"],
        (await subscriber.subscribe(url, company="nobody"))["returnCode"],
        (await subscriber.subscribe(url, company=""))["returnCode"],
        (await subscriber.subscribe(url, company="", number="00000000", parameters={"autoCom": "1"}))["returnCode"],
        (await subscriber.subscribe(url))["returnCode"],
        (await subscriber.subscribe(url))["returnCode"],
    ]
    assert codes == ["600", "700", "700", "700", "701", "700", "702", "200", "501"]
    await control.be_hostile(https_callbacks=True)
    assert (await subscriber.subscribe("https://example.test/push", number="YT1234567890123", company="yuantong"))[
        "result"
    ]


async def test_a_number_can_be_subscribed_four_times_a_month(
    subscriber: Subscriber, control: SandboxControl, receiver: Receiver
) -> None:
    for _ in range(4):
        assert (await subscriber.subscribe(receiver.url))["returnCode"] == "200"
        await control.scan(NUMBER, "delivered")
    assert (await subscriber.subscribe(receiver.url))["returnCode"] == "700"
    await control.settle()


async def test_every_scan_is_pushed_to_the_subscribed_address(
    subscriber: Subscriber, control: SandboxControl, receiver: Receiver
) -> None:
    await subscriber.subscribe(f"{receiver.url}/push?token=abc")
    await control.scan(NUMBER, "picked_up")
    await control.scan(NUMBER, "delivered")
    first, second = await receiver.wait_for(2)
    await control.settle()
    assert [first.path, second.path] == ["/push?token=abc"] * 2
    polling, shutdown = read_push(first), read_push(second)
    assert (polling["status"], len(polling["lastResult"]["data"])) == ("polling", 1)
    assert (shutdown["status"], shutdown["lastResult"]["state"]) == ("shutdown", "3")
    assert [row["statusCode"] for row in shutdown["lastResult"]["data"]] == ["301", "103"]
    assert len(receiver.got) == 2
    assert (await control.parcel(NUMBER)).subscriptions[0]["watching"] is False


async def test_a_late_subscriber_hears_what_is_known_and_a_silent_scan_says_nothing(
    subscriber: Subscriber, control: SandboxControl, receiver: Receiver
) -> None:
    await control.scan(NUMBER, "picked_up", carrier="ems", push=False)
    await subscriber.subscribe(receiver.url)
    await receiver.wait_for(1)
    await control.scan(NUMBER, "in_transit", push=False)
    await control.settle()
    assert [len(read_push(got)["lastResult"]["data"]) for got in receiver.got] == [1]


@pytest.mark.parametrize(
    "body", [b"", b"ok", b'{"result":"true","returnCode":"200"}', b'{"result":true,"returnCode":"500"}', b"[]"]
)
async def test_anything_but_the_exact_answer_is_repeated_three_times(
    subscriber: Subscriber, control: SandboxControl, receiver: Receiver, body: bytes
) -> None:
    await control.be_hostile(haste=0.00001)
    receiver.body = body
    await subscriber.subscribe(receiver.url)
    await control.scan(NUMBER, "picked_up")
    await control.settle()
    assert len(receiver.got) == 4
    assert len({got.body for got in receiver.got}) == 1


async def test_every_step_of_the_courier_has_its_code(subscriber: Subscriber, control: SandboxControl) -> None:
    steps = {
        "picked_up": ("103", "1"), "in_transit": ("1002", "0"), "at_destination": ("1001", "0"),
        "out_for_delivery": ("5", "5"), "delivery_failed": ("204", "2"), "awaiting_collection": ("501", "5"),
        "delivered": ("301", "3"), "delivered_by_other": ("303", "3"), "delivered_to_locker": ("304", "3"),
        "refused": ("203", "2"), "returning": ("6", "6"), "returned": ("4", "4"), "signed_by_sender": ("301", "3"),
        "unknown_code": ("9999", "99"),
    }  # fmt: skip
    for step, told in steps.items():
        await control.scan(NUMBER, step, carrier="ems", text=f"row {step}")
        answer = await subscriber.query({"com": "ems", "num": NUMBER, "resultv2": "4"})
        newest = answer["data"][0]
        assert (newest["context"], newest["statusCode"], answer["state"]) == (f"row {step}", *told)


@pytest.fixture
async def known(subscriber: Subscriber, control: SandboxControl, receiver: Receiver) -> None:
    """A subscribed parcel with two rows nobody was told about."""
    await subscriber.subscribe(receiver.url)
    await control.scan(NUMBER, "picked_up", at="2026-01-05T09:00:00", push=False)
    await control.scan(NUMBER, "in_transit", at="2026-01-05T21:00:00", push=False)


@pytest.mark.usefixtures("known")
async def test_pushes_can_be_sent_now_and_answers_come_back(control: SandboxControl, receiver: Receiver) -> None:
    receiver.statuses = [200, 500]
    replies = await control.push(NUMBER, times=2)
    assert [(reply.status, reply.accepted) for reply in replies] == [(200, True), (500, False)]
    together = await control.push(NUMBER, times=10, parallel=True)
    assert [reply.status for reply in together] == [200] * 10
    assert {read_push(got)["status"] for got in receiver.got} == {"polling"}


@pytest.mark.usefixtures("known")
async def test_each_push_mode_lies_as_it_says(control: SandboxControl, receiver: Receiver) -> None:
    for mode in ("forged", "duplicate", "stale", "updateall", "garbage", "abort"):
        await control.push(NUMBER, mode)
    forged, one, two, stale, rewritten, garbage, abort = receiver.got
    with pytest.raises(AssertionError):
        read_push(forged)
    assert one.body == two.body
    assert [row["statusCode"] for row in read_push(stale)["lastResult"]["data"]] == ["103"]
    assert read_push(rewritten)["status"] == "updateall"
    with pytest.raises(json.JSONDecodeError):
        read_push(garbage)
    assert (read_push(abort)["status"], read_push(abort)["message"]) == ("abort", "3天查询无记录")


@pytest.mark.usefixtures("known")
async def test_a_rewritten_history_can_lose_rows(control: SandboxControl, receiver: Receiver) -> None:
    await control.push(NUMBER, "updateall", keep=1)
    assert [row["statusCode"] for row in read_push(receiver.got[0])["lastResult"]["data"]] == ["103"]
    assert [row["step"] for row in (await control.parcel(NUMBER)).rows] == ["picked_up"]
    with pytest.raises(ControlRefused, match="two rows"):
        await control.push(NUMBER, "stale")


@pytest.mark.usefixtures("known")
async def test_after_an_abort_a_new_subscription_waits_half_an_hour(
    subscriber: Subscriber, control: SandboxControl, receiver: Receiver
) -> None:
    await control.push(NUMBER, "abort")
    assert (await subscriber.subscribe(receiver.url))["returnCode"] == "700"
    await control.advance_clock(1801)
    assert (await subscriber.subscribe(receiver.url))["returnCode"] == "200"
    await control.settle()


async def test_a_push_can_come_unasked(control: SandboxControl, receiver: Receiver, env: dict[str, str]) -> None:
    events = [{"step": "delivered", "at": "2026-01-05T09:00:00"}]
    (reply,) = await control.push_unasked(f"{receiver.url}/p", "ems", "EB000000000CN", events)
    assert reply.accepted
    content = read_push(receiver.got[0], env["KUAIDI100_SALT"])
    assert (content["lastResult"]["nu"], content["status"]) == ("EB000000000CN", "shutdown")
    assert await control.parcels() == []


async def test_the_courier_is_told_what_is_missing(control: SandboxControl) -> None:
    for call, says in (
        (control.scan(NUMBER, "picked_up"), "name a known carrier"),
        (control.scan(NUMBER, "flying", carrier="ems"), "step is one of"),
        (control.push(NUMBER), "No such parcel"),
        (control.scan("1", "picked_up", carrier="ems"), "6 to 32"),
    ):
        with pytest.raises(ControlRefused, match=says):
            await call
    await control.scan(NUMBER, "picked_up", carrier="ems")
    with pytest.raises(ControlRefused, match="Nobody subscribed"):
        await control.push(NUMBER)
