"""A phone on one web process, the change made through another; processes and Redis that go away."""

from __future__ import annotations

import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from app.kernel.live import Live
from tests.http.stage import apply
from tests.kernel.redises import MortalRedis
from tests.live.sockets import Change, Socket, file_case, seen
from tests.people import until
from tests.portal import Portal
from tests.ports import free_port
from tests.representation.stage import make_someone


@asynccontextmanager
async def another_process(**variables: str) -> AsyncIterator[tuple[str, Process]]:
    """`portal serve` beside the one of the tests."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = await create_subprocess_exec(
        sys.executable, "-m", "app.cli", "serve",
        env=os.environ | {"PORTAL_PORT": str(port)} | variables, stderr=DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:

            async def is_serving() -> bool:
                assert process.returncode is None, "the web process did not start"
                try:
                    return (await client.get("/livez")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(is_serving, what="the web process to serve", seconds=180)
        yield url, process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def test_any_process_serves_any_phone(portal: Portal) -> None:
    """The change is made through the other; a process that is stopped says so, and the phone goes on elsewhere."""
    phone = await portal.phone()
    async with another_process() as (url, process):
        socket = await (await Socket.of(phone, url)).listen()
        case_id = await apply(phone)
        await portal.run_jobs()
        await socket.change()
        assert seen(socket.told[1:]) == [("CASE", case_id)]

        someone = await make_someone(portal)
        async with await (await Socket.of(someone.phone, url)).listen() as theirs:
            assert (await someone.phone.do("SignOut"))["done"] is True
            assert await theirs.closed(30) == (4403, "SESSION_ENDED"), "signed out through the other process"

        process.send_signal(signal.SIGTERM)
        assert (await socket.closed())[0] == 1012
    assert (await phone.do("WithdrawCase", id=case_id))["__typename"] == "Case"
    await portal.run_jobs()
    async with await Socket.of(phone) as again:
        await again.subscribe(after=socket.told[-1]["eventId"])
        await again.change()
    assert seen(again.told) == [("CASE", case_id)]
    assert again.told[0]["case"]["state"] == "WITHDRAWN"


@pytest.fixture
def mortal(tmp_path: Path) -> MortalRedis:
    return MortalRedis(tmp_path)


async def back_again(socket: Socket) -> Change:
    """The first change with a position: who looked for one meanwhile is told before that there is none."""
    while not (change := await socket.change(90))["eventId"]:
        assert change["kind"] == "EVERYTHING"
    return change


async def test_a_socket_outlives_redis(portal: Portal, mortal: MortalRedis) -> None:
    """While Redis is away the phone is told so and nothing breaks; when it is back, all goes on by itself."""
    someone = await make_someone(portal)
    assert someone.actor.id
    case = await file_case(someone.actor.id)
    mortal.start()
    async with another_process(PORTAL_REDIS_URL=mortal.url) as (url, _):
        waiting = await (await Socket.of(someone.phone, url)).listen()
        mortal.kill()
        coming = await Socket.of(someone.phone, url)
        await coming.subscribe()
        at_once = await coming.change()
        await waiting.say({"type": "ping"})
        while (heard := await waiting.hear()) != {"type": "pong"}:
            assert heard["payload"]["data"]["changes"]["eventId"] is None, heard
        mortal.start()
        back = [await back_again(waiting), await back_again(coming)]
        client = Redis.from_url(mortal.url, decode_responses=True)
        await Live(lambda: client).tell(someone.actor.id, "CASE", case.id)
        told = [await waiting.change(), await coming.change()]
        await client.aclose()
        waiting.cut()
        coming.cut()
    mortal.kill()

    assert (at_once["kind"], at_once["eventId"]) == ("EVERYTHING", None)
    assert [change["kind"] for change in back] == ["EVERYTHING", "EVERYTHING"]
    assert all(change["eventId"] for change in back)
    assert seen(told) == [("CASE", str(case.id))] * 2
