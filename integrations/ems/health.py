"""Without this module an operator would learn of a wrong key from the first parcel nobody fetches."""

from __future__ import annotations

import secrets

from app.kernel.errors import ProviderUnavailable
from integrations.ems.api import EmsApi

_UNKNOWN_NUMBER = "B0001"


class NotAccepted(Exception):
    """The post does not accept us, with the cause."""


class EmsHealth:
    """`HealthCheck`: a question about a number made up just now."""

    name = "EMS"

    def __init__(self, api: EmsApi) -> None:
        self._api = api

    async def check(self) -> str:
        """Raises `NotAccepted` for any answer but "no such parcel" or none, which come after all checks of our key."""
        asked = {"waybillNo": f"HEALTH{secrets.token_hex(8).upper()}", "direction": "0"}
        try:
            reply = await self._api.call("track", "040001", asked)
        except ProviderUnavailable as refusal:
            raise NotAccepted("; ".join(refusal.__notes__)) from None
        if reply.code not in {_UNKNOWN_NUMBER, "00000"}:
            raise NotAccepted(f"track: retCode {reply.code}")
        return "the post opens what we close"
