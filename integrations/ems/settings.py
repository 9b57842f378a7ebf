"""Without this module nobody could say which customer of the post we are."""

from __future__ import annotations

import base64

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences

PREFIX = "EMS_"


class EmsSettings(BaseSettings):
    """Read from `EMS_*`: the agreement customer number, its authorisation, and the key as it is given out (base64)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    base_url: str = "https://api.ems.com.cn/amp-prod-api/f/amp/api/open"
    sender_no: str = Field(min_length=1, max_length=40)
    authorization: SecretStr = Field(min_length=1)
    key: SecretStr

    @field_validator("base_url")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// towards a sandbox)")
        return value.rstrip("/")

    @field_validator("key")
    @classmethod
    def _is_sixteen_bytes(cls, value: SecretStr) -> SecretStr:
        try:
            raw = base64.b64decode(value.get_secret_value(), validate=True)
        except ValueError:
            raw = b""
        if len(raw) != 16:
            raise ValueError("must be base64 of 16 bytes, as the post gives it out")
        return value


def read_settings() -> EmsSettings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return EmsSettings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None
