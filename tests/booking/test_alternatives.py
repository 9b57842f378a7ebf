"""Who finds no place is told where there is one: near in time, in hall, in way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.booking import commands
from app.booking.alternatives import metres, nearest_free
from app.booking.errors import (
    ItemNotServedHere,
    NotEnoughInARow,
    SlotClosed,
    SlotForOtherItems,
    SlotFull,
    SlotGone,
    SlotNotOpenYet,
)
from app.booking.models import Slot
from app.booking.rules import Layer
from app.catalogue.models import ServicePoint
from app.kernel import clock
from app.kernel.errors import Refusal
from tests.booking.places import make_slot, set_rules, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident
from tests.people import new_key
from tests.portal import Portal

ITEM = "company-setup"
"""Of business G; its extra hours are nobody else's in these tests."""

WANTED = 24 * 700.0


async def extra(place: str, hours: float, capacity: int = 1, *, days: int = 0, business: str = "G") -> Slot:
    """A slot of the extra layer so many hours and days after the wanted moment."""
    ahead = WANTED + 24 * days + hours
    return await make_slot(capacity, hours_ahead=ahead, place=place, business=business, layer=Layer.EXTRA)


async def refused(slot: Slot, item: str = ITEM, party: int = 1) -> Refusal:
    with pytest.raises(Refusal) as told:
        await commands.book(await make_resident(), slot.id, visit(item), party=party, idempotency_key=new_key())
    return told.value


async def take(*slots: Slot) -> None:
    for slot in slots:
        await Slot.filter(id=slot.id).update(taken=slot.capacity)


async def test_the_nearest_three_are_named_the_same_hall_before_a_far_one(portal: Portal) -> None:
    day = 0
    full = await extra("city-hall", 0, days=day)
    an_hour_later = await extra("city-hall", 1, days=day)
    earlier_but_far = await extra("wangyue-hall", -0.5, days=day)
    tomorrow = await extra("city-hall", 24, days=day)
    next_week = await extra("city-hall", 168, days=day)
    await take(full)

    told = await refused(full)

    assert isinstance(told, SlotFull)
    assert [one.id for one in told.alternatives] == [an_hour_later.id, earlier_but_far.id, tomorrow.id]
    assert told.suggestion == an_hour_later.id
    assert next_week.id not in {one.id for one in told.alternatives}
    here, there = [await ServicePoint.get(key=key) for key in ("city-hall", "wangyue-hall")]
    assert None not in {here.latitude, here.longitude, there.latitude, there.longitude}
    way = metres(here.latitude or 0, here.longitude or 0, there.latitude or 0, there.longitude or 0)
    assert f"(距离{way / 1000:.1f}公里)" in told.alternatives[1].zh
    assert f"({way / 1000:.1f} km away)" in told.alternatives[1].en
    assert "望岳区政务服务中心" in told.alternatives[1].zh
    assert "距离" not in told.alternatives[0].zh


async def test_of_two_halls_at_the_same_time_the_nearer_comes_first(portal: Portal) -> None:
    full = await extra("city-hall", 0, days=30)
    far, near = await extra("qinghe-hall", 0, days=30), await extra("wangyue-hall", 0, days=30)
    await take(full)
    told = await refused(full)
    assert [one.id for one in told.alternatives][:2] == [near.id, far.id]


async def test_what_has_too_few_places_or_cannot_be_booked_is_not_named(portal: Portal) -> None:
    full = await extra("city-hall", 0, days=60)
    for_one = await extra("city-hall", 1, days=60)
    closed, not_open = await extra("city-hall", 2, 5, days=60), await extra("city-hall", 3, 5, days=60)
    for_the_desk = await extra("city-hall", 4, 5, days=60)
    for_three = await extra("city-hall", 5, 3, days=60)
    await take(full)
    await Slot.filter(id=closed.id).update(closed_at=clock.now())
    await Slot.filter(id=not_open.id).update(opens_at=clock.now() + timedelta(days=1))
    await Slot.filter(id=for_the_desk.id).update(phone_capacity=2)

    told = await refused(full, party=3)

    named = [one.id for one in told.alternatives]
    assert named[0] == for_three.id
    assert not {for_one.id, closed.id, not_open.id, for_the_desk.id} & set(named)


async def test_where_nothing_is_free_the_waiting_list_is_named(portal: Portal) -> None:
    full = await extra("marriage-office", 0, business="F")
    await take(full)
    open_ones = Slot.filter(category="F", closed_at=None).exclude(id=full.id)
    others = [slot.id for slot in await open_ones]
    await Slot.filter(id__in=others).update(closed_at=clock.now())
    told = await refused(full, "marriage-replace")
    await Slot.filter(id__in=others).update(closed_at=None)
    assert isinstance(told, SlotFull)
    assert (told.alternatives, told.suggestion) == ((), None)
    assert told.sentence("zh") == "该时段已约满。近期都已约满,可以登记候补,有名额时通知您"
    assert "waiting list" in told.sentence("en")


