"""Without this module neither the resident nor the sweep could see what is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from tortoise.queryset import QuerySet

from app.identity.queries import residents
from app.identity.rules import Role
from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.privacy import mask_name, unseal
from app.kernel.ratelimit import check_rate
from app.payments.models import Bill, Exemption, PaymentAttempt
from app.payments.rules import UNDECIDED, WAITING_FOR_MONEY, typed_bill_number
from app.payments.states import BillState

_CODES_ALLOWED = "30/hour"
_LONGEST_CODE = 50


def _not_found() -> NotFound:
    return NotFound(what_zh="这张缴费单", what_en="bill")


async def bill_of(bill_id: UUID, actor: Actor) -> Bill:
    """A bill of the actor's matters. Raises `NotFound` alike for none and for somebody else's."""
    bill = await Bill.filter(**actor.matters()).get_or_none(id=bill_id)
    if bill is None:
        raise _not_found()
    return bill


async def bill_shown(bill_id: UUID, actor: Actor) -> Bill:
    """A bill of the actor's matters, or one that whoever has its code may pay and they opened an order for: what they
    are told of leads there. Raises `NotFound` alike for none and for somebody else's.
    """
    theirs = PaymentAttempt.filter(bill_id=bill_id, payer_id=actor.id, bill__anyone_may_pay=True)
    if actor.principal is None and await theirs.exists():
        return await Bill.get(id=bill_id)
    return await bill_of(bill_id, actor)


def of_units(actor: Actor, bill: str = "") -> dict[str, object]:
    """Which rows are of the collecting units a member of staff works for, as a filter; `bill` is the path to the bill
    with its underscores.
    """
    wanted: dict[str, object] = {f"{bill}division_code__startswith": actor.scope.division}
    if actor.scope.department:
        wanted[f"{bill}collecting_unit"] = actor.scope.department
    return wanted


def bills_at_work(actor: Actor) -> QuerySet[Bill]:
    """The bills of the collecting units a member of staff works for. Raises `NotSignedIn`."""
    actor.staff_id()
    return Bill.filter(**of_units(actor))


async def bill_at_work(actor: Actor, bill_id: UUID) -> Bill:
    """A bill of the actor's units. Raises `NotFound` alike for none and for another unit's."""
    bill = await bills_at_work(actor).get_or_none(id=bill_id)
    if bill is None:
        raise _not_found()
    return bill


async def _of_number(bills: QuerySet[Bill], number: str) -> Bill:
    """Raises `NotFound`, also for what is longer than any payment code."""
    known = len(number) <= _LONGEST_CODE
    bill = await bills.get_or_none(number=typed_bill_number(number)) if known else None
    if bill is None:
        raise _not_found()
    return bill


async def bill_by_number(number: str, actor: Actor) -> Bill:
    """The bill of a payment code, when the actor may pay it; so many in an hour, for codes can be guessed.

    Raises `NotFound` or `TooManyRequests`.
    """
    await check_rate(_CODES_ALLOWED, "payment-code", str(actor.id))
    bill = await _of_number(Bill.all(), number)
    return await payable_bill(bill.id, actor)


async def bills_of(actor: Actor, states: Collection[BillState], *, size: int, before: UUID | None) -> list[Bill]:
    """A page of a resident's bills, newest first, and one more when there is; all states when none is named."""
    return await _page(Bill.filter(**actor.matters()), states, size, before)


async def bills_of_units(actor: Actor, states: Collection[BillState], *, size: int, before: UUID | None) -> list[Bill]:
    """A page of the bills of the actor's units, newest first, and one more when there is.

    All states when none is named. The list shows names and is audited.
    """
    actor.staff_id(Role.CASHIER)
    found = await _page(bills_at_work(actor), states, size, before)
    shown = [(f"bill:{bill.id}", bill.resident_id) for bill in found[:size] if bill.resident_id is not None]
    await audit.record_each(actor, "bill.listed", shown)
    return found


async def bill_seen_at_work(actor: Actor, number: str) -> Bill:
    """A bill of the actor's units by its payment code; the look is audited. Raises `NotAllowed` or `NotFound`."""
    actor.staff_id(Role.CASHIER)
    bill = await _of_number(bills_at_work(actor), number)
    await audit.record(actor, "bill.seen", f"bill:{bill.id}", person=bill.resident_id)
    return bill


