"""Without this module a receipt would be a row in a table. What its document says, and how it looks. Amounts in fen.

Runs in a thread: it computes for a tenth of a second and awaits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from math import cos, radians, sin

import segno

from app.kernel.clock import local
from app.kernel.form import ROW, Form
from app.kernel.money import Fen, yuan
from app.kernel.type_face import printable
from app.payments.receipts.capitals import in_capitals
from app.payments.receipts.rules import ReceiptLine
from app.payments.words import ReceiptKind

_WIDTH, _MARGIN = 210.0, 12.0
_INNER = _WIDTH - 2 * _MARGIN
_LEAST_ROWS = 4
_RED, _INK, _GREY = (190, 30, 30), (25, 25, 25), (110, 110, 110)
_TITLES = {ReceiptKind.FISCAL: "非税收入统一票据(电子)", ReceiptKind.PLAIN: "缴 费 凭 据"}
_NOT_FISCAL = "非财政票据"
_CHECK = "扫描左上角二维码,或凭票据代码、号码和校验码,可随时查验真伪和状态。"
_NOTES = {
    ReceiptKind.FISCAL: "本件为财政电子票据的展示件。" + _CHECK,
    ReceiptKind.PLAIN: "本凭据为非财政票据,仅证明缴费事实,不能代替财政票据报销入账。" + _CHECK,
}
_COLUMNS = (("项目编码", 30.0, "C"), ("项目名称", 76.0, "L"), ("数量", 16.0, "C"), ("标准(元)", 30.0, "R"))
_AMOUNT = ("金额(元)", _INNER - sum(width for _, width, _ in _COLUMNS), "R")


@dataclass(frozen=True)
class Paper:
    """Everything a receipt says. The payer by name and by nothing else: no number, no address, no account."""

    kind: ReceiptKind
    code: str
    number: str
    check_code: str
    issued_at: datetime
    payer: str
    unit: str
    payment_code: str
    paid_at: datetime
    lines: Sequence[ReceiptLine]
    total_fen: int
    remark: str
    verify_url: str

    @property
    def name(self) -> str:
        return f"{self.code}-{self.number}"


def draw(paper: Paper) -> bytes:
    """The unsigned document: one page, with only the letters it needs of the font."""
    page = _Page(paper)
    page.head()
    page.parties()
    page.items()
    page.foot()
    page.stamp()
    return page.done()


class _Page(Form):
    def __init__(self, paper: Paper) -> None:
        self.paper, self.rows = paper, max(len(paper.lines), _LEAST_ROWS)
        said = (vars(paper), *paper.lines, *_TITLES.values(), *_NOTES.values(), *_COLUMNS, _AMOUNT, _EVERYWHERE)
        super().__init__(
            (_WIDTH, 104.0 + ROW * self.rows),
            _MARGIN,
            f"{_TITLES[paper.kind].replace(' ', '')} {paper.name}",
            paper.issued_at,
            "".join(map(str, (*said, in_capitals(paper.total_fen)))),
        )
        self.set_author(paper.unit)
        self.add_page()

    def head(self) -> None:
        self.set_text_color(_RED)
        self.say(_MARGIN + 36, 11, _INNER - 72, _TITLES[self.paper.kind], 22, "C")
        self.set_draw_color(_RED)
        self.set_line_width(0.4)
        self.line(_WIDTH / 2 - 42, 21.5, _WIDTH / 2 + 42, 21.5)
        self.line(_WIDTH / 2 - 42, 22.5, _WIDTH / 2 + 42, 22.5)
        if self.paper.kind is ReceiptKind.PLAIN:
            self.rect(_WIDTH - _MARGIN - 36, 11.5, 36, 10)
            self.say(_WIDTH - _MARGIN - 36, 12.5, 36, _NOT_FISCAL, 15, "C")
        code = segno.make(self.paper.verify_url, error="m", micro=False)
        picture = BytesIO()
        code.save(picture, kind="png", scale=6, border=1)
        self.image(picture, _MARGIN, 8, 26, 26)
        self.set_text_color(_INK)

    def parties(self) -> None:
        paper = self.paper
        left = (("票据代码", paper.code), ("交款人", paper.payer), ("缴款码", paper.payment_code))
        right = (
            ("票据号码", paper.number),
            ("校验码", paper.check_code),
            ("开票日期", f"{local(paper.issued_at):%Y年%m月%d日}"),
        )
        for column, x in ((left, _MARGIN + 30), (right, _MARGIN + 122)):
            for row, (label, value) in enumerate(column):
                y = 24 + row * 6.5
                self.set_text_color(_RED)
                self.say(x, y, 20, f"{label}:", 9.5)
                self.set_text_color(_INK)
                self.say(x + 19, y, 74 if x < 100 else 46, value)

    def items(self) -> None:
        top, columns = 46.0, (*_COLUMNS, _AMOUNT)
        self.set_draw_color(_RED)
        self.set_line_width(0.25)
        x = _MARGIN
        for label, width, _ in columns:
            self.rect(x, top, width, ROW * (self.rows + 1))
            self.set_text_color(_RED)
            self.say(x, top, width, label, 9.5, "C")
            x += width
        self.line(_MARGIN, top + ROW, _MARGIN + _INNER, top + ROW)
        self.set_text_color(_INK)
        for row, line in enumerate(self.paper.lines):
            cells = (line.code, line.name, str(line.quantity), _money(line.standard_fen), _money(line.amount_fen))
            x = _MARGIN
            for text, (_, width, align) in zip(cells, columns, strict=True):
                self.say(x, top + ROW * (row + 1), width, text, 10, align)
                x += width

    def foot(self) -> None:
        y = 46.0 + ROW * (self.rows + 1)
        self.rect(_MARGIN, y, _INNER, ROW)
        self._labelled(_MARGIN, y, 36, "金额合计(大写)", in_capitals(self.paper.total_fen), 92)
        self._labelled(_MARGIN + 132, y, 16, "(小写)", f"¥{_money(self.paper.total_fen)}", 38)
        self.rect(_MARGIN, y + ROW, _INNER, 2 * ROW)
        self._labelled(_MARGIN, y + ROW, 24, "缴费时间", f"{local(self.paper.paid_at):%Y-%m-%d %H:%M:%S}", 100)
        self._labelled(_MARGIN, y + 2 * ROW, 24, "备注", self.paper.remark or "无", 104)
        self._labelled(_MARGIN, y + 3.2 * ROW, 24, "收款单位", self.paper.unit, 104)
        self.set_text_color(_GREY)
        self.set_xy(_MARGIN, y + 4.3 * ROW)
        self.set_font_size(7.5)
        self.multi_cell(_INNER - 46, 4, _NOTES[self.paper.kind] + _SIGNED, align="L")

    def _labelled(self, x: float, y: float, width: float, label: str, value: str, room: float) -> None:
        self.set_text_color(_RED)
        self.say(x, y, width, label, 9.5)
        self.set_text_color(_INK)
        self.say(x + width, y, room, value)

    def stamp(self) -> None:
        """A round stamp that says "received", by whom and when. It copies no seal: what proves is the signature."""
        radius, x, y = 16.0, _WIDTH - _MARGIN - 24, 46.0 + ROW * (self.rows + 4.5)
        self.set_draw_color(_RED)
        self.set_text_color(_RED)
        self.set_line_width(0.9)
        with self.local_context(fill_opacity=0.82, stroke_opacity=0.82):
            self.circle(x, y, radius)
            self._around(x, y, radius - 3.4, printable(self.paper.unit))
            self.set_line_width(0.3)
            self.say(x - radius, y - 5.5, 2 * radius, "电子收讫", 13, "C")
            self.say(x - radius, y + 1.5, 2 * radius, f"{local(self.paper.paid_at):%Y-%m-%d}", 8.5, "C")

    def _around(self, x: float, y: float, radius: float, text: str) -> None:
        """Letters along the upper arc, closer together the more there are."""
        step = min(24.0, 290.0 / max(len(text), 1))
        size = max(4.5, min(10.0, step * radius * 0.0174533 * 2.835 * 0.92))
        self.set_font_size(size)
        for place, letter in enumerate(text):
            angle = (place - (len(text) - 1) / 2) * step
            middle_x, middle_y = x + radius * sin(radians(angle)), y - radius * cos(radians(angle))
            with self.rotation(-angle, middle_x, middle_y):
                self.set_xy(middle_x - 5, middle_y - 5)
                self.cell(10, 10, letter, align="C")

    def done(self) -> bytes:
        return bytes(self.output())


_SIGNED = "本件带有数字签名,任何改动都会使签名失效。"
_EVERYWHERE = (
    "0123456789.,¥:-年月日票据代码号校验开日期交款人缴金额合计大写小写()时间备注无收单位电子收讫"
    + _SIGNED
    + _NOT_FISCAL
)


def _money(fen: int) -> str:
    """`12,345.60`, as receipts write it."""
    whole, _, rest = yuan(Fen(fen)).partition(".")
    return f"{int(whole):,}.{rest}"
