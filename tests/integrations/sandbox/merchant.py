"""Without this module the tests would sign with the sandbox's own code: a merchant's side by hand."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Merchant:
    def __init__(self, environment: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self.env = environment
        self.client = client
        key = serialization.load_pem_private_key(Path(environment["WECHAT_PAY_PRIVATE_KEY_FILE"]).read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key: rsa.RSAPrivateKey = key
        public = serialization.load_pem_public_key(Path(environment["WECHAT_PAY_PUBLIC_KEY_FILE"]).read_bytes())
        assert isinstance(public, rsa.RSAPublicKey)
        self.platform: rsa.RSAPublicKey = public

    def sign(self, message: str) -> str:
        return base64.b64encode(self.key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    def authorization(self, method: str, target: str, body: str, **changes: str) -> str:
        """The header; `changes` replace fields after signing, `at` moves the clock and `signed_body` the body."""
        fields = {
            "mchid": self.env["WECHAT_PAY_MCH_ID"],
            "nonce_str": changes.pop("nonce", secrets.token_hex(16)),
            "timestamp": changes.pop("at", str(int(time.time()))),
            "serial_no": self.env["WECHAT_PAY_SERIAL_NO"],
        }
        signed = changes.pop("signed_body", body)
        message = f"{method}\n{target}\n{fields['timestamp']}\n{fields['nonce_str']}\n{signed}\n"
        fields["signature"] = self.sign(message)
        fields |= changes
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{name}="{value}"' for name, value in fields.items())

    async def send(
        self,
        method: str,
        target: str,
        content: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **changes: str,
    ) -> httpx.Response:
        body = content if isinstance(content, str) else "" if content is None else json.dumps(content)
        sent = {
            "Authorization": self.authorization(method, target, body, **changes),
            "Accept": "application/json",
            "User-Agent": "test-merchant",
        }
        if body:
            sent["Content-Type"] = "application/json"
        return await self.client.request(method, target, content=body.encode(), headers=sent | dict(headers or {}))

    def order(self, out_trade_no: str, openid: str, notify_url: str, **changes: Any) -> dict[str, Any]:
        return {
            "appid": self.env["WECHAT_APP_ID"],
            "mchid": self.env["WECHAT_PAY_MCH_ID"],
            "description": "居住证工本费",
            "out_trade_no": out_trade_no,
            "notify_url": notify_url,
            "amount": {"total": 2000, "currency": "CNY"},
            "payer": {"openid": openid},
        } | changes

    async def open(self, content: dict[str, Any]) -> str:
        answer = await self.send("POST", "/v3/pay/transactions/jsapi", content)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prepay_id"])

    async def query(self, out_trade_no: str) -> httpx.Response:
        mchid = self.env["WECHAT_PAY_MCH_ID"]
        return await self.send("GET", f"/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={mchid}")

    def payment(self, prepay_id: str, **changes: str) -> dict[str, str]:
        """The object for `wx.requestPayment`."""
        stamp, nonce, package = str(int(time.time())), secrets.token_hex(16), f"prepay_id={prepay_id}"
        sign = self.sign(f"{self.env['WECHAT_APP_ID']}\n{stamp}\n{nonce}\n{package}\n")
        return {
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": sign,
        } | changes

    def verify(self, headers: Mapping[str, str], body: bytes, key: rsa.RSAPublicKey | None = None) -> None:
        """Raises InvalidSignature or ValueError unless the platform signed exactly these bytes."""
        head = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode()
        signature = base64.b64decode(headers["wechatpay-signature"], validate=True)
        (key or self.platform).verify(signature, head + body + b"\n", padding.PKCS1v15(), hashes.SHA256())

    def unwrap(self, resource: Mapping[str, str]) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(self.decrypt(resource))
        return plain

    def decrypt(self, resource: Mapping[str, str]) -> bytes:
        assert resource["algorithm"] == "AEAD_AES_256_GCM"
        gcm = AESGCM(self.env["WECHAT_PAY_API_V3_KEY"].encode())
        aad = resource["associated_data"].encode()
        return gcm.decrypt(resource["nonce"].encode(), base64.b64decode(resource["ciphertext"]), aad)
