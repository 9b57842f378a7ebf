from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.identity import commands
from app.identity.errors import SignInUnavailable
from app.identity.models import ChannelBinding, Resident, Session
from app.identity.queries import actor_of
from app.kernel.errors import TooManyRequests
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Phone
from tests.portal import Portal


async def code_for(phone: Phone) -> str:
    return await phone.control.login_code(phone.person.openid)


async def test_a_first_sign_in_opens_an_account_and_the_next_one_finds_it(portal: Portal) -> None:
    phone = await portal.phone(signed_in=False)

    first = await phone.sign_in()
    again = await phone.do("SignIn", code=await code_for(phone), device="")

    assert first["resident"] == {
        "id": again["resident"]["id"],
        "level": {"level": 1, "nameZh": "账号级(L1)"},
        "maskedName": None,
        "maskedPhone": None,
    }
    [binding] = await ChannelBinding.filter(open_id=phone.person.openid)
    assert str(binding.resident_id) == again["resident"]["id"]
    assert (binding.channel, binding.union_id) == ("wechat", phone.person.unionid)
    sessions = await Session.filter(resident_id=binding.resident_id).order_by("created_at")
    assert [session.device for session in sessions] == ["测试手机", "未命名设备"]
    assert await audit_of(f"resident:{binding.resident_id}") == [("identity.signed_in", "done")] * 2


async def test_five_first_sign_ins_at_once_open_one_account(portal: Portal) -> None:
    phone = await portal.phone(signed_in=False)
    codes = [await code_for(phone) for _ in range(5)]

    answers = await asyncio.gather(*(portal.stranger().do("SignIn", code=code) for code in codes))

    assert [answer["__typename"] for answer in answers] == ["SignedIn"] * 5
    assert len({answer["resident"]["id"] for answer in answers}) == 1
    assert await ChannelBinding.filter(open_id=phone.person.openid).count() == 1
    assert await Session.filter(resident_id=answers[0]["resident"]["id"]).count() == 5


async def test_a_code_is_good_once(portal: Portal) -> None:
    phone = await portal.phone(signed_in=False)
    code = await code_for(phone)
    await phone.do("SignIn", code=code)

    async with nothing_moves():
        refused = await phone.do("SignIn", code=code)

    assert (refused["code"], refused["retryable"]) == ("SIGN_IN_CODE_INVALID", True)
    assert refused["message"] == "登录凭证已失效,请重新打开小程序登录"


async def test_a_code_is_good_for_five_minutes(portal: Portal) -> None:
    phone = await portal.phone(signed_in=False)
    code = await code_for(phone)
    async with portal.later(301):
        refused = await phone.do("SignIn", code=code)

    assert refused["code"] == "SIGN_IN_CODE_INVALID"
    assert await ChannelBinding.filter(open_id=phone.person.openid).count() == 0


@pytest.mark.parametrize("code", ["", "never-given-out", "测试", "0" * 600])
async def test_a_code_nobody_gave_out_opens_nothing(portal: Portal, code: str) -> None:
    stranger = portal.stranger()
    async with nothing_moves():
        refused = await stranger.do("SignIn", code=code)
    assert refused["code"] == "SIGN_IN_CODE_INVALID"


async def test_who_the_platform_blocks_does_not_come_in(portal: Portal) -> None:
    person = await portal.control.make_phone(high_risk=True)
    code = await portal.control.login_code(person.openid)

    async with nothing_moves():
        refused = await portal.stranger().do("SignIn", code=code)

    assert (refused["code"], refused["retryable"]) == ("SIGN_IN_BLOCKED", False)
    assert await ChannelBinding.filter(open_id=person.openid).count() == 0


async def test_an_app_that_is_not_connected_is_refused_as_such(portal: Portal) -> None:
    async with nothing_moves():
        with pytest.raises(SignInUnavailable):
            await commands.sign_in("another-app", "code", "", "192.0.2.10")


async def test_while_the_platform_is_down_the_resident_may_come_again(portal: Portal) -> None:
    phone = await portal.phone(signed_in=False)
    code = await code_for(phone)
    await portal.control.be_hostile(server_error=1.0)
    try:
        async with nothing_moves():
            refused = await phone.do("SignIn", code=code)
    finally:
        await portal.control.be_kind()

    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert (await phone.do("SignIn", code=code))["__typename"] == "SignedIn"


async def test_one_address_may_try_six_hundred_times_a_minute(portal: Portal) -> None:
    async def try_once() -> Any:
        try:
            await commands.sign_in("another-app", "code", "", "192.0.2.11")
        except (SignInUnavailable, TooManyRequests) as refusal:
            return refusal

    refusals = [await try_once() for _ in range(601)]

    assert [type(refusal) for refusal in refusals] == [SignInUnavailable] * 600 + [TooManyRequests]
    assert refusals[-1].retry_after_seconds == 60


async def test_me_is_whoever_holds_the_token(portal: Portal) -> None:
    phone = await portal.phone(proven=False)

    answer = await phone.ask("Me")

    me = answer["data"]["me"]
    resident = await Resident.get(id=me["id"])
    assert (await actor_of(phone.access)).id == resident.id
    assert (me["level"]["level"], me["maskedName"], me["maskedIdNumber"], me["maskedPhone"]) == (1, None, None, None)
    assert answer["data"]["proofMethods"] == [
        {"code": "alipay-face", "name": "支付宝人脸核验", "level": 4},
        {"code": "wechat-face", "name": "微信人脸核验", "level": 4},
        {"code": "alipay-two-factor", "name": "支付宝身份信息核验", "level": 2},
    ]


async def test_without_a_token_nobody_is_me(portal: Portal) -> None:
    answer = await portal.stranger().ask("Me")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "SIGN_IN_REQUIRED"
