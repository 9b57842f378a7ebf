"""What everybody may see of a hall, and what its own machines are shown."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from app.booking.models import Slot
from app.booking.policies import forget_policies
from app.booking.policy import Policy
from app.booking.rules import Layer
from app.catalogue.models import ServicePoint
from app.identity.models import DeviceKind
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotAllowed, NotFound
from app.queueing import boards
from app.queueing.board_rules import Crowd, crowd_of, crowd_of_hall
from app.queueing.boards import Called, call_screen, forget_boards, hall_board, halls_now, kiosk_feed
from app.queueing.commands import call_next, recall, start_serving
from app.queueing.models import Ticket
from app.queueing.wait_rules import Band
from app.queueing.windows import pause_window
from tests.booking.places import make_slot, set_rules
from tests.identity.accounts import make_device, make_resident
from tests.portal import Portal
from tests.queueing.hall import Hall, open_all_day
from tests.queueing.visits import put_number


async def board_of(hall: Hall) -> boards.BusinessNow:
    """The hall's own business as the board shows it now."""
    forget_boards()
    board = await hall_board(hall.place)
    return next(now for now in board.businesses if now.category == hall.business)


@pytest.mark.parametrize(
    ("waiting", "crowd"),
    [(0, Crowd.QUIET), (9, Crowd.QUIET), (10, Crowd.NORMAL), (29, Crowd.NORMAL), (30, Crowd.BUSY), (99, Crowd.BUSY)],
)
def test_a_business_is_as_full_as_its_own_warning_says(waiting: int, crowd: Crowd) -> None:
    assert crowd_of(waiting, Policy(waiting_warning=30)) is crowd


def test_a_hall_is_as_full_as_its_fullest_business() -> None:
    assert crowd_of_hall([Crowd.QUIET, Crowd.BUSY, Crowd.NORMAL]) is Crowd.BUSY
    assert crowd_of_hall([]) is Crowd.QUIET


