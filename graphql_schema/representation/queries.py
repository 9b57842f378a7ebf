"""Without this module a phone could not offer for whom one may act."""

from __future__ import annotations

import strawberry

from app.identity.rules import Role
from app.representation import lists, windows
from app.representation.queries import acting_mandate, principals
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, lookup, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, number_after, page_size
from graphql_schema.representation.types import (
    ClaimInFull,
    ClaimInFullResult,
    Mandate,
    MandateUse,
    Principal,
    RepresentationClaim,
)
from graphql_schema.scalars import as_uuid

_WINDOW_STAFF = staff(Role.WINDOW_ACCEPTOR)


@strawberry.type
class RepresentationQuery:
    @query(RESIDENTS, "正在为谁办事 · For whom this request is made; null for oneself.")
    async def acting_for(self, info: Info) -> Principal | None:
        mandate = await acting_mandate(info.context.actor)
        return Principal.of(mandate) if mandate else None

    @query(RESIDENTS, "可以代谁办事 · For whom I may act now; at most 50.")
    async def principals(self, info: Info) -> list[Principal]:
        return [Principal.of(row) for row in await principals(info.context.actor)]

    @query(RESIDENTS, "我给出的授权 · Who may act for me, or for the legal person I represent; newest first.")
    async def mandates_given(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[Mandate]:
        limit = page_size(first)
        rows = await lists.mandates_given(info.context.actor, limit=limit + 1, before=key_after(after))
        return connection_of([(Mandate.of(row), str(row.id)) for row in rows[:limit]], has_more=len(rows) > limit)

    @query(RESIDENTS, "我得到的授权 · Under which mandates I act, or did; newest first.")
    async def mandates_held(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[Mandate]:
        limit = page_size(first)
        rows = await lists.mandates_held(info.context.actor, limit=limit + 1, before=key_after(after))
        return connection_of([(Mandate.of(row), str(row.id)) for row in rows[:limit]], has_more=len(rows) > limit)

    @query(RESIDENTS, "代办记录 · What others did in my name, or in my legal person's; newest first.")
    async def mandate_uses(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[MandateUse]:
        limit = page_size(first)
        uses = await lists.uses_of_mandates(info.context.actor, limit=limit + 1, before=number_after(after))
        shown = [(MandateUse.of(use), str(use.line.id)) for use in uses[:limit]]
        return connection_of(shown, has_more=len(uses) > limit)

    @query(RESIDENTS, "我的申报 · What I claimed and a window decides, newest first; at most 50.")
    async def my_representation_claims(self, info: Info) -> list[RepresentationClaim]:
        return [RepresentationClaim.of(row) for row in await lists.claims_of(info.context.actor)]

    @query(_WINDOW_STAFF, "待核验的申报 · Claims that wait for a window, oldest first.")
    async def representation_claims(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[RepresentationClaim]:
        limit = page_size(first)
        rows = await lists.claims_waiting(info.context.actor, limit=limit + 1, after=key_after(after))
        shown = [(RepresentationClaim.of(row), str(row.id)) for row in rows[:limit]]
        return connection_of(shown, has_more=len(rows) > limit)

    @lookup(_WINDOW_STAFF, "申报详情 · A claim in full, to hold against the papers; the look is audited.")
    async def representation_claim(self, info: Info, id: strawberry.ID) -> ClaimInFullResult:  # noqa: A002 - the schema's word
        return ClaimInFull.of(await lists.claim_in_full(info.context.actor, as_uuid(id)))

    @query(_WINDOW_STAFF, "窗口查授权 · What the holder of a card or licence has granted; the look is audited.")
    async def mandates_at_window(self, info: Info, number: str) -> list[Mandate]:
        return [Mandate.of(row) for row in await windows.mandates_of(info.context.actor, number)]
