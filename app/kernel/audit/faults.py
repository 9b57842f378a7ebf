"""Without this module a broken chain would be an exception, and not a list of what was done to which line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    CHANGED = "CHANGED"
    REMOVED = "REMOVED"
    INSERTED = "INSERTED"
    UNCHAINED = "UNCHAINED"
    LINKS_REMOVED = "LINKS_REMOVED"
    LINK_BROKEN = "LINK_BROKEN"
    ANCHOR = "ANCHOR"


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was written: which line, which place, and a sentence."""

    kind: FaultKind
    sentence: str
    line_id: int | None = None
    position: int | None = None


def line_changed(line_id: int, position: int) -> Fault:
    return Fault(FaultKind.CHANGED, f"line {line_id} (position {position}) was changed", line_id, position)


def line_removed(line_id: int, position: int) -> Fault:
    return Fault(FaultKind.REMOVED, f"line {line_id} (position {position}) was removed", line_id, position)


def line_inserted(line_id: int, position: int | None) -> Fault:
    where = f"position {position}" if position else "not chained"
    sentence = f"line {line_id} ({where}) is not signed by us: inserted, or changed before it was chained"
    return Fault(FaultKind.INSERTED, sentence, line_id, position)


def line_unchained(line_id: int) -> Fault:
    sentence = f"line {line_id} is ours but not in the chain: its link was removed, or no worker chains"
    return Fault(FaultKind.UNCHAINED, sentence, line_id)


def links_removed(first: int, last: int) -> Fault:
    places = f"position {first}" if first == last else f"positions {first} to {last}"
    return Fault(FaultKind.LINKS_REMOVED, f"the links at {places} were removed", position=first)


def link_broken(line_id: int, position: int) -> Fault:
    sentence = f"the link at position {position}, to line {line_id}, does not follow from the one before it"
    return Fault(FaultKind.LINK_BROKEN, sentence, line_id, position)


def anchor_fault(day: str, sentence: str, position: int | None = None) -> Fault:
    return Fault(FaultKind.ANCHOR, f"the anchor of {day} {sentence}", position=position)
