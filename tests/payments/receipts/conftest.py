from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from app.kernel import ports
from app.kernel.http import OutboundClient
from app.payments.ports import FiscalPlatform
from integrations import fiscal
from integrations.sandbox.control import SandboxControl
from tests.portal import Portal


@pytest.fixture
async def platform(portal: Portal) -> AsyncIterator[SandboxControl]:
    """A city with a province's platform, and the hand that looks into the platform's books and closes it."""
    assert "FISCAL_BASE_URL" in os.environ
    before = dict(ports._adapters.get(ports.HealthCheck, {}))
    http = OutboundClient()
    fiscal.connect(http)
    yield portal.control
    await portal.control.be_kind()
    await portal.control.fiscal_platform(open=True)
    ports._adapters.pop(FiscalPlatform)
    ports._adapters[ports.HealthCheck] = before
    await http.close()
