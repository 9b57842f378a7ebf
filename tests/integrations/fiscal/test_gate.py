"""The platform's side is strict: what our adapter sends by mistake fails here and not in production."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from integrations.sandbox.control import SandboxControl
from tests.integrations.contract.stage import Sandbox

PATH = "/fiscal/v1/health"


def headers_of(sandbox: Sandbox, *, nonce: str = "a" * 32, ago: int = 0, path: str = PATH) -> dict[str, str]:
    """A rightly signed GET, written without the adapter."""
    key = load_pem_private_key(Path(sandbox.environment["FISCAL_PRIVATE_KEY_FILE"]).read_bytes(), None)
    moment = str(int(time.time()) - ago)
    message = f"GET\n{path}\n{moment}\n{nonce}\n{hashlib.sha256(b'').hexdigest()}\n".encode()
    signature = base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()  # type: ignore[union-attr,call-arg,arg-type]
    return {
        "fiscal-app": sandbox.environment["FISCAL_APP_ID"],
        "fiscal-timestamp": moment,
        "fiscal-nonce": nonce,
        "fiscal-signature": signature,
    }


async def asked(sandbox: Sandbox, headers: dict[str, str]) -> tuple[int, str]:
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
        answer = await client.get(PATH, headers=headers)
        return answer.status_code, answer.json().get("code", "")


async def test_a_nonce_is_good_once(sandbox: Sandbox, control: SandboxControl) -> None:
    headers = headers_of(sandbox, nonce="b" * 32)
    assert await asked(sandbox, headers) == (200, "")
    assert await asked(sandbox, headers) == (401, "NONCE_REUSED")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"fiscal-app": "somebody"}, "APP_UNKNOWN"),
        ({"fiscal-timestamp": ""}, "TIMESTAMP_INVALID"),
        ({"fiscal-nonce": "short"}, "NONCE_INVALID"),
        ({"fiscal-nonce": "c" * 32}, "SIGNATURE_INVALID"),
        ({"fiscal-signature": "AAAA"}, "SIGNATURE_INVALID"),
    ],
)
async def test_who_is_not_us_now_is_refused(
    sandbox: Sandbox, control: SandboxControl, wrong: dict[str, str], code: str
) -> None:
    assert await asked(sandbox, {**headers_of(sandbox), **wrong}) == (401, code)


async def test_a_request_of_six_minutes_ago_is_refused(sandbox: Sandbox, control: SandboxControl) -> None:
    assert await asked(sandbox, headers_of(sandbox, ago=360)) == (401, "TIMESTAMP_INVALID")
