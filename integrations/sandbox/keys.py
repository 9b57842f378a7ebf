"""Without this module nobody could sign: it makes the throw-away keys and hands the product its half."""

from __future__ import annotations

import secrets
import string
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding

from integrations.sandbox import alipay_keys, courier_keys, fiscal_keys, message_keys
from integrations.sandbox.alipay_keys import AlipayKeys, load_alipay_keys
from integrations.sandbox.courier_keys import CourierKeys, load_courier_keys
from integrations.sandbox.fiscal_keys import FiscalKeys, load_fiscal_keys
from integrations.sandbox.key_files import (
    ALPHANUMERIC,
    make_once,
    random_text,
    read_private_key,
    write,
    write_private_key,
    write_public_key,
)
from integrations.sandbox.message_keys import MessageKeys, load_message_keys
from integrations.sandbox.rotations import new_serial, self_signed

CERTIFICATE_LIFE = timedelta(days=5 * 365)  # WeChat Pay API v3, platform certificates: five years

ACCOUNT = "account.json"
MERCHANT_KEY = "merchant_private_key.pem"
MERCHANT_CERTIFICATE = "merchant_certificate.pem"  # older state folders have none
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
    alipay: AlipayKeys
    fiscal: FiscalKeys
    couriers: CourierKeys
    messages: MessageKeys

    @cached_property
    def merchant(self) -> RSAPublicKey:
        return read_private_key(self.folder / MERCHANT_KEY).public_key()

    @cached_property
    def platform(self) -> RSAPrivateKey:
        return read_private_key(self.folder / PLATFORM_KEY)

    @cached_property
    def certified(self) -> RSAPrivateKey:
        return read_private_key(self.folder / CERTIFICATE_KEY)

    @cached_property
    def stranger(self) -> RSAPrivateKey:
        return read_private_key(self.folder / STRANGER_KEY)

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / CERTIFICATE).read_bytes())

    @cached_property
    def certificate_serial(self) -> str:
        return f"{self.certificate.serial_number:040X}"


def load_keys(state: Path) -> Keys:
    """The keys of a state folder, made on first use."""
    folder = state / "keys"
    make_once(state, folder, ACCOUNT, _write_keys)
    account = Account(**orjson.loads((folder / ACCOUNT).read_bytes()))
    alipay, fiscal = load_alipay_keys(state, folder / "alipay"), load_fiscal_keys(state, folder / "fiscal")
    couriers = load_courier_keys(state, folder / "couriers")
    messages = load_message_keys(state, folder / "messages")
    return Keys(folder, account, alipay, fiscal, couriers, messages)


def provider_environment(state: Path, base_url: str) -> dict[str, str]:
    """The settings with which the product talks to the sandbox at `base_url` instead of the providers."""
    keys = load_keys(state)
    account = keys.account
    folder = keys.folder.resolve()
    certificate = folder / MERCHANT_CERTIFICATE
    return {
        "WECHAT_APP_ID": account.wechat_app_id,
        "WECHAT_APP_SECRET": account.wechat_app_secret,
        "WECHAT_API_BASE_URL": base_url,
        "WECHAT_PAY_BASE_URL": base_url,
        "WECHAT_PAY_MCH_ID": account.pay_mch_id,
        "WECHAT_PAY_SERIAL_NO": account.pay_serial_no,
        "WECHAT_PAY_PRIVATE_KEY_FILE": str(folder / MERCHANT_KEY),
        **({"WECHAT_PAY_CERTIFICATE_FILE": str(certificate)} if certificate.exists() else {}),
        "WECHAT_PAY_API_V3_KEY": account.pay_api_v3_key,
        "WECHAT_PAY_PUBLIC_KEY_ID": account.pay_public_key_id,
        "WECHAT_PAY_PUBLIC_KEY_FILE": str(folder / PLATFORM_PUBLIC_KEY),
        "KUAIDI100_BASE_URL": base_url,
        "KUAIDI100_CUSTOMER": account.kuaidi100_customer,
        "KUAIDI100_KEY": account.kuaidi100_key,
        "KUAIDI100_SALT": account.kuaidi100_salt,
        **alipay_keys.environment(keys.alipay, base_url),
        **alipay_keys.key_environment(keys.alipay),
        **fiscal_keys.environment(keys.fiscal, base_url),
        **courier_keys.environment(keys.couriers, base_url),
        **message_keys.environment(keys.messages, base_url),
    }


def alipay_certificate_environment(state: Path, base_url: str) -> dict[str, str]:
    """Alipay's settings in certificate mode, complete; laid over `provider_environment` they empty its public key."""
    keys = load_keys(state).alipay
    return {**alipay_keys.environment(keys, base_url), **alipay_keys.certificate_environment(keys)}


def _write_keys(folder: Path) -> None:
    private = {name: generate_private_key(65537, 2048) for name in _PRIVATE_KEYS}
    for name, key in private.items():
        write_private_key(folder / name, key)
    write_public_key(folder / PLATFORM_PUBLIC_KEY, private[PLATFORM_KEY].public_key())
    account = _new_account()
    merchant = int(account.pay_serial_no, 16)
    for file, key, owner, serial in (
        (CERTIFICATE, private[CERTIFICATE_KEY], "Sandbox of the payment platform", new_serial()),
        (MERCHANT_CERTIFICATE, private[MERCHANT_KEY], "Merchant of the sandbox", merchant),
    ):
        write(folder / file, self_signed(key, owner, CERTIFICATE_LIFE, serial).public_bytes(Encoding.PEM))
    write(folder / ACCOUNT, orjson.dumps(asdict(account), option=orjson.OPT_INDENT_2))


_PRIVATE_KEYS = (MERCHANT_KEY, PLATFORM_KEY, CERTIFICATE_KEY, STRANGER_KEY)


def _new_account() -> Account:
    return Account(
        wechat_app_id="wx" + secrets.token_hex(8),
        wechat_app_secret=secrets.token_hex(16),
        pay_mch_id="19" + random_text(string.digits, 8),
        pay_serial_no=f"{new_serial():040X}",
        pay_api_v3_key=random_text(ALPHANUMERIC, 32),
        pay_public_key_id="PUB_KEY_ID_01" + random_text(string.digits, 26),
        kuaidi100_customer=secrets.token_hex(16).upper(),
        kuaidi100_key=random_text(ALPHANUMERIC, 12),
        kuaidi100_salt=random_text(ALPHANUMERIC, 16),
    )
