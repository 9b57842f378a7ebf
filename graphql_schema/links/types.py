"""Without this module nobody could pass on where something is."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.links.things import LinkKind, Thing
from app.links.tickets import code_of, link_to
from graphql_schema.problems import Problem

strawberry.enum(LinkKind)


@strawberry.type(description="链接 · Opens the mini-program at one thing; whoever may not see it sees nothing there.")
class Link:
    url: str = strawberry.field(description="For text messages and browsers.")
    code_url: str = strawberry.field(description="The picture of the mini-program code, for paper and screens.")

    @classmethod
    def to(cls, thing: Thing) -> Link:
        return cls(url=link_to(thing), code_url=code_of(thing))


@strawberry.type(description="链接指向 · What the mini-program was opened for.")
class LinkTarget:
    kind: LinkKind
    id: strawberry.ID
    page: str = strawberry.field(description="The page of the mini-program that shows it: a path with its query.")

    @classmethod
    def of(cls, thing: Thing) -> LinkTarget:
        return cls(kind=thing.kind, id=strawberry.ID(str(thing.id)), page=thing.page)


LinkTargetResult = Annotated[LinkTarget | Problem, strawberry.union("LinkTargetResult")]
