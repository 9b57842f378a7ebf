"""Without this module Alipay could neither refuse in its own words nor seal what it grants."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7

from integrations.sandbox.front import Answer

HEADERS = {"content-type": "text/html;charset=utf-8"}
ZERO_IV = bytes(16)
ERROR_NODE = "error_response"

MEANINGS = {
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
}


class Declined(Exception):
    """A refusal with HTTP 200. The gateway's own stand in `error_response`, a method's (40004) in its node."""

    def __init__(self, code: str, sub_code: str, sub_msg: str) -> None:
        super().__init__(f"{code} {sub_code}")
        self.code = code
        self.content = {"code": code, "msg": MEANINGS[code], "sub_code": sub_code, "sub_msg": sub_msg}


def not_done(sub_code: str, sub_msg: str) -> Declined:
    """A business failure: the gateway has nothing against the call, the method has."""
    return Declined("40004", sub_code, sub_msg)


@dataclass(frozen=True)
class Seal:
    """How an answer is closed: with which key, in certificate mode whose serial is told, and under which AES key."""

    key: RSAPrivateKey
    cert_sn: str = ""
    aes_key: str = ""


def sealed(node: str, content: Mapping[str, Any], seal: Seal | None, verdict: str = "ok") -> Answer:
    """Node first, then the certificate's serial, then the signature over the node's characters as they are sent.
    Without a seal nothing is signed. A gateway's refusal is never encrypted.
    """
    raw = compact(content)
    if seal is not None and seal.aes_key and node != ERROR_NODE:
        raw = f'"{encrypt(seal.aes_key, raw)}"'
    told = f'"{node}":{raw}'
    if seal is not None:
        if seal.cert_sn:
            told += f',"alipay_cert_sn":"{seal.cert_sn}"'
        told += f',"sign":"{sign(seal.key, raw)}"'
    return Answer(200, f"{{{told}}}".encode(), {**HEADERS, "trace_id": secrets.token_hex(16)}, verdict)


def declined(refusal: Declined, method: str, seal: Seal | None) -> Answer:
    node = node_of(method) if refusal.code == "40004" else ERROR_NODE
    return sealed(node, refusal.content, seal, str(refusal))


def node_of(method: str) -> str:
    return method.replace(".", "_") + "_response"


def compact(content: Mapping[str, Any]) -> str:
    """JSON in which every other solidus and Chinese character is escaped, so that nobody verifies a copy of his own."""
    turns = count()

    def spell(character: str) -> str:
        if character != "/" and not "\u4e00" <= character <= "\u9fff":
            return character
        if next(turns) % 2:
            return character
        return "\\/" if character == "/" else f"\\u{ord(character):04x}"

    return "".join(spell(character) for character in orjson.dumps(content).decode())


def signed_text(parameters: Mapping[str, str]) -> str:
    """Everything but `sign` and what is empty, by name; `sign_type` stays (protocol 1.3)."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value and name != "sign")


def sign(key: RSAPrivateKey, text: str) -> str:
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def is_signed_by(key: RSAPublicKey, text: str, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def encrypt(aes_key: str, plain: str) -> str:
    """AES-128-CBC with an IV of zeros, as the platform has it; the key in base64, the outcome too."""
    padder = PKCS7(128).padder()
    padded = padder.update(plain.encode()) + padder.finalize()
    encryptor = Cipher(AES(base64.b64decode(aes_key)), CBC(ZERO_IV)).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(aes_key: str, sealed_text: str) -> str:
    """Raises ValueError for what was not encrypted with this key."""
    decryptor = Cipher(AES(base64.b64decode(aes_key)), CBC(ZERO_IV)).decryptor()
    padded = decryptor.update(base64.b64decode(sealed_text, validate=True)) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def inner_json(content: Mapping[str, Any] | Sequence[Any]) -> str:
    """JSON as a value of JSON: `material_info` and its like."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
