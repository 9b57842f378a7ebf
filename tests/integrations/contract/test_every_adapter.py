"""Without this module a new adapter could break a promise its port makes, and only its author would know.

Adapters are found by themselves: any folder of `integrations` with a `connect`, wired against the sandbox.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import integrations
from app.delivery.ports import CarrierOrders, CourierOrder, ParcelTracker, Party, Payer
from app.identity.ports import IdentityAuthority, IdentityProver, PersonClaim, SignInChannel
from app.kernel import ports
from app.kernel.callbacks import MAX_CALLBACK_BYTES, CallbackGreeter, CallbackReader, CallbackRefused, RawCallback
from app.kernel.errors import ProviderUnavailable
from app.links.ports import AppCodes, AppOpener
from app.messages.ports import Letter, MessageChannel, NotTaken
from app.payments.ports import (
    FiscalPlatform,
    IssuedReceipt,
    PaymentChannel,
    PaymentOrder,
    ReceiptOrder,
    RefundOrder,
)
from app.texts.ports import ContentCheck
from tests.integrations.contract.stage import Sandbox, connected
from tests.ports import free_port

PROVIDERS = sorted(
    found.name
    for found in pkgutil.iter_modules(integrations.__path__)
    if found.ispkg and hasattr(importlib.import_module(f"integrations.{found.name}"), "connect")
)
WINDOW = "window"
"""The cashier's hands: nobody is asked for their health, and a channel is called as what is paid with."""

PORTS: tuple[type[Any], ...] = (
    SignInChannel,
    IdentityProver,
    IdentityAuthority,
    PaymentChannel,
    FiscalPlatform,
    ParcelTracker,
    CarrierOrders,
    MessageChannel,
    AppCodes,
    AppOpener,
    ContentCheck,
    CallbackReader,
    CallbackGreeter,
    ports.HealthCheck,
)
NAMED: tuple[type[Any], ...] = (
    SignInChannel,
    IdentityProver,
    IdentityAuthority,
    PaymentChannel,
    FiscalPlatform,
    MessageChannel,
)
PERSON = PersonClaim("测试居民甲", "11010119900101000X", "openid")
ORDER = PaymentOrder("P0123456789", 1, "费", "openid", datetime(2026, 11, 25, tzinfo=UTC) + timedelta(hours=1))
REFUND = RefundOrder("R0123456789", "P0123456789", 1, 1, "退")
DAY = date(2026, 11, 20)
HOME = Party("测试居民甲", "13000001234", ("云澜省", "云澜市", ""), "人民路1号")
COURIER = CourierOrder("ZT0123456789", "ems", HOME, HOME, Payer.CITY, "文件")

NOW = datetime(2026, 11, 25, tzinfo=UTC)
RECEIPT = ReceiptOrder("R-0", "11990100MB0000000X", "单位", "990100", "测试居民甲", 1, [("A1", "费", 1)], NOW, "9" * 20)
ISSUED = IssuedReceipt("99010126", "0000000001", "a1b2c3", 1, NOW)


@pytest.fixture
async def _everybody(sandbox: Sandbox) -> AsyncIterator[None]:
    async with connected(*PROVIDERS, **sandbox.environment):
        yield


