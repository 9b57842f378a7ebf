"""Evening: late payers come, hostility ends, and everything that the portal does by itself is given time to do it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.kernel import clock, db, jobs
from app.kernel.errors import ProviderUnavailable, Refusal
from app.payments.models import Bill
from app.payments.queries import attempts_to_ask_about
from app.payments.reconciling.commands import reconcile_missed
from app.payments.refunds.queries import refunds_to_ask_about
from app.payments.refunds.sending import pursue
from app.payments.rules import WAITING_FOR_MONEY
from app.payments.settling import ask_about, expire
from tests.chaos.payments.line import Line
from tests.chaos.payments.stack import Stack
from tests.chaos.payments.stories import PHONES, Stories

_BATCH = 100
_AT_ONCE = 8
_QUIET_SECONDS = 120.0
_QUIET_SECONDS_EACH = {True: 0.3, False: 0.0}
_HALF_AN_HOUR_LATER = timedelta(minutes=35)
_ANOTHER_MONTH = timedelta(days=40)

# What is still under way: jobs, notices, orders that may be paid, repayments a provider has to carry out.
_UNDER_WAY = """
    SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))::int AS jobs,
        (SELECT count(*) FROM inbox_notice WHERE state = 'RECEIVED')::int AS notices,
        (SELECT count(*) FROM payment_attempt WHERE state IN ('PREPARING', 'OPEN'))::int AS orders,
        (SELECT count(*) FROM refund r JOIN payment_attempt a ON a.id = r.attempt_id
         WHERE r.state IN ('APPROVED', 'PROCESSING', 'ABNORMAL') AND a.channel <> 'cash')::int AS refunds
"""
# As an operator does who does not want to wait: what failed is tried again now.
_NOW = "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND scheduled_at > now()"
_ABANDONED = """
    UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'
    WHERE id < (SELECT max(id) FROM procrastinate_workers)
"""


@dataclass
class Evening:
    stack: Stack
    stories: Stories
    tell: Callable[[str], None]
    patient: bool
    """Whether to wait for the worker to find by itself what a dead one held."""

    @property
    def line(self) -> Line:
        return self.stories.line

    async def pass_by(self) -> None:
        await self._orders_run_out()
        await self._some_pay_late(half=True)
        await self._bills_expire()
        await self._some_pay_late(half=False)
        await self.stack.control.be_hostile(**dict.fromkeys(_UNKIND, 0.0))
        await self._until_quiet()
        await self._close_the_days()
        await self._until_quiet()

    async def _orders_run_out(self) -> None:
        """Once each, while the providers are still hostile."""
        async with later(_HALF_AN_HOUR_LATER):
            await self._each(await self.line.patiently(lambda: attempts_to_ask_about(100_000)), ask_about)

    async def _some_pay_late(self, *, half: bool) -> None:
        late = self.stories.late
        some, self.stories.late = (late[::2], late[1::2]) if half else (late, [])
        for order in some:
            await self.stories.pays(order, "late")

    async def _bills_expire(self) -> None:
        found = await self.line.patiently(lambda: Bill.filter(state__in=WAITING_FOR_MONEY).order_by("id").only("id"))
        async with later(_ANOTHER_MONTH):
            await self._each([bill.id for bill in found[::2]], expire)

    async def _bury_the_dead(self) -> None:
        """All workers but the last have died: what they held is found without waiting for half a minute of silence."""
        await self.line.patiently(lambda: db.rows(_ABANDONED))
        async with jobs.opened(self.stack.servers.postgres.url) as queue:
            await jobs.rescue_stalled(queue)

    async def _until_quiet(self) -> None:
        give_up = time.monotonic() + _QUIET_SECONDS + _QUIET_SECONDS_EACH[self.patient] * self.stories.made
        still = 0
        while still < 3:
            await self._drive()
            left = await self._left()
            still = 0 if any(left.values()) else still + 1
            if time.monotonic() > give_up:
                self.line.unexplained.append(f"never quiet: {left}")
                return
            await asyncio.sleep(0.2)

    async def _left(self) -> dict[str, int]:
        found = await self.line.patiently(lambda: db.row(_UNDER_WAY))
        left = dict(found or {})
        left["callbacks"] = len(await self.line.again(self.stack.control.waiting))
        return left

    async def _drive(self) -> None:
        """The timetable's sweeps, as they come within the next days."""
        if not self.patient:
            await self._bury_the_dead()
        await self.line.patiently(lambda: db.rows(_NOW))
        async with later(_ANOTHER_MONTH):
            await self._each(await self.line.patiently(lambda: attempts_to_ask_about(_BATCH)), ask_about)
            await self._each(await self.line.patiently(lambda: refunds_to_ask_about(_BATCH)), pursue)

    async def _close_the_days(self) -> None:
        """The next morning the accounts of the run's days are there: money nobody told us of is found in them."""
        await self.stack.control.be_hostile(early_bills=True)
        bills = Bill.all().order_by("issued_at")
        first = await bills.first()
        assert first is not None
        day = clock.local(first.issued_at).date()
        while day <= clock.local(datetime.now(clock.SHANGHAI)).date():
            async with later(timedelta(days=1)):
                for channel in PHONES:
                    assert await reconcile_missed(channel, day), f"no account of {channel} for {day}"
            day += timedelta(days=1)

    async def _each(self, ids: list[UUID], act: Callable[[UUID], Awaitable[object]]) -> None:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(each: UUID) -> None:
            async with limit:
                try:
                    await self.line.patiently(lambda: act(each))
                except ProviderUnavailable:
                    pass  # as open as before
                except Refusal as refusal:
                    self.line.unexplained.append(f"{act.__name__}: {refusal!r}")

        await asyncio.gather(*(one(each) for each in ids))


@asynccontextmanager
async def later(by: timedelta) -> AsyncIterator[None]:
    with clock.standing_at(clock.now() + by):
        yield


_UNKIND = (
    "duplicate", "delay", "reorder", "drop", "forge", "wrong_amount", "server_error", "error_after_effect", "timeout",
    "garbage", "sign_test",
)  # fmt: skip
