"""Without this module GraphQL would not be reachable, or reachable by anything.

`POST /graphql` as the GraphQL-over-HTTP specification says, with `application/graphql-response+json` and the
legacy `application/json`. Queries of trusted documents also by `GET`, with an ETag. One operation a request.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from graphql import DocumentNode, GraphQLError, NoSchemaIntrospectionCustomRule, OperationType, get_operation_ast
from graphql import parse as parse_document
from graphql.validation import specified_rules, validate
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.types.graphql import OperationType as StrawberryOperationType

from app.identity.errors import SessionEnded, SwitchedOff
from app.identity.queries import actor_of
from app.kernel import db
from app.kernel.actor import ANONYMOUS
from app.kernel.errors import PleaseRetry, Refusal
from app.kernel.logging import current_request_id, get_logger
from app.kernel.metrics import OPERATIONS
from app.kernel.outage import is_outage
from app.kernel.settings import get_settings
from app.representation.errors import MandateEnded
from app.representation.queries import acting_for
from graphql_schema.context import Context
from graphql_schema.documents import trusted_documents
from graphql_schema.freshness import NEVER_KEPT, fresh_answer
from graphql_schema.limits import MAX_BODY_BYTES, MAX_TOKENS, check_document
from graphql_schema.problems import extensions_of
from graphql_schema.schema import schema

_log = get_logger(__name__)
_RESPONSE_JSON = "application/graphql-response+json"
_LEGACY_JSON = "application/json"
_ACTING_FOR = "acting-for"
"""Names the account on whose behalf a request is made, as `myMandates` gives it."""

_NULL = b"\\u0000"
_NULL_IN_DOCUMENT = re.compile(r"\\u\{0+\}")
"""GraphQL's own way to write the same character, which JSON does not see."""

_SORRY = {"zh": "服务出现问题,请稍后再试", "en": "Something went wrong on our side."}


