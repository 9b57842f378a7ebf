from __future__ import annotations

import base64
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from graphql_schema.asked import _validated
from graphql_schema.documents import OPERATIONS, document_id
from tests.people import until
from tests.portal import Portal, environment
from tests.ports import free_port

FIND = (OPERATIONS / "FindItems.graphql").read_text()
ASKED = {"search": "身份证丢了"}
SETTINGS = {
    "PORTAL_ENV": "production",
    "PORTAL_PUBLIC_URL": "https://hall.example.gov.cn",
    "PORTAL_SECRET_KEY": "a secret of the tests with over thirty-two characters",
    "PORTAL_ENCRYPTION_KEYS": "t1:" + base64.b64encode(b"t" * 32).decode(),
    "PORTAL_GRAPHQL_ALLOW": "trusted",
}


@pytest.fixture(scope="module")
async def production(portal: Portal) -> AsyncIterator[httpx.AsyncClient]:
    """`portal serve` as a process of its own with the settings of production."""
    port = free_port()
    process = await create_subprocess_exec(
        sys.executable, "-m", "app.cli", "serve", env=os.environ | SETTINGS | {"PORTAL_PORT": str(port)}, stderr=DEVNULL
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:

        async def is_serving() -> bool:
            assert process.returncode is None, "the web process did not start"
            try:
                return (await client.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await until(is_serving, what="the web process to serve")
        yield client
    process.send_signal(signal.SIGTERM)
    assert await process.wait() in {0, -signal.SIGTERM}


async def refused(production: httpx.AsyncClient, body: object) -> str:
    response = await production.post("/graphql", json=body)
    assert response.json().keys() == {"errors"}
    return str(response.json()["errors"][0]["extensions"]["code"])


async def test_a_trusted_document_is_executed_by_id_and_by_text(production: httpx.AsyncClient) -> None:
    by_id = await production.post("/graphql", json={"documentId": document_id(FIND), "variables": ASKED})
    by_text = await production.post("/graphql", json={"query": FIND, "variables": ASKED})
    assert by_id.json() == by_text.json()
    assert by_id.json()["data"]["items"]["edges"][0]["node"]["key"] == "id-card-replace"


@pytest.mark.parametrize(
    "query",
    [
        "{ carriers { code } }",
        FIND + "\n",
        FIND.replace("{", " {", 1),
        FIND + "query More { me { id } }",
        "{ __schema { types { name } } }",
        "{ __typename }",
        "{ carrier { code } }",
    ],
)
async def test_any_other_document_is_not(production: httpx.AsyncClient, query: str) -> None:
    """Not even looked at: neither introspection nor a suggestion can be had."""
    assert await refused(production, {"query": query, "variables": ASKED}) == "DOCUMENT_NOT_TRUSTED"
    assert await refused(production, {"documentId": document_id(query)}) == "DOCUMENT_UNKNOWN"


async def test_a_token_of_another_city_is_worth_nothing(portal: Portal, production: httpx.AsyncClient) -> None:
    """Same database, other secret."""
    phone = await portal.phone(proven=False)
    me = document_id((OPERATIONS / "Me.graphql").read_text())
    response = await production.post(
        "/graphql", json={"documentId": me}, headers={"authorization": f"Bearer {phone.access}"}
    )
    assert response.json()["errors"][0]["extensions"]["code"] == "SESSION_ENDED"


@pytest.mark.parametrize("path", ["/", "/graphiql", "/metrics", "/docs", "/openapi.json"])
async def test_what_helps_developers_is_not_there(production: httpx.AsyncClient, path: str) -> None:
    assert (await production.get(path)).status_code == 404


@pytest.fixture
def settings_of_production(portal: Portal) -> Iterator[None]:
    """Here, without the list of trusted documents in front."""
    with environment(SETTINGS):
        _validated.cache_clear()
        yield
    _validated.cache_clear()


@pytest.mark.usefixtures("settings_of_production")
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ __schema { queryType { name } } }", "GraphQL introspection has been disabled"),
        ('{ __type(name: "Case") { name } }', "GraphQL introspection has been disabled"),
        ("{ carrier { code } }", "Cannot query field 'carrier' on type 'Query'."),
        ('{ items(serch: "x") { edges { cursor } } }', "Unknown argument 'serch'"),
        ("{ desk(states: [SUBMITED]) { edges { cursor } } }", "does not exist in 'CaseState' enum"),
        ("query Q($a: Strin) { items(search: $a) { edges { cursor } } }", "Unknown type 'Strin'."),
    ],
)
async def test_behind_the_first_lock_there_is_a_second(portal: Portal, query: str, told: str) -> None:
    """Should the list of trusted documents ever be opened, nothing of the schema is told either."""
    messages = [error.message for error in _validated(query)]
    assert told in messages[0]
    assert "Did you mean" not in " ".join(messages)
