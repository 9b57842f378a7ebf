"""Without this module each provider's tests would start the sandbox and catch its callbacks in their own way."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.kernel import ports
from app.kernel.callbacks import CallbackReader, CallbackRefused, RawCallback, Received
from app.kernel.http import OutboundClient
from app.kernel.redis import disconnect
from app.kernel.settings import get_settings
from tests.ports import HOST, free_port

ROOT = Path(__file__).resolve().parents[3]
NO_REDIS = "redis://127.0.0.1:1/0"
"""Nobody listens there: adapters have to live without it, and do in every test that does not say otherwise."""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox and the settings with which an adapter reaches it."""

    base_url: str
    environment: Mapping[str, str]


@contextmanager
def running_sandbox(state: Path) -> Iterator[Sandbox]:
    """The providers' side as a process of its own, as in development."""
    port = free_port()
    command = [sys.executable, "-m", "integrations.sandbox", "--state", str(state), "--port", str(port)]
    printed = subprocess.run(  # noqa: S603 - our own module, no shell
        [*command, "--print-env"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    environment = dict(line.split("=", 1) for line in printed.stdout.splitlines())
    with (state / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)  # noqa: S603 - our own module
        try:
            _wait_until_it_answers(f"http://{HOST}:{port}/__ctl/health", process, state / "sandbox.log")
            yield Sandbox(f"http://{HOST}:{port}", environment)
        finally:
            process.terminate()
            process.wait(60)


@asynccontextmanager
async def connected(*providers: str, **environment: str) -> AsyncIterator[OutboundClient]:
    """These providers wired as production wires them, with exactly this environment; undone at the end."""
    before = {port: dict(adapters) for port, adapters in ports._adapters.items()}
    http = OutboundClient()
    await disconnect()
    with environment_of({"PORTAL_REDIS_URL": NO_REDIS, **environment}):
        try:
            ports.clear()
            for provider in providers:
                importlib.import_module(f"integrations.{provider}").connect(http)
            yield http
        finally:
            ports.clear()
            ports._adapters.update(before)
            await disconnect()
            await http.close()


@contextmanager
def environment_of(environment: Mapping[str, str]) -> Iterator[None]:
    """Settings are read from the environment only, so a test says them there; an empty value takes one away."""
    before = dict(os.environ)
    os.environ.update(environment)
    for name in [name for name, value in environment.items() if not value]:
        del os.environ[name]
    get_settings.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        get_settings.cache_clear()


@dataclass
class Door:
    """Where the sandbox's callbacks arrive: read by the real reader, answered as it says, and kept."""

    url: str
    raw: list[RawCallback] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        provider, kind = request.path_params["provider"], request.path_params["kind"]
        headers = {name.lower(): value for name, value in request.headers.items()}
        raw = RawCallback(provider, kind, headers, dict(request.query_params), await request.body())
        self.raw.append(raw)
        reader = ports.get(CallbackReader, f"{provider}/{kind}")
        try:
            self.received.append(await reader.read(raw))
            answer = reader.acknowledge()
        except CallbackRefused as refusal:
            self.refused.append(refusal.reason)
            answer = reader.refuse(refusal.reason)
        return Response(answer.body, answer.status, media_type=answer.media_type)


@asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    port = free_port()
    door = Door(f"http://{HOST}:{port}")
    app = Starlette(routes=[Route("/callbacks/{provider}/{kind}", door.receive, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield door
    finally:
        server.should_exit = True
        await serving


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(log.read_text())
