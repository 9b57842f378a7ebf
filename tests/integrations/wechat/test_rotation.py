"""Without this module changing a key would mean losing the payments of that hour."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from app.kernel import ports
from app.kernel.callbacks import CallbackReader, CallbackRefused
from app.kernel.errors import ProviderUnavailable
from app.kernel.settings import SettingsInvalid
from app.payments.ports import PaymentChannel, PaymentOrder, PaymentState, RefundOrder, RefundStanding
from integrations.sandbox.control import SandboxControl
from integrations.sandbox.key_control import NewKey
from integrations.wechat.payments import WechatPay
from tests.integrations.contract.stage import Door, Sandbox, connected

Environment = dict[str, str]


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "wechat")


async def order_of(control: SandboxControl) -> PaymentOrder:
    phone = await control.make_phone()
    expires_at = datetime.now(UTC) + timedelta(minutes=30)
    return PaymentOrder(f"P{token_hex(12).upper()}", 4000, "证照工本费", phone.openid, expires_at)


async def a_whole_payment(control: SandboxControl) -> None:
    """From the order to the money on its way back, with every signature of ours on the way."""
    order = await order_of(control)
    opened = await channel().open_payment(order)
    parameters = await channel().client_parameters(opened.prepay_ref)
    assert await control.pay(order.payer_open_id, parameters) == "requestPayment:ok"
    assert (await channel().ask(order.order_no)).state is PaymentState.PAID
    refund = RefundOrder(f"R{token_hex(12).upper()}", order.order_no, 1500, 4000, "多付退回")
    assert (await channel().refund(refund)).state is RefundStanding.PROCESSING


def beside(sandbox: Sandbox, new: NewKey, folder: Path) -> Environment:
    """Our settings with the merchant's new key as the next one."""
    (folder / "next_key.pem").write_text(new.private_key)
    (folder / "next_certificate.pem").write_text(new.certificate)
    return {
        **sandbox.environment,
        "WECHAT_PAY_NEXT_SERIAL_NO": new.serial,
        "WECHAT_PAY_NEXT_PRIVATE_KEY_FILE": str(folder / "next_key.pem"),
        "WECHAT_PAY_NEXT_CERTIFICATE_FILE": str(folder / "next_certificate.pem"),
    }


def only(environment: Environment, kind: tuple[str, ...]) -> Environment:
    """The next of a kind moved into its place, as an operator ends a change."""
    moved = {f"WECHAT_PAY_{name}": environment[f"WECHAT_PAY_NEXT_{name}"] for name in kind}
    return {**environment, **moved, **{f"WECHAT_PAY_NEXT_{name}": "" for name in kind}}


MERCHANT = ("SERIAL_NO", "PRIVATE_KEY_FILE", "CERTIFICATE_FILE")


