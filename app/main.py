"""Without this module there would be parts and no application; the only place Starlette is assembled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute

from app import wiring
from app.http import open_to
from app.http.callbacks import callback_routes
from app.http.health import health_routes
from app.http.home import StaffAccount, home_routes
from app.http.links import link_routes
from app.http.patience import Patience
from app.http.receipts import receipt_routes
from app.http.requests import RequestIds
from app.identity.rules import ROLE_TITLES
from app.kernel.settings import get_settings
from app.migrating import pending
from app.seeding import DEV_PASSWORD, dev_login
from graphql_schema.documents import OPERATIONS
from graphql_schema.endpoint import graphql_endpoint
from graphql_schema.socket.endpoint import graphql_socket


def create_app() -> Starlette:
    """The web process: GraphQL, callbacks, health, and in development the pages to try it all."""
    settings = get_settings()

    async def missing_migrations() -> list[str]:
        return await pending(settings.database_url)

    routes: list[BaseRoute] = [
        Route("/graphql", open_to("everyone")(graphql_endpoint), methods=["GET", "POST"]),
        WebSocketRoute("/graphql", open_to("everyone")(graphql_socket)),
        *callback_routes,
        *receipt_routes,
        *link_routes,
        *health_routes(missing_migrations),
    ]
    if not settings.in_production:
        routes.extend(_development_pages())
    return Starlette(routes=routes, middleware=[Middleware(RequestIds), Middleware(Patience)], lifespan=_lifespan)


@asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with wiring.connected():
        yield


def _development_pages() -> list[Route]:
    accounts = [StaffAccount(role.value, title, dev_login(role), DEV_PASSWORD) for role, title in ROLE_TITLES.items()]
    return home_routes(staff=accounts, sandbox_url=get_settings().sandbox_url, operations=OPERATIONS)


app = create_app()
