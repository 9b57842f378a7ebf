"""What residents and cashiers do about a bill, one story after another, as chance has it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from app.payments.models import Bill
from integrations.sandbox.control import ControlRefused, SandboxControl
from tests.chaos.payments.line import Caller, GaveUp, Line
from tests.chaos.payments.people import Person, Staffed, make_fee, make_notice, make_person
from tests.people import new_key

PHONES = ("wechat", "alipay")
_SUCCESS = {"wechat": "requestPayment:ok", "alipay": "9000"}
_WAITS_FOR_MONEY = {"CREATED", "PAYING"}
_OF_CASES = 0.15


@dataclass(frozen=True)
class Order:
    """What a phone has in its hand to pay with."""

    phone: Caller
    order_no: str
    parameters: dict[str, str]


@dataclass
class Till:
    """The cashier's own truth: money taken by bill, money handed back by refund. Amounts in fen."""

    taken: dict[str, int] = field(default_factory=dict)
    handed_back: dict[str, int] = field(default_factory=dict)


@dataclass
class Stories:
    line: Line
    control: SandboxControl
    people: list[Person]
    staffed: Staffed
    random: random.Random
    till: Till = field(default_factory=Till)
    made: int = 0
    """Payments so far, by what host apps and cashiers said."""

    told: Counter[str] = field(default_factory=Counter)
    late: list[Order] = field(default_factory=list)
    """Orders whose payer will be late."""

    async def next(self) -> None:
        [story] = self.random.choices([story for story, _ in STORIES], [weight for _, weight in STORIES])
        person, bill = await self.line.patiently(self._somebody_owes)
        self.told[story.__name__] += 1
        try:
            await story(self, person, bill)
        except GaveUp:
            self.told["gave up"] += 1

    async def _somebody_owes(self) -> tuple[Person, Bill]:
        if self.random.random() < _OF_CASES:
            person = await self.line.again(lambda: make_person(self.control))
            return person, await make_fee(person)
        person = self.random.choice(self.people)
        return person, await make_notice(person.actor, self.random)

    # what people can do

    async def opens(self, person: Person, bill: Bill, channel: str) -> Order | None:
        phone = person.phones[channel]
        told = await self.line.ask(phone, "Pay", billId=str(bill.id), channel=channel, idempotencyKey=new_key())
        if told["__typename"] != "Payable":
            return None
        return Order(phone, told["orderNo"], {each["name"]: each["value"] for each in told["parameters"]})

    async def pays(self, order: Order | None, outcome: str = "ok") -> bool:
        """In the host app, which may refuse: paid already, or closed."""
        if order is None:
            return False
        act = self.control.pay if order.phone.channel == "wechat" else self.control.trade_pay
        try:
            said = await self.line.again(lambda: act(order.phone.open_id, order.parameters, outcome=outcome))
        except ControlRefused:
            return False
        paid = said == _SUCCESS[order.phone.channel]
        self.made += paid
        return paid

    async def confirms(self, person: Person, bill: Bill) -> str:
        """The phone's return: gives the state of the bill, or why there is none."""
        phone = person.phones[self.random.choice(PHONES)]
        told = await self.line.ask(phone, "ConfirmPayment", billId=str(bill.id))
        return str(told.get("state") or told["code"])

    async def hands_over(self, bill: Bill) -> bool:
        """Cash on the counter; the cashier keeps it when the portal says that the bill is paid with it."""
        key, fen = new_key(), bill.total_fen
        while True:
            try:
                told = await self.line.ask(
                    self.staffed.cashier,
                    "CollectAtWindow",
                    billId=str(bill.id),
                    channel="cash",
                    amountFen=fen,
                    idempotencyKey=key,
                )
            except GaveUp:
                continue  # money lies on the counter: nobody leaves
            if told["__typename"] != "Bill":
                return False
            self.till.taken[str(bill.id)] = fen
            self.made += 1
            return True

    async def is_paid(self, person: Person, bill: Bill) -> bool:
        for _ in range(4):
            state = await self.confirms(person, bill)
            if state not in _WAITS_FOR_MONEY:
                return state in {"PAID", "RECEIPTED", "PARTIALLY_REFUNDED"}
            await asyncio.sleep(0.2)
        return False

    # stories

    async def pays_at_once(self, person: Person, bill: Bill) -> None:
        channel = self.random.choice(PHONES)
        if await self.pays(await self.opens(person, bill, channel)) and self.random.random() < 0.5:
            await self.confirms(person, bill)

    async def hesitates(self, person: Person, bill: Bill) -> None:
        """Closes the payment sheet, and opens it again later, or never."""
        channel = self.random.choice(PHONES)
        order = await self.opens(person, bill, channel)
        await self.pays(order, "cancel")
        if self.random.random() < 0.7:
            await self.pays(await self.opens(person, bill, channel))

    async def taps_twice(self, person: Person, bill: Bill) -> None:
        channel = self.random.choice(PHONES)
        orders = await asyncio.gather(self.opens(person, bill, channel), self.opens(person, bill, channel))
        await asyncio.gather(*(self.pays(order) for order in orders))

    async def pays_by_two_phones(self, person: Person, bill: Bill) -> None:
        """The second phone's order ends the first's; the first had its password entered already, and pays too."""
        first, second = self.random.sample(PHONES, 2)
        one = await self.opens(person, bill, first)
        if one is not None and self.random.random() < 0.4:
            two, _ = await asyncio.gather(self.opens(person, bill, second), self.pays(one))
        else:
            two = await self.opens(person, bill, second)
        await asyncio.gather(self.pays(one, "late"), self.pays(two))
        await self.confirms(person, bill)

    async def goes_to_the_window(self, person: Person, bill: Bill) -> None:
        """With the phone still in the other hand."""
        order = await self.opens(person, bill, self.random.choice(PHONES)) if self.random.random() < 0.5 else None
        if self.random.random() < 0.5:
            await asyncio.gather(self.hands_over(bill), self.pays(order))
        elif await self.hands_over(bill) and self.random.random() < 0.5:
            await self.pays(order, "late")

    async def leaves_it(self, person: Person, bill: Bill) -> None:
        """Comes back when the order, or the bill, is long over."""
        order = await self.opens(person, bill, self.random.choice(PHONES))
        if order is not None:
            self.late.append(order)

    async def wants_it_back(self, person: Person, bill: Bill) -> None:
        at_window = self.random.random() < 0.2
        if at_window:
            paid = await self.hands_over(bill)
        else:
            paid = await self.pays(await self.opens(person, bill, self.random.choice(PHONES)))
        if not paid or not await self.is_paid(person, bill):
            return
        whole, part = bill.total_fen, self.random.randint(1, bill.total_fen)
        first = whole if self.random.random() < 0.5 else part
        await self._refund(person, bill, first, believed=whole)
        if first < whole and self.random.random() < 0.5:
            await self._refund(person, bill, whole - first, believed=whole - first)

    async def _refund(self, person: Person, bill: Bill, fen: int, *, believed: int) -> None:
        """A cashier's goes out alone up to a sum; the rest, and all that a resident asks for, needs a second person."""
        asker = self.staffed.cashier if self.random.random() < 0.6 else person.phones[self.random.choice(PHONES)]
        told = await self.line.ask(
            asker,
            "RequestRefund",
            billId=str(bill.id),
            reason="CHARGED_WRONGLY",
            amountFen=fen,
            believedRefundableFen=believed,
            idempotencyKey=new_key(),
        )
        if told["__typename"] == "Refund" and told["state"] == "REQUESTED":
            told = await self._decide(told)
        if told["__typename"] == "Refund" and told["atWindow"] and told["state"] in {"APPROVED", "PROCESSING"}:
            await self._hand_back(told)

    async def _decide(self, refund: dict[str, Any]) -> dict[str, Any]:
        if self.random.random() < 0.15:
            return await self.line.ask(self.staffed.manager, "DeclineRefund", id=refund["id"], answer="收费无误")
        return await self.line.ask(self.staffed.manager, "ApproveRefund", id=refund["id"])

    async def _hand_back(self, refund: dict[str, Any]) -> None:
        while True:
            try:
                told = await self.line.ask(self.staffed.cashier, "ConfirmWindowRefund", id=refund["id"])
            except GaveUp:
                continue
            if told["__typename"] == "Refund" and told["state"] == "SUCCEEDED":
                self.till.handed_back[refund["id"]] = refund["amountFen"]
            return


Story = Callable[[Stories, Person, Bill], Awaitable[None]]
STORIES: list[tuple[Story, int]] = [
    (Stories.pays_at_once, 45),
    (Stories.hesitates, 8),
    (Stories.taps_twice, 6),
    (Stories.pays_by_two_phones, 10),
    (Stories.goes_to_the_window, 8),
    (Stories.leaves_it, 6),
    (Stories.wants_it_back, 17),
]
