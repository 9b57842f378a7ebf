"""Without this module an answer could be anybody's, and each change of WeChat's keys would silence it for us."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import orjson

from app.kernel.errors import ProviderUnavailable
from app.kernel.http import Answer, ProviderSilent
from app.kernel.logging import get_logger
from app.kernel.ports import Term
from integrations.wechat.pay_errors import PayRefused
from integrations.wechat.pay_keys import PlatformKeys, Seal, SealBroken, unseal
from integrations.wechat.settings import WechatSettings

_log = get_logger(__name__)

_FRESH = 12 * 3600.0
_PAUSE = 60.0
_CERTIFICATE_SERIAL = re.compile(r"[0-9A-Fa-f]{40}")
_UNUSABLE = (ProviderSilent, ProviderUnavailable, PayRefused, SealBroken, ValueError, KeyError, TypeError)

FetchCertificates = Callable[[str | None], Awaitable[Answer]]
"""Asks for the platform certificates, naming the serial the answer should be signed with."""


class PlatformTrust:
    """Which of WeChat's signatures and seals we believe: public keys and certificates, all of them side by side."""

    def __init__(self, settings: WechatSettings, fetch: FetchCertificates) -> None:
        self._fetch = fetch
        self._api_v3_keys = settings.api_v3_keys
        self._keys = PlatformKeys()
        for key_id, key in settings.public_keys().items():
            self._keys.add_public_key(key_id, key)
        self._lives_by_certificates = self._keys.preferred() is None
        self._refreshing = asyncio.Lock()
        self._fetched_at = self._tried_at = self._called_at = float("-inf")

    def preferred(self) -> str | None:
        """The serial to name in requests; without any nothing can be verified."""
        return self._keys.preferred()

    def terms(self) -> Sequence[Term]:
        """Certificates end, public keys do not: whoever has one needs the certificates only for a while."""
        if not self._lives_by_certificates:
            return ()
        return tuple(Term("platform certificate", serial, ends) for serial, ends in self._keys.ends())

    async def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """WeChat Pay API v3, "signature verification", on the raw bytes; raises `SealBroken`.

        Headers, then time, then serial, then signature: an old message costs no look-up of its serial. A serial
        never heard of has the certificates fetched, at most once a minute whoever names it.
        """
        seal = Seal.of(headers)
        seal.check_time()
        key = self._keys.find(seal.serial)
        if key is None and _CERTIFICATE_SERIAL.fullmatch(seal.serial):
            async with self._refreshing:
                if self._keys.find(seal.serial) is None and time.monotonic() - self._called_at >= _PAUSE:
                    self._called_at = time.monotonic()
                    await self._refresh()
            key = self._keys.find(seal.serial)
        if key is None:
            raise SealBroken("serial-unknown")
        seal.check_signature(key, body)

    def unseal(self, sealed: object) -> bytes:
        """Open what was sealed with our APIv3 key, this one or the next; raises `SealBroken`."""
        broken = SealBroken("key-length")
        for key in self._api_v3_keys:
            try:
                return unseal(key, sealed)
            except SealBroken as fault:
                broken = fault
        raise broken

    async def probe(self) -> None:
        """Have WeChat Pay seal and sign something for us, while it gives certificates out at all; raises `SealBroken`
        when we cannot open or verify that.
        """
        try:
            await self._learn(self._keys.preferred())
        except SealBroken:
            raise
        except _UNUSABLE as error:
            _log.info("no platform certificates to try our keys with", cause=type(error).__name__)

    async def keep_fresh(self) -> None:
        """In certificate mode, fetch what is older than twelve hours; it is tried at most once a minute."""
        if not self._lives_by_certificates or not self._is_due():
            return
        async with self._refreshing:
            if self._is_due():
                self._tried_at = time.monotonic()
                await self._refresh()

    def _is_due(self) -> bool:
        now = time.monotonic()
        old = now - self._fetched_at > _FRESH or self._keys.preferred() is None
        return old and now - self._tried_at >= _PAUSE

    async def _refresh(self) -> None:
        """What is known stays known, whatever comes."""
        try:
            await self._learn(self._keys.preferred())
            self._fetched_at = time.monotonic()
        except _UNUSABLE as error:
            _log.warning("platform certificates not fetched", cause=type(error).__name__, detail=str(error))

    async def _learn(self, serial: str | None) -> None:
        """WeChat Pay API v3, "get platform certificates".

        The first answer can only be verified with what is inside: AES-GCM under our own key vouches for that,
        the signature then for the moment. Asked without naming a key, WeChat may sign with one we do not
        have; then the same is asked once more naming a certificate just learnt.
        """
        answer = await self._fetch(serial)
        learnt = PlatformKeys()
        for entry in orjson.loads(answer.body)["data"]:
            learnt.add_certificate(str(entry["serial_no"]), self.unseal(entry["encrypt_certificate"]))
        seal = Seal.of(answer.headers)
        seal.check_time()
        key = self._keys.find(seal.serial) or learnt.find(seal.serial)
        if key is None and serial is None and learnt.preferred():
            await self._learn(learnt.preferred())
            return
        if key is None:
            raise SealBroken("serial-unknown")
        seal.check_signature(key, answer.body)
        self._keys.learn(learnt)
