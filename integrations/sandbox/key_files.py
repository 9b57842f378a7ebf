"""Without this module two starters at once could make two sets of keys, or leave them readable by others."""

from __future__ import annotations

import os
import secrets
import shutil
import string
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ALPHANUMERIC = string.ascii_letters + string.digits


def make_once(state: Path, folder: Path, mark: str, fill: Callable[[Path], None]) -> None:
    """Make `folder` below `state` unless it is there. Two processes may start at once: both fill a folder of
    their own, the first rename wins and the other takes what it finds. `mark` is a file of a complete folder.
    """
    if (folder / mark).exists():
        return
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = state / f".{folder.name}-{os.getpid()}-{secrets.token_hex(4)}"
    draft.mkdir(mode=0o700)
    fill(draft)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not (folder / mark).exists():
            raise


def write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)


def write_private_key(file: Path, key: RSAPrivateKey) -> None:
    write(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def write_public_key(file: Path, key: RSAPublicKey) -> None:
    write(file, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def read_private_key(file: Path) -> RSAPrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)
    return key


def random_text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
