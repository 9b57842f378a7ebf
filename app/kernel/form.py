"""Without this module each document that we print would load the font and fit its words in its own way."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fpdf import FPDF
from fpdf.fonts import TTFFont

from app.kernel.type_face import cut_out, printable, take_as_it_is

ROW = 8.0
"""Height of a line, in millimetres."""


class Form(FPDF):
    """A document in Chinese that is laid out by the millimetre and carries only the letters it needs of the font."""

    smallest = 5.0
    """In points: a text that does not fit its place even so runs over."""

    def __init__(self, size: tuple[float, float], margin: float, title: str, made_at: datetime, said: str) -> None:
        """`said` has every letter that the document will need, in any order."""
        super().__init__(format=size)
        self.set_auto_page_break(auto=False)
        self.set_margin(margin)
        self.set_title(title)
        self.set_lang("zh-CN")
        self.set_creation_date(made_at)
        self._use_letters_of(said)

    def _use_letters_of(self, said: str) -> None:
        """fpdf2 would read the whole font each time."""
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
        while self.get_string_width(text) > width - 2 and size > self.smallest:
            size -= 0.5
            self.set_font_size(size)
        self.set_xy(x, y)
        self.cell(width, ROW, text, align=align)
