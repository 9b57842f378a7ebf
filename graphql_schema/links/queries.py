"""Without this module a mini-program that was opened by a link would not know what for."""

from __future__ import annotations

import strawberry

from app.links.queries import target_of
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, lookup
from graphql_schema.links.types import LinkTarget, LinkTargetResult


@strawberry.type
class LinksQuery:
    @lookup(
        RESIDENTS,
        "链接指向 · What a ticket leads to (`ticket` of the page, or `scene` of a scanned code), if it is mine.",
    )
    async def link_target(self, info: Info, ticket: str) -> LinkTargetResult:
        return LinkTarget.of(await target_of(info.context.actor, ticket))
