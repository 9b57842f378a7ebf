from __future__ import annotations

from datetime import timedelta

import pytest

from app.booking.errors import TooEarlyToCheckIn, TooLateToCheckIn
from app.booking.models import Booking, Slot
from app.identity.errors import IdentityNumberInvalid
from app.identity.models import DeviceKind, Resident
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.audit import AuditLine
from app.kernel.errors import NotAllowed, NotFound, Refusal
from app.kernel.privacy import blind_index, seal
from app.queueing.arriving import check_in_at_desk, check_in_at_kiosk
from app.queueing.errors import NoBookingToday
from tests.identity.accounts import caller_of, make_device, make_staff
from tests.identity.traces import nothing_moves
from tests.portal import Portal
from tests.queueing.hall import Hall, Visitor
from tests.representation.stage import adult_number

NAME = "测试居民"


async def with_card(hall: Hall, hour: int = 9) -> tuple[Visitor, str]:
    """A visitor and the number of their identity card."""
    visitor, number = await hall.visitor(await hall.slot(hour)), adult_number()
    await Resident.filter(id=visitor.actor.id).update(
        id_number_index=blind_index("resident.id_number", number), id_number_sealed=seal(number)
    )
    return visitor, number


async def put_today(visitor: Visitor) -> None:
    """Their slot begins now, as the web process sees it."""
    now = clock.now()
    await Slot.filter(id=visitor.booking.slot_id).update(
        day=clock.today(), starts_at=now, ends_at=now + timedelta(minutes=30)
    )
    await Booking.filter(id=visitor.booking.id).update(day=clock.today(), until=now + timedelta(minutes=30))


def kiosk_at(place: str) -> Actor:
    return Actor(ActorKind.DEVICE, db.new_id(), roles=frozenset({DeviceKind.KIOSK}), place=place)


async def test_at_the_desk_a_card_gives_the_number_of_todays_booking(portal: Portal) -> None:
    hall, clerk = Hall.on_a_day_of_its_own(), await make_staff(Role.WINDOW_ACCEPTOR)
    visitor, number = await with_card(hall)

    with hall.at(9):
        arrival = await check_in_at_desk(clerk, "city-hall", number)

    [ticket] = arrival.tickets
    assert (arrival.masked_name, ticket.code, ticket.channel) == ("测**民", "D001", "DESK")
    line = await AuditLine.get(subject=f"ticket:{ticket.id}", act="queue.checked_in")
    assert (line.actor, line.person, line.detail["way"]) == (f"staff:{clerk.id}", visitor.actor.id, "DESK")
    assert number not in str(line.detail)

    with hall.at(9, 1):
        async with nothing_moves("audit_line"):
            again = await check_in_at_desk(clerk, "city-hall", number)
    assert [one.id for one in again.tickets] == [ticket.id]
    shown = await AuditLine.get(subject=f"ticket:{ticket.id}", act="queue.number_shown")
    assert shown.person == visitor.actor.id


