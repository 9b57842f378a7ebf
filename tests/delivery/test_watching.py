from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.delivery.models import Parcel, ParcelEvent
from app.delivery.operating import replay
from app.delivery.ports import ParcelState, TrackingSnapshot
from app.delivery.queries import silent_parcels
from app.delivery.rules import Watch
from app.delivery.tasks import sweep_silent_parcels
from app.delivery.tracking import ABANDONED, take_snapshot
from app.delivery.watching import look_after, watch
from app.kernel import clock
from app.kernel.errors import ProviderUnavailable
from app.kernel.inbox.notices import Notice, NoticeState, process
from tests.delivery.stage import Sent, new_number, send
from tests.identity.traces import audit_of, nothing_moves
from tests.operations.conftest import run_portal_here
from tests.portal import Portal


async def test_while_kuaidi100_is_down_the_parcel_waits_to_be_watched(portal: Portal) -> None:
    sent = await send()
    await portal.control.be_hostile(server_error=1.0)
    try:
        async with nothing_moves("parcel_number_use"):
            with pytest.raises(ProviderUnavailable):
                await watch(sent.parcel.id)
    finally:
        await portal.control.be_kind()
    await portal.run_jobs()
    assert (await Parcel.get(id=sent.parcel.id)).watch is Watch.WATCHED


async def test_watching_twice_asks_once(portal: Portal) -> None:
    sent = await send()
    await portal.run_jobs()
    async with nothing_moves():
        await watch(sent.parcel.id)
    assert len((await portal.control.parcel(sent.number)).subscriptions) == 1


async def test_some_carriers_want_the_last_digits_of_the_receivers_phone(portal: Portal) -> None:
    """They are all that is kept readable of it; without them the carrier tells nothing."""
    sent = await send("shunfeng")
    await portal.run_jobs()
    await portal.control.scan(sent.number, "picked_up", push=False)

    await look_after(sent.parcel.id)

    assert sent.parcel.phone_tail == "1234"
    assert await sent.is_at(ParcelState.PICKED_UP)


async def test_asking_in_vain_changes_nothing_but_when_we_asked(portal: Portal) -> None:
    sent = await send()
    await portal.run_jobs()
    before = await Parcel.get(id=sent.parcel.id)
    with clock.standing_at(clock.now() + timedelta(hours=25)):
        await look_after(sent.parcel.id)
        asked_at = clock.now()
    after = await Parcel.get(id=sent.parcel.id)
    assert (after.state, after.watch, after.heard_at) == (before.state, before.watch, asked_at)


@pytest.mark.parametrize(("watch_", "then"), [(Watch.REFUSED, Watch.REFUSED), (Watch.ASKED, Watch.WATCHED)])
async def test_what_is_not_watched_is_asked_about_every_day(portal: Portal, watch_: Watch, then: Watch) -> None:
    """The tracker refused, or was down until the job was given up."""
    sent = await send()
    await portal.run_jobs()
    await portal.control.scan(sent.number, "picked_up", push=False)
    await Parcel.filter(id=sent.parcel.id).update(watch=watch_, heard_at=clock.now() - timedelta(hours=25))
    await sweep_silent_parcels()
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.PICKED_UP)
    assert (await Parcel.get(id=sent.parcel.id)).watch is then


async def test_what_its_tracker_gave_up_is_watched_again_a_day_later(portal: Portal) -> None:
    """After three days without any record; what ended meanwhile, or goes on under another carrier, is not."""
    sent, ended = await send(), await send()
    await portal.run_jobs()
    for one, step in ((sent, "picked_up"), (ended, "delivered")):
        await portal.control.scan(one.number, step, push=False)
        await portal.control.push(one.number, "abort")
    await portal.run_jobs()
    known = await Parcel.get(id=sent.parcel.id)
    assert (known.watch, known.watch_remark, known.state) == (Watch.ASKED, ABANDONED, ParcelState.PICKED_UP)
    assert (await Parcel.get(id=ended.parcel.id)).watch is Watch.ENDED

    await Parcel.filter(id=sent.parcel.id).update(heard_at=clock.now() - timedelta(hours=25))
    async with portal.later(1801):
        await sweep_silent_parcels()
        await portal.run_jobs()
        assert len((await portal.control.parcel(sent.number)).subscriptions) == 1
        known = await Parcel.get(id=sent.parcel.id)
        assert (known.watch, known.watch_remark) == (Watch.WATCHED, "")
    corrected = TrackingSnapshot("kuaidi100", "ems", sent.number, (), abandoned=True, new_carrier="youzhengguonei")
    await take_snapshot(corrected)
    assert (await Parcel.get(id=sent.parcel.id)).watch is Watch.WATCHED


