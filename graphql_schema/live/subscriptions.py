"""Without this module a resident would have to ask where the parcel is, again and again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing

import strawberry

from app.kernel import db
from app.kernel.errors import PleaseRetry, Refusal
from app.kernel.live import Hint, live
from app.kernel.metrics import CHANGES
from app.live import queries
from app.live.rules import ChangeKind, kind_of
from graphql_schema.callers import still
from graphql_schema.context import Context, Info
from graphql_schema.guards import RESIDENTS, as_error, subscription
from graphql_schema.live.types import Change

_AGAIN_SECONDS = 2.0


@strawberry.type
class LiveSubscription:
    @subscription(RESIDENTS, "我的变化 · What of mine changes, from an event on; of these kinds, or of all.")
    async def changes(
        self, info: Info, after: strawberry.ID | None = None, kinds: list[ChangeKind] | None = None
    ) -> AsyncGenerator[Change, None]:
        wanted = frozenset(ChangeKind) if kinds is None else frozenset({*kinds, ChangeKind.EVERYTHING})
        return _changes(info.context, after, wanted)


async def _changes(context: Context, after: str | None, wanted: Collection[ChangeKind]) -> AsyncGenerator[Change, None]:
    async with aclosing(live.hints(context.actor.resident_id(), after)) as hints:
        async for hint in hints:
            kind = kind_of(hint.kind)
            if kind and kind in wanted and (change := await _look(context, hint, kind)):
                CHANGES.labels(kind).inc()
                yield change


async def _look(context: Context, hint: Hint, kind: ChangeKind) -> Change | None:
    """The thing as it is now, for who may see it now: session and mandate are looked at again for each change.

    While the database is away the change waits; after it others may have come, and the last of each is told.
    """
    while True:
        context.forget()
        try:
            with db.told_when_lost():
                context.actor = await still(context.actor)
                seen = (
                    queries.Changed() if hint.about is None else await queries.changed(context.actor, kind, hint.about)
                )
            return None if seen is None else Change.of(hint, kind, seen)
        except PleaseRetry:
            await asyncio.sleep(_AGAIN_SECONDS * (1 + random.random()))  # noqa: S311 - spreads, hides nothing
        except Refusal as refusal:
            raise as_error(refusal, context) from refusal
