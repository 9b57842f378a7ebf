"""Without this module GraphQL would not be reachable, or reachable by anything.

`POST /graphql` as the GraphQL-over-HTTP specification says, with `application/graphql-response+json` and the
legacy `application/json`. Queries of trusted documents also by `GET`, with an ETag. One operation a request.
"""

from __future__ import annotations

import time
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.types.graphql import OperationType as StrawberryOperationType

from app.identity.errors import SessionEnded, SwitchedOff
from app.kernel import db
from app.kernel.actor import ANONYMOUS
from app.kernel.errors import PleaseRetry
from app.kernel.logging import current_request_id, get_logger
from app.kernel.metrics import OPERATIONS
from app.representation.errors import MandateEnded
from graphql_schema.answers import SORRY, tell, tell_faults
from graphql_schema.asked import Asked, BadRequest, Invalid, from_json, prepare, read_json, trusted_text
from graphql_schema.callers import caller
from graphql_schema.context import Context, language_of
from graphql_schema.freshness import NEVER_KEPT, fresh_answer
from graphql_schema.guards import as_error
from graphql_schema.limits import MAX_BODY_BYTES
from graphql_schema.schema import schema

_log = get_logger(__name__)
_RESPONSE_JSON = "application/graphql-response+json"
_LEGACY_JSON = "application/json"
_ACTING_FOR = "acting-for"
"""Names the account on whose behalf a request is made, as `myMandates` gives it."""


async def graphql_endpoint(request: Request) -> Response:
    """Answer one operation; every fault is a GraphQL error with a code and the request id."""
    media_type = _media_type(request)
    begun = time.perf_counter()
    operation, outcome = "unknown", "refused"
    try:
        asked = await _read(request)
        wanted = prepare(asked)
        _check_place(wanted, request.method)
        operation = wanted.name.value if wanted.name else "anonymous"
        with db.told_when_lost():
            context = await _context(request)
        answer, failed = await _execute(asked, context)
        outcome = "failed" if failed else "ok"
        return fresh_answer(request, orjson.dumps(answer), media_type, failed=failed)
    except BadRequest as bad:
        return _refused([GraphQLError(str(bad), extensions={"code": bad.code})], bad.status, media_type)
    except PleaseRetry as retry:
        told = Context(language=_language(request), request_id=current_request_id() or "")
        return _refused([as_error(retry, told)], 503, media_type)
    except Invalid as invalid:
        return _refused(invalid.errors, 400 if media_type == _RESPONSE_JSON else 200, media_type)
    except Exception:  # noqa: BLE001 - whatever it is, the phone hears a sentence and not a trace
        _log.exception("bug in the endpoint")
        sorry = GraphQLError(SORRY[_language(request)], extensions={"code": "INTERNAL_ERROR"})
        return _refused([sorry], 500, media_type)
    finally:
        OPERATIONS.labels(operation, outcome).observe(time.perf_counter() - begun)


def _check_place(operation: OperationDefinitionNode, method: str) -> None:
    if operation.operation is OperationType.SUBSCRIPTION:
        raise BadRequest("SUBSCRIPTION_BY_SOCKET", "Subscriptions go over a socket, by graphql-transport-ws.", 405)
    if method == "GET" and operation.operation is not OperationType.QUERY:
        raise BadRequest("METHOD_NOT_ALLOWED", "Only queries may be sent by GET.", 405)


def _media_type(request: Request) -> str:
    return _RESPONSE_JSON if _RESPONSE_JSON in request.headers.get("accept", "") else _LEGACY_JSON


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


async def _read(request: Request) -> Asked:
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
    sent = read_json(bytes(body), "The body")
    if not isinstance(sent, dict):
        raise BadRequest("BAD_REQUEST", "The body must be one JSON object; batches are not supported.")
    return from_json(sent)


def _from_query(request: Request) -> Asked:
    trusted = request.query_params.get("documentId")
    if trusted is None:
        raise BadRequest("METHOD_NOT_ALLOWED", "GET is for trusted documents only: send `documentId`.", 405)
    variables = read_json(request.query_params.get("variables", "{}").encode(), "`variables`")
    if not isinstance(variables, dict):
        raise BadRequest("BAD_REQUEST", "`variables` must be an object.")
    return Asked(trusted_text(trusted), request.query_params.get("operationName"), variables)


async def _context(request: Request) -> Context:
    context = Context(
        language=_language(request),
        request_id=current_request_id() or "",
        address=request.client.host if request.client else "",
    )
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        try:
            context.actor = await caller(token.strip(), request.headers.get(_ACTING_FOR, "").strip())
        except (SessionEnded, MandateEnded, SwitchedOff) as ended:
            context.actor, context.fault = ANONYMOUS, ended
    if not request.headers.get("accept-language", "").strip():
        context.language = context.actor.language or context.language
    return context


async def _execute(asked: Asked, context: Context) -> tuple[dict[str, Any], bool]:
    result = await schema.execute(
        asked.document,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.operation_name,
        allowed_operation_types=(StrawberryOperationType.QUERY, StrawberryOperationType.MUTATION),
    )
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [tell(error, context) for error in result.errors]
    return answer, bool(result.errors)


def _refused(errors: list[GraphQLError], status: int, media_type: str) -> Response:
    told = orjson.dumps({"errors": tell_faults(errors)})
    return Response(told, status, headers=NEVER_KEPT, media_type=media_type)
