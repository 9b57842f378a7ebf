"""Without this module each domain would hide its state machine in `if` statements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from app.kernel.errors import IllegalMove

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True)
class Edge(Generic[S]):
    """From any of `sources`, the verb leads to `target`."""

    verb: str
    sources: frozenset[S]
    target: S


class Graph(Generic[S]):
    """A state machine as data: which verb leads where."""

    def __init__(self, edges: Iterable[Edge[S]]) -> None:
        self.edges = tuple(edges)
        self._targets = {(source, edge.verb): edge.target for edge in self.edges for source in edge.sources}

    def next_state(self, state: S, verb: str) -> S:
        """The state after `verb`; raises `IllegalMove` when the graph has no such edge."""
        target = self._targets.get((state, verb))
        if target is None:
            raise IllegalMove(state=state.value)
        return target

    def may(self, state: S, verb: str) -> bool:
        return (state, verb) in self._targets

    def verbs_from(self, state: S) -> tuple[str, ...]:
        return tuple(edge.verb for edge in self.edges if state in edge.sources)


def edge(verb: str, sources: Iterable[S] | S, target: S) -> Edge[S]:
    single = isinstance(sources, StrEnum)
    return Edge(verb, frozenset([sources] if single else sources), target)  # type: ignore[list-item, arg-type]
