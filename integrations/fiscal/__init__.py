"""Without this package no receipt would be a fiscal one (财政电子票据)."""

from __future__ import annotations

from app.kernel import ports
from app.kernel.http import OutboundClient
from app.payments.ports import FiscalPlatform
from integrations.fiscal.api import FiscalApi
from integrations.fiscal.health import FiscalHealth
from integrations.fiscal.receipts import FiscalReceipts
from integrations.fiscal.settings import read_settings


def connect(http: OutboundClient) -> None:
    """Read `FISCAL_*` and fulfil our ports; leaves the program with sentences when a setting is not usable."""
    settings = read_settings()
    api = FiscalApi(http, settings)
    ports.register(FiscalPlatform, "fiscal", FiscalReceipts(api))
    ports.register(ports.HealthCheck, "fiscal", FiscalHealth(api))
