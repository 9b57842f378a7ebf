"""Without this module nothing could be signed for Alipay and nothing it signed could be believed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from contextlib import suppress

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

AES_KEY_BYTES = 16
KEY_FAULTS = (ValueError, TypeError, UnsupportedAlgorithm)
_NO_IV = bytes(16)
"""Open platform, "content encryption": the platform's choice, in both directions."""


class SealBroken(Exception):
    """A text is not what Alipay signed or sealed; `reason` is one short word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def text_to_sign(parameters: Mapping[str, str], *, leaving_out: Iterable[str] = ("sign",)) -> str:
    """Names in ASCII order, raw values, nothing that is empty. Open platform, "request signature".

    A request keeps `sign_type`; a notification leaves it out together with `sign`.
    """
    without = frozenset(leaving_out)
    kept = sorted((name, value) for name, value in parameters.items() if value and name not in without)
    return "&".join(f"{name}={value}" for name, value in kept)


def sign(key: RSAPrivateKey, text: str) -> str:
    """RSA2: RSASSA-PKCS1-v1_5 with SHA-256, in base64."""
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def check_signature(keys: Iterable[RSAPublicKey], text: str, signature: str) -> None:
    """Raises `SealBroken` unless one of the keys made it, with SHA-256 and in the one spelling base64 has."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise SealBroken("signature-wrong") from None
    if base64.b64encode(raw).decode() != signature or not any(_made_by(key, text, raw) for key in keys):
        raise SealBroken("signature-wrong")


def _made_by(key: RSAPublicKey, text: str, signature: bytes) -> bool:
    try:
        key.verify(signature, text.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


class ContentCipher:
    """Open platform, "content encryption": AES-128-CBC, PKCS7. It hides, the signature vouches: verify first."""

    def __init__(self, key: bytes, *others: bytes) -> None:
        """The first key seals; the others open as well, while the key is changed."""
        self._ciphers = [Cipher(AES128(one), CBC(_NO_IV)) for one in (key, *others)]

    def encrypt(self, text: str) -> str:
        padder, encryptor = PKCS7(128).padder(), self._ciphers[0].encryptor()
        padded = padder.update(text.encode()) + padder.finalize()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def decrypt(self, sealed: str) -> str:
        """Raises `SealBroken`. A wrong key may open to something; all that Alipay seals are objects in JSON."""
        *others, last = self._ciphers
        for cipher in others:
            with suppress(SealBroken):
                if (opened := _decrypted(cipher, sealed)).startswith("{"):
                    return opened
        return _decrypted(last, sealed)


def _decrypted(cipher: Cipher[CBC], sealed: str) -> str:
    unpadder, decryptor = PKCS7(128).unpadder(), cipher.decryptor()
    try:
        padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:  # binascii.Error and UnicodeDecodeError are kinds of it
        raise SealBroken("ciphertext") from None


def read_private_key(content: bytes) -> RSAPrivateKey:
    """PKCS1 or PKCS8, as PEM or in the bare base64 of Alipay's key tool. Raises one of `KEY_FAULTS`."""
    pem = b"-----BEGIN" in content
    key = load_pem_private_key(content, None) if pem else load_der_private_key(_bare(content), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


def read_public_key(content: bytes) -> RSAPublicKey:
    """PEM or the bare base64 that the console shows. Raises one of `KEY_FAULTS`."""
    pem = b"-----BEGIN" in content
    key = load_pem_public_key(content) if pem else load_der_public_key(_bare(content))
    if not isinstance(key, RSAPublicKey):
        raise TypeError("not an RSA key")
    return key


def _bare(content: bytes) -> bytes:
    return base64.b64decode(b"".join(content.split()), validate=True)
