"""One number for one visit, and nobody else's hands on it."""

from __future__ import annotations

import logging

import pytest
from tortoise.exceptions import IntegrityError

from app.booking.models import Booking, BookingItem
from app.booking.rules import BookingState
from app.cases.models import Case
from app.identity.merging import ID_NUMBER
from app.identity.models import DeviceKind, Resident
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import NotFound, TooManyRequests
from app.kernel.privacy import blind_index
from app.queueing.commands import call_next, finish_serving, pass_ticket, start_serving
from app.queueing.errors import AlreadyInQueue, BookedToday, CardNeeded, VisitOver
from app.queueing.leaving import end_day, leave
from app.queueing.models import Ticket, Window
from app.queueing.queries import my_tickets
from app.queueing.rejoining import rejoin, rejoin_at_kiosk
from app.queueing.rules import TicketState
from app.queueing.transfers import hang, transfer
from app.queueing.walk_ins import Person, Taken, Wanted, take_at_kiosk, take_by_phone
from tests.booking.places import make_slot
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.accounts import caller_of, make_device, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in, inside
from tests.queueing.hall import Hall
from tests.queueing.visits import put_number
from tests.representation.stage import make_someone

NUMBER = "110105194912310038"


async def test_whatever_a_program_forgets_nobody_holds_two_open_numbers_of_a_business(portal: Portal) -> None:
    hall, resident = Hall.on_a_day_of_its_own(), (await make_resident()).own_id()
    place, nine = hall.place, hall.time(9)
    for state in ("DONE", "PASSED", "ABANDONED", "HUNG"):
        await put_number(place, "D", nine, resident_id=resident, state=TicketState(state))
    for state in ("WAITING", "CALLED", "SERVING", "HUNG"):
        with pytest.raises(IntegrityError):
            await put_number(place, "D", nine, resident_id=resident, state=TicketState(state), green=True)
    await put_number(place, "E", nine, resident_id=resident)
    await put_number("wangyue-hall", "D", nine, resident_id=resident)
    for _ in range(2):
        await put_number(place, "D", nine)


async def test_who_is_sent_to_a_business_and_takes_its_number_at_once_holds_one(portal: Portal) -> None:
    for _ in range(5):
        hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
        where = await inside(hall.place)
        with hall.at(9):
            sent, clerk, _ = await hall.walk_in(resident), await hall.clerk_at(1, "D"), await hall.clerk_at(2, "E")
            await call_next(clerk)
            outcomes = await at_once(
                transfer(clerk, sent.id, "E"),
                take_by_phone(resident, hall.place, Wanted("E", new_key()), where),
            )
        refused = [outcome for outcome in outcomes if not isinstance(outcome, Ticket | Taken)]
        assert [type(outcome) for outcome in refused] == [AlreadyInQueue]
        assert await Ticket.filter(resident_id=resident.id, category="E").count() == 1
        await hall.close()


async def test_who_has_booked_is_told_to_check_in_until_it_is_too_late(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(15))
    told = []
    for hour, minute in ((9, 0), (14, 30), (15, 10)):
        with hall.at(hour, minute):
            async with nothing_moves():
                with pytest.raises(BookedToday) as refused:
                    await hall.walk_in(visitor.actor)
            told.append(refused.value.sentence("zh"))
    with hall.at(15, 11):
        late = await hall.walk_in(visitor.actor)
    with hall.at(9):
        other = await Hall(hall.day, hall.place, "E").walk_in(visitor.actor)
    assert told == [
        "您已预约今天15:00在这里办理该业务,请在14:30之后凭预约到场取号,不用另取号;想提前排队请先取消预约",
        *["您已预约今天15:00在这里办理该业务,请现在凭预约到场取号,不用另取号;想提前排队请先取消预约"] * 2,
    ]
    assert (late.booking_id, late.state, other.code) == (None, "WAITING", "E001")


async def test_a_number_of_an_account_rejoins_at_the_kiosk_with_its_holders_card_only(portal: Portal) -> None:
    hall, holder = Hall.on_a_day_of_its_own(), await make_resident()
    await Resident.filter(id=holder.id).update(id_number_index=blind_index(ID_NUMBER, NUMBER))
    own, kiosk = Person(NUMBER, "测试居民"), hall.kiosk()
    with hall.at(9):
        taken = await take_at_kiosk(kiosk, Wanted("D", new_key()), own)
        clerk = await hall.clerk_at(1)
        await call_next(clerk)
        await pass_ticket(clerk, taken.ticket.id)
        async with nothing_moves():
            for other in (Person(), Person(NUMBER), Person(name="测试居民"), Person(NUMBER, "测试居民丁")):
                with pytest.raises(CardNeeded):
                    await rejoin_at_kiosk(kiosk, taken.ticket.code, other)
        back = await rejoin_at_kiosk(kiosk, taken.ticket.code, own)
    assert (back.id, back.state) == (taken.ticket.id, TicketState.WAITING)
    await Resident.filter(id=holder.id).update(id_number_index=None)


