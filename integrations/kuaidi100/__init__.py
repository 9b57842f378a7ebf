"""Without this package no parcel could be followed, and no courier called but the post's."""

from __future__ import annotations

from app.delivery.ports import CarrierOrders, ParcelTracker
from app.kernel import ports
from app.kernel.callbacks import CallbackReader
from app.kernel.http import OutboundClient
from app.kernel.settings import get_settings
from integrations.kuaidi100.api import Kuaidi100Api
from integrations.kuaidi100.delivery import Kuaidi100Tracker
from integrations.kuaidi100.health import Kuaidi100Health
from integrations.kuaidi100.order_news import Kuaidi100OrderNews
from integrations.kuaidi100.orders import Kuaidi100Orders
from integrations.kuaidi100.pushes import Kuaidi100Pushes
from integrations.kuaidi100.settings import read_settings


def connect(http: OutboundClient) -> None:
    """Read `KUAIDI100_*` and fulfil our ports; leaves the program with sentences when a setting is not usable."""
    settings = read_settings()
    api = Kuaidi100Api(http, settings)
    ports.register(ParcelTracker, "kuaidi100", Kuaidi100Tracker(api, settings, get_settings().public_url))
    ports.register(CallbackReader, "kuaidi100/tracking", Kuaidi100Pushes(settings))
    if settings.secret is not None:
        ports.register(CarrierOrders, "kuaidi100", Kuaidi100Orders(api, settings, get_settings().public_url))
        ports.register(CallbackReader, "kuaidi100/order", Kuaidi100OrderNews(settings))
    ports.register(ports.HealthCheck, "kuaidi100", Kuaidi100Health(api))
