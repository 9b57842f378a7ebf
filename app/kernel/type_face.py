"""Without this module every receipt would carry a whole Chinese font of eleven megabytes, or none at all.

HarfBuzz cuts out the letters of one document in milliseconds and without holding up other threads' Python for long.
"""

from __future__ import annotations

from functools import lru_cache

import uharfbuzz as hb
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from pylopdf_fonts_zh_cn import serif_path

UNKNOWN = "〓"
"""Printed for a letter the font does not have, as typesetters do (下空一铅字): never left out without a trace."""


@lru_cache(maxsize=1)
def _face() -> hb.Face:
    return hb.Face(hb.Blob.from_file_path(str(serif_path())))


@lru_cache(maxsize=1)
def _known() -> frozenset[int]:
    return frozenset(_face().unicodes)


def printable(text: str) -> str:
    """The text with `UNKNOWN` for every letter that cannot be printed."""
    return "".join(letter if ord(letter) in _known() else UNKNOWN for letter in text)


def cut_out(text: str) -> bytes:
    """Noto Serif SC (SIL Open Font License) with the letters of `text` and no others, as an OpenType file."""
    wanted = hb.SubsetInput()
    wanted.unicode_set.update(ord(letter) for letter in {*text, UNKNOWN, " "})
    wanted.flags = hb.SubsetFlags.DESUBROUTINIZE | hb.SubsetFlags.NO_HINTING
    wanted.layout_feature_tag_set.clear()
    return bytes(hb.subset(_face(), wanted).blob.data)


def take_as_it_is(font: TTFont) -> None:
    """Spare fpdf2 the work on a cut-out font that HarfBuzz has done: fontTools would run every outline several times,
    for letters made of other letters and for subroutines, of which there are none any more.
    """
    font.recalcBBoxes = False
    outlines = font["CFF "]
    outlines.closure_glyphs = lambda _subsetter: None
    outlines.remove_unused_subroutines = lambda: None
