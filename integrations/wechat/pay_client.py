"""Without this module WeChat Pay would not listen to us, and we would believe anybody who answers in its place."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import orjson

from app.kernel.errors import ProviderUnavailable
from app.kernel.http import Answer, OutboundClient, ProviderSilent
from app.kernel.logging import get_logger
from integrations.wechat.pay_errors import PayRefused, refusal_of
from integrations.wechat.pay_keys import MerchantKey, PlatformKeys, Seal, SealBroken, new_nonce, seconds_now, unseal
from integrations.wechat.settings import WechatSettings

_log = get_logger(__name__)

PROVIDER = "wechat"
_WAITS = (0.2, 0.8, None)
_CERTIFICATES = "/v3/certificates"
_CERTIFICATES_FRESH = 12 * 3600.0
_CERTIFICATES_PAUSE = 60.0
_CERTIFICATE_SERIAL = re.compile(r"[0-9A-Fa-f]{40}")


def unavailable(cause: str) -> ProviderUnavailable:
    """The resident reads a sentence, the operator the cause: it is a note, and never holds a secret."""
    refusal = ProviderUnavailable(service_zh="微信支付", service_en="WeChat Pay")
    refusal.add_note(cause)
    return refusal


class PayClient:
    """WeChat Pay API v3: one way to ask, one way to verify what WeChat signed."""

    def __init__(self, http: OutboundClient, settings: WechatSettings) -> None:
        self._http = http
        self._settings = settings
        self.merchant = MerchantKey(settings.pay_mch_id, settings.pay_serial_no.upper(), settings.private_key())
        self._keys = PlatformKeys()
        public_key = settings.public_key()
        if public_key is not None:
            self._keys.add_public_key(settings.pay_public_key_id, public_key)
        self._lives_by_certificates = public_key is None
        self._refreshing = asyncio.Lock()
        self._tried_at = self._fetched_at = float("-inf")

    async def request(
        self,
        operation: str,
        method: str,
        target: str,
        content: Mapping[str, Any] | None = None,
        *,
        tell_to_wait: bool = False,
    ) -> dict[str, Any]:
        """Ask and give the verified answer; an empty one (204) is an empty dict.

        Only for requests WeChat answers alike when repeated, which orders, refunds, queries and closings are:
        a lost connection, a 5xx and a bad signature (WeChat probes with those) are tried again, signed afresh.
        Raises `PayRefused` when WeChat says no (with `tell_to_wait` also for "too often") and `ProviderUnavailable`
        when nothing usable came.
        """
        if self._lives_by_certificates:
            await self._keep_certificates_fresh()
        body = b"" if content is None else orjson.dumps(content)
        cause = ""
        for wait in _WAITS:
            try:
                answer = await self._exchange(operation, method, target, body, self._keys.preferred())
                if answer.status in {200, 204}:
                    await self.verify(answer.headers, answer.body)
                    return _content(answer)
                refused = refusal_of(answer)
                if tell_to_wait and refused.is_too_often:
                    raise refused
                if not refused.may_pass:
                    raise self._told(operation, refused)
                cause = str(refused)
            except ProviderSilent as silence:
                cause = str(silence)
            except SealBroken as broken:
                cause = broken.reason
            _log.warning("wechat pay gave no usable answer", operation=operation, cause=cause)
            if wait is not None:
                await asyncio.sleep(wait)
        raise unavailable(f"{operation}: {cause}")

    def can_verify(self) -> bool:
        """Whether there is any key of the platform to verify with; refusals are unsigned and do not show it."""
        return self._keys.preferred() is not None

    async def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """WeChat Pay API v3, "signature verification", on the raw bytes; raises `SealBroken`.

        Headers, then time, then serial, then signature: an old message costs no look-up of its serial.
        """
        seal = Seal.of(headers)
        seal.check_time()
        key = self._keys.find(seal.serial)
        if key is None and _CERTIFICATE_SERIAL.fullmatch(seal.serial):
            await self._refresh_certificates()
            key = self._keys.find(seal.serial)
        if key is None:
            raise SealBroken("serial-unknown")
        seal.check_signature(key, body)

    def unseal(self, sealed: object) -> bytes:
        """Open what was sealed with our APIv3 key; raises `SealBroken`."""
        return unseal(self._settings.api_v3_key, sealed)

    async def _exchange(self, operation: str, method: str, target: str, body: bytes, serial: str | None) -> Answer:
        """Sign and send these bytes once; nothing of the answer is verified yet."""
        authorization = self.merchant.authorization(method, target, body, timestamp=seconds_now(), nonce=new_nonce())
        headers = {
            "Authorization": authorization,
            "Accept": "application/json",
            "User-Agent": "zhangting/1",
            **({"Wechatpay-Serial": serial} if serial else {}),
            **({"Content-Type": "application/json"} if body else {}),
        }
        url = self._settings.pay_base_url + target
        return await self._http.send(PROVIDER, operation, method, url, headers=headers, content=body or None)

    def _told(self, operation: str, refused: PayRefused) -> Exception:
        """A refusal of the order goes on; one of ourselves, or of the moment, is no word on the order."""
        if refused.is_about_us:
            _log.error(
                "wechat pay refuses this merchant", operation=operation, code=refused.code, rid=refused.request_id
            )
            return unavailable(f"{operation}: {refused}")
        if refused.is_of_the_moment:
            _log.warning("wechat pay asks to wait", operation=operation, code=refused.code)
            return unavailable(f"{operation}: {refused}")
        return refused

    async def _keep_certificates_fresh(self) -> None:
        if time.monotonic() - self._fetched_at > _CERTIFICATES_FRESH or self._keys.preferred() is None:
            await self._refresh_certificates()

    async def _refresh_certificates(self) -> None:
        """Fetch the platform certificates, at most once a minute whoever asks; what is known stays known."""
        async with self._refreshing:
            if time.monotonic() - self._tried_at < _CERTIFICATES_PAUSE:
                return
            self._tried_at = time.monotonic()
            try:
                await self._fetch_certificates(self._keys.preferred())
                self._fetched_at = time.monotonic()
            except (ProviderSilent, SealBroken, ValueError, KeyError, TypeError) as error:
                _log.warning("platform certificates not fetched", cause=type(error).__name__, detail=str(error))

    async def _fetch_certificates(self, serial: str | None) -> None:
        """WeChat Pay API v3, "get platform certificates".

        The first answer can only be verified with what is inside: AES-GCM under our own key vouches for that,
        the signature then for the moment. Asked without naming a key, WeChat may sign with one we do not
        have; then the same is asked once more naming a certificate just learnt.
        """
        answer = await self._exchange("certificates", "GET", _CERTIFICATES, b"", serial)
        if answer.status != 200:
            raise ValueError(str(refusal_of(answer)))
        learnt = PlatformKeys()
        for entry in orjson.loads(answer.body)["data"]:
            learnt.add_certificate(str(entry["serial_no"]), self.unseal(entry["encrypt_certificate"]))
        seal = Seal.of(answer.headers)
        seal.check_time()
        key = self._keys.find(seal.serial) or learnt.find(seal.serial)
        if key is None and serial is None and learnt.preferred():
            await self._fetch_certificates(learnt.preferred())
            return
        if key is None:
            raise SealBroken("serial-unknown")
        seal.check_signature(key, answer.body)
        self._keys.learn(learnt)


def _content(answer: Answer) -> dict[str, Any]:
    if not answer.body:
        return {}
    try:
        content = orjson.loads(answer.body)
    except ValueError:
        raise SealBroken("not-json") from None
    if not isinstance(content, dict):
        raise SealBroken("not-an-object")
    return content
