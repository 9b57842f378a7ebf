from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from graphql_schema.documents import OPERATIONS, document_id
from graphql_schema.limits import MAX_BODY_BYTES
from tests.people import until
from tests.portal import Portal

MODERN, LEGACY = "application/graphql-response+json", "application/json"
QUESTION = "{ carriers { code } }"
INVALID = "{ nonsense }"


def trusted(name: str) -> str:
    return document_id((OPERATIONS / f"{name}.graphql").read_text())


def code_of(response: httpx.Response) -> str:
    """The code of the only error of an answer without data; every one quotes the request id."""
    answer = response.json()
    assert answer.keys() == {"errors"}
    [error] = answer["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (MODERN, MODERN),
        (LEGACY, LEGACY),
        ("*/*", LEGACY),
        ("", LEGACY),
        (f"{MODERN}, {LEGACY};q=0.9", MODERN),
        (f"{LEGACY}, {MODERN}", MODERN),
    ],
)
async def test_the_answer_comes_in_the_media_type_asked_for(portal: Portal, accept: str, answered: str) -> None:
    response = await portal.stranger().post({"query": QUESTION}, accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (200, answered)
    assert response.json()["data"]["carriers"]


@pytest.mark.parametrize(("accept", "status"), [(MODERN, 400), (LEGACY, 200)])
async def test_an_invalid_document_is_400_only_for_who_knows_the_new_media_type(
    portal: Portal, accept: str, status: int
) -> None:
    """GraphQL over HTTP, sections 6.4.1 and 6.4.2: legacy clients take anything but 200 for a lost line."""
    response = await portal.stranger().post({"query": INVALID}, accept=accept)
    assert response.status_code == status
    assert code_of(response) == "DOCUMENT_INVALID"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/graphql", "application/x-www-form-urlencoded", "multipart/form-data"],
)
async def test_only_json_is_read(portal: Portal, content_type: str) -> None:
    """A form that a foreign page could post without asking is not."""
    headers = {"content-type": content_type} if content_type else {}
    body = json.dumps({"query": QUESTION}).encode()
    response = await portal.stranger().http.post("/graphql", content=body, headers=headers)
    assert response.status_code == 415
    assert code_of(response) == "UNSUPPORTED_MEDIA_TYPE"


async def test_json_with_a_charset_is_json(portal: Portal) -> None:
    response = await portal.stranger().http.post(
        "/graphql", json={"query": QUESTION}, headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_413(portal: Portal, chunked: bool) -> None:
    """Also when its length was not announced."""
    body = json.dumps({"query": QUESTION, "variables": {"x": "x" * MAX_BODY_BYTES}}).encode()

    async def pieces() -> Any:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    response = await portal.stranger().http.post(
        "/graphql", content=pieces() if chunked else body, headers={"content-type": LEGACY}
    )
    assert response.status_code == 413
    assert code_of(response) == "BODY_TOO_LARGE"


@pytest.mark.parametrize("body", [b"", b"{", b"{'query': 1}", b"\xff\xfe", b'{"query": "{ me { id } }"', b"[" * 5000])
async def test_a_body_that_is_not_json_is_400(portal: Portal, body: bytes) -> None:
    response = await portal.stranger().http.post("/graphql", content=body, headers={"content-type": LEGACY})
    assert response.status_code == 400
    assert code_of(response) == "BAD_JSON"


@pytest.mark.parametrize(
    "body",
    [
        [{"query": QUESTION}, {"query": QUESTION}],
        [],
        "query",
        7,
        {},
        {"query": ""},
        {"query": "   "},
        {"query": 7},
        {"query": None, "variables": {}},
        {"query": QUESTION, "variables": []},
        {"query": QUESTION, "variables": "{}"},
        {"query": QUESTION, "operationName": 7},
        {"query": QUESTION, "variables": {"no column takes": "a null\u0000"}},
        {"query": 'mutation { signIn(code: "nor\\u{00}one in GraphQL\'s own words") { __typename } }'},
    ],
)
async def test_a_body_that_is_no_single_request_is_400(portal: Portal, body: Any) -> None:
    response = await portal.stranger().post(body)
    assert response.status_code == 400
    assert code_of(response) == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("query A { carriers { code } }", "B"),
        ("query A { carriers { code } } query B { carriers { code } }", None),
        ("fragment F on Carrier { code }", None),
    ],
)
async def test_it_must_be_clear_which_operation_is_meant(portal: Portal, query: str, name: str | None) -> None:
    response = await portal.stranger().post({"query": query, "operationName": name})
    assert code_of(response) in {"OPERATION_UNKNOWN", "DOCUMENT_INVALID"}


