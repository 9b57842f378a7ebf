from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from app.kernel import db
from tests.portal import Portal


@asynccontextmanager
async def lost(table: str) -> AsyncIterator[None]:
    """A fault nobody foresaw: a table is gone for the time of one request."""
    await db.rows(f'ALTER TABLE "{table}" RENAME TO mislaid')
    try:
        yield
    finally:
        await db.rows(f'ALTER TABLE mislaid RENAME TO "{table}"')


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("zh-CN", "服务出现问题,请稍后再试"), ("en", "Something went wrong on our side.")],
)
async def test_a_bug_in_a_resolver_is_masked_and_logged(portal: Portal, language: str, sentence: str) -> None:
    """The resident gets a sentence and a number to quote, the operator the trace."""
    stranger = portal.stranger()
    stranger.http.headers["accept-language"] = language
    stranger.http.headers["x-request-id"] = "quote-this-number"
    async with lost("service_point"):
        with capture_logs() as logs:
            answer = (await stranger.post({"query": "{ servicePoints { key } }"})).json()

    [error] = answer["errors"]
    assert error == {
        "message": sentence,
        "path": ["servicePoints"],
        "extensions": {"code": "INTERNAL_ERROR", "requestId": "quote-this-number"},
    }
    assert answer["data"] is None
    [logged] = [line for line in logs if line["event"] == "bug in a resolver"]
    assert "service_point" in str(logged["exc_info"])
    assert "errors" not in await stranger.ask("ServicePoints")


async def test_a_bug_before_any_resolver_is_masked_too(portal: Portal) -> None:
    """Not even who is asking can be found out."""
    phone = await portal.phone(proven=False)
    async with lost("session"):
        with capture_logs() as logs:
            response = await phone.post({"query": "{ me { id } }"})

    assert response.status_code == 500
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": response.headers["x-request-id"]}
    assert "session" not in response.text
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["bug in the endpoint"]
    assert "errors" not in await phone.ask("Me")
