"""Without this module a wrong address would end in a stack trace, with the password in it."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import psycopg
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

_SECONDS = 5


def place(url: str, default_port: int) -> str:
    """`host:port` of an address, never its user or password."""
    try:
        parts = urlsplit(url)
        port = parts.port or default_port
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.hostname or 'localhost'}:{port}"


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


async def database_fault(url: str) -> str | None:
    """One sentence on why the database cannot be used and what to check, or nothing when it answers."""
    where = place(url, 5432)
    try:
        async with asyncio.timeout(_SECONDS + 1):
            connection = await psycopg.AsyncConnection.connect(url, connect_timeout=_SECONDS)
            await connection.close()
    except (psycopg.Error, OSError, TimeoutError, UnicodeError) as error:
        text = str(error)
        if "authentication failed" in text or "no password supplied" in text:
            return f"PostgreSQL at {where} refused the user or password in PORTAL_DATABASE_URL: correct them."
        if "does not exist" in text:
            name = urlsplit(url).path.lstrip("/")
            return (
                f"PostgreSQL at {where} has no such database or user: create database {name!r} with "
                "`createdb`, or correct PORTAL_DATABASE_URL."
            )
        return (
            f"No PostgreSQL answers at {where}: check that it runs there and that PORTAL_DATABASE_URL names "
            "the right host and port, or unset it to use a private one."
        )
    return None


async def redis_fault(url: str) -> str | None:
    """The same for Redis."""
    where = place(url, 6379)
    try:
        async with asyncio.timeout(_SECONDS + 1):
            async with Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS) as client:
                await client.ping()
    except AuthenticationError:
        return f"Redis at {where} refused the user or password in PORTAL_REDIS_URL: correct them."
    except (RedisError, OSError, TimeoutError, ValueError):
        return (
            f"No Redis answers at {where}: check that it runs there and that PORTAL_REDIS_URL names the "
            "right host and port, or unset it to use a private one."
        )
    return None
