"""Without this module the gateway could wave through what Alipay refuses: parameters, signature, mode and method."""

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from integrations.sandbox.control import AlipayUser, SandboxControl
from tests.integrations.sandbox.alipay_app import GATEWAY, AlipayApp, Told, beijing, taken_apart, text_to_sign

TOKEN = "alipay.system.oauth.token"
INITIALIZE = "alipay.user.certify.open.initialize"


@pytest.fixture
def app(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> AlipayApp:
    return AlipayApp(env, client)


@pytest.fixture
async def user(control: SandboxControl) -> AlipayUser:
    return await control.add_alipay_user()


def asked(user: AlipayUser, number: str, name: str = "") -> dict[str, Any]:
    person = {"identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD"}
    person |= {"cert_name": name or user.name, "cert_no": user.id_number}
    return {"outer_order_no": number, "biz_code": "FACE", "identity_param": person}


def right(app: AlipayApp, user: AlipayUser, number: str = "A1", **changes: str) -> dict[str, str]:
    return app.common(INITIALIZE, biz_content=json.dumps(asked(user, number)), **changes)


async def nothing_began(control: SandboxControl) -> bool:
    return await control.certifications() == []


async def test_a_right_call_is_answered_whatever_carries_its_parameters(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    async def answered(number: str, **how: Any) -> None:
        answer = await app.client.request(how.pop("method", "POST"), GATEWAY, **how)
        told = taken_apart(answer.text)
        app.verify(told)
        assert told.content["code"] == "10000", number

    everything = [app.signed(right(app, user, f"A{number}")) for number in range(4)]
    split = {name: everything[2].pop(name) for name in ("method", "app_id", "sign", "charset")}
    await answered("body", data=everything[0])
    await answered("query", params=everything[1], method="GET")
    await answered("split", params=split, data=everything[2])
    picture = {"picture": ("face.jpg", b"\xff\xd8", "image/jpeg")}  # a file is not signed
    await answered("multipart", data=everything[3], files=picture)
    assert [one.outer_order_no for one in await control.certifications()] == ["A0", "A1", "A2", "A3"]


@pytest.mark.parametrize(
    ("name", "sub_code"),
    [
        ("method", "isv.missing-method"),
        ("app_id", "isv.missing-app-id"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
    ],
)
async def test_a_missing_parameter_is_named_and_the_answer_is_not_signed(
    app: AlipayApp, control: SandboxControl, user: AlipayUser, name: str, sub_code: str
) -> None:
    for absent in ({}, {name: ""}):
        parameters = app.signed({key: value for key, value in right(app, user).items() if key != name})
        parameters = {key: value for key, value in parameters.items() if key != name} | absent
        told = await app.send(parameters)
        assert (told.node, told.sub_code, told.sign) == ("error_response", f"40001 {sub_code}", None)
    assert await nothing_began(control)


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"app_id": "2021000000000000"}, "isv.invalid-app-id"),
        ({"format": "XML"}, "isv.invalid-format"),
        ({"charset": "GBK"}, "isv.invalid-charset"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"version": "2.0"}, "isv.invalid-version"),
        ({"timestamp": "2026-3-1 9:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "yesterday"}, "isv.invalid-timestamp"),
    ],
)
async def test_a_wrong_common_parameter_is_refused_even_with_a_right_signature(
    app: AlipayApp, control: SandboxControl, user: AlipayUser, changes: dict[str, str], sub_code: str
) -> None:
    answer = await app.client.post(GATEWAY, data=app.signed(right(app, user, **changes)))
    told = taken_apart(answer.text)
    assert (told.node, told.sub_code, told.sign) == ("error_response", f"40002 {sub_code}", None)
    assert await nothing_began(control)


