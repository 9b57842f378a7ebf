"""Without this module nobody could let another act for them, or take it back."""

from __future__ import annotations

from datetime import datetime

import strawberry

from app.identity.rules import Role
from app.representation import claims, commands, windows
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation, staff
from graphql_schema.representation.types import (
    Mandate,
    MandateResult,
    PersonInput,
    Representation,
    RepresentationClaim,
    RepresentationClaimResult,
    RepresentationResult,
)
from graphql_schema.scalars import as_key, as_uuid

_WINDOW_STAFF = staff(Role.WINDOW_ACCEPTOR)


def _keys(items: list[str] | None) -> list[str] | None:
    return None if items is None else [as_key(item) for item in items]


@strawberry.type
class RepresentationMutation:
    @mutation(RESIDENTS, "授权代办 · Let somebody act for me, or for the legal person I represent; no items: in all.")
    async def grant_mandate(
        self, info: Info, agent: PersonInput, items: list[str] | None = None, until: datetime | None = None
    ) -> MandateResult:
        row = await commands.grant_mandate(info.context.actor, agent.name, agent.id_number, _keys(items), until)
        return Mandate.of(row)

    @mutation(RESIDENTS, "撤销授权 · Take a mandate back, at once.")
    async def revoke_mandate(self, info: Info, id: strawberry.ID) -> MandateResult:  # noqa: A002 - the schema's word
        return Mandate.of(await commands.revoke_mandate(info.context.actor, as_uuid(id)))

    @mutation(RESIDENTS, "放弃代办 · Give up acting for somebody, at once.")
    async def resign_mandate(self, info: Info, id: strawberry.ID) -> MandateResult:  # noqa: A002 - the schema's word
        return Mandate.of(await commands.resign_mandate(info.context.actor, as_uuid(id)))

    @mutation(RESIDENTS, "申报监护 · Say that I am a child's guardian; a window confirms it by the household register.")
    async def claim_guardianship(self, info: Info, child: PersonInput) -> RepresentationClaimResult:
        row = await claims.claim_guardianship(info.context.actor, child.name, child.id_number)
        return RepresentationClaim.of(row)

    @mutation(RESIDENTS, "申报法定代表人 · Say that I am a company's legal representative; a window confirms it.")
    async def claim_legal_person(self, info: Info, credit_code: str, name: str) -> RepresentationClaimResult:
        return RepresentationClaim.of(await claims.claim_legal_person(info.context.actor, credit_code, name))

    @mutation(RESIDENTS, "撤回申报 · Take a claim back before a window decided it.")
    async def withdraw_representation_claim(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
    ) -> RepresentationClaimResult:
        return RepresentationClaim.of(await claims.withdraw_claim(info.context.actor, as_uuid(id)))

    @mutation(_WINDOW_STAFF, "核验通过 · The papers show what was claimed; the mandate comes into force.")
    async def confirm_representation_claim(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
    ) -> RepresentationResult:
        return Representation.of(await claims.confirm_claim(info.context.actor, as_uuid(id)))

    @mutation(_WINDOW_STAFF, "核验不通过 · The papers do not show it, with a reason.")
    async def refuse_representation_claim(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        reason: str,
    ) -> RepresentationClaimResult:
        return RepresentationClaim.of(await claims.refuse_claim(info.context.actor, as_uuid(id), reason))

    @mutation(_WINDOW_STAFF, "窗口授权 · Let one person act for another; both stand here with their cards.")
    async def grant_mandate_at_window(
        self,
        info: Info,
        principal: PersonInput,
        agent: PersonInput,
        items: list[str] | None = None,
        until: datetime | None = None,
    ) -> MandateResult:
        row = await windows.grant_at_window(info.context.actor, principal.value(), agent.value(), _keys(items), until)
        return Mandate.of(row)

    @mutation(_WINDOW_STAFF, "窗口解除授权 · End a mandate at the principal's wish or by papers, with a reason.")
    async def end_mandate_at_window(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        reason: str,
    ) -> MandateResult:
        return Mandate.of(await windows.end_at_window(info.context.actor, as_uuid(id), reason))

    @mutation(_WINDOW_STAFF, "登记法人 · Enter a legal person and its legal representative by licence and card.")
    async def register_legal_person(
        self, info: Info, credit_code: str, name: str, representative: PersonInput
    ) -> RepresentationResult:
        installed = await windows.register_legal_person(info.context.actor, credit_code, name, representative.value())
        return Representation.of(installed)
