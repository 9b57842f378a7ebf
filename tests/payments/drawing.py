"""How an act draws what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]
Work = Callable[[], Awaitable[object]]

places = st.integers(0, 3)
"""Of one among several, however many there are by then."""


def one_of(found: list[T], draw: Draw) -> T:
    place: int = draw(places)
    return found[place % len(found)]
