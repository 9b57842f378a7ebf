"""Without this module an operator would learn of a wrong key from the first parcel nobody can follow."""

from __future__ import annotations

import secrets

from app.kernel.errors import ProviderUnavailable
from integrations.kuaidi100.api import Kuaidi100Api

_UNKNOWN_NUMBER = "500"


class NotAccepted(Exception):
    """Kuaidi100 does not accept us, with the cause."""


class Kuaidi100Health:
    """`HealthCheck`: a signed query for a number made up just now."""

    name = "Kuaidi100"

    def __init__(self, api: Kuaidi100Api) -> None:
        self._api = api

    async def check(self) -> str:
        """Raises `NotAccepted` for any answer but "no such parcel", which comes after all checks of our keys."""
        number = f"HEALTH{secrets.token_hex(8).upper()}"
        try:
            reply = await self._api.query({"com": "ems", "num": number, "resultv2": "4", "show": "0", "order": "desc"})
        except ProviderUnavailable as refusal:
            raise NotAccepted("; ".join(refusal.__notes__)) from None
        if reply.code != _UNKNOWN_NUMBER:
            raise NotAccepted(f"query: returnCode {reply.code[:20]}")
        return "Kuaidi100 accepts our signature"
