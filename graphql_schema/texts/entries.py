"""Without this module nobody would have the last word about a text that a platform doubted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.identity.rules import Role
from app.texts import models, reviewing
from app.texts.ports import Concern
from app.texts.rules import TextKind, TextStanding
from graphql_schema.context import Info
from graphql_schema.guards import mutation, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_uuid

for _enum in (Concern, TextKind, TextStanding):
    strawberry.enum(_enum)

_MANAGERS = staff(Role.DEPARTMENT_MANAGER)


@strawberry.type(description="待审文字 · What a resident wrote and the host app's platform did not pass.")
class DoubtedText:
    id: strawberry.ID
    kind: TextKind
    standing: TextStanding
    concern: Concern = strawberry.field(description="What the platform saw in it, or that it did not answer.")
    checked_at: datetime
    written: str | None = strawberry.field(description="The words, while they wait for a person.")

    @classmethod
    def of(cls, row: models.TextCheck) -> DoubtedText:
        return cls(
            id=strawberry.ID(str(row.id)),
            kind=row.kind,
            standing=row.standing,
            concern=row.concern,
            checked_at=row.checked_at,
            written=reviewing.written(row),
        )


DoubtedTextResult = Annotated[DoubtedText | Problem, strawberry.union("DoubtedTextResult")]


@strawberry.type
class TextsQuery:
    @query(_MANAGERS, "待审文字 · What waits for a person, oldest first; nobody is named, and each look is audited.")
    async def texts_to_review(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[DoubtedText]:
        limit = page_size(first)
        page = await reviewing.texts_to_review(info.context.actor, limit=limit, after=key_after(after))
        shown = [(DoubtedText.of(row), str(row.id)) for row in page.texts]
        return connection_of(shown, has_more=page.has_more)


@strawberry.type
class TextsMutation:
    @mutation(
        _MANAGERS,
        "文字审核 · Let a doubted text be read, or withhold it from everybody but its writer. The last word counts.",
    )
    async def review_text(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        approve: bool,
    ) -> DoubtedTextResult:
        return DoubtedText.of(await reviewing.review_text(info.context.actor, as_uuid(id), approve=approve))
