"""Without this module nobody could answer us as no honest gateway would.

It answers with the bytes it is told to, over the HTTP client's own seam, and signs with the SDK's functions, so that
no code of ours vouches for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
from alipay.aop.api.util.SignatureUtils import sign_with_rsa2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from app.kernel.http import OutboundClient
from integrations.alipay.gateway import Gateway
from integrations.alipay.settings import AlipaySettings

APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"
AES_KEY = "MDEyMzQ1Njc4OWFiY2RlZg=="
ALIPAYS = "Alipay of the tests"

Answering = Callable[[dict[str, str]], "str | httpx.Response"]


def pem_of(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def public_pem_of(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signature_of(key: RSAPrivateKey, text: str) -> str:
    return str(sign_with_rsa2("".join(pem_of(key).decode().splitlines()[1:-1]), text, "utf-8"))


def signed(key: RSAPrivateKey, method: str, node: str, cert_sn: str = "") -> str:
    """An answer as the gateway gives it; `node` is the raw text."""
    named = f'"alipay_cert_sn":"{cert_sn}",' if cert_sn else ""
    return f'{{"{method.replace(".", "_")}_response":{node},{named}"sign":"{signature_of(key, node)}"}}'


@dataclass
class Scripted:
    """Our gateway client and, on the other side, whoever `answering` is."""

    gateway: Gateway
    alipay_key: RSAPrivateKey
    app_key: RSAPrivateKey
    answering: Answering = lambda _: ""
    requests: list[httpx.Request] = field(default_factory=list)

    def forms(self) -> list[dict[str, str]]:
        return [form_of(request) for request in self.requests]


def form_of(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True))


def scripted(folder: Path, alipay_key: RSAPrivateKey, **changes: object) -> Scripted:
    """In key mode, unless `changes` to the settings say otherwise."""
    app_key = generate_private_key(65537, 2048)
    (folder / "app.pem").write_bytes(pem_of(app_key))
    (folder / "alipay.pem").write_bytes(public_pem_of(alipay_key))
    return with_settings(
        AlipaySettings.model_validate(
            {
                "gateway_url": "http://alipay.test/gateway.do",
                "app_id": APP_ID,
                "seller_id": SELLER_ID,
                "app_private_key_file": folder / "app.pem",
                "public_key_file": folder / "alipay.pem",
                "aes_key": AES_KEY,
                **changes,
            }
        ),
        alipay_key,
        app_key,
    )


def with_settings(settings: AlipaySettings, alipay_key: RSAPrivateKey, app_key: RSAPrivateKey) -> Scripted:
    def answer(request: httpx.Request) -> httpx.Response:
        stage.requests.append(request)
        told = stage.answering(form_of(request))
        return told if isinstance(told, httpx.Response) else httpx.Response(200, content=told.encode())

    http = OutboundClient(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    stage = Scripted(Gateway(http, settings), alipay_key, app_key)
    return stage


@dataclass(frozen=True)
class Issued:
    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def issue(
    organisation: str,
    label: str,
    issuer: Issued | None = None,
    *,
    key: RSAPrivateKey | None = None,
    ca: bool = False,
    days_left: int = 30,
) -> Issued:
    """A certificate under `issuer`, or a root of its own."""
    key = key or generate_private_key(65537, 2048)
    parts = ((NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, label))
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    start = datetime.now(UTC) - timedelta(days=60)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days_left))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer.key if issuer else key, SHA256())
    )
    return Issued(key, certificate)
