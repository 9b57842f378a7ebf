"""Without this module documents would run unchecked: what the address and the socket both ask of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_operation_ast,
)
from graphql import parse as parse_document
from graphql.validation import specified_rules, validate

from app.kernel.settings import get_settings
from graphql_schema.documents import trusted_documents
from graphql_schema.limits import MAX_TOKENS, check_document
from graphql_schema.schema import schema

_NULL = b"\\u0000"
_NULL_IN_DOCUMENT = re.compile(r"\\u\{0+\}")
"""GraphQL's own way to write the same character, which JSON does not see."""


class BadRequest(Exception):
    """The request cannot be executed; answered with a status and one GraphQL error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Invalid(Exception):
    """The document is no good; each error says where."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


@dataclass(frozen=True)
class Asked:
    document: str
    operation_name: str | None
    variables: dict[str, Any]


def read_json(text: bytes, what: str) -> Any:
    # No text column takes the null character; one check here saves one in front of every argument.
    if _NULL in text:
        raise BadRequest("BAD_REQUEST", f"{what} must not contain null characters.")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequest("BAD_JSON", f"{what} is not valid JSON.") from None


def from_json(sent: dict[str, Any]) -> Asked:
    """What the body of a request or a message of a socket asks for. Raises `BadRequest`."""
    text, trusted = sent.get("query"), sent.get("documentId")
    name, variables = sent.get("operationName"), sent.get("variables")
    if not (name is None or isinstance(name, str)) or not (variables is None or isinstance(variables, dict)):
        raise BadRequest("BAD_REQUEST", "`operationName` must be text and `variables` an object.")
    if trusted is not None:
        return Asked(trusted_text(trusted), name, variables or {})
    if isinstance(text, str) and _NULL_IN_DOCUMENT.search(text):
        raise BadRequest("BAD_REQUEST", "The document must not contain null characters.")
    if not isinstance(text, str) or not text.strip():
        raise BadRequest("BAD_REQUEST", "Send `query` with a document or `documentId` with its SHA-256.")
    if get_settings().graphql_allow == "trusted" and text not in trusted_documents().values():
        raise BadRequest("DOCUMENT_NOT_TRUSTED", "Only the mini-program's own documents are executed here.")
    return Asked(text, name, variables or {})


def trusted_text(sent: object) -> str:
    text = trusted_documents().get(sent) if isinstance(sent, str) else None
    if text is None:
        raise BadRequest("DOCUMENT_UNKNOWN", "No trusted document has this id; update the mini-program.")
    return text


@lru_cache(maxsize=500)
def _parsed(text: str) -> DocumentNode:
    return parse_document(text, max_tokens=MAX_TOKENS)


@lru_cache(maxsize=500)
def _validated(text: str) -> tuple[GraphQLError, ...]:
    secretive = get_settings().in_production
    rules = [*specified_rules, *([NoSchemaIntrospectionCustomRule] if secretive else [])]
    graph = schema._schema  # noqa: SLF001 - Strawberry has no public handle
    return tuple(validate(graph, _parsed(text), rules, hide_suggestions=secretive))


def prepare(asked: Asked) -> OperationDefinitionNode:
    """The operation that is asked for, once its document is found good. Raises `Invalid` or `BadRequest`."""
    try:
        document = _parsed(asked.document)
        check_document(document, asked.variables)
    except GraphQLError as error:
        raise Invalid([error]) from None
    errors = _validated(asked.document)
    if errors:
        raise Invalid(list(errors))
    operation = get_operation_ast(document, asked.operation_name)
    if operation is None:
        raise BadRequest("OPERATION_UNKNOWN", "`operationName` names no operation of the document.")
    return operation
