"""Without this module nobody would know whether a bill can be paid inside WeChat, or paid twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from app.payments.ports import OrderRefused, PaymentChannel, PaymentOrder, PaymentState, PaymentTruth
from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Sandbox, connected

pytestmark = pytest.mark.usefixtures("door")


def channel() -> PaymentChannel:
    return ports.get(PaymentChannel, "wechat")


@pytest.fixture
async def order(control: SandboxControl) -> PaymentOrder:
    phone = await control.make_phone()
    return PaymentOrder(
        order_no=f"P{token_hex(12).upper()}",
        amount_fen=4000,
        description="不动产登记费",
        payer_open_id=phone.openid,
        expires_at=datetime.now(UTC) + timedelta(minutes=30),
    )


async def test_an_order_is_opened_paid_on_the_phone_and_told_as_paid(
    control: SandboxControl, order: PaymentOrder
) -> None:
    opened = await channel().open_payment(order)
    assert (await channel().ask(order.order_no)).state is PaymentState.NOT_PAID
    parameters = await channel().client_parameters(opened.prepay_ref)
    assert set(parameters) == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert await control.pay(order.payer_open_id, parameters) == "requestPayment:ok"
    truth = await channel().ask(order.order_no)
    told = await control.order(order.order_no)
    assert truth == PaymentTruth(
        channel="wechat",
        order_no=order.order_no,
        state=PaymentState.PAID,
        amount_fen=4000,
        currency="CNY",
        provider_ref=told.transaction_id,
        payer_open_id=order.payer_open_id,
        paid_at=datetime.fromisoformat(told.paid_at).astimezone(UTC),
    )


async def test_equal_values_open_the_same_order_again(control: SandboxControl, order: PaymentOrder) -> None:
    first = await channel().open_payment(order)
    again = PaymentOrder(
        order.order_no,
        order.amount_fen,
        order.description,
        order.payer_open_id,
        order.expires_at.astimezone().replace(microsecond=0),
    )
    second = await channel().open_payment(again)
    assert first.prepay_ref != second.prepay_ref
    assert [known.out_trade_no for known in await control.orders()] == [order.order_no]


async def test_the_number_of_another_order_is_refused(order: PaymentOrder) -> None:
    await channel().open_payment(order)
    other = PaymentOrder(order.order_no, 1, order.description, order.payer_open_id, order.expires_at)
    with pytest.raises(OrderRefused) as refusal:
        await channel().open_payment(other)
    assert (refusal.value.code, refusal.value.already_paid, refusal.value.already_closed) == (
        "OUT_TRADE_NO_USED",
        False,
        False,
    )


async def test_a_paid_order_can_neither_be_opened_nor_closed(control: SandboxControl, order: PaymentOrder) -> None:
    await channel().open_payment(order)
    await control.pay_order(order.order_no)
    for attempt in (channel().open_payment(order), channel().close(order.order_no)):
        with pytest.raises(OrderRefused) as refusal:
            await attempt
        assert refusal.value.already_paid
        assert not refusal.value.already_closed


async def test_a_closed_order_stays_closed(order: PaymentOrder) -> None:
    await channel().open_payment(order)
    await channel().close(order.order_no)
    await channel().close(order.order_no)
    assert (await channel().ask(order.order_no)).state is PaymentState.CLOSED
    with pytest.raises(OrderRefused) as refusal:
        await channel().open_payment(order)
    assert refusal.value.already_closed


async def test_an_order_nobody_opened_is_unknown_and_closing_it_is_harmless(order: PaymentOrder) -> None:
    assert await channel().ask(order.order_no) == PaymentTruth("wechat", order.order_no, PaymentState.UNKNOWN)
    await channel().close(order.order_no)


@pytest.mark.parametrize(
    "wrong",
    [
        {"order_no": "short"},
        {"order_no": "A" * 33},
        {"order_no": "AB-CDEFG"},
        {"order_no": "ABCDEF/../x"},
        {"amount_fen": 0},
        {"amount_fen": True},
        {"amount_fen": 40.0},
        {"description": ""},
        {"payer_open_id": ""},
        {"expires_at": datetime(2026, 1, 1)},
    ],
)
async def test_an_order_we_could_not_answer_for_never_leaves(
    control: SandboxControl, order: PaymentOrder, wrong: dict[str, object]
) -> None:
    values = {name: getattr(order, name) for name in order.__dataclass_fields__} | wrong
    with pytest.raises(ValueError, match=r"an? (order|deadline)"):
        await channel().open_payment(PaymentOrder(**values))
    assert await control.orders() == []


async def test_a_long_description_is_cut_to_what_wechat_takes(control: SandboxControl, order: PaymentOrder) -> None:
    long = PaymentOrder(order.order_no, 1, "费" * 200, order.payer_open_id, order.expires_at)
    await channel().open_payment(long)
    assert (await control.order(order.order_no)).description == "费" * 127


async def test_a_probe_with_a_bad_signature_is_asked_again(control: SandboxControl, order: PaymentOrder) -> None:
    await control.be_hostile(seed=1, sign_test=0.3)
    for _ in range(5):
        await channel().open_payment(order)
        assert (await channel().ask(order.order_no)).state is PaymentState.NOT_PAID
    fates = [entry.fate for entry in await control.journal()]
    assert "sign_test" in fates


@pytest.mark.parametrize("fault", ["sign_test", "garbage", "server_error", "error_after_effect"])
async def test_a_platform_that_is_never_right_is_unavailable(
    control: SandboxControl, order: PaymentOrder, fault: str
) -> None:
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await channel().open_payment(order)
    with pytest.raises(ProviderUnavailable):
        await channel().ask(order.order_no)
    await control.be_kind()
    await channel().open_payment(order)
    assert (await channel().ask(order.order_no)).state is PaymentState.NOT_PAID


@pytest.mark.parametrize("fault", ["sign_test", "server_error", "error_after_effect"])
async def test_a_close_nobody_confirmed_may_have_happened(
    control: SandboxControl, order: PaymentOrder, fault: str
) -> None:
    await channel().open_payment(order)
    await control.be_hostile(**{fault: 1.0})
    with pytest.raises(ProviderUnavailable):
        await channel().close(order.order_no)
    await control.be_kind()
    done = {"server_error": PaymentState.NOT_PAID}.get(fault, PaymentState.CLOSED)
    assert (await channel().ask(order.order_no)).state is done


async def test_somebody_else_who_answers_is_not_believed(order: PaymentOrder, sandbox: Sandbox, tmp_path: Path) -> None:
    await channel().open_payment(order)
    stranger = _stranger_of(sandbox)
    public = load_pem_private_key(stranger.read_bytes(), password=None).public_key()
    (tmp_path / "public.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    wrong = {**sandbox.environment, "WECHAT_PAY_PUBLIC_KEY_FILE": str(tmp_path / "public.pem")}
    async with connected("wechat", **wrong):
        with pytest.raises(ProviderUnavailable) as refusal:
            await channel().ask(order.order_no)
    assert refusal.value.__notes__ == ["query: signature-wrong"]


async def test_a_wrong_private_key_is_our_fault(order: PaymentOrder, sandbox: Sandbox) -> None:
    wrong = {
        **sandbox.environment,
        "WECHAT_PAY_PRIVATE_KEY_FILE": str(_stranger_of(sandbox)),
        "WECHAT_PAY_CERTIFICATE_FILE": "",
    }
    async with connected("wechat", **wrong):
        with pytest.raises(ProviderUnavailable) as refusal:
            await channel().open_payment(order)
    assert refusal.value.__notes__ == ["jsapi: 401 SIGN_ERROR"]


async def test_without_a_public_key_the_certificates_are_fetched_and_used(
    control: SandboxControl, order: PaymentOrder, sandbox: Sandbox
) -> None:
    async with connected("wechat", **certificates_only(sandbox)):
        await channel().open_payment(order)
        assert (await channel().ask(order.order_no)).state is PaymentState.NOT_PAID
    asked = [entry.what for entry in await control.journal() if "certificates" in entry.what]
    assert 1 <= len(asked) <= 2


async def test_without_any_key_of_the_platform_nothing_is_believed(
    control: SandboxControl, order: PaymentOrder, sandbox: Sandbox
) -> None:
    await control.be_hostile(public_key_only=True)
    async with connected("wechat", **certificates_only(sandbox)):
        with pytest.raises(ProviderUnavailable) as refusal:
            await channel().open_payment(order)
    assert refusal.value.__notes__ == ["jsapi: serial-unknown"]


def certificates_only(sandbox: Sandbox) -> dict[str, str]:
    return {**sandbox.environment, "WECHAT_PAY_PUBLIC_KEY_ID": "", "WECHAT_PAY_PUBLIC_KEY_FILE": ""}


def _stranger_of(sandbox: Sandbox) -> Path:
    """A private key lying beside the merchant's that nobody trusts."""
    return Path(sandbox.environment["WECHAT_PAY_PRIVATE_KEY_FILE"]).with_name("stranger_private_key.pem")
