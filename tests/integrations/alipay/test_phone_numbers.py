"""Without this module a resident could bring any number, or nobody could bring their own."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from app.identity.errors import PhoneCodeInvalid
from app.identity.ports import SignInChannel
from app.kernel import ports
from app.kernel.errors import ProviderUnavailable
from integrations.alipay.keys import ContentCipher
from integrations.alipay.phone_numbers import PhoneNumbers
from integrations.sandbox.control import SandboxControl
from tests.integrations.alipay.scripted import AES_KEY, Scripted, scripted, signature_of
from tests.integrations.alipay.vectors import VECTORS
from tests.integrations.contract.stage import Sandbox, connected

SUCCESS = '{"code":"10000","msg":"Success","mobile":"13800000000"}'
REFUSED = '{"code":"40003","subCode":"isv.invalid-auth-relations","subMsg":"无效的授权关系"}'


@pytest.fixture
def cipher() -> ContentCipher:
    return ContentCipher(base64.b64decode(AES_KEY))


@pytest.fixture
def opener(stage: Scripted, cipher: ContentCipher) -> PhoneNumbers:
    return PhoneNumbers(stage.gateway.trust, cipher)


async def number(code: str) -> str:
    return await ports.get(SignInChannel, "alipay").phone_number(code, "openid")


@pytest.mark.usefixtures("door")
async def test_a_number_alipay_vouches_for_is_taken(control: SandboxControl) -> None:
    user = await control.add_alipay_user(mobile="13012345678")
    assert await number(await control.alipay_phone_response(user.open_id)) == "13012345678"


async def test_in_the_clear_a_number_is_taken_only_where_nothing_is_encrypted(
    control: SandboxControl, sandbox: Sandbox
) -> None:
    """Where our application has a key, a signed text in the clear was made for another application."""
    user = await control.add_alipay_user(mobile="13012345678")
    given = await control.alipay_phone_response(user.open_id, "plain")
    async with connected("alipay", **sandbox.environment):
        with pytest.raises(PhoneCodeInvalid):
            await number(given)
    async with connected("alipay", **{**sandbox.environment, "ALIPAY_AES_KEY": ""}):
        assert await number(given) == "13012345678"


@pytest.mark.parametrize("mode", ["unsigned", "refused", "plain_refused", "forged"])
@pytest.mark.usefixtures("door")
async def test_a_number_nobody_vouches_for_is_refused(control: SandboxControl, mode: str) -> None:
    user = await control.add_alipay_user()
    with pytest.raises(PhoneCodeInvalid):
        await number(await control.alipay_phone_response(user.open_id, mode))


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x",
        "{}",
        "[]",
        "null",
        '{"response":""}',
        '{"response":7,"sign":"x"}',
        '{"response":"x","sign":[]}',
        '{"response":"x","sign":"x"}',
        '{"response":"{}","sign":""}',
        "{" * 9000,
        '{"a":' * 1000,
        "中文",
    ],
)
@pytest.mark.usefixtures("door")
async def test_what_is_no_phone_number_response_is_refused(code: str) -> None:
    with pytest.raises(PhoneCodeInvalid):
        await number(code)


async def test_without_our_aes_key_only_what_alipay_really_sent_is_our_own_fault(
    control: SandboxControl, sandbox: Sandbox
) -> None:
    user = await control.add_alipay_user()
    genuine = await control.alipay_phone_response(user.open_id)
    forged = await control.alipay_phone_response(user.open_id, "forged")
    async with connected("alipay", **{**sandbox.environment, "ALIPAY_AES_KEY": ""}):
        with pytest.raises(ProviderUnavailable) as refusal:
            await number(genuine)
        with pytest.raises(PhoneCodeInvalid):
            await number(forged)
    assert refusal.value.__notes__ == ["my.getPhoneNumber: ALIPAY_AES_KEY is not set"]


def test_the_published_number_opens(tmp_path: Path, alipay_key: RSAPrivateKey, cipher: ContentCipher) -> None:
    (tmp_path / "published.txt").write_text(VECTORS["public_key"])
    trust = scripted(tmp_path, alipay_key, public_key_file=tmp_path / "published.txt").gateway.trust
    phone = VECTORS["phone"]
    assert PhoneNumbers(trust, cipher).open(handed(phone["response"], phone["sign"])) == "13800000000"


def test_the_quotes_belong_to_what_is_signed(stage: Scripted, opener: PhoneNumbers, cipher: ContentCipher) -> None:
    sealed = cipher.encrypt(SUCCESS)
    assert opener.open(handed(sealed, signature_of(stage.alipay_key, f'"{sealed}"'))) == "13800000000"
    with pytest.raises(PhoneCodeInvalid):
        opener.open(handed(sealed, signature_of(stage.alipay_key, sealed)))
    with pytest.raises(PhoneCodeInvalid):
        opener.open(handed(SUCCESS, signature_of(stage.alipay_key, f'"{SUCCESS}"')))
    bare = PhoneNumbers(stage.gateway.trust, None)
    assert bare.open(handed(SUCCESS, signature_of(stage.alipay_key, SUCCESS))) == "13800000000"


@pytest.mark.parametrize(
    "content",
    [
        REFUSED,
        '{"code":"40001","mobile":"13800000000"}',
        '{"mobile":"13800000000"}',
        '{"code":"10000"}',
        '{"code":"10000","mobile":""}',
        '{"code":"10000","mobile":"138 0000"}',
        '{"code":"10000","mobile":"١٣٨٠٠٠٠٠٠٠٠"}',
        '{"code":10000,"mobile":"13800000000"}',
        "[]",
        "text",
    ],
)
def test_only_success_with_a_number_is_a_number(
    stage: Scripted, opener: PhoneNumbers, cipher: ContentCipher, content: str
) -> None:
    sealed = cipher.encrypt(content)
    with pytest.raises(PhoneCodeInvalid):
        opener.open(handed(sealed, signature_of(stage.alipay_key, f'"{sealed}"')))


def test_a_refusal_is_logged_by_its_code_alone(
    stage: Scripted, opener: PhoneNumbers, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PhoneCodeInvalid):
        opener.open(handed(REFUSED, signature_of(stage.alipay_key, REFUSED)))
    logged = capsys.readouterr().out
    assert "isv.invalid-auth-relations" in logged
    assert "无效的授权关系" not in logged


def handed(response: str, signature: str) -> str:
    """`res.response` as the mini-program gets it."""
    return json.dumps({"response": response, "sign": signature, "sign_type": "RSA2", "charset": "UTF-8"})