class BadRequest(Exception):
    """The request cannot be executed; answered with a status and one GraphQL error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class _Asked:
    document: str
    operation_name: str | None
    variables: dict[str, Any]


async def graphql_endpoint(request: Request) -> Response:
    """Answer one operation; every fault is a GraphQL error with a code and the request id."""
    media_type = _media_type(request)
    begun = time.perf_counter()
    operation, outcome = "unknown", "refused"
    try:
        asked = await _read(request)
        document = _prepare(asked, get_only=request.method == "GET")
        operation = asked.operation_name or _first_name(document)
        with db.told_when_lost():
            context = await _context(request)
        answer, failed = await _execute(asked, context)
        outcome = "failed" if failed else "ok"
        return fresh_answer(request, orjson.dumps(answer), media_type, failed=failed)
    except BadRequest as bad:
        return _refused([GraphQLError(str(bad), extensions={"code": bad.code})], bad.status, media_type)
    except PleaseRetry as retry:
        told = Context(language=_language(request), request_id=current_request_id() or "")
        sentence = GraphQLError(retry.sentence(told.language), extensions=extensions_of(retry, told))
        return _refused([sentence], 503, media_type)
    except _Invalid as invalid:
        return _refused(invalid.errors, 400 if media_type == _RESPONSE_JSON else 200, media_type)
    except Exception:  # noqa: BLE001 - whatever it is, the phone hears a sentence and not a trace
        _log.exception("bug in the endpoint")
        sorry = GraphQLError(_SORRY[_language(request)], extensions={"code": "INTERNAL_ERROR"})
        return _refused([sorry], 500, media_type)
    finally:
        OPERATIONS.labels(operation, outcome).observe(time.perf_counter() - begun)


class _Invalid(Exception):
    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


def _media_type(request: Request) -> str:
    return _RESPONSE_JSON if _RESPONSE_JSON in request.headers.get("accept", "") else _LEGACY_JSON


def _language(request: Request) -> str:
    return "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "zh"


async def _read(request: Request) -> _Asked:
    if request.method == "GET":
        return _from_query(request)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _LEGACY_JSON:
        raise BadRequest("UNSUPPORTED_MEDIA_TYPE", "Send the request as application/json.", 415)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body.extend(chunk)
            if len(body) > MAX_BODY_BYTES:
                raise BadRequest("BODY_TOO_LARGE", f"The body may have at most {MAX_BODY_BYTES} bytes.", 413)
    except ClientDisconnect:
        raise BadRequest("BAD_REQUEST", "The request was cut off.") from None
    sent = _json(bytes(body), "The body")
    if not isinstance(sent, dict):
        raise BadRequest("BAD_REQUEST", "The body must be one JSON object; batches are not supported.")
    return _from_json(sent)


def _json(text: bytes, what: str) -> Any:
    # No text column takes the null character; one check here saves one in front of every argument.
    if _NULL in text:
        raise BadRequest("BAD_REQUEST", f"{what} must not contain null characters.")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequest("BAD_JSON", f"{what} is not valid JSON.") from None


def _from_json(sent: dict[str, Any]) -> _Asked:
    text, trusted = sent.get("query"), sent.get("documentId")
    name, variables = sent.get("operationName"), sent.get("variables")
    if not (name is None or isinstance(name, str)) or not (variables is None or isinstance(variables, dict)):
        raise BadRequest("BAD_REQUEST", "`operationName` must be text and `variables` an object.")
    if trusted is not None:
        return _Asked(_trusted(trusted), name, variables or {})
    if isinstance(text, str) and _NULL_IN_DOCUMENT.search(text):
        raise BadRequest("BAD_REQUEST", "The document must not contain null characters.")
    if not isinstance(text, str) or not text.strip():
        raise BadRequest("BAD_REQUEST", "Send `query` with a document or `documentId` with its SHA-256.")
    if get_settings().graphql_allow == "trusted" and text not in trusted_documents().values():
        raise BadRequest("DOCUMENT_NOT_TRUSTED", "Only the mini-program's own documents are executed here.")
    return _Asked(text, name, variables or {})


def _from_query(request: Request) -> _Asked:
    trusted = request.query_params.get("documentId")
    if trusted is None:
        raise BadRequest("METHOD_NOT_ALLOWED", "GET is for trusted documents only: send `documentId`.", 405)
    variables = _json(request.query_params.get("variables", "{}").encode(), "`variables`")
    if not isinstance(variables, dict):
        raise BadRequest("BAD_REQUEST", "`variables` must be an object.")
    return _Asked(_trusted(trusted), request.query_params.get("operationName"), variables)


def _trusted(sent: object) -> str:
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


def _prepare(asked: _Asked, *, get_only: bool) -> DocumentNode:
    try:
        document = _parsed(asked.document)
        check_document(document, asked.variables)
    except GraphQLError as error:
        raise _Invalid([error]) from None
    errors = _validated(asked.document)
    if errors:
        raise _Invalid(list(errors))
    operation = get_operation_ast(document, asked.operation_name)
    if operation is None:
        raise BadRequest("OPERATION_UNKNOWN", "`operationName` names no operation of the document.")
    if get_only and operation.operation is not OperationType.QUERY:
        raise BadRequest("METHOD_NOT_ALLOWED", "Only queries may be sent by GET.", 405)
    return document


def _first_name(document: DocumentNode) -> str:
    operation = get_operation_ast(document)
    return operation.name.value if operation and operation.name else "anonymous"


async def _context(request: Request) -> Context:
    context = Context(
        language=_language(request),
        request_id=current_request_id() or "",
        address=request.client.host if request.client else "",
    )
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        try:
            context.actor = await actor_of(token.strip())
            if principal := request.headers.get(_ACTING_FOR, "").strip():
                context.actor = await acting_for(context.actor, principal)
        except (SessionEnded, MandateEnded, SwitchedOff) as ended:
            context.actor, context.fault = ANONYMOUS, ended
    if not request.headers.get("accept-language", "").strip():
        context.language = context.actor.language or context.language
    return context


async def _execute(asked: _Asked, context: Context) -> tuple[dict[str, Any], bool]:
    result = await schema.execute(
        asked.document,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.operation_name,
        allowed_operation_types=(StrawberryOperationType.QUERY, StrawberryOperationType.MUTATION),
    )
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [_tell(error, context) for error in result.errors]
    return answer, bool(result.errors)


def _tell(error: GraphQLError, context: Context) -> dict[str, Any]:
    """What the caller hears of an error: refusals and faults of the document in full, bugs masked."""
    cause = error.original_error
    if cause is not None and is_outage(cause):  # below the entry, which would have told already
        _log.warning("the database went away", path=str(error.path), error=repr(cause))
        cause = PleaseRetry()
        error = GraphQLError(cause.sentence(context.language), path=error.path)
        error.extensions = extensions_of(cause, context)
    elif isinstance(cause, Refusal):
        error.extensions = extensions_of(cause, context)
    elif cause is not None and not isinstance(cause, GraphQLError):
        _log.error("bug in a resolver", path=str(error.path), exc_info=cause)
        return {
            "message": _SORRY[context.language],
            "path": error.path,
            "extensions": {"code": "INTERNAL_ERROR", "requestId": context.request_id},
        }
    told = dict(error.formatted)
    told["extensions"] = {"code": "BAD_VALUE", "requestId": context.request_id, **(error.extensions or {})}
    return told


def _refused(errors: list[GraphQLError], status: int, media_type: str) -> Response:
    request_id = current_request_id() or ""
    told = [
        {
            **error.formatted,
            "extensions": {"code": "DOCUMENT_INVALID", "requestId": request_id, **(error.extensions or {})},
        }
        for error in errors[:10]
    ]
    return Response(orjson.dumps({"errors": told}), status, headers=NEVER_KEPT, media_type=media_type)
