from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.delivery.ports import CarrierOrders, ParcelTracker
from app.kernel import ports
from app.kernel.callbacks import CallbackReader
from app.kernel.http import OutboundClient
from integrations import ems
from tests.portal import Portal


@pytest.fixture
async def post(portal: Portal) -> AsyncIterator[None]:
    """The post is connected beside Kuaidi100, which also knows its parcels."""
    http = OutboundClient()
    ems.connect(http)
    yield
    for port, code in (
        (CarrierOrders, "ems"),
        (ParcelTracker, "ems"),
        (CallbackReader, "ems/tracking"),
        (ports.HealthCheck, "ems"),
    ):
        del ports._adapters[port][code]
    await http.close()
