"""Without this module a renewed certificate of Alipay's would silence every answer until somebody restarts us."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate

from app.kernel.logging import get_logger
from app.kernel.ports import Term
from integrations.alipay.certificates import Certificates, key_of, serial_of, vouched
from integrations.alipay.keys import SealBroken, check_signature
from integrations.alipay.settings import AlipaySettings

_log = get_logger(__name__)

_PAUSE = 60.0
_SERIAL = re.compile(r"[0-9a-f]{32}")

Download: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Serial → the PEM text Alipay has under it; raises `SealBroken` when it cannot be had."""


class Trust:
    """Whose signatures we believe: public keys, and whatever our root bundle vouches for."""

    def __init__(self, settings: AlipaySettings) -> None:
        self._certificates = settings.certificates()
        self._keys: dict[str, RSAPublicKey] = dict(settings.public_keys())
        self._known: list[Certificate] = []
        if self._certificates is not None:
            self._add(self._certificates.alipay)
        self._learning = asyncio.Lock()
        self._tried_at = float("-inf")

    @property
    def parameters(self) -> dict[str, str]:
        """What certificate mode adds to every request."""
        if self._certificates is None:
            return {}
        return {"alipay_root_cert_sn": self._certificates.root_sn}

    def terms(self) -> Sequence[Term]:
        """Alipay's certificates, the learnt among them, and the roots that vouch for them."""
        roots = () if self._certificates is None else self._certificates.roots
        return (
            *(Term("platform certificate", serial_of(one), one.not_valid_after_utc) for one in self._known),
            *(Term("root certificate", serial_of(one), one.not_valid_after_utc) for one in roots),
        )

    def _add(self, certificate: Certificate) -> None:
        self._keys[serial_of(certificate)] = key_of(certificate)
        self._known.append(certificate)

    async def check(self, text: str, signature: str, cert_sn: str | None, download: Download) -> None:
        """Raises `SealBroken`. A serial not known yet is asked for, at most once a minute whoever names it."""
        if self._certificates is None or cert_sn is None:
            self.check_offline(text, signature)
            return
        if cert_sn not in self._keys:
            await self._learn(cert_sn, self._certificates, download)
        check_signature([self._keys[cert_sn]], text, signature)

    def check_offline(self, text: str, signature: str) -> None:
        """For what names no certificate: any key known now will do. Raises `SealBroken`."""
        check_signature(self._keys.values(), text, signature)

    async def _learn(self, cert_sn: str, known: Certificates, download: Download) -> None:
        if not _SERIAL.fullmatch(cert_sn):
            raise SealBroken("certificate-unknown")
        async with self._learning:
            if cert_sn in self._keys:
                return
            if time.monotonic() - self._tried_at < _PAUSE:
                raise SealBroken("certificate-unknown")
            self._tried_at = time.monotonic()
            self._add(vouched(await download(cert_sn), cert_sn, known))
            _log.info("alipay's certificate learnt", cert_sn=cert_sn)
