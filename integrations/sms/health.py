"""Without this module an operator would learn of a wrong secret from the first message nobody gets."""

from __future__ import annotations

from integrations.sms.api import SmsApi, SmsRefused, SmsSilent


class NotAccepted(Exception):
    """The gateway does not accept us, with the cause."""


class SmsHealth:
    """`HealthCheck`: a signed question whose answer has to be signed too."""

    name = "Text-message gateway"

    def __init__(self, api: SmsApi) -> None:
        self._api = api

    async def check(self) -> str:
        """Raises `NotAccepted`."""
        try:
            await self._api.request("health", "GET", "/v1/health", {})
        except (SmsRefused, SmsSilent) as fault:
            raise NotAccepted(str(fault)) from None
        return "the text-message gateway accepts our signature, and we its own"
