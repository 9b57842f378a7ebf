"""Without this module nobody could say which customer of Kuaidi100 we are."""

from __future__ import annotations

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kernel.settings import SettingsInvalid, sentences

PREFIX = "KUAIDI100_"


class Kuaidi100Settings(BaseSettings):
    """Read from `KUAIDI100_*`. `salt` is ours: pushes are signed with it, so each environment has its own."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    base_url: str = "https://poll.kuaidi100.com"
    customer: str = Field(min_length=1)
    key: SecretStr = Field(min_length=1)
    salt: SecretStr = Field(min_length=8)
    secret: SecretStr | None = None
    """For placing orders, which is a contract of its own; without it nobody can be ordered."""

    @field_validator("secret", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("base_url")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// towards a sandbox)")
        return value.rstrip("/")


def read_settings() -> Kuaidi100Settings:
    """Leaves the program with one sentence per fault; no value is repeated."""
    try:
        return Kuaidi100Settings.model_validate({})  # the environment fills it in
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, PREFIX)) from None
