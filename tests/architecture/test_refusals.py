from __future__ import annotations

import re
from collections import Counter
from string import Formatter

import pytest

from app.kernel.errors import Refusal, every_refusal
from app.refusals import errors_page
from tests.architecture.contracts import ROOT

errors_page()  # imports every module that names a situation
REFUSALS = sorted(every_refusal(), key=lambda kind: kind.code)


def placeholders(sentence: str) -> set[str]:
    """Names in a sentence; a pair `reason_zh`, `reason_en` counts as one."""
    names = {name for _, name, _, _ in Formatter().parse(sentence) if name}
    return {re.sub(r"_(zh|en)$", "", name) for name in names}


def test_the_list_of_refusals_is_in_step() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == errors_page(), "run: make schema"


def test_codes_are_unique() -> None:
    counted = Counter(kind.code for kind in REFUSALS)
    assert [code for code, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.code)
def test_a_refusal_speaks_both_languages_of_the_same_things(kind: type[Refusal]) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+", kind.code)
    assert re.search(r"[\u4e00-\u9fff]", kind.zh)
    assert kind.en[0].isupper() or kind.en.startswith("{")
    assert kind.en.endswith((".", "}"))
    assert placeholders(kind.zh) == placeholders(kind.en)
