"""Without this module the sandbox itself could not be steered: hostility, clock, journal, waiting callbacks, reset."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.clock import rfc3339
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form, read_json
from integrations.sandbox.world import World


class Advance(Form):
    """Seconds by which codes, tokens, orders and parcels grow older, or younger again."""

    advance: Annotated[float, Field(ge=-400 * 86400, le=400 * 86400)]


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/hostility", "GET", show_hostility),
        control_route(world, "/hostility", "POST", change_hostility),
        control_route(world, "/hostility", "DELETE", be_kind),
        control_route(world, "/clock", "GET", show_clock),
        control_route(world, "/clock", "POST", advance_clock),
        control_route(world, "/journal", "GET", show_journal),
        control_route(world, "/callbacks", "GET", show_callbacks),
        control_route(world, "/reset", "POST", reset),
        control_route(world, "/health", "GET", health),
    ]


async def show_hostility(world: World, _: Request) -> object:
    return asdict(world.dice.now)


async def change_hostility(world: World, request: Request) -> object:
    return asdict(world.dice.change(await read_json(request)))


async def be_kind(world: World, _: Request) -> object:
    return asdict(world.dice.be_kind())


async def show_clock(world: World, _: Request) -> object:
    return {"now": rfc3339(world.clock.now()), "ahead": world.clock.ahead}


async def advance_clock(world: World, request: Request) -> object:
    world.clock.advance((await read_form(request, Advance)).advance)
    return await show_clock(world, request)


async def show_journal(world: World, request: Request) -> object:
    after = request.query_params.get("after") or "0"
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Unacceptable("after is the id of the last entry you have.")
    return [{"id": place, **asdict(entry)} for place, entry in world.journal.since(int(after))]


async def show_callbacks(world: World, _: Request) -> object:
    now = time.time()
    return [
        {
            "provider": one.channel,
            "event": one.event,
            "subject": one.subject,
            "url": one.url,
            "attempt": one.attempt,
            "due_in": round(max(one.due - now, 0.0), 3),
        }
        for one in world.messenger.pending()
    ]


async def reset(world: World, _: Request) -> object:
    world.forget()
    return {"reset": True}


async def health(world: World, _: Request) -> object:
    return {"status": "ok", "base_url": world.base_url, "waiting": len(world.messenger.pending())}
