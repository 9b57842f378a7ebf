"""A browser on a phone or a desk, and what comes of the addresses it is sent to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import httpx

from app.kernel import redis
from app.links.things import LinkKind, Thing
from app.links.tickets import link_to
from tests.identity.accounts import make_resident
from tests.messages.stage import book
from tests.portal import Portal, environment

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
IN_WECHAT, IN_ALIPAY = f"{PHONE} MicroMessenger/8.0.60", f"{PHONE} AlipayClient/10.7.0"
COMPUTER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_NOWHERE = "redis://127.0.0.1:1/0"


async def browse(url: str, browser: str = PHONE, *, local_address: str = "127.0.0.1") -> httpx.Response:
    """What a browser is answered, before it goes where that may send it."""
    transport = httpx.AsyncHTTPTransport(local_address=local_address)
    async with httpx.AsyncClient(transport=transport, timeout=30) as client:
        return await client.get(url, headers={"user-agent": browser})


async def ticket_behind(answer: httpx.Response) -> str:
    """Follow a redirect to WeChat's side, and read the ticket with which the mini-program is opened there."""
    assert answer.status_code == 302, answer.text
    opened: dict[str, Any] = (await browse(answer.headers["location"])).json()
    assert opened["path"] == "pages/link/index", opened
    [ticket] = parse_qs(str(opened["query"]))["ticket"]
    return ticket


async def a_link() -> str:
    """To a booking nobody has opened a link to yet."""
    return link_to(Thing(LinkKind.BOOKING, (await book(await make_resident())).id))


async def links_made(portal: Portal, url: str) -> int:
    return len(await portal.control.url_links(f"ticket={url.rpartition('/')[2]}"))


@asynccontextmanager
async def without_redis() -> AsyncIterator[None]:
    await redis.disconnect()
    with environment({"PORTAL_REDIS_URL": _NOWHERE}):
        yield
        await redis.disconnect()
