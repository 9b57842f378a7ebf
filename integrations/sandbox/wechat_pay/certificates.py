"""Without this module a product in certificate mode could not learn the platform's key."""

from __future__ import annotations

from integrations.sandbox.clock import rfc3339
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.keys import CERTIFICATE
from integrations.sandbox.wechat_pay.gate import Caller
from integrations.sandbox.wechat_pay.wire import PayError, told, wrap
from integrations.sandbox.world import World


def list_certificates(world: World, _call: Call, _caller: Caller) -> Answer:
    """Platform certificates; 404 for a merchant that only has the public key."""
    if world.dice.now.public_key_only:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")
    keys = world.keys
    pem = (keys.folder / CERTIFICATE).read_bytes()
    entry = {
        "serial_no": keys.certificate_serial,
        "effective_time": rfc3339(keys.certificate.not_valid_before_utc.timestamp()),
        "expire_time": rfc3339(keys.certificate.not_valid_after_utc.timestamp()),
        "encrypt_certificate": wrap(keys.account.pay_api_v3_key, pem, "certificate"),
    }
    return told({"data": [entry]})
