"""Without this module Alipay's side would have no keys: the app's pair, the platform's, and certificates for both."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from integrations.sandbox.key_files import (
    make_once,
    random_text,
    read_private_key,
    write,
    write_private_key,
    write_public_key,
)

LIFE = timedelta(days=5 * 365)
RSA_SIGNATURES = "1.2.840.113549.1.1"

ACCOUNT = "account.json"
APP_KEY = "app_private_key.pem"  # the product's
PLATFORM_KEY = "platform_private_key.pem"
PLATFORM_PUBLIC_KEY = "platform_public_key.pem"
CERTIFIED_KEY = "certified_private_key.pem"
RENEWED_KEY = "renewed_private_key.pem"
APP_CERTIFICATE = "app_certificate.crt"
CERTIFICATE = "alipay_certificate.crt"
RENEWED_CERTIFICATE = "alipay_certificate_renewed.crt"  # the product is not given it: it has to download it
ROOT_BUNDLE = "alipay_root_bundle.crt"

RootKey = RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class AlipayAccount:
    app_id: str
    aes_key: str

    @property
    def seller_id(self) -> str:
        """The PID of the merchant to whom the app is bound; it follows the app's number."""
        return "2088" + self.app_id[-12:]


@dataclass(frozen=True)
class Certified:
    """A key and the certificate Alipay shows for it."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def sn(self) -> str:
        return certificate_sn(self.certificate)


@dataclass(frozen=True)
class AlipayKeys:
    """What Alipay's side holds. `folder` also has the app's private key, which is the product's."""

    folder: Path
    account: AlipayAccount

    @cached_property
    def app(self) -> RSAPublicKey:
        return read_private_key(self.folder / APP_KEY).public_key()

    @cached_property
    def platform(self) -> RSAPrivateKey:
        return read_private_key(self.folder / PLATFORM_KEY)

    @cached_property
    def certified(self) -> Certified:
        return Certified(read_private_key(self.folder / CERTIFIED_KEY), self._certificate(CERTIFICATE))

    @cached_property
    def renewed(self) -> Certified:
        return Certified(read_private_key(self.folder / RENEWED_KEY), self._certificate(RENEWED_CERTIFICATE))

    @cached_property
    def app_cert_sn(self) -> str:
        return certificate_sn(self._certificate(APP_CERTIFICATE))

    @cached_property
    def root_cert_sn(self) -> str:
        """Only blocks signed with RSA count, in the order of the file (protocol 1.6)."""
        bundle = x509.load_pem_x509_certificates((self.folder / ROOT_BUNDLE).read_bytes())
        counted = [one for one in bundle if one.signature_algorithm_oid.dotted_string.startswith(RSA_SIGNATURES)]
        return "_".join(certificate_sn(one) for one in counted)

    def _certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / name).read_bytes())


def certificate_sn(certificate: x509.Certificate) -> str:
    return issuer_sn(certificate.issuer.rfc4514_string(), certificate.serial_number)


def issuer_sn(issuer: str, serial_number: int) -> str:
    """Certificate mode: MD5 over the issuer, most specific part first, and the serial number in decimal."""
    return hashlib.md5(f"{issuer}{serial_number}".encode(), usedforsecurity=False).hexdigest()


def load_alipay_keys(state: Path, folder: Path) -> AlipayKeys:
    """Made on first use, also for a state folder that is older than Alipay's part of the sandbox."""
    make_once(state, folder, ACCOUNT, _write_keys)
    return AlipayKeys(folder, AlipayAccount(**orjson.loads((folder / ACCOUNT).read_bytes())))


def environment(keys: AlipayKeys, base_url: str) -> dict[str, str]:
    """What the product needs in either mode."""
    return {
        "ALIPAY_GATEWAY_URL": f"{base_url}/gateway.do",
        "ALIPAY_APP_ID": keys.account.app_id,
        "ALIPAY_APP_PRIVATE_KEY_FILE": str(keys.folder.resolve() / APP_KEY),
        "ALIPAY_AES_KEY": keys.account.aes_key,
        "ALIPAY_SELLER_ID": keys.account.seller_id,
    }


def key_environment(keys: AlipayKeys) -> dict[str, str]:
    return {"ALIPAY_PUBLIC_KEY_FILE": str(keys.folder.resolve() / PLATFORM_PUBLIC_KEY)}


def certificate_environment(keys: AlipayKeys) -> dict[str, str]:
    folder = keys.folder.resolve()
    return {
        "ALIPAY_PUBLIC_KEY_FILE": "",  # so that these can be laid over the settings of key mode
        "ALIPAY_APP_CERT_FILE": str(folder / APP_CERTIFICATE),
        "ALIPAY_CERT_FILE": str(folder / CERTIFICATE),
        "ALIPAY_ROOT_CERT_FILE": str(folder / ROOT_BUNDLE),
    }


def _write_keys(folder: Path) -> None:
    private = {name: generate_private_key(65537, 2048) for name in (APP_KEY, PLATFORM_KEY, CERTIFIED_KEY, RENEWED_KEY)}
    for name, key in private.items():
        write_private_key(folder / name, key)
    write_public_key(folder / PLATFORM_PUBLIC_KEY, private[PLATFORM_KEY].public_key())
    authority = generate_private_key(65537, 2048)
    for file, owner, key in (
        (APP_CERTIFICATE, "Mini-program of the sandbox", private[APP_KEY]),
        (CERTIFICATE, "Alipay of the sandbox", private[CERTIFIED_KEY]),
        (RENEWED_CERTIFICATE, "Alipay of the sandbox", private[RENEWED_KEY]),
    ):
        issued = _certificate(_name(owner), key.public_key(), _name("Root R1"), authority, ca=False)
        write(folder / file, issued.public_bytes(Encoding.PEM))
    write(folder / ROOT_BUNDLE, _root_bundle(authority))
    account = AlipayAccount("2021" + random_text(string.digits, 12), base64.b64encode(secrets.token_bytes(16)).decode())
    write(folder / ACCOUNT, orjson.dumps(asdict(account), option=orjson.OPT_INDENT_2))


def _root_bundle(authority: RSAPrivateKey) -> bytes:
    """The real bundle has blocks that do not count: here an elliptic-curve root stands between two RSA ones."""
    roots: tuple[tuple[str, RootKey], ...] = (
        ("Root R1", authority),
        ("Root E1", ec.generate_private_key(ec.SECP256R1())),
        ("Root R2", authority),
    )
    blocks = [_certificate(_name(label), key.public_key(), _name(label), key, ca=True) for label, key in roots]
    return b"".join(block.public_bytes(Encoding.PEM) for block in blocks)


def _certificate(
    subject: x509.Name,
    key: RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    authority: RootKey,
    *,
    ca: bool,
) -> x509.Certificate:
    start = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFE)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(authority, hashes.SHA256())
    )


def _name(label: str) -> x509.Name:
    """General to specific, as the real names are written: rfc4514 then reads them the other way round."""
    parts = (
        (NameOID.COUNTRY_NAME, "CN"),
        (NameOID.ORGANIZATION_NAME, "Sandbox"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Certification Authority"),
        (NameOID.COMMON_NAME, label),
    )
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
