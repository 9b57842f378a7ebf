"""Without this module nobody could sign: it makes the throw-away keys and hands the product its half."""

from __future__ import annotations

import os
import secrets
import shutil
import string
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

ALPHANUMERIC = string.ascii_letters + string.digits
CERTIFICATE_LIFE = timedelta(days=5 * 365)  # WeChat Pay API v3, platform certificates: five years

ACCOUNT = "account.json"
MERCHANT_KEY = "merchant_private_key.pem"
PLATFORM_KEY = "platform_private_key.pem"
PLATFORM_PUBLIC_KEY = "platform_public_key.pem"
CERTIFICATE_KEY = "platform_certificate_private_key.pem"
CERTIFICATE = "platform_certificate.pem"
STRANGER_KEY = "stranger_private_key.pem"  # nobody trusts it: forged callbacks are signed with it


@dataclass(frozen=True)
class Account:
    """The names and secrets both sides know. Every value is random and worth nothing outside this folder."""

    wechat_app_id: str
    wechat_app_secret: str
    pay_mch_id: str
    pay_serial_no: str
    pay_api_v3_key: str
    pay_public_key_id: str
    kuaidi100_customer: str
    kuaidi100_key: str
    kuaidi100_salt: str


@dataclass(frozen=True)
class Keys:
    """What the providers' side holds. `folder` also has the merchant's private key, which is the product's."""

    folder: Path
    account: Account

    @cached_property
    def merchant(self) -> RSAPublicKey:
        return _private_key(self.folder / MERCHANT_KEY).public_key()

    @cached_property
    def platform(self) -> RSAPrivateKey:
        return _private_key(self.folder / PLATFORM_KEY)

    @cached_property
    def certified(self) -> RSAPrivateKey:
        return _private_key(self.folder / CERTIFICATE_KEY)

    @cached_property
    def stranger(self) -> RSAPrivateKey:
        return _private_key(self.folder / STRANGER_KEY)

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / CERTIFICATE).read_bytes())

    @cached_property
    def certificate_serial(self) -> str:
        return f"{self.certificate.serial_number:040X}"


def load_keys(state: Path) -> Keys:
    """The keys of a state folder, made on first use. Two processes may start at once: both write a folder
    of their own, the first rename wins and the other takes what it finds.
    """
    folder = state / "keys"
    if not (folder / ACCOUNT).exists():
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = state / f".keys-{os.getpid()}-{secrets.token_hex(4)}"
        draft.mkdir(mode=0o700)
        _write_keys(draft)
        try:
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft)
            if not (folder / ACCOUNT).exists():
                raise
    return Keys(folder, Account(**orjson.loads((folder / ACCOUNT).read_bytes())))


def provider_environment(state: Path, base_url: str) -> dict[str, str]:
    """The settings with which the product talks to the sandbox at `base_url` instead of the providers."""
    keys = load_keys(state)
    account = keys.account
    folder = keys.folder.resolve()
    return {
        "WECHAT_APP_ID": account.wechat_app_id,
        "WECHAT_APP_SECRET": account.wechat_app_secret,
        "WECHAT_API_BASE_URL": base_url,
        "WECHAT_PAY_BASE_URL": base_url,
        "WECHAT_PAY_MCH_ID": account.pay_mch_id,
        "WECHAT_PAY_SERIAL_NO": account.pay_serial_no,
        "WECHAT_PAY_PRIVATE_KEY_FILE": str(folder / MERCHANT_KEY),
        "WECHAT_PAY_API_V3_KEY": account.pay_api_v3_key,
        "WECHAT_PAY_PUBLIC_KEY_ID": account.pay_public_key_id,
        "WECHAT_PAY_PUBLIC_KEY_FILE": str(folder / PLATFORM_PUBLIC_KEY),
        "KUAIDI100_BASE_URL": base_url,
        "KUAIDI100_CUSTOMER": account.kuaidi100_customer,
        "KUAIDI100_KEY": account.kuaidi100_key,
        "KUAIDI100_SALT": account.kuaidi100_salt,
    }


def _write_keys(folder: Path) -> None:
    private = {name: generate_private_key(65537, 2048) for name in _PRIVATE_KEYS}
    for name, key in private.items():
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(folder / name, pem)
    public = private[PLATFORM_KEY].public_key()
    _write(folder / PLATFORM_PUBLIC_KEY, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    certificate = _self_signed(private[CERTIFICATE_KEY])
    _write(folder / CERTIFICATE, certificate.public_bytes(Encoding.PEM))
    _write(folder / ACCOUNT, orjson.dumps(asdict(_new_account()), option=orjson.OPT_INDENT_2))


_PRIVATE_KEYS = (MERCHANT_KEY, PLATFORM_KEY, CERTIFICATE_KEY, STRANGER_KEY)


def _new_account() -> Account:
    return Account(
        wechat_app_id="wx" + secrets.token_hex(8),
        wechat_app_secret=secrets.token_hex(16),
        pay_mch_id="19" + _random(string.digits, 8),
        pay_serial_no=secrets.token_hex(20).upper(),
        pay_api_v3_key=_random(ALPHANUMERIC, 32),
        pay_public_key_id="PUB_KEY_ID_01" + _random(string.digits, 26),
        kuaidi100_customer=secrets.token_hex(16).upper(),
        kuaidi100_key=_random(ALPHANUMERIC, 12),
        kuaidi100_salt=_random(ALPHANUMERIC, 16),
    )


def _self_signed(key: RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox of the payment platform")])
    start = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(158) | 1 << 157)  # always 40 hexadecimal digits
        .not_valid_before(start)
        .not_valid_after(start + CERTIFICATE_LIFE)
        .sign(key, hashes.SHA256())
    )


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)


def _private_key(file: Path) -> RSAPrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)
    return key
