from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.identity.queries import actor_of
from app.identity.tokens import (
    make_access_token,
    make_refresh_token,
    read_access_token,
    read_refresh_token,
    token_hash,
)
from app.kernel import clock, db
from tests.identity.accounts import caller_of, make_resident
from tests.identity.slips import spoiled
from tests.identity.traces import nothing_moves
from tests.portal import Portal


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


def jwt(header: dict[str, str], secret: bytes = b"") -> str:
    """What forgers of JSON Web Tokens would try (RFC 8725 section 2.1)."""
    told = {"sub": str(db.new_id()), "aud": "portal", "exp": 4_102_444_800}
    parts = [text(json.dumps(part).encode()) for part in (header, told)]
    signature = hmac.new(secret, ".".join(parts).encode(), hashlib.sha256).digest() if secret else b""
    return ".".join([*parts, text(signature)])


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed_elsewhere(purpose: bytes, body: bytes) -> str:
    """A token as ours, under another system's secret."""
    return text(body + hmac.new(b"another-secret-of-32-characters!", purpose + body, hashlib.sha256).digest()[:16])


def forged(session_id: UUID) -> dict[str, str]:
    """Everything that looks like an access token of a living session and is none."""
    access, _ = make_access_token(session_id)
    expires = (4_102_444_800).to_bytes(5, "big")
    with clock.standing_at(clock.now() - timedelta(minutes=11)):
        expired, _ = make_access_token(session_id)
    return {
        "expired": expired,
        "a refresh token": make_refresh_token(session_id),
        "another secret": signed_elsewhere(b"access", session_id.bytes + expires),
        "another audience": signed_elsewhere(b"refresh", session_id.bytes + expires),
        "no signature": text(session_id.bytes + expires),
        "an empty signature": text(session_id.bytes + expires + bytes(16)),
        "the bare session": str(session_id),
        "cut off": access[:-1],
        "cut in half": access[: len(access) // 2],
        "lengthened": access + "A",
        "padded": access + "==",
        "with junk between": f"{access[:10]}!!!!{access[10:]}",
        "spare bits set": access[:-1] + chr(ord(access[-1]) + 1),
        "twice": access + access,
        "alg none": jwt({"alg": "none", "typ": "JWT"}),
        "alg None": jwt({"alg": "None"}),
        "alg HS256": jwt({"alg": "HS256", "kid": "../../dev/null"}, b"secret"),
        "alg RS256 as HMAC": jwt({"alg": "RS256", "jku": "https://example.invalid"}, b"public key"),
        "very long": access * 100,
        "not base64": "Zm9v*YmFy",
        "script": "<script>alert(1)</script>",
        "SQL": "' OR 1=1 --",
    }


async def test_every_forged_token_is_refused_alike_in_the_same_words(portal: Portal) -> None:
    """Whoever tries them out learns nothing from the answers, and the living session stays."""
    caller = await caller_of(portal, await make_resident())
    session_id = (await actor_of(caller.access)).session_id
    assert session_id is not None
    good, wordings = caller.access, set()
    for name, token in forged(session_id).items():
        caller.access = token
        answer = await caller.ask("Me")
        assert answer["data"] is None, name
        [error] = answer["errors"]
        wordings.add((error["extensions"]["code"], error["message"], error["extensions"]["retryable"]))
        assert read_access_token(token) is None, name
    assert wordings == {("SESSION_ENDED", "登录已过期或已在别处退出,请重新登录", False)}
    caller.access = good
    assert (await caller.do("MySessions"))[0]["current"]


async def test_every_forged_refresh_token_is_refused_alike(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    session_id = (await actor_of(caller.access)).session_id
    assert session_id is not None
    attempts = {**forged(session_id), "a refresh token": caller.access, "unicode": "令牌🔑"}
    attempts |= {"lengthened": caller.refresh + "A", "junk": f"{caller.refresh[:9]}!!!!{caller.refresh[9:]}"}
    async with nothing_moves():
        refusals = [await caller.do("RefreshSession", refresh=token) for token in attempts.values()]
    assert {(refused["code"], refused["message"]) for refused in refusals} == {
        ("SESSION_ENDED", "登录已过期或已在别处退出,请重新登录")
    }
    assert (await caller.do("RefreshSession", refresh=caller.refresh))["__typename"] == "Tokens"


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(text)))
def test_random_text_is_never_a_token(token: str) -> None:
    assert read_access_token(token) is None
    assert read_refresh_token(token) is None


@settings(max_examples=50, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_five_thousand_tokens_with_slips_are_worth_nothing(seed: int) -> None:
    """A token is written in one way only: what was changed, put in or left out anywhere is noticed."""
    token, _ = make_access_token(db.new_id())
    for altered in spoiled(token, seed):
        assert altered == token or read_access_token(altered) is None


def test_refresh_tokens_of_one_session_differ_and_only_their_hash_is_kept() -> None:
    session_id = db.new_id()
    first, second = make_refresh_token(session_id), make_refresh_token(session_id)
    assert first != second
    assert token_hash(first) != token_hash(second)
    assert first not in token_hash(first)
