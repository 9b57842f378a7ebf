from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.kernel.clock.moments import lent, moment_of

EIGHT, MIDNIGHT = datetime(2026, 11, 25, 8, tzinfo=UTC), datetime(2026, 11, 25, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-25 08:00:00", MIDNIGHT),
        (" 2026-11-25T08:00:00.123 ", MIDNIGHT),
        ("2026-11-25 08:00", MIDNIGHT),
        ("2026-11-25 08:00:00 UTC", EIGHT),
        ("2026-11-25T08:00:00Z", EIGHT),
        ("2026-11-25T08:00:00+08:00", MIDNIGHT),
        ("2026-11-25 08:00:00 +0000", EIGHT),
        ("2026-11-25 16:00:00+1600", MIDNIGHT),
        ("0001-01-01 00:00:00", None),
        ("9999-12-31 23:00:00-12:00", None),
        ("2026-11-25", None),
        ("25.11.2026 08:00", None),
        ("", None),
    ],
)
def test_a_time_is_beijings_unless_it_says_another_zone(text: str, moment: datetime | None) -> None:
    assert moment_of(text) == moment


def test_a_row_without_a_time_takes_that_of_the_next_older_one() -> None:
    assert lent([None, EIGHT, None, MIDNIGHT, None]) == [EIGHT, EIGHT, MIDNIGHT, MIDNIGHT, MIDNIGHT]
    assert lent([None, None]) == [None, None]
    assert lent([]) == []
