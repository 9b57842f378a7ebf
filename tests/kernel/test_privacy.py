from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.privacy import (
    KeyRing,
    Unreadable,
    key_ring,
    mask_id_number,
    mask_name,
    mask_phone,
    read_keys,
)
from app.kernel.settings import SettingsInvalid
from tests.portal import environment

OLD = {"k1": b"1" * 32}
BOTH = {"k2": b"2" * 32, "k1": b"1" * 32}
INDEX = b"index"
ID_NUMBER = "110101199003070038"


@given(st.text())
def test_what_was_sealed_can_be_opened_and_not_read(text: str) -> None:
    ring = KeyRing(OLD, INDEX)
    sealed = ring.seal(text)
    assert ring.open(sealed) == text
    assert len(text) < 4 or text not in sealed


def test_the_same_number_is_sealed_differently_each_time() -> None:
    ring = KeyRing(OLD, INDEX)
    assert len({ring.seal(ID_NUMBER) for _ in range(20)}) == 20


def test_after_a_rotation_old_values_stay_readable_and_new_ones_use_the_new_key() -> None:
    before = KeyRing(OLD, INDEX).seal(ID_NUMBER)
    ring = KeyRing(BOTH, INDEX)
    assert ring.open(before) == ID_NUMBER
    assert ring.seal(ID_NUMBER).startswith("k2.")


def test_a_value_of_a_key_that_left_the_ring_is_unreadable() -> None:
    sealed = KeyRing(BOTH, INDEX).seal(ID_NUMBER)
    with pytest.raises(Unreadable, match="'k2'"):
        KeyRing(OLD, INDEX).open(sealed)


def test_a_value_under_the_name_of_another_key_is_unreadable() -> None:
    """The key's id is part of what is authenticated."""
    ring = KeyRing({"k1": b"1" * 32, "k2": b"1" * 32}, INDEX)
    with pytest.raises(Unreadable):
        ring.open(ring.seal(ID_NUMBER).replace("k1.", "k2."))


@given(st.integers(0, 45), st.integers(1, 255))
def test_an_altered_value_is_unreadable(place: int, flip: int) -> None:
    ring = KeyRing(OLD, INDEX)
    key_id, _, body = ring.seal(ID_NUMBER).partition(".")
    raw = bytearray(base64.urlsafe_b64decode(body))
    raw[place] ^= flip
    with pytest.raises(Unreadable):
        ring.open(f"{key_id}.{base64.urlsafe_b64encode(raw).decode()}")


@pytest.mark.parametrize("nonsense", ["", "k1", "k1.", "k1.####", "k1.AAAA", "k1.AAA", ID_NUMBER])
def test_what_was_never_sealed_is_unreadable(nonsense: str) -> None:
    with pytest.raises(Unreadable):
        KeyRing(OLD, INDEX).open(nonsense)


def test_the_index_finds_equal_values_within_one_purpose_only() -> None:
    ring = KeyRing(OLD, INDEX)
    assert ring.blind_index("id", ID_NUMBER) == KeyRing(BOTH, INDEX).blind_index("id", ID_NUMBER)
    assert ring.blind_index("id", ID_NUMBER) != ring.blind_index("phone", ID_NUMBER)
    assert ring.blind_index("id", ID_NUMBER) != KeyRing(OLD, b"another").blind_index("id", ID_NUMBER)
    assert ID_NUMBER not in ring.blind_index("id", ID_NUMBER)


def key(length: int = 32) -> str:
    return base64.b64encode(b"x" * length).decode()


def test_the_newest_key_stands_first() -> None:
    assert list(read_keys(f"k2:{key()}, k1:{key()},")) == ["k2", "k1"]


@pytest.mark.parametrize(
    "text", ["", " , ", f":{key()}", f"a.b:{key()}", f"k1:{key(16)}", "k1:", "k1:not base64", "k1"]
)
def test_keys_that_are_none_are_refused_by_name_and_without_repeating_them(text: str) -> None:
    with pytest.raises(ValueError, match="PORTAL_ENCRYPTION_KEYS") as refused:
        read_keys(text)
    assert key(16) not in str(refused.value)


@pytest.mark.parametrize("key_id", ["?", "k" * 41, "k 1", "钥匙", "k\n1"])
def test_an_id_that_values_and_lines_could_not_carry_is_refused(key_id: str) -> None:
    """It stands before each sealed value and each MAC, and must be told from what is not sealed at all."""
    with pytest.raises(ValueError, match="each entry is"):
        read_keys(f"{key_id}:{key()}")


def test_two_keys_of_one_id_are_refused_and_none_takes_the_place_of_the_other() -> None:
    other = base64.b64encode(b"y" * 32).decode()
    with pytest.raises(ValueError, match="two keys are called 'k1'") as refused:
        read_keys(f"k1:{key()},k2:{key()},k1:{other}")
    assert key() not in str(refused.value)


def test_a_ring_that_cannot_be_read_stops_the_program_with_a_sentence() -> None:
    with environment({"PORTAL_ENCRYPTION_KEYS": "k1:c2hvcnQ="}), pytest.raises(SettingsInvalid) as stopped:
        key_ring()
    assert str(stopped.value) == "PORTAL_ENCRYPTION_KEYS: each entry is `id:base64-of-32-bytes`"


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("三", "*"),
        ("张三", "*三"),
        ("张三丰", "*三丰"),
        ("欧阳娜娜", "欧**娜"),
        ("阿卜杜拉·买买提", "阿******提"),
        ("", "*"),
    ],
)
def test_masked_names(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"), [(ID_NUMBER, "110***********0038"), ("11010119900307003X", "110***********003X")]
)
def test_masked_identity_numbers(number: str, masked: str) -> None:
    assert mask_id_number(number) == masked


@pytest.mark.parametrize(("number", "masked"), [("13812345678", "138****5678"), ("1234567", "*******"), ("", "")])
def test_masked_phones(number: str, masked: str) -> None:
    assert mask_phone(number) == masked


@given(st.text(min_size=1, max_size=30))
def test_a_mask_always_hides_something(text: str) -> None:
    for mask in (mask_name, mask_phone):
        assert "*" in mask(text)
