"""Without this module nobody could be recognised: login codes, phone-number codes and the session check."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from integrations.sandbox.front import Answer, Call
from integrations.sandbox.records import Shelf
from integrations.sandbox.wechat.people import People, Phone
from integrations.sandbox.wechat.tokens import check_token
from integrations.sandbox.wechat.wire import WechatError, posted_json, require_get, success, text
from integrations.sandbox.world import World

CODE_LIFE = 300
LOGINS_A_MINUTE = 100
LOGIN, MOBILE = "login", "mobile"


@dataclass(frozen=True)
class Code:
    """What `wx.login` or the phone-number button gives to the mini-program: good once, for five minutes."""

    text: str
    purpose: str
    openid: str
    issued: float
    used: float = 0.0


@dataclass(frozen=True)
class Alternation:
    answers: int = 0


@dataclass(frozen=True)
class RecentLogins:
    times: list[float]


def codes(world: World) -> Shelf[Code]:
    return Shelf(world.records, "codes", Code, keep=5000)


def make_code(world: World, phone: Phone, purpose: str) -> Code:
    code = Code(secrets.token_hex(16), purpose, phone.openid, world.clock.now())
    codes(world).put(code.text, code)
    return code


def code_to_session(world: World, call: Call) -> Answer:
    """code2Session; every login rotates the phone's session_key."""
    require_get(call)
    account = world.keys.account
    if not call.query.get("appid"):
        raise WechatError(41002)
    if call.query["appid"] != account.wechat_app_id:
        raise WechatError(40013)
    if not call.query.get("secret"):
        raise WechatError(41004)
    if call.query["secret"] != account.wechat_app_secret:
        raise WechatError(40125)
    if call.query.get("grant_type") != "authorization_code":
        raise WechatError(40002)
    code = _usable(world, call.query.get("js_code", ""), LOGIN)
    phone = _owner(world, code)
    if phone.high_risk:
        raise WechatError(40226)
    _check_frequency(world, phone)
    _use(world, code)
    phone = replace(phone, session_key=base64.b64encode(secrets.token_bytes(16)).decode())
    People(world.records).keep(phone)
    told = {"openid": phone.openid, "session_key": phone.session_key, "unionid": phone.unionid}
    return success(told, with_errcode=False)


def phone_number(world: World, call: Call) -> Answer:
    """getPhoneNumber; `countryCode` comes as text and as a number in turn, as the platform does."""
    check_token(world, call)
    content = posted_json(call)
    code = _usable(world, text(content, "code", 40029), MOBILE)
    if "openid" in content and content["openid"] != code.openid:
        raise WechatError(40003)
    phone = _owner(world, code)
    _use(world, code)
    turns = Shelf(world.records, "country_codes", Alternation, keep=8)
    turn = turns.get("only") or Alternation()
    turns.put("only", Alternation(turn.answers + 1))
    country: str | int = 86 if turn.answers % 2 else "86"
    watermark = {"timestamp": int(world.clock.now()), "appid": world.keys.account.wechat_app_id}
    told = {
        "phoneNumber": phone.mobile,
        "purePhoneNumber": phone.mobile,
        "countryCode": country,
        "watermark": watermark,
    }
    return success({"phone_info": told})


def last_login(world: World, openid: str) -> float:
    """When the mini-program was opened last, as far as the platform can tell; 0 for never."""
    found = _logins(world).get(openid)
    return found.times[-1] if found else 0.0


def leave_alone(world: World, phone: Phone, seconds: float) -> None:
    """Nobody has opened the mini-program on this phone for so long."""
    _logins(world).put(phone.openid, RecentLogins([world.clock.now() - seconds]))


def encrypted_phone(world: World, phone: Phone, appid: str) -> dict[str, str]:
    """What older phones are given instead of a code: AES-128-CBC under the phone's session_key."""
    watermark = {"timestamp": int(world.clock.now()), "appid": appid or world.keys.account.wechat_app_id}
    told = {
        "phoneNumber": phone.mobile,
        "purePhoneNumber": phone.mobile,
        "countryCode": "86",
        "watermark": watermark,
    }
    plain = json.dumps(told, separators=(",", ":")).encode()
    plain += bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
    iv = secrets.token_bytes(16)
    cipher = Cipher(algorithms.AES(base64.b64decode(phone.session_key)), modes.CBC(iv)).encryptor()
    encrypted = cipher.update(plain) + cipher.finalize()
    return {"encryptedData": base64.b64encode(encrypted).decode(), "iv": base64.b64encode(iv).decode()}


def check_session(world: World, call: Call) -> Answer:
    """checkSessionKey: HMAC-SHA256 of the empty text, keyed with the session_key as text."""
    require_get(call)
    check_token(world, call)
    phone = People(world.records).find(call.query.get("openid", ""))
    if phone is None:
        raise WechatError(40003)
    if call.query.get("sig_method") != "hmac_sha256":
        raise WechatError(40097, "sig_method")
    right = hmac.new(phone.session_key.encode(), b"", hashlib.sha256).hexdigest()
    if not phone.session_key or call.query.get("signature", "") != right:
        raise WechatError(87009)
    return success({})


def _logins(world: World) -> Shelf[RecentLogins]:
    return Shelf(world.records, "logins", RecentLogins, keep=20000)


def _usable(world: World, shown: str, purpose: str) -> Code:
    if not shown:
        raise WechatError(41008)
    code = codes(world).get(shown)
    if code is None or code.purpose != purpose or world.clock.now() - code.issued > CODE_LIFE:
        raise WechatError(40029)
    if code.used:
        raise WechatError(40163 if purpose == LOGIN else 40029)
    return code


def _owner(world: World, code: Code) -> Phone:
    phone = People(world.records).find(code.openid)
    if phone is None:
        raise WechatError(40029)
    return phone


def _use(world: World, code: Code) -> None:
    codes(world).put(code.text, replace(code, used=world.clock.now()))


def _check_frequency(world: World, phone: Phone) -> None:
    now = world.clock.now()
    log = _logins(world)
    before = log.get(phone.openid) or RecentLogins([])
    recent = [moment for moment in before.times if moment > now - 60]
    if len(recent) >= LOGINS_A_MINUTE:
        raise WechatError(45011)
    log.put(phone.openid, RecentLogins([*recent, now]))
