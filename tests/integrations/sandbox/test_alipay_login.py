"""Without this module Alipay's login could grow lenient: codes, tokens, name checks and phone numbers are strict."""

import json
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature

from integrations.sandbox.control import AlipayUser, ControlRefused, SandboxControl
from tests.integrations.sandbox.alipay_app import AlipayApp, assert_signed

TOKEN = "alipay.system.oauth.token"
TWO = "datadigital.fincloud.generalsaas.twometa.check"


@pytest.fixture
def app(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> AlipayApp:
    return AlipayApp(env, client)


@pytest.fixture
async def user(control: SandboxControl) -> AlipayUser:
    return await control.add_alipay_user()


async def login(app: AlipayApp, code: str) -> dict[str, Any]:
    return await app.granted(TOKEN, grant_type="authorization_code", code=code)


async def test_a_code_tells_the_open_id_once_and_without_a_result_code(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    code = await control.alipay_auth_code(user.open_id)
    told = await login(app, code)
    assert told["open_id"] == user.open_id
    assert (told["expires_in"], told["re_expires_in"]) == (1296000, 2592000)
    assert not {"code", "msg", "user_id"} & set(told)
    again = await app.ask(TOKEN, grant_type="authorization_code", code=code)
    assert (again.node, again.sub_code) == ("error_response", "40002 isv.code-invalid")
    app.verify(again)


async def test_a_code_expires_and_nothing_else_is_one(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    code = await control.alipay_auth_code(user.open_id)
    await control.advance_clock(301)
    for wrong in (code, "nonsense", ""):
        told = await app.ask(TOKEN, grant_type="authorization_code", code=wrong)
        assert told.sub_code == "40002 isv.code-invalid"
    told = await app.ask(TOKEN, grant_type="password", code=code)
    assert told.sub_code == "40002 isv.grant-type-invalid"


@pytest.mark.parametrize(
    ("shown", "names"),
    [("open_id", {"open_id"}), ("both", {"open_id", "user_id"}), ("user_id", {"user_id"})],
)
async def test_new_migrating_and_old_apps_are_told_different_names_of_a_user(
    app: AlipayApp, control: SandboxControl, user: AlipayUser, shown: str, names: set[str]
) -> None:
    await control.be_hostile(alipay_ids=shown)
    told = await login(app, await control.alipay_auth_code(user.open_id))
    expected = {"open_id": user.open_id, "user_id": user.user_id}
    assert {name: told[name] for name in expected if name in told} == {name: expected[name] for name in names}


async def test_a_refresh_token_is_replaced_by_the_next_and_ends_after_thirty_days(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    first = (await login(app, await control.alipay_auth_code(user.open_id)))["refresh_token"]
    second = await app.granted(TOKEN, grant_type="refresh_token", refresh_token=first)
    assert second["open_id"] == user.open_id
    assert second["refresh_token"] != first
    told = await app.ask(TOKEN, grant_type="refresh_token", refresh_token=first)
    assert told.sub_code == "40002 isv.refresh-token-invalid"
    await control.advance_clock(30 * 86400 + 1)
    told = await app.ask(TOKEN, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert told.sub_code == "40002 isv.refresh-token-time-out"


async def test_one_person_may_hold_both_host_apps(control: SandboxControl) -> None:
    phone = await control.make_phone()
    same = await control.add_alipay_user(name=phone.name, id_number=phone.id_number, mobile=phone.mobile)
    other = await control.add_alipay_user()
    assert (same.name, same.id_number, same.mobile) == (phone.name, phone.id_number, phone.mobile)
    assert len({phone.id_number, other.id_number}) == 2
    assert len({phone.mobile, other.mobile}) == 2
    assert await control.alipay_users() == [same, other]
    assert await control.alipay_user(other.open_id) == other
    assert (same.user_id[:4], len(same.user_id)) == ("2088", 16)


async def test_an_account_of_nobody_or_with_a_wrong_number_is_refused(control: SandboxControl) -> None:
    with pytest.raises(ControlRefused, match="No Alipay user"):
        await control.alipay_auth_code("0nobody")
    with pytest.raises(ControlRefused, match="check digit"):
        await control.add_alipay_user(id_number="110101199001010001")
    assert await control.alipay_users() == []


async def test_a_name_and_a_number_match_only_if_they_are_one_persons(app: AlipayApp, control: SandboxControl) -> None:
    phone, user = await control.make_phone(), await control.add_alipay_user()

    async def match(name: str, number: str) -> str:
        asked = {"biz_code": "TWO_META", "outer_biz_no": "B1", "cert_type": "IDENTITY_CARD"}
        return str((await app.granted(TWO, asked | {"cert_name": name, "cert_no": number}))["match"])

    assert await match(phone.name, phone.id_number) == "T"
    assert await match(user.name, user.id_number) == "T"
    assert await match(user.name, phone.id_number) == "F"
    assert await match("无此人", "110101199003070003") == "F"
    told = await app.ask(TWO, {"biz_code": "TWO_META", "outer_biz_no": "B1", "cert_type": "PASSPORT"})
    assert (told.node, told.sub_code) == (TWO.replace(".", "_") + "_response", "40004 INVALID_PARAMETER")


async def test_the_phone_payload_is_encrypted_and_signed_with_its_quotes(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    handed = json.loads(await control.alipay_phone_response(user.open_id))
    assert set(handed) == {"response", "sign", "sign_type", "encrypt_type", "charset"}
    assert len(handed["response"]) == 88
    assert_signed(app.platform, f'"{handed["response"]}"', handed["sign"])
    told = json.loads(app.decrypt(handed["response"]))
    assert told == {"code": "10000", "msg": "Success", "mobile": user.mobile}


async def test_the_phone_payload_may_be_plain_unsigned_forged_or_an_error_in_camel_case(
    app: AlipayApp, control: SandboxControl, user: AlipayUser
) -> None:
    async def handed(mode: str) -> dict[str, str]:
        known: dict[str, str] = json.loads(await control.alipay_phone_response(user.open_id, mode))
        return known

    plain = await handed("plain")
    assert_signed(app.platform, plain["response"], plain["sign"])
    assert json.loads(plain["response"])["mobile"] == user.mobile
    assert "sign" not in await handed("unsigned")
    refused = await handed("refused")
    assert len(refused["response"]) > 88
    error = {"code": "40003", "subCode": "isv.invalid-auth-relations"}
    assert json.loads(app.decrypt(refused["response"])).items() >= error.items()
    assert json.loads((await handed("plain_refused"))["response"]).items() >= error.items()
    forged = await handed("forged")
    with pytest.raises(InvalidSignature):
        assert_signed(app.platform, f'"{forged["response"]}"', forged["sign"])
    with pytest.raises(ControlRefused, match="mode"):
        await control.alipay_phone_response(user.open_id, "unheard_of")
