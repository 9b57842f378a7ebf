"""Without this module there would be no courier: the control calls that scan parcels and push their news."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from integrations.sandbox.clock import BEIJING, rfc3339
from integrations.sandbox.desk import Form, Unacceptable, control_route, read_form
from integrations.sandbox.kuaidi100.carriers import CARRIERS, NUMBER
from integrations.sandbox.kuaidi100.parcels import (
    STEPS,
    Parcel,
    Row,
    is_finished,
    newest_first,
    parcels,
    scan,
)
from integrations.sandbox.kuaidi100.pushes import PushMode, push, push_normally, pushes_in_mode
from integrations.sandbox.kuaidi100.watching import Subscription, watchers
from integrations.sandbox.messenger import Callback, Reply, describe
from integrations.sandbox.world import World

Times = Annotated[int, Field(ge=1, le=200)]


class Scan(Form):
    """`at` is ISO 8601, Beijing time when it has no offset; `phone` is the tail a query must know."""

    step: str
    text: Annotated[str, Field(max_length=4000)] = ""
    at: datetime | None = None
    push: bool = True
    carrier: str = ""
    phone: Annotated[str, Field(pattern=r"^(\d{4,11})?$")] = ""


class Push(Form):
    """`keep` first forgets all but the oldest rows: the rewritten history an updateall is about."""

    mode: PushMode = "normal"
    times: Times = 1
    parallel: bool = False
    keep: Annotated[int, Field(ge=0)] | None = None


class Event(Form):
    step: str
    text: str = ""
    at: datetime | None = None


class UnaskedPush(Form):
    url: str
    carrier: str
    number: str
    events: tuple[Event, ...] = ()


def control_routes(world: World) -> list[Route]:
    return [
        control_route(world, "/parcels", "GET", list_parcels),
        control_route(world, "/parcels/{number}", "GET", show_parcel),
        control_route(world, "/parcels/{number}/scan", "POST", scan_parcel),
        control_route(world, "/parcels/{number}/push", "POST", push_parcel),
        control_route(world, "/push", "POST", push_unasked),
    ]


async def scan_parcel(world: World, request: Request) -> object:
    wanted = await read_form(request, Scan)
    parcel = _parcel_for(world, request.path_params["number"], wanted)
    row = _row(world, Event(step=wanted.step, text=wanted.text, at=wanted.at))
    parcel = scan(world, parcel, row["step"], row["text"], row["at"])
    reached = push_normally(world, parcel) if wanted.push else 0
    return {**_shown(world, parcel), "pushed_to": reached}


async def list_parcels(world: World, _: Request) -> object:
    return [_shown(world, parcel) for parcel in parcels(world).every()]


async def show_parcel(world: World, request: Request) -> object:
    return _shown(world, _parcel(world, request.path_params["number"]))


async def push_parcel(world: World, request: Request) -> object:
    wanted = await read_form(request, Push)
    parcel = _parcel(world, request.path_params["number"])
    if wanted.keep is not None:
        kept = list(reversed(newest_first(parcel.rows)))[: wanted.keep]
        parcel = replace(parcel, rows=kept)
        parcels(world).put(parcel.number, parcel)
    if wanted.mode == "stale" and len(parcel.rows) < 2:
        raise Unacceptable("A stale push needs two rows.", 409)
    known = watchers(world, parcel.number)
    if not known:
        raise Unacceptable("Nobody subscribed to this number.", 409)
    callbacks = [one for who in known for one in pushes_in_mode(world, who, parcel, wanted.mode)]
    return await _send(world, callbacks * wanted.times, parallel=wanted.parallel)


async def push_unasked(world: World, request: Request) -> object:
    """A correctly signed push for a number nobody subscribed to, with the account's own salt."""
    wanted = await read_form(request, UnaskedPush)
    rows = [_row(world, event) for event in wanted.events or (Event(step="in_transit"),)]
    stranger = Subscription(
        number=wanted.number,
        carrier=wanted.carrier,
        callback_url=wanted.url,
        salt=world.keys.account.kuaidi100_salt,
        phone="",
        level="4",
        since=time.time(),
    )
    return await _send(world, [push(stranger, rows)], parallel=False)


async def _send(world: World, callbacks: list[Callback], *, parallel: bool) -> object:
    replies: list[Reply] = []
    if parallel:
        replies += await asyncio.gather(*(world.messenger.send_now(one) for one in callbacks))
    else:
        replies += [await world.messenger.send_now(one) for one in callbacks]
    return [describe(reply) for reply in replies]


def _parcel(world: World, number: str) -> Parcel:
    parcel = parcels(world).get(number)
    if parcel is None:
        raise Unacceptable("No such parcel.", 404)
    return parcel


def _parcel_for(world: World, number: str, wanted: Scan) -> Parcel:
    parcel = parcels(world).get(number)
    if parcel is not None:
        if wanted.carrier and wanted.carrier != parcel.carrier:
            raise Unacceptable(f"The parcel travels with {parcel.carrier}.", 409)
        return replace(parcel, phone=wanted.phone[-4:]) if wanted.phone else parcel
    if not NUMBER.fullmatch(number):
        raise Unacceptable("A parcel number has 6 to 32 letters and digits.", 422)
    if wanted.carrier not in CARRIERS:
        raise Unacceptable("Nobody subscribed to this number yet: name a known carrier.", 422)
    return Parcel(number, wanted.carrier, [], phone=wanted.phone[-4:])


def _row(world: World, event: Event) -> Row:
    if event.step not in STEPS:
        raise Unacceptable(f"step is one of {', '.join(STEPS)}.", 422)
    if event.at is None:
        moment = world.clock.now()
    else:
        moment = (event.at if event.at.tzinfo else event.at.replace(tzinfo=BEIJING)).timestamp()
    return Row(at=moment, step=event.step, text=event.text or STEPS[event.step].text)


def _shown(world: World, parcel: Parcel) -> dict[str, object]:
    known = watchers(world, parcel.number)
    return {
        "number": parcel.number,
        "carrier": parcel.carrier,
        "finished": is_finished(parcel.rows),
        "rows": [
            {"at": rfc3339(row["at"]), "step": row["step"], "text": row["text"]} for row in newest_first(parcel.rows)
        ],
        "subscriptions": [{"url": one.callback_url, "watching": one.is_watching} for one in known],
    }
