from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.delivery.spans import FEWEST, Span, band_of

HOUR = timedelta(hours=1)


def test_too_short_a_history_promises_nothing() -> None:
    assert band_of([HOUR] * (FEWEST - 1)) is None
    assert band_of([HOUR] * FEWEST) == Span(HOUR, HOUR)


def test_the_earliest_fifth_and_the_latest_tenth_are_left_out() -> None:
    assert band_of([HOUR * place for place in range(11)]) == Span(2 * HOUR, 9 * HOUR)


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=30)), min_size=FEWEST, max_size=60))
def test_a_band_lies_within_what_happened_and_does_not_depend_on_its_order(taken: list[timedelta]) -> None:
    band = band_of(taken)
    assert band is not None
    assert min(taken) <= band.low <= band.high <= max(taken)
    assert band_of(list(reversed(taken))) == band
