from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.booking.errors import NotAtTheHall, PlaceUnknown
from app.booking.nearness import Where
from app.catalogue.models import ServicePoint
from app.queueing.arriving import check_in
from app.queueing.models import Ticket
from tests.booking.places import set_rules
from tests.identity.accounts import caller_of
from tests.identity.traces import nothing_moves
from tests.portal import Portal
from tests.queueing.arrivals import inside
from tests.queueing.hall import Hall

METRES_OF_A_DEGREE = 111_195


@pytest.mark.parametrize(("north", "accuracy"), [(0, 0), (499, 20), (0, 500)])
async def test_within_five_hundred_metres_a_number_is_given(portal: Portal, north: int, accuracy: int) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor, middle = await hall.visitor(await hall.slot(9)), await inside("city-hall")
    where = replace(middle, latitude=middle.latitude + north / METRES_OF_A_DEGREE, accuracy_metres=accuracy)
    with hall.at(9):
        ticket = await check_in(visitor.actor, visitor.booking.id, where)
    assert (ticket.code, ticket.channel, ticket.holder) == ("D001", "PHONE", "测**民")


async def test_from_farther_away_it_is_told_how_far(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor, middle = await hall.visitor(await hall.slot(9)), await inside("city-hall")
    where = replace(middle, latitude=middle.latitude - 1_200 / METRES_OF_A_DEGREE)
    with hall.at(9):
        async with nothing_moves():
            with pytest.raises(NotAtTheHall) as refused:
                await check_in(visitor.actor, visitor.booking.id, where)
    assert refused.value.values == {"metres": 1200, "most": 500}
    assert (
        refused.value.sentence("en")
        == "You are about 1200 metres away; check in within 500 metres, or by code at the hall."
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("latitude", "longitude", "accuracy"),
    [(40.2, 109.1, 501), (40.2, 109.1, NAN), (40.2, 109.1, -1), (NAN, 109.1, 5), (91, 109.1, 5), (40.2, 181, 5),
     (40.2, NAN, 5)],
)  # fmt: skip
async def test_a_phone_that_does_not_know_where_it_is_gives_no_number(
    portal: Portal, latitude: float, longitude: float, accuracy: float
) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with hall.at(9):
        async with nothing_moves():
            with pytest.raises(PlaceUnknown):
                await check_in(visitor.actor, visitor.booking.id, Where(latitude, longitude, accuracy))
            with pytest.raises(PlaceUnknown):
                await check_in(visitor.actor, visitor.booking.id, None)


@asynccontextmanager
async def nowhere(place: str) -> AsyncIterator[None]:
    point = await ServicePoint.get(key=place)
    await ServicePoint.filter(key=place).update(latitude=None, longitude=None)
    yield
    await ServicePoint.filter(key=place).update(latitude=point.latitude, longitude=point.longitude)


async def test_a_hall_without_coordinates_is_entered_by_code(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor, where = await hall.visitor(await hall.slot(9)), await inside("city-hall")
    async with nowhere("city-hall"):
        with hall.at(9):
            async with nothing_moves():
                with pytest.raises(PlaceUnknown):
                    await check_in(visitor.actor, visitor.booking.id, where)


async def test_how_near_one_must_be_is_a_rule_of_the_business(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("marriage-office", "F")
    visitor, middle = await hall.visitor(await hall.slot(9), "marriage"), await inside("marriage-office")
    where = replace(middle, latitude=middle.latitude + 80 / METRES_OF_A_DEGREE)
    await set_rules("marriage-office", "F", radius_metres=60)
    with hall.at(9):
        with pytest.raises(NotAtTheHall):
            await check_in(visitor.actor, visitor.booking.id, where)
        await set_rules("marriage-office", "F", radius_metres=100)
        assert (await check_in(visitor.actor, visitor.booking.id, where)).code == "F001"
    await set_rules("marriage-office", "F")


async def test_who_has_a_number_is_told_it_again_from_wherever(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with hall.at(9):
        ticket = await check_in(visitor.actor, visitor.booking.id, await inside("city-hall"))
        async with nothing_moves():
            assert (await check_in(visitor.actor, visitor.booking.id, None)).id == ticket.id


async def test_over_http_a_phone_without_location_is_sent_to_the_door(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    caller = await caller_of(portal, visitor.actor)
    for said in ({}, {"latitude": 40.2, "longitude": 109.1}, {"accuracyMetres": 5}):
        assert (await caller.do("CheckIn", bookingId=str(visitor.booking.id), **said))["code"] == "PLACE_UNKNOWN"
    assert not await Ticket.exists(booking_id=visitor.booking.id)