async def test_who_finds_an_evening_full_is_told_of_ordinary_hours_but_not_of_visits_at_home(portal: Portal) -> None:
    evening = await extra("city-hall", 10, days=150)
    at = evening.starts_at
    home = await make_slot(1, starts_at=at - timedelta(hours=1), business="G", layer=Layer.HOME_VISIT)
    ordinary = await make_slot(1, starts_at=at - timedelta(hours=2), business="G")
    await take(evening)

    told, at_home = await refused(evening), await nearest_free(home, 1, clock.now())

    assert told.suggestion == ordinary.id
    assert home.id not in {one.id for one in told.alternatives}
    assert not {ordinary.id, evening.id} & {one.id for one in at_home}


async def test_a_long_visit_is_not_told_of_a_row_that_is_half_an_evening_and_half_ordinary(portal: Portal) -> None:
    await set_rules("bayin-hall", "D", minutes_by_item={CARD: 60})
    full = await make_slot(1, hours_ahead=WANTED + 24 * 180, place="bayin-hall")
    afterwards = await make_slot(1, starts_at=full.ends_at, place="bayin-hall")
    ordinary = await make_slot(1, starts_at=full.ends_at + timedelta(hours=2), place="bayin-hall")
    evening = await make_slot(1, starts_at=ordinary.ends_at, place="bayin-hall", layer=Layer.EXTRA)
    await take(full)

    told = await refused(full, CARD)

    await set_rules("bayin-hall", "D")
    named = {one.id for one in told.alternatives}
    assert not {afterwards.id, ordinary.id, evening.id} & named


async def test_for_a_long_visit_only_beginnings_of_free_rows_are_named(portal: Portal) -> None:
    await set_rules("qinghe-hall", "G", minutes_by_item={ITEM: 90})
    first = await extra("qinghe-hall", 0, days=90)
    row = [first]
    for _ in range(6):
        row.append(await make_slot(1, starts_at=row[-1].ends_at, place="qinghe-hall", business="G", layer=Layer.EXTRA))
    await take(row[1])

    told = await refused(first)

    await set_rules("qinghe-hall", "G")
    assert isinstance(told, NotEnoughInARow)
    nearest = [one.id for one in told.alternatives]
    assert nearest[:3] == [row[2].id, row[3].id, row[4].id]
    assert "连续3个时段" in told.sentence("zh")


async def test_every_refusal_of_a_slot_names_what_is_free(portal: Portal) -> None:
    begun = await make_slot(5, hours_ahead=-1, place="city-hall", business="G", layer=Layer.EXTRA)
    closed, not_open = await extra("city-hall", 0, 5, days=120), await extra("city-hall", 1, 5, days=120)
    other_business = await make_slot(5, place="city-hall", business="E", layer=Layer.EXTRA)
    free = await extra("city-hall", 2, 5, days=120)
    await Slot.filter(id=closed.id).update(closed_at=clock.now())
    await Slot.filter(id=not_open.id).update(opens_at=clock.now() + timedelta(days=1))

    told = [await refused(slot) for slot in (begun, closed, not_open, other_business)]

    assert [type(one) for one in told] == [SlotGone, SlotClosed, SlotNotOpenYet, SlotForOtherItems]
    assert all(one.alternatives for one in told)
    for one in told[:3]:
        assert one.sentence("zh").endswith(f"。最近可约:{one.alternatives[0].zh}")
        assert one.sentence("en").endswith(f" The next free one: {one.alternatives[0].en}.")
    assert told[1].suggestion == told[2].suggestion == free.id
    named = {one.id for refusal in told for one in refusal.alternatives}
    assert await Slot.filter(id__in=named, category="G").count() == len(named)


async def test_the_hall_that_does_not_serve_an_item_is_told_apart_from_the_slot_that_does_not(portal: Portal) -> None:
    here = await make_slot(5, place="city-hall", business="D")
    there = await make_slot(5, place="bayin-hall", business="D")
    slot, hall = await refused(here), await refused(there)
    assert isinstance(slot, SlotForOtherItems)
    assert slot.sentence("zh") == "这个时段不办理“公司设立登记(企业开办)”,请为它另选时段"
    assert isinstance(hall, ItemNotServedHere)


@pytest.mark.parametrize(
    ("one", "other", "way"),
    [
        ((40.2, 109.1), (40.2, 109.1), 0),
        ((0.0, 0.0), (0.0, 1.0), 111_195),
        ((90.0, 0.0), (-90.0, 0.0), 20_015_087),
        ((39.9042, 116.4074), (31.2304, 121.4737), 1_067_310),
    ],
)
def test_the_way_between_two_points_is_that_of_the_crow(
    one: tuple[float, float], other: tuple[float, float], way: int
) -> None:
    assert metres(*one, *other) == way
    assert metres(*other, *one) == way
