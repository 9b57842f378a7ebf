"""Without this module two processes could disagree on what a line says, and an honest line would look forged.

A line read back from the database must give the bytes it gave when it was written: moments are whole microseconds,
JSON has its keys in order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import orjson

MAC_PURPOSE = "audit.line"
ANCHOR_PURPOSE = "audit.anchor"
NO_HASH = "0" * 64
"""What the first link follows."""

COLUMNS = """
    l.id, trunc(extract(epoch FROM l.at) * 1000000)::text AS at, l.actor, l.act, l.subject, l.result,
    l.detail::text AS detail, l.request_id, l.person::text AS person, l.mac
"""
"""As text where a forged row could hold what Python cannot: a moment before our era, or infinity."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Written(Protocol):
    """A line that is about to be written, as a model or as a bare `Line`."""

    @property
    def id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def act(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def detail(self) -> Mapping[str, Any]: ...
    @property
    def request_id(self) -> str | None: ...
    @property
    def person(self) -> UUID | None: ...


class Line(NamedTuple):
    """The columns of a line in their order; hundreds of them are made at once, too many for models."""

    id: int
    at: datetime
    actor: str
    act: str
    subject: str
    result: str
    detail: Mapping[str, Any]
    request_id: str | None
    person: UUID | None


def canonical_of(line: Written) -> bytes:
    """The bytes of a line that is about to be written."""
    at = str((line.at - _EPOCH) // _MICROSECOND)
    person = str(line.person) if line.person else None
    words = [line.actor, line.act, line.subject, line.result]
    return _canonical([line.id, at, *words, line.detail, line.request_id, person])


def canonical(row: Mapping[str, Any]) -> bytes:
    """The bytes of a line that was read by `COLUMNS`."""
    words = [row["actor"], row["act"], row["subject"], row["result"]]
    before, after = [row["id"], row["at"], *words], [row["request_id"], row["person"]]
    try:
        return _canonical([*before, orjson.loads(row["detail"]), *after])
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # JSON that we cannot have written
        return _canonical([*before, row["detail"], *after])


def _canonical(values: list[object]) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)


def next_hash(previous: str, row: Mapping[str, Any]) -> str:
    """The hash of the link that follows `previous` and leads to the line of `row`."""
    digest = hashlib.sha256(canonical(row) + b"\n" + row["mac"].encode()).digest()
    return hashlib.sha256(bytes.fromhex(previous) + digest).hexdigest()


def anchor_bytes(day: date, position: int, lines: int, anchored: str) -> bytes:
    return orjson.dumps([day.isoformat(), position, lines, anchored])


def grouped(anchored: str) -> str:
    """A hash in groups of eight: easier to compare, and no log takes eleven digits of it for a mobile number."""
    return "-".join(anchored[start : start + 8] for start in range(0, len(anchored), 8))
