from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from app.booking.models import Booking, BookingItem, Slot
from app.booking.rules import BookingState
from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.catalogue.models import ServiceItem
from app.delivery.models import Parcel, ParcelCase, ParcelEvent
from app.delivery.ports import ParcelState
from app.delivery.rules import Watch
from app.kernel import clock, db
from app.payments.models import Bill
from app.payments.states import BillState
from tests.benchmarks.measuring import counted_statements
from tests.identity.accounts import caller_of
from tests.messages.stage import make_reader
from tests.people import Phone
from tests.portal import Portal


async def file_cases(phone: Phone, count: int) -> None:
    """Cases of different items, each with a bill, a booking and a parcel on its way."""
    resident_id, now = (await phone.ask("Me"))["data"]["me"]["id"], clock.now()
    for item in await ServiceItem.filter(state="IN_FORCE").limit(count):
        unique = db.new_id().hex[:20]
        case = await Case.create(
            number=unique, resident_id=resident_id, item_id=item.id, item_key=item.key, state=CaseState.DELIVERING,
            fees=[], delivery_method=DeliveryMethod.POST, delivery_address_sealed="sealed", submitted_at=now,
        )  # fmt: skip
        await Bill.create(
            number=unique, case_id=case.id, resident_id=resident_id, collecting_unit="u", description="d", lines=[],
            total_fen=4000, state=BillState.PAID, issued_at=now, due_at=now,
        )  # fmt: skip
        slot = await Slot.create(
            service_point_id="city-hall", category="D", day=now.date(), capacity=1,
            starts_at=now + timedelta(microseconds=case.id.int % 10**9), ends_at=now + timedelta(days=1),
        )  # fmt: skip
        booking = await Booking.create(
            resident_id=resident_id, slot_id=slot.id, item_key=item.key, day=slot.day,
            state=BookingState.SERVED, booked_at=now, until=slot.ends_at,
        )  # fmt: skip
        await BookingItem.create(
            booking_id=booking.id, resident_id=resident_id, item_key=item.key, day=slot.day, case_id=case.id, live=False
        )
        parcel = await Parcel.create(
            carrier="ems", carrier_name="EMS", tracking_number=unique, tracker="kuaidi100", watch=Watch.ENDED,
            receiver_sealed="sealed", phone_tail="5678", state=ParcelState.IN_TRANSIT,
            state_at=now, registered_at=now, heard_at=now,
        )  # fmt: skip
        await ParcelCase.create(parcel_id=parcel.id, case_id=case.id)
        await ParcelEvent.create(
            parcel_id=parcel.id, key=unique, at=now, rank=1, text="t", place="p", raw_code="0", received_at=now
        )


async def statements_of(phone: Phone, caplog: pytest.LogCaptureFixture, cases: int) -> list[str]:
    """The SQL that one look at everything costs."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
        answer = await phone.ask("MyAffairs", first=50)
    nodes = [edge["node"] for edge in answer["data"]["myCases"]["edges"]]
    assert len(nodes) == cases
    assert all(node["bill"] and node["booking"] and node["parcel"]["latestEvent"] for node in nodes)
    return [record.getMessage() for record in caplog.records if record.name == "tortoise.db_client"]


async def test_five_cases_cost_as_many_statements_as_one(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    one, five = await portal.phone(), await portal.phone()
    await file_cases(one, 1)
    await file_cases(five, 5)

    for_one = await statements_of(one, caplog, 1)
    for_five = await statements_of(five, caplog, 5)

    assert len(for_one) > 5
    assert len(for_five) == len(for_one)


EVERY_PARCEL = """{ myCases(first: 50) { edges { node { parcels {
    id caseIds courier { name } latestEvent { at } timeline { at } link { url }
} } } } }"""


async def test_every_parcel_of_five_cases_costs_as_many_statements_as_that_of_one(portal: Portal) -> None:
    costs = []
    for cases in (1, 5):
        phone = await portal.phone()
        await file_cases(phone, cases)
        with counted_statements() as counter:
            answer = (await phone.post({"query": EVERY_PARCEL})).json()
        parcels = [parcel for edge in answer["data"]["myCases"]["edges"] for parcel in edge["node"]["parcels"]]
        assert [len(parcel["timeline"]) for parcel in parcels] == [1] * cases
        costs.append(counter.statements)
    assert costs[0] == costs[1] > 3


async def test_a_full_inbox_costs_as_many_statements_as_one_message(portal: Portal) -> None:
    costs = []
    for messages in (1, 8):
        reader = await make_reader(portal)
        for _ in range(messages):
            await reader.told()
        phone = await caller_of(portal, reader.actor)
        with counted_statements() as counter:
            assert len((await phone.do("MyMessages", first=50))["edges"]) == messages
        costs.append(counter.statements)
    assert costs[0] == costs[1] > 1
