"""Without this module anybody could draw a receipt of ours: each is signed with the city's electronic seal.

Only workers sign, so only they hold the key. Signatures are PAdES with RSA or elliptic curves, made by pyHanko.
"""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pyhanko.keys import load_certs_from_pemder, load_private_key_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from app.kernel import ports
from app.kernel.settings import SettingsInvalid, get_settings, sentences
from app.payments.ports import PaymentChannel

_PREFIX = "PORTAL_SEAL_"
_FIELD = "Seal"
_REASON = "电子票据签章"
_DEV_LIFE = timedelta(days=5 * 365)
_DIGEST = "sha256"
_ROOM_BESIDE = 2048
"""Bytes for the signature itself and for what is signed with the document."""

_KEY, _CERTIFICATE = "key.pem", "certificate.pem"


class SealSettings(BaseSettings):
    """Read from `PORTAL_SEAL_*`: the private key, and its certificate with those that vouch for it, in PEM."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    key_file: Path | None = None
    certificate_file: Path | None = None
    key_password: SecretStr = SecretStr("")

    @field_validator("key_file", "certificate_file", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None


def check_seal() -> None:
    """For the start of a worker: leaves the program when a production that can be paid has no seal it can use.

    An unsigned receipt that looks like a signed one would teach people to trust paper.
    """
    if not get_settings().in_production or ports.every(PaymentChannel):
        seal()


@lru_cache(maxsize=1)
def seal() -> _Signer:
    """The seal in force; in development and tests a throw-away one. Leaves the program when it cannot be used."""
    settings = _settings()
    if bool(settings.key_file) != bool(settings.certificate_file):
        raise SettingsInvalid("PORTAL_SEAL_KEY_FILE and PORTAL_SEAL_CERTIFICATE_FILE belong together: set both or none")
    if settings.key_file is None or settings.certificate_file is None:
        if get_settings().in_production:
            raise SettingsInvalid(
                "PORTAL_SEAL_KEY_FILE and PORTAL_SEAL_CERTIFICATE_FILE are missing: receipts are never issued unsigned"
            )
        folder = _throw_away(get_settings().state_dir / "seal")
        return _load(folder / _KEY, folder / _CERTIFICATE, b"")
    return _load(settings.key_file, settings.certificate_file, settings.key_password.get_secret_value().encode())


def is_set() -> bool:
    """Whether this process was given a seal, or a part of one. Raises `SettingsInvalid`."""
    settings = _settings()
    return bool(settings.key_file or settings.certificate_file)


def _settings() -> SealSettings:
    try:
        return SealSettings()
    except ValidationError as error:
        raise SettingsInvalid(sentences(error, _PREFIX)) from None


class _Signer(SimpleSigner):
    """Reads its key once: pyHanko would for every signature, and check its primes again, which takes longer than all
    the rest of signing.
    """

    @cached_property
    def _key(self) -> PrivateKeyTypes:
        return load_der_private_key(self.signing_key.dump(), password=None)

    @cached_property
    def room(self) -> int:
        """For the signature, in hexadecimal digits; pyHanko would sign once more to learn it. The rest is zeros."""
        registered = [*self.cert_registry, self.signing_cert]
        return 2 * (sum(len(certificate.dump()) for certificate in registered) + _ROOM_BESIDE)

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        assert digest_algorithm == _DIGEST
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), hashes.SHA256())
        if isinstance(self._key, EllipticCurvePrivateKey):
            return self._key.sign(data, ECDSA(hashes.SHA256()))
        raise SettingsInvalid("PORTAL_SEAL_KEY_FILE is neither an RSA nor an elliptic-curve key")


def _load(key_file: Path, certificate_file: Path, password: bytes) -> _Signer:
    try:
        key = load_private_key_from_pemder(str(key_file), passphrase=password or None)
        certificate, *chain = load_certs_from_pemder([str(certificate_file)])  # type: ignore[no-untyped-call]
    except OSError:
        raise SettingsInvalid("PORTAL_SEAL_*: a file of the seal cannot be read") from None
    except (ValueError, TypeError):
        raise SettingsInvalid("PORTAL_SEAL_*: the key or the certificate of the seal is not usable PEM") from None
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(chain)
    return _Signer(signing_cert=certificate, signing_key=key, cert_registry=store)


def expires_at() -> datetime:
    """When the seal's certificate ends; from then on nobody should trust what is signed with it."""
    certificate = seal().signing_cert
    assert certificate is not None
    end: datetime = certificate["tbs_certificate"]["validity"]["not_after"].native
    return end


def sign(document: bytes, unit: str) -> bytes:
    """The document with a signature over every byte of it, which allows no change afterwards.

    Computes for milliseconds and uses an event loop of its own: for a thread.
    """
    metadata = PdfSignatureMetadata(
        field_name=_FIELD,
        md_algorithm=_DIGEST,
        subfilter=SigSeedSubFilter.PADES,
        reason=_REASON,
        name=unit,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    signed = BytesIO()
    writer = IncrementalPdfFileWriter(BytesIO(document))
    PdfSigner(metadata, seal()).sign_pdf(writer, bytes_reserved=seal().room, output=signed)
    return signed.getvalue()


def _throw_away(folder: Path) -> Path:
    """A key pair that is worth nothing elsewhere; of two processes that make one, the first one's is taken."""
    if (folder / _CERTIFICATE).exists():
        return folder
    draft = folder.with_name(f".seal-{os.getpid()}-{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700, parents=True)
    key = generate_private_key(65537, 2048)
    _write(draft / _KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "测试签章(仅供开发)")])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _DEV_LIFE)
        .add_extension(_SIGNS, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(draft / _CERTIFICATE, certificate.public_bytes(Encoding.PEM))
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not (folder / _CERTIFICATE).exists():
            raise
    return folder


_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=True,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)
