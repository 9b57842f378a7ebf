"""Where a message goes next, and when residents may be disturbed: verdicts from plain values."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.kernel import clock
from app.messages.rules import CLAIM_LASTS, LADDER, Door, End, Send, Wait, next_step, next_try, next_waking
from app.messages.weakness import ENOUGH, SMALLEST_SHARE, share
from app.messages.words import AttemptState, MessageState

DAY = date(2031, 3, 3)
NOON = clock.at_local(DAY, 12)
LATER = NOON + timedelta(minutes=10)
FREE, SHUT = Door("wechat", is_open=True), Door("wechat", is_open=False)


@pytest.mark.parametrize(
    ("hour", "minute", "day", "until_hour", "until_minute"),
    [(7, 59, 0, 8, 0), (8, 0, 0, 8, 0), (20, 59, 0, 20, 59), (21, 0, 1, 8, 0), (23, 30, 1, 8, 0), (0, 0, 0, 8, 0)],
)
def test_nobody_is_disturbed_before_eight_or_from_nine_in_the_evening(
    hour: int, minute: int, day: int, until_hour: int, until_minute: int
) -> None:
    waking = next_waking(clock.at_local(DAY, hour, minute))
    assert waking == clock.at_local(DAY + timedelta(days=day), until_hour, until_minute)


def test_the_ladder_is_climbed_once_and_a_platform_may_ask_for_more_patience() -> None:
    assert [next_try(tries, NOON, None) for tries in range(1, 9)] == [*(NOON + wait for wait in LADDER), None]
    assert next_try(1, NOON, timedelta(hours=2)) == NOON + timedelta(hours=2)
    assert next_try(4, NOON, timedelta(seconds=1)) == NOON + LADDER[3]


def door(channel: str, state: AttemptState | None = None, **other: object) -> Door:
    return Door(channel, **{"is_open": True, "attempt": state, **other})  # type: ignore[arg-type]


RETRY, UNSURE, FAILED, REFUSED = (
    AttemptState.RETRY,
    AttemptState.UNSURE,
    AttemptState.FAILED,
    AttemptState.REFUSED,
)


@pytest.mark.parametrize(
    ("doors", "must_send", "step"),
    [
        ([], False, End(MessageState.INBOX_ONLY)),
        ([SHUT], True, End(MessageState.INBOX_ONLY)),
        ([SHUT, door("alipay")], False, Send("alipay")),
        ([FREE, door("alipay")], False, Send("wechat")),
        ([door("wechat", AttemptState.SENT), door("alipay")], True, End(MessageState.SENT)),
        ([door("wechat", AttemptState.DELIVERED)], False, End(MessageState.SENT)),
        # Refused: the next one, and the inbox when there is none.
        ([door("wechat", REFUSED), door("alipay")], False, Send("alipay")),
        ([door("wechat", REFUSED)], True, End(MessageState.INBOX_ONLY)),
        # Not taken: an ordinary one waits where it began, one that has to arrive goes on and comes back.
        ([door("wechat", RETRY, next_at=LATER), door("alipay")], False, Wait(LATER)),
        ([door("wechat", RETRY, next_at=LATER), door("alipay")], True, Send("alipay")),
        ([door("wechat", RETRY, next_at=LATER), door("alipay", FAILED)], True, Wait(LATER)),
        ([door("wechat", RETRY, next_at=NOON), door("alipay", FAILED)], True, Send("wechat")),
        ([door("wechat", FAILED)], False, End(MessageState.FAILED)),
        ([door("wechat", RETRY, is_open=False, next_at=LATER)], True, End(MessageState.FAILED)),
        # Unknown: never again there.
        ([door("wechat", UNSURE), door("alipay")], False, End(MessageState.UNSURE)),
        ([door("wechat", UNSURE), door("alipay")], True, Send("alipay")),
        ([door("wechat", UNSURE), door("alipay", FAILED)], True, End(MessageState.UNSURE)),
        # Somebody is at it.
        ([door("wechat", AttemptState.CLAIMED, next_at=LATER), door("alipay")], True, Wait(LATER)),
        # A weak channel is asked last, and is asked when it is the only one.
        ([door("wechat", is_weak=True), door("alipay")], False, Send("alipay")),
        ([door("wechat", is_weak=True)], False, Send("wechat")),
    ],
)
def test_where_a_message_goes_next(doors: list[Door], must_send: bool, step: object) -> None:
    assert next_step(doors, NOON, must_send=must_send) == step


def test_a_channel_keeps_all_its_traffic_while_little_fails_and_never_loses_all_of_it() -> None:
    assert share(took=0, failed=ENOUGH - 1) == 1.0
    assert share(took=18, failed=2) == 1.0
    assert share(took=10, failed=10) == 0.5
    assert share(took=0, failed=1000) == SMALLEST_SHARE
    assert timedelta(minutes=1) < CLAIM_LASTS
