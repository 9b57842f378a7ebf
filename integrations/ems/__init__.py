"""Without this package the post's own couriers could only be reached through an aggregator."""

from __future__ import annotations

from app.delivery.ports import CarrierOrders, ParcelTracker
from app.kernel import ports
from app.kernel.callbacks import CallbackReader
from app.kernel.http import OutboundClient
from integrations.ems.api import EmsApi
from integrations.ems.health import EmsHealth
from integrations.ems.orders import EmsOrders
from integrations.ems.pushes import EmsPushes
from integrations.ems.settings import read_settings
from integrations.ems.tracking import EmsTracker


def connect(http: OutboundClient) -> None:
    """Read `EMS_*` and fulfil our ports; leaves the program with sentences when a setting is not usable."""
    settings = read_settings()
    api = EmsApi(http, settings)
    ports.register(ParcelTracker, "ems", EmsTracker(api))
    ports.register(CarrierOrders, "ems", EmsOrders(api, settings.sender_no))
    ports.register(CallbackReader, "ems/tracking", EmsPushes(settings))
    ports.register(ports.HealthCheck, "ems", EmsHealth(api))
