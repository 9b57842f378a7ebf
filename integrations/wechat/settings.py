"""Without this module nobody could say which mini-program and which merchant we are to WeChat."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences
from integrations.wechat.pay_keys import MerchantKey

PREFIX = "WECHAT_"
_SERIAL = r"[0-9A-Fa-f]{8,40}"
_PUBLIC_KEY_ID = r"^(PUB_KEY_ID_\d+)?$"


class WechatSettings(BaseSettings):
    """Read from `WECHAT_*`. Without a platform public key, platform certificates are fetched instead.

    What is called `NEXT` lives beside the one it will replace, so that nothing is lost while keys change (ADR 32).
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    app_id: str = Field(min_length=1)
    app_secret: SecretStr = Field(min_length=1)
    api_base_url: str = "https://api.weixin.qq.com"
    state: Literal["formal", "trial", "developer"] = "formal"
    """Which version of the mini-program a message opens."""

    shipping_info: bool = False
    """Whether WeChat is told what each payment brought: an account under its trade management gets no money else."""

    push_token: SecretStr | None = None
    push_aes_key: SecretStr | None = None

    pay_base_url: str = "https://api.mch.weixin.qq.com"
    pay_mch_id: str = Field(pattern=r"^\d{6,32}$")
    pay_serial_no: str = Field(pattern=f"^{_SERIAL}$")
    pay_private_key_file: Path
    pay_certificate_file: Path | None = None
    pay_next_serial_no: str = Field(default="", pattern=f"^({_SERIAL})?$")
    pay_next_private_key_file: Path | None = None
    pay_next_certificate_file: Path | None = None
    pay_api_v3_key: SecretStr
    pay_next_api_v3_key: SecretStr | None = None
    pay_public_key_id: str = Field(default="", pattern=_PUBLIC_KEY_ID)
    pay_public_key_file: Path | None = None
    pay_next_public_key_id: str = Field(default="", pattern=_PUBLIC_KEY_ID)
    pay_next_public_key_file: Path | None = None

    @field_validator("api_base_url", "pay_base_url")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// towards a sandbox)")
        return value.rstrip("/")

    @field_validator(
        "pay_certificate_file",
        "pay_next_private_key_file",
        "pay_next_certificate_file",
        "pay_next_api_v3_key",
        "pay_public_key_file",
        "pay_next_public_key_file",
        "push_token",
        "push_aes_key",
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("pay_api_v3_key", "pay_next_api_v3_key")
    @classmethod
    def _has_32_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) != 32:
            raise ValueError("must be exactly 32 bytes long")
        return value

    @field_validator("push_aes_key")
    @classmethod
    def _is_an_aes_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[0-9A-Za-z]{43}", value.get_secret_value()):
            raise ValueError("must be the 43 letters and digits of the console (EncodingAESKey)")
        return value

    @model_validator(mode="after")
    def _pairs_are_whole(self) -> WechatSettings:
        pairs = {
            ("PUBLIC_KEY_ID", "PUBLIC_KEY_FILE"): (self.pay_public_key_id, self.pay_public_key_file),
            ("NEXT_PUBLIC_KEY_ID", "NEXT_PUBLIC_KEY_FILE"): (
                self.pay_next_public_key_id,
                self.pay_next_public_key_file,
            ),
            ("NEXT_SERIAL_NO", "NEXT_PRIVATE_KEY_FILE"): (self.pay_next_serial_no, self.pay_next_private_key_file),
        }
        for (one, other), (name, file) in pairs.items():
            if bool(name) != bool(file):
                raise ValueError(f"WECHAT_PAY_{one} and WECHAT_PAY_{other} belong together: set both or none")
        if bool(self.push_token) != bool(self.push_aes_key):
            raise ValueError("WECHAT_PUSH_TOKEN and WECHAT_PUSH_AES_KEY belong together: set both or none")
        if self.pay_next_certificate_file and not self.pay_next_serial_no:
            raise ValueError("WECHAT_PAY_NEXT_CERTIFICATE_FILE needs WECHAT_PAY_NEXT_SERIAL_NO")
        return self

    @property
    def api_v3_keys(self) -> tuple[bytes, ...]:
        """The one in force, and the next one while it is changed."""
        keys = (self.pay_api_v3_key, self.pay_next_api_v3_key)
        return tuple(key.get_secret_value().encode() for key in keys if key is not None)

    def merchant_keys(self) -> tuple[MerchantKey, ...]:
        """Ours, the one in force first; leaves the program when a file cannot be used."""
        keys = [self._merchant_key("", self.pay_serial_no, self.pay_private_key_file, self.pay_certificate_file)]
        if self.pay_next_private_key_file is not None:
            serial, file = self.pay_next_serial_no, self.pay_next_private_key_file
            keys.append(self._merchant_key("NEXT_", serial, file, self.pay_next_certificate_file))
        return tuple(keys)

    def public_keys(self) -> dict[str, RSAPublicKey]:
        """The platform's in public-key mode by their ids, the one in force first; nothing in certificate mode.

        Leaves the program when a file cannot be used.
        """
        files = {
            ("", self.pay_public_key_id): self.pay_public_key_file,
            ("NEXT_", self.pay_next_public_key_id): self.pay_next_public_key_file,
        }
        return {
            key_id: _public_key(f"WECHAT_PAY_{which}PUBLIC_KEY_FILE", file)
            for (which, key_id), file in files.items()
            if file is not None
        }

    def _merchant_key(self, which: str, serial: str, file: Path, certificate_file: Path | None) -> MerchantKey:
        key = _private_key(f"WECHAT_PAY_{which}PRIVATE_KEY_FILE", file)
        if certificate_file is None:
            return MerchantKey(self.pay_mch_id, serial.upper(), key)
        name = f"WECHAT_PAY_{which}CERTIFICATE_FILE"
        certificate = _certificate(name, certificate_file)
        if certificate.serial_number != int(serial, 16):
            raise SettingsInvalid(f"{name} has another serial number than WECHAT_PAY_{which}SERIAL_NO")
        if certificate.public_key() != key.public_key():
            raise SettingsInvalid(f"{name} and WECHAT_PAY_{which}PRIVATE_KEY_FILE do not belong together")
        return MerchantKey(self.pay_mch_id, serial.upper(), key, certificate.not_valid_after_utc)


def read_settings() -> WechatSettings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return WechatSettings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None


def _private_key(name: str, file: Path) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(_content(name, file), password=None)
    except (ValueError, TypeError):
        raise SettingsInvalid(f"{name} is not an unencrypted PEM private key") from None
    if not isinstance(key, RSAPrivateKey):
        raise SettingsInvalid(f"{name} is not an RSA key")
    return key


def _public_key(name: str, file: Path) -> RSAPublicKey:
    try:
        key = load_pem_public_key(_content(name, file))
    except ValueError:
        raise SettingsInvalid(f"{name} is not a PEM public key") from None
    if not isinstance(key, RSAPublicKey):
        raise SettingsInvalid(f"{name} is not an RSA key")
    return key


def _certificate(name: str, file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_content(name, file))
    except ValueError:
        raise SettingsInvalid(f"{name} is not a PEM certificate") from None


def _content(name: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise SettingsInvalid(f"{name} names a file that cannot be read") from None
