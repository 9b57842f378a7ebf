"""Without this module nobody could read or set the rules by which a hall is booked."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import strawberry

from app.booking import policy
from app.booking.halls import opening
from app.booking.halls.rule_checks import WORDS, camel
from app.booking.policy import Consequence, Fault
from graphql_schema.context import Info
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_key

strawberry.enum(Fault)
strawberry.enum(Consequence)


@strawberry.input(description="事项办理时间 · How long one item takes.")
class MinutesOfItemInput:
    item_key: str
    minutes: int


@strawberry.input(description="信用规则 · So many faults within so many days, and what follows.")
class CreditRuleInput:
    fault: Fault
    count: int
    within_days: int
    consequence: Consequence
    days: int = 30
    live_at_most: int = 1


@strawberry.input(description="预约规则 · The rules to change. One that is null goes back to its default.")
class RulesInput:
    slot_minutes: int | None = strawberry.UNSET
    windows: int | None = strawberry.UNSET
    per_window: int | None = strawberry.UNSET
    walk_in_share: int | None = strawberry.UNSET
    desk_share: int | None = strawberry.UNSET
    days_ahead: int | None = strawberry.UNSET
    release_time: str | None = strawberry.UNSET
    min_level: int | None = strawberry.UNSET
    party_most: int | None = strawberry.UNSET
    deposit_fen: int | None = strawberry.UNSET
    live_most: int | None = strawberry.UNSET
    per_day: int | None = strawberry.UNSET
    per_week: int | None = strawberry.UNSET
    per_month: int | None = strawberry.UNSET
    minutes_by_item: list[MinutesOfItemInput] | None = strawberry.UNSET
    hold_minutes: int | None = strawberry.UNSET
    cancel_before_minutes: int | None = strawberry.UNSET
    offer_minutes: int | None = strawberry.UNSET
    early_minutes: int | None = strawberry.UNSET
    grace_minutes: int | None = strawberry.UNSET
    radius_metres: int | None = strawberry.UNSET
    credit_rules: list[CreditRuleInput] | None = strawberry.UNSET
    exempt_age: int | None = strawberry.UNSET
    waiting_room: bool | None = strawberry.UNSET
    gather_minutes: int | None = strawberry.UNSET
    admitted_per_second: int | None = strawberry.UNSET
    rush_minutes: int | None = strawberry.UNSET
    challenge_above: int | None = strawberry.UNSET
    tickets_a_day: int | None = strawberry.UNSET
    walk_in_from: str | None = strawberry.UNSET
    walk_in_until: str | None = strawberry.UNSET
    waiting_warning: int | None = strawberry.UNSET
    recalls_most: int | None = strawberry.UNSET
    rejoins_most: int | None = strawberry.UNSET
    rejoin_behind: int | None = strawberry.UNSET
    booked_in_a_row: int | None = strawberry.UNSET
    walk_in_patience_minutes: int | None = strawberry.UNSET

    def wanted(self) -> dict[str, Any]:
        """What was said, null too; raises `NotFound` for what cannot be the key of an item."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        said = {name: value for name, value in said.items() if value is not strawberry.UNSET}
        if said.get("minutes_by_item") is not None:
            said["minutes_by_item"] = {as_key(one.item_key): one.minutes for one in said["minutes_by_item"]}
        if said.get("credit_rules") is not None:
            said["credit_rules"] = [dict(vars(one)) for one in said["credit_rules"]]
        return said


@strawberry.type
class MinutesOfItem:
    item_key: str
    minutes: int


@strawberry.type(description="信用规则 · So many faults within so many days, and what follows.")
class CreditRule:
    fault: Fault
    count: int
    within_days: int
    consequence: Consequence
    days: int
    live_at_most: int


@strawberry.type(description="业务规则 · How one business of a service point is booked and called.")
class BusinessRules:
    slot_minutes: int
    windows: int = strawberry.field(description="Windows that work on bookings of this business.")
    per_window: int = strawberry.field(description="Visits one window takes in one slot.")
    walk_in_share: int = strawberry.field(description="Percent of all places kept for who comes without a booking.")
    desk_share: int = strawberry.field(description="Percent of the bookable places that only staff can book.")
    days_ahead: int
    release_time: str | None = strawberry.field(description="When a new day's slots open, as 08:00; null for at once.")
    min_level: int
    party_most: int
    deposit_fen: int | None = strawberry.field(description="押金 · To be paid before a place booked by phone is sure.")
    live_most: int
    per_day: int | None
    per_week: int | None
    per_month: int | None
    minutes_by_item: list[MinutesOfItem] = strawberry.field(description="One slot for each item that is not named.")
    hold_minutes: int
    cancel_before_minutes: int = strawberry.field(description="Given back later than this it counts as late.")
    offer_minutes: int
    early_minutes: int
    grace_minutes: int
    radius_metres: int = strawberry.field(description="How near a phone must be to check in by location.")
    credit_rules: list[CreditRule]
    exempt_age: int = strawberry.field(description="From this age on nothing counts against a resident.")
    waiting_room: bool
    gather_minutes: int
    admitted_per_second: int
    rush_minutes: int
    challenge_above: int
    tickets_a_day: int | None
    walk_in_from: str | None
    walk_in_until: str | None
    waiting_warning: int
    recalls_most: int
    rejoins_most: int
    rejoin_behind: int
    booked_in_a_row: int
    walk_in_patience_minutes: int
    own: list[RuleName] = strawberry.field(description="Those that were set here; the others are defaults.")
    version: int = strawberry.field(description="How often they were set.")

    @classmethod
    def of(cls, rules: opening.Rules, info: Info) -> BusinessRules:
        told = {name: getattr(rules.policy, name) for name in policy.Policy.model_fields}
        told["minutes_by_item"] = [
            MinutesOfItem(item_key=key, minutes=it) for key, it in told["minutes_by_item"].items()
        ]
        told["credit_rules"] = [CreditRule(**rule.model_dump()) for rule in told["credit_rules"]]
        own = [RuleName(field=camel(name), name=info.context.say(WORDS[name], camel(name))) for name in rules.own]
        return cls(**told, own=own, version=rules.version)


@strawberry.type(description="规则名称 · One of the rules.")
class RuleName:
    field: str = strawberry.field(description="As the schema calls it.")
    name: str


@strawberry.type(description="预约须知 · What residents should know before they book.")
class BookingRules:
    days_ahead: int
    release_time: str | None = strawberry.field(description="When a new day's slots open, as 08:00; null for at once.")
    party_most: int
    deposit_fen: int | None = strawberry.field(description="押金 · To be paid before a place booked by phone is sure.")
    live_most: int
    cancel_before_minutes: int = strawberry.field(description="Given back later than this it counts as late.")
    early_minutes: int = strawberry.field(description="How long before the slot one can check in.")
    grace_minutes: int = strawberry.field(description="How long after its start one still can.")

    @classmethod
    def of(cls, rules: policy.Policy) -> BookingRules:
        return cls(**{field.name: getattr(rules, field.name) for field in fields(cls)})


BusinessRulesResult = Annotated[BusinessRules | Problem, strawberry.union("BusinessRulesResult")]
BookingRulesResult = Annotated[BookingRules | Problem, strawberry.union("BookingRulesResult")]
