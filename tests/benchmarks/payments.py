"""Orders and notices of WeChat Pay with real RSA both ways, beside the bare cryptography they cannot do without."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click
import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from app.identity.models import ChannelBinding
from app.kernel import clock, db
from app.kernel.inbox.notices import Notice, process
from app.payments.models import Bill, PaymentAttempt
from app.payments.states import AttemptState, BillState
from graphql_schema.documents import OPERATIONS
from integrations.sandbox.messenger import Sealed
from integrations.sandbox.wechat_pay.notices import PayChannel, payment_callback
from integrations.sandbox.wechat_pay.orders import orders
from integrations.sandbox.world import World
from tests.benchmarks.measuring import Measured, measure
from tests.benchmarks.requests import Knock
from tests.chaos.payments.line import Caller
from tests.chaos.payments.people import make_notice
from tests.chaos.payments.stack import Stack, running_stack
from tests.identity.accounts import make_resident
from tests.people import new_key

ORDERS = 300
AT_ONCE = 32
_NOTICES = "/callbacks/wechat/payment"
_PAID = """
    SELECT count(*)::int AS times FROM bill WHERE id = ANY($1::uuid[]) AND state NOT IN ('CREATED', 'PAYING')
"""


@dataclass(frozen=True)
class Bare:
    """CPU microseconds of one of each."""

    sign: float
    verify: float
    decrypt: float

    @property
    def of_an_order(self) -> float:
        """The request is signed, its answer verified, the phone's parameters are signed."""
        return 2 * self.sign + self.verify

    @property
    def of_a_notice(self) -> float:
        return self.verify + self.decrypt


