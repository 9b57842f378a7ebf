"""Without this module the platforms' check of texts could grow lenient, and find what they would not find."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from integrations.sandbox.control import Phone, SandboxControl
from tests.integrations.sandbox.alipay_app import AlipayApp
from tests.integrations.sandbox.test_wechat import MiniProgram

PATH = "/wxa/msg_sec_check"


@pytest.fixture
def mini(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> MiniProgram:
    return MiniProgram(client, env)


@pytest.fixture
async def token(mini: MiniProgram) -> str:
    return str((await mini.token())["access_token"])


@pytest.fixture
async def opened(mini: MiniProgram, control: SandboxControl, phone: Phone) -> Phone:
    """A phone on which the mini-program was opened just now."""
    await mini.login(await control.login_code(phone.openid))
    return phone


def asked(phone: Phone, text: str = "你好", **changes: Any) -> dict[str, Any]:
    return {"version": 2, "openid": phone.openid, "scene": 2, "content": text} | changes


async def sent(mini: MiniProgram, token: str, body: str) -> dict[str, Any]:
    answer = await mini.client.post(PATH, params={"access_token": token}, content=body.encode())
    content: dict[str, Any] = answer.json()
    return content


@pytest.mark.parametrize(
    ("content", "suggest", "label"),
    [("你好", "pass", 100), ("测试疑语", "review", 20008), ("测试疑语和测试禁语", "risky", 20003)],
)
async def test_the_worst_word_counts(
    mini: MiniProgram, token: str, opened: Phone, content: str, suggest: str, label: int
) -> None:
    told = await sent(mini, token, json.dumps(asked(opened, content), ensure_ascii=False))
    assert (told["errcode"], told["result"]) == (0, {"suggest": suggest, "label": label})
    assert len(told["trace_id"]) == 32


async def test_an_escaped_word_is_not_found(mini: MiniProgram, token: str, opened: Phone) -> None:
    told = await sent(mini, token, json.dumps(asked(opened, "测试禁语")))
    assert told["result"]["suggest"] == "pass"


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"version": 1}, 40097),
        ({"version": "2"}, 40097),
        ({"media_url": "x"}, 40097),
        ({"scene": 0}, 40129),
        ({"scene": 5}, 40129),
        ({"scene": "2"}, 40129),
        ({"signature": "签名"}, 40129),
        ({"content": ""}, 47001),
        ({"content": "字" * 2501}, 47001),
        ({"openid": "nobody"}, 40003),
    ],
)
async def test_it_is_strict_about_what_it_is_asked(
    mini: MiniProgram, token: str, opened: Phone, changes: dict[str, Any], errcode: int
) -> None:
    assert (await mini.post(PATH, asked(opened, **changes), token))["errcode"] == errcode


async def test_the_longest_text_and_a_signature_in_a_profile_are_taken(
    mini: MiniProgram, token: str, opened: Phone
) -> None:
    longest = asked(opened, "字" * 2500, scene=1, signature="签名")
    assert (await mini.post(PATH, longest, token))["errcode"] == 0


async def test_who_was_away_for_two_hours_or_never_there_is_not_judged(
    mini: MiniProgram, token: str, control: SandboxControl, phone: Phone
) -> None:
    assert (await mini.post(PATH, asked(phone), token))["errcode"] == 61010
    await mini.login(await control.login_code(phone.openid))
    assert (await mini.post(PATH, asked(phone), token))["errcode"] == 0
    await control.leave_phone_alone(phone.openid, 7201)
    assert (await mini.post(PATH, asked(phone), token))["errcode"] == 61010


async def test_the_door_and_the_quota(mini: MiniProgram, token: str, control: SandboxControl, opened: Phone) -> None:
    await control.text_door(left=1)
    assert (await mini.post(PATH, asked(opened), token))["errcode"] == 0
    assert (await mini.post(PATH, asked(opened), token))["errcode"] == 45009
    for state, errcode in (("busy", -1), ("unauthorised", 48001)):
        await control.text_door(state, left=9)
        assert (await mini.post(PATH, asked(opened), token))["errcode"] == errcode
    await control.text_door()
    assert (await mini.get(PATH, {"access_token": token}))["errcode"] == 43002
    assert (await mini.post(PATH, asked(opened), "none"))["errcode"] == 40001


async def test_alipay_says_what_to_do_and_names_the_words(
    control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]
) -> None:
    app, method = AlipayApp(env, client), "alipay.security.risk.content.detect"
    actions = []
    for content in ("你好", "测试疑语", "测试禁语"):
        told = (await app.ask(method, {"content": content})).content
        actions.append((told["action"], told.get("keywords")))
    assert actions == [("PASSED", None), ("CC", ["测试疑语"]), ("REJECTED", ["测试禁语"])]
    for wrong in ({}, {"content": ""}, {"content": "字" * 2501}, {"content": "你好", "account_id": "x"}):
        assert (await app.ask(method, wrong)).sub_code == "40004 INVALID_PARAMETER"
