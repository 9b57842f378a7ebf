"""Without this module money that was paid would stay frozen at a platform that waits for a word of ours.

What is told follows from the rows alone, and the platform is asked first whether it knows: each of these moments also
makes good what an earlier one missed.
"""

from __future__ import annotations

from uuid import UUID

from app.cases.events import CaseClosed
from app.delivery.events import ParcelPickedUp, ParcelRegistered
from app.delivery.queries import cases_of_parcels
from app.fulfilment.ports import FulfilmentRegister
from app.fulfilment.queries import fulfilment_of, payments_of
from app.kernel import db, ports
from app.kernel.facts import Fact
from app.kernel.facts.publishing import reacts_to
from app.kernel.jobs import Priority, job
from app.payments.events import BillFact, BillPaid, ExpiredBillPaid


async def tell_of_paid_bill(fact: BillFact) -> None:
    await _see_to(id=fact.bill_id)


async def tell_of_posted_result(fact: Fact) -> None:
    """Also when a carrier gives the number after it has the parcel."""
    if ports.every(FulfilmentRegister):
        [cases] = await cases_of_parcels([getattr(fact, fact.about)])
        await _see_to(case_id__in=cases)


async def tell_of_closed_case(fact: CaseClosed) -> None:
    """Posted by its choice, and collected at the hall after all."""
    await _see_to(case_id=fact.case_id)


for paid in (BillPaid, ExpiredBillPaid):
    reacts_to(paid, priority=Priority.PATIENT)(tell_of_paid_bill)
for posted in (ParcelPickedUp, ParcelRegistered):
    reacts_to(posted, priority=Priority.PATIENT)(tell_of_posted_result)
reacts_to(CaseClosed, priority=Priority.PATIENT)(tell_of_closed_case)


async def _see_to(**about: object) -> None:
    """One job for each payment, one after another for one payment, whatever asks for it."""
    registers = ports.every(FulfilmentRegister)
    for payment_id in await payments_of(registers, **about) if registers else ():
        async with db.transaction():
            await tell_platform.defer(lock=f"fulfilment:{payment_id}", payment_id=str(payment_id))


@job("fulfilment.tell_platform", priority=Priority.PATIENT)
async def tell_platform(payment_id: str) -> None:
    """Raises `ProviderUnavailable`, so that the job tries again, and is a dead letter in the end."""
    found = await fulfilment_of(UUID(payment_id))
    if found is None:
        return
    channel, told = found
    register = ports.every(FulfilmentRegister).get(channel)
    if register is not None:
        await register.tell(told)
