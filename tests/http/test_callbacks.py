from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from app.kernel import db
from app.kernel.audit import AuditLine
from app.kernel.callbacks import MAX_CALLBACK_BYTES
from app.kernel.inbox.notices import Notice
from tests.http.stage import lines_since, newest_line
from tests.people import until
from tests.portal import Portal


@pytest.mark.parametrize("path", ["alipay/gossip", "wechat/gossip", "nobody/nothing", "wechat/..%2Fpayment"])
async def test_there_is_no_door_for_who_is_not_a_provider(portal: Portal, path: str) -> None:
    start = await newest_line()
    response = await portal.stranger().http.post(f"/callbacks/{path}", content=b"{}")
    assert response.status_code == 404
    assert await lines_since(start) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_providers_post(portal: Portal, method: str) -> None:
    response = await portal.stranger().http.request(method, "/callbacks/wechat/payment")
    assert response.status_code == 405


async def test_a_body_larger_than_any_provider_sends_is_refused(portal: Portal) -> None:
    kept, start = await Notice.all().count(), await newest_line()
    response = await portal.stranger().http.post("/callbacks/wechat/payment", content=b"x" * (MAX_CALLBACK_BYTES + 1))
    assert response.status_code == 400
    assert await Notice.all().count() == kept
    assert await lines_since(start) == [("callback.refused", "too large")]


@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff", b"[" * 10_000, b'{"event_type": "TRANSACTION.SUCCESS"}'])
async def test_what_is_not_signed_is_not_even_read(portal: Portal, body: bytes) -> None:
    start = await newest_line()
    response = await portal.stranger().http.post("/callbacks/wechat/payment", content=body)
    assert response.status_code in {400, 401}
    assert response.json() == {"code": "FAIL", "message": "失败"}
    assert [act for act, _ in await lines_since(start)] == ["callback.refused"]


async def test_a_caller_that_hangs_up_half_way_leaves_nothing(portal: Portal) -> None:
    """The announced body never comes: nothing is kept, one audit line, and the process goes on serving."""
    kept, start = await Notice.all().count(), await newest_line()
    address = urlsplit(portal.url)
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"POST /callbacks/wechat/payment HTTP/1.1\r\nHost: hall\r\nContent-Length: 1000\r\n\r\n{half")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

        async def is_over() -> bool:
            return any(line["event"] == "request" for line in logs)

        await until(is_over, what="the request to end")

    assert await Notice.all().count() == kept
    assert await lines_since(start) == [("callback.refused", "cut off")]
    assert [line["log_level"] for line in logs if line["log_level"] == "error"] == []
    assert (await portal.stranger().http.get("/livez")).status_code == 200


async def test_an_audit_line_of_a_refusal_names_the_address_and_the_request(portal: Portal) -> None:
    request_id = db.new_id().hex
    await portal.stranger().http.post("/callbacks/wechat/payment", content=b"{}", headers={"X-Request-Id": request_id})
    line = await AuditLine.get(request_id=request_id)
    assert (line.actor, line.subject, line.detail) == (
        "provider:wechat",
        "callback:wechat/payment",
        {"address": "127.0.0.1"},
    )
