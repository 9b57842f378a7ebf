"""A parcel the carrier lost: from the push to the desk, to the resident, and to the result made anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.models import DeliveryTask, Parcel
from app.delivery.ports import ParcelState
from app.delivery.rules import Watch
from app.delivery.words import TaskKind, TaskState
from app.kernel import clock
from tests.delivery.couriers import fetched, ordered
from tests.delivery.stage import new_number
from tests.identity.accounts import caller_of
from tests.identity.traces import nothing_moves
from tests.messages.stage import messages_about
from tests.portal import Portal

pytestmark = pytest.mark.usefixtures("post")


async def scan(portal: Portal, number: str, code: str, minutes_ago: int) -> None:
    """The post tells of one event, by its own clock."""
    at = f"{clock.local(clock.now()) - timedelta(minutes=minutes_ago):%Y-%m-%dT%H:%M:%S}"
    [reply] = await portal.control.post_scan(number, code, at=at, push_to=f"{portal.url}/callbacks/ems/tracking")
    assert reply.accepted, reply
    await portal.run_jobs()


async def test_a_lost_result_is_told_of_and_waits_at_the_desk_once_it_was_made_anew(portal: Portal) -> None:
    sent = await ordered(portal, "ems")
    await scan(portal, sent.number, "203", 60)
    await scan(portal, sent.number, "987", 5)

    parcel = await Parcel.get(id=sent.parcel.id)
    assert (parcel.state, parcel.watch) == (ParcelState.LOST, Watch.ENDED)
    task = await DeliveryTask.get(parcel_id=parcel.id)
    assert (task.kind, task.state) == (TaskKind.LOST, TaskState.OPEN)
    said = [message.body for message in await messages_about(f"parcel:{parcel.id}") if message.key == "parcel-lost"]
    about = f"“居民身份证丢失补领(损坏换领)”的包裹({parcel.carrier_name} {sent.number})"
    assert said == [f"{about}已遗失,大厅将与您联系。"]

    clerk, again = await caller_of(portal, sent.issuer), {"carrier": "ems", "trackingNumber": new_number()}
    async with nothing_moves():
        refused = await clerk.do("RegisterParcel", caseId=str(sent.case.id), **again)
    assert refused["code"] == "ILLEGAL_MOVE"
    assert (await Case.get(id=sent.case.id)).state is CaseState.DELIVERING

    done = await clerk.do("CloseDeliveryTask", id=str(task.id), remark="已补办,向承运商索赔")
    assert (done["state"], done["remark"]) == ("DONE", "已补办,向承运商索赔")
    assert (await Case.get(id=sent.case.id)).state is CaseState.RESULT_READY
    assert (await Parcel.get(id=parcel.id)).state is ParcelState.LOST
    assert (await clerk.do("RegisterParcel", caseId=str(sent.case.id), **again))["state"] == "CREATED"


async def test_a_lost_parcel_that_was_delivered_after_all_brings_nothing_back(portal: Portal) -> None:
    sent = await ordered(portal, "ems")
    await scan(portal, sent.number, "203", 60)
    await scan(portal, sent.number, "987", 30)
    task = await DeliveryTask.get(parcel_id=sent.parcel.id)
    at = f"{clock.local(clock.now()):%Y-%m-%dT%H:%M:%S}"
    door = f"{portal.url}/callbacks/ems/tracking"
    await portal.control.post_scan(sent.number, "704", deliver="10", at=at, push_to=door)
    await portal.run_jobs()
    assert (await Case.get(id=sent.case.id)).state is CaseState.CLOSED
    clerk = await caller_of(portal, sent.issuer)
    assert (await clerk.do("CloseDeliveryTask", id=str(task.id), remark="后来送到了"))["state"] == "DONE"
    assert (await Case.get(id=sent.case.id)).state is CaseState.CLOSED


async def test_lost_materials_leave_the_case_as_it_is(portal: Portal) -> None:
    sent = await fetched(portal, "ems")
    await scan(portal, sent.number, "203", 60)
    await scan(portal, sent.number, "988", 5)
    task = await DeliveryTask.get(parcel_id=sent.parcel.id)
    assert task.kind is TaskKind.LOST
    clerk = await caller_of(portal, sent.issuer)
    assert (await clerk.do("CloseDeliveryTask", id=str(task.id), remark="已联系申请人"))["state"] == "DONE"
    assert (await Case.get(id=sent.case.id)).state is CaseState.ACCEPTED
    assert [message.key for message in await messages_about(f"parcel:{sent.parcel.id}")] == ["parcel-lost"]
