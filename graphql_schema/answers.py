"""Without this module a fault would be told in one way by the address and in another by the socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from app.kernel.errors import PleaseRetry, Refusal
from app.kernel.logging import current_request_id, get_logger
from app.kernel.outage import is_outage
from graphql_schema.context import Context
from graphql_schema.problems import extensions_of

_log = get_logger(__name__)
_MOST_FAULTS = 10

SORRY = {"zh": "服务出现问题,请稍后再试", "en": "Something went wrong on our side."}


def tell(error: GraphQLError, context: Context) -> dict[str, Any]:
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
            "message": SORRY[context.language],
            "path": error.path,
            "extensions": {"code": "INTERNAL_ERROR", "requestId": context.request_id},
        }
    told = dict(error.formatted)
    told["extensions"] = {"code": "BAD_VALUE", "requestId": context.request_id, **(error.extensions or {})}
    return told


def tell_faults(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """What the caller hears of a document that is not executed, or of a message that cannot be understood."""
    request_id = current_request_id() or ""
    return [
        {
            **error.formatted,
            "extensions": {"code": "DOCUMENT_INVALID", "requestId": request_id, **(error.extensions or {})},
        }
        for error in errors[:_MOST_FAULTS]
    ]
