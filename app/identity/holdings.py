"""Without this module joining and closing accounts could lock the domains in two orders and wait for each other."""

from __future__ import annotations

from app.identity.ports import PersonalData
from app.kernel import ports


def in_order_of_locks() -> list[tuple[str, PersonalData]]:
    """What every domain holds of residents, by its name, in the written order of locks."""
    return sorted(ports.every(PersonalData).items(), key=lambda entry: (entry[1].rank, entry[0]))
