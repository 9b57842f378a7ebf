"""What providers and browsers hear while PostgreSQL goes away."""

from __future__ import annotations

import asyncio

import httpx

from app.kernel.audit import AuditLine
from app.kernel.redis import redis
from tests.graphql.test_outages import _healed as _healed  # noqa: PLC0414 - the fixture holds here too
from tests.graphql.test_outages import cut
from tests.portal import Portal

_RECEIPT = {"code": "99010126", "number": "0000000001", "check": "AAAAAA"}


async def test_a_provider_is_told_to_come_again_and_a_browser_too(portal: Portal) -> None:
    """Never that it was a bug, that there is no such receipt, or that what was told is refused for good."""
    heard: dict[str, set[int]] = {"callback": set(), "page": set()}
    async for key in redis().scan_iter("*callback-refusal*"):  # beyond sixty a minute nothing is written
        await redis().delete(key)
    async with httpx.AsyncClient(base_url=portal.url) as anybody:
        for _ in range(200):
            asking = [
                asyncio.create_task(anybody.post("/callbacks/kuaidi100/tracking", content=b"sign=none&param={}")),
                asyncio.create_task(anybody.get("/receipts/verify", params=_RECEIPT)),
            ]
            await asyncio.to_thread(cut)
            for door, answering in zip(heard, asking, strict=True):
                answer = await answering
                heard[door].add(answer.status_code)
                if answer.status_code == 503:
                    assert (answer.headers["retry-after"], answer.text[:6]) == ("2", "系统正在恢复")
            if all(503 in statuses for statuses in heard.values()):
                break
    assert 503 in heard["callback"]
    assert 503 in heard["page"]
    assert not heard["callback"] & {204, 404, 500}
    assert heard["page"] <= {404, 429, 503}
    assert await AuditLine.filter(act="callback.refused").exists() or heard["callback"] == {503}