async def test_the_merchants_certificate_changes_without_a_payment_lost(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    environment = beside(sandbox, await control.rotate("merchant"), tmp_path)
    async with connected("wechat", **environment):
        await a_whole_payment(control)
        await control.rotate("merchant", "drop")
        await a_whole_payment(control)
        refused = [entry for entry in await control.journal() if entry.status == 401]
        assert len(refused) == 1
    async with connected("wechat", **only(environment, MERCHANT)):
        await a_whole_payment(control)


async def test_the_phone_gets_what_wechat_takes_also_when_nothing_was_asked_since_the_old_key_ended(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It goes on with an order that was opened before; with one key, or one taken a moment ago, nobody is asked."""
    order = await order_of(control)
    async with connected("wechat", **beside(sandbox, await control.rotate("merchant"), tmp_path)):
        wechat = channel()
        assert isinstance(wechat, WechatPay)
        opened = await wechat.open_payment(order)
        asked = len(await control.journal())
        await wechat.client_parameters(opened.prepay_ref)
        assert len(await control.journal()) == asked

        await control.rotate("merchant", "drop")
        wechat._client.merchant._taken_at = -math.inf  # half a minute later
        parameters = await wechat.client_parameters(opened.prepay_ref)
        assert await control.pay(order.payer_open_id, parameters) == "requestPayment:ok"


async def test_a_silent_wechat_does_not_keep_what_the_phone_needs(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    async with connected("wechat", **beside(sandbox, await control.rotate("merchant"), tmp_path)):
        await control.be_hostile(server_error=1.0)
        parameters = await channel().client_parameters("wx1")
    assert parameters["package"] == "prepay_id=wx1"


async def test_the_key_in_force_signs_as_long_as_it_is_taken(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A next key that WeChat does not know yet does no harm: nobody has to hit the right minute."""
    new = await control.rotate("merchant")
    await control.reset()
    async with connected("wechat", **beside(sandbox, new, tmp_path)):
        await a_whole_payment(control)
    assert not [entry for entry in await control.journal() if entry.status == 401]


async def test_many_at_once_find_the_other_key_each_for_themselves(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    environment = beside(sandbox, await control.rotate("merchant"), tmp_path)
    async with connected("wechat", **environment):
        orders = [await order_of(control) for _ in range(8)]
        await control.rotate("merchant", "drop")
        await asyncio.gather(*(channel().open_payment(order) for order in orders))
    assert {order.out_trade_no for order in await control.orders()} == {order.order_no for order in orders}


async def test_a_certificate_that_has_ended_is_not_even_tried_first(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    ended = await control.rotate("merchant", days=-1)
    (tmp_path / "key.pem").write_text(ended.private_key)
    (tmp_path / "certificate.pem").write_text(ended.certificate)
    environment = {
        **{f"WECHAT_PAY_NEXT_{name}": sandbox.environment[f"WECHAT_PAY_{name}"] for name in MERCHANT},
        "WECHAT_PAY_SERIAL_NO": ended.serial,
        "WECHAT_PAY_PRIVATE_KEY_FILE": str(tmp_path / "key.pem"),
        "WECHAT_PAY_CERTIFICATE_FILE": str(tmp_path / "certificate.pem"),
    }
    await control.reset()
    async with connected("wechat", **{**sandbox.environment, **environment}):
        await a_whole_payment(control)
    assert not [entry for entry in await control.journal() if entry.status == 401]


async def test_when_neither_key_is_taken_that_is_our_fault_and_nothing_happened(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    stranger = await control.rotate("merchant")
    environment = beside(sandbox, stranger, tmp_path)
    await control.reset()
    await control.rotate("merchant")
    await control.rotate("merchant", "drop")
    async with connected("wechat", **environment):
        with pytest.raises(ProviderUnavailable) as refusal:
            await channel().open_payment(await order_of(control))
    assert refusal.value.__notes__ == ["jsapi: 401 SIGN_ERROR"]
    assert await control.orders() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"WECHAT_PAY_NEXT_SERIAL_NO": ""},
            "WECHAT_PAY_NEXT_SERIAL_NO and WECHAT_PAY_NEXT_PRIVATE_KEY_FILE belong together: set both or none",
        ),
        (
            {"WECHAT_PAY_NEXT_SERIAL_NO": "ABCDEF0123456789"},
            "WECHAT_PAY_NEXT_CERTIFICATE_FILE has another serial number than WECHAT_PAY_NEXT_SERIAL_NO",
        ),
        ({"WECHAT_PAY_NEXT_CERTIFICATE_FILE": __file__}, "WECHAT_PAY_NEXT_CERTIFICATE_FILE is not a PEM certificate"),
        ({"WECHAT_PAY_NEXT_API_V3_KEY": "short"}, "WECHAT_PAY_NEXT_API_V3_KEY: must be exactly 32 bytes long"),
    ],
)
async def test_half_a_next_key_is_no_key(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path, changes: Environment, sentence: str
) -> None:
    environment = beside(sandbox, await control.rotate("merchant"), tmp_path)
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("wechat", **{**environment, **changes}):
            pass
    assert str(fault.value) == sentence


@pytest.fixture
async def paid(control: SandboxControl, door: Door) -> PaymentOrder:
    """An order that was paid a moment ago, before anybody told us."""
    await control.be_hostile(notify_by_itself=False)
    order = await order_of(control)
    await channel().open_payment(order)
    await control.pay_order(order.order_no)
    return order


async def test_notices_sealed_with_the_old_or_the_new_key_are_both_opened(
    control: SandboxControl, sandbox: Sandbox, door: Door, paid: PaymentOrder
) -> None:
    new = await control.rotate("api_v3_key")
    environment = {**sandbox.environment, "WECHAT_PAY_NEXT_API_V3_KEY": new.secret}
    async with connected("wechat", **environment):
        await control.notify(paid.order_no)
        await control.rotate("api_v3_key", "switch")
        await control.notify(paid.order_no)
        await control.notify(paid.order_no, "replay")
    async with connected("wechat", **only(environment, ("API_V3_KEY",))):
        await control.notify(paid.order_no)
        assert (len(door.received), door.refused) == (4, [])
        with pytest.raises(CallbackRefused, match="ciphertext"):
            await ports.get(CallbackReader, "wechat/payment").read(door.raw[0])


async def test_without_the_new_key_its_notices_wait_to_be_told_again(
    control: SandboxControl, sandbox: Sandbox, door: Door, paid: PaymentOrder
) -> None:
    """WeChat repeats what we refused: a key that was forgotten costs time and no payment."""
    new = await control.rotate("api_v3_key")
    await control.rotate("api_v3_key", "switch")
    await control.be_hostile(notify_by_itself=True, haste=0.02)
    other = await order_of(control)
    await channel().open_payment(other)
    await control.pay_order(other.order_no)
    while not door.refused:  # noqa: ASYNC110 - the sandbox tells in its own time
        await asyncio.sleep(0.01)
    async with connected("wechat", **{**sandbox.environment, "WECHAT_PAY_NEXT_API_V3_KEY": new.secret}):
        await control.settle()
    assert [received.content["order_no"] for received in door.received] == [other.order_no]
    assert set(door.refused) == {"ciphertext"}


async def test_platform_certificates_sealed_with_either_key_are_learnt(
    control: SandboxControl, sandbox: Sandbox
) -> None:
    new = await control.rotate("api_v3_key")
    environment = {**certificates_only(sandbox), "WECHAT_PAY_NEXT_API_V3_KEY": new.secret}
    for step in ("", "switch"):
        if step:
            await control.rotate("api_v3_key", step)
        async with connected("wechat", **environment):
            await a_whole_payment(control)


async def test_a_new_platform_certificate_is_learnt_in_the_middle_of_the_day(
    control: SandboxControl, sandbox: Sandbox, door: Door, paid: PaymentOrder
) -> None:
    """Also while notices are signed with the old one still, and when the old one is gone."""
    await control.be_hostile(sign_with_certificate=True)
    async with connected("wechat", **certificates_only(sandbox)):
        await a_whole_payment(control)
        await control.notify(paid.order_no)
        new = await control.rotate("platform_certificate")
        await control.notify(paid.order_no)
        await control.rotate("platform_certificate", "switch")
        await control.notify(paid.order_no)
        await control.notify(paid.order_no, "replay")
        await control.rotate("platform_certificate", "drop")
        await control.notify(paid.order_no)
        await a_whole_payment(control)
    serials = [raw.headers["wechatpay-serial"] for raw in door.raw]
    assert serials[0] == serials[1] != new.serial
    assert serials[2:] == [new.serial] * 3
    assert (len(door.received), door.refused) == (5, [])


@pytest.mark.parametrize("by_certificate", [True, False])
async def test_while_the_platforms_key_is_switched_a_notice_signed_either_way_is_believed(
    control: SandboxControl, sandbox: Sandbox, door: Door, paid: PaymentOrder, by_certificate: bool
) -> None:
    """A merchant with the public key is still told of payments by the certificate, a new one among them."""
    async with connected("wechat", **sandbox.environment):
        await control.be_hostile(sign_with_certificate=by_certificate)
        await control.notify(paid.order_no)
        await control.be_hostile(sign_with_certificate=not by_certificate)
        await control.notify(paid.order_no)
        await a_whole_payment(control)
    serials = sorted(raw.headers["wechatpay-serial"][:11] for raw in door.raw)
    assert serials[1] == "PUB_KEY_ID_" != serials[0]
    assert (len(door.received), door.refused) == (2, [])


async def test_a_new_public_key_is_believed_beside_the_one_in_force(
    control: SandboxControl, sandbox: Sandbox, door: Door, paid: PaymentOrder, tmp_path: Path
) -> None:
    new = await control.rotate("platform_public_key")
    (tmp_path / "next_public.pem").write_text(new.public_key)
    environment = {
        **sandbox.environment,
        "WECHAT_PAY_NEXT_PUBLIC_KEY_ID": new.serial,
        "WECHAT_PAY_NEXT_PUBLIC_KEY_FILE": str(tmp_path / "next_public.pem"),
    }
    async with connected("wechat", **environment):
        for step in ("", "switch", "drop"):
            if step:
                await control.rotate("platform_public_key", step)
            await control.notify(paid.order_no)
            await a_whole_payment(control)
    async with connected("wechat", **only(environment, ("PUBLIC_KEY_ID", "PUBLIC_KEY_FILE"))):
        await a_whole_payment(control)
    assert len({raw.headers["wechatpay-serial"] for raw in door.raw}) == 2
    assert (len(door.received), door.refused) == (3, [])


async def test_what_ends_is_told_with_its_day(control: SandboxControl, sandbox: Sandbox, tmp_path: Path) -> None:
    new = await control.rotate("merchant", days=20)
    environment = {**beside(sandbox, new, tmp_path), "WECHAT_PAY_PUBLIC_KEY_ID": "", "WECHAT_PAY_PUBLIC_KEY_FILE": ""}
    async with connected("wechat", **environment):
        await a_whole_payment(control)
        terms = ports.get(ports.Expiring, "wechat").terms()
    now = datetime.now(UTC)
    assert [(term.name, term.ends and round((term.ends - now).total_seconds() / 86400)) for term in terms] == [
        ("merchant certificate", 1825),
        ("merchant certificate", 20),
        ("platform certificate", 1825),
    ]
    assert terms[1].serial == new.serial


def certificates_only(sandbox: Sandbox) -> Environment:
    return {**sandbox.environment, "WECHAT_PAY_PUBLIC_KEY_ID": "", "WECHAT_PAY_PUBLIC_KEY_FILE": ""}
