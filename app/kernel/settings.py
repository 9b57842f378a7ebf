"""Without this module nobody could say where the database is or which secrets are in force."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEV_SECRET = "dev-only-secret-never-in-production"  # noqa: S105 - refused in production below
DEV_ENCRYPTION_KEY = "ZGV2LW9ubHktZW5jcnlwdGlvbi1rZXktMzJieXRlcyE="


class SettingsInvalid(SystemExit):
    """The environment does not describe a runnable system; carries one sentence per fault."""


class Settings(BaseSettings):
    """Core settings, read from `PORTAL_*`. Providers have their own beside their adapter."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", frozen=True)

    env: Literal["dev", "test", "production"] = "dev"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str = "http://127.0.0.1:8000"
    database_url: str = ""
    redis_url: str = ""
    trusted_proxies: str = ""
    """Addresses or networks of our own proxies, whose `X-Forwarded-For` names the caller."""

    database_pool: int = Field(default=10, ge=1)
    secret_key: SecretStr = SecretStr(DEV_SECRET)
    encryption_keys: SecretStr = SecretStr(f"dev1:{DEV_ENCRYPTION_KEY}")
    index_key: SecretStr = SecretStr("")
    """For the hashes that find numbers; when it is empty, one that follows from the secret key."""

    providers: Annotated[tuple[str, ...], NoDecode] = ()
    switched_off: Annotated[tuple[str, ...], NoDecode] = ()
    """Capabilities this city does not offer, as `capabilities` of the API names them."""

    staff_second_factor: Literal["required", "optional"] | None = None
    """Whether staff need a time-based code beside their password; by default in production only."""

    refund_alone_fen: int = Field(default=50_000, ge=0)
    """Up to how much of one bill a cashier may send back without a second person; 0 for never."""

    posting_phone: str = Field(default="12345", pattern=r"^[0-9-]{5,20}$")
    """The number couriers call about parcels from and to the halls."""

    state_dir: Path = Path(".portal")
    sandbox_url: str = ""
    graphql_allow: Literal["all", "trusted"] = "all"
    log_format: Literal["pretty", "json"] = "pretty"
    worker_concurrency: int = Field(default=8, ge=1, le=64)

    @field_validator("providers", "switched_off", mode="before")
    @classmethod
    def _split_words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _names_networks(cls, value: str) -> str:
        for word in filter(None, map(str.strip, value.split(","))):
            try:
                network = ip_network(word, strict=False)
            except ValueError:
                raise ValueError(f"{word!r} is no address and no network of your own proxies") from None
            if network.prefixlen == 0:
                raise ValueError(f"{word!r} would let every caller choose the address that limits and audit go by")
        return value

    @model_validator(mode="after")
    def _production_is_complete(self) -> Settings:
        if self.env != "production":
            return self
        faults = []
        if not self.database_url:
            faults.append("PORTAL_DATABASE_URL is missing: production never starts its own PostgreSQL")
        if not self.redis_url:
            faults.append("PORTAL_REDIS_URL is missing: production never starts its own Redis")
        if self.secret_key.get_secret_value() == DEV_SECRET:
            faults.append("PORTAL_SECRET_KEY is missing: set it to at least 32 random characters")
        elif len(self.secret_key.get_secret_value()) < 32:
            faults.append("PORTAL_SECRET_KEY is too short: use at least 32 random characters")
        if DEV_ENCRYPTION_KEY in self.encryption_keys.get_secret_value():  # everybody can read it here
            faults.append("PORTAL_ENCRYPTION_KEYS is missing: set it to `id:base64-of-32-bytes`")
        if self.graphql_allow != "trusted":
            faults.append("PORTAL_GRAPHQL_ALLOW must be `trusted` in production")
        if not self.public_url.startswith("https://"):
            faults.append("PORTAL_PUBLIC_URL must begin with https:// in production")
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def in_production(self) -> bool:
        return self.env == "production"

    @property
    def second_factor_required(self) -> bool:
        return (self.staff_second_factor or ("required" if self.in_production else "optional")) == "required"


def sentences(error: ValidationError, prefix: str) -> str:
    """Say what is wrong with the environment, one line per variable, without repeating any value."""
    lines = []
    for fault in error.errors():
        name = prefix + "_".join(str(part).upper() for part in fault["loc"]) if fault["loc"] else ""
        text = fault["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {text}" if name else text)
    return "\n".join(lines)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the environment once per process; leaves the program with sentences when it is not usable."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, "PORTAL_")) from None