async def test_the_timestamp_is_beijings_and_ten_minutes_are_the_limit(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    now = time.time()
    for wrong in (now - 8 * 3600, now + 8 * 3600, now - 610, now + 610):
        told = await app.send(app.signed(right(app, user, timestamp=beijing(wrong))))
        assert (told.sub_code, told.sign) == ("40002 isv.invalid-timestamp", None)
    assert await nothing_began(control)
    await control.advance_clock(3600)  # records age, signatures do not
    for number, kind in enumerate((now - 580, now + 580)):
        told = await app.send(app.signed(right(app, user, f"A{number}", timestamp=beijing(kind))))
        assert told.content["code"] == "10000"


async def test_a_wrong_signature_is_answered_with_the_text_alipay_signed(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    parameters = right(app, user, notify_url="")
    text = text_to_sign(parameters)
    sha1 = base64.b64encode(app.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())).decode()  # noqa: S303
    without_type = {name: value for name, value in parameters.items() if name != "sign_type"}
    wrong = [
        app.sign(text + " "),
        app.sign(text_to_sign(without_type)),
        app.sign(text + "&notify_url="),
        sha1,
        "not base64",
    ]
    for signature in wrong:
        told = await app.send({**parameters, "sign": signature})
        assert (told.node, told.sub_code, told.sign) == ("error_response", "40002 isv.invalid-signature", None)
        assert text in told.content["sub_msg"]
    changed = app.signed(parameters) | {"biz_content": json.dumps(asked(user, "A2"))}
    assert (await app.send(changed)).sub_code == "40002 isv.invalid-signature"
    assert await nothing_began(control)
    assert (await app.send(app.signed(parameters))).content["code"] == "10000"  # the empty notify_url vanishes


async def test_a_parameter_with_two_values_is_refused(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    parameters = app.signed(right(app, user))
    answer = await app.client.post(GATEWAY, params={"method": TOKEN}, data=parameters)
    assert taken_apart(answer.text).sub_code == "40002 isv.invalid-parameter"
    assert await nothing_began(control)


@pytest.mark.parametrize(
    ("body", "sub_code"),
    [
        (b"method=\xff", "40002 isv.invalid-charset"),
        (b"method=%ff", "40002 isv.invalid-charset"),
        (b"", "40001 isv.missing-method"),
        (b"{}", "40001 isv.missing-method"),
        (b"&&==&%", "40001 isv.missing-method"),
    ],
)
async def test_what_is_no_form_is_refused_in_alipays_words(app: AlipayApp, body: bytes, sub_code: str) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    told = taken_apart((await app.client.post(GATEWAY, content=body, headers=kind)).text)
    assert (told.node, told.sub_code) == ("error_response", sub_code)
    part = b'--b\r\ncontent-disposition: form-data; name="method"\r\n\r\n' + body + b"\r\n--b--\r\n"
    for boundary in ("; boundary=b", ""):
        kind = {"content-type": f"multipart/form-data{boundary}"}
        told = taken_apart((await app.client.post(GATEWAY, content=part, headers=kind)).text)
        assert (told.node, told.sign) == ("error_response", None)


async def test_after_the_signature_refusals_are_signed_too(app: AlipayApp, control: SandboxControl) -> None:
    unknown = await app.ask("alipay.trade.unheard.of", {})
    assert (unknown.node, unknown.sub_code) == ("error_response", "40002 isv.invalid-method")
    no_object = await app.ask(INITIALIZE, [1])
    assert (no_object.node, no_object.sub_code) == ("error_response", "40002 isv.invalid-parameter")
    business = await app.ask(INITIALIZE, {})
    assert business.node == "alipay_user_certify_open_initialize_response"
    assert business.sub_code == "40004 INVALID_PARAMETER"
    for told in (unknown, no_object, business):
        app.verify(told)


async def test_what_is_signed_are_the_characters_sent_and_no_copy_of_them(app: AlipayApp, user: AlipayUser) -> None:
    certify_id = (await app.granted(INITIALIZE, asked(user, "A1", "甲乙")))["certify_id"]
    told = await app.ask("alipay.user.certify.open.query", {"certify_id": certify_id})
    app.verify(told)
    assert "\\u7532乙" in told.raw
    assert json.loads(told.content["identity_info"])["cert_name"] == "甲乙"
    copy = json.dumps(told.content, ensure_ascii=False, separators=(",", ":"))
    with pytest.raises(InvalidSignature):
        app.verify(Told(told.node, copy, told.content, told.sign, None))


async def test_an_encrypted_question_gets_an_encrypted_answer_signed_with_its_quotes(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    told = await app.ask(INITIALIZE, asked(user, "A1"), aes=True)
    assert isinstance(told.content, str)
    assert told.raw == f'"{told.content}"'
    app.verify(told)
    assert json.loads(app.decrypt(told.content))["code"] == "10000"
    refused = await app.ask(INITIALIZE, asked(user, "A1"), aes=True)
    assert json.loads(app.decrypt(refused.content))["sub_code"] == "OUTER_ORDER_NO_REPEATED"
    assert len(await control.certifications()) == 1


async def test_what_cannot_be_decrypted_is_refused(app: AlipayApp, control: SandboxControl, user: AlipayUser) -> None:
    plain = await app.ask(INITIALIZE, asked(user, "A1"), encrypt_type="AES")
    assert plain.sub_code == "40002 isv.decryption-error-unknown"
    other = await app.ask(INITIALIZE, asked(user, "A1"), encrypt_type="SM4")
    assert other.sub_code == "40002 isv.invalid-encrypt-type"
    assert await nothing_began(control)


async def test_a_code_is_used_once_however_many_ask_at_once(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    code = await control.alipay_auth_code(user.open_id)
    told = await asyncio.gather(*(app.ask(TOKEN, grant_type="authorization_code", code=code) for _ in range(8)))
    assert sorted(one.node for one in told) == ["alipay_system_oauth_token_response"] + ["error_response"] * 7


async def test_the_journal_names_the_method_and_hides_names_numbers_and_codes(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    code = await control.alipay_auth_code(user.open_id)
    await app.granted(TOKEN, grant_type="authorization_code", code=code)
    await app.granted(INITIALIZE, asked(user, "A1"))
    await app.client.post(GATEWAY, data=app.signed(right(app, user, "A2")), files={"f": ("f.jpg", b"1")})
    entries = [entry for entry in await control.journal() if entry.provider == "alipay"]
    assert [entry.what for entry in entries] == [f"POST {GATEWAY} {name}" for name in (TOKEN, INITIALIZE, INITIALIZE)]
    shown = " ".join(entry.detail for entry in entries)
    assert not any(secret in shown for secret in (code, user.name, user.id_number))
