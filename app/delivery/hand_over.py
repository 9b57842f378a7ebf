"""Without this module the courier would sign for a pile. One sheet lists what is handed over, and both sides sign it.

Runs in a thread: it computes for a tenth of a second and awaits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.kernel.clock import local
from app.kernel.form import ROW, Form

_WIDTH, _HEIGHT, _MARGIN = 210.0, 297.0, 12.0
_COLUMNS = (
    ("序号", 12.0, "C"),
    ("运单号", 50.0, "L"),
    ("办件编号", 62.0, "L"),
    ("付费", 22.0, "C"),
    ("备注", 40.0, "L"),
)
_EVERYWHERE = "结果寄送交接单承运商第页共件寄出单位制表时间交件人签字收件快递员日期: /-0123456789"
_ROWS_A_PAGE = 26


@dataclass(frozen=True)
class SheetLine:
    """One parcel: no name and no address, those are on its label."""

    number: str
    cases: Sequence[str]
    payer: str
    remark: str


@dataclass(frozen=True)
class HandOverSheet:
    carrier: str
    unit: str
    made_at: datetime
    lines: Sequence[SheetLine]


def draw(sheet: HandOverSheet) -> bytes:
    """As many pages as are needed, with only the letters they need of the font."""
    paper = _Paper(sheet)
    pages = range(0, len(sheet.lines), _ROWS_A_PAGE)
    for page, start in enumerate(pages, start=1):
        paper.add_page()
        paper.head(page, len(pages))
        paper.rows_of(start, sheet.lines[start : start + _ROWS_A_PAGE])
        paper.foot()
    return bytes(paper.output())


class _Paper(Form):
    smallest = 4.0

    def __init__(self, sheet: HandOverSheet) -> None:
        self.sheet = sheet
        said = "".join(map(str, (vars(sheet), _COLUMNS, _EVERYWHERE)))
        super().__init__((_WIDTH, _HEIGHT), _MARGIN, "结果寄送交接单", sheet.made_at, said)

    def head(self, page: int, pages: int) -> None:
        inner = _WIDTH - 2 * _MARGIN
        self.say(_MARGIN, 12, inner, "结果寄送交接单", 18, "C")
        self.say(_MARGIN, 24, 90, f"承运商: {self.sheet.carrier}")
        self.say(_MARGIN + 96, 24, 90, f"共{len(self.sheet.lines)}件 第{page}/{pages}页", align="R")
        self.say(_MARGIN, 31, 90, f"寄出单位: {self.sheet.unit}")
        self.say(_MARGIN + 96, 31, 90, f"制表时间: {local(self.sheet.made_at):%Y-%m-%d %H:%M}", align="R")

    def rows_of(self, start: int, lines: Sequence[SheetLine]) -> None:
        self._row(40, [label for label, _, _ in _COLUMNS])
        for place, line in enumerate(lines):
            cells = [str(start + place + 1), line.number, " ".join(line.cases), line.payer, line.remark]
            self._row(40 + ROW * (place + 1), cells)

    def _row(self, y: float, cells: Sequence[str]) -> None:
        x = _MARGIN
        for text, (_, width, align) in zip(cells, _COLUMNS, strict=True):
            self.rect(x, y, width, ROW)
            self.say(x, y, width, text, 9.5, align)
            x += width

    def foot(self) -> None:
        y = _HEIGHT - 30
        self.say(_MARGIN, y, 90, "交件人签字:")
        self.say(_MARGIN + 96, y, 90, "收件快递员签字:")
        self.say(_MARGIN, y + 9, 90, "日期:")
        self.say(_MARGIN + 96, y + 9, 90, "日期:")
