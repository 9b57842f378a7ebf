"""Numbers for who comes without a booking: one ticket whatever the way."""

from __future__ import annotations

from typing import Any

import pytest

from app.booking.errors import NotAtTheHall, PlaceUnknown
from app.booking.nearness import Where
from app.identity.errors import AssuranceTooLow, IdentityNumberInvalid, PersonNameInvalid
from app.identity.merging import ID_NUMBER
from app.identity.models import DeviceKind, Resident
from app.identity.rules import Level, Role
from app.kernel.errors import IdempotencyKeyReused, NotAllowed, NotFound, Refusal
from app.kernel.privacy import blind_index, seal
from app.queueing.errors import AlreadyInQueue, CategoryNotServed, GreenChannelInPerson, NumbersGone, WalkInsClosed
from app.queueing.models import Ticket
from app.queueing.walk_ins import Person, Wanted, take_at_desk, take_at_kiosk, take_by_phone
from tests.booking.places import set_rules
from tests.identity.accounts import caller_of, make_device, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import inside, told_by_phone
from tests.queueing.hall import Hall, open_all_day

NUMBER = "11010519491231002X"


async def test_a_resident_in_the_hall_takes_a_number_and_gives_it_up(portal: Portal) -> None:
    """Over HTTP."""
    caller = await caller_of(portal, await make_resident())
    asked = {"servicePoint": "wangyue-hall", "category": "D", "idempotencyKey": new_key()}

    nowhere = await caller.do("TakeNumber", **asked)
    async with open_all_day("wangyue-hall"):
        taken = await caller.do("TakeNumber", **asked, where=await told_by_phone("wangyue-hall"))
    again = await caller.do("TakeNumber", **asked, where=await told_by_phone("wangyue-hall"))
    mine = await caller.do("MyTickets")
    left = await caller.do("LeaveQueue", ticketId=taken["ticket"]["id"])

    assert nowhere["code"] == "PLACE_UNKNOWN"
    ticket = taken["ticket"]
    assert (ticket["category"], ticket["channel"], ticket["holder"], ticket["state"]) == (
        "D", "PHONE", "测**民", "WAITING",
    )  # fmt: skip
    assert (again["ticket"]["id"], taken["warning"]) == (ticket["id"], None)
    assert [one["code"] for one in mine] == [ticket["code"]]
    assert left["state"] == "ABANDONED"
    assert await caller.do("MyTickets") == []


async def test_a_kiosk_gives_numbers_of_its_own_hall_and_keeps_only_the_mask_of_a_name(portal: Portal) -> None:
    """Over HTTP, with the machine's own account."""
    kiosk = await make_device(portal, DeviceKind.KIOSK, "wangyue-hall")
    asked = {"category": "D", "person": {"name": "测试居民乙"}, "idempotencyKey": new_key()}
    async with open_all_day("wangyue-hall"):
        taken = await kiosk.do("TakeNumberAtKiosk", **asked)
    row = await Ticket.get(id=taken["ticket"]["id"])
    assert (row.service_point_id, row.resident_id, row.holder, row.channel) == (
        "wangyue-hall",
        None,
        "测***乙",
        "KIOSK",
    )
    nobody = await kiosk.do("RejoinAtKiosk", code="D001; 号")
    assert nobody["code"] == "NOT_FOUND"


