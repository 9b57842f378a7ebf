from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from app.booking.check_in_codes import (
    TOLERANCE,
    CheckInCode,
    Door,
    Verdict,
    base45,
    from_base45,
    judge,
    key_id_of,
    place_mark,
    read_code,
    write_code,
)
from tests.architecture.contracts import ROOT

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BEGINS = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
CODE = CheckInCode(
    key_id=202611,
    booking_id=UUID("01936b2e-7c00-7000-8000-000000000001"),
    moves=1,
    place=place_mark("city-hall"),
    valid_from=BEGINS,
    valid_until=BEGINS + timedelta(minutes=40),
    nonce=b"\x01" * 8,
)
TEXT = write_code(CODE, KEY)
KEYS = {202611: KEY.public_key()}
DOOR = Door("city-hall", KEYS)
SECOND = timedelta(seconds=1)


def test_what_was_written_is_read_again() -> None:
    assert read_code(TEXT, KEYS) == CODE
    assert key_id_of(TEXT) == 202611
    assert judge(TEXT, DOOR, BEGINS) == (Verdict.GOOD, CODE)


def test_a_code_is_171_characters_of_the_alphanumeric_mode() -> None:
    assert len(TEXT) == 171
    assert re.fullmatch(r"[0-9A-Z $%*+\-./:]+", TEXT)


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        (BEGINS - TOLERANCE - SECOND, Verdict.TOO_EARLY),
        (BEGINS - TOLERANCE, Verdict.GOOD),
        (CODE.valid_until + TOLERANCE, Verdict.GOOD),
        (CODE.valid_until + TOLERANCE + SECOND, Verdict.EXPIRED),
    ],
)
def test_a_code_is_good_around_its_time(at: datetime, verdict: Verdict) -> None:
    assert judge(TEXT, DOOR, at)[0] is verdict


def test_a_code_opens_the_door_of_its_own_hall_only() -> None:
    assert judge(TEXT, replace(DOOR, service_point="wangyue-hall"), BEGINS)[0] is Verdict.WRONG_PLACE


@pytest.mark.parametrize(("lowest", "verdict"), [(0, Verdict.GOOD), (1, Verdict.GOOD), (2, Verdict.REVOKED)])
def test_a_code_older_than_the_list_allows_is_revoked(lowest: int, verdict: Verdict) -> None:
    assert judge(TEXT, replace(DOOR, revoked={CODE.booking_id: lowest}), BEGINS)[0] is verdict


def test_a_scanner_that_let_a_code_pass_knows_it_again() -> None:
    assert judge(TEXT, replace(DOOR, seen={CODE.nonce}), BEGINS) == (Verdict.SEEN, CODE)


@pytest.mark.parametrize(
    "text",
    ["", "x", "ZT1:", "取号码", TEXT[4:], TEXT.lower(), TEXT + "0", TEXT[:-1], TEXT + " ", "ZT2:" + TEXT[4:],
     "ZT1:" + ":" * 167, "https://example.invalid/", "ZT1:" + "0" * 167, "ZT1:" + "A" * 5000],
    ids=range(14),
)  # fmt: skip
def test_text_that_is_no_code_of_ours_is_forged(text: str) -> None:
    assert judge(text, DOOR, BEGINS) == (Verdict.FORGED, None)


@given(st.integers(0, 110), st.integers(1, 255))
def test_a_code_with_any_byte_changed_is_forged(at: int, flip: int) -> None:
    raw = bytearray(from_base45(TEXT[4:]) or b"")
    raw[at] ^= flip
    assert judge("ZT1:" + base45(bytes(raw)), DOOR, BEGINS) == (Verdict.FORGED, None)


def test_a_code_signed_by_somebody_else_or_with_an_unknown_key_is_forged() -> None:
    assert judge(write_code(CODE, Ed25519PrivateKey.generate()), DOOR, BEGINS)[0] is Verdict.FORGED
    assert judge(write_code(replace(CODE, key_id=202612), KEY), DOOR, BEGINS)[0] is Verdict.FORGED


@given(st.text(max_size=250))
def test_no_text_at_all_breaks_a_scanner(text: str) -> None:
    assert judge(text, DOOR, BEGINS) == (Verdict.FORGED, None)
    assert judge("ZT1:" + text, DOOR, BEGINS) == (Verdict.FORGED, None)


@given(st.binary(max_size=200))
def test_bytes_come_back_from_base45(raw: bytes) -> None:
    assert from_base45(base45(raw)) == raw


@pytest.mark.parametrize(("raw", "text"), [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")])
def test_base45_is_that_of_the_standard(raw: bytes, text: str) -> None:
    """The examples of RFC 9285 section 4.3."""
    assert base45(raw) == text
    assert from_base45(text) == raw


@pytest.mark.parametrize("text", ["A", "AAAA", ":::", "::", "ab", "GGX"])
def test_text_that_no_bytes_are_written_as_is_no_base45(text: str) -> None:
    assert from_base45(text) is None


def test_the_example_for_the_makers_of_scanners_is_true() -> None:
    """`docs/check-in-codes.md`: the public key, the bytes and the text of one code."""
    told = (ROOT / "docs" / "check-in-codes.md").read_text()
    public = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    raw = from_base45(TEXT[4:]) or b""
    for expected in (bytes(range(32)).hex(), public.hex(), raw[:47].hex(), raw[47:].hex(), TEXT):
        assert expected in told
