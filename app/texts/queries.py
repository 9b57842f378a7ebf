"""Without this module who shows a text would not know how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.texts.models import TextCheck


async def checks_by_id(ids: Sequence[UUID]) -> list[TextCheck | None]:
    """In the order of the ids."""
    found = {row.id: row for row in await TextCheck.filter(id__in=list(ids))}
    return [found.get(one) for one in ids]
