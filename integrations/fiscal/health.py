"""Without this module an operator would learn of a wrong key from the first receipt nobody gets."""

from __future__ import annotations

from app.kernel.errors import ProviderUnavailable
from app.payments.ports import ReceiptRefused
from integrations.fiscal.api import FiscalApi


class NotAccepted(Exception):
    """The platform does not accept us, with the cause."""


class FiscalHealth:
    """`HealthCheck`: a signed question whose answer has to be signed too."""

    name = "Fiscal platform"

    def __init__(self, api: FiscalApi) -> None:
        self._api = api

    async def check(self) -> str:
        """Raises `NotAccepted`."""
        try:
            await self._api.request("health", "GET", "/v1/health")
        except ReceiptRefused as refused:
            raise NotAccepted(refused.code) from None
        except ProviderUnavailable as refusal:
            raise NotAccepted("; ".join(refusal.__notes__)) from None
        return "the fiscal platform accepts our signature, and we its own"
