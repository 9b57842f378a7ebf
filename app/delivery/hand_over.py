"""Without this module the courier would sign for a pile. One sheet lists what is handed over, and both sides sign it.

Runs in a thread: it computes for a tenth of a second and awaits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fpdf import FPDF
from fpdf.fonts import TTFFont

from app.kernel.clock import local
from app.kernel.type_face import cut_out, printable, take_as_it_is

_WIDTH, _HEIGHT, _MARGIN, _ROW = 210.0, 297.0, 12.0, 8.0
_COLUMNS = (
    ("序号", 12.0, "C"),
    ("运单号", 50.0, "L"),
    ("办件编号", 62.0, "L"),
    ("付费", 22.0, "C"),
    ("备注", 40.0, "L"),
)
_EVERYWHERE = "寄件交接单承运商第页共件寄出单位制表时间交件人签字收件快递员日期: /-0123456789"
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


class _Paper(FPDF):
    def __init__(self, sheet: HandOverSheet) -> None:
        super().__init__(format=(_WIDTH, _HEIGHT))
        self.sheet = sheet
        self.set_auto_page_break(auto=False)
        self.set_margin(_MARGIN)
        self.set_title("寄件交接单")
        self.set_lang("zh-CN")
        self.set_creation_date(sheet.made_at)
        self._load_font()

    def _load_font(self) -> None:
        said = "".join(map(str, (vars(self.sheet), _COLUMNS))) + _EVERYWHERE
        with TemporaryDirectory() as folder:
            file = Path(folder, "serif.otf")
            file.write_bytes(cut_out(printable(said)))
            self.add_font("serif", fname=file)
            font = self.fonts["serif"]
            assert isinstance(font, TTFFont)
            take_as_it_is(font.ttfont)
        self.set_font("serif", size=10)

    def say(self, x: float, y: float, width: float, text: str, size: float = 10, align: str = "L") -> None:
        """One line of text, made smaller until it fits."""
        text = printable(text)
        self.set_font_size(size)
        while self.get_string_width(text) > width - 2 and size > 4:
            size -= 0.5
            self.set_font_size(size)
        self.set_xy(x, y)
        self.cell(width, _ROW, text, align=align)

    def head(self, page: int, pages: int) -> None:
        inner = _WIDTH - 2 * _MARGIN
        self.say(_MARGIN, 12, inner, "寄件交接单", 18, "C")
        self.say(_MARGIN, 24, 90, f"承运商: {self.sheet.carrier}")
        self.say(_MARGIN + 96, 24, 90, f"共{len(self.sheet.lines)}件 第{page}/{pages}页", align="R")
        self.say(_MARGIN, 31, 90, f"寄出单位: {self.sheet.unit}")
        self.say(_MARGIN + 96, 31, 90, f"制表时间: {local(self.sheet.made_at):%Y-%m-%d %H:%M}", align="R")

    def rows_of(self, start: int, lines: Sequence[SheetLine]) -> None:
        self._row(40, [label for label, _, _ in _COLUMNS])
        for place, line in enumerate(lines):
            cells = [str(start + place + 1), line.number, " ".join(line.cases), line.payer, line.remark]
            self._row(40 + _ROW * (place + 1), cells)

    def _row(self, y: float, cells: Sequence[str]) -> None:
        x = _MARGIN
        for text, (_, width, align) in zip(cells, _COLUMNS, strict=True):
            self.rect(x, y, width, _ROW)
            self.say(x, y, width, text, 9.5, align)
            x += width

    def foot(self) -> None:
        y = _HEIGHT - 30
        self.say(_MARGIN, y, 90, "交件人签字:")
        self.say(_MARGIN + 96, y, 90, "收件快递员签字:")
        self.say(_MARGIN, y + 9, 90, "日期:")
        self.say(_MARGIN + 96, y + 9, 90, "日期:")
