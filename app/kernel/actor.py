"""Without this module a command could not say who did it, for whom, and in which session."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from app.kernel.errors import ActingForAnother, NotAllowed, NotSignedIn


class ActorKind(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    RESIDENT = "RESIDENT"
    STAFF = "STAFF"
    SYSTEM = "SYSTEM"
    PROVIDER = "PROVIDER"
    DEVICE = "DEVICE"


@dataclass(frozen=True)
class Principal:
    """Whose matter an actor takes care of, and under which mandate (代办)."""

    id: UUID
    mandate_id: UUID
    basis: str
    """Why they may: a word of `representation.rules.Basis`."""

    items: frozenset[str] | None = None
    """Keys of the service items the mandate is for; None for all."""


@dataclass(frozen=True)
class Scope:
    """What part of the city a member of staff works for: one department or all, one division with all below it."""

    department: str | None = None
    division: str = ""
    """A division code of 2, 4, 6, 9 or 12 digits; empty for all (GB/T 2260: a prefix holds what begins with it)."""

    def covers(self, department: str, division: str) -> bool:
        return self.department in {None, department} and division.startswith(self.division)


@dataclass(frozen=True)
class Machine:
    """What acts by itself in a hall, and the key of the service point it stands in."""

    id: UUID
    place: str


@dataclass(frozen=True)
class Actor:
    """Who is acting: a resident, a member of staff, a machine of a hall, the system, or a provider calling back."""

    kind: ActorKind
    id: UUID | None = None
    session_id: UUID | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    name: str = ""
    scope: Scope = Scope()
    principal: Principal | None = None
    language: str = ""
    """What the resident reads best, `zh` or `en`; empty when they never said."""

    place: str = ""
    """Key of the service point a machine stands in; empty for everybody else."""

    @property
    def reference(self) -> str:
        """How audit lines and histories name the actor."""
        return f"{self.kind.value.lower()}:{self.id or self.name or '-'}"

    def resident_id(self) -> UUID:
        """Whose matter it is: the principal's id when there is one, otherwise the resident's own.

        Raises `NotSignedIn` for anybody but a resident.
        """
        own = self._own()
        return self.principal.id if self.principal else own

    def own_id(self) -> UUID:
        """The resident's own id, for what nobody can do for another: sessions, proofs, mandates, one's account.

        Raises `ActingForAnother` when there is a principal, `NotSignedIn` for anybody but a resident.
        """
        own = self._own()
        if self.principal:
            raise ActingForAnother
        return own

    def _own(self) -> UUID:
        if self.kind is not ActorKind.RESIDENT or self.id is None:
            raise NotSignedIn
        return self.id

    def matters(self, item: str = "item_key") -> dict[str, object]:
        """Which rows of a table are this resident's to see, as a filter: the whose and, for an agent, the what.

        `item` is the path to the column with the item's key. Raises `NotSignedIn`.
        """
        whose: dict[str, object] = {"resident_id": self.resident_id()}
        if self.principal is not None and self.principal.items is not None:
            whose[f"{item}__in"] = sorted(self.principal.items)
        return whose

    def staff_id(self, *roles: str) -> UUID:
        """The staff member's id when they hold one of `roles` (any, when none is named)."""
        if self.kind is not ActorKind.STAFF or self.id is None:
            raise NotSignedIn
        if roles and not self.roles.intersection(roles):
            raise NotAllowed
        return self.id

    def device(self, *kinds: str) -> Machine:
        """The machine that is acting, of one of these kinds (any, when none is named).

        Raises `NotAllowed` for another kind and for everybody who is no machine.
        """
        if self.kind is not ActorKind.DEVICE or self.id is None or (kinds and not self.roles.intersection(kinds)):
            raise NotAllowed
        return Machine(self.id, self.place)


ANONYMOUS = Actor(ActorKind.ANONYMOUS)
SYSTEM = Actor(ActorKind.SYSTEM, name="portal")


def provider_actor(name: str) -> Actor:
    return Actor(ActorKind.PROVIDER, name=name)
