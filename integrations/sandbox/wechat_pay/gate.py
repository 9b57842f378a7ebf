"""Without this module WeChat Pay would believe any caller: it checks each request in the platform's own order."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from integrations.sandbox.front import Answer, Call, Handler
from integrations.sandbox.wechat_pay.live_keys import answer_signer, merchant_keys
from integrations.sandbox.wechat_pay.wire import PayError, is_signed_by, sign_error, signed, wrong
from integrations.sandbox.world import World

SCHEME = "WECHATPAY2-SHA256-RSA2048"
FIELDS = ("mchid", "nonce_str", "timestamp", "serial_no", "signature")
FIELD = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')
WINDOW = 300
NONCES_KEPT = 50_000


@dataclass(frozen=True)
class Caller:
    mchid: str
    nonce: str
    timestamp: str
    serial_no: str
    signature: str


PayHandler = Callable[[World, Call, Caller], Answer]


class Nonces:
    """The nonces of correctly signed requests inside the window; in memory, the window outlives nothing."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def is_reused(self, nonce: str) -> bool:
        now = time.time()
        for old in [key for key, moment in self._seen.items() if moment < now - WINDOW][:100]:
            del self._seen[old]
        if nonce in self._seen:
            return True
        if len(self._seen) < NONCES_KEPT:
            self._seen[nonce] = now
        return False


def guarded(nonces: Nonces, handler: PayHandler, *, sign_answer: bool = True) -> Handler:
    """An endpoint behind the gate, its success signed; a bill's file is the one success that is not."""

    def handle(world: World, call: Call) -> Answer:
        caller = admit(world, call, nonces)
        answer = handler(world, call, caller)
        serial, key = answer_signer(world, call.headers.get("wechatpay-serial", ""))
        return signed(answer, serial, key) if sign_answer else answer

    return handle


def admit(world: World, call: Call, nonces: Nonces) -> Caller:
    """WeChat Pay API v3, request signature: headers, scheme, clock, identity, signature, then the nonce."""
    for header in ("Accept", "User-Agent"):
        if not call.headers.get(header.lower()):
            raise PayError(400, "INVALID_REQUEST", f"Http头缺少{header}或{header}为空")
    caller = _read_authorization(call.headers.get("authorization", ""))
    if not caller.timestamp.isascii() or not caller.timestamp.isdigit():
        raise sign_error("Http头Authorization中的timestamp不是整数")
    if abs(time.time() - int(caller.timestamp)) > WINDOW:
        raise sign_error("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    if caller.mchid != world.keys.account.pay_mch_id:
        raise sign_error("商户号不存在")
    key = merchant_keys(world).get(caller.serial_no)
    if key is None:
        raise sign_error("商户证书序列号有误，请使用签名私钥匹配的证书序列号")
    message = f"{call.method}\n{call.target}\n{caller.timestamp}\n{caller.nonce}\n".encode("latin-1")
    if not is_signed_by(key, message + call.body + b"\n", caller.signature):
        raise sign_error("签名错误，请检查后再试")
    if nonces.is_reused(caller.nonce) and world.dice.now.nonce_strict:
        raise sign_error("Http头Authorization中的nonce_str重复使用")
    return caller


def posted_json(call: Call) -> dict[str, Any]:
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise PayError(400, "INVALID_REQUEST", "Http头Content-Type不是application/json")
    try:
        content = orjson.loads(call.body)
    except ValueError:
        raise PayError(400, "PARAM_ERROR", "请求的JSON格式错误") from None
    if not isinstance(content, dict):
        raise PayError(400, "PARAM_ERROR", "请求的JSON不是对象")
    return content


def check_mchid(caller: Caller, shown: Mapping[str, Any], location: str) -> None:
    value = shown.get("mchid")
    if not value or not isinstance(value, str):
        raise wrong("/mchid", value, "必填且为字符串", location)
    if value != caller.mchid:
        raise wrong("/mchid", value, "与Http头Authorization中的mchid不一致", location)


def _read_authorization(header: str) -> Caller:
    if not header:
        raise sign_error("Http头缺少Authorization")
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME:
        raise sign_error("Http头Authorization认证类型不正确")
    fields: dict[str, str] = {}
    for part in rest.split(","):
        found = FIELD.fullmatch(part)
        if found is None or found.group(1) in fields:
            raise sign_error("Http头Authorization格式不正确")
        fields[found.group(1)] = found.group(2)
    if set(fields) != set(FIELDS) or not all(fields.values()):
        raise sign_error("Http头Authorization必须且只能有mchid、nonce_str、timestamp、serial_no、signature")
    return Caller(
        mchid=fields["mchid"],
        nonce=fields["nonce_str"],
        timestamp=fields["timestamp"],
        serial_no=fields["serial_no"],
        signature=fields["signature"],
    )