async def payments() -> None:
    """Print the figures, on a stack of its own. Call it from the main thread."""
    with tempfile.TemporaryDirectory(prefix="zhangting-bench-") as folder:
        async with running_stack(Path(folder), None) as stack:
            await stack.control.be_hostile(notify_by_itself=False)
            bare = await _bare()
            made = await _bills(stack, ORDERS)
            prepared = await _prepared(made)
            quietly, loudly = made[: ORDERS // 2], made[ORDERS // 2 :]
            notices = await _paid(stack, made)
            stack.programs["worker"].kill()
            answered, settled = await _settled([notices[bill.id] for _, bill in quietly])
            stack.programs["worker"].start()
            waits, seconds = await _under_load(stack, [notices[bill.id] for _, bill in loudly])
            ended = await _until_settled([bill for _, bill in loudly])
    _tell(bare, prepared, answered, settled)
    waits.sort()
    click.echo(
        f"\nunder load, {AT_ONCE} notices at a time and a worker beside: {len(waits) / seconds:,.0f} answered/s, "
        f"{len(waits) / (seconds + ended):,.0f} settled/s\n"
        f"an answer takes {waits[len(waits) // 2]:.1f} ms, p99 {waits[len(waits) * 99 // 100]:.1f} ms; "
        "WeChat Pay waits 5,000"
    )


async def _bare() -> Bare:
    key, message, sealed = generate_private_key(65537, 2048), secrets.token_bytes(700), AESGCM(secrets.token_bytes(32))
    signature, public = key.sign(message, PKCS1v15(), SHA256()), key.public_key()
    ciphertext = sealed.encrypt(b"n" * 12, message, b"transaction")

    async def sign() -> object:
        return key.sign(message, PKCS1v15(), SHA256())

    async def verify() -> None:
        public.verify(signature, message, PKCS1v15(), SHA256())

    async def decrypt() -> object:
        return sealed.decrypt(b"n" * 12, ciphertext, b"transaction")

    measured = await measure({"sign": sign, "verify": verify, "decrypt": decrypt}, times=100)
    return Bare(*(each.microseconds for each in measured))


Due = tuple[Caller, Bill]


async def _bills(stack: Stack, count: int) -> list[Due]:
    """Each of a resident of their own."""
    made, chance = [], random.Random(1)  # noqa: S311 - chance, not a secret
    for _ in range(count):
        actor, phone = await make_resident(), await stack.control.make_phone()
        await ChannelBinding.create(
            resident_id=actor.id,
            channel="wechat",
            app_id=os.environ["WECHAT_APP_ID"],
            open_id=phone.openid,
            bound_at=clock.now(),
        )
        caller = Caller(actor, "wechat", phone.openid)
        await caller.enter()
        made.append((caller, await make_notice(actor, chance)))
    return made


async def _prepared(made: Sequence[Due]) -> float:
    """CPU microseconds of this process for an order: the whole request of a phone."""
    from app.main import app  # assembled with the settings of this run

    document = (OPERATIONS / "Pay.graphql").read_text(encoding="utf-8")
    knocks = [
        Knock(app, document, caller.access, billId=str(bill.id), idempotencyKey=new_key()) for caller, bill in made
    ]
    spent = await _cpu(knocks)
    assert all(b'"Payable"' in knock.answer for knock in knocks), knocks[0].answer
    return spent


async def _paid(stack: Stack, made: Sequence[Due]) -> dict[UUID, Sealed]:
    """Everybody pays; the notices are sealed and not yet sent, by bill."""
    world = World(stack.sandbox.state, stack.sandbox.base_url)
    channel, sealed = PayChannel(world), {}
    for _, bill in made:
        attempt = await PaymentAttempt.get(bill_id=bill.id, state=AttemptState.OPEN)
        await stack.control.pay_order(attempt.order_no)
        order = orders(world).get(attempt.order_no)
        assert order is not None
        sealed[bill.id] = channel.seal(payment_callback(world, order, "normal"))
    world.records.close()
    return sealed


async def _settled(notices: Sequence[Sealed]) -> tuple[float, float]:
    """CPU microseconds for a notice: to verify, store and answer it; to settle it from the stored row."""
    from app.main import app  # the same

    knocks = [Knock.at(app, _NOTICES, each.body.encode(), each.headers) for each in notices]
    answered = await _cpu(knocks)
    assert {knock.status for knock in knocks} == {204}
    stored = await Notice.filter(state="RECEIVED")
    assert len(stored) == len(notices)
    settled = await _cpu([_handling(str(notice.id)) for notice in stored])
    assert await Notice.filter(id__in=[notice.id for notice in stored], remark="SETTLE").count() == len(notices)
    return answered, settled


def _handling(notice_id: str) -> Callable[[], Awaitable[None]]:
    return lambda: process.work(notice_id=notice_id)


async def _cpu(calls: Sequence[Callable[[], Awaitable[object]]]) -> float:
    """Of one call; each can be made once only, so there are no rounds to choose the best of."""
    begun = time.process_time()
    for call in calls:
        await call()
    return (time.process_time() - begun) / len(calls) * 1e6


async def _under_load(stack: Stack, notices: Sequence[Sealed]) -> tuple[list[float], float]:
    """Milliseconds of every answer, and seconds of all."""
    waits: list[float] = []
    left = list(notices)

    async def sender(client: httpx.AsyncClient) -> None:
        while left:
            notice = left.pop()
            asked = time.perf_counter()
            answer = await client.post(_NOTICES, content=notice.body.encode(), headers=notice.headers)
            waits.append((time.perf_counter() - asked) * 1_000)
            assert answer.status_code == httpx.codes.NO_CONTENT, answer.text

    begun = time.perf_counter()
    async with httpx.AsyncClient(base_url=stack.url, timeout=30.0, trust_env=False) as client:
        await asyncio.gather(*(sender(client) for _ in range(AT_ONCE)))
    return waits, time.perf_counter() - begun


async def _until_settled(bills: Sequence[Bill]) -> float:
    begun, ids = time.perf_counter(), [bill.id for bill in bills]
    while (await db.row(_PAID, ids) or {})["times"] < len(ids):  # noqa: ASYNC110 - the worker offers no event
        await asyncio.sleep(0.05)
    assert await Bill.filter(id__in=ids, state__in=[BillState.CREATED, BillState.PAYING]).count() == 0
    return time.perf_counter() - begun


def _tell(bare: Bare, prepared: float, answered: float, settled: float) -> None:
    rows = [
        Measured("an order prepared: the phone's whole request", prepared, 0),
        Measured("a notice verified, stored and answered", answered, 0),
        Measured("the same and settled by the worker", answered + settled, 0),
    ]
    floors = [bare.of_an_order, bare.of_a_notice, bare.of_a_notice]
    width = max(len(row.what) for row in rows) + 2
    click.echo(
        f"\npayments, WeChat Pay, CPU of one core; bare: RSA-2048 signature {bare.sign:.0f} µs, "
        f"verification {bare.verify:.0f} µs, AES-256-GCM {bare.decrypt:.0f} µs\n"
    )
    click.echo(f"{'':<{width}}{'per second':>12}{'CPU µs':>10}{'bare µs':>10}{'ratio':>8}")
    for row, floor in zip(rows, floors, strict=True):
        each = f"{1e6 / row.microseconds:>12,.0f}{row.microseconds:>10.0f}{floor:>10.0f}"
        click.echo(f"{row.what:<{width}}{each}{row.microseconds / floor:>8.1f}")
