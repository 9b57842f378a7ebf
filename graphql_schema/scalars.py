"""Without this module moments would be told in UTC and broken ids would be bugs instead of refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from typing import NewType, cast
from uuid import UUID

import strawberry
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.str_converters import to_camel_case

from app.kernel.clock import SHANGHAI
from app.kernel.errors import NotFound

_YEARS = range(1900, 2200)
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,58}")
_CHANNEL = re.compile(r"[a-z0-9_-]{1,30}")


def _tell(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _hear(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError("a moment is text such as 2026-11-27T09:00:00+08:00") from None
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset, such as +08:00")
    if moment.year not in _YEARS:  # at the ends of the calendar there is no other time zone
        raise ValueError(f"a moment lies in one of the years {_YEARS.start} to {_YEARS.stop - 1}")
    return moment.astimezone(UTC)


MOMENT: ScalarDefinition = strawberry.scalar(
    name="DateTime",
    description="A moment with its offset; told in Asia/Shanghai, heard with any offset.",
    serialize=_tell,
    parse_value=_hear,
)


def _hear_day(text: object) -> date:
    try:
        day = date.fromisoformat(cast("str", text))
    except (TypeError, ValueError):
        raise ValueError("a day is text such as 2026-11-27") from None
    if day.year not in _YEARS:  # at the ends of the calendar there is no day before or after
        raise ValueError(f"a day lies in one of the years {_YEARS.start} to {_YEARS.stop - 1}")
    return day


DAY: ScalarDefinition = strawberry.scalar(
    name="Date",
    description="A day of the hall's calendar, as 2026-11-27.",
    serialize=date.isoformat,
    parse_value=_hear_day,
)


def as_uuid(given: strawberry.ID) -> UUID:
    """The key behind an opaque id. What was never one of ours does not exist: raises `NotFound`."""
    try:
        return UUID(given)
    except ValueError:
        raise NotFound(what_zh="对应的记录", what_en="record", given=given) from None


def as_key(given: str) -> str:
    """The key of an item or a service point. What cannot be one does not exist: raises `NotFound`."""
    if not _KEY.fullmatch(given):
        raise NotFound(what_zh="对应的记录", what_en="record", given=given)
    return given


def argument_with(given: object, arguments: Mapping[str, object]) -> str | None:
    """Where something refused stood among the arguments, such as `items.caseId`: whoever reads an id cannot know."""
    return next((path for path, value in _values(arguments, ()) if value == given), None)


def _values(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _values(inner, (*path, to_camel_case(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, path)
    else:
        yield ".".join(path), value


def as_channel(given: str) -> str:
    """The code of a payment channel. What cannot be one does not exist: raises `NotFound`."""
    if not _CHANNEL.fullmatch(given):
        raise NotFound(what_zh="这个支付渠道", what_en="payment channel", field="channel")
    return given


FenSum = NewType("FenSum", int)
"""A sum of money in fen: a year of a city does not fit into 32 bits."""

_MOST_FEN = 2**53


def _hear_fen(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or abs(given) > _MOST_FEN:
        raise ValueError("a sum is a whole number of fen")
    return given


FEN_SUM: ScalarDefinition = strawberry.scalar(
    name="FenSum",
    description="A whole number of fen, which may be larger than 32 bits.",
    serialize=int,
    parse_value=_hear_fen,
)
