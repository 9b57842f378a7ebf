"""Without this module one clever document could ask for the whole city at once.

Checked on the parsed document before anything runs. Numbers are generous for the mini-program's own
documents and small for an attacker's.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from graphql_schema.paging import DEFAULT_PAGE, LARGEST_PAGE

MAX_BODY_BYTES = 64 * 1024
MAX_TOKENS = 2000
MAX_DEPTH = 12
MAX_ALIASES = 15
MAX_ROOT_FIELDS = 10
MAX_COST = 5000
_INTROSPECTION = frozenset({"__schema", "__type"})


class TooDemanding(GraphQLError):
    """The document asks for more than one request may."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"The document has too much {what}: at most {limit} is allowed.",
            extensions={"code": "DOCUMENT_TOO_DEMANDING", "limit": limit},
        )


def check_document(document: DocumentNode, variables: dict[str, Any]) -> None:
    """Raise `TooDemanding` when a document is too deep, too wide, has too many aliases or costs too much.

    The cost of a field or a spread is one; a paged field multiplies what is below it by its page size.
    """
    fragments = {
        node.name.value: node.selection_set for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            _Meter(fragments, variables).measure(definition)


class _Meter:
    def __init__(self, fragments: dict[str, SelectionSetNode], variables: dict[str, Any]) -> None:
        self.fragments = fragments
        self.variables = variables
        self.aliases = 0
        self.roots = 0
        self.cost = 0
        self.introspects = False

    def measure(self, operation: OperationDefinitionNode) -> None:
        for selection in operation.selection_set.selections:
            self.introspects |= isinstance(selection, FieldNode) and selection.name.value in _INTROSPECTION
        self._walk(operation.selection_set, depth=1, times=1, spread=frozenset())

    def _walk(self, selections: SelectionSetNode, depth: int, times: int, spread: frozenset[str]) -> None:
        # Introspection is deep by nature and switched off in production.
        if depth > (MAX_DEPTH * 2 if self.introspects else MAX_DEPTH):
            raise TooDemanding("depth", MAX_DEPTH)
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                self._count(selection, depth, times)
                if selection.selection_set:
                    self._walk(selection.selection_set, depth + 1, times * self._page(selection), spread)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                # A spread costs one: fragments that only spread fragments multiply without a single field.
                self._spend(1)
                # A fragment that spreads itself is refused by validation, which comes after.
                if name in self.fragments and name not in spread:
                    self._walk(self.fragments[name], depth, times, spread | {name})
            elif hasattr(selection, "selection_set"):
                self._walk(selection.selection_set, depth, times, spread)

    def _spend(self, cost: int) -> None:
        self.cost += cost
        if self.cost > MAX_COST:
            raise TooDemanding("cost", MAX_COST)

    def _count(self, node: FieldNode, depth: int, times: int) -> None:
        self._spend(times)
        self.aliases += node.alias is not None
        self.roots += depth == 1
        if self.aliases > MAX_ALIASES:
            raise TooDemanding("aliases", MAX_ALIASES)
        if self.roots > MAX_ROOT_FIELDS:
            raise TooDemanding("root fields", MAX_ROOT_FIELDS)

    def _page(self, node: FieldNode) -> int:
        pages = bool(node.selection_set) and any(
            isinstance(child, FieldNode) and child.name.value == "edges"
            for child in (node.selection_set.selections if node.selection_set else ())
        )
        size = DEFAULT_PAGE if pages else 1
        for argument in node.arguments or ():
            if argument.name.value == "first":
                value = argument.value
                if isinstance(value, IntValueNode):
                    size = int(value.value)
                elif isinstance(value, VariableNode):
                    given = self.variables.get(value.name.value)
                    size = given if isinstance(given, int) else size
        return max(1, min(size, LARGEST_PAGE))
