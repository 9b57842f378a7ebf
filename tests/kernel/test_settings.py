from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.kernel.settings import Settings, SettingsInvalid, get_settings
from tests.portal import environment

SECRET = "s" * 40
SHORT_SECRET = "tooshort-5ecret"
COMPLETE = {
    "PORTAL_ENV": "production",
    "PORTAL_DATABASE_URL": "postgresql://portal:pw-5ecret@db/portal",
    "PORTAL_REDIS_URL": "redis://cache",
    "PORTAL_SECRET_KEY": SECRET,
    "PORTAL_ENCRYPTION_KEYS": "p1:" + "QUFB" * 11,
    "PORTAL_GRAPHQL_ALLOW": "trusted",
    "PORTAL_PUBLIC_URL": "https://hall.example.gov.cn",
}


@pytest.fixture(autouse=True)
def production() -> Iterator[None]:
    with environment(COMPLETE):
        yield


def refused(**changes: str) -> str:
    with environment({f"PORTAL_{name}": value for name, value in changes.items()}):
        with pytest.raises(SettingsInvalid) as invalid:
            get_settings()
        return str(invalid.value)


def test_a_complete_production_starts() -> None:
    assert get_settings().in_production


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DATABASE_URL", "", "PORTAL_DATABASE_URL is missing: production never starts its own PostgreSQL"),
        ("REDIS_URL", "", "PORTAL_REDIS_URL is missing: production never starts its own Redis"),
        ("SECRET_KEY", SHORT_SECRET, "PORTAL_SECRET_KEY is too short: use at least 32 random characters"),
        (
            "SECRET_KEY",
            "dev-only-secret-never-in-production",
            "PORTAL_SECRET_KEY is missing: set it to at least 32 random characters",
        ),
        (
            "ENCRYPTION_KEYS",
            "dev1:ZGV2LW9ubHktZW5jcnlwdGlvbi1rZXktMzJieXRlcyE=",
            "PORTAL_ENCRYPTION_KEYS is missing: set it to `id:base64-of-32-bytes`",
        ),
        (
            "ENCRYPTION_KEYS",
            " d:ZGV2LW9ubHktZW5jcnlwdGlvbi1rZXktMzJieXRlcyE=, p1:" + "QUFB" * 11,
            "PORTAL_ENCRYPTION_KEYS is missing: set it to `id:base64-of-32-bytes`",
        ),
        ("GRAPHQL_ALLOW", "all", "PORTAL_GRAPHQL_ALLOW must be `trusted` in production"),
        ("PUBLIC_URL", "http://hall.example.gov.cn", "PORTAL_PUBLIC_URL must begin with https:// in production"),
    ],
)
def test_production_names_the_one_thing_that_is_wrong(variable: str, value: str, sentence: str) -> None:
    assert refused(**{variable: value}) == sentence


def test_production_names_everything_that_is_wrong_at_once() -> None:
    told = refused(DATABASE_URL="", PUBLIC_URL="http://x", GRAPHQL_ALLOW="all")
    assert [line.split()[0] for line in told.splitlines()] == [
        "PORTAL_DATABASE_URL",
        "PORTAL_GRAPHQL_ALLOW",
        "PORTAL_PUBLIC_URL",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("DATABASE_POOL", "0"),
        ("ENV", "staging"),
        ("WORKER_CONCURRENCY", "0"),
        ("LOG_FORMAT", "xml"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.1,0.0.0.0/0"),
        ("TRUSTED_PROXIES", "proxy.internal"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(variable: str, value: str) -> None:
    told = refused(**{variable: value})
    assert told.startswith(f"PORTAL_{variable}: ")
    assert len(told.splitlines()) == 1


def test_no_secret_is_ever_repeated() -> None:
    told = refused(SECRET_KEY=SHORT_SECRET, PORT="eighty") + refused(SECRET_KEY=SHORT_SECRET, REDIS_URL="")
    for secret in (SHORT_SECRET, "5ecret", COMPLETE["PORTAL_ENCRYPTION_KEYS"]):
        assert secret not in told
    for secret in (SECRET, COMPLETE["PORTAL_ENCRYPTION_KEYS"]):
        assert secret not in repr(get_settings())


def test_proxies_are_addresses_and_networks() -> None:
    with environment({"PORTAL_TRUSTED_PROXIES": "172.16.0.0/12, fdaa::/16,10.0.0.1"}):
        assert get_settings().trusted_proxies == "172.16.0.0/12, fdaa::/16,10.0.0.1"


def test_providers_are_words_between_commas() -> None:
    with environment({"PORTAL_PROVIDERS": " wechat, kuaidi100 ,,"}):
        assert get_settings().providers == ("wechat", "kuaidi100")


def test_development_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMPLETE:
        monkeypatch.delenv(name)
    settings = Settings()
    assert (settings.env, settings.graphql_allow, settings.in_production) == ("dev", "all", False)
