"""Without this module a product in certificate mode could not learn the platform's key."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from integrations.sandbox.clock import rfc3339
from integrations.sandbox.front import Answer, Call
from integrations.sandbox.wechat_pay.gate import Caller
from integrations.sandbox.wechat_pay.live_keys import api_v3_key, certificates
from integrations.sandbox.wechat_pay.wire import PayError, told, wrap
from integrations.sandbox.world import World


def list_certificates(world: World, _call: Call, _caller: Caller) -> Answer:
    """Platform certificates; 404 for a merchant that only has the public key."""
    if world.dice.now.public_key_only:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")
    entries = [
        {
            "serial_no": serial,
            "effective_time": rfc3339(certificate.not_valid_before_utc.timestamp()),
            "expire_time": rfc3339(certificate.not_valid_after_utc.timestamp()),
            "encrypt_certificate": wrap(api_v3_key(world), certificate.public_bytes(Encoding.PEM), "certificate"),
        }
        for serial, certificate in certificates(world)
    ]
    return told({"data": entries})