async def masked_payers(bills: Sequence[Bill]) -> list[str | None]:
    """The name of who owes each bill as others may see it, in the order of the bills."""
    found = await residents([bill.resident_id for bill in bills if bill.resident_id is not None])
    sealed = {each.id: each.name_sealed for each in found if each is not None}
    return [_masked(sealed.get(bill.resident_id) if bill.resident_id else bill.payer_name_sealed) for bill in bills]


async def names_of_debtors(bill_ids: Sequence[UUID]) -> list[str | None]:
    """The same by the bills' ids, in key order."""
    bills = await Bill.in_bulk(list(bill_ids), "id")
    return await masked_payers([bills[key] for key in bill_ids])


def _masked(name_sealed: str | None) -> str | None:
    return mask_name(unseal(name_sealed)) if name_sealed else None


async def _page(query: QuerySet[Bill], states: Collection[BillState], size: int, before: UUID | None) -> list[Bill]:
    if states:
        query = query.filter(state__in=list(states))
    if before is not None:
        query = query.filter(id__lt=before)
    return await query.order_by("-id").limit(size + 1)


async def exemptions_of(bill_ids: Sequence[UUID]) -> list[list[Exemption]]:
    """What was taken off each bill, in key order."""
    found: defaultdict[UUID, list[Exemption]] = defaultdict(list)
    for exemption in await Exemption.filter(bill_id__in=list(bill_ids)).order_by("line"):
        found[exemption.bill_id].append(exemption)
    return [found[key] for key in bill_ids]


async def payable_bill(bill_id: UUID, actor: Actor) -> Bill:
    """A bill the actor may pay: of their own matters, or one that says that anybody may. Raises `NotFound`."""
    bill = await Bill.get_or_none(id=bill_id, anyone_may_pay=True)
    bill = bill or await Bill.filter(**actor.matters()).get_or_none(id=bill_id)
    if bill is None:
        raise _not_found()
    return bill


async def locked_bill(bill_id: UUID) -> Bill:
    """The row, locked for this transaction. Raises `NotFound`."""
    bill = await Bill.filter(id=bill_id).select_for_update().first()
    if bill is None:
        raise _not_found()
    return bill


async def locked_attempt(attempt_id: UUID) -> PaymentAttempt:
    return await PaymentAttempt.select_for_update().get(id=attempt_id)


async def attempt_by_order(channel: str, order_no: str) -> PaymentAttempt | None:
    return await PaymentAttempt.get_or_none(channel=channel, order_no=order_no)


async def live_attempt(bill_id: UUID) -> PaymentAttempt | None:
    """The attempt that may still be paid."""
    return await PaymentAttempt.get_or_none(bill_id=bill_id, state__in=UNDECIDED)


async def channels_asked(bill_ids: Sequence[UUID]) -> list[str | None]:
    """The channel that is being asked about each bill whose payer says to have paid it; in key order."""
    returned = PaymentAttempt.filter(bill_id__in=list(bill_ids), state__in=UNDECIDED, returned_at__isnull=False)
    found = {attempt.bill_id: attempt.channel for attempt in await returned}
    return [found.get(key) for key in bill_ids]


async def bills_of_cases(case_ids: Sequence[UUID]) -> list[Bill | None]:
    """In key order."""
    found = {bill.case_id: bill for bill in await Bill.filter(case_id__in=list(case_ids))}
    return [found.get(key) for key in case_ids]


async def bills_of_bookings(booking_ids: Sequence[UUID]) -> list[Bill | None]:
    """The deposit of each booking, in key order."""
    found = {bill.booking_id: bill for bill in await Bill.filter(booking_id__in=list(booking_ids))}
    return [found.get(key) for key in booking_ids]


async def attempts_to_ask_about(limit: int) -> list[UUID]:
    """Orders the provider has not told us about for a while."""
    found = (
        await PaymentAttempt.filter(state__in=UNDECIDED, ask_again_at__lte=clock.now())
        .order_by("ask_again_at")
        .limit(limit)
    )
    return [attempt.id for attempt in found]


async def overdue_bills(limit: int) -> list[UUID]:
    """Unpaid bills past their due date."""
    found = await Bill.filter(state__in=WAITING_FOR_MONEY, due_at__lte=clock.now()).order_by("due_at").limit(limit)
    return [bill.id for bill in found]
