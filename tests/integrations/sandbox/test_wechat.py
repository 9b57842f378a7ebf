"""Without this module the mini-program side could grow lenient: tokens, codes, sessions and face checks are strict."""

import base64
import hashlib
import hmac
from typing import Any

import httpx
import pytest

from integrations.sandbox.control import ControlRefused, Phone, SandboxControl


class MiniProgram:
    """The backend of a mini-program, as plain HTTP."""

    def __init__(self, client: httpx.AsyncClient, env: dict[str, str]) -> None:
        self.client = client
        self.account = {"appid": env["WECHAT_APP_ID"], "secret": env["WECHAT_APP_SECRET"]}

    async def token(self, **changes: Any) -> dict[str, Any]:
        wanted = {"grant_type": "client_credential", **self.account} | changes
        return await self.post("/cgi-bin/stable_token", wanted)

    async def login(self, code: str, **changes: str) -> dict[str, Any]:
        wanted = {"grant_type": "authorization_code", "js_code": code, **self.account} | changes
        return await self.get("/sns/jscode2session", wanted)

    async def get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        return self._read(await self.client.get(path, params=query))

    async def post(self, path: str, content: Any, token: str | None = None) -> dict[str, Any]:
        query = {} if token is None else {"access_token": token}
        return self._read(await self.client.post(path, params=query, json=content))

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200
        content: dict[str, Any] = answer.json()
        return content


@pytest.fixture
def mini(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> MiniProgram:
    return MiniProgram(client, env)


@pytest.fixture
async def token(mini: MiniProgram) -> str:
    return str((await mini.token())["access_token"])


async def test_the_stable_token_stays_the_same_until_its_last_five_minutes(
    mini: MiniProgram, control: SandboxControl
) -> None:
    first = await mini.token()
    assert "errcode" not in first
    assert first["expires_in"] == 7199 or first["expires_in"] == 7200
    assert (await mini.token())["access_token"] == first["access_token"]
    await control.advance_clock(7000)
    second = await mini.token()
    assert second["access_token"] != first["access_token"]
    both = [
        await mini.post("/wxa/business/getuserphonenumber", {"code": "x"}, t["access_token"]) for t in (first, second)
    ]
    assert [answer["errcode"] for answer in both] == [40029, 40029]


async def test_a_token_of_a_time_that_was_turned_back_is_none(
    mini: MiniProgram, control: SandboxControl, token: str
) -> None:
    await control.advance_clock(7000)
    later = (await mini.token())["access_token"]
    await control.advance_clock(-7000)
    assert (await mini.post("/wxa/business/getuserphonenumber", {"code": "x"}, later))["errcode"] == 40001
    assert (await mini.token())["access_token"] == token


async def test_a_forced_refresh_kills_the_old_token_but_not_twice_in_thirty_seconds(
    mini: MiniProgram, control: SandboxControl, token: str
) -> None:
    forced = (await mini.token(force_refresh=True))["access_token"]
    assert forced != token
    assert (await mini.post("/wxa/business/getuserphonenumber", {"code": "x"}, token))["errcode"] == 40001
    assert (await mini.token(force_refresh=True))["access_token"] == forced
    await control.advance_clock(31)
    assert (await mini.token(force_refresh=True))["access_token"] != forced


async def test_forced_refreshes_end_after_twenty_a_day(mini: MiniProgram, control: SandboxControl) -> None:
    for _ in range(20):
        assert "access_token" in await mini.token(force_refresh=True)
        await control.advance_clock(31)
    assert (await mini.token(force_refresh=True))["errcode"] == 45009


async def test_the_legacy_token_leaves_the_one_before_five_minutes(
    mini: MiniProgram, control: SandboxControl, token: str
) -> None:
    query = {"grant_type": "client_credential", **mini.account}
    first = (await mini.get("/cgi-bin/token", query))["access_token"]
    second = (await mini.get("/cgi-bin/token", query))["access_token"]
    assert first != second
    await control.advance_clock(301)
    codes = [
        (await mini.post("/wxa/business/getuserphonenumber", {"code": "x"}, t))["errcode"]
        for t in (first, second, token)
    ]
    assert codes == [42001, 40029, 40029]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"appid": "wx0"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": "no"}, 40001),
        ({"secret": ""}, 41004),
        ({"grant_type": "other"}, 40002),
    ],
)
async def test_a_wrong_account_gets_no_token(mini: MiniProgram, changes: dict[str, str], errcode: int) -> None:
    assert (await mini.token(**changes))["errcode"] == errcode


