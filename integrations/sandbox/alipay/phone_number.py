"""Without this module nobody could hand over a mobile number: what `my.getPhoneNumber` gives to the mini-program."""

from __future__ import annotations

from typing import Literal

import orjson

from integrations.sandbox.alipay.live_keys import aes_key, platform_key
from integrations.sandbox.alipay.people import AlipayUser
from integrations.sandbox.alipay.wire import encrypt, inner_json, sign
from integrations.sandbox.world import World

PhoneMode = Literal["normal", "plain", "unsigned", "refused", "plain_refused", "forged"]


def phone_response(world: World, user: AlipayUser, mode: PhoneMode) -> str:
    """`res.response`, a JSON string; refusals in it are in camelCase, unlike the gateway's (protocol 2.4)."""
    told = {"code": "10000", "msg": "Success", "mobile": user.mobile}
    if mode in {"refused", "plain_refused"}:
        told = {
            "code": "40003",
            "msg": "Insufficient Conditions",
            "subCode": "isv.invalid-auth-relations",
            "subMsg": "无效的授权关系",
        }
    key = world.keys.stranger if mode == "forged" else platform_key(world)
    handed = {"response": inner_json(told), "sign_type": "RSA2", "charset": "UTF-8"}
    if mode in {"plain", "plain_refused"}:
        handed["sign"] = sign(key, handed["response"])
    else:
        handed["response"] = encrypt(aes_key(world), handed["response"])
        handed["encrypt_type"] = "AES"
        handed["sign"] = sign(key, f'"{handed["response"]}"')
    if mode == "unsigned":
        del handed["sign"]
    return orjson.dumps(handed).decode()
