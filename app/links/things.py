"""Without this module messages and links would each have their own idea of the page that shows a case."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class LinkKind(StrEnum):
    CASE = "CASE"
    BOOKING = "BOOKING"
    TICKET = "TICKET"
    BILL = "BILL"
    PARCEL = "PARCEL"


_PAGES = {
    LinkKind.CASE: "pages/case/detail",
    LinkKind.BOOKING: "pages/booking/detail",
    LinkKind.TICKET: "pages/ticket/detail",
    LinkKind.BILL: "pages/bill/detail",
    LinkKind.PARCEL: "pages/parcel/detail",
}


@dataclass(frozen=True)
class Thing:
    """One of the things that have a page of their own in the mini-program."""

    kind: LinkKind
    id: UUID

    @property
    def subject(self) -> str:
        """As messages name it: `case:<id>`."""
        return f"{self.kind.value.lower()}:{self.id}"

    @property
    def page(self) -> str:
        """Path and query inside the mini-program."""
        return f"{_PAGES[self.kind]}?id={self.id}"
