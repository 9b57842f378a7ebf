from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from graphql import DocumentNode, FieldNode, OperationDefinitionNode, parse, validate
from graphql.validation import specified_rules

from graphql_schema.documents import OPERATIONS, document_id, trusted_documents
from graphql_schema.limits import MAX_TOKENS, check_document
from graphql_schema.schema import schema
from tests.architecture.contracts import ROOT

DOCUMENTS = sorted(OPERATIONS.glob("*.graphql"))
every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)


@cache
def sources() -> str:
    """The text of every test."""
    return "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))


def parsed(path: Path) -> DocumentNode:
    return parse(path.read_text(), max_tokens=MAX_TOKENS)


@every_document
def test_a_document_is_valid(path: Path) -> None:
    assert validate(schema._schema, parsed(path), specified_rules) == []


@every_document
def test_a_document_is_one_operation_named_as_its_file(path: Path) -> None:
    """And begins with a comment that says what it is for: GraphiQL shows it."""
    operations = [node for node in parsed(path).definitions if isinstance(node, OperationDefinitionNode)]
    assert [node.name.value for node in operations if node.name] == [path.stem]
    assert path.read_text().startswith("# ")


@every_document
def test_a_document_stays_within_the_limits(path: Path) -> None:
    """Also with the largest page a phone may ask for."""
    check_document(parsed(path), {"first": 50})


@every_document
def test_a_document_asks_for_the_problem(path: Path) -> None:
    """What answers `Thing | Problem` is useless to a phone that does not ask which it is."""
    text = path.read_text()
    if "... on Problem" in text:
        assert "__typename" in text


def test_every_document_is_sent_by_a_test() -> None:
    sent = set(re.findall(r"\"([A-Z]\w+)\"", sources()))
    assert [path.stem for path in DOCUMENTS if path.stem not in sent] == []


def test_every_document_is_trusted_by_the_hash_of_its_text() -> None:
    assert trusted_documents() == {document_id(path.read_text()): path.read_text() for path in DOCUMENTS}


def test_every_entry_of_the_schema_has_a_document() -> None:
    """An entry nobody sends is either dead or untested."""
    graph = schema._schema
    assert graph.query_type is not None
    assert graph.mutation_type is not None
    assert graph.subscription_type is not None
    sent = {
        selection.name.value
        for path in DOCUMENTS
        for node in parsed(path).definitions
        if isinstance(node, OperationDefinitionNode)
        for selection in node.selection_set.selections
        if isinstance(selection, FieldNode)
    }
    assert sent >= {*graph.query_type.fields, *graph.mutation_type.fields, *graph.subscription_type.fields}
