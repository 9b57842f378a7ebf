"""Without this package no text message would arrive: it plays a city's gateway for one portal."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.front import provider_route
from integrations.sandbox.sms import gateway
from integrations.sandbox.sms.control import control_routes
from integrations.sandbox.sms.reports import ReportChannel
from integrations.sandbox.sms.wire import SMS, guarded
from integrations.sandbox.world import World

__all__ = ["ReportChannel", "control_routes", "routes"]


def routes(world: World) -> list[Route]:
    return [
        provider_route(world, SMS, "/sms/v1/messages", guarded(gateway.send), ["POST"]),
        provider_route(world, SMS, "/sms/v1/health", guarded(gateway.health), ["GET"]),
    ]
