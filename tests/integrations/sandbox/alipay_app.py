"""Without this module the tests would sign with the sandbox's own code: a mini-program's backend by hand."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

GATEWAY = "/gateway.do"


@dataclass(frozen=True)
class Told:
    """An answer taken apart: `raw` are the node's characters as they came, `content` what they say."""

    node: str
    raw: str
    content: Any
    sign: str | None
    cert_sn: str | None

    @property
    def sub_code(self) -> str:
        return f"{self.content['code']} {self.content['sub_code']}"


class AlipayApp:
    def __init__(self, environment: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self.env = environment
        self.client = client
        key = serialization.load_pem_private_key(Path(environment["ALIPAY_APP_PRIVATE_KEY_FILE"]).read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key: rsa.RSAPrivateKey = key
        self.platform = self._platform_key()

    def common(self, method: str, **changes: str) -> dict[str, str]:
        return {
            "app_id": self.env["ALIPAY_APP_ID"],
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing(time.time()),
            "version": "1.0",
            **self.certificate_numbers(),
        } | changes

    def signed(self, parameters: Mapping[str, str]) -> dict[str, str]:
        return {**parameters, "sign": self.sign(text_to_sign(parameters))}

    def sign(self, text: str) -> str:
        return base64.b64encode(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    async def ask(self, method: str, biz: Any = None, *, aes: bool = False, **changes: str) -> Told:
        """A right call; `changes` are made before it is signed."""
        parameters = self.common(method)
        if biz is not None:
            parameters["biz_content"] = json.dumps(biz, ensure_ascii=False)
        if aes:
            parameters["biz_content"] = self.encrypt(parameters["biz_content"])
            parameters["encrypt_type"] = "AES"
        return await self.send(self.signed(parameters | changes))

    async def send(self, parameters: Mapping[str, str]) -> Told:
        answer = await self.client.post(GATEWAY, params={"charset": "utf-8"}, data=dict(parameters))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html;charset=utf-8"
        assert answer.headers["trace_id"]
        return taken_apart(answer.text)

    async def granted(self, method: str, biz: Any = None, *, aes: bool = False, **changes: str) -> dict[str, Any]:
        """A right call that must be answered with a right signature and no refusal; the node in clear."""
        told = await self.ask(method, biz, aes=aes, **changes)
        self.verify(told)
        content = json.loads(self.decrypt(told.content)) if aes else told.content
        assert content.get("code", "10000") == "10000", content
        known: dict[str, Any] = content
        return known

    def verify(self, told: Told, key: rsa.RSAPublicKey | None = None) -> None:
        """Raises InvalidSignature or ValueError unless Alipay signed exactly these characters."""
        assert told.sign is not None
        assert_signed(key or self.platform, told.raw, told.sign)

    def page_url(self, method: str, biz: Any) -> str:
        signed = self.signed(self.common(method, biz_content=json.dumps(biz)))
        return str(self.client.base_url.copy_with(path=GATEWAY, params=signed))

    def certificate_numbers(self) -> dict[str, str]:
        """Empty in key mode."""
        if "ALIPAY_APP_CERT_FILE" not in self.env:
            return {}
        app = certificates_of(self.env["ALIPAY_APP_CERT_FILE"])[0]
        roots = certificates_of(self.env["ALIPAY_ROOT_CERT_FILE"])
        counted = [root for root in roots if isinstance(root.public_key(), rsa.RSAPublicKey)]
        return {"app_cert_sn": serial_of(app), "alipay_root_cert_sn": "_".join(serial_of(root) for root in counted)}

    def encrypt(self, plain: str) -> str:
        size = 16 - len(plain.encode()) % 16
        encryptor = Cipher(algorithms.AES(self._aes_key()), modes.CBC(bytes(16))).encryptor()
        return base64.b64encode(encryptor.update(plain.encode() + bytes([size]) * size) + encryptor.finalize()).decode()

    def decrypt(self, sealed: str) -> str:
        decryptor = Cipher(algorithms.AES(self._aes_key()), modes.CBC(bytes(16))).decryptor()
        padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
        return padded[: -padded[-1]].decode()

    def _aes_key(self) -> bytes:
        return base64.b64decode(self.env["ALIPAY_AES_KEY"])

    def _platform_key(self) -> rsa.RSAPublicKey:
        if "ALIPAY_CERT_FILE" in self.env:
            key: Any = certificates_of(self.env["ALIPAY_CERT_FILE"])[0].public_key()
        else:
            key = serialization.load_pem_public_key(Path(self.env["ALIPAY_PUBLIC_KEY_FILE"]).read_bytes())
        assert isinstance(key, rsa.RSAPublicKey)
        return key


def text_to_sign(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if parameters[name])


def assert_signed(key: rsa.RSAPublicKey, text: str, signature: str) -> None:
    key.verify(base64.b64decode(signature, validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256())


def taken_apart(answer: str) -> Told:
    """The node has to come first and nothing but the certificate's serial may stand between it and the signature."""
    whole = json.loads(answer)
    node = next(iter(whole))
    start = len(f'{{"{node}":')
    content, end = json.JSONDecoder().raw_decode(answer, start)
    told = Told(node, answer[start:end], content, whole.get("sign"), whole.get("alipay_cert_sn"))
    rest = "".join(
        f',"{name}":"{value}"' for name, value in (("alipay_cert_sn", told.cert_sn), ("sign", told.sign)) if value
    )
    assert answer[end:] == rest + "}"
    return told


def certificates_of(file: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(Path(file).read_bytes())


def serial_of(certificate: x509.Certificate) -> str:
    text = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def beijing(moment: float) -> str:
    return datetime.fromtimestamp(moment, ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S")
