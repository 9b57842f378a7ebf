from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.errors import FeeChoiceNeeded, FeeNotConfigured, FeeOutsideList, FeesTooLarge
from app.catalogue.rules import due_fees, fee_key_of, grams

Fees = list[dict[str, Any]]


def fee(key: str | None, amount_fen: int | None, rule: str = "FIXED", group: str | None = None) -> dict[str, Any]:
    return {
        "fee_key": key, "name": f"收费{key}", "amount_fen": amount_fen, "rule": rule, "group": group, "basis": "依据",
    }  # fmt: skip


CARD: Fees = [fee("ID40", 4000)]
PERMIT: Fees = [fee("HKM", 6000), fee("S1", 1500, "CHOOSE_ONE", "visa"), fee("S2", 3000, "CHOOSE_ONE", "visa")]
HOUSE: Fees = [
    fee("RE_H", 8000, "CONDITIONAL", "kind"),
    fee("RE_N", 55000, "CONDITIONAL", "kind"),
    fee("RE_B", 1000, "PER_EXTRA_UNIT"),
]
WATER: Fees = [fee(None, None, "CONDITIONAL")]
FINE: Fees = [fee(None, None)]


@pytest.mark.parametrize(
    ("fees", "chosen", "lines"),
    [
        ([], {}, []),
        (CARD, {}, [("ID40", 4000, 1)]),
        (CARD, {"ID40": 2}, [("ID40", 4000, 2)]),
        (PERMIT, {"S2": 1}, [("HKM", 6000, 1), ("S2", 3000, 1)]),
        (HOUSE, {"RE_H": 1}, [("RE_H", 8000, 1)]),
        (HOUSE, {"RE_N": 1, "RE_B": 3}, [("RE_N", 55000, 1), ("RE_B", 1000, 3)]),
        (WATER, {}, []),
    ],
)
def test_what_a_list_makes_due(fees: Fees, chosen: dict[str, int], lines: list[tuple[str, int, int]]) -> None:
    due = due_fees(fees, chosen)
    assert [(line.fee_key, line.amount_fen, line.quantity) for line in due] == lines
    assert sum(line.total_fen for line in due) == sum(amount * quantity for _, amount, quantity in lines)


@pytest.mark.parametrize(
    ("fees", "chosen"), [(PERMIT, {}), (PERMIT, {"S1": 1, "S2": 1}), (HOUSE, {}), (HOUSE, {"RE_B": 1})]
)
def test_of_a_group_exactly_one_is_chosen(fees: Fees, chosen: dict[str, int]) -> None:
    with pytest.raises(FeeChoiceNeeded) as refused:
        due_fees(fees, chosen)
    assert refused.value.field == "fees"


def test_the_refusal_lists_the_options() -> None:
    with pytest.raises(FeeChoiceNeeded) as refused:
        due_fees(PERMIT, {})
    assert refused.value.sentence("zh") == "请从以下收费项目中选定一项:S1 收费S1、S2 收费S2"


@pytest.mark.parametrize(
    ("fees", "chosen"),
    [([], {"ID40": 1}), (CARD, {"ID20": 1}), (CARD, {"ID40": 0}), (CARD, {"ID40": 100}), (CARD, {"ID40": -1})],
)
def test_nothing_outside_the_list_is_charged(fees: Fees, chosen: dict[str, int]) -> None:
    with pytest.raises(FeeOutsideList):
        due_fees(fees, chosen)


@pytest.mark.parametrize(("fees", "chosen"), [(FINE, {}), (WATER, {"#1": 1}), (FINE, {"#1": 2})])
def test_an_amount_nobody_set_is_never_free(fees: Fees, chosen: dict[str, int]) -> None:
    with pytest.raises(FeeNotConfigured):
        due_fees(fees, chosen)


def test_more_than_a_million_yuan_is_a_mistake() -> None:
    listed = [fee("A", 1_010_101), fee("B", 1, "PER_EXTRA_UNIT")]
    assert sum(line.total_fen for line in due_fees(listed, {"A": 98, "B": 99})) == 98_989_997
    assert sum(line.total_fen for line in due_fees(listed, {"A": 99, "B": 1})) == 100_000_000
    with pytest.raises(FeesTooLarge) as refused:
        due_fees(listed, {"A": 99, "B": 2})
    assert refused.value.field == "fees"


def test_a_fee_without_a_key_is_known_by_its_place() -> None:
    assert [fee_key_of(entry, place) for place, entry in enumerate([*CARD, *WATER])] == ["ID40", "#2"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("身份证丢了", {"身份", "份证", "证丢", "丢了"}),
        ("税", {"税"}),
        ("办 税", {"办", "税"}),
        ("Passport 2026", {"passport", "2026"}),
        ("ＩＤ卡", {"id", "卡"}),
        ("身份证(补办)", {"身份", "份证", "补办"}),
        ("  \n\t", set()),
        ("😀!?%_';--", set()),
    ],
)
def test_a_text_falls_into_pairs_of_neighbours_and_words(text: str, found: set[str]) -> None:
    assert grams(text) == found


@given(st.text(max_size=200))
def test_any_text_falls_into_short_grams(text: str) -> None:
    assert all(0 < len(gram) <= 40 for gram in grams(text))
