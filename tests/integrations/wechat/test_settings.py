"""Without this module a wrong key would only be noticed by the first resident, or printed into a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat

from app.kernel import ports
from app.kernel.settings import SettingsInvalid
from integrations.sandbox.control import SandboxControl
from integrations.wechat.health import NotAccepted
from tests.integrations.contract.stage import Sandbox, connected


async def test_a_start_without_any_setting_names_them_all() -> None:
    names = ("APP_ID", "APP_SECRET", "PAY_MCH_ID", "PAY_SERIAL_NO", "PAY_PRIVATE_KEY_FILE", "PAY_API_V3_KEY")
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("wechat", **{f"WECHAT_{name}": "" for name in names}):
            pass
    assert str(fault.value).splitlines() == [f"WECHAT_{name}: Field required" for name in names]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "WECHAT_PAY_PRIVATE_KEY_FILE",
            "/nowhere/key-0815.pem",
            "WECHAT_PAY_PRIVATE_KEY_FILE names a file that cannot be read",
        ),
        (
            "WECHAT_PAY_PRIVATE_KEY_FILE",
            __file__,
            "WECHAT_PAY_PRIVATE_KEY_FILE is not an unencrypted PEM private key",
        ),
        (
            "WECHAT_PAY_PUBLIC_KEY_FILE",
            "/nowhere/key-0815.pem",
            "WECHAT_PAY_PUBLIC_KEY_FILE names a file that cannot be read",
        ),
        ("WECHAT_PAY_PUBLIC_KEY_FILE", __file__, "WECHAT_PAY_PUBLIC_KEY_FILE is not a PEM public key"),
        (
            "WECHAT_PAY_PUBLIC_KEY_FILE",
            "",
            "WECHAT_PAY_PUBLIC_KEY_ID and WECHAT_PAY_PUBLIC_KEY_FILE belong together: set both or none",
        ),
        ("WECHAT_PAY_API_V3_KEY", "key-0815", "WECHAT_PAY_API_V3_KEY: must be exactly 32 bytes long"),
        (
            "WECHAT_API_BASE_URL",
            "key-0815",
            "WECHAT_API_BASE_URL: must begin with https:// (or http:// towards a sandbox)",
        ),
    ],
)
async def test_a_start_with_a_wrong_setting_says_which_and_not_what(
    sandbox: Sandbox, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingsInvalid) as fault:
        async with connected("wechat", **{**sandbox.environment, name: value}):
            pass
    assert str(fault.value) == sentence
    assert "0815" not in repr(fault.value)


async def test_an_encrypted_private_key_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    locked = generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )
    (tmp_path / "locked.pem").write_bytes(locked)
    with pytest.raises(SettingsInvalid, match="WECHAT_PAY_PRIVATE_KEY_FILE is not an unencrypted PEM private key"):
        async with connected(
            "wechat", **{**sandbox.environment, "WECHAT_PAY_PRIVATE_KEY_FILE": str(tmp_path / "locked.pem")}
        ):
            pass


async def test_the_doctor_finds_right_settings_right(sandbox: Sandbox) -> None:
    async with connected("wechat", **sandbox.environment):
        verdict = await ports.get(ports.HealthCheck, "wechat").check()
    assert verdict == "WeChat gave an access token, WeChat Pay accepts our signature"


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("WECHAT_APP_SECRET", "wrong", "stable_token: status 200, errcode 40001"),
        ("WECHAT_APP_ID", "wx0000000000000000", "stable_token: status 200, errcode 40013"),
        ("WECHAT_PAY_MCH_ID", "1900000000", "query: 401 SIGN_ERROR"),
        ("WECHAT_PAY_SERIAL_NO", "ABCDEF0123456789", "query: 401 SIGN_ERROR"),
    ],
)
async def test_the_doctor_says_what_is_wrong(sandbox: Sandbox, name: str, value: str, cause: str) -> None:
    async with connected("wechat", **{**sandbox.environment, "WECHAT_PAY_CERTIFICATE_FILE": "", name: value}):
        with pytest.raises(NotAccepted) as fault:
            await ports.get(ports.HealthCheck, "wechat").check()
    assert str(fault.value) == cause


@pytest.mark.parametrize("certificates", [True, False])
async def test_the_doctor_says_that_no_notice_could_be_opened(sandbox: Sandbox, *, certificates: bool) -> None:
    wrong = {**sandbox.environment, "WECHAT_PAY_API_V3_KEY": "0" * 32}
    if certificates:
        wrong |= {"WECHAT_PAY_PUBLIC_KEY_ID": "", "WECHAT_PAY_PUBLIC_KEY_FILE": ""}
    async with connected("wechat", **wrong):
        with pytest.raises(NotAccepted, match="another key than WECHAT_PAY_API_V3_KEY, so no notice"):
            await ports.get(ports.HealthCheck, "wechat").check()


async def test_the_doctor_says_that_what_wechat_signs_cannot_be_verified(sandbox: Sandbox, tmp_path: Path) -> None:
    other = generate_private_key(65537, 2048).public_key()
    (tmp_path / "other.pem").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    wrong = {**sandbox.environment, "WECHAT_PAY_PUBLIC_KEY_FILE": str(tmp_path / "other.pem")}
    async with connected("wechat", **wrong):
        with pytest.raises(NotAccepted, match=r"cannot be verified \(.*\): set WECHAT_PAY_PUBLIC_KEY_ID and its file"):
            await ports.get(ports.HealthCheck, "wechat").check()


async def test_the_doctor_is_content_where_no_certificates_are_given_out(
    sandbox: Sandbox, control: SandboxControl
) -> None:
    await control.be_hostile(public_key_only=True)
    async with connected("wechat", **sandbox.environment):
        assert "accepts our signature" in await ports.get(ports.HealthCheck, "wechat").check()


async def test_the_doctor_notices_that_no_answer_could_be_verified(sandbox: Sandbox, control: SandboxControl) -> None:
    await control.be_hostile(public_key_only=True)
    without = {**sandbox.environment, "WECHAT_PAY_PUBLIC_KEY_ID": "", "WECHAT_PAY_PUBLIC_KEY_FILE": ""}
    async with connected("wechat", **without):
        with pytest.raises(NotAccepted, match="no key of the platform"):
            await ports.get(ports.HealthCheck, "wechat").check()