@pytest.fixture
async def _nobody_there(sandbox: Sandbox) -> AsyncIterator[None]:
    """Everything is set as it should be, but nobody listens at any provider's address."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    silent = {
        name: value.replace(sandbox.base_url, nowhere)
        for name, value in sandbox.environment.items()
        if value.startswith(sandbox.base_url)
    }
    assert silent
    async with connected(*PROVIDERS, **{**sandbox.environment, **silent}):
        yield


def test_there_are_adapters_to_examine() -> None:
    assert {"wechat", "alipay", "kuaidi100"} <= set(PROVIDERS)


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != WINDOW])
async def test_a_provider_registers_under_its_own_name_and_can_be_asked_for_its_health(
    provider: str, sandbox: Sandbox
) -> None:
    async with connected(provider, **sandbox.environment):
        codes = {port.__name__: list(ports.every(port)) for port in PORTS}
        readers = [*codes.pop("CallbackReader"), *codes.pop("CallbackGreeter")]
        assert codes["HealthCheck"] == [provider]
        assert all(reader.startswith(f"{provider}/") for reader in readers)
        assert all(code.partition("-")[0] == provider for group in codes.values() for code in group)


@pytest.mark.parametrize("port", PORTS, ids=lambda port: str(port.__name__))
@pytest.mark.usefixtures("_everybody")
def test_an_adapter_has_every_part_of_its_port(port: type[Any]) -> None:
    asked = {name for name in vars(port) if not name.startswith("_")} | set(port.__annotations__)
    assert ports.every(port)
    for adapter in ports.every(port).values():
        assert [name for name in sorted(asked) if not hasattr(adapter, name)] == []
        for name, method in inspect.getmembers(port, inspect.isfunction):
            if name in asked:
                promised, given = inspect.signature(method), inspect.signature(getattr(type(adapter), name))
                assert list(given.parameters) == list(promised.parameters)
                assert inspect.iscoroutinefunction(getattr(adapter, name)) == inspect.iscoroutinefunction(method)


@pytest.mark.usefixtures("_everybody")
def test_whoever_faces_residents_has_a_chinese_and_an_english_name() -> None:
    for port in NAMED:
        for adapter in ports.every(port).values():
            assert any("\u4e00" <= letter <= "\u9fff" for letter in adapter.name_zh)
            assert adapter.name_en.strip()
            assert adapter.name_en.isascii()
    tables = [tracker.carriers for tracker in ports.every(ParcelTracker).values()]
    tables += [orders.carriers for orders in ports.every(CarrierOrders).values()]
    assert all(tables)
    assert all(code.isascii() and name for carriers in tables for code, name in carriers.items())


@pytest.mark.usefixtures("_everybody")
def test_payment_proof_and_content_checks_name_a_sign_in_channel_that_exists() -> None:
    known = set(ports.every(SignInChannel))
    channels = ports.every(PaymentChannel).values()
    assert {channel.sign_in_channel for channel in channels if not channel.at_window} <= known
    assert {channel.sign_in_channel for channel in channels if channel.at_window} == {""}
    assert set(ports.every(ContentCheck)) <= known
    assert {prover.channel for prover in ports.every(IdentityProver).values()} <= known
    assert all(1 <= prover.level <= 4 for prover in ports.every(IdentityProver).values())
    assert all(1 <= authority.level <= 2 for authority in ports.every(IdentityAuthority).values())


@pytest.mark.usefixtures("_everybody")
async def test_what_the_phone_needs_to_pay_is_text() -> None:
    for channel in ports.every(PaymentChannel).values():
        parameters = await channel.client_parameters("ref")
        assert all(isinstance(value, str) for value in parameters.values())
        assert any("ref" in value for value in parameters.values()) is not channel.at_window


def _garbage() -> list[bytes]:
    source = random.Random(1)  # noqa: S311 - repeatable on purpose
    return [
        b"",
        b"x",
        b"{}",
        b"[]",
        b"null",
        b'{"result":true}',
        b"param=&sign=",
        b"param=%7B%7D",
        b"param=%7B%7D&sign=00000000000000000000000000000000",
        b"param=%FF%FE&sign=%00",
        b"<xml><return_code>SUCCESS</return_code></xml>",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"\x00" * 100,
        "支付成功".encode(),
        b"{" * (MAX_CALLBACK_BYTES + 1),
        b"param=" + b"x" * MAX_CALLBACK_BYTES + b"&sign=x",
        *(source.randbytes(source.randrange(1, 400)) for _ in range(50)),
    ]


def _headers() -> list[dict[str, str]]:
    now = str(int(datetime.now(UTC).timestamp()))
    signed = ("timestamp", "nonce", "serial", "signature")
    return [
        {},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "authorization": "Basic eDp5"},
        {f"wechatpay-{name}": now for name in signed},
        {f"wechatpay-{name}": "" for name in signed},
        {f"wechatpay-{name}": "\u00e9" * 2000 for name in signed},
    ]


@pytest.mark.usefixtures("_everybody")
async def test_no_reader_believes_garbage_or_falls_over_it() -> None:
    assert ports.every(CallbackReader)
    for code, reader in ports.every(CallbackReader).items():
        provider, _, kind = code.partition("/")
        for headers in _headers():
            for body in _garbage():
                with pytest.raises(CallbackRefused) as refusal:
                    await reader.read(RawCallback(provider, kind, headers, {}, body))
                reason = refusal.value.reason
                assert 0 < len(reason) <= 40
                answer = reader.refuse(reason)
                assert 400 <= answer.status < 500
                assert reason.encode() not in answer.body
                assert len(answer.body) < 200


@pytest.mark.usefixtures("_everybody")
def test_a_reader_says_yes_and_no_differently() -> None:
    for reader in ports.every(CallbackReader).values():
        yes, no = reader.acknowledge(), reader.refuse("anything")
        assert 200 <= yes.status < 300
        assert yes.body != no.body
        assert reader.refuse("another reason").body == no.body


ASKED: list[tuple[type[Any], Callable[[Any], Any]]] = [
    (SignInChannel, lambda channel: channel.exchange("code")),
    (SignInChannel, lambda channel: channel.phone_number("code", "openid")),
    (IdentityProver, lambda prover: prover.begin("P1", PERSON)),
    (IdentityProver, lambda prover: prover.outcome("P1", "ticket", PERSON)),
    (IdentityAuthority, lambda authority: authority.check("P1", PERSON)),
    (PaymentChannel, lambda channel: channel.open_payment(ORDER)),
    (PaymentChannel, lambda channel: channel.ask(ORDER.order_no)),
    (PaymentChannel, lambda channel: channel.close(ORDER.order_no)),
    (PaymentChannel, lambda channel: channel.refund(REFUND)),
    (PaymentChannel, lambda channel: channel.ask_refund(REFUND)),
    (PaymentChannel, lambda channel: channel.day_account(DAY)),
    (PaymentChannel, lambda channel: channel.funds_account(DAY)),
    (FiscalPlatform, lambda platform: platform.issue(RECEIPT)),
    (FiscalPlatform, lambda platform: platform.ask(RECEIPT.order_id)),
    (FiscalPlatform, lambda platform: platform.take_back(ISSUED, "误开")),
    (ParcelTracker, lambda tracker: tracker.subscribe(next(iter(tracker.carriers)), "1234567890123", "1234")),
    (ParcelTracker, lambda tracker: tracker.query(next(iter(tracker.carriers)), "1234567890123", "1234")),
    (CarrierOrders, lambda orders: orders.place(COURIER)),
    (CarrierOrders, lambda orders: orders.cancel("task:order", COURIER.order_no, None)),
    (ContentCheck, lambda judge: judge.check("文字", "openid")),
    (AppOpener, lambda opener: opener.address("pages/link/index", "ticket=x")),
    (AppCodes, lambda codes: codes.picture("pages/link/index", "x", 430)),
]
_SUBSCRIBE = next(place for place, (port, _) in enumerate(ASKED) if port is ParcelTracker)

_OPEN = next(place for place, (port, _) in enumerate(ASKED) if port is AppOpener)

OPENED_HERE = {("alipay", 1), ("ems", _SUBSCRIBE), ("alipay", _OPEN)}
"""Alipay's phone hands over the number itself, sealed, and its addresses are written, not asked for; the post pushes
what was sent under our agreement: there is nobody to ask.
"""


@pytest.mark.parametrize("question", range(len(ASKED)))
@pytest.mark.usefixtures("_nobody_there")
async def test_a_provider_that_is_gone_is_unavailable_in_two_languages(question: int) -> None:
    port, ask = ASKED[question]
    for code, adapter in ports.every(port).items():
        if (code, question) in OPENED_HERE or getattr(adapter, "at_window", False):
            continue
        with pytest.raises(ProviderUnavailable) as refusal:
            await ask(adapter)
        assert "暂时没有响应" in refusal.value.sentence("zh")
        assert "not answering" in refusal.value.sentence("en")


@pytest.mark.usefixtures("_nobody_there")
async def test_a_message_nobody_was_there_to_take_is_certainly_not_taken() -> None:
    letter = Letter("0" * 32, "13000000000", "template", {"thing1": "x"}, "pages/index/index", "zh")
    assert set(ports.every(MessageChannel)) == {"wechat", "alipay", "sms"}
    for channel in ports.every(MessageChannel).values():
        assert await channel.send(letter) == NotTaken("not reached")


@pytest.mark.usefixtures("_everybody")
def test_a_greeter_gives_a_stranger_nothing_back() -> None:
    for code, greeter in ports.every(CallbackGreeter).items():
        provider, _, kind = code.partition("/")
        for query in ({}, {"echostr": "x"}, {"signature": "x", "timestamp": "1", "nonce": "2", "echostr": "<b>"}):
            answer = greeter.greet(RawCallback(provider, kind, {}, query, b""))
            assert (answer.status, answer.body) == (403, b"")


@pytest.mark.usefixtures("_nobody_there")
async def test_health_fails_with_a_reason_when_a_provider_is_gone() -> None:
    for health in ports.every(ports.HealthCheck).values():
        with pytest.raises(Exception, match="Connect"):
            await health.check()


@pytest.mark.usefixtures("_everybody")
async def test_health_is_good_when_the_settings_are_right() -> None:
    for health in ports.every(ports.HealthCheck).values():
        assert health.name
        assert await health.check()
