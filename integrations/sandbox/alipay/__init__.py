"""Without this package nobody could come from Alipay: it plays openapi.alipay.com for one mini-program."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.alipay.control import control_routes
from integrations.sandbox.alipay.gateway import ALIPAY, gateway
from integrations.sandbox.front import provider_route
from integrations.sandbox.world import World

__all__ = ["control_routes", "routes"]


def routes(world: World) -> list[Route]:
    """One address for every method; the call itself says which."""
    return [provider_route(world, ALIPAY, "/gateway.do", gateway, ["GET", "POST"])]
