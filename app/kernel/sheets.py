"""Without this module a table for office programs could run what somebody typed into it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

Cell = str | int | float | Decimal | None

_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def sheet_of(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as RFC 4180 says, with the mark by which office programs know UTF-8, and no cell that is a formula."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(headings)
    lines.writerows([_shown(cell) for cell in row] for row in rows)
    return _BOM + text.getvalue()


def _shown(cell: Cell) -> str:
    """Text that a spreadsheet would calculate is shown with an apostrophe before it."""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return "" if cell is None else str(cell)
