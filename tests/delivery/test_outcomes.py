"""What no carrier tells to its end: lockers, receivers nobody knows, parcels nobody finds, silence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.alarms import raise_alarm
from app.delivery.models import DeliveryTask, Parcel
from app.delivery.ports import DeliveredTo, ParcelState
from app.delivery.queries import silent_parcels
from app.delivery.rules import Watch
from app.delivery.words import TaskKind, TaskState
from app.kernel import clock
from tests.delivery.couriers import fetched, ordered
from tests.delivery.stage import Sent, new_number, scanned, send, tell
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal

P = ParcelState


async def open_tasks(sent: Sent) -> list[TaskKind]:
    return [task.kind for task in await DeliveryTask.filter(parcel_id=sent.parcel.id, state=TaskState.OPEN)]


async def left_with(to: DeliveredTo) -> Sent:
    sent = await send()
    await tell(sent, P.PICKED_UP, scanned(P.DELIVERED, clock.now(), to))
    return sent


@pytest.mark.parametrize(
    ("to", "words", "tasks"),
    [
        (DeliveredTo.LOCKER, "已放入快递柜或驿站,取件后请确认收到", []),
        (DeliveredTo.UNKNOWN, "已签收", [TaskKind.RECEIPT_UNCONFIRMED]),
        (DeliveredTo.OTHER_PERSON, "已由他人签收,没有拿到请联系大厅", [TaskKind.RECEIPT_UNCONFIRMED]),
    ],
)
async def test_the_applicant_says_that_they_have_it_and_the_case_closes(
    portal: Portal, to: DeliveredTo, words: str, tasks: list[TaskKind]
) -> None:
    sent = await left_with(to)
    phone = await caller_of(portal, sent.owner)
    [parcel] = (await phone.do("ParcelsOfCase", id=str(sent.case.id)))["parcels"]
    assert (parcel["stateText"], parcel["latestEvent"]["stateText"], parcel["confirmable"]) == (words, words, True)
    assert await open_tasks(sent) == tasks

    told = await phone.do("ConfirmReceipt", parcelId=str(sent.parcel.id))
    assert (told["state"], told["deliveredTo"], told["confirmable"]) == ("DELIVERED", "ADDRESSEE", False)
    assert (await Case.get(id=sent.case.id)).state is CaseState.CLOSED
    assert await open_tasks(sent) == []
    assert (await Parcel.get(id=sent.parcel.id)).watch is Watch.ENDED
    async with nothing_moves():
        assert await phone.do("ConfirmReceipt", parcelId=str(sent.parcel.id)) == told
    await tell(sent, P.PICKED_UP, scanned(P.DELIVERED, clock.now(), to), P.RETURNING)
    assert await sent.standing() == {"parcel": P.DELIVERED, "to": DeliveredTo.ADDRESSEE, "case": CaseState.CLOSED}


async def test_the_desk_says_it_for_who_has_no_phone_and_strangers_do_not(portal: Portal) -> None:
    sent = await left_with(DeliveredTo.UNKNOWN)
    stranger, clerk = await caller_of(portal, await make_resident()), await caller_of(portal, sent.issuer)
    async with nothing_moves():
        assert (await stranger.do("ConfirmReceipt", parcelId=str(sent.parcel.id)))["code"] == "NOT_FOUND"
    assert (await clerk.do("ConfirmReceipt", parcelId=str(sent.parcel.id)))["deliveredTo"] == "ADDRESSEE"
    assert ("parcel.confirmed", "done") in await audit_of(f"parcel:{sent.parcel.id}")


async def test_what_is_still_on_its_way_or_goes_to_the_hall_is_not_confirmed(portal: Portal) -> None:
    result, materials = await send(), await fetched(portal)
    await tell(result, P.PICKED_UP)
    await tell(materials, P.PICKED_UP, P.DELIVERED)
    for sent in (result, materials):
        phone = await caller_of(portal, sent.owner)
        async with nothing_moves():
            assert (await phone.do("ConfirmReceipt", parcelId=str(sent.parcel.id)))["code"] == "PARCEL_NOT_ARRIVED"


async def test_of_a_locker_a_person_is_told_after_days_and_its_tracker_is_left_alone_after_weeks(
    portal: Portal,
) -> None:
    sent = await left_with(DeliveredTo.LOCKER)
    await portal.run_jobs()
    ages = [(timedelta(days=4), [], True), (timedelta(days=6), [TaskKind.RECEIPT_UNCONFIRMED], True)]
    for age, tasks, asked in [*ages, (timedelta(days=31), [TaskKind.RECEIPT_UNCONFIRMED], False)]:
        long_ago = clock.now() - age
        await Parcel.filter(id=sent.parcel.id).update(state_at=long_ago, news_at=long_ago, heard_at=long_ago)
        await raise_alarm(1000)
        assert await open_tasks(sent) == tasks
        assert (sent.parcel.id in await silent_parcels(1000)) is asked


async def test_what_is_lost_comes_back_to_the_desk_and_old_news_do_not_revive_it(portal: Portal) -> None:
    sent = await ordered(portal)
    await tell(sent, P.PICKED_UP)
    clerk = await caller_of(portal, sent.issuer)
    lost = await clerk.do("DeclareLost", parcelId=str(sent.parcel.id))
    assert (lost["state"], lost["watch"]) == ("LOST", "ENDED")
    async with nothing_moves():
        assert await clerk.do("DeclareLost", parcelId=str(sent.parcel.id)) == lost
    assert await sent.standing() == {"parcel": P.LOST, "to": None, "case": CaseState.RESULT_READY}
    assert await open_tasks(sent) == [TaskKind.LOST]
    await tell(sent, P.PICKED_UP, scanned(P.IN_TRANSIT, clock.now() - timedelta(minutes=1)))
    assert await sent.is_at(P.LOST)

    again = await clerk.do("RegisterParcel", caseId=str(sent.case.id), carrier="ems", trackingNumber=new_number())
    assert again["state"] == "CREATED"
    await tell(sent, scanned(P.DELIVERED, clock.now() + timedelta(minutes=1)))
    assert await sent.standing() == {"parcel": P.DELIVERED, "to": DeliveredTo.ADDRESSEE, "case": CaseState.DELIVERING}
    task = await DeliveryTask.get(parcel_id=sent.parcel.id, kind=TaskKind.LOST)
    assert (task.state, task.detail) == (TaskState.OPEN, {"reason": "已报失的包裹又有物流更新,请核实"})


async def test_what_was_lost_and_arrived_after_all_closes_its_case_by_the_applicants_word(portal: Portal) -> None:
    sent = await send()
    clerk, owner = await caller_of(portal, sent.issuer), await caller_of(portal, sent.owner)
    await clerk.do("DeclareLost", parcelId=str(sent.parcel.id))
    await tell(sent, scanned(P.DELIVERED, clock.now() + timedelta(minutes=1)))
    assert (await sent.standing())["case"] is CaseState.RESULT_READY
    await owner.do("ConfirmReceipt", parcelId=str(sent.parcel.id))
    assert await sent.standing() == {"parcel": P.DELIVERED, "to": DeliveredTo.ADDRESSEE, "case": CaseState.CLOSED}
    assert await open_tasks(sent) == []


async def test_what_is_lost_can_still_be_scanned_in(portal: Portal) -> None:
    sent = await send()
    clerk = await caller_of(portal, sent.issuer)
    await clerk.do("DeclareLost", parcelId=str(sent.parcel.id))
    assert (await clerk.do("ScanReturn", parcelId=str(sent.parcel.id)))["state"] == "RETURNED"
    assert await open_tasks(sent) == []


async def test_what_has_ended_is_not_lost(portal: Portal) -> None:
    delivered, back = await send(), await send()
    await tell(delivered, P.DELIVERED)
    clerk = await caller_of(portal, back.issuer)
    await clerk.do("ScanReturn", parcelId=str(back.parcel.id))
    for sent in (delivered, back):
        async with nothing_moves():
            assert (await clerk.do("DeclareLost", parcelId=str(sent.parcel.id)))["code"] == "PARCEL_ENDED"


@pytest.mark.parametrize(
    ("state", "days", "stuck"),
    [
        (P.CREATED, 3, True),
        (P.AWAITING_PICKUP, 2, False),
        (P.IN_TRANSIT, 4, False),
        (P.IN_TRANSIT, 5, True),
        (P.RETURNING, 5, True),
        (P.DELIVERED, 25, False),
    ],
)
async def test_silence_is_an_alarm_after_three_days_waiting_and_five_on_the_way(
    portal: Portal, state: ParcelState, days: int, stuck: bool
) -> None:
    sent, since = await send(), clock.now() - timedelta(days=days)
    silent = Parcel.filter(id=sent.parcel.id)
    await silent.update(state=state, state_at=since, news_at=since, registered_at=since - timedelta(days=1))
    await raise_alarm(1000)
    assert await open_tasks(sent) == ([TaskKind.STUCK] if stuck else [])


@pytest.mark.parametrize(("days", "stuck"), [(2, False), (3, True)])
async def test_of_what_was_never_scanned_the_silence_begins_with_its_number(
    portal: Portal, days: int, stuck: bool
) -> None:
    """Ordered long before: the carrier gave its number late."""
    sent, now = await send(), clock.now()
    since = {"state_at": now - timedelta(days=9), "registered_at": now - timedelta(days=days), "news_at": None}
    await Parcel.filter(id=sent.parcel.id).update(**since)
    await raise_alarm(1000)
    assert await open_tasks(sent) == ([TaskKind.STUCK] if stuck else [])


async def test_what_was_never_scanned_is_not_hidden_by_what_has_its_alarm(portal: Portal) -> None:
    """One at a time, and the one whose task somebody closed does not come again."""
    old = [await send(), await send(), await send()]
    for years, sent in enumerate(old):
        since = clock.now() - timedelta(days=9000 - years)
        news = since if years < 2 else None
        await Parcel.filter(id=sent.parcel.id).update(state_at=since, registered_at=since, news_at=news)
    for place in range(3):
        await raise_alarm(1)
        assert [bool(await DeliveryTask.filter(parcel_id=sent.parcel.id).count()) for sent in old] == [
            seen <= place for seen in range(3)
        ]
        await DeliveryTask.filter(parcel_id=old[place].parcel.id).update(state=TaskState.DONE)
    await raise_alarm(1000)
    assert [await open_tasks(sent) for sent in old] == [[], [], []]