async def test_at_the_kiosk_number_and_name_of_the_card_must_both_be_right(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    _, number = await with_card(hall)
    with hall.at(9):
        async with nothing_moves():
            with pytest.raises(NoBookingToday) as differs:
                await check_in_at_kiosk(kiosk_at("city-hall"), number, "测试路人")
            with pytest.raises(NoBookingToday) as unknown:
                await check_in_at_kiosk(kiosk_at("city-hall"), adult_number(), NAME)
        arrival = await check_in_at_kiosk(kiosk_at("city-hall"), number, f" {NAME} ")
    assert differs.value.sentence("zh") == unknown.value.sentence("zh")
    assert (arrival.masked_name, [ticket.channel for ticket in arrival.tickets]) == ("测**民", ["KIOSK"])


async def test_a_card_without_a_booking_here_today_is_answered_like_one_nobody_has(portal: Portal) -> None:
    hall, clerk = Hall.on_a_day_of_its_own(), await make_staff(Role.WINDOW_ACCEPTOR)
    _, number = await with_card(hall)
    tomorrow = Hall.on_a_day_of_its_own()
    sentences = set()
    async with nothing_moves():
        with hall.at(9):
            for place, card in (("wangyue-hall", number), ("city-hall", adult_number())):
                with pytest.raises(NoBookingToday) as refused:
                    await check_in_at_desk(clerk, place, card)
                sentences.add(refused.value.sentence("zh"))
        with tomorrow.at(9), pytest.raises(NoBookingToday) as refused:
            await check_in_at_desk(clerk, "city-hall", number)
        sentences.add(refused.value.sentence("zh"))
    assert len(sentences) == 1


async def test_a_card_shown_too_early_or_too_late_is_told_so(portal: Portal) -> None:
    hall, clerk = Hall.on_a_day_of_its_own(), await make_staff(Role.WINDOW_ACCEPTOR)
    _, number = await with_card(hall)
    async with nothing_moves():
        with hall.at(8, 29), pytest.raises(TooEarlyToCheckIn):
            await check_in_at_desk(clerk, "city-hall", number)
        with hall.at(9, 11), pytest.raises(TooLateToCheckIn):
            await check_in_at_desk(clerk, "city-hall", number)


@pytest.mark.parametrize("number", ["", "x", "990102199001011235", "１１０１０１"])
async def test_what_is_no_identity_number_is_refused_as_such(portal: Portal, number: str) -> None:
    async with nothing_moves():
        with pytest.raises(IdentityNumberInvalid):
            await check_in_at_kiosk(kiosk_at("city-hall"), number, NAME)


async def test_cards_are_read_by_those_whose_work_it_is_and_where_it_is(portal: Portal) -> None:
    number = adult_number()
    scanner = Actor(ActorKind.DEVICE, db.new_id(), roles=frozenset({DeviceKind.SCANNER}), place="city-hall")
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)
    async with nothing_moves():
        for nobody in (scanner, clerk, Actor(ActorKind.RESIDENT, db.new_id())):
            with pytest.raises(NotAllowed):
                await check_in_at_kiosk(nobody, number, NAME)
    approver, elsewhere = (
        await make_staff(Role.APPROVER),
        await make_staff(Role.WINDOW_ACCEPTOR, scope=Scope(None, "990103")),
    )
    async with nothing_moves():
        with pytest.raises(NotFound):
            await check_in_at_desk(elsewhere, "marriage-office", number)
        with pytest.raises(NotAllowed):
            await check_in_at_desk(approver, "city-hall", number)


async def test_over_http_a_desk_and_a_kiosk_answer_masked(portal: Portal) -> None:
    visitor, number = await with_card(Hall.on_a_day_of_its_own("wangyue-hall"))
    await put_today(visitor)
    desk = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    kiosk = await make_device(portal, DeviceKind.KIOSK, "wangyue-hall")

    at_desk = await desk.do("CheckInAtDesk", servicePoint="wangyue-hall", idNumber=number)
    at_kiosk = await kiosk.do("CheckInAtKiosk", idNumber=number, name=NAME)

    assert at_desk["maskedName"] == "测**民"
    assert NAME not in str(at_desk)
    assert [one["code"] for one in at_kiosk["tickets"]] == [one["code"] for one in at_desk["tickets"]]
    assert (await kiosk.do("CheckInAtKiosk", idNumber=number, name="测试路人"))["code"] == "NO_BOOKING_TODAY"


async def test_a_stolen_kiosk_does_not_try_numbers_for_long(portal: Portal) -> None:
    kiosk, codes = kiosk_at("city-hall"), []
    for _ in range(31):
        try:
            await check_in_at_kiosk(kiosk, adult_number(), NAME)
        except Refusal as refusal:
            codes.append(refusal.code)
    assert codes == ["NO_BOOKING_TODAY"] * 30 + ["TOO_MANY_REQUESTS"]
