"""Without this module what we close could be opened by the sandbox and by nobody else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.ems.cipher import NotOurs, close, open_body

KEY = "WjNoNmhXWE12SFZJdk0zWQ=="
TEXT = '[{"wholeAddress":"ABC123"}]'
CLOSED = "|$4|slRLUixzb1DplJxnGKMG5tcXh0zH5Ry1qZAIemYxDc7VfSxow31WUmgLbzbJt996Ud/vpaVOMcwyqsLvQRXPaA=="


def test_the_known_body_is_reproduced_and_opened() -> None:
    assert close(TEXT, KEY) == CLOSED
    assert open_body(CLOSED, KEY) == TEXT


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_whatever_is_closed_is_opened(text: str) -> None:
    assert open_body(close(text, KEY), KEY) == text


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "|$4|",
        "|$4|!!!",
        CLOSED.removeprefix("|$4|"),
        CLOSED[:-8],
        CLOSED[:-44] + "AAAA",
        "|$4|" + base64.b64encode(b"0" * 64).decode(),
        close(TEXT, "c3RyYW5nZXJzLWtleS0hIQ=="),
    ],
)
def test_what_was_not_closed_with_our_key_is_not_opened(sealed: str) -> None:
    with pytest.raises(NotOurs):
        open_body(sealed, KEY)
