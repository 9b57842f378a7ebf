"""One bill with everybody who may do something about it, and what must be true of its money at every moment."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from app.booking.models import Booking
from app.booking.rules import BookingState
from app.identity.models import ChannelBinding
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, Scope
from app.payments.deposits import see_to_deposit
from app.payments.models import Bill, MoneyTask, PaymentAttempt, Refund
from app.payments.moves import advance
from app.payments.ports import PaymentState, PaymentTruth, RefundStanding, RefundTruth
from app.payments.queries import locked_bill
from app.payments.refunds.disowning import MISTRUSTED, return_what_came
from app.payments.refunds.errors import NothingToReturn
from app.payments.refunds.sending import pursue
from app.payments.refunds.settling import settle_refund
from app.payments.rules import UNDECIDED, BillKind
from app.payments.settling import ask_about, settle
from app.payments.states import BILL_LIFE, AttemptState, BillState, RefundState
from app.payments.words import RefundReason
from tests.identity.accounts import make_resident, make_staff
from tests.payments import bills
from tests.payments.bills import OWED, PAID_BILLS
from tests.payments.onlooker import EDGES, WALKED, moves_of
from tests.payments.paper_bank import PaperBank

T = TypeVar("T")
BANKS = ("paper-a", "paper-b")
WITH_MONEY = frozenset({AttemptState.SUCCEEDED, AttemptState.SURPLUS, AttemptState.RETURNED})
AGREED = frozenset({RefundState.APPROVED, RefundState.PROCESSING, RefundState.ABNORMAL})
HOLDING = AGREED | {RefundState.REQUESTED, RefundState.SUCCEEDED}
_ACCOUNTS = """
    SELECT account, sum(amount_fen)::bigint AS fen FROM ledger_entry WHERE bill_id = $1 GROUP BY account
    HAVING sum(amount_fen) <> 0
