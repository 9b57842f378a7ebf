"""A day of one's own at WeChat Pay, between a sandbox that has forgotten everything and nobody else's money."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count

from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.money import Fen
from app.payments.models import LedgerEntry, MoneyTask, PaymentAttempt, Statement
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.settling import settle
from tests.identity.accounts import make_staff
from tests.payments.stage import Payer, make_payer
from tests.portal import Portal

_numbers = count(1)
FEE = Fen(4000)
CHANNEL = "wechat"


@dataclass(frozen=True)
class Days:
    """Days nobody else has; the first of them is day 0. They lie ahead, for no sandbox goes back in time."""

    portal: Portal
    first: date

    @classmethod
    def next(cls, portal: Portal) -> Days:
        return cls(portal, clock.local(datetime.now(UTC)).date() + timedelta(days=5 * next(_numbers)))

    def day(self, number: int = 0) -> date:
        return self.first + timedelta(days=number)

    async def at(self, hour: int, minute: int = 0, second: int = 0, *, day: int = 0) -> AbstractContextManager[None]:
        """Both clocks, ours and WeChat's, at a moment in Shanghai; only ever forward."""
        moment = clock.at_local(self.day(day), hour, minute) + timedelta(seconds=second)
        ahead = (await self.portal.control.clock())["ahead"]
        await self.portal.control.advance_clock((moment - datetime.now(UTC)).total_seconds() - ahead)
        return clock.standing_at(moment)

    async def morning(self, day: int = 1) -> AbstractContextManager[None]:
        """When the account of the day before is there."""
        return await self.at(10, 30, day=day)

    async def paid(self, *, told: bool = True) -> Payer:
        """Somebody who pays now; whether we hear of it is another matter."""
        payer = await make_payer(self.portal)
        payable = await payer.open_order()
        await payer.pays(payable)
        if told:
            await settle(PaymentTruth(CHANNEL, payable.attempt.order_no, PaymentState.PAID, FEE, paid_at=clock.now()))
        return payer

    async def statement(self, number: int = 0) -> Statement:
        return await Statement.get(channel=CHANNEL, day=self.day(number))

    async def tasks(self, number: int = 0) -> list[tuple[str, str]]:
        """Kind and state of every task of a day, in order."""
        tasks = await MoneyTask.filter(channel=CHANNEL, day=self.day(number)).order_by("opened_at", "id")
        return [(task.kind.value, task.state.value) for task in tasks]

    async def fees(self, number: int = 0) -> list[tuple[str, int]]:
        """Unit and fen of what the channel kept of a day, entry by entry."""
        entries = await LedgerEntry.filter(day=self.day(number), account="FEES", channel=CHANNEL).order_by("id")
        return [(entry.unit, entry.amount_fen) for entry in entries]


async def attempt_of(payer: Payer) -> PaymentAttempt:
    return await PaymentAttempt.get(bill_id=payer.bill.id)


async def make_cashier() -> Actor:
    """Of all of the city."""
    return await make_staff(Role.CASHIER)
