"""Without this package only GraphQL would be reachable: callbacks, health and the start page enter here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

Audience = Literal["everyone", "monitoring", "developers", "providers"]
E_ = TypeVar("E_", bound=Callable[..., object])


def open_to(audience: Audience) -> Callable[[E_], E_]:
    """Declare who may call an endpoint; a test walks all routes and refuses one that does not say."""

    def declare(endpoint: E_) -> E_:
        endpoint.open_to = audience  # type: ignore[attr-defined]
        return endpoint

    return declare