"""
_UNBALANCED = "SELECT journal FROM ledger_entry WHERE bill_id = $1 GROUP BY journal HAVING sum(amount_fen) <> 0"
_JOBS = "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND id > $1"
_LAST_JOB = "SELECT coalesce(max(id), 0)::bigint AS last FROM procrastinate_jobs"


@dataclass(frozen=True)
class Seen:
    """How everything stood after the last step."""

    bill: BillState
    refunds: frozenset[RefundState]
    due_at: datetime
    visit: Booking | None
    """What a deposit is for."""

    @property
    def is_owed(self) -> bool:
        return self.bill in OWED

    @property
    def is_paid(self) -> bool:
        return self.bill in PAID_BILLS


async def look(bill: Bill, refunds: Sequence[Refund]) -> Seen:
    visit = Booking.get_or_none(id=bill.booking_id).prefetch_related("slot")
    return Seen(bill.state, frozenset(one.state for one in refunds), bill.due_at, await visit)


@dataclass
class Life:
    """The bill, its people and two banks. `now` is the moment at which everything happens."""

    payer: Actor
    cashier: Actor
    second: Actor
    bill_id: UUID
    banks: dict[str, PaperBank]
    last_job: int
    now: datetime
    seen: Seen
    said: list[PaymentTruth] = field(default_factory=list)
    """Every word about an order so far; an old one may arrive once more."""

    said_of_refunds: list[RefundTruth] = field(default_factory=list)
    ever_back: set[str] = field(default_factory=set)
    """Refunds that some bank or cashier has called through."""

    @classmethod
    async def begin(cls, kind: BillKind, banks: dict[str, PaperBank]) -> Life:
        last = await db.row(_LAST_JOB)
        assert last is not None
        scope = Scope(department=bills.UNIT)
        payer = await make_resident()
        cashier, second = [await make_staff(role, scope=scope) for role in (Role.CASHIER, Role.DEPARTMENT_MANAGER)]
        await ChannelBinding.create(
            resident_id=payer.id,
            channel="wechat",
            app_id="paper",
            open_id=f"paper-{payer.id}",
            bound_at=clock.now(),
        )
        bill = await bills.make(kind, payer)
        for bank in banks.values():
            bank.orders.clear()
            bank.refunds.clear()
            bank.silence = ""
        return cls(payer, cashier, second, bill.id, banks, int(last["last"]), clock.now(), await look(bill, []))

    # looking

    async def bill(self) -> Bill:
        return await Bill.get(id=self.bill_id)

    async def attempts(self, *states: AttemptState) -> list[PaymentAttempt]:
        found = PaymentAttempt.filter(bill_id=self.bill_id).order_by("id")
        return await (found.filter(state__in=list(states)) if states else found)

    async def refunds(self, *states: RefundState) -> list[Refund]:
        found = Refund.filter(bill_id=self.bill_id).order_by("requested_at", "id")
        return await (found.filter(state__in=list(states)) if states else found)

    def orders(self) -> list[tuple[PaperBank, str]]:
        return [(bank, order_no) for bank in self.banks.values() for order_no in bank.orders]

    def repayments(self) -> list[tuple[PaperBank, str]]:
        return [(bank, refund_no) for bank in self.banks.values() for refund_no in bank.refunds]

    def is_somebody_mistaken(self) -> bool:
        """Whether a bank says that another sum came than was ordered."""
        return any(bank.orders[order_no].beyond_fen for bank, order_no in self.orders())

    async def mistrusted(self) -> list[MoneyTask]:
        """What a cashier has to look at, of this bill's orders."""
        subjects = [f"payment:{attempt.id}" for attempt in await self.attempts()]
        return await MoneyTask.filter(subject__in=subjects, kind__in=MISTRUSTED).order_by("id")

    # the words of banks

    async def tell(self, truth: PaymentTruth) -> None:
        self.said.append(truth)
        await settle(truth)

    async def tell_of_refund(self, truth: RefundTruth) -> None:
        self.said_of_refunds.append(truth)
        await settle_refund(truth)

    async def receipt(self) -> None:
        """As the receipts do it: given, or taken back."""
        async with db.transaction():
            bill = await locked_bill(self.bill_id)
            for verb in ("receipt", "unreceipt"):
                if BILL_LIFE.may(bill.state, verb):
                    await advance(bill, verb)
                    return

    # the end of the day

    async def end(self) -> None:
        """Everything is told and asked about; then we hold exactly what the banks hold for us."""
        with clock.standing_at(self.now):
            await self._all_ends()
        await self.check(told=True)
        WALKED.update(await moves_of(self.bill_id))
        await db.rows(_JOBS, self.last_job)

    async def _all_ends(self) -> None:
        for bank in self.banks.values():
            bank.silence = ""
        for bank, order_no in self.orders():
            await settle(bank.truth(order_no))
        for task in await self.mistrusted():
            with suppress(NothingToReturn):
                await return_what_came(self.cashier, task.id)
        for attempt in await self.attempts(*UNDECIDED):
            with clock.standing_at(attempt.expires_at + timedelta(days=1)):
                await ask_about(attempt.id)
        assert await self.attempts(*UNDECIDED) == []
        await self._deposit_ends()
        for _ in range(4):
            await self._repayments_end()

    async def _deposit_ends(self) -> None:
        """What has to go back of it is on its way, and nothing is asked for a visit that will not be."""
        if self.seen.visit is None:
            return
        await see_to_deposit(self.seen.visit.id)
        bill, visit = await self.bill(), await Booking.get(id=self.seen.visit.id)
        assert bill.state not in OWED or visit.state is BookingState.HELD
        for attempt in await self.attempts(AttemptState.SUCCEEDED):
            assert attempt.promised_fen == attempt.amount_fen or not bills.goes_back(visit)

    async def _repayments_end(self) -> None:
        """The banks carry out what they have taken, and we ask."""
        for bank, refund_no in self.repayments():
            if bank.refunds[refund_no].standing is RefundStanding.PROCESSING:
                bank.move_refund(refund_no, RefundStanding.SUCCEEDED)
            self.remember(bank, refund_no)
        for refund in await self.refunds():
            if refund.ask_again_at is not None:
                with clock.standing_at(refund.ask_again_at + timedelta(seconds=1)):
                    await pursue(refund.id)
        for bank, refund_no in self.repayments():
            self.remember(bank, refund_no)
            await settle_refund(bank.refund_truth(refund_no), present=True)

    def remember(self, bank: PaperBank, refund_no: str) -> None:
        if bank.refunds[refund_no].standing is RefundStanding.SUCCEEDED:
            self.ever_back.add(refund_no)

    # what must be true

    async def check(self, *, told: bool = False) -> None:
        """`told`: nothing is on its way any more."""
        bill, attempts, refunds = await self.bill(), await self.attempts(), await self.refunds()
        self.seen = await look(bill, refunds)
        accounts = {row["account"]: row["fen"] for row in await db.rows(_ACCOUNTS, self.bill_id)}
        assert await moves_of(self.bill_id) <= EDGES
        assert await db.rows(_UNBALANCED, self.bill_id) == []
        bills.check_lines(bill)
        if self.seen.visit is not None:
            await bills.check_visit(self.seen.visit, bill, refunds)
        self._check_success(bill, attempts)
        _check_promises(attempts, refunds)
        assert accounts == self._expected(bill, attempts, refunds)
        self._check_banks(attempts, refunds)
        if told:
            held = {attempt.order_no: _held(attempt, refunds) for attempt in attempts if attempt.channel in self.banks}
            theirs = {order_no: bank.held_fen(order_no) for bank, order_no in self.orders()}
            ours = {order_no: fen for order_no, fen in held.items() if fen}
            assert ours == {order_no: fen for order_no, fen in theirs.items() if fen}, refunds

    def _check_success(self, bill: Bill, attempts: Sequence[PaymentAttempt]) -> None:
        succeeded = [attempt for attempt in attempts if attempt.state is AttemptState.SUCCEEDED]
        assert len(succeeded) == (1 if bill.state in PAID_BILLS else 0), bill.state
        assert all(attempt.amount_fen == bill.total_fen for attempt in succeeded)
        live = [attempt for attempt in attempts if attempt.state in UNDECIDED]
        assert len(live) <= 1
        # An order closed before may be paid late and pay the bill: the sweep closes the open one.
        assert not live or bill.state in PAID_BILLS | {BillState.PAYING}, (bill.state, live)

    def _expected(self, bill: Bill, attempts: Sequence[PaymentAttempt], refunds: Sequence[Refund]) -> dict[str, int]:
        """What each account must hold of this bill."""
        came = _fen(one for one in attempts if one.state in WITH_MONEY)
        back = _fen(one for one in refunds if one.state is RefundState.SUCCEEDED)
        agreed = _fen(one for one in refunds if one.state in AGREED)
        of_unit = [one for one in refunds if one.reason is not RefundReason.SURPLUS]
        given = _fen(one for one in of_unit if one.state in AGREED or one.state is RefundState.SUCCEEDED)
        surplus = _fen(one for one in attempts if one.state in WITH_MONEY - {AttemptState.SUCCEEDED})
        promised = _fen(
            one
            for one in refunds
            if one.reason is RefundReason.SURPLUS and (one.state in AGREED or one.state is RefundState.SUCCEEDED)
        )
        accounts = {
            "PAYER": bill.total_fen if bill.state in OWED else 0,
            "UNIT": given - (bill.total_fen if bill.state in OWED | PAID_BILLS else 0),
            "CLEARING": came - back,
            "REFUNDS": -agreed,
            "SURPLUS": promised - surplus,
        }
        return {account: fen for account, fen in accounts.items() if fen}

    def _check_banks(self, attempts: Sequence[PaymentAttempt], refunds: Sequence[Refund]) -> None:
        """We count only what a bank has, and no bank has given back more than it got."""
        for attempt in attempts:
            if attempt.channel in self.banks and attempt.state in WITH_MONEY:
                assert self.banks[attempt.channel].truth(attempt.order_no).state is PaymentState.PAID
        assert {one.refund_no for one in refunds if one.state is RefundState.SUCCEEDED} <= self.ever_back
        for bank, order_no in self.orders():
            assert bank.held_fen(order_no) >= 0


def _fen(rows: Any) -> int:
    return sum(one.amount_fen for one in rows)


def _held(attempt: PaymentAttempt, refunds: Sequence[Refund]) -> int:
    if attempt.state not in WITH_MONEY:
        return 0
    back = [one for one in refunds if one.attempt_id == attempt.id and one.state is RefundState.SUCCEEDED]
    return int(attempt.amount_fen) - _fen(back)


def _check_promises(attempts: Sequence[PaymentAttempt], refunds: Sequence[Refund]) -> None:
    for attempt in attempts:
        own = [one for one in refunds if one.attempt_id == attempt.id and one.state in HOLDING]
        assert attempt.promised_fen == _fen(own) <= attempt.amount_fen
