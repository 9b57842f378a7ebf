"""Without this module nobody could say which mini-program we are to Alipay and whose signature we believe."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509 import Certificate
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences
from integrations.alipay.certificates import (
    Certificates,
    every_certificate,
    key_of,
    rsa_roots,
    serial_of,
    serial_of_roots,
)
from integrations.alipay.keys import AES_KEY_BYTES, KEY_FAULTS, ContentCipher, read_private_key, read_public_key

PREFIX = "ALIPAY_"
_PID = re.compile(r"2088[0-9]{12}")


class AlipaySettings(BaseSettings):
    """Read from `ALIPAY_*`. Alipay's public key, or the three files of certificate mode."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    gateway_url: str = "https://openapi.alipay.com/gateway.do"
    app_id: str = Field(pattern=r"^[0-9A-Za-z]{1,32}$")
    app_private_key_file: Path
    seller_id: str
    """The PID of the merchant that is paid: a notice for another one is none of ours."""

    public_key_file: Path | None = None
    app_cert_file: Path | None = None
    cert_file: Path | None = None
    root_cert_file: Path | None = None
    aes_key: SecretStr | None = None
    """Opens phone numbers; without it they cannot be had, the rest works."""

    encrypt_requests: bool = False
    two_factor_biz_code: str = Field(default="DATA_DIGITAL_BIZ_CODE_TWO_META", pattern=r"^[0-9A-Z_]{1,64}$")
    """What the contract of the two-factor check names; the default only follows the family's other codes."""

    @field_validator("gateway_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")) or "?" in value:
            raise ValueError("must begin with https:// (or http:// towards a sandbox) and have no query")
        return value

    @field_validator("public_key_file", "app_cert_file", "cert_file", "root_cert_file", "aes_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("seller_id")
    @classmethod
    def _is_a_pid(cls, value: str) -> str:
        if not _PID.fullmatch(value):
            raise ValueError("must be the PID of the merchant account, 16 digits that begin with 2088")
        return value

    @field_validator("aes_key")
    @classmethod
    def _has_16_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(_bytes_of(value)) != AES_KEY_BYTES:
            raise ValueError("must be 16 bytes in base64, as the console shows it")
        return value

    @model_validator(mode="after")
    def _somebody_is_believed(self) -> AlipaySettings:
        files = [self.app_cert_file, self.cert_file, self.root_cert_file]
        if any(files) != all(files):
            raise ValueError(
                "ALIPAY_APP_CERT_FILE, ALIPAY_CERT_FILE and ALIPAY_ROOT_CERT_FILE belong together: set all or none"
            )
        if all(files) == (self.public_key_file is not None):
            raise ValueError("set either ALIPAY_PUBLIC_KEY_FILE or the three certificate files")
        if self.encrypt_requests and self.aes_key is None:
            raise ValueError("ALIPAY_ENCRYPT_REQUESTS needs ALIPAY_AES_KEY")
        return self

    def cipher(self) -> ContentCipher | None:
        return None if self.aes_key is None else ContentCipher(_bytes_of(self.aes_key))

    def private_key(self) -> RSAPrivateKey:
        """The application's key; leaves the program when the file cannot be used."""
        try:
            return read_private_key(_content("ALIPAY_APP_PRIVATE_KEY_FILE", self.app_private_key_file))
        except KEY_FAULTS:
            raise SettingsInvalid("ALIPAY_APP_PRIVATE_KEY_FILE is not an unencrypted RSA private key") from None

    def public_key(self) -> RSAPublicKey | None:
        """Alipay's key in key mode, None in certificate mode; leaves the program when it cannot be used."""
        if self.public_key_file is None:
            return None
        try:
            return read_public_key(_content("ALIPAY_PUBLIC_KEY_FILE", self.public_key_file))
        except KEY_FAULTS:
            raise SettingsInvalid("ALIPAY_PUBLIC_KEY_FILE is not an RSA public key") from None

    def certificates(self) -> Certificates | None:
        """The three files in certificate mode, None in key mode; leaves the program when one cannot be used."""
        if self.app_cert_file is None or self.cert_file is None or self.root_cert_file is None:
            return None
        app, *_ = _rsa_certificates("ALIPAY_APP_CERT_FILE", self.app_cert_file)
        alipay, *beside = _rsa_certificates("ALIPAY_CERT_FILE", self.cert_file)
        roots = rsa_roots(_content("ALIPAY_ROOT_CERT_FILE", self.root_cert_file))
        if not roots:
            raise SettingsInvalid("ALIPAY_ROOT_CERT_FILE holds no certificate that RSA signed")
        if key_of(app).public_numbers() != self.private_key().public_key().public_numbers():
            raise SettingsInvalid("ALIPAY_APP_CERT_FILE and ALIPAY_APP_PRIVATE_KEY_FILE do not belong together")
        return Certificates(serial_of(app), serial_of_roots(roots), alipay, tuple(beside), roots)


def read_settings() -> AlipaySettings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return AlipaySettings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None


def _rsa_certificates(name: str, path: Path) -> list[Certificate]:
    found = list(every_certificate(_content(name, path)))
    try:
        key_of(found[0])
    except (IndexError, *KEY_FAULTS):
        raise SettingsInvalid(f"{name} is not a PEM certificate with an RSA key") from None
    return found


def _content(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise SettingsInvalid(f"{name} names a file that cannot be read") from None


def _bytes_of(secret: SecretStr) -> bytes:
    """Empty when it is not base64."""
    try:
        return base64.b64decode(secret.get_secret_value(), validate=True)
    except ValueError:
        return b""
