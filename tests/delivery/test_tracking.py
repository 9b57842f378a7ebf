from __future__ import annotations

import asyncio
from datetime import timedelta

from app.cases.rules import CaseState
from app.delivery.commands import register_parcel
from app.delivery.events import ParcelRegistered
from app.delivery.models import DeliveryTask, Parcel, ParcelEvent
from app.delivery.ports import DeliveredTo, ParcelState
from app.delivery.queries import silent_parcels
from app.delivery.rules import Watch
from app.delivery.tasks import place_early_pushes, sweep_silent_parcels
from app.delivery.words import TaskKind, TaskState
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.inbox.notices import Notice, NoticeState
from tests.delivery.deaths import somebody_waits
from tests.delivery.stage import Sent, make_case, new_number, send
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.portal import Portal

P = ParcelState


async def watched(portal: Portal, carrier: str = "ems") -> Sent:
    sent = await send(carrier)
    await portal.run_jobs()
    return sent


async def scan(portal: Portal, sent: Sent, *steps: str) -> None:
    """The courier scans, Kuaidi100 pushes, the worker works."""
    for step in steps:
        await portal.control.scan(sent.number, step)
        await portal.control.settle()
    await portal.run_jobs()


async def test_a_parcel_s_way_is_told_to_its_owner(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "in_transit", "out_for_delivery")
    phone = await caller_of(portal, sent.owner)
    parcel = (await phone.do("CaseDetail", id=str(sent.case.id)))["parcel"]
    assert (parcel["state"], parcel["stateText"]) == ("OUT_FOR_DELIVERY", "正在派送,请留意电话")
    assert [event["state"] for event in parcel["timeline"]] == ["OUT_FOR_DELIVERY", "IN_TRANSIT", "PICKED_UP"]


async def test_signed_for_by_the_addressee_the_case_closes(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "delivered")
    assert await sent.standing() == {
        "parcel": ParcelState.DELIVERED,
        "to": DeliveredTo.ADDRESSEE,
        "case": CaseState.CLOSED,
    }
    assert (await Parcel.get(id=sent.parcel.id)).watch is Watch.ENDED


async def test_signed_for_by_somebody_else_the_case_closes_too_unless_it_is_a_licence(portal: Portal) -> None:
    """The porter has the identity card: its case waits until somebody says that the applicant has it."""
    statement, card = await send(item_key="re-query"), await send()
    await portal.run_jobs()
    for sent, case in ((statement, CaseState.CLOSED), (card, CaseState.DELIVERING)):
        await scan(portal, sent, "picked_up", "delivered_by_other")
        assert await sent.standing() == {"parcel": P.DELIVERED, "to": DeliveredTo.OTHER_PERSON, "case": case}
    assert await DeliveryTask.filter(parcel_id=statement.parcel.id).count() == 0
    [task] = await DeliveryTask.filter(parcel_id=card.parcel.id)
    assert (task.kind, task.detail) == (TaskKind.RECEIPT_UNCONFIRMED, {"to": "OTHER_PERSON"})


async def test_a_locker_does_not_close_the_case(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "delivered_to_locker")
    assert (await sent.standing())["case"] is CaseState.DELIVERING
    assert (await Parcel.get(id=sent.parcel.id)).watch is Watch.WATCHED
    await scan(portal, sent, "delivered")
    assert (await sent.standing())["case"] is CaseState.CLOSED


async def test_a_returned_parcel_puts_the_result_back_on_the_desk(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "refused", "returning", "returned")
    assert await sent.standing() == {"parcel": ParcelState.RETURNED, "to": None, "case": CaseState.RESULT_READY}
    tasks = await DeliveryTask.filter(parcel_id=sent.parcel.id, state=TaskState.OPEN)
    assert {task.kind for task in tasks} == {TaskKind.REFUSED, TaskKind.RETURNED}


async def test_a_return_that_the_hall_signs_for_closes_nothing(portal: Portal) -> None:
    """Told as "signed for by the addressee", for the hall is the addressee of what comes back."""
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "returning", "out_for_delivery", "signed_by_sender")
    assert await sent.standing() == {"parcel": ParcelState.RETURNED, "to": None, "case": CaseState.RESULT_READY}
    task = await DeliveryTask.get(parcel_id=sent.parcel.id)
    assert (task.kind, task.state) == (TaskKind.RETURNED, TaskState.OPEN)


async def test_a_code_we_do_not_know_keeps_the_state_and_is_shown(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "unknown_code")
    assert (await sent.standing())["parcel"] is ParcelState.PICKED_UP
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == 2


async def test_the_same_push_five_times_at_once_is_one(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up")
    replies = await portal.control.push(sent.number, "duplicate", times=5, parallel=True)
    assert {reply.status for reply in replies} == {200}
    await portal.run_jobs()
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == 1
    assert await sent.is_at(ParcelState.PICKED_UP)


async def test_an_older_shorter_snapshot_takes_nothing_back(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "in_transit", "out_for_delivery")
    [reply] = await portal.control.push(sent.number, "stale")
    assert reply.status == 200
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.OUT_FOR_DELIVERY)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id, voided=True).count() == 0


