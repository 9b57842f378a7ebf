"""Without this module every provider would read bodies, roll the dice and write the journal in its own way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.sandbox.hostility import RequestFate
from integrations.sandbox.journal import Entry
from integrations.sandbox.masking import mask_body, mask_query
from integrations.sandbox.world import World

LARGEST_BODY = 256 * 1024
EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


@dataclass(frozen=True)
class Call:
    """A provider request as it came: `target` is path and query byte by byte, as signatures need them."""

    method: str
    target: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What goes back, and the word the journal and the log have for it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    verdict: str = "ok"


class Refused(Exception):
    """A provider's refusal in its own words; each provider has a subclass that composes the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.verdict)
        self.answer = answer


Handler = Callable[[World, Call], Answer]


@dataclass(frozen=True)
class Provider:
    """A provider's name and its ways of failing: one of `failures` is chosen when the dice say so, and composed
    for the call if it has to be signed. `subject` tells apart the calls of a path that serves many methods.
    """

    name: str
    failures: Sequence[Answer | Handler]
    missign: Callable[[Answer], Answer] = lambda answer: answer
    subject: Callable[[Call], str] = lambda _: ""


def provider_route(
    world: World, provider: Provider, path: str, handler: Handler, methods: Sequence[str] = EVERY_METHOD
) -> Route:
    """An endpoint of a provider. Handlers are plain functions: nothing interleaves with what they decide."""

    async def endpoint(request: Request) -> Response:
        if request.method not in methods:  # Starlette would let HEAD pass for GET
            return Response(status_code=405)
        started = time.perf_counter()
        call = await _read(request)
        if call is None:
            return Response(status_code=413)
        fate = world.dice.request(f"{request.method} {path} {provider.subject(call)}".rstrip())
        answer = await _meet(request, world, provider, handler, call, fate)
        _note(world, provider, call, answer, fate, time.perf_counter() - started)
        return Response(answer.body, answer.status, dict(answer.headers))

    return Route(path, endpoint, methods=list(methods))


async def _meet(
    request: Request, world: World, provider: Provider, handler: Handler, call: Call, fate: RequestFate
) -> Answer:
    if fate.fault == "server_error":
        return _fail(world, provider, call, fate)
    if fate.fault == "timeout" and not fate.effect_first:
        await _hold(request, world)
        return _fail(world, provider, call, fate)
    answer = _handle(world, handler, call)
    if fate.fault == "timeout":
        await _hold(request, world)
    elif fate.fault == "error_after_effect":
        return _fail(world, provider, call, fate)
    elif fate.fault == "garbage":
        return _garble(answer, fate.draw)
    elif fate.fault == "sign_test":
        return provider.missign(answer)
    return answer


def _fail(world: World, provider: Provider, call: Call, fate: RequestFate) -> Answer:
    failure = provider.failures[int(fate.draw * len(provider.failures))]
    return failure if isinstance(failure, Answer) else failure(world, call)


def _handle(world: World, handler: Handler, call: Call) -> Answer:
    try:
        return handler(world, call)
    except Refused as refusal:
        return refusal.answer


async def _hold(request: Request, world: World) -> None:
    """Say nothing until the caller hangs up or the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(world.dice.now.timeout_seconds):
            await request.receive()  # the body was read, so the next message is the hang-up


def _garble(answer: Answer, draw: float) -> Answer:
    if draw < 0.5:
        page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
        return Answer(200, page.encode(), {"content-type": "text/html"}, "garbage")
    return replace(answer, body=answer.body[: len(answer.body) // 2], verdict="garbage")


async def _read(request: Request) -> Call | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    query = request.scope["query_string"]
    target = request.scope["raw_path"] + (b"?" + query if query else b"")
    return Call(
        method=request.method,
        target=target.decode("latin-1"),
        query=request.query_params,
        headers=request.headers,
        body=body,
        variables=request.path_params,
    )


def _note(world: World, provider: Provider, call: Call, answer: Answer, fate: RequestFate, seconds: float) -> None:
    what = f"{call.method} {call.target.partition('?')[0]} {provider.subject(call)}".rstrip()
    detail = " ".join(part for part in (mask_query(call.query), mask_body(call.body)) if part)
    entry = Entry(
        time.time(), "request", provider.name, what, answer.status, answer.verdict, detail,
        fate.fault, round(seconds * 1000),
    )  # fmt: skip
    world.journal.write(entry)
