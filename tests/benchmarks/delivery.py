"""Pushes of Kuaidi100 verified, stored, answered and taken, beside the bare MD5; and one parcel with too many rows."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from urllib.parse import urlencode

import click
import orjson

from app.delivery.models import Parcel
from app.delivery.ports import ParcelState, TrackingEvent, TrackingSnapshot
from app.delivery.tracking import take_snapshot
from app.kernel import clock, db
from app.kernel.http import OutboundClient
from app.kernel.inbox.notices import Notice, process
from app.wiring import load_reactions
from integrations import kuaidi100
from tests.benchmarks.measuring import measure
from tests.benchmarks.requests import Knock
from tests.delivery.stage import Sent, send
from tests.portal import environment

PUSHES = 300
ROWS = 12
FLOOD = 100_000
_PATH = "/callbacks/kuaidi100/tracking"
_FORM = {"content-type": "application/x-www-form-urlencoded", "host": "127.0.0.1"}
_FLOOD = """
    INSERT INTO parcel_event (id, parcel_id, key, at, rank, text, place, raw_code, state, undoes, received_at, voided)
    SELECT gen_random_uuid(), $1, 'k' || n, $2::timestamptz + n * interval '1 second', 1, '到达', '', '1002',
           'IN_TRANSIT', '', $2, false
    FROM generate_series(1, $3) AS n
"""


async def delivery() -> None:
    """Print the figures. The database is open, migrated and seeded."""
    salt = secrets.token_hex(8)
    settings = {"KUAIDI100_CUSTOMER": "bench", "KUAIDI100_KEY": "bench", "KUAIDI100_SALT": salt}
    http = OutboundClient()
    with environment(settings):
        load_reactions()
        kuaidi100.connect(http)
        sent = [await send() for _ in range(PUSHES)]
        bodies = [_push(each.number, salt) for each in sent]
        bare = await _md5(bodies[0])
        answered, taken = await _pushed(bodies)
        begun = time.perf_counter()
        few = await _flooded(await send(), 0)
        many = await _flooded(await send(), FLOOD)
    await http.close()
    click.echo(
        f"\na push of {ROWS} rows, CPU of one core: verified, stored and answered {answered:.0f} µs "
        f"({1e6 / answered:,.0f}/s, {answered / bare:.0f} times its MD5), taken by the worker {taken:.0f} µs more "
        f"({1e6 / (answered + taken):,.0f}/s in all)\n"
        f"a push to a parcel of one row takes {few:.0f} ms, to one of {FLOOD:,} rows {many:.0f} ms "
        f"({time.perf_counter() - begun:.1f} s with laying them)"
    )


def _push(number: str, salt: str) -> bytes:
    now = clock.local(clock.now())
    data = [
        {
            "ftime": f"{now - timedelta(hours=hour):%Y-%m-%d %H:%M:%S}",
            "context": f"到达第{hour}站",
            "statusCode": "1002",
        }
        for hour in range(ROWS)
    ]
    result = {"nu": number, "com": "ems", "state": "0", "data": data}
    param = orjson.dumps({"status": "polling", "message": "", "lastResult": result}).decode()
    sign = hashlib.md5((param + salt).encode()).hexdigest().upper()  # noqa: S324 - the provider's choice
    return urlencode({"param": param, "sign": sign}).encode()


async def _md5(body: bytes) -> float:
    async def digest() -> object:
        return hashlib.md5(body).hexdigest()  # noqa: S324 - the same

    [line] = await measure({"md5": digest}, times=1_000)
    return line.microseconds


async def _pushed(bodies: Sequence[bytes]) -> tuple[float, float]:
    """CPU microseconds of this process for one push: to answer it, and to take it from the stored row."""
    from app.main import app  # assembled with the settings of this run

    knocks = [Knock.at(app, _PATH, body, _FORM) for body in bodies]
    answered = await _cpu(knocks)
    assert {knock.status for knock in knocks} == {200}, knocks[0].answer
    stored = await Notice.filter(topic="delivery.snapshot", state="RECEIVED")
    assert len(stored) == len(bodies)
    taken = await _cpu([_handling(str(notice.id)) for notice in stored])
    assert await Parcel.filter(state=ParcelState.IN_TRANSIT).count() == len(bodies)
    return answered, taken


def _handling(notice_id: str) -> Callable[[], Awaitable[None]]:
    return lambda: process.work(notice_id=notice_id)


async def _cpu(calls: Sequence[Callable[[], Awaitable[object]]]) -> float:
    """Of one call; each can be made once only, so there are no rounds to choose the best of."""
    begun = time.process_time()
    for call in calls:
        await call()
    return (time.process_time() - begun) / len(calls) * 1e6


async def _flooded(sent: Sent, rows: int) -> float:
    """Wall milliseconds of a push of one row, database included."""
    await db.rows(_FLOOD, sent.parcel.id, clock.now() - timedelta(days=3), rows)
    event = TrackingEvent(clock.now(), "派件", "", "5", ParcelState.OUT_FOR_DELIVERY)
    begun = time.perf_counter()
    await take_snapshot(TrackingSnapshot("kuaidi100", "ems", sent.number, (event,), partial=True))
    return (time.perf_counter() - begun) * 1_000
