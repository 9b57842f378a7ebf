"""Without this module nobody would know whether a parcel can be followed."""

from __future__ import annotations

import hashlib
import random
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

import orjson
import pytest
from pydantic import TypeAdapter

from app.delivery.ports import (
    SNAPSHOT_TOPIC,
    DeliveredTo,
    ParcelState,
    ParcelTracker,
    SubscriptionRefused,
    TrackingSnapshot,
)
from app.kernel import ports
from app.kernel.callbacks import CallbackReader, CallbackRefused, RawCallback
from app.kernel.errors import ProviderUnavailable
from app.kernel.settings import SettingsInvalid
from integrations.kuaidi100.api import signature
from integrations.kuaidi100.health import NotAccepted
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Door, Sandbox, connected

snapshot_from = TypeAdapter(TrackingSnapshot).validate_python
ANSWER = '{"result":true,"returnCode":"200","message":"成功"}'
REFUSAL = '{"result":false,"returnCode":"400","message":"拒绝"}'

pytestmark = pytest.mark.usefixtures("door")


def tracker() -> ParcelTracker:
    return ports.get(ParcelTracker, "kuaidi100")


def reader() -> CallbackReader:
    return ports.get(CallbackReader, "kuaidi100/tracking")


@pytest.fixture
def number() -> str:
    return f"EMS{secrets.token_hex(6).upper()}"


async def test_a_watched_parcel_tells_of_every_move(control: SandboxControl, door: Door, number: str) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "picked_up", at="2026-11-24T09:00:00")
    await control.settle()
    await control.scan(number, "delivered_to_locker", at="2026-11-25T10:30:00")
    await control.settle()
    first, second = (snapshot_from(received.content) for received in door.received)
    assert [event.state for event in first.events] == [ParcelState.PICKED_UP]
    assert [(event.state, event.delivered_to, event.at) for event in second.events] == [
        (ParcelState.DELIVERED, DeliveredTo.LOCKER, datetime(2026, 11, 25, 2, 30, tzinfo=UTC)),
        (ParcelState.PICKED_UP, None, datetime(2026, 11, 24, 1, 0, tzinfo=UTC)),
    ]
    assert (second.tracker, second.carrier, second.number) == ("kuaidi100", "ems", number)
    assert {received.topic for received in door.received} == {SNAPSHOT_TOPIC}
    assert await control.waiting() == []


async def test_the_answer_is_the_exact_text(control: SandboxControl, number: str) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "picked_up", push=False)
    [reply] = await control.push(number)
    assert (reply.status, reply.body, reply.accepted) == (200, ANSWER, True)


async def test_identical_pushes_are_one_event(control: SandboxControl, door: Door, number: str) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "picked_up", push=False)
    await control.push(number, "duplicate")
    assert len(door.received) == 2
    [key] = {received.event_key for received in door.received}
    param = parse_qs(door.raw[0].body.decode())["param"][0]
    assert key == hashlib.sha256(param.encode()).hexdigest()


@pytest.mark.parametrize(("mode", "reason"), [("forged", "signature-wrong"), ("garbage", "not-json")])
async def test_a_false_push_is_refused(
    control: SandboxControl, door: Door, number: str, mode: str, reason: str
) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "picked_up", push=False)
    [reply] = await control.push(number, mode)
    assert (reply.status, reply.body, reply.accepted) == (400, REFUSAL, False)
    assert (door.received, door.refused) == ([], [reason])


async def test_a_rewritten_history_and_an_end_of_watching_are_told_apart(
    control: SandboxControl, door: Door, number: str
) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "picked_up", push=False)
    await control.scan(number, "in_transit", push=False)
    await control.push(number, "updateall", keep=1)
    await control.push(number, "abort")
    rewritten, abandoned = (snapshot_from(received.content) for received in door.received)
    assert (rewritten.rewritten, rewritten.abandoned, len(rewritten.events)) == (True, False, 1)
    assert (abandoned.rewritten, abandoned.abandoned) == (False, True)


