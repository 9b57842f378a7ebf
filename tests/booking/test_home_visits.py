"""Visits to people's homes: an address of one's own, shown in full to who goes there and to nobody else."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from app.booking.models import Booking
from app.booking.rules import BookingState, Layer
from app.identity.retention import purge_what_ran_out
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor, Scope
from app.kernel.audit import AuditLine
from app.kernel.clock import at_local
from app.kernel.privacy import seal, unseal
from app.profiles.models import PostalAddress
from tests.booking.places import make_slot
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

HALL, BUSINESS, ITEM = "qinghe-hall", "B", "sscard-apply"
_days = iter(range(50, 400))


@pytest.fixture
def day() -> date:
    """A day nobody else uses."""
    return clock.today() + timedelta(days=next(_days))


async def address_of(resident: Actor, detail: str) -> PostalAddress:
    return await PostalAddress.create(
        resident_id=resident.own_id(), label="家", receiver_sealed=seal("测试居民甲"),
        phone_sealed=seal("13000001234"), division_code="990121100", detail_sealed=seal(detail),
        created_at=clock.now(), changed_at=clock.now(),
    )  # fmt: skip


async def book_home(portal: Portal, day: date, hour: int, **wanted: Any) -> tuple[Actor, dict[str, Any]]:
    slot = await make_slot(
        1, starts_at=at_local(day, hour), place=HALL, business=BUSINESS, layer=wanted.pop("layer", Layer.HOME_VISIT)
    )
    resident = await make_resident()
    address = wanted.pop("address", None) or await address_of(resident, f"柳树村{hour}号(虚构)")
    asked = {"addressId": str(address.id), **wanted}
    answer = await (await caller_of(portal, resident)).do(
        "Book", slotId=str(slot.id), items=[{"itemKey": ITEM}], idempotencyKey=new_key(), **asked
    )
    return resident, answer


async def visits(caller: Caller, day: date, **page: Any) -> dict[str, Any]:
    found: dict[str, Any] = await caller.do("HomeVisits", servicePoint=HALL, day=day.isoformat(), **page)
    return found


async def window(portal: Portal, scope: Scope | None = None) -> Caller:
    return await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR, scope=scope or Scope()))


async def test_who_goes_there_sees_the_addresses_page_by_page_and_each_look_is_told(portal: Portal, day: date) -> None:
    people = [await book_home(portal, day, hour) for hour in (14, 9, 11)]
    await book_home(portal, day, 10, layer=Layer.ORDINARY)
    clerk = await window(portal)

    page = await visits(clerk, day, first=2)
    rest = await visits(clerk, day, first=2, after=page["pageInfo"]["endCursor"])

    nodes = [edge["node"] for part in (page, rest) for edge in part["edges"]]
    assert [node["detail"] for node in nodes] == ["柳树村9号(虚构)", "柳树村11号(虚构)", "柳树村14号(虚构)"]
    assert (nodes[0]["receiver"], nodes[0]["phone"], nodes[0]["divisionCode"]) == (
        "测试居民甲",
        "13000001234",
        "990121100",
    )
    assert (nodes[0]["itemKeys"], nodes[0]["party"]) == ([ITEM], 1)
    assert [part["pageInfo"]["hasNextPage"] for part in (page, rest)] == [True, False]
    for resident, answer in people:
        [line] = await AuditLine.filter(person=resident.id, act="booking.home_seen")
        assert line.subject == f"booking:{answer['id']}"
        [look] = (await (await caller_of(portal, resident)).do("LookedAtMyData"))["edges"]
        assert look["node"]["text"] == "查看了您上门服务的完整地址"


async def test_a_day_without_visits_leaves_no_line(portal: Portal, day: date) -> None:
    clerk = await window(portal)
    async with nothing_moves("session"):
        assert (await visits(clerk, day))["edges"] == []


async def test_the_address_lies_sealed_on_the_booking_and_stays_when_the_book_changes(
    portal: Portal, day: date
) -> None:
    resident, answer = await book_home(portal, day, 9)
    await PostalAddress.filter(resident_id=resident.own_id()).delete()
    booking = await Booking.get(id=answer["id"])
    assert booking.home_sealed is not None
    assert "柳树村" not in booking.home_sealed
    assert orjson.loads(unseal(booking.home_sealed))["detail"] == "柳树村9号(虚构)"


async def test_a_home_visit_needs_an_address_of_ones_own(portal: Portal, day: date) -> None:
    _, none = await book_home(portal, day, 9, addressId=None)
    foreign = await address_of(await make_resident(), "别人家")
    _, other = await book_home(portal, day, 10, address=foreign)
    _, nonsense = await book_home(portal, day, 11, addressId="nonsense")
    assert [one["code"] for one in (none, other, nonsense)] == ["HOME_ADDRESS_NEEDED", "NOT_FOUND", "NOT_FOUND"]
    assert await Booking.filter(day=day).count() == 0


async def test_at_the_hall_an_address_is_not_kept(portal: Portal, day: date) -> None:
    _, answer = await book_home(portal, day, 9, layer=Layer.ORDINARY)
    assert (await Booking.get(id=answer["id"])).home_sealed is None


async def test_addresses_are_for_the_windows_of_that_hall(portal: Portal, day: date) -> None:
    await book_home(portal, day, 9)
    elsewhere = await window(portal, Scope(None, "990103"))
    boss = await caller_of(portal, await make_staff(Role.DEPARTMENT_MANAGER))
    async with nothing_moves("session"):
        asked = {"servicePoint": HALL, "day": day.isoformat()}
        codes = [
            (await caller.ask("HomeVisits", **asked))["errors"][0]["extensions"]["code"] for caller in (elsewhere, boss)
        ]
    assert codes == ["NOT_FOUND", "NOT_ALLOWED"]


async def test_where_a_visit_went_is_forgotten_a_month_after_it(portal: Portal, day: date) -> None:
    """The visit stays, as the archives want it; the address goes with the nightly purge."""
    gone, stays = [(await book_home(portal, day, hour))[1]["id"] for hour in (9, 10)]
    over = clock.now() - timedelta(days=30)
    for booking, ended_at in ((gone, over - timedelta(seconds=1)), (stays, over + timedelta(hours=1))):
        await Booking.filter(id=booking).update(state=BookingState.SERVED, ended_at=ended_at)

    await purge_what_ran_out()

    assert (await Booking.get(id=gone)).home_sealed is None
    assert (await Booking.get(id=stays)).home_sealed is not None