async def test_a_rewritten_history_voids_but_never_deletes(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "in_transit", "out_for_delivery")
    await portal.control.push(sent.number, "updateall", keep=2)
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.IN_TRANSIT)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == 3
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id, voided=True).count() == 1


async def test_a_forged_push_moves_nothing(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up")
    [reply] = await portal.control.push(sent.number, "forged")
    assert reply.status == 400
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.PICKED_UP)


async def test_a_delivered_parcel_stays_delivered_after_a_late_scan(portal: Portal) -> None:
    sent = await watched(portal)
    await scan(portal, sent, "picked_up", "delivered")
    await portal.control.scan(sent.number, "in_transit", push=False)
    await portal.control.push(sent.number)
    await portal.run_jobs()
    assert (await sent.standing())["case"] is CaseState.CLOSED
    assert await sent.is_at(ParcelState.DELIVERED)


async def test_a_silent_parcel_is_asked_about_and_moves(portal: Portal) -> None:
    """The pushes were lost; a day later we ask."""
    sent = await watched(portal)
    await portal.control.scan(sent.number, "picked_up", push=False)
    await portal.control.scan(sent.number, "in_transit", push=False)
    assert sent.parcel.id not in await silent_parcels(500)
    await Parcel.filter(id=sent.parcel.id).update(heard_at=clock.now() - timedelta(hours=25))
    assert sent.parcel.id in await silent_parcels(500)
    await sweep_silent_parcels()
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.IN_TRANSIT)
    assert sent.parcel.id not in await silent_parcels(500)


async def test_two_snapshots_at_once_end_with_the_newest(portal: Portal) -> None:
    sent = await watched(portal)
    for step in ("picked_up", "in_transit", "out_for_delivery"):
        await portal.control.scan(sent.number, step, push=False)
    await asyncio.gather(
        portal.control.push(sent.number, "stale"),
        portal.control.push(sent.number),
        portal.control.push(sent.number, "stale"),
    )
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.OUT_FOR_DELIVERY)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id, voided=False).count() == 3


async def test_a_push_for_nobody_s_parcel_is_acknowledged_and_kept(portal: Portal) -> None:
    number = new_number()
    [reply] = await portal.control.push_unasked(f"{portal.url}/callbacks/kuaidi100/tracking", "ems", number)
    assert reply.status == 200
    await portal.run_jobs()
    notice = await Notice.filter(topic="delivery.snapshot").order_by("-id").first()
    assert notice is not None
    assert (notice.content["number"], notice.state) == (number, NoticeState.UNMATCHED)
    assert await Parcel.filter(tracking_number=number).count() == 0


async def test_a_push_that_is_being_handled_while_its_parcel_is_registered_finds_its_place_too(portal: Portal) -> None:
    """Its handler looked for the parcel a moment before there was one, and has not said yet that it found none."""
    owner, issuer, number = await make_resident(), await make_staff(Role.ISSUER), new_number()
    case = await make_case(owner)
    url = f"{portal.url}/callbacks/kuaidi100/tracking"
    await portal.control.push_unasked(url, "ems", number, [{"step": "picked_up"}])
    [found] = await db.rows("SELECT id FROM inbox_notice WHERE content->>'number' = $1", number)
    await db.rows("DELETE FROM procrastinate_jobs WHERE args->>'notice_id' = $1", str(found["id"]))
    looked = asyncio.Event()

    async def handle() -> None:
        async with db.transaction():
            notice = await Notice.select_for_update().get(id=found["id"])
            looked.set()
            await somebody_waits()
            notice.state = NoticeState.UNMATCHED
            await notice.save(update_fields=["state"])

    handling = asyncio.create_task(handle())
    await looked.wait()
    parcel = await register_parcel(issuer, case.id, "ems", number)
    await place_early_pushes(ParcelRegistered(parcel.id))
    await handling
    await db.rows("DELETE FROM procrastinate_jobs WHERE args::text LIKE $1", f"%{parcel.id}%")
    await portal.run_jobs()
    assert (await Parcel.get(id=parcel.id)).state is ParcelState.PICKED_UP


async def test_a_push_before_its_parcel_is_registered_finds_its_place_then(portal: Portal) -> None:
    owner, issuer, number = await make_resident(), await make_staff(Role.ISSUER), new_number()
    case = await make_case(owner)
    url = f"{portal.url}/callbacks/kuaidi100/tracking"
    await portal.control.push_unasked(url, "ems", number, [{"step": "picked_up"}])
    await portal.run_jobs()
    parcel = await register_parcel(issuer, case.id, "ems", number)
    await portal.run_jobs()
    assert (await Parcel.get(id=parcel.id)).state is ParcelState.PICKED_UP
    kept = [notice for notice in await Notice.filter(topic="delivery.snapshot") if notice.content["number"] == number]
    assert [notice.state for notice in kept] == [NoticeState.HANDLED]
