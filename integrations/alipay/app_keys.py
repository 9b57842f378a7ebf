"""Without this module a new key of our application would have to reach Alipay and us in the same second."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from app.kernel.logging import get_logger
from app.kernel.ports import Term

_log = get_logger(__name__)


@dataclass(frozen=True)
class AppKey:
    """What we sign with; in certificate mode with the serial of its certificate and its end."""

    key: RSAPrivateKey
    cert_sn: str = ""
    ends: datetime | None = None

    @property
    def parameters(self) -> Mapping[str, str]:
        """What certificate mode adds to a request."""
        return {"app_cert_sn": self.cert_sn} if self.cert_sn else {}


class AppKeys:
    """Our keys, of which one is in force: the first, until Alipay takes only the other or its time is over."""

    def __init__(self, keys: Sequence[AppKey]) -> None:
        self._keys = tuple(keys)

    @property
    def in_force(self) -> AppKey:
        return self.in_order()[0]

    def in_order(self) -> Sequence[AppKey]:
        """What to sign with, and what to try when that is refused."""
        return sorted(self._keys, key=lambda key: key.ends is not None and key.ends.timestamp() <= time.time())

    def take(self, key: AppKey) -> None:
        """Alipay accepted this one."""
        if key is not self._keys[0]:
            _log.warning("alipay takes another key of ours", cert_sn=key.cert_sn)
            self._keys = (key, *(other for other in self._keys if other is not key))

    def terms(self) -> Sequence[Term]:
        """Keys without a certificate do not end."""
        return tuple(Term("application certificate", key.cert_sn, key.ends) for key in self._keys if key.cert_sn)
