"""Without this module nobody could look back at what they asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.booking.queries import bookings_of_cases, concerns, items_of_bookings
from app.cases import applicants, models, queries
from app.cases.applicants import applicants_seen, reason_seen
from app.cases.rules import (
    CaseState,
    Decision,
    DeliveryMethod,
    NextStep,
    next_step,
    state_sentence,
    step_sentence,
)
from app.catalogue.queries import items_by_id
from app.delivery.queries import every_parcel_of_cases, parcels_of_cases
from app.identity.disclosure import Purpose
from app.links.things import LinkKind, Thing
from app.payments.queries import bills_of_cases
from graphql_schema.booking.types import Booking
from graphql_schema.catalogue.types import ServiceItem
from graphql_schema.context import Info
from graphql_schema.delivery.types import Parcel
from graphql_schema.fields import computed
from graphql_schema.links.types import Link
from graphql_schema.payments.types import Bill
from graphql_schema.problems import Problem

for _enum in (CaseState, Decision, DeliveryMethod, NextStep):
    strawberry.enum(_enum)
strawberry.enum(Purpose, name="LookPurpose", description="Why somebody reads personal data in full.")


@strawberry.type
class NextThing:
    code: NextStep
    text: str


@strawberry.type(description="办理记录 · One step of a case's history.")
class CaseEvent:
    at: datetime
    verb: str
    state: CaseState

    @classmethod
    def of(cls, row: models.CaseEvent) -> CaseEvent:
        return cls(at=row.at, verb=row.verb, state=row.state)


@strawberry.type(
    description="申请人 · As much of an applicant as the caller may see; null for what is hidden or unknown."
)
class Applicant:
    name: str | None
    id_number: str | None
    phone: str | None

    @classmethod
    def of(cls, seen: applicants.Applicant) -> Applicant:
        return cls(name=seen.name, id_number=seen.id_number, phone=seen.phone)


@strawberry.type(description="办件 · One person's request for one item.")
class Case:
    id: strawberry.ID
    number: str
    state: CaseState
    decision: Decision | None
    delivery_method: DeliveryMethod
    submitted_at: datetime
    accepted_at: datetime | None
    due_at: datetime | None = strawberry.field(description="End of the promised limit.")
    due_is_provisional: bool = strawberry.field(description="The working calendar of that year is not published yet.")
    decided_at: datetime | None
    closed_at: datetime | None
    row: strawberry.Private[models.Case]

    @classmethod
    def of(cls, row: models.Case) -> Case:
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            state=row.state,
            decision=row.decision,
            delivery_method=row.delivery_method,
            submitted_at=row.submitted_at,
            accepted_at=row.accepted_at,
            due_at=row.due_at,
            due_is_provisional=row.due_is_provisional,
            decided_at=row.decided_at,
            closed_at=row.closed_at,
            row=row,
        )

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return state_sentence(self.row.state, self.row.decision, info.context.language)

    @computed("Why it was denied.")
    def reason(self, info: Info) -> str:
        return reason_seen(info.context.actor, self.row)

    @computed("The version filed under.", batch=items_by_id)
    async def item(self, info: Info) -> ServiceItem:
        row = await info.context.load(items_by_id, self.row.item_id)
        assert row is not None
        return ServiceItem.of(row)

    @computed("What the resident has to do next.", batch=items_by_id)
    async def next_step(self, info: Info) -> NextThing:
        row = self.row
        item = await info.context.load(items_by_id, row.item_id)
        assert item is not None
        step = next_step(
            row.state,
            visits_needed=item.visit_count if item.bookable else 0,
            visit_at=row.visit_at,
            visited=row.visited,
            method=row.delivery_method,
        )
        return NextThing(code=step, text=step_sentence(step, row.visit_at, info.context.language))

    @computed(batch=bills_of_cases)
    async def bill(self, info: Info) -> Bill | None:
        row = await info.context.load(bills_of_cases, self.row.id)
        return Bill.of(row) if row else None

    @computed("The newest booking for this case.", batch=bookings_of_cases)
    async def booking(self, info: Info) -> Booking | None:
        row = await info.context.load(bookings_of_cases, self.row.id)
        if row is None:
            return None
        items = await info.context.load(items_of_bookings, row.id)
        return Booking.of(row) if concerns(info.context.actor, {item.item_key for item in items}) else None

    @computed("The newest parcel with its result.", batch=parcels_of_cases)
    async def parcel(self, info: Info) -> Parcel | None:
        row = await info.context.load(parcels_of_cases, self.row.id)
        return Parcel.of(row) if row else None

    @computed("Every parcel with its papers, both ways, newest first.", batch=every_parcel_of_cases)
    async def parcels(self, info: Info) -> list[Parcel]:
        return [Parcel.of(row) for row in await info.context.load(every_parcel_of_cases, self.row.id)]

    @computed("The history, oldest first.", batch=queries.events_of)
    async def events(self, info: Info) -> list[CaseEvent]:
        return [CaseEvent.of(row) for row in await info.context.load(queries.events_of, self.row.id)]

    @computed("From outside the app to this case.")
    def link(self) -> Link:
        return Link.to(Thing(LinkKind.CASE, self.row.id))

    @computed("Who it is for, as much as the caller may see at a glance.", batch=applicants_seen)
    async def applicant(self, info: Info) -> Applicant:
        return Applicant.of(await info.context.load(applicants_seen, (info.context.actor, self.row.resident_id)))

    @computed(batch=applicants_seen)
    async def masked_applicant(self, info: Info) -> str | None:
        return (await info.context.load(applicants_seen, (info.context.actor, self.row.resident_id))).name


@strawberry.input(description="A fee of the item's list that applies here.")
class ChosenFee:
    key: str
    quantity: int = 1


ApplicantResult = Annotated[Applicant | Problem, strawberry.union("ApplicantResult")]
CaseResult = Annotated[Case | Problem, strawberry.union("CaseResult")]