async def test_every_way_gives_numbers_of_one_row_and_the_green_channel_has_its_own(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    clerk, slot = await make_staff(Role.WINDOW_ACCEPTOR), await hall.slot(9)
    with hall.at(9):
        booked = await hall.ticket(slot)
        phone = await hall.walk_in(await make_resident())
        kiosk = await hall.walk_in()
        green = await hall.walk_in(green=True)
        desk = await take_at_desk(clerk, hall.place, Wanted("E", new_key(), green=True), Person(name="测试居民丙"))
    codes = [ticket.code for ticket in (booked, phone, kiosk, green, desk.ticket)]
    assert codes == ["D001", "D002", "D003", "Z001", "Z002"]
    assert (green.category, desk.ticket.category, desk.ticket.channel) == ("D", "E", "DESK")
    assert await audit_of(f"ticket:{desk.ticket.id}") == [("queue.taken", "done")]


async def test_a_business_of_the_green_channels_own_is_green_and_gives_no_code_twice(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("donghu-station", "Z")
    with hall.at(9):
        codes = [(await hall.walk_in(green=green)).code for green in (False, True, False, True)]
        with pytest.raises(GreenChannelInPerson):
            await hall.walk_in(await make_resident())
    assert codes == ["Z001", "Z002", "Z003", "Z004"]
    assert await Ticket.filter(day=hall.day, service_point_id=hall.place, green=False).count() == 0


async def test_a_card_at_the_kiosk_gives_the_number_to_its_account_only_when_the_name_is_the_same(
    portal: Portal,
) -> None:
    hall, holder = Hall.on_a_day_of_its_own(), await make_resident()
    await Resident.filter(id=holder.id).update(
        id_number_index=blind_index(ID_NUMBER, NUMBER), id_number_sealed=seal(NUMBER)
    )
    with hall.at(9):
        others = await take_at_kiosk(hall.kiosk(), Wanted("D", new_key()), Person(NUMBER, "测试居民丁"))
        own = await take_at_kiosk(hall.kiosk(), Wanted("D", new_key()), Person(NUMBER, "测试居民"))
        with pytest.raises(AlreadyInQueue) as refused:
            await take_at_kiosk(hall.kiosk(), Wanted("D", new_key()), Person(NUMBER, "测试居民"))
        typed_only = await take_at_kiosk(hall.kiosk(), Wanted("D", new_key()), Person(NUMBER))
    assert (others.ticket.resident_id, own.ticket.resident_id, typed_only.ticket.resident_id) == (None, holder.id, None)
    assert refused.value.sentence("zh") == "您今天在这个业务已有D002号,请等候叫号,不用再取号"
    await Resident.filter(id=holder.id).update(id_number_index=None)


async def test_one_open_number_for_each_resident_business_and_day_however_many_phones_ask(portal: Portal) -> None:
    hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
    where = await inside(hall.place)
    with hall.at(9):
        outcomes = await at_once(
            *(take_by_phone(resident, hall.place, Wanted("D", new_key()), where) for _ in range(8))
        )
        other_business = await take_by_phone(resident, hall.place, Wanted("E", new_key()), where)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyInQueue"] * 7 + ["Taken"]
    assert other_business.ticket.code == "E001"
    assert await Ticket.filter(day=hall.day, resident_id=resident.id).count() == 2


async def test_the_same_key_gives_the_same_number_and_another_wish_under_it_is_refused(portal: Portal) -> None:
    hall, key = Hall.on_a_day_of_its_own(), new_key()
    kiosk = hall.kiosk()
    with hall.at(9):
        first = await take_at_kiosk(kiosk, Wanted("D", key), Person())
        async with nothing_moves():
            again = await take_at_kiosk(kiosk, Wanted("D", key), Person())
            with pytest.raises(IdempotencyKeyReused):
                await take_at_kiosk(kiosk, Wanted("D", key, green=True), Person())
    assert again.ticket.id == first.ticket.id


async def test_no_more_numbers_than_the_daily_maximum_also_when_all_ask_at_once(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("qinghe-hall")
    await set_rules(hall.place, "D", tickets_a_day=5, waiting_warning=4)
    slot = await hall.slot(9)
    with hall.at(9):
        outcomes = await at_once(
            *(take_at_kiosk(hall.kiosk(), Wanted("D", new_key(), green=n % 2 == 0), Person()) for n in range(12))
        )
        booked = await hall.ticket(slot)
    given = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(given) == 5
    assert sorted(one.crowded for one in given) == [False, False, False, True, True]
    assert all(isinstance(one, NumbersGone) for one in outcomes if isinstance(one, BaseException))
    assert booked.state == "WAITING"
    await set_rules(hall.place, "D")


async def test_numbers_are_given_out_in_the_hours_of_the_business_only(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("qinghe-hall")
    await set_rules(hall.place, "D", walk_in_from="08:30", walk_in_until="16:30")
    for hour, minute, open_ in ((8, 29, False), (8, 30, True), (16, 29, True), (16, 30, False)):
        with hall.at(hour, minute):
            if open_:
                await hall.walk_in()
            else:
                async with nothing_moves():
                    with pytest.raises(WalkInsClosed) as refused:
                        await hall.walk_in()
                assert "08:30-16:30" in refused.value.sentence("zh")
    await set_rules(hall.place, "D")


@pytest.mark.parametrize(
    ("wanted", "person", "refusal"),
    [
        (Wanted("\x00", "k" * 8), Person(), CategoryNotServed),
        (Wanted("Q", "k" * 8), Person(), CategoryNotServed),
        (Wanted("D", "k" * 8), Person(id_number="123"), IdentityNumberInvalid),
        (Wanted("D", "k" * 8), Person(name="<script>"), PersonNameInvalid),
        (Wanted("D", "short"), Person(), Refusal),
    ],
)
async def test_garbage_at_the_kiosk_is_refused(
    portal: Portal, wanted: Wanted, person: Person, refusal: type[Exception]
) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        async with nothing_moves():
            with pytest.raises(refusal):
                await take_at_kiosk(hall.kiosk(), wanted, person)


@pytest.mark.parametrize(
    ("place", "where", "refusal"),
    [
        ("nowhere", Where(30.0, 120.0, 5), NotFound),
        ("city-hall", None, PlaceUnknown),
        ("city-hall", Where(91.0, 0.0, 5), PlaceUnknown),
        ("city-hall", Where(0.0, 0.0, 5), NotAtTheHall),
    ],
)
async def test_a_phone_elsewhere_takes_no_number(
    portal: Portal, place: str, where: Any, refusal: type[Exception]
) -> None:
    resident = await make_resident()
    async with nothing_moves():
        with pytest.raises(refusal):
            await take_by_phone(resident, place, Wanted("D", new_key()), where)


async def test_who_never_said_who_they_are_takes_no_number_by_phone(portal: Portal) -> None:
    newcomer, where = await make_resident(Level.L1), await inside("city-hall")
    async with nothing_moves():
        with pytest.raises(AssuranceTooLow):
            await take_by_phone(newcomer, "city-hall", Wanted("D", new_key()), where)


async def test_only_a_kiosk_and_the_desk_take_numbers_for_others(portal: Portal) -> None:
    hall, resident = Hall.on_a_day_of_its_own(), await make_resident()
    scanner, manager = await make_staff(Role.DEPARTMENT_MANAGER), await make_staff(Role.AUDITOR)
    async with nothing_moves():
        for actor in (resident, scanner, manager):
            with pytest.raises(NotAllowed):
                await take_at_kiosk(actor, Wanted("D", new_key()), Person())
        for actor in (scanner, manager):
            with pytest.raises(NotAllowed):
                await take_at_desk(actor, hall.place, Wanted("D", new_key()), Person())