async def test_a_code_nobody_knows_has_no_state(control: SandboxControl, door: Door, number: str) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "unknown_code")
    await control.settle()
    [event] = snapshot_from(door.received[0].content).events
    assert (event.state, event.raw_code) == (None, "9999")


async def test_a_corrected_carrier_is_named(sandbox: Sandbox) -> None:
    told = {
        "status": "abort",
        "autoCheck": 1,
        "comOld": "ems",
        "comNew": "youzhengguonei",
        "lastResult": {"nu": "1234567890123", "com": "youzhengguonei", "state": "0", "data": []},
    }
    received = await reader().read(pushed(orjson.dumps(told).decode(), sandbox))
    snapshot = snapshot_from(received.content)
    assert (snapshot.carrier, snapshot.new_carrier) == ("ems", "youzhengguonei")


async def test_watching_twice_is_done_already(number: str) -> None:
    await tracker().subscribe("ems", number, None)
    await tracker().subscribe("ems", number, None)


async def test_a_fifth_subscription_in_a_month_is_refused_in_words(control: SandboxControl, number: str) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "picked_up", push=False)
    await control.push(number, "abort")
    with pytest.raises(SubscriptionRefused) as refusal:
        await tracker().subscribe("ems", number, None)
    assert refusal.value.code == "700"
    assert refusal.value.reason_zh == "快递查询服务未接受订阅:请核对单号;同一单号每月最多订阅4次"


@pytest.mark.parametrize(
    ("carrier", "number", "tail", "code"),
    [
        ("nobody", "1234567890123", None, "carrier"),
        ("ems", "12345", None, "number"),
        ("ems", "1234567890 23", None, "number"),
        ("shunfeng", "SF1234567890123", None, "phone"),
        ("shunfeng", "SF1234567890123", "12345", "phone"),
        ("shunfeng", "SF1234567890123", "13800000000", "phone"),
    ],
)
async def test_what_would_be_refused_never_leaves(
    control: SandboxControl, carrier: str, number: str, tail: str | None, code: str
) -> None:
    for attempt in (tracker().subscribe(carrier, number, tail), tracker().query(carrier, number, tail)):
        with pytest.raises(SubscriptionRefused) as refusal:
            await attempt
        assert refusal.value.code == code
    assert not [entry for entry in await control.journal() if entry.provider == "kuaidi100"]


async def test_a_query_knows_what_the_courier_scanned(control: SandboxControl, number: str) -> None:
    assert await tracker().query("ems", number, None) is None
    await control.scan(number, "picked_up", carrier="ems")
    await control.scan(number, "delivered_by_other")
    snapshot = await tracker().query("ems", number, None)
    assert snapshot is not None
    assert [(event.state, event.delivered_to) for event in snapshot.events] == [
        (ParcelState.DELIVERED, DeliveredTo.OTHER_PERSON),
        (ParcelState.PICKED_UP, None),
    ]


async def test_a_parcel_of_sf_is_only_shown_to_who_knows_the_phone(control: SandboxControl) -> None:
    number = f"SF{secrets.randbelow(10**13):013d}"
    await control.scan(number, "picked_up", carrier="shunfeng", phone="1234")
    with pytest.raises(SubscriptionRefused) as refusal:
        await tracker().query("shunfeng", number, "9999")
    assert refusal.value.code == "408"
    assert await tracker().query("shunfeng", number, "1234") is not None


async def test_a_number_asked_for_too_often_is_not_asked_again(control: SandboxControl, number: str) -> None:
    await control.scan(number, "picked_up", carrier="ems")
    await control.be_hostile(query_lock=True)
    await tracker().query("ems", number, None)
    with pytest.raises(ProviderUnavailable) as refusal:
        await tracker().query("ems", number, None)
    assert refusal.value.__notes__ == ["query: returnCode 504"]


@pytest.mark.parametrize("fault", ["server_error", "garbage"])
async def test_no_usable_answer_is_unavailable(control: SandboxControl, number: str, fault: str) -> None:
    await control.scan(number, "picked_up", carrier="ems")
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await tracker().query("ems", number, None)


