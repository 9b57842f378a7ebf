"""Without this module a field that is more than a column would not say which batch query stands behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., Any])
Batch = Callable[[Sequence[Any]], Awaitable[list[Any]]]


def computed(description: str | None = None, *, batch: Batch | None = None) -> Callable[[F], F]:
    """A field with a resolver. `batch` names the query (keys in, values out in key order) it loads through."""
    metadata = {"batch": batch} if batch else None
    return cast("Callable[[F], F]", strawberry.field(description=description, metadata=metadata))
