"""Whoever stands between us and the platform may say what they like: without its key it is no answer."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.kernel.errors import ProviderUnavailable
from app.kernel.http import OutboundClient
from app.payments.ports import ReceiptRefused
from integrations.fiscal.api import FiscalApi
from integrations.fiscal.receipts import FiscalReceipts
from integrations.fiscal.settings import FiscalSettings
from tests.integrations.fiscal.test_receipts import ORDER

PLATFORM, STRANGER = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
GOOD: dict[str, Any] = {
    "order_id": ORDER.order_id,
    "code": "99010126",
    "number": "0000000001",
    "check_code": "a1b2c3",
    "total": "60.00",
    "issued_at": "2026-11-26T09:02:03+08:00",
}
Answering = Callable[[httpx.Request], httpx.Response]


def signed(
    request: httpx.Request,
    content: object,
    status: int = 200,
    *,
    key: RSAPrivateKey = PLATFORM,
    nonce: str | None = None,
    ago: int = 0,
) -> httpx.Response:
    body, moment = orjson.dumps(content), str(int(time.time()) - ago)
    answered = request.headers["fiscal-nonce"] if nonce is None else nonce
    message = f"{status}\n{moment}\n{answered}\n{hashlib.sha256(body).hexdigest()}\n".encode()
    signature = base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()
    headers = {"fiscal-timestamp": moment, "fiscal-signature": signature}
    return httpx.Response(status, content=body, headers=headers)


@asynccontextmanager
async def answered_by(answering: Answering, folder: Path) -> AsyncIterator[FiscalReceipts]:
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(STRANGER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(PLATFORM.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    settings = FiscalSettings(
        base_url="http://127.0.0.1:1/fiscal", app_id="test", private_key_file=private, platform_key_file=public
    )
    http = OutboundClient(httpx.AsyncClient(transport=httpx.MockTransport(answering)))
    try:
        yield FiscalReceipts(FiscalApi(http, settings))
    finally:
        await http.close()


async def test_the_true_answer_is_believed(tmp_path: Path) -> None:
    async with answered_by(lambda request: signed(request, GOOD), tmp_path) as platform:
        assert (await platform.issue(ORDER)).number == "0000000001"


def _replayed(request: httpx.Request) -> httpx.Response:
    return signed(request, GOOD, nonce="0" * 32)


def _touched(request: httpx.Request) -> httpx.Response:
    answer = signed(request, GOOD)
    return httpx.Response(200, content=answer.content.replace(b"60.00", b"99.00"), headers=dict(answer.headers))


def _refusal_turned_into_a_grant(request: httpx.Request) -> httpx.Response:
    answer = signed(request, GOOD, 404)
    return httpx.Response(200, content=answer.content, headers={k: answer.headers[k] for k in answer.headers})


LIES: dict[str, Answering] = {
    "a stranger's signature": lambda request: signed(request, GOOD, key=STRANGER),
    "an answer to another question": _replayed,
    "an old answer": lambda request: signed(request, GOOD, ago=301),
    "a touched amount": _touched,
    "another status": _refusal_turned_into_a_grant,
    "no signature": lambda _: httpx.Response(200, json=GOOD),
    "an unsigned refusal": lambda _: httpx.Response(403, json={"code": "UNIT_UNKNOWN"}),
    "not an object": lambda request: signed(request, [GOOD]),
    "another order's receipt": lambda request: signed(request, {**GOOD, "order_id": "other-0"}),
    "a number too short": lambda request: signed(request, {**GOOD, "number": "1"}),
    "a code with letters": lambda request: signed(request, {**GOOD, "code": "9901012A"}),
    "a check code with signs": lambda request: signed(request, {**GOOD, "check_code": "a1b2<3"}),
    "nothing paid": lambda request: signed(request, {**GOOD, "total": "0.00"}),
    "no amount": lambda request: signed(request, {**GOOD, "total": "sixty"}),
    "a moment of nowhere": lambda request: signed(request, {**GOOD, "issued_at": "2026-11-26T09:02:03"}),
    "numbers for text": lambda request: signed(request, {**GOOD, "number": 1}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_no_answer(lie: str, tmp_path: Path) -> None:
    async with answered_by(LIES[lie], tmp_path) as platform:
        with pytest.raises(ProviderUnavailable):
            await platform.issue(ORDER)


async def test_a_red_letter_over_another_amount_is_none(tmp_path: Path) -> None:
    async with answered_by(lambda request: signed(request, GOOD), tmp_path) as platform:
        receipt = await platform.issue(ORDER)
    red = {name: value for name, value in GOOD.items() if name != "order_id"}
    for wrong in ({**red, "number": "0000000002", "total": "1.00"}, red):
        async with answered_by(partial(signed, content=wrong), tmp_path) as platform:
            with pytest.raises(ProviderUnavailable):
                await platform.take_back(receipt, "误开")


async def test_a_signed_refusal_is_one(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return signed(request, {"code": "UNIT_UNKNOWN", "message": ""}, 400)

    async with answered_by(refuse, tmp_path) as platform:
        with pytest.raises(ReceiptRefused, match="UNIT_UNKNOWN"):
            await platform.issue(ORDER)
