"""Without this module a mistake made in the same way on both sides of the wire would go unseen.

The values of `vectors.json` were computed elsewhere; the key is the one published with WeChat Pay's own Go
library for its tests, worth nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

_KEPT: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text())
RSA: dict[str, dict[str, str]] = {vector["id"]: vector for vector in _KEPT["rsa"]}
GCM: dict[str, dict[str, str]] = {vector["id"]: vector for vector in _KEPT["gcm"]}
FACE: dict[str, str] = _KEPT["face"]


def published_key() -> RSAPrivateKey:
    """Rebuilt from its two primes."""
    p, q, e = int(_KEPT["go_key"]["p"]), int(_KEPT["go_key"]["q"]), int(_KEPT["go_key"]["e"])
    d = pow(e, -1, (p - 1) * (q - 1))
    return RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa_crt_dmp1(d, p),
        dmq1=rsa_crt_dmq1(d, q),
        iqmp=rsa_crt_iqmp(p, q),
        public_numbers=RSAPublicNumbers(e, p * q),
    ).private_key()
