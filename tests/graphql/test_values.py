from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.people import Caller
from tests.portal import Portal


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def refused(caller: Caller, operation: str, **variables: Any) -> dict[str, Any]:
    """The one error of an answer without data."""
    answer = await caller.ask(operation, **variables)
    assert answer.get("data") is None
    [error] = answer["errors"]
    assert "Traceback" not in str(error)
    return dict(error)


@pytest.mark.parametrize(
    ("operation", "variables"),
    [
        ("FindItems", {}),
        ("FindItems", {"search": None}),
        ("FindItems", {"search": 7}),
        ("FindItems", {"search": "护照", "first": "ten"}),
        ("FindItems", {"search": "护照", "first": 2**40}),
        ("FindItems", {"search": "护照", "first": 1.5}),
        ("Slots", {"itemKey": "id-card-replace", "servicePoint": "city-hall", "day": "tomorrow"}),
        ("Slots", {"itemKey": "id-card-replace", "servicePoint": "city-hall", "day": "2026-02-30"}),
        ("Slots", {"itemKey": "id-card-replace", "servicePoint": "city-hall", "day": 20260214}),
    ],
)
async def test_a_variable_of_the_wrong_kind_is_named(portal: Portal, operation: str, variables: dict[str, Any]) -> None:
    error = await refused(portal.stranger(), operation, **variables)
    assert error["extensions"]["code"] == "BAD_VALUE"
    assert "$" in error["message"]


@pytest.mark.parametrize("first", [0, -1, 51, 2**31 - 1])
async def test_a_page_has_one_to_fifty_entries(portal: Portal, first: int) -> None:
    error = await refused(portal.stranger(), "FindItems", search="护照", first=first)
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert error["message"] == "填写的内容有误:每页1至50条"


@pytest.mark.parametrize(
    "after", ["", "x", "!!!", "é", cursor("-1"), cursor("1e3"), cursor("９"), cursor("1" * 7), "A" * 10_000], ids=repr
)
async def test_a_cursor_that_is_none_of_ours_is_refused(portal: Portal, after: str) -> None:
    resident = await portal.phone(proven=False)
    for caller, operation, variables in (
        (portal.stranger(), "FindItems", {"search": "护照"}),
        (resident, "MyAffairs", {}),
    ):
        error = await refused(caller, operation, after=after, **variables)
        assert error["extensions"]["code"] == "INVALID_INPUT"
        assert error["message"] == "填写的内容有误:翻页位置无效,请从头查看"


async def test_pages_follow_each_other_without_gap_or_repetition(portal: Portal) -> None:
    stranger, seen, after = portal.stranger(), [], None
    while True:
        page = await stranger.do("FindItems", search="身份证", first=4, after=after)
        seen += [edge["node"]["key"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    whole = await stranger.do("FindItems", search="身份证", first=50)
    assert seen[:50] == [edge["node"]["key"] for edge in whole["edges"]]
    assert len(seen) == len(set(seen)) > 4


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("zh-CN", "请先登录"),
        ("en", "Please sign in first."),
        ("en-GB,zh;q=0.5", "Please sign in first."),
        ("EN", "Please sign in first."),
        ("fr", "请先登录"),
        ("", "请先登录"),
    ],
)
async def test_sentences_follow_accept_language(portal: Portal, language: str, message: str) -> None:
    caller = portal.stranger()
    caller.http.headers["accept-language"] = language
    assert (await caller.ask("Me"))["errors"][0]["message"] == message
    assert (await caller.do("SignOut"))["message"] == message


async def test_states_and_names_follow_it_too(portal: Portal) -> None:
    phone = await portal.phone(language="en")
    assert (await phone.ask("Me"))["data"]["me"]["level"]["nameZh"]
    proofs = (await phone.ask("Me"))["data"]["proofMethods"]
    assert len(proofs) == 3
    assert all(proof["name"].isascii() for proof in proofs)
