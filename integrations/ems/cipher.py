"""Without this module the post could not read us: bodies are SM4 (GB/T 32907), block by block, with the key inside."""

from __future__ import annotations

import base64
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.padding import PKCS7

_MARK = "|$4|"
_BLOCK = 128


class NotOurs(Exception):
    """What was sent was not closed with this key."""


def close(text: str, key: str) -> str:
    """`|$4|` and base64 of the text followed by the key's own text, as the post has it. `key` is base64."""
    padder = PKCS7(_BLOCK).padder()
    padded = padder.update((text + key).encode()) + padder.finalize()
    encryptor = _cipher(key).encryptor()
    return _MARK + base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def open_body(sealed: str, key: str) -> str:
    """The text inside. Raises `NotOurs` when it does not end with the key: whoever closed it did not have it."""
    if not sealed.startswith(_MARK):
        raise NotOurs
    try:
        raw = base64.b64decode(sealed.removeprefix(_MARK), validate=True)
        decryptor, unpadder = _cipher(key).decryptor(), PKCS7(_BLOCK).unpadder()
        padded = decryptor.update(raw) + decryptor.finalize()
        text = (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:
        raise NotOurs from None
    if not hmac.compare_digest(text[-len(key) :].encode(), key.encode()):
        raise NotOurs
    return text[: -len(key)]


def _cipher(key: str) -> Cipher[ECB]:
    return Cipher(SM4(base64.b64decode(key)), ECB())  # noqa: S305 - the post's choice
