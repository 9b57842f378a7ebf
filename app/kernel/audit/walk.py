"""Without this module the chain would be written and nobody could tell from it who was at the table.

Pure: links and lines in, faults out. One position at a time, so that a million lines need no memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from app.kernel.audit import faults
from app.kernel.audit.encoding import MAC_PURPOSE, NO_HASH, canonical, next_hash
from app.kernel.audit.faults import Fault
from app.kernel.privacy import KeyRing, Unreadable


class Walk:
    """A walk along the chain from its first link; `of_lost_keys` counts what no MAC can be checked of."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._before: frozenset[str] | None = frozenset({NO_HASH})
        self.position = 0
        self.lines = 0
        self.unsigned = 0
        self.of_lost_keys: Counter[str] = Counter()
        self.signing_begun = False

    def step(self, link: Mapping[str, Any]) -> Iterator[Fault]:
        """Take the next link, joined with its line; gives what is wrong with either."""
        position, line_id, told = link["position"], link["line_id"], link["hash"]
        if position <= self.position:
            yield faults.link_broken(line_id, position)
            return
        if position != self.position + 1:
            yield faults.links_removed(self.position + 1, position - 1)
            self._before = None  # what it follows is not there to be compared with
        self.position = position
        if link["id"] is None:
            yield faults.line_removed(line_id, position)
            self._before = frozenset({told})
            return
        self.lines += 1
        genuine = self.is_genuine(link)
        follows = self._follows(link)
        if genuine is False:
            yield (faults.line_inserted if follows else faults.line_changed)(line_id, position)
        elif not follows:
            yield (faults.line_changed if genuine is None else faults.link_broken)(line_id, position)

    def is_genuine(self, line: Mapping[str, Any]) -> bool | None:
        """Whether we wrote this line, by its MAC; None when that cannot be known and may be."""
        if not line["mac"]:
            # Lines older than the chain have no MAC; after the first that has one, none is without.
            self.unsigned += not self.signing_begun
            return False if self.signing_begun else None
        self.signing_begun = True
        try:
            return self._ring.signed(MAC_PURPOSE, canonical(line), line["mac"])
        except Unreadable:
            self.of_lost_keys[line["mac"].partition(".")[0]] += 1
            return None

    def _follows(self, link: Mapping[str, Any]) -> bool:
        """Whether the link's hash follows; the next may follow from what is told or from what should be told."""
        told = link["hash"]
        if self._before is None:
            self._before = frozenset({told})
            return True
        due = {next_hash(previous, link) for previous in self._before if _is_hash(previous)}
        self._before = frozenset({told, *due})
        return told in due


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)
