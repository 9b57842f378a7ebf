"""Without this module nobody could see who asked what, what was answered and which callbacks went out."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from integrations.sandbox.records import Records, Shelf

log = logging.getLogger("integrations.sandbox")

KEPT = 2000


@dataclass(frozen=True)
class Entry:
    """`at` is Unix seconds of the real clock; everything in it is masked already."""

    at: float
    direction: str
    provider: str
    what: str
    status: int
    verdict: str
    detail: str
    fate: str
    milliseconds: int


class Journal:
    def __init__(self, records: Records) -> None:
        self._entries = Shelf(records, "journal", Entry, keep=KEPT)
        self._written = 0

    def write(self, entry: Entry) -> None:
        self._written += 1
        self._entries.put(f"{entry.at:.6f}-{self._written}", entry)
        arrow = "→" if entry.direction == "request" else "←"
        fate = f" [{entry.fate}]" if entry.fate else ""
        log.info("%s %s %s %s %s%s", arrow, entry.provider, entry.what, entry.status or "-", entry.verdict, fate)

    def since(self, place: int) -> list[tuple[int, Entry]]:
        return self._entries.since(place)