async def test_a_wrong_method_or_body_is_an_errcode_and_never_an_http_error(mini: MiniProgram) -> None:
    assert (await mini.get("/cgi-bin/stable_token", {}))["errcode"] == 43002
    empty = (await mini.client.post("/cgi-bin/stable_token")).json()
    broken = (await mini.client.post("/cgi-bin/stable_token", content=b"{")).json()
    assert (empty["errcode"], broken["errcode"]) == (44002, 47001)
    assert "rid: " in broken["errmsg"]


@pytest.mark.parametrize(("shown", "errcode"), [(None, 41001), ("", 41001), ("nonsense", 40001)])
async def test_calls_without_a_good_token_are_refused(mini: MiniProgram, shown: str | None, errcode: int) -> None:
    assert (await mini.post("/cityservice/face/identify/getverifyid", {}, shown))["errcode"] == errcode


async def test_an_expired_token_is_told_apart(mini: MiniProgram, control: SandboxControl, token: str) -> None:
    await control.advance_clock(7201)
    assert (await mini.post("/wxa/business/getuserphonenumber", {"code": "x"}, token))["errcode"] == 42001


async def test_a_login_code_opens_one_session(mini: MiniProgram, control: SandboxControl, phone: Phone) -> None:
    code = await control.login_code(phone.openid)
    session = await mini.login(code)
    assert (session["openid"], session["unionid"]) == (phone.openid, phone.unionid)
    assert len(base64.b64decode(session["session_key"])) == 16
    assert "errcode" not in session
    assert (await mini.login(code))["errcode"] == 40163
    again = await mini.login(await control.login_code(phone.openid))
    assert again["session_key"] != session["session_key"]


async def test_login_refuses_what_is_wrong(mini: MiniProgram, control: SandboxControl, phone: Phone) -> None:
    code = await control.login_code(phone.openid)
    assert (await mini.login("nonsense"))["errcode"] == 40029
    assert (await mini.login(code, appid="wx0"))["errcode"] == 40013
    assert (await mini.login(code, secret="no"))["errcode"] == 40125
    assert (await mini.login(await control.phone_code(phone.openid)))["errcode"] == 40029
    await control.advance_clock(301)
    assert (await mini.login(code))["errcode"] == 40029


async def test_a_high_risk_phone_is_blocked(mini: MiniProgram, control: SandboxControl) -> None:
    suspect = await control.make_phone(high_risk=True)
    assert (await mini.login(await control.login_code(suspect.openid)))["errcode"] == 40226


async def test_a_phone_code_gives_the_number_once_and_the_country_in_two_ways(
    mini: MiniProgram, control: SandboxControl, phone: Phone, token: str
) -> None:
    path = "/wxa/business/getuserphonenumber"
    codes = [await control.phone_code(phone.openid) for _ in range(2)]
    told = [(await mini.post(path, {"code": code}, token))["phone_info"] for code in codes]
    assert [info["purePhoneNumber"] for info in told] == [phone.mobile] * 2
    assert [info["countryCode"] for info in told] == ["86", 86]
    assert told[0]["watermark"]["appid"] == mini.account["appid"]
    assert (await mini.post(path, {"code": codes[0]}, token))["errcode"] == 40029
    assert (await mini.post(path, {"code": await control.login_code(phone.openid)}, token))["errcode"] == 40029


async def test_the_session_check_wants_the_newest_key_as_text(
    mini: MiniProgram, control: SandboxControl, phone: Phone, token: str
) -> None:
    keys = [(await mini.login(await control.login_code(phone.openid)))["session_key"] for _ in range(2)]
    answers = []
    for key in keys:
        signature = hmac.new(key.encode(), b"", hashlib.sha256).hexdigest()
        query = {"access_token": token, "openid": phone.openid, "signature": signature, "sig_method": "hmac_sha256"}
        answers.append((await mini.get("/wxa/checksession", query))["errcode"])
    assert answers == [87009, 0]


FACE = "/cityservice/face/identify"


def asked(phone: Phone, out_seq_no: str, **person: str) -> dict[str, Any]:
    info = {"cert_type": "IDENTITY_CARD", "cert_name": phone.name, "cert_no": phone.id_number} | person
    return {"out_seq_no": out_seq_no, "cert_info": info, "openid": phone.openid}