async def test_an_answer_lost_after_its_effect_still_ends_subscribed(control: SandboxControl, number: str) -> None:
    await control.be_hostile(error_after_effect=1.0)
    with pytest.raises(ProviderUnavailable):
        await tracker().subscribe("ems", number, None)
    await control.be_kind()
    await tracker().subscribe("ems", number, None)
    assert len((await control.parcel(number)).subscriptions) == 1


async def test_no_mutation_of_a_true_push_is_believed(control: SandboxControl, door: Door, number: str) -> None:
    await tracker().subscribe("ems", number, None)
    await control.scan(number, "picked_up")
    await control.settle()
    true, source = door.raw[0], random.Random(20261125)  # noqa: S311 - repeatable on purpose
    form = {name: values[0] for name, values in parse_qs(true.body.decode()).items()}
    for _ in range(300):
        changed = dict(form)
        name = source.choice(("param", "param", "sign"))
        place = source.randrange(len(changed[name]))
        letter = source.choice([one for one in "0179{}[],x中 " if one != changed[name][place]])
        kind = source.choice(("replace", "insert", "cut", "lose"))
        if kind == "replace":
            changed[name] = changed[name][:place] + letter + changed[name][place + 1 :]
        elif kind == "insert":
            changed[name] = changed[name][:place] + letter + changed[name][place:]
        elif kind == "cut":
            changed[name] = changed[name][:place]
        else:
            del changed[name]
        with pytest.raises(CallbackRefused):
            await reader().read(replace(true, body=urlencode(changed).encode()))


async def test_two_texts_under_one_name_are_refused(sandbox: Sandbox) -> None:
    true = pushed('{"lastResult":{"nu":"1234567","com":"ems"}}', sandbox)
    await reader().read(true)
    with pytest.raises(CallbackRefused, match="not-a-form"):
        await reader().read(replace(true, body=true.body + b"&param=x"))


@pytest.mark.parametrize(
    "param",
    [
        "[]",
        "1",
        '""',
        "{}",
        '{"lastResult":[]}',
        '{"lastResult":{"nu":5,"com":"ems"}}',
        '{"lastResult":{"nu":"1\\u0000","com":"ems"}}',
    ],
)
async def test_a_signed_text_that_says_nothing_is_refused(sandbox: Sandbox, param: str) -> None:
    with pytest.raises(CallbackRefused):
        await reader().read(pushed(param, sandbox))


def test_every_carrier_has_a_name_and_the_strict_ones_want_a_phone() -> None:
    assert len(tracker().carriers) == 27
    assert all(tracker().carriers.values())
    strict = {code for code in tracker().carriers if tracker().needs_phone_tail(code)}
    assert strict == {"shunfeng", "shunfengkuaiyun", "zhongtong", "fengwang"}
    assert not tracker().needs_phone_tail("nobody")


async def test_a_start_without_settings_names_them() -> None:
    missing = dict.fromkeys(("KUAIDI100_CUSTOMER", "KUAIDI100_KEY", "KUAIDI100_SALT"), "")
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("kuaidi100", **missing):
            pass
    assert str(fault.value).splitlines() == [f"{name}: Field required" for name in missing]


async def test_the_doctor_finds_right_settings_right(sandbox: Sandbox) -> None:
    assert await ports.get(ports.HealthCheck, "kuaidi100").check() == "Kuaidi100 accepts our signature"


@pytest.mark.parametrize(
    ("name", "cause"), [("KUAIDI100_CUSTOMER", "query: returnCode 600"), ("KUAIDI100_KEY", "query: returnCode 503")]
)
async def test_the_doctor_says_what_is_wrong(sandbox: Sandbox, name: str, cause: str) -> None:
    async with connected("kuaidi100", **{**sandbox.environment, name: "WRONG"}):
        with pytest.raises(NotAccepted) as fault:
            await ports.get(ports.HealthCheck, "kuaidi100").check()
    assert str(fault.value) == cause


def pushed(param: str, sandbox: Sandbox) -> RawCallback:
    sign = signature(param, sandbox.environment["KUAIDI100_SALT"])
    return RawCallback("kuaidi100", "tracking", {}, {}, urlencode({"param": param, "sign": sign}).encode())
