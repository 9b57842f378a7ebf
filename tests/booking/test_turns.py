from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.booking.errors import TurnInvalid
from app.booking.policy import Policy
from app.booking.room.draw import Room
from app.booking.room.turns import Ticket, check_pass, make_pass, make_ticket, read_ticket
from app.kernel.signing import signed, verified
from tests.portal import environment

RELEASE = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
NOW = RELEASE + timedelta(seconds=30)
ROOM = Room.of("city-hall", "D", RELEASE, Policy())
MINE, THEIRS = uuid4(), uuid4()
TICKET = Ticket("city-hall", "D", RELEASE, MINE, 17, 300)


@pytest.fixture(autouse=True)
def secret() -> Iterator[None]:
    with environment({"PORTAL_SECRET_KEY": "s" * 32}):
        yield


def reason(text: str, room: Room = ROOM, who: object = MINE, now: datetime = NOW) -> str:
    with pytest.raises(TurnInvalid) as refused:
        check_pass(text, room, who, now)  # type: ignore[arg-type]
    assert refused.value.field == "turn"
    return str(refused.value.values["reason_en"])


def test_a_ticket_says_what_it_was_given() -> None:
    assert read_ticket(make_ticket(TICKET), MINE) == TICKET


def test_a_ticket_is_its_holders() -> None:
    with pytest.raises(TurnInvalid, match="issued to somebody else"):
        read_ticket(make_ticket(TICKET), THEIRS)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "候场", "a" * 10_000, "=" * 8, "\x00"])
def test_what_was_never_a_ticket_is_none(text: str) -> None:
    with pytest.raises(TurnInvalid, match="not issued here"):
        read_ticket(text, MINE)


def test_a_changed_ticket_is_none() -> None:
    good = make_ticket(TICKET)
    for at in range(len(good)):
        forged = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        with pytest.raises(TurnInvalid, match="not issued here"):
            read_ticket(forged, MINE)


def test_a_pass_is_for_one_resident_and_room_until_it_ends() -> None:
    turn, ends_at = make_pass(ROOM, MINE, NOW)
    check_pass(turn, ROOM, MINE, NOW)
    assert ends_at == NOW + timedelta(minutes=5)
    check_pass(turn, ROOM, MINE, ends_at - timedelta(microseconds=1))
    assert reason(turn, now=ends_at) == "it has expired"
    assert reason(turn, who=THEIRS) == "it was issued to somebody else"
    for other in (("east-hall", "D", RELEASE), ("city-hall", "E", RELEASE), ("city-hall", "D", NOW)):
        assert reason(turn, Room.of(*other, Policy())) == "it is for another release"


def test_a_pass_ends_with_the_rush() -> None:
    assert make_pass(ROOM, MINE, ROOM.until - timedelta(seconds=9))[1] == ROOM.until


def test_a_ticket_is_no_pass_and_a_pass_no_ticket() -> None:
    assert reason(make_ticket(TICKET)) == "it was not issued here"
    with pytest.raises(TurnInvalid):
        read_ticket(make_pass(ROOM, MINE, NOW)[0], MINE)


def test_under_another_secret_nothing_is_valid() -> None:
    turn, _ = make_pass(ROOM, MINE, NOW)
    with environment({"PORTAL_SECRET_KEY": "t" * 32}):
        assert reason(turn) == "it was not issued here"


def test_what_is_signed_for_one_purpose_is_nothing_for_another() -> None:
    """Also when the one begins like the other."""
    text = signed("turn", b"s-and-more")
    assert verified("turn", text) == b"s-and-more"
    assert verified("turns", text) is None