def question(content: dict[str, Any], verify_id: str) -> dict[str, str]:
    parts = [f"{k}={base64.b64encode(v.encode()).decode()}" for k, v in content["cert_info"].items()]
    cert_hash = hashlib.sha256("&".join(parts).encode()).hexdigest()
    named = {"verify_id": verify_id, "cert_hash": cert_hash}
    return {"out_seq_no": content["out_seq_no"], "openid": content["openid"], **named}


async def test_a_face_check_passes_only_after_the_phone_did_it(
    mini: MiniProgram, control: SandboxControl, phone: Phone, token: str
) -> None:
    content = asked(phone, "A1")
    started = await mini.post(f"{FACE}/getverifyid", content, token)
    assert (started["errcode"], started["expires_in"]) == (0, 3600)
    query = question(content, started["verify_id"])
    before = await mini.post(f"{FACE}/queryverifyinfo", query, token)
    assert before["errcode"] == 0
    assert before["verify_ret"] != 10000
    assert await control.face(phone.openid, started["verify_id"]) == 10000
    assert (await mini.post(f"{FACE}/queryverifyinfo", query, token))["verify_ret"] == 10000
    for name in query:
        spoiled = query | {name: query[name] + "0"}
        assert (await mini.post(f"{FACE}/queryverifyinfo", spoiled, token))["errcode"] in {40003, 40097}


@pytest.mark.parametrize("verify_ret", [10003, 90002, 90017])
async def test_a_failed_face_check_says_how(
    mini: MiniProgram, control: SandboxControl, phone: Phone, token: str, verify_ret: int
) -> None:
    content = asked(phone, "A2")
    verify_id = (await mini.post(f"{FACE}/getverifyid", content, token))["verify_id"]
    await control.face(phone.openid, verify_id, verify_ret)
    answer = await mini.post(f"{FACE}/queryverifyinfo", question(content, verify_id), token)
    assert answer == {"errcode": 0, "errmsg": "ok", "verify_ret": verify_ret}


async def test_somebody_elses_name_or_number_does_not_pass_by_itself(
    mini: MiniProgram, control: SandboxControl, phone: Phone, token: str
) -> None:
    other = await control.make_phone()
    wrong_name = await mini.post(f"{FACE}/getverifyid", asked(phone, "A3", cert_name="别人"), token)
    wrong_number = await mini.post(f"{FACE}/getverifyid", asked(phone, "A4", cert_no=other.id_number), token)
    assert await control.face(phone.openid, wrong_name["verify_id"]) == 10003
    assert await control.face(phone.openid, wrong_number["verify_id"]) == 10004


async def test_a_face_check_refuses_wrong_requests(mini: MiniProgram, phone: Phone, token: str) -> None:
    right = asked(phone, "A5")
    last = phone.id_number[-1]
    wrong = [
        asked(phone, "A6", cert_no=phone.id_number[:-1] + ("1" if last == "0" else "0")),
        asked(phone, "A6", cert_type="PASSPORT"),
        asked(phone, ""),
        right | {"openid": "oNobody"},
    ]
    codes = [(await mini.post(f"{FACE}/getverifyid", content, token))["errcode"] for content in wrong]
    assert codes == [40097, 40097, 40097, 40003]
    first, repeated = [(await mini.post(f"{FACE}/getverifyid", right, token))["errcode"] for _ in range(2)]
    assert (first, repeated) == (0, 40097)


async def test_a_face_check_belongs_to_one_phone_one_time_and_one_hour(
    mini: MiniProgram, control: SandboxControl, phone: Phone, token: str
) -> None:
    other = await control.make_phone()
    content = asked(phone, "A7")
    verify_id = (await mini.post(f"{FACE}/getverifyid", content, token))["verify_id"]
    with pytest.raises(ControlRefused, match="another openid"):
        await control.face(other.openid, verify_id)
    await control.face(phone.openid, verify_id)
    with pytest.raises(ControlRefused, match="already done"):
        await control.face(phone.openid, verify_id, 10003)
    await control.advance_clock(3601)
    answer = await mini.post(
        f"{FACE}/queryverifyinfo", question(content, verify_id), str((await mini.token())["access_token"])
    )
    assert answer["verify_ret"] == 90017
