"""Without this module a refusal would reach the phone as an exception."""

from __future__ import annotations

import strawberry

from app.kernel.errors import Refusal
from graphql_schema.context import Context


@strawberry.type(description="可以改选的 · Something that would work instead.")
class Alternative:
    id: strawberry.ID
    text: str = strawberry.field(description="What it is, in the language of Accept-Language.")


@strawberry.type(description="为什么没有办成,以及下一步该怎么做 · Why it was not done and what to do next.")
class Problem:
    code: str = strawberry.field(description="Stable; listed in docs/errors.md.")
    message: str = strawberry.field(description="A sentence for the resident, in the language of Accept-Language.")
    field: str | None = strawberry.field(description="The argument at fault.")
    retryable: bool = strawberry.field(description="Whether the same call may succeed later.")
    retry_after_seconds: int | None
    suggested_id: strawberry.ID | None = strawberry.field(
        description="What would work instead, for example the next free slot."
    )
    alternatives: list[Alternative] = strawberry.field(
        description="Several things that would work instead, best first; for a slot: near in time and place."
    )
    ways: list[str] = strawberry.field(
        description="Codes of what would open the way, best first; with ASSURANCE_TOO_LOW: of `proofMethods`."
    )
    request_id: str = strawberry.field(description="Quote it when asking for help.")

    @classmethod
    def of(cls, refusal: Refusal, context: Context) -> Problem:
        return cls(
            code=refusal.code,
            message=refusal.sentence(context.language),
            field=refusal.field,
            retryable=refusal.retryable,
            retry_after_seconds=refusal.retry_after_seconds,
            suggested_id=strawberry.ID(str(refusal.suggestion)) if refusal.suggestion else None,
            alternatives=[
                Alternative(id=strawberry.ID(str(other.id)), text=context.say(other.zh, other.en))
                for other in refusal.alternatives
            ],
            ways=list(refusal.ways),
            request_id=context.request_id,
        )


def extensions_of(refusal: Refusal, context: Context) -> dict[str, object]:
    """What a GraphQL error says of a refusal where the schema has no room for a `Problem`."""
    return {"code": refusal.code, "retryable": refusal.retryable, "requestId": context.request_id}
