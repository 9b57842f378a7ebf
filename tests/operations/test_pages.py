from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request

from app.http.health import _bears, health_routes
from app.http.home import StaffAccount, home_routes

CLERK = StaffAccount("受理", "窗口<一>员", "clerk", "clerk-dev")


async def nothing_pending() -> list[str]:
    return []


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    (tmp_path / "find.graphql").write_text("query Find($words: String!, $first: Int, $of: [ID!]!) { a }")
    (tmp_path / "broken.graphql").write_text("query {")
    (tmp_path / "zoom.graphql").write_text("# 1.2 later\nquery Zoom($words: String!, $first: Int, $of: [ID!]!) { a }")
    example = '# 例 e.g. {"words": "身份证丢了"}'
    (tmp_path / "walk.graphql").write_text(f"# 1.10 last\n{example}\nquery Walk($words: String!) {{ a }}")
    return Starlette(
        routes=[
            *home_routes(staff=[CLERK], sandbox_url="http://127.0.0.1:8001", operations=tmp_path),
            *health_routes(nothing_pending),
        ]
    )


async def get(app: Starlette, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as client:
        return await client.get(path)


def test_every_route_declares_who_may_call_it(app: Starlette) -> None:
    audiences = {getattr(route, "path", ""): getattr(route.endpoint, "open_to", None) for route in app.routes}  # type: ignore[attr-defined]
    assert audiences == {
        "/": "developers",
        "/graphiql": "developers",
        "/pages/{name}": "developers",
        "/livez": "everyone",
        "/readyz": "everyone",
        "/metrics": "monitoring",
    }


async def test_the_start_page_shows_the_staff_accounts_and_the_sandbox(app: Starlette) -> None:
    page = (await get(app, "/")).text
    assert "窗口&lt;一&gt;员" in page
    assert "<code>clerk-dev</code>" in page
    assert 'href="http://127.0.0.1:8001/"' in page


async def test_graphiql_has_a_tab_per_step_of_the_journey_in_its_order_with_variables_to_fill_in(
    app: Starlette,
) -> None:
    page = (await get(app, "/graphiql")).text
    content = re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)
    assert content is not None
    tabs = json.loads(content.group(1))["tabs"]
    assert [tab["query"][:10] for tab in tabs] == ["# 1.2 late", "# 1.10 las"]
    assert [json.loads(tab["variables"]) for tab in tabs] == [{"words": "", "of": []}, {"words": "身份证丢了"}]


async def test_every_file_a_page_asks_for_is_served_here(app: Starlette) -> None:
    for page in ("/", "/graphiql"):
        asked = re.findall(r'(?:src|href)="(/pages/[^"]+)"', (await get(app, page)).text)
        assert asked
        assert {path: (await get(app, path)).status_code for path in asked} == dict.fromkeys(asked, 200)


@pytest.mark.parametrize("path", ["/pages/home.html", "/pages/..%2Fhome.py", "/pages/nothing.js"])
async def test_no_other_file_is(app: Starlette, path: str) -> None:
    assert (await get(app, path)).status_code == 404


async def test_a_process_is_alive_whatever_else_is_lost(app: Starlette) -> None:
    answer = await get(app, "/livez")
    assert (answer.status_code, answer.text) == (200, "alive\n")


@pytest.mark.parametrize(
    ("sent", "token", "bears"),
    [("Bearer figures", "figures", True), ("Bearer other", "figures", False), ("Bearer ", "", False), ("", "", False)],
)
def test_figures_are_for_the_bearer_of_the_token(sent: str, token: str, bears: bool) -> None:
    request = Request({"type": "http", "headers": [(b"authorization", sent.encode())]})
    assert _bears(request, SecretStr(token)) is bears
