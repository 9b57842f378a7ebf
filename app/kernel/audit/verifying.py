"""Without this module the chain would be a promise nobody ever looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import timedelta

from app.kernel import clock, db
from app.kernel.audit import faults
from app.kernel.audit.chaining import last_link
from app.kernel.audit.encoding import ANCHOR_PURPOSE, COLUMNS, anchor_bytes, grouped
from app.kernel.audit.faults import Fault
from app.kernel.audit.lines import AuditAnchor
from app.kernel.audit.walk import Walk
from app.kernel.privacy import Unreadable, key_ring

Tell = Callable[[int, int], None]
"""Hears how many of how many positions are done."""

_PAGE = 2_000
_LONGEST_WAIT = timedelta(minutes=10)
_START = -(2**63)
_LINKS = f"""
    SELECT k.position, k.line_id, k.hash, {COLUMNS} FROM audit_link k LEFT JOIN audit_line l ON l.id = k.line_id
    WHERE k.position > $1 AND k.position <= $2 ORDER BY k.position LIMIT $3
"""  # noqa: S608 - column names of our own
_UNCHAINED = f"""
    SELECT {COLUMNS}, l.at NOT BETWEEN $2 AND $3 AS overdue FROM audit_line l
    LEFT JOIN audit_link k ON k.line_id = l.id WHERE l.id > $1 AND k.line_id IS NULL ORDER BY l.id LIMIT $4
"""  # noqa: S608 - the same


class Verification:
    """One look at the whole audit; `walk` has its figures when `faults` is through."""

    def __init__(self, kept: Mapping[str, str], tell: Tell = lambda _done, _of: None) -> None:
        """`kept`: hashes of anchors that somebody kept elsewhere, by day."""
        self._kept = {day: told.replace("-", "").lower() for day, told in kept.items()}
        self._tell = tell
        self.walk = Walk(key_ring())
        self.anchors = 0

    async def faults(self) -> AsyncIterator[Fault]:
        """Every fault, in the order of the chain; holds one page of lines at a time. Changes nothing."""
        # As they were written, not by day: a clock that was wrong for a night leaves an anchor of a day to come.
        anchors = await AuditAnchor.all().order_by("position", "-lines", "day")
        self.anchors = len(anchors)
        for fault in self._faults_of_anchors(anchors):
            yield fault
        async for fault in self._faults_of_links(anchors):
            yield fault
        async for fault in self._faults_of_unchained():
            yield fault

    async def _faults_of_links(self, anchors: list[AuditAnchor]) -> AsyncIterator[Fault]:
        due = defaultdict(list)
        for anchor in anchors:
            due[anchor.position].append(anchor)
        due.pop(0, None)  # of days before the first line
        end, after = (await last_link()).position, _START
        while page := await db.rows(_LINKS, after, end, _PAGE):
            for link in page:
                for fault in self.walk.step(link):
                    yield fault
                for anchor in due.pop(link["position"], []):
                    if anchor.hash != link["hash"]:
                        says = f"does not match the chain at position {anchor.position}"
                        yield faults.anchor_fault(anchor.day.isoformat(), says, anchor.position)
            after = page[-1]["position"]
            self._tell(after, end)
        for anchor in (anchor for missed in due.values() for anchor in missed):
            says = f"names position {anchor.position}, which is gone; the chain ends at {end}"
            yield faults.anchor_fault(anchor.day.isoformat(), says, anchor.position)

    async def _faults_of_unchained(self) -> AsyncIterator[Fault]:
        now, after = clock.now(), _START
        earliest, latest = now - _LONGEST_WAIT, now + _LONGEST_WAIT
        while page := await db.rows(_UNCHAINED, after, earliest, latest, _PAGE):
            for line in page:
                if self.walk.is_genuine(line) is False:
                    yield faults.line_inserted(line["id"], None)
                elif line["overdue"]:
                    yield faults.line_unchained(line["id"])
            after = page[-1]["id"]

    def _faults_of_anchors(self, anchors: list[AuditAnchor]) -> Iterator[Fault]:
        position, found = 0, {}
        for anchor in anchors:
            day = anchor.day.isoformat()
            found[day] = anchor.hash
            if not _is_ours(anchor):
                yield faults.anchor_fault(day, "is not signed by us", anchor.position)
            elif anchor.position - anchor.lines != position:
                yield faults.anchor_fault(day, "does not follow from the one before it, which was removed")
            position = anchor.position
        for day, told in self._kept.items():
            if day not in found:
                yield faults.anchor_fault(day, "was removed")
            elif found[day] != told:
                yield faults.anchor_fault(day, f"is {grouped(found[day])} here and was kept as {grouped(told)}")


def _is_ours(anchor: AuditAnchor) -> bool:
    """Whether we wrote it; with its key gone from the ring its place in the chain has to be enough."""
    signed = anchor_bytes(anchor.day, anchor.position, anchor.lines, anchor.hash)
    try:
        return key_ring().signed(ANCHOR_PURPOSE, signed, anchor.mac)
    except Unreadable:
        return True
