"""A letter alone says nothing to who does not know the hall: everywhere it is shown, its name is."""

from __future__ import annotations

import logging

import pytest

from app.booking.models import Slot
from app.identity.models import DeviceKind
from app.kernel import clock
from app.queueing.boards import forget_boards
from app.queueing.models import Ticket, Window
from app.queueing.rules import TicketState
from tests.booking.places import make_slot, row_of
from tests.identity.accounts import caller_of, make_device, make_resident
from tests.people import Caller
from tests.portal import Portal
from tests.queueing.visits import put_number

NAMES = {"zh-CN": ("人社医保", "绿色通道"), "en": ("Social and health insurance", "Green channel")}
CARD = "sscard-replace"


@pytest.mark.parametrize(("language", "insurance", "green"), [(language, *names) for language, names in NAMES.items()])
async def test_boards_kiosks_screens_slots_and_phones_name_the_business_beside_its_letter(
    portal: Portal, language: str, insurance: str, green: str
) -> None:
    place, now = "hubin-station", clock.now()
    forget_boards()
    machines = [await make_device(portal, kind, place) for kind in (DeviceKind.KIOSK, DeviceKind.SCREEN)]
    kiosk, screen = (speaking(language, machine) for machine in machines)
    resident = await make_resident()
    phone = await caller_of(portal, resident, language)
    window = await Window.create(service_point_id=place, number=99, categories=["B"])
    mine = await put_number(
        place, "B", now, resident_id=resident.id, window_id=window.id, state=TicketState.CALLED, called_at=now
    )
    slot = await make_slot(1, hours_ahead=24, place=place, business="B")

    board = (await phone.do("HallBoard", servicePoint=place))["businesses"]
    feed = await kiosk.do("KioskFeed")
    [called] = await screen.do("CallScreen")
    [number] = await phone.do("MyTickets")
    slots = await phone.do("Slots", itemKey=CARD, servicePoint=place, day=slot.day.isoformat())

    everywhere = [("B", insurance), ("Z", green)]
    assert [named(one) for one in board] == everywhere
    assert [named(one["now"]) for one in feed] == everywhere
    assert [named(one) for one in (called, number)] == [everywhere[0]] * 2
    assert {named(one) for one in slots} == {everywhere[0]}
    await Ticket.filter(id=mine.id).delete()
    await window.delete()
    await Slot.filter(id=slot.id).delete()


def named(shown: dict[str, str]) -> tuple[str, str]:
    return shown["category"], shown["categoryName"]


def speaking(language: str, machine: Caller) -> Caller:
    machine.http.headers["accept-language"] = language
    return machine


async def test_a_day_of_slots_costs_one_statement_for_their_names(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    slots = await row_of(1, 3, days_ahead=35, place="liushu-station", business="B")
    with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
        shown = await portal.stranger().do(
            "Slots", itemKey=CARD, servicePoint="liushu-station", day=slots[0].day.isoformat()
        )
    names = [
        record
        for record in caplog.records
        if '"queue_category"' in record.getMessage() and "prefix" in record.getMessage()
    ]
    assert len(shown) >= 3
    assert len(names) == 1
    await Slot.filter(id__in=[slot.id for slot in slots]).delete()