async def test_nobody_tries_one_code_after_another_at_a_kiosk(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    kiosk = hall.kiosk()
    with hall.at(9):
        for number in range(1, 11):
            with pytest.raises(NotFound):
                await rejoin_at_kiosk(kiosk, f"D{number:03d}", Person())
        with pytest.raises(TooManyRequests):
            await rejoin_at_kiosk(kiosk, "D011", Person())


async def test_who_was_put_aside_at_a_window_and_leaves_has_not_missed_the_visit(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with hall.at(9):
        ticket, clerk = await check_in(visitor.actor, visitor.booking.id), await hall.clerk_at(1)
        await call_next(clerk)
        await start_serving(clerk, ticket.id)
        await hang(clerk, ticket.id)
        await leave(visitor.actor, ticket.id)
    assert (await Booking.get(id=visitor.booking.id)).state is BookingState.HALL_CANCELLED


async def test_a_passed_number_whose_day_was_ended_does_not_come_back(portal: Portal) -> None:
    hall, manager = Hall.on_a_day_of_its_own(), await make_staff(Role.DEPARTMENT_MANAGER)
    visitor = await hall.visitor(await hall.slot(17))
    with hall.at(17):
        ticket, clerk = await check_in(visitor.actor, visitor.booking.id), await hall.clerk_at(1)
        await call_next(clerk)
        await pass_ticket(clerk, ticket.id)
    with hall.at(18):
        await end_day(manager, hall.place)
        async with nothing_moves():
            with pytest.raises(VisitOver):
                await rejoin(visitor.actor, ticket.id)
    assert (await Booking.get(id=visitor.booking.id)).state is BookingState.NO_SHOW


async def test_a_booking_that_has_its_end_already_does_not_keep_a_window(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with hall.at(9):
        ticket, clerk = await check_in(visitor.actor, visitor.booking.id), await hall.clerk_at(1)
        await call_next(clerk)
        await start_serving(clerk, ticket.id)
        await Booking.filter(id=visitor.booking.id).update(state=BookingState.HALL_CANCELLED)
        done = await finish_serving(clerk, ticket.id)
    assert (done.state, (await Booking.get(id=visitor.booking.id)).state) == ("DONE", "HALL_CANCELLED")


async def test_an_agent_reaches_no_number_beyond_the_mandate(portal: Portal) -> None:
    principal, agent = await make_someone(portal), await make_someone(portal)
    await principal.grants(agent, PERMIT)
    acting = await agent.acting_for(principal)
    for_card = await put_number("city-hall", "D", clock.now(), resident_id=principal.actor.id, state=TicketState.PASSED)
    async with nothing_moves():
        assert await my_tickets(acting) == []
        for act in (leave, rejoin):
            with pytest.raises(NotFound):
                await act(acting, for_card.id)
    assert [ticket.id for ticket in await my_tickets(principal.actor)] == [for_card.id]


@pytest.mark.parametrize(
    ("sent_at", "scanned_at"),
    [
        ("1900-01-01T00:00:00Z", "2199-12-31T00:00:00Z"),
        ("2199-12-31T00:00:00Z", "1900-01-01T00:00:00Z"),
        ("2026-11-26T00:00:00Z", "1969-12-31T23:59:59Z"),
    ],
)
async def test_a_clock_that_cannot_be_is_refused(portal: Portal, sent_at: str, scanned_at: str) -> None:
    """Over HTTP."""
    scanner = await make_device(portal, DeviceKind.SCANNER, "city-hall")
    scan = {"code": "ZT1:", "scannedAt": scanned_at, "nonce": new_key()}
    refused = await scanner.do("SyncScans", sentAt=sent_at, scans=[scan])
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "scans.scannedAt")
    since_1970 = await scanner.do(
        "SyncScans", sentAt="1970-01-01T08:00:00Z", scans=[{**scan, "scannedAt": "1970-01-01T08:00:00Z"}]
    )
    assert (since_1970["warning"], since_1970["scans"][0]["outcome"]) == ("CLOCK_OFF", "FORGED")


async def test_a_window_is_shown_three_things_of_a_visit_for_the_price_of_one(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    """Over HTTP, with the cases."""
    costs, shown = [], []
    for items in ([CARD], [CARD, PERMIT, "id-card-renew"]):
        resident, clerk = await make_resident(), await make_staff(Role.WINDOW_ACCEPTOR)
        caller = await caller_of(portal, clerk)
        await caller.do("OpenWindow", servicePoint="city-hall", number=1, categories=["D"])
        cases = [await file_case(resident, item) for item in items]
        await at_the_window(resident, cases)
        await caller.do("MyWindow")
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
            desk = await caller.do("MyWindow")
        costs.append(sum(record.name == "tortoise.db_client" for record in caplog.records))
        shown.append([one["caseNumber"] for one in desk["visitFor"]])
        assert sorted(shown[-1]) == sorted(case.number for case in cases)
        await Ticket.filter(resident_id=resident.id).update(state=TicketState.DONE)
        await caller.do("CloseWindow")
    assert costs[0] == costs[1]


async def at_the_window(resident: Actor, cases: list[Case]) -> None:
    """A number of today that the first window of the hall has called, for a visit with these cases."""
    slot, now = await make_slot(1), clock.now()
    booking = await Booking.create(
        resident_id=resident.id, slot_id=slot.id, item_key=cases[0].item_key, day=clock.today(), until=slot.ends_at,
        state=BookingState.CHECKED_IN, booked_at=now,
    )  # fmt: skip
    for case in cases:
        await BookingItem.create(
            booking_id=booking.id, resident_id=resident.id, item_key=case.item_key, day=booking.day, case_id=case.id
        )
    window = await Window.get(service_point_id="city-hall", number=1)
    await put_number(
        "city-hall", "D", now, resident_id=resident.id, booking_id=booking.id, state=TicketState.CALLED,
        window_id=window.id, called_at=now,
    )  # fmt: skip
