"""Without this module residents could not see what counts against them, nor have somebody look at it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.booking import models, queries
from app.booking.credit import appeals, exemptions
from app.booking.credit import faults as credit
from app.booking.credit.rules import ExemptionGround, Outcome, exempt_in_words, outcome_in_words, rules_in_words
from app.booking.policy import Consequence, Fault
from app.booking.rules import AppealState, BookingState
from app.catalogue.queries import service_points_by_key
from app.identity.rules import Role
from app.kernel import clock
from app.texts.queries import checks_by_id
from app.texts.rules import TextStanding
from graphql_schema.booking.types import Booking, BookingResult, Slot
from graphql_schema.catalogue.types import ServicePoint
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.guards import RESIDENTS, lookup, mutation, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.problems import Problem
from graphql_schema.representation.types import PersonInput
from graphql_schema.scalars import as_key, as_uuid

for _enum in (AppealState, Consequence, Fault, ExemptionGround):
    strawberry.enum(_enum)

_MANAGERS = staff(Role.DEPARTMENT_MANAGER)
_WINDOW_STAFF = staff(Role.WINDOW_ACCEPTOR)


@strawberry.type(description="申诉的到场 · The visit an appeal is about; whose it is is not told.")
class AppealedVisit:
    booking_id: strawberry.ID
    state: BookingState
    late: bool = strawberry.field(description="Cancelled after the deadline.")
    row: strawberry.Private[models.Booking]

    @classmethod
    def of(cls, row: models.Booking) -> AppealedVisit:
        return cls(booking_id=strawberry.ID(str(row.id)), state=row.state, late=row.late, row=row)

    @computed("Everything it was for.", batch=queries.items_of_bookings)
    async def item_keys(self, info: Info) -> list[str]:
        return [item.item_key for item in await info.context.load(queries.items_of_bookings, self.row.id)]

    @computed(batch=queries.slots_by_id)
    async def slot(self, info: Info) -> Slot:
        row = await info.context.load(queries.slots_by_id, self.row.slot_id)
        assert row is not None
        return Slot.of(row)


@strawberry.type(description="信用申诉 · Why a visit should not count, once for each; a manager decides.")
class CreditAppeal:
    id: strawberry.ID
    state: AppealState
    made_at: datetime
    decided_at: datetime | None
    answer: str = strawberry.field(description="What was decided, in words; empty until then.")
    row: strawberry.Private[models.CreditAppeal]

    @classmethod
    def of(cls, row: models.CreditAppeal) -> CreditAppeal:
        return cls(
            id=strawberry.ID(str(row.id)),
            state=row.state,
            made_at=row.made_at,
            decided_at=row.decided_at,
            answer=row.answer,
            row=row,
        )

    @computed("How the grounds stand: whether a platform or a person has passed them.", batch=checks_by_id)
    async def grounds_standing(self, info: Info) -> TextStanding:
        wanted = self.row.grounds_check_id
        known = await info.context.load(checks_by_id, wanted) if wanted else None
        return known.standing if known else TextStanding.UNCHECKED

    @computed("The visit it is about.", batch=credit.bookings_by_id)
    async def visit(self, info: Info) -> AppealedVisit:
        row = await info.context.load(credit.bookings_by_id, self.row.booking_id)
        assert row is not None
        return AppealedVisit.of(row)


@strawberry.type(description="申诉全文 · An appeal with what the resident wrote.")
class AppealInFull:
    appeal: CreditAppeal
    grounds: str = strawberry.field(description="Empty when a reviewer withheld them.")


@strawberry.type(description="失约记录 · A visit that was missed or cancelled late, excused or not.")
class BookingFault:
    booking: Booking
    kind: Fault
    at: datetime = strawberry.field(description="When the missed visit was to begin, or the cancellation was made.")
    excused: bool = strawberry.field(description="It does not count.")
    excuse: str = strawberry.field(description="Why it does not.")
    appeal: CreditAppeal | None
    appeal_until: datetime | None = strawberry.field(description="Until when I may appeal; null when I may not.")

    @classmethod
    def of(cls, one: credit.BookedFault) -> BookingFault:
        return cls(
            booking=Booking.of(one.booking),
            kind=one.fault.kind,
            at=one.fault.at,
            excused=one.booking.excused_at is not None,
            excuse=one.booking.excuse,
            appeal=CreditAppeal.of(one.appeal) if one.appeal else None,
            appeal_until=one.may_appeal_until(clock.now()),
        )


@strawberry.type(description="信用后果 · What follows from faults, until a moment.")
class CreditOutcome:
    consequence: Consequence
    until: datetime
    causes: list[strawberry.ID] = strawberry.field(description="The bookings it follows from, the oldest first.")
    outcome: strawberry.Private[Outcome]

    @classmethod
    def of(cls, outcome: Outcome) -> CreditOutcome:
        return cls(
            consequence=outcome.rule.consequence,
            until=outcome.until,
            causes=[strawberry.ID(str(fault.booking_id)) for fault in outcome.causes],
            outcome=outcome,
        )

    @computed("In plain words, with the reason.")
    def text(self, info: Info) -> str:
        return info.context.say(*outcome_in_words(self.outcome))


@strawberry.type(description="某类业务的预约信用 · How I stand with one business of a service point.")
class BusinessCredit:
    category: str
    exempt: bool = strawberry.field(description="Nothing counts for me.")
    barred_until: datetime | None = strawberry.field(description="Until when I cannot book online.")
    live_at_most: int = strawberry.field(description="How many live bookings I may hold.")
    outcomes: list[CreditOutcome]
    stands: strawberry.Private[credit.BusinessStanding]

    @classmethod
    def of(cls, stands: credit.BusinessStanding) -> BusinessCredit:
        bar = stands.standing.bar
        return cls(
            category=stands.category,
            exempt=stands.exempt,
            barred_until=bar.until if bar else None,
            live_at_most=stands.live_at_most,
            outcomes=[CreditOutcome.of(outcome) for outcome in stands.standing.outcomes],
            stands=stands,
        )

    @computed(batch=service_points_by_key)
    async def service_point(self, info: Info) -> ServicePoint:
        row = await info.context.load(service_points_by_key, self.stands.service_point)
        assert row is not None
        return ServicePoint.of(row, info)

    @computed("Why nothing counts for me.")
    def exempt_text(self, info: Info) -> str | None:
        age = self.stands.policy.exempt_age if self.stands.old_enough else None
        words = exempt_in_words(self.stands.exempt_as, age)
        return info.context.say(*words) if words else None

    @computed("The rules in plain words.")
    def rules(self, info: Info) -> list[str]:
        return [info.context.say(*words) for words in rules_in_words(self.stands.policy)]


@strawberry.type(description="预约信用 · My missed and late-cancelled visits of two years, and what follows from them.")
class BookingCredit:
    faults: list[BookingFault]
    businesses: list[BusinessCredit]


@strawberry.type(description="信用豁免 · Missed visits do not count, because a window saw why.")
class CreditExemption:
    id: strawberry.ID
    ground: ExemptionGround
    granted_at: datetime
    valid_until: date | None = strawberry.field(description="Its last day; null for ever.")
    ended_at: datetime | None

    @classmethod
    def of(cls, row: models.CreditExemption) -> CreditExemption:
        return cls(
            id=strawberry.ID(str(row.id)),
            ground=ExemptionGround(row.ground),
            granted_at=row.granted_at,
            valid_until=row.valid_until,
            ended_at=row.ended_at,
        )


CreditAppealResult = Annotated[CreditAppeal | Problem, strawberry.union("CreditAppealResult")]
AppealInFullResult = Annotated[AppealInFull | Problem, strawberry.union("AppealInFullResult")]
CreditExemptionResult = Annotated[CreditExemption | Problem, strawberry.union("CreditExemptionResult")]


@strawberry.type
class CreditQuery:
    @query(
        RESIDENTS,
        "我的预约信用 · What counts against me, what follows, and what I can do; for one business of a service point,"
        " or for all where I missed or cancelled late.",
    )
    async def my_booking_credit(
        self, info: Info, service_point: str | None = None, category: str | None = None
    ) -> BookingCredit:
        place = as_key(service_point) if service_point is not None else None
        found = await credit.my_credit(info.context.actor, place, category)
        return BookingCredit(
            faults=[BookingFault.of(one) for one in found.faults],
            businesses=[BusinessCredit.of(one) for one in found.businesses],
        )

    @query(_MANAGERS, "待处理的申诉 · Appeals that wait for a decision, oldest first; nobody is named.")
    async def pending_appeals(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[CreditAppeal]:
        limit = page_size(first)
        rows = await appeals.pending_appeals(info.context.actor, limit=limit + 1, after=key_after(after))
        shown = [(CreditAppeal.of(row), str(row.id)) for row in rows[:limit]]
        return connection_of(shown, has_more=len(rows) > limit)

    @lookup(_MANAGERS, "申诉详情 · An appeal with its grounds; the look is audited.")
    async def credit_appeal(self, info: Info, id: strawberry.ID) -> AppealInFullResult:  # noqa: A002 - the schema's word
        found = await appeals.appeal_in_full(info.context.actor, as_uuid(id))
        return AppealInFull(appeal=CreditAppeal.of(found.appeal), grounds=found.grounds)

    @query(_WINDOW_STAFF, "窗口查豁免 · What the holder of a card was exempted for; the look is audited.")
    async def credit_exemptions(self, info: Info, person: PersonInput) -> list[CreditExemption]:
        rows = await exemptions.exemptions_at_window(info.context.actor, person.id_number, person.name)
        return [CreditExemption.of(row) for row in rows]


@strawberry.type
class CreditMutation:
    @mutation(RESIDENTS, "申诉 · Say, once and within 30 days, why a missed or late-cancelled visit should not count.")
    async def appeal_fault(self, info: Info, booking_id: strawberry.ID, grounds: str) -> CreditAppealResult:
        return CreditAppeal.of(await appeals.appeal(info.context.actor, as_uuid(booking_id), grounds))

    @mutation(_MANAGERS, "答复申诉 · Let the visit not count, or say why it does.")
    async def decide_appeal(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        granted: bool,
        answer: str,
    ) -> CreditAppealResult:
        row = await appeals.decide_appeal(info.context.actor, as_uuid(id), granted=granted, answer=answer)
        return CreditAppeal.of(row)

    @mutation(
        staff(Role.DEPARTMENT_MANAGER, Role.WINDOW_ACCEPTOR),
        "免除失约 · Let a missed or late-cancelled visit not count; an open appeal of it is granted.",
    )
    async def excuse_booking(self, info: Info, booking_id: strawberry.ID, reason: str) -> BookingResult:
        return Booking.of(await appeals.excuse(info.context.actor, as_uuid(booking_id), reason))

    @mutation(_WINDOW_STAFF, "登记豁免 · Let missed visits not count for somebody whose papers the window saw.")
    async def grant_credit_exemption(
        self, info: Info, person: PersonInput, ground: ExemptionGround, valid_until: date | None = None
    ) -> CreditExemptionResult:
        row = await exemptions.grant_exemption(info.context.actor, person.id_number, person.name, ground, valid_until)
        return CreditExemption.of(row)

    @mutation(_WINDOW_STAFF, "终止豁免 · Let missed visits count again.")
    async def end_credit_exemption(self, info: Info, id: strawberry.ID) -> CreditExemptionResult:  # noqa: A002 - the schema's word
        return CreditExemption.of(await exemptions.end_exemption(info.context.actor, as_uuid(id)))
