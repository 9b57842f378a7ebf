"""Without this module changing a key would mean losing the payments of that hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from app.doctor import certificate_findings
from app.identity.errors import PhoneCodeInvalid
from app.identity.ports import SignInChannel
from app.kernel import metrics, ports
from app.kernel.errors import ProviderUnavailable
from app.kernel.settings import SettingsInvalid
from app.payments.ports import PaymentChannel, PaymentOrder, PaymentState
from integrations.sandbox.control import SandboxControl
from integrations.sandbox.key_control import NewKey
from tests.integrations.contract.stage import Door, Sandbox, connected

Environment = dict[str, str]


async def a_payment(control: SandboxControl) -> None:
    """Opened, paid, asked for: signed by us each time, and by Alipay."""
    channel, user = ports.get(PaymentChannel, "alipay"), await control.add_alipay_user()
    deadline = (datetime.now(UTC) + timedelta(minutes=30)).replace(microsecond=0)
    order = PaymentOrder(f"P{token_hex(12).upper()}", 4000, "证照工本费", user.open_id, deadline)
    await channel.open_payment(order)
    await control.pay_trade(order.order_no)
    assert (await channel.ask(order.order_no)).state is PaymentState.PAID


async def refusals(control: SandboxControl) -> list[str]:
    words = ("invalid-signature", "invalid-cert-sn")
    return [entry.verdict for entry in await control.journal() if any(word in entry.verdict for word in words)]


def with_next_app(environment: Environment, new: NewKey, folder: Path, *, certified: bool) -> Environment:
    (folder / "next_app.pem").write_text(new.private_key)
    (folder / "next_app.crt").write_text(new.certificate)
    following = {"ALIPAY_NEXT_APP_PRIVATE_KEY_FILE": str(folder / "next_app.pem")}
    if certified:
        following["ALIPAY_NEXT_APP_CERT_FILE"] = str(folder / "next_app.crt")
    return {**environment, **following}


@pytest.mark.parametrize("certified", [False, True])
async def test_the_applications_key_changes_without_a_payment_lost(
    control: SandboxControl, sandbox: Sandbox, certificate_mode: Environment, tmp_path: Path, certified: bool
) -> None:
    mode = {**sandbox.environment, **(certificate_mode if certified else {})}
    environment = with_next_app(mode, await control.rotate("alipay_app"), tmp_path, certified=certified)
    async with connected("alipay", **environment):
        await a_payment(control)
        assert await refusals(control) == []
        await control.rotate("alipay_app", "drop")
        await a_payment(control)
        assert len(await refusals(control)) == 1
    for name in ("APP_PRIVATE_KEY_FILE", "APP_CERT_FILE"):
        environment[f"ALIPAY_{name}"] = environment.get(f"ALIPAY_NEXT_{name}", "")
        environment[f"ALIPAY_NEXT_{name}"] = ""
    async with connected("alipay", **environment):
        await a_payment(control)


async def test_a_next_key_alipay_does_not_know_yet_does_no_harm(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    environment = with_next_app(
        dict(sandbox.environment), await control.rotate("alipay_app"), tmp_path, certified=False
    )
    await control.reset()
    async with connected("alipay", **environment):
        await a_payment(control)
    assert await refusals(control) == []


async def test_when_neither_key_is_taken_that_is_our_fault_and_nothing_happened(
    control: SandboxControl, sandbox: Sandbox, tmp_path: Path
) -> None:
    environment = with_next_app(
        dict(sandbox.environment), await control.rotate("alipay_app"), tmp_path, certified=False
    )
    await control.reset()
    await control.rotate("alipay_app")
    await control.rotate("alipay_app", "drop")
    async with connected("alipay", **environment):
        with pytest.raises(ProviderUnavailable):
            await a_payment(control)
    assert await control.trades() == []
    assert len(await refusals(control)) == 2


async def test_alipays_new_public_key_is_believed_beside_the_one_in_force(
    control: SandboxControl, sandbox: Sandbox, door: Door, tmp_path: Path
) -> None:
    new = await control.rotate("alipay_key")
    (tmp_path / "next_public.pem").write_text(new.public_key)
    environment = {
        **sandbox.environment,
        "ALIPAY_NEXT_PUBLIC_KEY_FILE": str(tmp_path / "next_public.pem"),
        "PORTAL_PUBLIC_URL": door.url,
    }
    async with connected("alipay", **environment):
        await a_payment(control)
        await control.settle()
        await control.rotate("alipay_key", "switch")
        await a_payment(control)
        await control.settle()
    assert (len(door.received), door.refused) == (2, [])
    with pytest.raises(ProviderUnavailable):  # wired with the old key only
        await a_payment(control)


async def test_alipays_renewed_certificate_is_learnt_while_notices_are_signed_with_the_old_one(
    control: SandboxControl, sandbox: Sandbox, certificate_mode: Environment, door: Door
) -> None:
    environment = {**sandbox.environment, **certificate_mode, "PORTAL_PUBLIC_URL": door.url}
    async with connected("alipay", **environment):
        await control.be_hostile(delay=1.0, delay_seconds=0.2)
        await a_payment(control)
        await control.be_hostile(delay=0.0, alipay_new_certificate=True)
        await a_payment(control)
        await control.settle()
        names = [term.name for term in ports.get(ports.Expiring, "alipay").terms()]
    assert (len(door.received), door.refused) == (2, [])
    assert names.count("platform certificate") == 2


async def test_a_phone_number_sealed_with_the_old_or_the_new_key_is_opened(
    control: SandboxControl, sandbox: Sandbox
) -> None:
    user = await control.add_alipay_user()
    new = await control.rotate("alipay_aes_key")
    async with connected("alipay", **sandbox.environment, ALIPAY_NEXT_AES_KEY=new.secret):
        channel = ports.get(SignInChannel, "alipay")
        for step in ("", "switch"):
            if step:
                await control.rotate("alipay_aes_key", step)
            sealed = await control.alipay_phone_response(user.open_id)
            assert await channel.phone_number(sealed, user.open_id) == user.mobile
    async with connected("alipay", **sandbox.environment):
        with pytest.raises(PhoneCodeInvalid):
            await ports.get(SignInChannel, "alipay").phone_number(sealed, user.open_id)


async def test_an_application_whose_contents_are_encrypted_changes_that_key_too(
    control: SandboxControl, sandbox: Sandbox
) -> None:
    new = await control.rotate("alipay_aes_key")
    environment = {**sandbox.environment, "ALIPAY_NEXT_AES_KEY": new.secret, "ALIPAY_ENCRYPT_REQUESTS": "1"}
    async with connected("alipay", **environment):
        await a_payment(control)
        await control.rotate("alipay_aes_key", "switch")
        await a_payment(control)
    async with connected("alipay", **{**environment, "ALIPAY_AES_KEY": new.secret, "ALIPAY_NEXT_AES_KEY": ""}):
        await control.rotate("alipay_aes_key", "drop")
        await a_payment(control)


@pytest.mark.parametrize("certified", [False, True])
async def test_half_a_next_key_is_no_key(
    control: SandboxControl, sandbox: Sandbox, certificate_mode: Environment, tmp_path: Path, certified: bool
) -> None:
    mode = {**sandbox.environment, **(certificate_mode if certified else {})}
    new = await control.rotate("alipay_app")
    with pytest.raises(SettingsInvalid, match="ALIPAY_NEXT_APP_CERT_FILE and ALIPAY_NEXT_APP_PRIVATE_KEY_FILE"):
        async with connected("alipay", **with_next_app(mode, new, tmp_path, certified=not certified)):
            pass


async def test_what_ends_is_told_by_the_doctor_and_the_figures(sandbox: Sandbox, certificate_mode: Environment) -> None:
    async with connected("alipay", **{**sandbox.environment, **certificate_mode}):
        findings = certificate_findings(datetime.now(UTC))
        figures = metrics.exposition().decode()
    assert [(finding.what, finding.works, finding.warns) for finding in findings] == [
        ("alipay application certificate", True, False),
        ("alipay platform certificate", True, False),
        ("alipay root certificate", True, False),
    ]
    for name in ("application", "platform", "root"):
        assert f'portal_certificate_days_left{{certificate="{name} certificate",provider="alipay"' in figures


async def test_in_key_mode_nothing_ends(sandbox: Sandbox) -> None:
    async with connected("alipay", **sandbox.environment):
        assert certificate_findings(datetime.now(UTC)) == []
