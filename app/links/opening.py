"""Without this module every tap on a link would cost a call at the host app, twenty taps at once twenty.

What was made is kept in Redis, and in each process one call at a time is made for a thing. A lost Redis costs calls.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta

from app.kernel import ports
from app.kernel.errors import ProviderUnavailable, Refusal
from app.kernel.logging import get_logger
from app.kernel.redis import RedisLost, redis
from app.links.ports import AppCodes, AppOpener, Picture

_log = get_logger(__name__)

LANDING = "pages/link/index"
"""The page of the mini-program that asks `linkTarget` and goes on from there."""

_SPARE = timedelta(days=1)
"""An address that was just handed out has to serve for a while."""

_CODE_KEPT = timedelta(days=1)
_making: dict[str, asyncio.Task[str]] = {}


async def address_of(ticket: str, user_agent: str) -> str:
    """Where a browser is sent to open the app: its own app's address in the browser of a host app, otherwise the
    first app's. Raises `ProviderUnavailable`.
    """
    openers = ports.every(AppOpener)
    code = next((code for code, one in openers.items() if one.browser_mark in user_agent), next(iter(openers), None))
    if code is None:
        raise _no_app()
    opener, query = openers[code], f"ticket={ticket}"
    if opener.good_for is None:
        return await opener.address(LANDING, query)
    return await _kept(f"link:{code}:{ticket}", opener.good_for - _SPARE, lambda: opener.address(LANDING, query))


async def code_of(ticket: str, width: int) -> Picture:
    """The code that opens the app, a width of pixels that the caller has checked. Raises `ProviderUnavailable`."""
    found = next(iter(ports.every(AppCodes).items()), None)
    if found is None:
        raise _no_app()
    code, drawer = found

    async def draw() -> str:
        picture = await drawer.picture(LANDING, ticket, width)
        return f"{picture.media_type} {base64.b64encode(picture.content).decode()}"

    media_type, _, content = (await _kept(f"link-code:{code}:{ticket}:{width}", _CODE_KEPT, draw)).partition(" ")
    return Picture(base64.b64decode(content), media_type)


async def _kept(key: str, lasts: timedelta, make: Callable[[], Awaitable[str]]) -> str:
    try:
        found = await redis().get(key)
    except RedisLost:
        _log.warning("links without Redis")
        found = None
    return str(found) if found else await _once(key, lasts, make)


async def _once(key: str, lasts: timedelta, make: Callable[[], Awaitable[str]]) -> str:
    task = _making.get(key)
    if task is None:
        task = _making[key] = asyncio.ensure_future(_make(key, lasts, make))
        task.add_done_callback(lambda done: _ended(key, done))
    try:
        return await asyncio.shield(task)  # the others wait for it even when who asked first is gone
    except Refusal as refusal:
        raise refusal.again() from None


async def _make(key: str, lasts: timedelta, make: Callable[[], Awaitable[str]]) -> str:
    made = await make()
    try:
        await redis().set(key, made, ex=lasts)
    except RedisLost:
        _log.warning("links without Redis")
    return made


def _ended(key: str, done: asyncio.Task[str]) -> None:
    del _making[key]
    if not done.cancelled():
        done.exception()  # also when nobody waits any more


def _no_app() -> ProviderUnavailable:
    return ProviderUnavailable(service_zh="小程序", service_en="The app")
