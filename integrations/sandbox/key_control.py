"""Without this module tests could not change a key in the middle of a payment."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.sandbox.calling import Caller, read


@dataclass(frozen=True)
class NewKey:
    """What the platform's desk hands out. PEM texts; what a kind has no use for is empty."""

    serial: str
    secret: str
    private_key: str
    public_key: str
    certificate: str


class KeyControl(Caller):
    async def rotate(self, what: str, step: str = "add", *, days: int = 5 * 365) -> NewKey:
        """Kinds: merchant, api_v3_key, platform_certificate, platform_public_key (WeChat Pay), alipay_app, alipay_key,
        alipay_aes_key. After `add` both keys are good,
        after `switch` the new one is used, after `drop` the old one is gone. `reset` brings the first keys back.
        """
        return read(NewKey, await self._object("POST", f"/rotations/{what}", {"step": step, "days": days}))
