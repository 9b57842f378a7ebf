"""Without this package nobody could come from Alipay or pay there: it plays openapi.alipay.com for one mini-program."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.alipay import control, template_control, trade_bills, trade_control
from integrations.sandbox.alipay.gateway import ALIPAY, gateway
from integrations.sandbox.alipay.trade_notices import TradeChannel
from integrations.sandbox.front import provider_route
from integrations.sandbox.world import World

__all__ = ["TradeChannel", "control_routes", "routes"]


def routes(world: World) -> list[Route]:
    """One address for every method, the call itself says which; and where bills are fetched."""
    return [
        provider_route(world, ALIPAY, "/gateway.do", gateway, ["GET", "POST"]),
        provider_route(world, ALIPAY, trade_bills.PATH, trade_bills.download, ["GET"]),
    ]


def control_routes(world: World) -> list[Route]:
    parts = (control, trade_control, template_control)
    return [route for part in parts for route in part.control_routes(world)]