async def test_the_board_shows_numbers_and_windows_and_no_name(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        empty = await board_of(hall)
        for _ in range(6):
            await hall.walk_in(await make_resident())
        clerks = [await hall.clerk_at(number, "D") for number in (1, 2, 3, 4)]
    codes = []
    for minute, clerk in enumerate(clerks, start=1):
        with hall.at(9, minute):
            codes.append((await call_next(clerk)).code)
    with hall.at(9, 5):
        await pause_window(clerks[3], "取材料")
        now = await board_of(hall)
        text = str(await hall_board(hall.place))

    assert (empty.pace.waiting, empty.pace.windows, empty.called, empty.wait) == (0, 0, [], None)
    assert codes == ["D001", "D002", "D003", "D004"]
    assert (now.pace.waiting, now.pace.windows, now.crowd) == (2, 3, Crowd.QUIET)
    assert now.called == [Called("D004", 4), Called("D003", 3), Called("D002", 2)]
    assert now.wait == Band(0, 15)
    assert "民" not in text
    await hall.close()


async def test_the_board_says_whether_there_are_numbers_without_a_booking(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("donghu-station", "A")
    await set_rules(hall.place, "A", walk_in_from="09:00", walk_in_until="11:00", tickets_a_day=2)
    told = []
    for hour, minute in ((8, 59), (9, 0), (11, 0)):
        with hall.at(hour, minute):
            refused = (await board_of(hall)).refused
            told.append(refused.code if refused else None)
    with hall.at(9, 30):
        for _ in range(2):
            await hall.walk_in()
        refused = (await board_of(hall)).refused
        told.append(refused.code if refused else None)
    assert told == ["WALK_INS_CLOSED", None, "WALK_INS_CLOSED", "NUMBERS_GONE"]
    await set_rules(hall.place, "A")


async def test_a_board_of_nowhere_is_not_found(portal: Portal) -> None:
    with pytest.raises(NotFound):
        await hall_board("no-such-hall")
    missing = await portal.stranger().do("HallBoard", servicePoint="no-such-hall")
    assert (missing["__typename"], missing["code"]) == ("Problem", "NOT_FOUND")


async def test_a_board_is_read_once_in_two_seconds_however_many_ask(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    hall = Hall.on_a_day_of_its_own()
    with hall.at(9):
        forget_boards()
        first = await hall_board(hall.place)
        await hall.walk_in()
        with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
            caplog.clear()
            again = await hall_board(hall.place)
            assert caplog.records == []
        forget_boards()
        later = await hall_board(hall.place)
    assert again is first
    assert [[now.pace.waiting for now in board.businesses if now.category == "D"] for board in (first, later)] == [
        [0],
        [1],
    ]


async def test_free_places_are_those_a_phone_could_book_now(portal: Portal) -> None:
    """Full, closed, past, unopened and home-visit slots and the desk's share are not among them."""
    hall = Hall.on_a_day_of_its_own("hubin-station", "B")

    async def slot(hour: int, capacity: int, layer: Layer = Layer.ORDINARY, days: int = 0, **other: object) -> None:
        starts_at = hall.time(hour) + timedelta(days=days)
        made = await make_slot(capacity, starts_at=starts_at, place=hall.place, business="B", layer=layer)
        await Slot.filter(id=made.id).update(**other)

    with hall.at(10):
        await slot(9, 100)
        await slot(11, 5, taken=2, phone_capacity=4, phone_taken=2)
        await slot(12, 5, taken=5)
        await slot(13, 100, closed_at=clock.now())
        await slot(14, 100, opens_at=hall.time(10, 1))
        await slot(14, 100, Layer.HOME_VISIT)
        await slot(15, 7, Layer.EXTRA, opens_at=hall.time(10))
        await slot(9, 3, days=6)
        await slot(9, 100, days=7)
        forget_boards()
        [station] = [one for one in await halls_now() if one.point.key == hall.place]
        free = station.free_for(None)
    assert free == {hall.day + timedelta(days=day): {0: 9, 6: 3}.get(day, 0) for day in range(7)}


async def test_how_full_every_hall_is_over_http(portal: Portal) -> None:
    """For anybody, of one business or of all; a hall that does not serve it is not in the list."""
    await set_rules("marriage-office", "F", waiting_warning=3)
    numbers = [await put_number("marriage-office", "F", clock.now()) for _ in range(3)]
    forget_boards()

    everything = await portal.stranger().do("Halls")
    marriages = await portal.stranger().do("Halls", category="F")
    nothing = await portal.stranger().do("Halls", category="?")

    assert len(everything) == await ServicePoint.all().count()
    [office] = marriages
    among_all = next(hall for hall in everything if hall["servicePoint"]["key"] == "marriage-office")
    assert {**office, "free": among_all["free"]} == among_all
    assert (office["servicePoint"]["key"], office["waiting"], office["crowd"]) == ("marriage-office", 3, "BUSY")
    days = [(clock.today() + timedelta(days=ahead)).isoformat() for ahead in range(7)]
    assert [one["day"] for one in office["free"]] == days
    assert nothing == []
    await Ticket.filter(id__in=[one.id for one in numbers]).delete()
    await set_rules("marriage-office", "F")


async def test_the_screen_shows_who_is_called_here_with_the_mask_only(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    elsewhere = Hall(hall.day, "wangyue-hall")
    screen = Actor(ActorKind.DEVICE, db.new_id(), roles=frozenset({DeviceKind.SCREEN}), place=hall.place)
    with hall.at(9):
        for place in (hall, hall, hall, elsewhere):
            await place.walk_in(await make_resident())
        other = await elsewhere.clerk_at(1)
        clerks = [await hall.clerk_at(number) for number in (1, 2)]
        await call_next(other)
        first = await call_next(clerks[0])
    with hall.at(9, 1):
        second = await call_next(clerks[1])
        await recall(clerks[0], first.id)
        both = await call_screen(screen)
        await start_serving(clerks[0], first.id)
        left = await call_screen(screen)

    assert [(call.code, call.window, call.holder, call.recalls) for call in both] == [
        (second.code, 2, "测**民", 0),
        (first.code, 1, "测**民", 1),
    ]
    assert both[1].called_at == hall.time(9)
    assert [call.code for call in left] == [second.code]
    await hall.close()
    await elsewhere.close()


async def test_machines_are_fed_over_http_what_their_kind_and_place_need(portal: Portal) -> None:
    forget_boards()
    screen = await make_device(portal, DeviceKind.SCREEN, "liushu-station")
    kiosk = await make_device(portal, DeviceKind.KIOSK, "liushu-station")
    assert await screen.do("CallScreen") == []

    async with open_all_day("liushu-station"):
        feed = await kiosk.do("KioskFeed")

    assert [offered["now"]["category"] for offered in feed] == ["B", "Z"]
    insurance = feed[0]
    assert {"key": "sscard-replace", "name": "社会保障卡补领、换领"}["key"] in {
        item["key"] for item in insurance["items"]
    }
    assert all(item["name"] for item in insurance["items"])
    assert (insurance["now"]["waiting"], insurance["now"]["numbersGiven"], insurance["now"]["whyNot"]) == (
        0,
        True,
        None,
    )
    assert feed[1]["items"] == []


async def test_no_machine_is_fed_what_another_kind_is(portal: Portal) -> None:
    machine = {kind: Actor(ActorKind.DEVICE, roles=frozenset({kind}), place="city-hall") for kind in DeviceKind}
    for kind in DeviceKind:
        for feed, wanted in ((call_screen, DeviceKind.SCREEN), (kiosk_feed, DeviceKind.KIOSK)):
            if kind is not wanted:
                with pytest.raises(NotAllowed):
                    await feed(machine[kind])


async def test_boards_cost_as_many_statements_however_full_the_halls_are(
    portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    """With nothing remembered: twelve for a hall with eight businesses, four for every hall of the city, fourteen
    for a kiosk and one for a screen.
    """
    hall = Hall.on_a_day_of_its_own()
    kiosk, screen = (
        Actor(ActorKind.DEVICE, db.new_id(), roles=frozenset({kind}), place=hall.place)
        for kind in (DeviceKind.KIOSK, DeviceKind.SCREEN)
    )

    async def statements() -> list[int]:
        counts = []
        for read in (
            lambda: hall_board(hall.place),
            halls_now,
            lambda: kiosk_feed(kiosk),
            lambda: call_screen(screen),
        ):
            forget_boards()
            forget_policies()
            caplog.clear()
            with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
                await read()
            counts.append(sum(record.name == "tortoise.db_client" for record in caplog.records))
        return counts

    with hall.at(9):
        empty = await statements()
        for place, category in (("city-hall", "A"), ("city-hall", "D"), ("wangyue-hall", "D"), ("bayin-hall", "B")):
            for _ in range(5):
                await put_number(place, category, clock.now())
        for number in (1, 2):
            await call_next(await hall.clerk_at(number))
        full = await statements()
    assert empty == full == [12, 4, 14, 1]
    await hall.close()
