"""Without this module a renewed certificate could not be fetched: alipay.open.app.alipaycert.download."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from integrations.sandbox.alipay.gate import Question
from integrations.sandbox.alipay.wire import not_done
from integrations.sandbox.world import World


def download(world: World, question: Question) -> dict[str, Any]:
    keys = world.keys.alipay
    wanted = question.text("alipay_cert_sn")
    for shown in (keys.certified, keys.renewed):
        if shown.sn == wanted:
            pem = shown.certificate.public_bytes(Encoding.PEM)
            return {"alipay_cert_content": base64.b64encode(pem).decode()}
    raise not_done("CERT_NOT_EXIST", "Alipay has no certificate of this serial")
