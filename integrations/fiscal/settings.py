"""Without this module nobody could say who we are to the province's platform, and by which key it is known."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences

PREFIX = "FISCAL_"


class FiscalSettings(BaseSettings):
    """Read from `FISCAL_*`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    base_url: str
    app_id: str = Field(pattern=r"^[0-9A-Za-z_-]{4,64}$")
    private_key_file: Path
    platform_key_file: Path

    @field_validator("base_url")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// towards a sandbox)")
        return value.rstrip("/")

    def private_key(self) -> RSAPrivateKey:
        """Our key; leaves the program when the file cannot be used."""
        try:
            key = load_pem_private_key(self.private_key_file.read_bytes(), password=None)
        except OSError:
            raise SettingsInvalid("FISCAL_PRIVATE_KEY_FILE names a file that cannot be read") from None
        except (ValueError, TypeError):
            raise SettingsInvalid("FISCAL_PRIVATE_KEY_FILE is not an unencrypted PEM private key") from None
        if not isinstance(key, RSAPrivateKey):
            raise SettingsInvalid("FISCAL_PRIVATE_KEY_FILE is not an RSA key")
        return key

    def platform_key(self) -> RSAPublicKey:
        """The platform's key; leaves the program when the file cannot be used."""
        try:
            key = load_pem_public_key(self.platform_key_file.read_bytes())
        except OSError:
            raise SettingsInvalid("FISCAL_PLATFORM_KEY_FILE names a file that cannot be read") from None
        except ValueError:
            raise SettingsInvalid("FISCAL_PLATFORM_KEY_FILE is not a PEM public key") from None
        if not isinstance(key, RSAPublicKey):
            raise SettingsInvalid("FISCAL_PLATFORM_KEY_FILE is not an RSA key")
        return key


def read_settings() -> FiscalSettings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return FiscalSettings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None
