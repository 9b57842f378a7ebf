"""Without this module certificate mode would know neither its own serials nor whether a new certificate is Alipay's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from integrations.alipay.keys import SealBroken

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_RSA_SIGNED = "1.2.840.113549.1.1"
_LONGEST_CHAIN = 4


@dataclass(frozen=True)
class Certificates:
    """Alipay's files of certificate mode. `beside` are further certificates of its own file."""

    root_sn: str
    alipay: x509.Certificate
    beside: tuple[x509.Certificate, ...]
    roots: tuple[x509.Certificate, ...]


def every_certificate(pem: bytes) -> Iterator[x509.Certificate]:
    """Block by block: Alipay's root bundle holds blocks that are refused as a whole, and they are skipped."""
    for block in _BLOCK.findall(pem):
        try:
            certificate = x509.load_pem_x509_certificate(block)
            certificate.signature_algorithm_oid, certificate.issuer, certificate.subject  # noqa: B018 - parsed late
        except (ValueError, UnsupportedAlgorithm):
            continue
        yield certificate


def rsa_roots(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Those of the bundle that count: signed with an algorithm of the RSA family, in file order."""
    family = f"{_RSA_SIGNED}."
    return tuple(c for c in every_certificate(pem) if c.signature_algorithm_oid.dotted_string.startswith(family))


def serial_of(certificate: x509.Certificate) -> str:
    """What Alipay calls a certificate: open platform, "certificate mode", `app_cert_sn`."""
    return serial_from(certificate.issuer.rfc4514_string(), certificate.serial_number)


def serial_from(issuer: str, number: int) -> str:
    """Lower-case MD5 of the issuer, most specific part first, and the serial number in decimal."""
    return hashlib.md5(f"{issuer}{number}".encode()).hexdigest()  # noqa: S324 - the provider's choice


def serial_of_roots(roots: Iterable[x509.Certificate]) -> str:
    """`alipay_root_cert_sn`."""
    return "_".join(serial_of(root) for root in roots)


def key_of(certificate: x509.Certificate) -> RSAPublicKey:
    """Raises `TypeError`, `ValueError` or `UnsupportedAlgorithm` when it is no RSA key."""
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError("not an RSA key")
    return key


def vouched(pem: bytes, sn: str, known: Certificates) -> x509.Certificate:
    """A certificate, of an RSA key, nobody signed the download of. Raises `SealBroken`.

    It must be the one announced, be in force, lead to our own root bundle, and belong to the organisation of the
    certificate we already have: the same roots vouch for every merchant's application too.
    """
    told = tuple(every_certificate(pem))
    leaf = next((certificate for certificate in told if serial_of(certificate) == sn), None)
    if leaf is None:
        raise SealBroken("certificate-not-the-announced")
    if _organisation(leaf) != _organisation(known.alipay):
        raise SealBroken("certificate-of-another")
    _check_chain(leaf, (*told, *known.beside), known.roots)
    try:
        key_of(leaf)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise SealBroken("certificate-without-rsa") from None
    return leaf


def _check_chain(
    leaf: x509.Certificate, between: Iterable[x509.Certificate], roots: Iterable[x509.Certificate]
) -> None:
    current, pool = leaf, [certificate for certificate in between if _may_issue(certificate)]
    for _ in range(_LONGEST_CHAIN):
        if not _is_in_force(current):
            raise SealBroken("certificate-out-of-time")
        if any(_is_in_force(root) and _issued(root, current) for root in roots):
            return
        issuer = next((c for c in pool if c != current and _issued(c, current)), None)
        if issuer is None:
            break
        current = issuer
    raise SealBroken("certificate-unvouched")


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _organisation(certificate: x509.Certificate) -> tuple[str, ...]:
    return tuple(str(part.value) for part in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))


def _is_in_force(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_before_utc <= datetime.now(UTC) < certificate.not_valid_after_utc
