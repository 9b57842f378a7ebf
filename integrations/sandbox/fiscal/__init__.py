"""Without this package no receipt would be a fiscal one: it plays a province's platform for one portal."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.fiscal import issuing
from integrations.sandbox.fiscal.control import control_routes
from integrations.sandbox.fiscal.gate import FiscalHandler, Nonces, guarded
from integrations.sandbox.fiscal.wire import FISCAL
from integrations.sandbox.front import provider_route
from integrations.sandbox.world import World

__all__ = ["control_routes", "routes"]

ENDPOINTS: tuple[tuple[str, str, FiscalHandler], ...] = (
    ("POST", "/fiscal/v1/receipts", issuing.issue),
    ("GET", "/fiscal/v1/receipts/{order_id}", issuing.ask),
    ("POST", "/fiscal/v1/receipts/{code}/{number}/red", issuing.take_back),
    ("GET", "/fiscal/v1/health", issuing.health),
)


def routes(world: World) -> list[Route]:
    nonces = Nonces()
    return [
        provider_route(world, FISCAL, path, guarded(nonces, handler), [method]) for method, path, handler in ENDPOINTS
    ]
