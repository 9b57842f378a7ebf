"""Without this package the post could not be tried: it plays the open platform of China Post and EMS."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.ems.control import EventChannel, control_routes
from integrations.sandbox.ems.platform import open_platform
from integrations.sandbox.ems.wire import EMS
from integrations.sandbox.front import provider_route
from integrations.sandbox.world import World

__all__ = ["EventChannel", "control_routes", "routes"]


def routes(world: World) -> list[Route]:
    return [provider_route(world, EMS, "/amp-prod-api/f/amp/api/open", open_platform)]