async def test_nobody_is_asked_about_a_parcel_that_nobody_follows(portal: Portal) -> None:
    sent = await send()
    long_ago = clock.now() - timedelta(hours=25)
    await Parcel.filter(id=sent.parcel.id).update(watch=Watch.REFUSED, tracker="", heard_at=long_ago)
    assert sent.parcel.id not in await silent_parcels(500)


async def pushed(portal: Portal) -> tuple[Sent, Notice]:
    """A parcel that was picked up, and the push that told of it."""
    sent = await send()
    await portal.run_jobs()
    await portal.control.scan(sent.number, "picked_up")
    await portal.control.settle()
    await portal.run_jobs()
    notices = await Notice.filter(topic="delivery.snapshot").order_by("-id")
    return sent, next(notice for notice in notices if notice.content["number"] == sent.number)


async def test_a_push_handled_again_changes_nothing(portal: Portal) -> None:
    sent, notice = await pushed(portal)
    async with nothing_moves():
        await process.work(notice_id=str(notice.id))
    assert await replay("ems", sent.number, "测试") == 1
    async with nothing_moves("inbox_notice", "audit_line", "parcel", "procrastinate_jobs"):
        await portal.run_jobs()
    assert (await Notice.get(id=notice.id)).state is NoticeState.HANDLED
    assert await sent.is_at(ParcelState.PICKED_UP)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == 1


async def test_what_was_misread_is_read_again_from_what_came(portal: Portal) -> None:
    """The code was unknown when its push came: what we made of it then is thrown away, not the push."""
    sent, notice = await pushed(portal)
    misread = dict(notice.content)
    misread["events"] = [{**event, "state": None, "raw_code": "?"} for event in misread["events"]]
    await Notice.filter(id=notice.id).update(content=misread)
    await ParcelEvent.filter(parcel_id=sent.parcel.id).update(state=None, raw_code="?")
    await Parcel.filter(id=sent.parcel.id).update(state=ParcelState.CREATED)

    await replay("ems", sent.number, "测试")
    await portal.run_jobs()

    assert await sent.is_at(ParcelState.PICKED_UP)
    [event] = await ParcelEvent.filter(parcel_id=sent.parcel.id)
    assert (event.state, event.raw_code) == (ParcelState.PICKED_UP, "103")
    assert (await Notice.get(id=notice.id)).content == notice.content
    assert ("parcel.read_again", "done") in await audit_of(f"parcel:{sent.parcel.id}")


async def test_an_operator_has_a_parcel_read_again_by_its_number(portal: Portal) -> None:
    sent, notice = await pushed(portal)
    told = await asyncio.to_thread(run_portal_here, "parcels", "replay", "ems", sent.number)
    assert told.stdout == "1 tellings are read again; the worker does it\n", told.stderr
    assert (await Notice.get(id=notice.id)).state is NoticeState.RECEIVED
    await portal.run_jobs()
    assert (await Notice.get(id=notice.id)).state is NoticeState.HANDLED
    told = await asyncio.to_thread(run_portal_here, "parcels", "replay", "ems", new_number())
    assert (told.returncode, told.stderr) == (1, "Error: No such parcel; please check and try again.\n")


async def test_a_scan_reported_late_takes_its_place_in_the_past(portal: Portal) -> None:
    sent = await send()
    await portal.run_jobs()
    now = clock.local(clock.now())
    await portal.control.scan(sent.number, "out_for_delivery", at=now.isoformat())
    await portal.control.settle()
    await portal.control.scan(sent.number, "picked_up", at=(now - timedelta(hours=5)).isoformat())
    await portal.control.settle()
    await portal.run_jobs()

    assert await sent.is_at(ParcelState.OUT_FOR_DELIVERY)
    events = await ParcelEvent.filter(parcel_id=sent.parcel.id, voided=False).order_by("-at")
    assert [event.state for event in events] == [ParcelState.OUT_FOR_DELIVERY, ParcelState.PICKED_UP]
