"""Without this package no parcel could be followed: it plays Kuaidi100's enterprise API for one customer."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.front import provider_route
from integrations.sandbox.kuaidi100 import control, order_control
from integrations.sandbox.kuaidi100.order_news import OrderChannel
from integrations.sandbox.kuaidi100.orders import order_desk
from integrations.sandbox.kuaidi100.pushes import PushChannel
from integrations.sandbox.kuaidi100.subscriptions import subscribe
from integrations.sandbox.kuaidi100.tracking import query
from integrations.sandbox.kuaidi100.wire import KUAIDI100
from integrations.sandbox.world import World

__all__ = ["OrderChannel", "PushChannel", "control_routes", "routes"]


def routes(world: World) -> list[Route]:
    return [
        provider_route(world, KUAIDI100, "/poll", subscribe),
        provider_route(world, KUAIDI100, "/poll/query.do", query),
        provider_route(world, KUAIDI100, "/order/borderapi.do", order_desk),
    ]


def control_routes(world: World) -> list[Route]:
    return [*control.control_routes(world), *order_control.control_routes(world)]
