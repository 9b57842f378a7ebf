"""Without this module nobody could say which mini-program and which merchant we are to WeChat."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences

PREFIX = "WECHAT_"


class WechatSettings(BaseSettings):
    """Read from `WECHAT_*`. Without a platform public key, platform certificates are fetched instead."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    app_id: str = Field(min_length=1)
    app_secret: SecretStr = Field(min_length=1)
    api_base_url: str = "https://api.weixin.qq.com"

    pay_base_url: str = "https://api.mch.weixin.qq.com"
    pay_mch_id: str = Field(pattern=r"^\d{6,32}$")
    pay_serial_no: str = Field(pattern=r"^[0-9A-Fa-f]{8,40}$")
    pay_private_key_file: Path
    pay_api_v3_key: SecretStr
    pay_public_key_id: str = Field(default="", pattern=r"^(PUB_KEY_ID_\d+)?$")
    pay_public_key_file: Path | None = None

    @field_validator("api_base_url", "pay_base_url")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// towards a sandbox)")
        return value.rstrip("/")

    @field_validator("pay_api_v3_key")
    @classmethod
    def _has_32_bytes(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().encode()) != 32:
            raise ValueError("must be exactly 32 bytes long")
        return value

    @field_validator("pay_public_key_file", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _public_key_is_whole(self) -> WechatSettings:
        if bool(self.pay_public_key_id) != bool(self.pay_public_key_file):
            raise ValueError(
                "WECHAT_PAY_PUBLIC_KEY_ID and WECHAT_PAY_PUBLIC_KEY_FILE belong together: set both or none"
            )
        return self

    @property
    def api_v3_key(self) -> bytes:
        return self.pay_api_v3_key.get_secret_value().encode()

    def private_key(self) -> RSAPrivateKey:
        """The merchant's key; leaves the program when the file cannot be used."""
        try:
            key = load_pem_private_key(self.pay_private_key_file.read_bytes(), password=None)
        except OSError:
            raise SettingsInvalid("WECHAT_PAY_PRIVATE_KEY_FILE names a file that cannot be read") from None
        except (ValueError, TypeError):
            raise SettingsInvalid("WECHAT_PAY_PRIVATE_KEY_FILE is not an unencrypted PEM private key") from None
        if not isinstance(key, RSAPrivateKey):
            raise SettingsInvalid("WECHAT_PAY_PRIVATE_KEY_FILE is not an RSA key")
        return key

    def public_key(self) -> RSAPublicKey | None:
        """The platform's key in public-key mode, None in certificate mode; leaves the program when unusable."""
        if self.pay_public_key_file is None:
            return None
        try:
            key = load_pem_public_key(self.pay_public_key_file.read_bytes())
        except OSError:
            raise SettingsInvalid("WECHAT_PAY_PUBLIC_KEY_FILE names a file that cannot be read") from None
        except ValueError:
            raise SettingsInvalid("WECHAT_PAY_PUBLIC_KEY_FILE is not a PEM public key") from None
        if not isinstance(key, RSAPublicKey):
            raise SettingsInvalid("WECHAT_PAY_PUBLIC_KEY_FILE is not an RSA key")
        return key


def read_settings() -> WechatSettings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return WechatSettings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None
