"""Without this module each domain would hide its state machine in `if` statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from app.kernel.errors import IllegalMove
from app.kernel.facts import Fact

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True)
class Edge(Generic[S]):
    """From any of `sources`, the verb leads to `target`; `emits` is the fact that tells of it, when one does."""

    verb: str
    sources: frozenset[S]
    target: S
    emits: type[Fact] | None = None


class Graph(Generic[S]):
    """A state machine as data: which verb leads where, and what people call its states (`words`)."""

    def __init__(self, edges: Iterable[Edge[S]], words: Mapping[S, tuple[str, str]] | None = None) -> None:
        self.edges = tuple(edges)
        self._words = words or {}
        self._edges = {(source, edge.verb): edge for edge in self.edges for source in edge.sources}

    def edge(self, state: S, verb: str) -> Edge[S]:
        """The way on by `verb`; raises `IllegalMove` when the graph has no such edge."""
        found = self._edges.get((state, verb))
        if found is None:
            raise self.illegal(state)
        return found

    def illegal(self, state: S) -> IllegalMove:
        """The refusal that says in which state something cannot be done."""
        return IllegalMove(state.value, self._words.get(state))

    def next_state(self, state: S, verb: str) -> S:
        """The state after `verb`; raises `IllegalMove` when the graph has no such edge."""
        return self.edge(state, verb).target

    def may(self, state: S, verb: str) -> bool:
        return (state, verb) in self._edges

    def verbs_from(self, state: S) -> tuple[str, ...]:
        return tuple(edge.verb for edge in self.edges if state in edge.sources)


def edge(verb: str, sources: Iterable[S] | S, target: S, emits: type[Fact] | None = None) -> Edge[S]:
    single = isinstance(sources, StrEnum)
    return Edge(verb, frozenset([sources] if single else sources), target, emits)  # type: ignore[list-item, arg-type]
