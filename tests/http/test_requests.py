from __future__ import annotations

import re

import pytest

from tests.portal import Portal


@pytest.mark.parametrize("sane", ["abcdefgh", "0190b6a1-7c2e-7d3f-8a4b-5c6d7e8f9a0b", "A" * 64])
@pytest.mark.parametrize("path", ["/livez", "/graphql", "/nowhere"])
async def test_a_sane_request_id_comes_back(portal: Portal, sane: str, path: str) -> None:
    response = await portal.stranger().http.get(path, headers={"X-Request-Id": sane})
    assert response.headers["x-request-id"] == sane


@pytest.mark.parametrize(
    "insane", ["", "short", "A" * 65, "with space", "semi;colon", "<script>alert(1)</script>", "é" * 9]
)
async def test_any_other_is_replaced(portal: Portal, insane: str) -> None:
    """It goes into logs and audit lines: nobody writes there what they like."""
    response = await portal.stranger().http.get("/livez", headers=[(b"x-request-id", insane.encode("latin-1"))])
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


async def test_every_request_has_an_id_of_its_own(portal: Portal) -> None:
    stranger = portal.stranger()
    ids = {(await stranger.http.get("/livez")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


async def test_the_answer_quotes_the_id(portal: Portal) -> None:
    """The resident reads it to whoever helps."""
    response = await portal.stranger().post({"query": "{ me { id } }"}, **{"x-request-id": "asked-for-help"})
    assert response.headers["x-request-id"] == "asked-for-help"
    assert response.json()["errors"][0]["extensions"]["requestId"] == "asked-for-help"
