"""Without this module every domain would open its own connection and its own kind of transaction."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]
import orjson
from tortoise import Tortoise
from tortoise.backends.base.client import (
    BaseDBAsyncClient,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connection, get_connections
from tortoise.transactions import in_transaction

from app.kernel.errors import PleaseRetry
from app.kernel.logging import get_logger
from app.kernel.outage import is_outage
from app.kernel.settings import get_settings

APP = "portal"
CONNECT_SECONDS = 10.0
"""A network that swallows everything says nothing: the driver would wait for a minute."""

_APP_DIR = Path(__file__).parent.parent
_KERNEL_MODELS = (
    "app.kernel.audit.lines",
    "app.kernel.clock.days",
    "app.kernel.inbox.notices",
    "app.kernel.inbox.requests",
)


def model_modules() -> list[str]:
    """Every module that declares tables: the kernel's own, then `models.py` of each domain."""
    domains = [f"app.{path.parent.name}.models" for path in sorted(_APP_DIR.glob("*/models.py"))]
    return [name for name in (*_KERNEL_MODELS, *domains) if find_spec(name)]


def tortoise_config(database_url: str) -> dict[str, Any]:
    """Tortoise's configuration for one PostgreSQL; `postgresql://` and `postgres://` are both understood."""
    return {
        "connections": {"default": _credentials(database_url)},
        "apps": {APP: {"models": model_modules(), "migrations": "migrations", "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


def _credentials(database_url: str) -> dict[str, Any]:
    url = urlsplit(database_url)
    query = parse_qs(url.query)
    host = query.get("host", ["127.0.0.1"])[0]
    encryption = {"ssl": query["sslmode"][0]} if "sslmode" in query else {}
    return {
        "engine": "tortoise.backends.asyncpg",
        "credentials": {
            "host": url.hostname or host,
            "port": url.port or 5432,
            "user": unquote(url.username or "postgres"),
            "password": unquote(url.password or ""),
            "database": unquote(url.path.lstrip("/")) or "postgres",
            "minsize": 1,
            "maxsize": get_settings().database_pool,
            "timeout": CONNECT_SECONDS,
            "server_settings": {"timezone": "UTC", "application_name": "portal"},
            **encryption,
        },
    }


def libpq_url(database_url: str) -> str:
    """The same address in the form psycopg reads (used by the worker)."""
    url = urlsplit(database_url)
    user = url.username or "postgres"
    secret = f":{url.password}" if url.password else ""
    host = url.hostname or ""
    port = f":{url.port}" if url.port else ""
    query = f"?{url.query}" if url.query else ""
    return f"postgresql://{user}{secret}@{host}{port}{url.path}{query}"


async def connect(database_url: str | None = None) -> None:
    """Open the pool. The fallback is global because Uvicorn runs the lifespan in another task than requests."""
    config = tortoise_config(database_url or get_settings().database_url)
    await Tortoise.init(config=config, _enable_global_fallback=True)


async def disconnect() -> None:
    await Tortoise.close_connections()


_log = get_logger(__name__)
_after_commit: ContextVar[list[Callable[[], None]] | None] = ContextVar("after_commit", default=None)


@contextmanager
def told_when_lost() -> Iterator[None]:
    """Raise `PleaseRetry` when the database goes away inside."""
    try:
        yield
    except PleaseRetry:
        raise
    except Exception as error:
        if not is_outage(error):
            raise
        _log.warning("the database went away", error=repr(error))
        raise PleaseRetry from error


@asynccontextmanager
async def transaction() -> AsyncIterator[BaseDBAsyncClient]:
    """One transaction at read committed; nested use joins a savepoint of the outer one.

    Raises `PleaseRetry` when the database goes away meanwhile; the changes may have been kept or not.
    """
    outermost = _after_commit.get() is None
    token = _after_commit.set([]) if outermost else None
    try:
        with told_when_lost():
            async with _begun() as begun:
                yield begun
        if outermost:
            for act in _after_commit.get() or ():
                act()
    finally:
        if token is not None:
            _after_commit.reset(token)


@asynccontextmanager
async def _begun() -> AsyncIterator[BaseDBAsyncClient]:
    """The ORM's transaction, also when it cannot begin or end.

    By itself the ORM then keeps the pool's connection for ever, and leaves this task believing that the dead
    transaction is still open: a request that was cut off at the wrong moment would cost a connection.
    """
    before, context = connection(), in_transaction()
    try:
        async with AsyncExitStack() as stack:
            try:
                begun = await stack.enter_async_context(context)
            except BaseException:
                await _let_go(context)
                raise
            yield begun
    finally:
        if connection() is not before:
            get_connections().set("default", before)


async def _let_go(context: TransactionContext) -> None:
    """Give the connection of a transaction that did not begin back to the pool, closed."""
    if isinstance(context, TransactionContextPooled) and context.client._connection is not None:  # noqa: SLF001
        with suppress(asyncpg.InterfaceError):  # the server closed it, and the driver has let go of it already
            context.client._connection.terminate()  # noqa: SLF001 - the ORM has no word for it
        await context.client._parent._pool.release(context.client._connection)  # noqa: SLF001


def after_commit(act: Callable[[], None]) -> None:
    """Do something of this process alone once the open transaction is committed; at once when none is open."""
    waiting = _after_commit.get()
    if waiting is None:
        act()
    else:
        waiting.append(act)


def connection() -> BaseDBAsyncClient:
    """The open transaction's connection inside `transaction()`, otherwise the pool."""
    return get_connection("default")


def in_open_transaction() -> bool:
    """Whether this task has one open; also known where there is no database."""
    return _after_commit.get() is not None and isinstance(connection(), TransactionalDBClient)


async def rows(sql: str, *values: object) -> Sequence[Mapping[str, Any]]:
    """Run one statement and give its rows as mappings; values are bound, never formatted in."""
    return await connection().execute_query_dict(sql, list(values))


async def row(sql: str, *values: object) -> Mapping[str, Any] | None:
    found = await rows(sql, *values)
    return found[0] if found else None


async def one_at_a_time(what: str) -> None:
    """Wait until nobody else's transaction holds `what`, then hold it until the end of the open one.

    For what has no row to lock yet: the first sign-in of a user, a number that nobody holds.
    """
    await rows("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", what)


async def reachable() -> None:
    """Raise when the database does not answer."""
    await rows("SELECT 1")


def json_text(value: object) -> str:
    """A value as JSON text for a `jsonb` parameter."""
    return orjson.dumps(value).decode()


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits, so keys grow with time."""
    value = int.from_bytes(os.urandom(16), "big")
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | (value & ((1 << 80) - 1))
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


def __getattr__(name: str) -> Any:
    # Tortoise's own command line (`make migrations`) asks for the configuration under this name.
    if name == "TORTOISE_ORM":
        return tortoise_config(get_settings().database_url)
    raise AttributeError(name)
