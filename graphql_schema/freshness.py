"""Without this module a phone that asks every few seconds would be sent the same answer each time.

Trusted queries asked by `GET` are answered with a validator of the exact bytes (RFC 9110, section 8.8.3). Whoever
sends it back hears 304 and nothing else while nothing moved.
"""

from __future__ import annotations

import base64
import hashlib

from starlette.requests import Request
from starlette.responses import Response

VARY = "Accept, Accept-Language, Authorization, Acting-For"
"""The headers an answer may depend on: its form, its words, who asks and for whom."""

PRIVATE = "private, no-cache"
"""Kept by the one who asked, and never used without asking again."""

PUBLIC = "public, max-age=2"
"""Nobody's token went into it, so it is anybody's for two seconds, also in a cache in between."""

NEVER_KEPT = {"cache-control": "no-store"}


def fresh_answer(request: Request, body: bytes, media_type: str, *, failed: bool) -> Response:
    """An executed operation as an answer; by `GET` with a validator, or 304 for who has exactly this already.

    What failed, even in part, carries the id of its request and is not kept by anybody.
    """
    if request.method != "GET":
        return Response(body, 200, media_type=media_type)
    if failed:
        return Response(body, 200, headers={**NEVER_KEPT, "vary": VARY}, media_type=media_type)
    tag = etag(body, media_type)
    headers = {
        "etag": tag,
        "cache-control": PRIVATE if "authorization" in request.headers else PUBLIC,
        "vary": VARY,
    }
    if is_known(tag, request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers=headers, media_type=media_type)


def etag(body: bytes, media_type: str) -> str:
    """A strong validator: equal exactly when every byte and the form are."""
    digest = hashlib.blake2b(body, digest_size=15, person=media_type.encode()[-16:]).digest()
    return f'"{base64.urlsafe_b64encode(digest).decode()}"'


def is_known(tag: str, sent: list[str]) -> bool:
    """Whether an `If-None-Match` names a validator, compared weakly: a proxy that compresses marks ours `W/`."""
    named = [one.strip().removeprefix("W/") for header in sent for one in header.split(",")]
    return tag in named or "*" in named
