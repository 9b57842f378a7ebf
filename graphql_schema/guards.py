"""Without this module a field could be reached by somebody who should not, and nobody would notice.

Every field of Query, Mutation and Subscription is made with `query`, `lookup`, `mutation` or `subscription` and says
who may call it; a test walks them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import strawberry
from graphql import GraphQLError
from strawberry.extensions.field_extension import AsyncExtensionResolver, FieldExtension

from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.kernel import db
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotAllowed, NotSignedIn, Refusal
from graphql_schema.context import Context, Info
from graphql_schema.problems import Problem, extensions_of
from graphql_schema.scalars import argument_with

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Audience:
    """Who may call an entry: kinds of actors; of staff those with one of some roles (any, when none is named), of
    the hall's machines some kinds.
    """

    kinds: frozenset[ActorKind]
    roles: frozenset[Role] = field(default_factory=frozenset)
    machines: frozenset[DeviceKind] = field(default_factory=frozenset)

    def check(self, actor: Actor) -> None:
        """Raise `NotSignedIn` or `NotAllowed`."""
        if actor.kind is ActorKind.ANONYMOUS and ActorKind.ANONYMOUS not in self.kinds:
            raise NotSignedIn
        if actor.kind not in self.kinds:
            raise NotAllowed
        if self.roles and actor.kind is ActorKind.STAFF and not self.roles.intersection(actor.roles):
            raise NotAllowed
        if actor.kind is ActorKind.DEVICE and not self.machines.intersection(actor.roles):
            raise NotAllowed


EVERYONE = Audience(frozenset({ActorKind.ANONYMOUS, ActorKind.RESIDENT, ActorKind.STAFF}))
RESIDENTS = Audience(frozenset({ActorKind.RESIDENT}))
SIGNED_IN = Audience(frozenset({ActorKind.RESIDENT, ActorKind.STAFF}))


def staff(*roles: Role) -> Audience:
    """Members of staff with one of these roles."""
    return Audience(frozenset({ActorKind.STAFF}), frozenset(roles))


def residents_and_staff(*roles: Role) -> Audience:
    """Residents, and members of staff with one of these roles."""
    return Audience(frozenset({ActorKind.RESIDENT, ActorKind.STAFF}), frozenset(roles))


def devices(*kinds: DeviceKind) -> Audience:
    """Machines of a hall of these kinds."""
    return Audience(frozenset({ActorKind.DEVICE}), machines=frozenset(kinds))


def as_error(refusal: Refusal, context: Context) -> GraphQLError:
    """A refusal where the schema has no room for a `Problem`."""
    return GraphQLError(refusal.sentence(context.language), extensions=extensions_of(refusal, context))


class Entry(FieldExtension):
    """Guards one field of a root type and turns refusals into data where the field answers with them."""

    def __init__(self, audience: Audience, *, refusals_are_data: bool) -> None:
        self.audience = audience
        self.refusals_are_data = refusals_are_data

    async def resolve_async(self, next_: AsyncExtensionResolver, source: Any, info: Info, **arguments: Any) -> Any:
        context = info.context
        try:
            self._check(context)
            with db.told_when_lost():
                return await next_(source, info, **arguments)
        except Refusal as refusal:
            if "given" in refusal.values:
                refusal.field = argument_with(refusal.values["given"], arguments)
            if self.refusals_are_data:
                return Problem.of(refusal, context)
            raise as_error(refusal, context) from refusal

    def _check(self, context: Context) -> None:
        try:
            self.audience.check(context.actor)
        except NotSignedIn:
            raise context.fault or NotSignedIn() from None


def query(audience: Audience, description: str) -> Callable[[F], F]:
    """A field of Query whose refusals are GraphQL errors with a code."""
    return cast(
        "Callable[[F], F]",
        strawberry.field(description=description, extensions=[Entry(audience, refusals_are_data=False)]),
    )


def lookup(audience: Audience, description: str) -> Callable[[F], F]:
    """A field of Query that answers `Thing | Problem`."""
    return cast(
        "Callable[[F], F]",
        strawberry.field(description=description, extensions=[Entry(audience, refusals_are_data=True)]),
    )


def mutation(audience: Audience, description: str) -> Callable[[F], F]:
    """A field of Mutation; it always answers `Thing | Problem`."""
    return cast(
        "Callable[[F], F]",
        strawberry.mutation(description=description, extensions=[Entry(audience, refusals_are_data=True)]),
    )


def subscription(audience: Audience, description: str) -> Callable[[F], F]:
    """A field of Subscription: an async function that gives the source of its events. Refusals are GraphQL errors."""
    return cast(
        "Callable[[F], F]",
        strawberry.subscription(description=description, extensions=[Entry(audience, refusals_are_data=False)]),
    )
