"""Without this module our signatures could agree with the sandbox and with nobody else."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import parse_qsl

import pytest
from alipay.aop.api.util.SignatureUtils import get_sign_content, sign_with_rsa2
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from integrations.alipay.answers import read_answer
from integrations.alipay.certificates import serial_from
from integrations.alipay.keys import (
    ContentCipher,
    SealBroken,
    check_signature,
    read_private_key,
    read_public_key,
    sign,
    text_to_sign,
)
from tests.integrations.alipay.vectors import VECTORS, published_key

METHOD = "alipay.trade.create"
KEYS = [published_key()]


@pytest.fixture(scope="module")
def own_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def cipher() -> ContentCipher:
    return ContentCipher(base64.b64decode(VECTORS["aes"]["key"]))


def test_a_request_is_signed_over_its_raw_values_in_ascii_order() -> None:
    text = VECTORS["request"]["text"]
    start, end = text.index("biz_content=") + len("biz_content="), text.index("&charset=")
    asked = {
        "timestamp": "2026-03-01 09:00:00",
        "method": METHOD,
        "version": "1.0",
        "app_id": "2021000000000001",
        "app_auth_token": "",
        "sign": "an earlier one",
        "sign_type": "RSA2",
        "charset": "utf-8",
        "format": "JSON",
        "notify_url": "https://mp.example.gov.cn/notify/alipay?x=1",
        "biz_content": text[start:end],
    }
    made = text_to_sign(asked)
    assert made == text
    assert (len(made.encode()), hashlib.sha256(made.encode()).hexdigest()) == (369, VECTORS["request"]["sha256"])
    check_signature(KEYS, made, VECTORS["request"]["sign"])
    with pytest.raises(SealBroken, match="signature-wrong"):
        check_signature(KEYS, text_to_sign(asked, leaving_out=("sign", "sign_type")), VECTORS["request"]["sign"])


def test_an_answer_is_verified_over_its_characters_as_they_came() -> None:
    answer = read_answer(VECTORS["response"].encode(), METHOD)
    assert answer.sign is not None
    assert answer.node in VECTORS["response"]
    assert r"\u5de5本费" in answer.node
    assert answer.content["memo"] == 'a"}b{ 工本费'
    check_signature(KEYS, answer.node, answer.sign)
    for other in (
        json.dumps(answer.content, ensure_ascii=False, separators=(",", ":")),
        answer.node.replace("000001", "000002", 1),
        answer.node + " ",
    ):
        assert other != answer.node
        with pytest.raises(SealBroken, match="signature-wrong"):
            check_signature(KEYS, other, answer.sign)


def test_a_notification_is_signed_without_its_sign_type() -> None:
    form = dict(parse_qsl(VECTORS["notification"]["body"], keep_blank_values=True, strict_parsing=True))
    assert form["subject"] == "工本费 A+B&C"
    text = text_to_sign(form, leaving_out=("sign", "sign_type"))
    assert hashlib.sha256(text.encode()).hexdigest() == VECTORS["notification"]["sha256"]
    check_signature(KEYS, text, form["sign"])
    with pytest.raises(SealBroken, match="signature-wrong"):
        check_signature(KEYS, text_to_sign(form), form["sign"])


@pytest.mark.parametrize(("plain", "sealed"), VECTORS["aes"]["pairs"])
def test_content_is_encrypted_and_opened_as_the_platform_does(plain: str, sealed: str) -> None:
    assert cipher().encrypt(plain) == sealed
    assert cipher().decrypt(sealed) == plain


@pytest.mark.parametrize("sealed", ["", "x", "AAAA", "not base64!", "AAAAAAAAAAAAAAAAAAAAAA=="])
def test_what_was_not_sealed_with_our_key_stays_closed(sealed: str) -> None:
    with pytest.raises(SealBroken, match="ciphertext"):
        cipher().decrypt(sealed)


def test_an_encrypted_answer_is_verified_with_its_quotes_and_then_opened() -> None:
    answer = read_answer(VECTORS["encrypted_response"].encode(), METHOD)
    assert answer.sign is not None
    assert answer.node == f'"{answer.content}"'
    check_signature(KEYS, answer.node, answer.sign)
    with pytest.raises(SealBroken, match="signature-wrong"):
        check_signature(KEYS, answer.content, answer.sign)
    assert cipher().decrypt(answer.content) == read_answer(VECTORS["response"].encode(), METHOD).node


def test_a_phone_number_is_verified_with_its_quotes_and_then_opened() -> None:
    phone = VECTORS["phone"]
    check_signature(KEYS, f'"{phone["response"]}"', phone["sign"])
    assert cipher().decrypt(phone["response"]) == phone["plain"]


@pytest.mark.parametrize("vector", VECTORS["certificates"], ids=lambda vector: str(vector["sn"]))
def test_a_certificate_is_called_what_alipay_calls_it(vector: dict[str, str | int]) -> None:
    assert serial_from(str(vector["issuer"]), int(vector["serial"])) == vector["sn"]


def test_the_sdk_signs_the_same_text_with_the_same_bytes(own_key: RSAPrivateKey) -> None:
    asked = {"b": "工本费 +%&", "a": "1", "sign_type": "RSA2", "C": "x"}
    pem = own_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    bare = "".join(pem.decode().splitlines()[1:-1])
    assert text_to_sign(asked) == get_sign_content(asked)
    assert sign(own_key, text_to_sign(asked)) == sign_with_rsa2(bare, text_to_sign(asked), "utf-8")


def test_a_signature_of_another_hash_or_key_or_spelling_is_refused(own_key: RSAPrivateKey) -> None:
    keys, text = [own_key.public_key()], "text"
    right = sign(own_key, text)
    assert right.endswith("==")
    check_signature(keys, text, right)
    spare = chr(ord(right[-3]) + 1)
    for wrong in (
        base64.b64encode(own_key.sign(text.encode(), PKCS1v15(), SHA1())).decode(),  # noqa: S303 - to be refused
        sign(generate_private_key(65537, 2048), text),
        right[:-3] + spare + "==",
        right + "\n",
        "",
        "签名",
    ):
        with pytest.raises(SealBroken, match="signature-wrong"):
            check_signature(keys, text, wrong)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_keys_are_read_as_pem_and_as_the_console_shows_them(own_key: RSAPrivateKey, form: PrivateFormat) -> None:
    private = own_key.private_bytes(Encoding.PEM, form, NoEncryption())
    public = own_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for content in (private, b"\n".join(private.splitlines()[1:-1]) + b"\r\n"):
        assert read_private_key(content).private_numbers() == own_key.private_numbers()
    for content in (public, b"".join(public.splitlines()[1:-1])):
        assert read_public_key(content).public_numbers() == own_key.public_key().public_numbers()
