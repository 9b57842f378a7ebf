"""Without this module a wrong key would only be noticed by the first resident, or printed into a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.kernel import ports
from app.kernel.settings import SettingsInvalid
from integrations.alipay.health import AlipayHealth, NotAccepted
from tests.integrations.alipay.scripted import Scripted, signed
from tests.integrations.contract.stage import Sandbox, connected

LOGIN = "alipay.system.oauth.token"


async def test_a_start_without_any_setting_names_what_is_missing() -> None:
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("alipay", ALIPAY_APP_ID="", ALIPAY_APP_PRIVATE_KEY_FILE="", ALIPAY_SELLER_ID=""):
            pass
    assert str(fault.value).splitlines() == [
        "ALIPAY_APP_ID: Field required",
        "ALIPAY_APP_PRIVATE_KEY_FILE: Field required",
        "ALIPAY_SELLER_ID: Field required",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"ALIPAY_APP_PRIVATE_KEY_FILE": "/nowhere/key-0815.pem"},
            "ALIPAY_APP_PRIVATE_KEY_FILE names a file that cannot be read",
        ),
        (
            {"ALIPAY_APP_PRIVATE_KEY_FILE": __file__},
            "ALIPAY_APP_PRIVATE_KEY_FILE is not an unencrypted RSA private key",
        ),
        ({"ALIPAY_PUBLIC_KEY_FILE": "/nowhere/0815"}, "ALIPAY_PUBLIC_KEY_FILE names a file that cannot be read"),
        ({"ALIPAY_PUBLIC_KEY_FILE": __file__}, "ALIPAY_PUBLIC_KEY_FILE is not an RSA public key"),
        ({"ALIPAY_PUBLIC_KEY_FILE": ""}, "set either ALIPAY_PUBLIC_KEY_FILE or the three certificate files"),
        (
            {"ALIPAY_CERT_FILE": "/nowhere/0815"},
            "ALIPAY_APP_CERT_FILE, ALIPAY_CERT_FILE and ALIPAY_ROOT_CERT_FILE belong together: set all or none",
        ),
        ({"ALIPAY_AES_KEY": "key-0815"}, "ALIPAY_AES_KEY: must be 16 bytes in base64, as the console shows it"),
        ({"ALIPAY_AES_KEY": "", "ALIPAY_ENCRYPT_REQUESTS": "1"}, "ALIPAY_ENCRYPT_REQUESTS needs ALIPAY_AES_KEY"),
        (
            {"ALIPAY_SELLER_ID": "2088-0815"},
            "ALIPAY_SELLER_ID: must be the PID of the merchant account, 16 digits that begin with 2088",
        ),
        (
            {"ALIPAY_GATEWAY_URL": "key-0815"},
            "ALIPAY_GATEWAY_URL: must begin with https:// (or http:// towards a sandbox) and have no query",
        ),
    ],
)
async def test_a_start_with_a_wrong_setting_says_which_and_not_what(
    sandbox: Sandbox, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("alipay", **{**sandbox.environment, **changes}):
            pass
    assert str(fault.value) == sentence
    assert "0815" not in repr(fault.value)


@pytest.mark.parametrize(
    ("name", "other", "sentence"),
    [
        ("ALIPAY_APP_CERT_FILE", __file__, "ALIPAY_APP_CERT_FILE is not a PEM certificate with an RSA key"),
        ("ALIPAY_CERT_FILE", __file__, "ALIPAY_CERT_FILE is not a PEM certificate with an RSA key"),
        ("ALIPAY_ROOT_CERT_FILE", __file__, "ALIPAY_ROOT_CERT_FILE holds no certificate that RSA signed"),
        (
            "ALIPAY_APP_CERT_FILE",
            "ALIPAY_CERT_FILE",
            "ALIPAY_APP_CERT_FILE and ALIPAY_APP_PRIVATE_KEY_FILE do not belong together",
        ),
        (
            "ALIPAY_PUBLIC_KEY_FILE",
            "ALIPAY_CERT_FILE",
            "set either ALIPAY_PUBLIC_KEY_FILE or the three certificate files",
        ),
    ],
)
async def test_a_wrong_file_of_certificate_mode_is_named(
    certificate_mode: dict[str, str], name: str, other: str, sentence: str
) -> None:
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("alipay", **{**certificate_mode, name: certificate_mode.get(other, other)}):
            pass
    assert str(fault.value) == sentence


async def test_a_key_of_another_kind_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "ec.pem").write_bytes(curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(SettingsInvalid, match="ALIPAY_PUBLIC_KEY_FILE is not an RSA public key"):
        async with connected("alipay", **{**sandbox.environment, "ALIPAY_PUBLIC_KEY_FILE": str(tmp_path / "ec.pem")}):
            pass


async def test_the_doctor_finds_right_settings_right(sandbox: Sandbox, certificate_mode: dict[str, str]) -> None:
    for environment in (sandbox.environment, certificate_mode):
        async with connected("alipay", **environment):
            verdict = await ports.get(ports.HealthCheck, "alipay").check()
        assert verdict == "Alipay accepts our signature and we accept its"


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("ALIPAY_APP_ID", "2021000000000000", f"{LOGIN}: 40002 isv.invalid-app-id"),
        ("ALIPAY_APP_PRIVATE_KEY_FILE", "the other key", f"{LOGIN}: 40002 isv.invalid-signature"),
        ("ALIPAY_PUBLIC_KEY_FILE", "the other key", f"{LOGIN}: signature-wrong"),
        ("ALIPAY_GATEWAY_URL", "http://127.0.0.1:1/gateway.do", f"alipay {LOGIN}: ConnectError"),
    ],
)
async def test_the_doctor_says_what_is_wrong(
    sandbox: Sandbox, stage: Scripted, tmp_path: Path, name: str, value: str, cause: str
) -> None:
    others = {
        "ALIPAY_APP_PRIVATE_KEY_FILE": str(tmp_path / "app.pem"),
        "ALIPAY_PUBLIC_KEY_FILE": str(tmp_path / "alipay.pem"),
    }
    changed = others[name] if value == "the other key" else value
    async with connected("alipay", **{**sandbox.environment, name: changed}):
        with pytest.raises(NotAccepted) as fault:
            await ports.get(ports.HealthCheck, "alipay").check()
    assert str(fault.value) == cause


async def test_the_doctor_tells_when_alipays_key_was_not_proved(stage: Scripted) -> None:
    stage.answering = lambda _: '{"error_response":{"code":"40002","sub_code":"isv.code-invalid"}}'
    told = await AlipayHealth(stage.gateway).check()
    assert told == "Alipay accepts our signature; this refusal bore none of its own"


async def test_the_doctor_distrusts_a_gateway_that_says_yes_to_everything(stage: Scripted) -> None:
    stage.answering = lambda _: signed(stage.alipay_key, LOGIN, '{"open_id":"x"}')
    with pytest.raises(NotAccepted, match="Alipay knows a login code that does not exist"):
        await AlipayHealth(stage.gateway).check()