async def test_one_of_two_operations_runs_by_its_name(portal: Portal) -> None:
    query = "query A { carriers { code } } query B { paymentChannels { code } }"
    response = await portal.stranger().post({"query": query, "operationName": "B"})
    assert response.json() == {"data": {"paymentChannels": [{"code": "wechat"}, {"code": "alipay"}]}}


@pytest.mark.parametrize(
    "query", ["{ carriers { code }", "query {", "}{", "{ carriers { code } } garbage !", "\ufeff?"]
)
async def test_what_is_not_graphql_is_told_where_it_stops_being_it(portal: Portal, query: str) -> None:
    response = await portal.stranger().post({"query": query}, accept=MODERN)
    assert response.status_code == 400
    assert code_of(response) == "DOCUMENT_INVALID"
    assert response.json()["errors"][0]["locations"]


async def test_a_subscription_is_not_answered_here(portal: Portal) -> None:
    response = await portal.stranger().post({"query": "subscription { carriers { code } }"})
    assert "data" not in response.json()


async def test_a_trusted_document_runs_by_its_id(portal: Portal) -> None:
    response = await portal.stranger().post({"documentId": trusted("FindItems"), "variables": {"search": "身份证丢了"}})
    assert response.json()["data"]["items"]["edges"][0]["node"]["key"] == "id-card-replace"


@pytest.mark.parametrize("unknown", ["0" * 64, "", "FindItems", 7, {}, [], True])
async def test_an_unknown_document_id_is_told_apart(portal: Portal, unknown: Any) -> None:
    response = await portal.stranger().post({"documentId": unknown, "query": QUESTION})
    assert response.status_code == 400
    assert code_of(response) == "DOCUMENT_UNKNOWN"


async def test_a_trusted_query_may_be_asked_by_get(portal: Portal) -> None:
    response = await portal.stranger().http.get(
        "/graphql", params={"documentId": trusted("FindItems"), "variables": '{"search": "护照"}'}
    )
    assert response.status_code == 200
    assert response.json()["data"]["items"]["edges"]


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({}, 405, "METHOD_NOT_ALLOWED"),
        ({"query": QUESTION}, 405, "METHOD_NOT_ALLOWED"),
        ({"documentId": trusted("SignOut")}, 405, "METHOD_NOT_ALLOWED"),
        ({"documentId": "0" * 64}, 400, "DOCUMENT_UNKNOWN"),
        ({"documentId": trusted("FindItems"), "variables": "{"}, 400, "BAD_JSON"),
        ({"documentId": trusted("FindItems"), "variables": "[]"}, 400, "BAD_REQUEST"),
        ({"documentId": trusted("FindItems"), "operationName": "Other"}, 400, "OPERATION_UNKNOWN"),
    ],
)
async def test_nothing_else_is_answered_to_a_get(
    portal: Portal, parameters: dict[str, str], status: int, code: str
) -> None:
    """Above all no mutation: a link must not do anything."""
    response = await portal.stranger().http.get("/graphql", params=parameters)
    assert response.status_code == status
    assert code_of(response) == code


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_have_no_meaning(portal: Portal, method: str) -> None:
    response = await portal.stranger().http.request(method, "/graphql", json={"query": QUESTION})
    assert response.status_code == 405


async def test_a_phone_that_loses_the_line_half_way_harms_nobody(portal: Portal) -> None:
    address = urlsplit(portal.url)
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"POST /graphql HTTP/1.1\r\nHost: hall\r\nContent-Type: {LEGACY}\r\nContent-Length: 1000\r\n\r\n"
        writer.write(head.encode() + b'{"query"')
        await writer.drain()
        writer.close()
        await writer.wait_closed()

        async def is_over() -> bool:
            return any(line["event"] == "request" for line in logs)

        await until(is_over, what="the request to end")
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []
