from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.tokens import (
    make_access_token,
    make_refresh_token,
    read_access_token,
    read_refresh_token,
    refresh_hash,
)
from app.kernel import clock, db


def test_an_access_token_names_its_session_for_ten_minutes() -> None:
    session_id, now = db.new_id(), datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    with clock.standing_at(now):
        token, expires_at = make_access_token(session_id)
        assert expires_at == now + timedelta(minutes=10)
    with clock.standing_at(expires_at - timedelta(seconds=1)):
        assert read_access_token(token) == session_id
    with clock.standing_at(expires_at):
        assert read_access_token(token) is None


def test_the_two_kinds_of_token_do_not_pass_for_each_other() -> None:
    session_id = db.new_id()
    access, _ = make_access_token(session_id)
    refresh = make_refresh_token(session_id)
    assert read_refresh_token(refresh) == session_id
    assert read_access_token(refresh) is None
    assert read_refresh_token(access) is None


@given(st.integers(min_value=0, max_value=36), st.integers(min_value=1, max_value=255))
def test_a_token_with_one_altered_byte_is_worth_nothing(place: int, change: int) -> None:
    token, _ = make_access_token(db.new_id())
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place] ^= change
    assert read_access_token(base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")) is None


@pytest.mark.parametrize("token", ["", "x", "...", "测试", "e30.e30.e30", "A" * 5000])
def test_what_was_never_a_token_is_read_as_nobody(token: str) -> None:
    assert read_access_token(token) is None
    assert read_refresh_token(token) is None


def test_refresh_tokens_of_one_session_differ_and_only_their_hash_is_kept() -> None:
    session_id = db.new_id()
    first, second = make_refresh_token(session_id), make_refresh_token(session_id)
    assert first != second
    assert refresh_hash(first) != refresh_hash(second)
    assert first not in refresh_hash(first)
