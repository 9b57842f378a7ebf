"""Without this module a command could not say who did it, for whom, and in which session."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from app.kernel.errors import NotAllowed, NotSignedIn


class ActorKind(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    RESIDENT = "RESIDENT"
    STAFF = "STAFF"
    SYSTEM = "SYSTEM"
    PROVIDER = "PROVIDER"


@dataclass(frozen=True)
class Actor:
    """Who is acting: a resident, a member of staff, the system itself, or a provider calling back."""

    kind: ActorKind
    id: UUID | None = None
    session_id: UUID | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    name: str = ""

    @property
    def reference(self) -> str:
        """How audit lines and histories name the actor."""
        return f"{self.kind.value.lower()}:{self.id or self.name or '-'}"

    def resident_id(self) -> UUID:
        """The resident's id; raises `NotSignedIn` for anybody else."""
        if self.kind is not ActorKind.RESIDENT or self.id is None:
            raise NotSignedIn
        return self.id

    def staff_id(self, *roles: str) -> UUID:
        """The staff member's id when they hold one of `roles` (any, when none is named)."""
        if self.kind is not ActorKind.STAFF or self.id is None:
            raise NotSignedIn
        if roles and not self.roles.intersection(roles):
            raise NotAllowed
        return self.id


ANONYMOUS = Actor(ActorKind.ANONYMOUS)
SYSTEM = Actor(ActorKind.SYSTEM, name="portal")


def provider_actor(name: str) -> Actor:
    return Actor(ActorKind.PROVIDER, name=name)
