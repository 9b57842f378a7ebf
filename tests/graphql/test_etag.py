"""Asking by GET again and again: 304 while nothing moved, and nobody is given another's answer."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.identity.models import DeviceKind
from app.kernel import clock
from app.queueing.boards import forget_boards
from app.queueing.models import Ticket
from graphql_schema.documents import OPERATIONS, document_id
from graphql_schema.freshness import NEVER_KEPT, PRIVATE, PUBLIC, VARY, etag, is_known
from tests.identity.accounts import caller_of, make_device, make_resident
from tests.people import Caller
from tests.portal import Portal
from tests.queueing.visits import put_number

PLACE, PASSPORT = "bayin-hall", {"search": "护照"}
MODERN = "application/graphql-response+json"


async def get(
    caller: Caller, operation: str, variables: dict[str, Any] | None = None, **headers: str
) -> httpx.Response:
    """A trusted document by GET; of two languages that of the caller."""
    text = (OPERATIONS / f"{operation}.graphql").read_text(encoding="utf-8")
    asked = {"documentId": document_id(text), "variables": json.dumps(variables or {})}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if caller.access:
        sent["authorization"] = f"Bearer {caller.access}"
    if caller.acting_for:
        sent["acting-for"] = caller.acting_for
    return await caller.http.get("/graphql", params=asked, headers=sent)


async def test_while_nothing_moves_the_answer_is_304_and_empty(portal: Portal) -> None:
    stranger, board = portal.stranger(), {"servicePoint": PLACE}
    forget_boards()
    first = await get(stranger, "HallBoard", board)
    tag = first.headers["etag"]

    unmoved = await get(stranger, "HallBoard", board, if_none_match=tag)
    one = await put_number(PLACE, "D", clock.now())
    forget_boards()
    moved = await get(stranger, "HallBoard", board, if_none_match=tag)
    await Ticket.filter(id=one.id).delete()
    forget_boards()
    back = await get(stranger, "HallBoard", board, if_none_match=tag)

    assert (first.status_code, unmoved.status_code, moved.status_code, back.status_code) == (200, 304, 200, 304)
    assert (unmoved.content, back.content) == (b"", b"")
    assert "content-type" not in unmoved.headers
    for response in (first, unmoved, moved):
        assert (response.headers["cache-control"], response.headers["vary"]) == (PUBLIC, VARY)
        assert response.headers["x-request-id"]
    assert unmoved.headers["etag"] == tag != moved.headers["etag"]
    waiting = {now["category"]: now["waiting"] for now in moved.json()["data"]["hallBoard"]["businesses"]}
    assert waiting["D"] == 1


@pytest.mark.parametrize("sent", ["{}", "W/{}", '"other", {}', 'W/"other",W/{}', "*"])
async def test_a_validator_is_known_in_every_form_it_comes_back_in(portal: Portal, sent: str) -> None:
    stranger = portal.stranger()
    tag = (await get(stranger, "FindItems", PASSPORT)).headers["etag"]
    again = await get(stranger, "FindItems", PASSPORT, if_none_match=sent.format(tag))
    assert again.status_code == 304


@pytest.mark.parametrize("sent", ["", '"other"', "etag", "W/", '"'])
async def test_what_is_no_validator_of_the_answer_is_ignored(portal: Portal, sent: str) -> None:
    assert (await get(portal.stranger(), "FindItems", PASSPORT, if_none_match=sent)).status_code == 200


async def test_whoever_sends_a_token_gets_an_answer_for_nobody_else_to_keep(portal: Portal) -> None:
    """Also where the answer is the same as everybody's, and for a token that is worth nothing."""
    resident = await caller_of(portal, await make_resident())
    worthless = portal.stranger()
    worthless.access = "worth-nothing"
    screen = await make_device(portal, DeviceKind.SCREEN, PLACE)
    answers = [
        await get(resident, "MyTickets"),
        await get(resident, "FindItems", PASSPORT),
        await get(worthless, "FindItems", PASSPORT),
        await get(screen, "CallScreen"),
    ]
    assert [(one.status_code, one.headers["cache-control"]) for one in answers] == [(200, PRIVATE)] * 4
    assert all(one.headers["vary"] == VARY for one in answers)
    unmoved = await get(screen, "CallScreen", if_none_match=answers[3].headers["etag"])
    assert (unmoved.status_code, unmoved.headers["cache-control"]) == (304, PRIVATE)


async def test_the_validator_of_one_person_says_nothing_of_another(portal: Portal) -> None:
    """Who sends another's validator is told their own state, 304 only when they would read the same bytes."""
    first, second = [await caller_of(portal, await make_resident()) for _ in range(2)]
    theirs = await get(first, "Me")
    mine = await get(second, "Me", if_none_match=theirs.headers["etag"])
    assert mine.status_code == 200
    assert mine.json()["data"]["me"]["id"] != theirs.json()["data"]["me"]["id"]


async def test_each_language_and_each_form_has_a_validator_of_its_own(portal: Portal) -> None:
    stranger, board = portal.stranger(), {"servicePoint": PLACE}
    zh = (await get(stranger, "HallBoard", board)).headers["etag"]
    en = await get(stranger, "HallBoard", board, accept_language="en", if_none_match=zh)
    modern = await get(stranger, "HallBoard", board, accept=MODERN, if_none_match=zh)
    assert (en.status_code, modern.status_code) == (200, 200)
    assert len({zh, en.headers["etag"], modern.headers["etag"]}) == 3


async def test_what_failed_is_kept_by_nobody(portal: Portal) -> None:
    refused = await get(portal.stranger(), "MyTickets", if_none_match="*")
    unknown = await portal.stranger().http.get("/graphql", params={"documentId": "0" * 64})
    not_for_get = await get(portal.stranger(), "SignOut")
    assert [one.status_code for one in (refused, unknown, not_for_get)] == [200, 400, 405]
    for answer in (refused, unknown, not_for_get):
        assert answer.headers["cache-control"] == NEVER_KEPT["cache-control"]
        assert "etag" not in answer.headers
    assert refused.json()["errors"][0]["extensions"]["code"] == "SIGN_IN_REQUIRED"


async def test_what_is_posted_has_no_validator(portal: Portal) -> None:
    text = (OPERATIONS / "FindItems.graphql").read_text(encoding="utf-8")
    posted = await portal.stranger().post({"documentId": document_id(text)}, **{"if-none-match": "*"})
    assert posted.status_code == 200
    assert "etag" not in posted.headers


def test_a_validator_is_of_the_bytes_and_the_form() -> None:
    tags = {etag(b"{}", "application/json"), etag(b"{} ", "application/json"), etag(b"{}", MODERN)}
    assert len(tags) == 3
    assert all(tag.startswith('"') and tag.endswith('"') and "," not in tag for tag in tags)
    assert is_known('"a"', ['"b"', 'W/"a"'])
    assert not is_known('"a"', [])
