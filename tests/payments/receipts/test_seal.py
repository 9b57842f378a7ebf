"""Where the seal comes from, and what a worker says when there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fpdf import FPDF

from app.doctor import seal_finding
from app.kernel import clock, ports
from app.kernel.settings import Settings, SettingsInvalid
from app.payments.ports import PaymentChannel
from app.payments.receipts import seal as seals
from integrations.window.payments import WindowChannel
from tests.integrations.contract.stage import environment_of
from tests.payments.receipts.stage import has_seal

PRODUCTION = {
    "PORTAL_ENV": "production",
    "PORTAL_DATABASE_URL": "postgresql://portal@127.0.0.1/portal",
    "PORTAL_REDIS_URL": "redis://127.0.0.1:6379/0",
    "PORTAL_SECRET_KEY": "k" * 40,
    "PORTAL_ENCRYPTION_KEYS": "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "PORTAL_GRAPHQL_ALLOW": "trusted",
    "PORTAL_PUBLIC_URL": "https://hall.example.gov.cn",
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    before = {port: dict(adapters) for port, adapters in ports._adapters.items()}
    ports.clear()
    seals.seal.cache_clear()
    yield
    ports.clear()
    ports._adapters.update(before)
    seals.seal.cache_clear()


def certificate_of(key: RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    """Made out by itself; what is asked here is the signature."""
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(start)
    made = made.not_valid_after(start + timedelta(days=365)).add_extension(seals._SIGNS, critical=True)
    return made.sign(key, SHA256())


def named(folder: Path) -> dict[str, str]:
    """The files of a seal as settings."""
    return {
        "PORTAL_SEAL_KEY_FILE": str(folder / "key.pem"),
        "PORTAL_SEAL_CERTIFICATE_FILE": str(folder / "certificate.pem"),
    }


def test_development_makes_a_throw_away_seal_once(tmp_path: Path) -> None:
    with environment_of({"PORTAL_ENV": "dev", "PORTAL_STATE_DIR": str(tmp_path)}):
        first = seals.seal().signing_cert
        seals.seal.cache_clear()
        second = seals.seal().signing_cert
        assert first is not None
        assert second is not None
        assert second.sha256_fingerprint == first.sha256_fingerprint
        assert seals.expires_at() > datetime.now(UTC)
    assert (tmp_path / "seal" / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_production_that_can_be_paid_does_not_start_its_worker_without_a_seal() -> None:
    with environment_of(PRODUCTION):
        seals.check_seal()
        ports.register(PaymentChannel, "cash", WindowChannel("cash", "现金", "Cash"))
        with pytest.raises(SettingsInvalid, match="PORTAL_SEAL_KEY_FILE and PORTAL_SEAL_CERTIFICATE_FILE are missing"):
            seals.check_seal()


def test_a_production_with_a_seal_starts(tmp_path: Path) -> None:
    seals._throw_away(tmp_path / "seal")
    ports.register(PaymentChannel, "cash", WindowChannel("cash", "现金", "Cash"))
    with environment_of({**PRODUCTION, **named(tmp_path / "seal")}):
        seals.check_seal()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"PORTAL_SEAL_KEY_FILE": "/nowhere/key.pem"}, "belong together"),
        (named(Path("/nowhere")), "cannot be read"),
        ({"PORTAL_SEAL_KEY_FILE": __file__, "PORTAL_SEAL_CERTIFICATE_FILE": __file__}, "not usable PEM"),
    ],
)
def test_a_seal_that_cannot_be_used_is_named_by_its_settings(settings: dict[str, str], sentence: str) -> None:
    with environment_of({**PRODUCTION, **settings}), pytest.raises(SettingsInvalid, match=sentence):
        seals.seal()


def test_a_key_may_have_a_password(tmp_path: Path) -> None:
    folder = seals._throw_away(tmp_path / "seal")
    key = generate_private_key(65537, 2048)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open"))
    (folder / "key.pem").write_bytes(locked)
    with environment_of({**PRODUCTION, **named(folder)}), pytest.raises(SettingsInvalid, match="not usable PEM"):
        seals.seal()
    with environment_of({**PRODUCTION, **named(folder), "PORTAL_SEAL_KEY_PASSWORD": "open"}):
        assert seals.seal().signing_key is not None


@pytest.mark.parametrize("key", [generate_private_key(65537, 4096), ec.generate_private_key(ec.SECP384R1())])
async def test_a_key_of_any_kind_and_length_signs_with_its_chain(
    tmp_path: Path, key: RSAPrivateKey | ec.EllipticCurvePrivateKey
) -> None:
    """The room for the signature is reckoned and not tried: it must do for the longest."""
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    chain = [certificate_of(key, name) for name in ("测试签章", "测试上级签章", "测试根")]
    (tmp_path / "certificate.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
    blank = FPDF()
    blank.add_page()
    with environment_of({**PRODUCTION, **named(tmp_path)}):
        document = await asyncio.to_thread(seals.sign, bytes(blank.output()), "测试收款单位")
        assert await has_seal(document)
        assert not await has_seal(document.replace(b"/MediaBox", b"/mediaBox"))


def test_the_doctor_warns_thirty_days_before_the_seal_ends(tmp_path: Path) -> None:
    folder = seals._throw_away(tmp_path / "seal")
    settings = Settings.model_construct(env="production")
    with environment_of({**PRODUCTION, **named(folder)}):
        ends = seals.expires_at()
        found = [seal_finding(settings, ends - timedelta(days=days)) for days in (31, 29, 0)]
    assert [(one.works, one.warns) for one in found] == [(True, False), (True, True), (False, False)]
    assert found[1].detail == f"ends on {clock.local(ends):%Y-%m-%d}, in 29 days"
    assert found[2].detail == f"ended on {clock.local(ends):%Y-%m-%d}"


def test_the_doctor_finds_no_fault_where_no_seal_belongs_and_names_one_that_cannot_be_used() -> None:
    settings = Settings.model_construct(env="production")
    with environment_of(PRODUCTION):
        assert seal_finding(settings, datetime.now(UTC)).works
    with environment_of({**PRODUCTION, **named(Path("/nowhere"))}):
        unusable = seal_finding(settings, datetime.now(UTC))
    assert (unusable.works, unusable.detail) == (False, "PORTAL_SEAL_*: a file of the seal cannot be read")
