from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLField,
    GraphQLUnionType,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)
from starlette.routing import Route

from app.http import Audience
from app.main import create_app
from graphql_schema.guards import Entry
from graphql_schema.schema import printed, schema
from tests.architecture.contracts import ROOT

GRAPH = schema._schema


def entries() -> Iterator[tuple[str, GraphQLField]]:
    for root in (GRAPH.query_type, GRAPH.mutation_type, GRAPH.subscription_type):
        assert root is not None
        yield from ((f"{root.name}.{name}", field) for name, field in root.fields.items())


def guards_of(field: GraphQLField) -> list[Entry]:
    extensions = field.extensions["strawberry-definition"].extensions
    return [extension for extension in extensions if isinstance(extension, Entry)]


def test_the_printed_schema_is_in_step() -> None:
    assert (ROOT / "graphql_schema" / "schema.graphql").read_text() == printed(), "run: make schema"


@pytest.mark.parametrize("name", [name for name, _ in entries()])
def test_every_entry_says_who_may_call_it(name: str) -> None:
    [guard] = guards_of(dict(entries())[name])
    assert guard.audience.kinds


@pytest.mark.parametrize("name", [name for name, _ in entries() if name.startswith("Mutation.")])
def test_every_mutation_answers_with_a_thing_or_a_problem(name: str) -> None:
    field = dict(entries())[name]
    answer = get_named_type(field.type)
    assert isinstance(answer, GraphQLUnionType)
    assert [member.name for member in answer.types if member.name == "Problem"] == ["Problem"]
    assert len(answer.types) == 2
    assert guards_of(field)[0].refusals_are_data


def test_a_lookup_answers_with_a_problem_exactly_when_its_guard_does() -> None:
    """A refusal turned into data where the schema has no room for it would be a bug, and the other way round."""
    for name, field in entries():
        answer = get_named_type(field.type)
        has_room = isinstance(answer, GraphQLUnionType) and "Problem" in {member.name for member in answer.types}
        assert guards_of(field)[0].refusals_are_data is has_room, name


def test_names_are_words_and_not_kinds() -> None:
    for name, kind in GRAPH.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name), name
        assert not name.endswith(("Type", "Model", "DTO", "Payload")), name


def test_every_list_that_can_grow_is_paged() -> None:
    """A connection takes `first` and `after`, and its page size is capped."""
    for name, field in entries():
        if get_named_type(field.type).name.endswith("Connection"):
            assert {"first", "after"} <= field.args.keys(), name


@pytest.mark.parametrize("route", create_app().routes, ids=lambda route: route.path)
def test_every_route_says_who_may_call_it(route: Route) -> None:
    audiences = Audience.__args__  # type: ignore[attr-defined]
    assert getattr(route.endpoint, "open_to", None) in audiences, f"{route.path} needs @open_to(...)"
