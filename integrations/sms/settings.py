"""Without this module nobody could say who we are to the city's gateway."""

from __future__ import annotations

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences

PREFIX = "SMS_"


class SmsSettings(BaseSettings):
    """Read from `SMS_*`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    base_url: str
    app_id: str = Field(pattern=r"^[0-9A-Za-z_-]{4,64}$")
    secret: SecretStr = Field(min_length=32)

    @field_validator("base_url")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// towards a sandbox)")
        return value.rstrip("/")

    def key(self) -> bytes:
        return self.secret.get_secret_value().encode()


def read_settings() -> SmsSettings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return SmsSettings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None
