"""Without this module nobody could say which mini-program we are to Alipay and whose signature we believe."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences
from integrations.alipay.app_keys import AppKey
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
    """Read from `ALIPAY_*`. Alipay's public key, or the three files of certificate mode.

    What is called `NEXT` lives beside the one it will replace, so that nothing is lost while keys change (ADR 32).
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    gateway_url: str = "https://openapi.alipay.com/gateway.do"
    app_id: str = Field(pattern=r"^[0-9A-Za-z]{1,32}$")
    app_private_key_file: Path
    next_app_private_key_file: Path | None = None
    seller_id: str
    """The PID of the merchant that is paid: a notice for another one is none of ours."""

    public_key_file: Path | None = None
    next_public_key_file: Path | None = None
    """Believed as well, in either mode: so an application moves from its public key to certificates, too."""

    app_cert_file: Path | None = None
    next_app_cert_file: Path | None = None
    cert_file: Path | None = None
    root_cert_file: Path | None = None
    aes_key: SecretStr | None = None
    """Opens phone numbers; without it they cannot be had, the rest works."""

    next_aes_key: SecretStr | None = None

    encrypt_requests: bool = False
    two_factor_biz_code: str = Field(default="DATA_DIGITAL_BIZ_CODE_TWO_META", pattern=r"^[0-9A-Z_]{1,64}$")
    """What the contract of the two-factor check names; the default only follows the family's other codes."""

    @field_validator("gateway_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")) or "?" in value:
            raise ValueError("must begin with https:// (or http:// towards a sandbox) and have no query")
        return value

    @field_validator(
        "next_app_private_key_file",
        "public_key_file",
        "next_public_key_file",
        "app_cert_file",
        "next_app_cert_file",
        "cert_file",
        "root_cert_file",
        "aes_key",
        "next_aes_key",
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("seller_id")
    @classmethod
    def _is_a_pid(cls, value: str) -> str:
        if not _PID.fullmatch(value):
            raise ValueError("must be the PID of the merchant account, 16 digits that begin with 2088")
        return value

    @field_validator("aes_key", "next_aes_key")
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
        if bool(self.next_app_cert_file) != bool(self.next_app_private_key_file and all(files)):
            raise ValueError(
                "in certificate mode ALIPAY_NEXT_APP_CERT_FILE and ALIPAY_NEXT_APP_PRIVATE_KEY_FILE belong together; "
                "without certificates there is only the key"
            )
        if self.encrypt_requests and self.aes_key is None:
            raise ValueError("ALIPAY_ENCRYPT_REQUESTS needs ALIPAY_AES_KEY")
        return self

    def cipher(self) -> ContentCipher | None:
        keys = [_bytes_of(key) for key in (self.aes_key, self.next_aes_key) if key is not None]
        return ContentCipher(*keys) if keys else None

    def app_keys(self) -> tuple[AppKey, ...]:
        """The application's, the one in force first; leaves the program when a file cannot be used."""
        keys = [_app_key("", self.app_private_key_file, self.app_cert_file)]
        if self.next_app_private_key_file is not None:
            keys.append(_app_key("NEXT_", self.next_app_private_key_file, self.next_app_cert_file))
        return tuple(keys)

    def public_keys(self) -> dict[str, RSAPublicKey]:
        """Alipay's by the setting that names them; leaves the program when one cannot be used."""
        files = {
            "ALIPAY_PUBLIC_KEY_FILE": self.public_key_file,
            "ALIPAY_NEXT_PUBLIC_KEY_FILE": self.next_public_key_file,
        }
        return {name: _public_key(name, file) for name, file in files.items() if file is not None}

    def certificates(self) -> Certificates | None:
        """Alipay's files in certificate mode, None in key mode; leaves the program when one cannot be used."""
        if self.cert_file is None or self.root_cert_file is None:
            return None
        alipay, *beside = _rsa_certificates("ALIPAY_CERT_FILE", self.cert_file)
        roots = rsa_roots(_content("ALIPAY_ROOT_CERT_FILE", self.root_cert_file))
        if not roots:
            raise SettingsInvalid("ALIPAY_ROOT_CERT_FILE holds no certificate that RSA signed")
        return Certificates(serial_of_roots(roots), alipay, tuple(beside), roots)


def read_settings() -> AlipaySettings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return AlipaySettings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None


def _app_key(which: str, file: Path, certificate_file: Path | None) -> AppKey:
    name = f"ALIPAY_{which}APP_PRIVATE_KEY_FILE"
    try:
        key = read_private_key(_content(name, file))
    except KEY_FAULTS:
        raise SettingsInvalid(f"{name} is not an unencrypted RSA private key") from None
    if certificate_file is None:
        return AppKey(key)
    certificate, *_ = _rsa_certificates(f"ALIPAY_{which}APP_CERT_FILE", certificate_file)
    if key_of(certificate).public_numbers() != key.public_key().public_numbers():
        raise SettingsInvalid(f"ALIPAY_{which}APP_CERT_FILE and {name} do not belong together")
    return AppKey(key, serial_of(certificate), certificate.not_valid_after_utc)


def _public_key(name: str, file: Path) -> RSAPublicKey:
    try:
        return read_public_key(_content(name, file))
    except KEY_FAULTS:
        raise SettingsInvalid(f"{name} is not an RSA public key") from None


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
