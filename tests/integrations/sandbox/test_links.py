"""Without this module links and codes could be asked for in ways the platform refuses."""

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from integrations.sandbox.control import SandboxControl

PAGE = "pages/link/index"
LINK = {"path": PAGE, "query": "ticket=x", "expire_type": 1, "expire_interval": 30}
CODE = {"page": PAGE, "scene": "x"}
DAY = 86400


@pytest.fixture
async def token(control: SandboxControl, client: httpx.AsyncClient, env: dict[str, str]) -> dict[str, str]:
    account = {"appid": env["WECHAT_APP_ID"], "secret": env["WECHAT_APP_SECRET"]}
    told = await client.post("/cgi-bin/stable_token", json={"grant_type": "client_credential", **account})
    return {"access_token": told.json()["access_token"]}


async def made(client: httpx.AsyncClient, token: dict[str, str], **changes: Any) -> Any:
    wanted = {name: value for name, value in {**LINK, **changes}.items() if value is not None}
    return (await client.post("/wxa/generate_urllink", params=token, json=wanted)).json()


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"path": f"/{PAGE}"}, 40165),
        ({"path": f"{PAGE}?a=1"}, 40165),
        ({"path": "pages/none/at/all"}, 40165),
        ({"query": "a" * 1025}, 40212),
        ({"query": "票"}, 40212),
        ({"query": 1}, 40212),
        ({"expire_interval": 31}, 85401),
        ({"expire_interval": 0}, 85401),
        ({"expire_interval": None}, 85401),
        ({"expire_type": 0, "expire_time": 1}, 85401),
        ({"is_expire": False}, 85400),
        ({"env_version": "formal"}, 40097),
    ],
)
async def test_a_link_the_platform_would_not_make(
    client: httpx.AsyncClient, token: dict[str, str], control: SandboxControl, changes: dict[str, Any], errcode: int
) -> None:
    assert (await made(client, token, **changes))["errcode"] == errcode
    assert await control.url_links() == []


async def test_a_link_opens_its_page_until_it_ends(
    client: httpx.AsyncClient, token: dict[str, str], control: SandboxControl
) -> None:
    url = (await made(client, token, query="a" * 1024))["url_link"]
    opened = (await client.get(url)).json()
    assert (opened["path"], opened["query"]) == (PAGE, "a" * 1024)
    await control.advance_clock(30 * DAY - 60)
    assert (await client.get(url)).status_code == 200
    await control.advance_clock(60)
    assert (await client.get(url)).status_code == 404
    assert (await client.get(f"{url}x")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"scene": ""}, 40129),
        ({"scene": "x" * 33}, 40129),
        ({"scene": "100%"}, 40129),
        ({"scene": "票"}, 40129),
        ({"page": f"/{PAGE}"}, 41030),
        ({"page": f"{PAGE}?a=1", "check_path": False}, 41030),
        ({"page": "pages/none"}, 41030),
        ({"width": 279}, 40097),
        ({"width": 1281}, 40097),
        ({"width": "430"}, 40097),
        ({"env_version": "formal"}, 40097),
    ],
)
async def test_a_code_the_platform_would_not_draw(
    client: httpx.AsyncClient, token: dict[str, str], changes: dict[str, Any], errcode: int
) -> None:
    told = await client.post("/wxa/getwxacodeunlimit", params=token, json={**CODE, **changes})
    assert told.json()["errcode"] == errcode


async def test_a_code_is_a_jpeg_and_a_png_where_one_sees_through(
    client: httpx.AsyncClient, token: dict[str, str]
) -> None:
    formats = {}
    for see_through in (False, True):
        told = await client.post("/wxa/getwxacodeunlimit", params=token, json={**CODE, "is_hyaline": see_through})
        formats[see_through] = (told.headers["content-type"], Image.open(BytesIO(told.content)).size)
    assert formats == {False: ("image/jpeg", (430, 430)), True: ("image/png", (430, 430))}


async def test_the_door_is_shut_to_both(
    client: httpx.AsyncClient, token: dict[str, str], control: SandboxControl
) -> None:
    for state, left, errcode in (("busy", None, -1), ("unauthorised", None, 48001), ("open", 0, 45009)):
        await control.link_door(state, left=left)
        code = (await client.post("/wxa/getwxacodeunlimit", params=token, json=CODE)).json()
        assert ((await made(client, token))["errcode"], code["errcode"]) == (errcode, errcode)
    assert (await made(client, {}))["errcode"] == 41001
