from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from structlog.testing import capture_logs

from app.kernel import db, metrics
from app.kernel.http import MAX_ANSWER_BYTES, OutboundClient, ProviderSilent
from tests.portal import Portal

HANG_UP, SAY_NOTHING, SAY_TOO_MUCH = "hang up", "say nothing", "say too much"
Script = list[int | str]


@dataclass
class Provider:
    """A server that answers by a script and remembers what it was asked."""

    script: Iterator[int | str]
    url: str = ""
    asked: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0)
        self.asked.append(head + await reader.readexactly(length))
        step = next(self.script)
        if step == SAY_NOTHING:
            await reader.read()
        elif step == SAY_TOO_MUCH:
            size = MAX_ANSWER_BYTES + 1
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)
        elif step != HANG_UP:
            writer.write(
                f"HTTP/1.1 {step} So\r\nContent-Length: 2\r\nX-Word: Ding\r\nConnection: close\r\n\r\nok".encode()
            )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def provider(*script: int | str) -> AsyncIterator[Provider]:
    playing = Provider(iter(script))
    server = await asyncio.start_server(playing.answer, "127.0.0.1", 0)
    playing.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield playing


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    impatient = OutboundClient(httpx.AsyncClient(timeout=httpx.Timeout(0.3, connect=5), trust_env=False))
    yield impatient
    await impatient.close()


async def test_bytes_go_out_as_given_and_come_back_raw(client: OutboundClient) -> None:
    async with provider(200) as bank:
        url = f"{bank.url}/pay?b=2&a=%E4%B8%AD"
        answer = await client.send(
            "bank", "pay", "POST", url, headers={"X-Sign": "abc"}, content='{"金额": 1}'.encode()
        )
    assert (answer.status, answer.body, answer.headers["x-word"]) == (200, b"ok", "Ding")
    [asked] = bank.asked
    assert asked.startswith(b"POST /pay?b=2&a=%E4%B8%AD HTTP/1.1\r\n")
    assert asked.endswith('\r\n\r\n{"金额": 1}'.encode())


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
async def test_any_status_is_an_answer_and_is_not_asked_for_again(client: OutboundClient, status: int) -> None:
    """Redirects are not followed: a signed request must not wander."""
    async with provider(status) as bank:
        assert (await client.send("bank", "pay", "POST", bank.url)).status == status
    assert len(bank.asked) == 1


@pytest.mark.parametrize("fault", [500, 502, 503, HANG_UP, SAY_NOTHING])
async def test_what_may_be_repeated_is_repeated(client: OutboundClient, fault: int | str) -> None:
    async with provider(fault, 200) as bank:
        assert (await client.send("bank", "ask", "GET", bank.url, may_repeat=True)).status == 200
    assert len(bank.asked) == 2
    assert bank.asked[0] == bank.asked[1]


async def test_after_three_tries_the_last_answer_stands(client: OutboundClient) -> None:
    async with provider(502, 503, 500) as bank:
        assert (await client.send("bank", "ask", "GET", bank.url, may_repeat=True)).status == 500
    assert len(bank.asked) == 3


@pytest.mark.parametrize("status", [400, 404, 429, 501, 504])
async def test_an_answer_that_says_no_is_not_asked_for_again(client: OutboundClient, status: int) -> None:
    async with provider(status) as bank:
        assert (await client.send("bank", "ask", "GET", bank.url, may_repeat=True)).status == status
    assert len(bank.asked) == 1


async def test_a_file_may_be_as_large_as_its_reader_says(client: OutboundClient) -> None:
    async with provider(SAY_TOO_MUCH) as bank:
        answer = await client.send("bank", "file", "GET", bank.url, most_bytes=MAX_ANSWER_BYTES + 1)
    assert answer.body == b"x" * (MAX_ANSWER_BYTES + 1)


@pytest.mark.parametrize("fault", [HANG_UP, SAY_NOTHING, SAY_TOO_MUCH])
async def test_no_usable_answer_to_a_write_leaves_its_outcome_unknown(client: OutboundClient, fault: str) -> None:
    """And it is not sent again: the money may have moved."""
    async with provider(fault) as bank:
        with pytest.raises(ProviderSilent) as silent:
            await client.send("bank", "pay", "POST", bank.url)
    assert (silent.value.provider, silent.value.operation, silent.value.outcome_unknown) == ("bank", "pay", True)
    assert len(bank.asked) == 1


async def test_a_connection_that_never_stood_has_a_known_outcome(client: OutboundClient) -> None:
    with pytest.raises(ProviderSilent) as silent:
        await client.send("bank", "pay", "POST", "http://127.0.0.1:1/pay")
    assert not silent.value.outcome_unknown


async def test_neither_log_nor_error_holds_what_was_sent(client: OutboundClient) -> None:
    """No query, no header, no body; but provider, operation, outcome and time."""
    sent = {"headers": {"Authorization": "5ecret-head"}, "content": b"5ecret-body"}
    async with provider(200, HANG_UP) as bank:
        with capture_logs() as logs:
            await client.send("bank", "pay", "POST", f"{bank.url}/?key=5ecret-query", **sent)  # type: ignore[arg-type]
            with pytest.raises(ProviderSilent) as silent:
                await client.send("bank", "pay", "POST", f"{bank.url}/?key=5ecret-query", **sent)  # type: ignore[arg-type]
    assert "5ecret" not in repr(logs) + str(silent.value)
    assert [(line["provider"], line["operation"], line["outcome"]) for line in logs] == [
        ("bank", "pay", "200"),
        ("bank", "pay", "failed"),
    ]


async def test_no_provider_is_asked_inside_a_transaction(portal: Portal, client: OutboundClient) -> None:
    """So that no test of an adapter passes where it would."""
    async with provider() as bank, db.transaction():
        with pytest.raises(RuntimeError, match="bank pay must be asked outside the transaction"):
            await client.send("bank", "pay", "POST", bank.url)
        async with db.transaction():
            with pytest.raises(RuntimeError, match="outside"):
                await client.send("bank", "pay", "POST", bank.url)
    assert bank.asked == []


async def test_once_a_transaction_is_over_its_task_may_ask_again(portal: Portal, client: OutboundClient) -> None:
    async with db.transaction():
        pass
    async with provider(200) as bank:
        assert (await client.send("bank", "pay", "POST", bank.url)).status == 200


async def test_every_try_is_counted(client: OutboundClient) -> None:
    async with provider(503, 200) as bank:
        await client.send("counted-bank", "ask", "GET", bank.url, may_repeat=True)
    figures = metrics.exposition().decode()
    for outcome in ("503", "200"):
        labels = f'operation="ask",outcome="{outcome}",provider="counted-bank"'
        assert f"portal_outbound_seconds_count{{{labels}}} 1.0" in figures
