"""Without this module nobody would see who may act for whom."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.identity.models import PersonKind
from app.identity.models import Resident as Account
from app.identity.queries import residents
from app.kernel import clock
from app.kernel.privacy import mask_id_number, mask_name, unseal
from app.representation import lists, models, rules, windows
from app.representation.rules import BASIS_WORDS, CLAIM_WORDS, MANDATE_WORDS, Basis, ClaimState, MandateState
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

for _enum in (Basis, MandateState, ClaimState, PersonKind):
    strawberry.enum(_enum)


@strawberry.input(description="姓名和身份证号 · A person as their identity card names them.")
class PersonInput:
    name: str
    id_number: str

    def value(self) -> rules.Person:
        return rules.Person(self.name, self.id_number)


def _shown_name(row: Account) -> str:
    name = unseal(row.name_sealed) if row.name_sealed else ""
    return name if row.kind is PersonKind.LEGAL else mask_name(name)


@strawberry.type(description="委托人 · Somebody one may act for; send `id` as the header Acting-For.")
class Principal:
    id: strawberry.ID
    basis: Basis
    items: list[str] | None = strawberry.field(description="Keys of the service items; null for all.")
    valid_to: datetime | None
    row: strawberry.Private[models.Mandate]

    @classmethod
    def of(cls, row: models.Mandate) -> Principal:
        return cls(
            id=strawberry.ID(str(row.principal_id)), basis=row.basis, items=row.items, valid_to=row.valid_to, row=row
        )

    @computed("The basis in plain words.")
    def basis_text(self, info: Info) -> str:
        return info.context.say(*BASIS_WORDS[self.basis])

    @computed("Masked for a natural person, in full for a legal person.", batch=residents)
    async def name(self, info: Info) -> str:
        row = await info.context.load(residents, self.row.principal_id)
        return _shown_name(row) if row else ""

    @computed(batch=residents)
    async def kind(self, info: Info) -> PersonKind:
        row = await info.context.load(residents, self.row.principal_id)
        assert row is not None
        return row.kind

    @computed("统一社会信用代码 · Of a legal person.", batch=lists.legal_persons_of)
    async def credit_code(self, info: Info) -> str | None:
        row = await info.context.load(lists.legal_persons_of, self.row.principal_id)
        return row.credit_code if row else None


@strawberry.type(description="授权 · Why an agent may act for a principal, in what and until when.")
class Mandate:
    id: strawberry.ID
    basis: Basis
    state: MandateState = strawberry.field(description="At this moment; what ran out is EXPIRED.")
    items: list[str] | None = strawberry.field(description="Keys of the service items; null for all.")
    valid_from: datetime
    valid_to: datetime | None
    ended_at: datetime | None
    masked_agent: str
    row: strawberry.Private[models.Mandate]

    @classmethod
    def of(cls, row: models.Mandate) -> Mandate:
        return cls(
            id=strawberry.ID(str(row.id)),
            basis=row.basis,
            state=rules.standing_of(row.state, row.valid_to, clock.now()),
            items=row.items,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            ended_at=row.ended_at,
            masked_agent=mask_name(unseal(row.agent_name_sealed)),
            row=row,
        )

    @computed("The basis in plain words.")
    def basis_text(self, info: Info) -> str:
        return info.context.say(*BASIS_WORDS[self.basis])

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*MANDATE_WORDS[self.state])

    @computed("For whom.")
    def principal(self) -> Principal:
        return Principal.of(self.row)


@strawberry.type(description="代办记录 · Something another person did in one's name.")
class MandateUse:
    at: datetime
    act: str
    subject: str
    result: str
    row: strawberry.Private[lists.Use]

    @classmethod
    def of(cls, use: lists.Use) -> MandateUse:
        line = use.line
        return cls(at=line.at, act=line.act, subject=line.subject, result=line.result, row=use)

    @computed("Who did it.", batch=residents)
    async def masked_agent(self, info: Info) -> str | None:
        row = await info.context.load(residents, self.row.agent_id)
        return _shown_name(row) if row and row.name_sealed else None


@strawberry.type(description="待核验的申报 · What a resident says of papers that a window has to see.")
class RepresentationClaim:
    id: strawberry.ID
    basis: Basis
    state: ClaimState
    made_at: datetime
    decided_at: datetime | None
    reason: str = strawberry.field(description="Why it was refused.")
    row: strawberry.Private[models.RepresentationClaim]

    @classmethod
    def of(cls, row: models.RepresentationClaim) -> RepresentationClaim:
        return cls(
            id=strawberry.ID(str(row.id)),
            basis=row.basis,
            state=row.state,
            made_at=row.made_at,
            decided_at=row.decided_at,
            reason=row.reason,
            row=row,
        )

    # Opened here, not in `of`: one claim that no key opens would take the whole list of a window with it.
    @computed("The child, masked, or the company; forgotten once decided.")
    def subject_name(self) -> str | None:
        name = unseal(self.row.name_sealed) if self.row.name_sealed else None
        return mask_name(name) if name and self.row.basis is Basis.GUARDIAN else name

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*CLAIM_WORDS[self.state])


@strawberry.type(description="申报核验 · A claim with names and numbers in full, to hold against the papers.")
class ClaimInFull:
    claim: RepresentationClaim
    subject_name: str | None
    subject_number: str | None
    row: strawberry.Private[models.RepresentationClaim]

    @classmethod
    def of(cls, found: lists.ClaimInFull) -> ClaimInFull:
        subject = found.subject
        number = None
        if subject is not None:
            number = subject.credit_code if isinstance(subject, rules.Company) else subject.id_number
        return cls(
            claim=RepresentationClaim.of(found.claim),
            subject_name=subject.name if subject else None,
            subject_number=number,
            row=found.claim,
        )

    @computed("Who claims it, as their card says; the number masked.", batch=residents)
    async def claimant(self, info: Info) -> Claimant:
        row = await info.context.load(residents, self.row.claimant_id)
        assert row is not None
        return Claimant.of(row)


@strawberry.type
class Claimant:
    name: str | None
    masked_id_number: str | None

    @classmethod
    def of(cls, row: Account) -> Claimant:
        return cls(
            name=unseal(row.name_sealed) if row.name_sealed else None,
            masked_id_number=mask_id_number(unseal(row.id_number_sealed)) if row.id_number_sealed else None,
        )


@strawberry.type(description="代表关系 · Who now represents, and the agents that go on.")
class Representation:
    mandate: Mandate
    agents: list[Mandate] = strawberry.field(description="经办人 · Appointed before; they stay in force until revoked.")

    @classmethod
    def of(cls, installed: windows.Installed) -> Representation:
        return cls(mandate=Mandate.of(installed.mandate), agents=[Mandate.of(row) for row in installed.agents])


MandateResult = Annotated[Mandate | Problem, strawberry.union("MandateResult")]
RepresentationClaimResult = Annotated[RepresentationClaim | Problem, strawberry.union("RepresentationClaimResult")]
ClaimInFullResult = Annotated[ClaimInFull | Problem, strawberry.union("ClaimInFullResult")]
RepresentationResult = Annotated[Representation | Problem, strawberry.union("RepresentationResult")]
