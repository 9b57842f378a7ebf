"""Without this module we could believe an answer Alipay never gave."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from alipay.aop.api.domain.AlipayUserCertifyOpenQueryModel import AlipayUserCertifyOpenQueryModel
from alipay.aop.api.request.AlipayUserCertifyOpenQueryRequest import AlipayUserCertifyOpenQueryRequest
from alipay.aop.api.response.AlipayUserCertifyOpenQueryResponse import AlipayUserCertifyOpenQueryResponse
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1

from app.kernel import clock
from app.kernel.errors import ProviderUnavailable
from integrations.alipay.gateway import GatewayRefused, SdkRequest
from tests.integrations.alipay.scripted import APP_ID, Scripted, public_pem_of, scripted, signature_of, signed

METHOD = "alipay.user.certify.open.query"
PASSED = r'{"code":"10000","msg":"Success","passed":"T","material_info":"{\"a\":\"\/b\"}","fail_reason":"\u4eba"}'


def question(certify_id: str = "测试+编号 &=1") -> SdkRequest:
    model = AlipayUserCertifyOpenQueryModel()
    model.certify_id = certify_id
    request: SdkRequest = AlipayUserCertifyOpenQueryRequest(biz_model=model)
    return request


def check_with_the_sdk(stage: Scripted, form: dict[str, str]) -> None:
    public = "".join(public_pem_of(stage.app_key).decode().splitlines()[1:-1])
    text = get_sign_content({name: value for name, value in form.items() if name != "sign"})
    assert verify_with_rsa(public, text.encode(), form["sign"])


async def ask(stage: Scripted) -> AlipayUserCertifyOpenQueryResponse:
    return await stage.gateway.ask(question(), AlipayUserCertifyOpenQueryResponse())


async def cause_of(stage: Scripted) -> str:
    with pytest.raises(ProviderUnavailable) as refusal:
        await ask(stage)
    [cause] = refusal.value.__notes__
    return cause.removeprefix(f"{METHOD}: ")


async def test_a_question_is_one_signed_form_with_every_common_parameter(stage: Scripted) -> None:
    stage.answering = lambda _: signed(stage.alipay_key, METHOD, PASSED)
    assert (await ask(stage)).passed == "T"
    [request], [form] = stage.requests, stage.forms()
    assert (request.method, str(request.url)) == ("POST", "http://alipay.test/gateway.do?charset=utf-8")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded;charset=utf-8"
    check_with_the_sdk(stage, form)
    assert form == {
        "app_id": APP_ID,
        "method": METHOD,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": form["timestamp"],
        "sign": form["sign"],
        "version": "1.0",
        "biz_content": '{"certify_id":"测试+编号 &=1"}',
    }


async def test_the_timestamp_is_beijing_time_and_real(stage: Scripted) -> None:
    stage.answering = lambda _: signed(stage.alipay_key, METHOD, PASSED)
    with clock.standing_at(datetime(2020, 1, 1, tzinfo=UTC)):
        await ask(stage)
    [form] = stage.forms()
    told = datetime.strptime(form["timestamp"] + "+0800", "%Y-%m-%d %H:%M:%S%z")
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=5)


def test_a_page_is_a_signed_address(stage: Scripted) -> None:
    url = urlsplit(stage.gateway.page_url(question()))
    assert url._replace(query="").geturl() == "http://alipay.test/gateway.do"
    form = dict(parse_qsl(url.query, strict_parsing=True))
    check_with_the_sdk(stage, form)
    assert (form["method"], form["biz_content"]) == (METHOD, '{"certify_id":"测试+编号 &=1"}')
    assert stage.requests == []


def _with_another_hash(key: RSAPrivateKey) -> str:
    weak = base64.b64encode(key.sign(PASSED.encode(), PKCS1v15(), SHA1())).decode()  # noqa: S303 - to be refused
    return signed(key, METHOD, PASSED).replace(signature_of(key, PASSED), weak)


def _over_a_copy(key: RSAPrivateKey) -> str:
    copied = json.dumps(json.loads(PASSED), separators=(",", ":"), ensure_ascii=False)
    return signed(key, METHOD, PASSED).replace(signature_of(key, PASSED), signature_of(key, copied))


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        pytest.param(lambda key: signed(key, METHOD, PASSED).replace('"T"', '"F"'), "signature-wrong", id="changed"),
        pytest.param(_with_another_hash, "signature-wrong", id="SHA-1"),
        pytest.param(_over_a_copy, "signature-wrong", id="signed over a copy"),
        pytest.param(
            lambda key: signed(key, METHOD, PASSED).replace(f',"sign":"{signature_of(key, PASSED)}"', ""),
            "unsigned",
            id="without a signature",
        ),
        pytest.param(
            lambda key: signed(key, METHOD, PASSED)[:-1] + ',"alipay_user_certify_open_query_response":{}}',
            "not-json",
            id="the node twice",
        ),
        pytest.param(lambda key: signed(key, "alipay.trade.query", PASSED), "no-node", id="another method's"),
        pytest.param(lambda key: signed(key, METHOD, PASSED)[:-20], "not-json", id="cut off"),
        pytest.param(lambda _: httpx.Response(502, text="<html>"), "status 502", id="502"),
        pytest.param(
            lambda key: httpx.Response(500, text=signed(key, METHOD, PASSED)), "status 500", id="500 that says yes"
        ),
        pytest.param(
            lambda key: signed(key, METHOD, '"AAAAAAAAAAAAAAAAAAAAAA=="'), "ciphertext", id="sealed with nothing inside"
        ),
        pytest.param(lambda _: httpx.Response(200, content=b"\xff\xfe{}"), "not-json", id="not UTF-8"),
    ],
)
async def test_an_answer_that_cannot_be_believed_is_none(
    stage: Scripted, answer: Callable[[RSAPrivateKey], str | httpx.Response], cause: str
) -> None:
    stage.answering = lambda _: answer(stage.alipay_key)
    assert await cause_of(stage) == cause


@pytest.mark.parametrize(
    ("content", "code", "sub_code"),
    [
        (
            '{"code":"40002","msg":"x","sub_code":"isv.invalid-app-id","sub_msg":"测试居民甲"}',
            "40002",
            "isv.invalid-app-id",
        ),
        ('{"code":"10000","passed":"T"}', "10000", ""),
        ('{"passed":"T"}', "", ""),
        ('{"code":40002,"sub_code":"a b\\nc"}', "", ""),
    ],
)
async def test_an_unsigned_error_is_a_refusal_and_never_a_success(
    stage: Scripted, content: str, code: str, sub_code: str
) -> None:
    stage.answering = lambda _: f'{{"error_response":{content}}}'
    with pytest.raises(GatewayRefused) as refused:
        await ask(stage)
    assert (refused.value.code, refused.value.sub_code, refused.value.is_signed) == (code, sub_code, False)
    assert str(refused.value) == f"{METHOD}: {code} {sub_code}".rstrip()


@pytest.mark.parametrize(
    ("content", "outcome_unknown"),
    [
        ('{"code":"40004","sub_code":"ACQ.SYSTEM_ERROR"}', True),
        ('{"code":"20000","sub_code":"isp.unknow-error"}', True),
        ('{"code":"20000"}', True),
        ('{"code":"40004","sub_code":"CERTIFY_ID_NOT_EXIST"}', False),
        ('{"passed":"T"}', False),
        ('{"code":10000,"passed":"T"}', False),
    ],
)
async def test_only_the_code_of_success_is_success(stage: Scripted, content: str, outcome_unknown: bool) -> None:
    stage.answering = lambda _: signed(stage.alipay_key, METHOD, content)
    with pytest.raises(GatewayRefused) as refused:
        await ask(stage)
    assert (refused.value.is_signed, refused.value.outcome_unknown) == (True, outcome_unknown)


async def test_what_is_asked_can_be_hidden_and_the_answer_with_it(tmp_path: Path, alipay_key: RSAPrivateKey) -> None:
    from tests.integrations.alipay.test_vectors import cipher

    stage = scripted(tmp_path, alipay_key, encrypt_requests=True)
    stage.answering = lambda _: signed(alipay_key, METHOD, f'"{cipher().encrypt(PASSED)}"')
    assert (await ask(stage)).fail_reason == "人"
    [form] = stage.forms()
    assert form["encrypt_type"] == "AES"
    assert cipher().decrypt(form["biz_content"]) == '{"certify_id":"测试+编号 &=1"}'
    check_with_the_sdk(stage, form)


async def test_a_hidden_answer_needs_our_key(tmp_path: Path, alipay_key: RSAPrivateKey) -> None:
    stage = scripted(tmp_path, alipay_key, aes_key=None)
    stage.answering = lambda _: signed(alipay_key, METHOD, '"oozy3fB4klnkNWAfIhVfyA=="')
    assert await cause_of(stage) == "encrypted-without-key"
