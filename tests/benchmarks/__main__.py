"""`make bench`: what recognising, booking, parcels, paying and telling cost, beside what they cannot do without."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import tempfile
from pathlib import Path

import click

from app.embedded import start_postgres
from app.identity import sessions
from app.identity.models import Resident
from app.identity.queries import actor_of, recent_sessions
from app.identity.tokens import Tokens
from app.kernel import clock, db
from app.kernel.logging import configure_logging
from app.migrating import migrate
from tests.benchmarks.booking import booking
from tests.benchmarks.delivery import delivery
from tests.benchmarks.live import sockets
from tests.benchmarks.measuring import Measured, measure, table
from tests.benchmarks.messages import messages
from tests.benchmarks.payments import payments
from tests.benchmarks.requests import Knock
from tests.portal import environment

GOAL_MICROSECONDS = 150
_SIGNED_BYTES = len("access") + 16 + 5


async def _signed_in() -> Tokens:
    resident = await Resident.create(level=1, created_at=clock.now())
    return await sessions.open_session(channel="wechat", device="测试手机", resident_id=resident.id)


async def recognising(tokens: Tokens) -> list[Measured]:
    """A bare HMAC first: no signed token can cost less."""
    secret, message = b"k" * 35, b"m" * _SIGNED_BYTES

    async def sign() -> bytes:
        return hmac.new(secret, message, hashlib.sha256).digest()

    async def warm() -> object:
        return await actor_of(tokens.access)

    async def cold() -> object:
        recent_sessions.forget(tokens.session_id)
        return await actor_of(tokens.access)

    assert await warm() == await cold()
    calls = {f"HMAC-SHA256 of {_SIGNED_BYTES} bytes": sign, "who speaks, warm": warm, "who speaks, cold": cold}
    return await measure(calls, times=1_000)


async def requesting(tokens: Tokens) -> list[Measured]:
    """The smallest request there is, by nobody and by a resident."""
    from app.main import app  # assembled with the settings of this run

    nobody, resident = Knock(app, "{ __typename }"), Knock(app, "{ __typename }", tokens.access)
    for knock in (nobody, resident):
        await knock()
        assert (knock.status, knock.answer) == (200, b'{"data":{"__typename":"Query"}}'), knock.answer
    return await measure({"a request of nobody": nobody, "the same of a resident, warm": resident}, times=300)


async def run(url: str) -> None:
    await migrate(url)
    await db.connect()
    try:
        tokens = await _signed_in()
        bare, warm, cold = await recognising(tokens)
        nobody, resident = await requesting(tokens)
        await booking()
        await delivery()
    finally:
        await db.disconnect()
    assert cold.statements == 1, "the counter of statements is deaf"
    reached = warm.microseconds < GOAL_MICROSECONDS and not warm.statements
    click.echo(table([bare, warm, cold, nobody, resident], unit=bare))
    click.echo(f"\na resident's request costs {resident.microseconds / nobody.microseconds:.2f} times nobody's")
    click.echo(f"goal: under {GOAL_MICROSECONDS} µs and no statement when warm: {'reached' if reached else 'MISSED'}")


def main() -> None:
    configure_logging("json", "bench")
    logging.getLogger().setLevel(logging.WARNING)  # a line for each request would be most of the figures
    with tempfile.TemporaryDirectory(prefix="zhangting-bench-") as folder:
        postgres = start_postgres(Path(folder) / "postgres", durable=False)
        try:
            with environment({"PORTAL_ENV": "test", "PORTAL_DATABASE_URL": postgres.url}):
                asyncio.run(run(postgres.url))
        finally:
            postgres.stop()
    asyncio.run(payments())
    asyncio.run(messages())
    asyncio.run(sockets())


if __name__ == "__main__":
    main()
