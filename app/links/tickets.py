"""Without this module a link would name a thing by an id that anybody could put another in place of.

A ticket is kind, id and a part of an HMAC: 24 bytes, so 32 characters of base64url, which is all that the `scene` of a
mini-program code holds (protocols/wechat.md 5.1). It gives no right: who may see the thing is asked when it is opened.
"""

from __future__ import annotations

import base64
import hmac
from uuid import UUID

from app.kernel.settings import get_settings
from app.kernel.signing import secret_of
from app.links.errors import LinkInvalid
from app.links.things import LinkKind, Thing

_MARKS = {
    LinkKind.CASE: b"\x01",
    LinkKind.BOOKING: b"\x02",
    LinkKind.TICKET: b"\x03",
    LinkKind.BILL: b"\x04",
    LinkKind.PARCEL: b"\x05",
}
"""For good: tickets are in messages people keep."""

LINK_VALUES = frozenset({"link", "link_ticket"})
"""What `link_values` gives: worth nothing when a part of it is missing."""

_KINDS = {mark: kind for kind, mark in _MARKS.items()}
_PURPOSE = "link-ticket"
_BODY_BYTES, _SEAL_BYTES = 17, 7


def ticket_of(thing: Thing) -> str:
    """32 characters that are the same each time, in every process with our secret."""
    body = _MARKS[thing.kind] + thing.id.bytes
    return base64.urlsafe_b64encode(body + _seal(body)).decode()


def read_ticket(ticket: str) -> Thing:
    """What a ticket names. Raises `LinkInvalid` for one that was not made here."""
    raw = _raw(ticket)
    body, seal = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
    kind = _KINDS.get(body[:1])
    if kind is None or len(body) < _BODY_BYTES or not hmac.compare_digest(seal, _seal(body)):
        raise LinkInvalid(given=ticket)
    return Thing(kind, UUID(bytes=body[1:]))


def link_to(thing: Thing) -> str:
    """The address that opens a thing in the app, for messages and for others to send."""
    return f"{_address()}/l/{ticket_of(thing)}"


def code_of(thing: Thing) -> str:
    """The address of the picture that opens it when it is scanned."""
    return f"{link_to(thing)}/code"


def link_values(thing: Thing | None) -> dict[str, str]:
    """The link as a message carries it, and its last part for gateways that keep the address in their sentence; of
    nothing an example of the same length.
    """
    ticket = ticket_of(thing) if thing else "AZs5kQ0N" * 4
    return {"link": f"{_address()}/l/{ticket}", "link_ticket": ticket}


def _address() -> str:
    return get_settings().public_url.rstrip("/")


def _seal(body: bytes) -> bytes:
    return secret_of(_PURPOSE, body)[:_SEAL_BYTES]


def _raw(ticket: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(ticket.encode("ascii"))
    except ValueError:
        raw = b""
    # base64 passes over what is none of its characters: without this a ticket could be written in many ways
    if base64.urlsafe_b64encode(raw).decode() != ticket:
        raise LinkInvalid(given=ticket)
    return raw
