from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.expecting import expect
from app.delivery.models import DeliveryTask, NumberUse, Parcel, ParcelEvent
from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent, TrackingSnapshot
from app.delivery.queries import MOST_SHOWN, timelines_of, valid_history
from app.delivery.rules import Watch, standing_of
from app.delivery.tasks import count_what_is_due
from app.delivery.tracking import take_snapshot
from app.delivery.watching import look_after, subscriptions_this_month, watch
from app.delivery.words import TaskKind, TaskState
from app.kernel import clock, db
from tests.benchmarks.measuring import counted_statements
from tests.delivery.stage import send, tell
from tests.identity.accounts import caller_of
from tests.portal import Portal

START = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
P = ParcelState


def row(minutes: int, code: str, state: ParcelState | None, undoes: str = "") -> TrackingEvent:
    to = DeliveredTo.ADDRESSEE if state is P.DELIVERED else None
    return TrackingEvent(START + timedelta(minutes=minutes), f"{minutes} {code}", "", code, state, to, undoes)


PICKED, OUT, SIGNED = row(1, "203", P.PICKED_UP), row(2, "702", P.OUT_FOR_DELIVERY), row(3, "704+10", P.DELIVERED)
UNSIGNED = row(4, "743", None, "704")


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ([UNSIGNED, SIGNED, OUT, PICKED], P.OUT_FOR_DELIVERY),
        ([row(5, "704+10", P.DELIVERED), UNSIGNED, SIGNED, OUT, PICKED], P.DELIVERED),
        ([UNSIGNED, OUT, PICKED], P.OUT_FOR_DELIVERY),
        ([row(6, "743", None, "704"), UNSIGNED, row(3, "704", P.DELIVERED), SIGNED, PICKED], P.PICKED_UP),
        ([row(4, "207", None, "203"), PICKED], P.CREATED),
        ([row(5, "954", P.IN_TRANSIT), UNSIGNED, SIGNED, PICKED], P.IN_TRANSIT),
    ],
)
def test_a_row_may_take_back_the_newest_of_a_kind(history: list[TrackingEvent], state: ParcelState) -> None:
    assert standing_of(history, START).state is state


async def test_an_event_of_the_future_is_kept_and_counts_when_it_is_due(portal: Portal) -> None:
    sent, now = await send(), clock.now()
    picked = TrackingEvent(now, "已揽收", "", "103", P.PICKED_UP)
    signed = TrackingEvent(now + timedelta(days=2), "已签收", "", "301", P.DELIVERED, DeliveredTo.ADDRESSEE)
    await tell(sent, picked, signed)
    assert await sent.is_at(P.PICKED_UP)
    await count_what_is_due()
    assert await sent.is_at(P.PICKED_UP)
    with clock.standing_at(now + timedelta(days=2)):
        await count_what_is_due()
    assert await sent.standing() == {"parcel": P.DELIVERED, "to": DeliveredTo.ADDRESSEE, "case": CaseState.CLOSED}


async def test_an_event_of_the_far_future_does_not_make_later_news_old(portal: Portal) -> None:
    """A row of the year 2099 that is gone from the next history is voided with it."""
    sent, now = await send(), clock.now()
    picked = TrackingEvent(now, "已揽收", "", "103", P.PICKED_UP)
    await tell(sent, picked, TrackingEvent(now + timedelta(days=30_000), "签收", "", "301", P.DELIVERED))
    await tell(sent, picked, TrackingEvent(now + timedelta(minutes=1), "派件", "", "5", P.OUT_FOR_DELIVERY))
    assert await sent.is_at(P.OUT_FOR_DELIVERY)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id, voided=True).count() == 1
    assert (await Parcel.get(id=sent.parcel.id)).look_again_at is None


async def test_a_delivery_that_is_taken_back_is_looked_into(portal: Portal) -> None:
    sent, now = await send(), clock.now() - timedelta(hours=1)
    signed = TrackingEvent(now, "妥投", "", "704+10", P.DELIVERED, DeliveredTo.ADDRESSEE)
    out = TrackingEvent(now - timedelta(hours=1), "派送", "", "702", P.OUT_FOR_DELIVERY)
    undone = TrackingEvent(now + timedelta(minutes=1), "撤销妥投", "", "743", None, None, "704")
    await tell(sent, out, signed)
    assert (await Case.get(id=sent.case.id)).state is CaseState.CLOSED
    await tell(sent, undone, partial=True)
    assert await sent.is_at(P.OUT_FOR_DELIVERY)
    task = await DeliveryTask.get(parcel_id=sent.parcel.id, kind=TaskKind.DELIVERY_UNDONE)
    assert task.state is TaskState.OPEN
    again = TrackingEvent(now + timedelta(minutes=2), "妥投", "", "704+10", P.DELIVERED, DeliveredTo.ADDRESSEE)
    await tell(sent, again, partial=True)
    assert (await DeliveryTask.get(id=task.id)).state is TaskState.DONE


async def test_news_told_one_by_one_void_nothing(portal: Portal) -> None:
    sent, now = await send(), clock.now()
    for minutes, state in ((2, P.IN_TRANSIT), (1, P.PICKED_UP)):
        event = TrackingEvent(now + timedelta(minutes=minutes), state, "", "", state)
        await tell(sent, event, partial=True)
    assert await sent.is_at(P.IN_TRANSIT)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id, voided=False).count() == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_rows_of_one_second_told_one_by_one_stand_alike_in_whatever_order(
    portal: Portal, order: tuple[int, int]
) -> None:
    sent, now = await send(), clock.now()
    rows = [TrackingEvent(now, state, "", "", state) for state in (P.PICKED_UP, P.IN_TRANSIT)]
    for place in order:
        await tell(sent, rows[place], partial=True)
    assert await sent.is_at(P.IN_TRANSIT)


async def test_the_whole_history_puts_rows_of_one_second_right(portal: Portal) -> None:
    sent, now = await send(), clock.now()
    out, failed = (TrackingEvent(now, state, "", "", state) for state in (P.OUT_FOR_DELIVERY, P.DELIVERY_FAILED))
    for event in (failed, out):
        await tell(sent, event, partial=True)
    assert await sent.is_at(P.DELIVERY_FAILED)
    await tell(sent, out, failed)
    assert await sent.is_at(P.OUT_FOR_DELIVERY)


async def test_only_its_own_tracker_tells_of_a_parcel(portal: Portal) -> None:
    sent = await send()
    verdict = await take_snapshot(
        TrackingSnapshot("ems", "ems", sent.number, (TrackingEvent(clock.now(), "收寄", "", "203", P.PICKED_UP),))
    )
    assert (verdict.matched, verdict.remark) == (True, "followed by kuaidi100")
    assert await sent.is_at(P.CREATED)
    assert await ParcelEvent.filter(parcel_id=sent.parcel.id).count() == 0


async def test_a_row_we_know_learns_what_it_means_and_what_comes_late_teaches_nothing(portal: Portal) -> None:
    """A code mapped since, and a history rewritten with the same times and words."""
    sent, now = await send(), clock.now()
    at, later = now - timedelta(minutes=5), TrackingEvent(now, "到达", "", "1002", None)

    def told(code: str, state: ParcelState | None) -> TrackingEvent:
        return TrackingEvent(at, "新状态", "", code, state)

    for event, state in (
        (told("X42", None), P.CREATED),
        (told("X42", P.PICKED_UP), P.PICKED_UP),
        (told("X43", P.CUSTOMS), P.CUSTOMS),
        (told("X42", None), P.CUSTOMS),
    ):
        await tell(sent, later, event)
        assert await sent.is_at(state)
    await tell(sent, told("X42", P.PICKED_UP))
    assert await sent.is_at(P.CUSTOMS)
    kept = await ParcelEvent.filter(parcel_id=sent.parcel.id, text="新状态")
    assert [(event.raw_code, event.state, event.voided) for event in kept] == [("X43", P.CUSTOMS, False)]


async def test_what_a_newer_history_took_back_does_not_come_back_with_an_older_one(portal: Portal) -> None:
    """A push that was repeated late must not sign again for what nobody has signed for."""
    sent, now = await send(), clock.now()
    picked, signed, moving = (
        TrackingEvent(now - timedelta(minutes=minutes), text, "", code, state, to)
        for minutes, text, code, state, to in (
            (9, "已揽收", "103", P.PICKED_UP, None),
            (6, "已签收", "301", P.DELIVERED, DeliveredTo.ADDRESSEE),
            (3, "运输中", "0", P.IN_TRANSIT, None),
        )
    )
    await tell(sent, picked, signed)
    assert await sent.is_at(P.DELIVERED)
    await tell(sent, picked, moving)
    assert await sent.is_at(P.IN_TRANSIT)
    for _ in range(2):
        await tell(sent, picked, signed)
    assert await sent.is_at(P.IN_TRANSIT)


async def test_a_time_nobody_can_read_is_told_to_a_person(portal: Portal) -> None:
    sent = await send("yuantong")
    event = TrackingEvent(clock.now(), "已揽收", "", "103", P.PICKED_UP)
    await take_snapshot(TrackingSnapshot("kuaidi100", "yuantong", sent.number, (event,), untimed=True))
    assert await sent.is_at(P.PICKED_UP)
    assert await DeliveryTask.filter(kind=TaskKind.UNREADABLE_TIME, subject="kuaidi100/yuantong").count() == 1


async def test_an_unknown_code_is_kept_shown_as_on_its_way_and_told_to_a_person(portal: Portal) -> None:
    sent = await send()
    await tell(sent, TrackingEvent(clock.now(), "新状态", "", "X42", None))
    phone = await caller_of(portal, sent.owner)
    [parcel] = (await phone.do("ParcelsOfCase", id=str(sent.case.id)))["parcels"]
    assert parcel["latestEvent"]["stateText"] == "运输途中"
    assert parcel["state"] == "CREATED"
    assert await DeliveryTask.filter(kind=TaskKind.UNKNOWN_CODE, subject="kuaidi100/ems/X42").count() == 1


async def test_one_number_at_two_carriers_stays_two_parcels_and_a_third_is_told_to_a_person(portal: Portal) -> None:
    ems = await send()
    other = await send("yuantong")
    await Parcel.filter(id=other.parcel.id).update(tracking_number=ems.number)
    event = TrackingEvent(clock.now(), "已揽收", "", "103", P.PICKED_UP)
    await take_snapshot(TrackingSnapshot("kuaidi100", "yuantong", ems.number, (event,)))
    assert await ems.is_at(P.CREATED)
    assert await other.is_at(P.PICKED_UP)
    verdict = await take_snapshot(TrackingSnapshot("kuaidi100", "yunda", ems.number, (event,)))
    assert not verdict.matched
    task = await DeliveryTask.get(kind=TaskKind.OTHER_CARRIER, subject=f"parcel:{ems.parcel.id}")
    assert task.detail == {"ours": "ems", "theirs": "yunda"}


async def test_a_number_is_subscribed_four_times_a_month_and_no_more(portal: Portal) -> None:
    sent = await send()
    await portal.run_jobs()
    assert await subscriptions_this_month("kuaidi100", sent.number) == 1
    await NumberUse.filter(number=sent.number).update(subscriptions=4)
    await Parcel.filter(id=sent.parcel.id).update(watch=Watch.ASKED)
    before = len(await portal.control.journal())
    await watch(sent.parcel.id)
    known = await Parcel.get(id=sent.parcel.id)
    assert (known.watch, "4次" in known.watch_remark) == (Watch.REFUSED, True)
    assert len(await portal.control.journal()) == before
    await NumberUse.filter(number=sent.number).update(month="2026-01")
    await Parcel.filter(id=sent.parcel.id).update(watch=Watch.ASKED)
    await watch(sent.parcel.id)
    assert await subscriptions_this_month("kuaidi100", sent.number) == 1


async def test_a_number_is_asked_about_once_in_half_an_hour(portal: Portal) -> None:
    sent, now = await send(), clock.now()
    await portal.run_jobs()
    await portal.control.be_hostile(query_lock=True)
    try:
        await portal.control.scan(sent.number, "picked_up", push=False)
        await look_after(sent.parcel.id)
        await look_after(sent.parcel.id)  # would be refused as too often, and lock the number
        with clock.standing_at(now + timedelta(minutes=29)):
            await look_after(sent.parcel.id)
    finally:
        await portal.control.be_kind()
    assert await sent.is_at(P.PICKED_UP)
    asked = (await NumberUse.get(number=sent.number)).queried_at
    assert asked is not None
    assert asked - now < timedelta(minutes=1)


async def test_when_a_parcel_will_come_follows_from_earlier_ones_of_its_route(portal: Portal) -> None:
    """Ten earlier ones took ten to nineteen hours; of another county nothing is known, but of its city it is."""
    now = clock.now()
    carrier = f"c{db.new_id().hex[:12]}"
    for hours in range(10, 20):
        old = await send()
        await Parcel.filter(id=old.parcel.id).update(
            carrier=carrier, from_division="990100", to_division="990102", state=P.DELIVERED,
            picked_up_at=now - timedelta(days=2), delivered_at=now - timedelta(days=2) + timedelta(hours=hours),
        )  # fmt: skip
    sent = await send()
    parcel = await Parcel.get(id=sent.parcel.id)
    parcel.carrier, parcel.from_division, parcel.picked_up_at = carrier, "990100", now
    for to in ("990102", "990104"):
        parcel.to_division = to
        expected = await expect(parcel, now)
        assert expected is not None
        assert expected.since == now + timedelta(hours=11, minutes=48)
        assert expected.until == now + timedelta(hours=18, minutes=6)
    parcel.carrier = "nobody"
    assert await expect(parcel, now) is None


_FLOOD = """
    INSERT INTO parcel_event (id, parcel_id, key, at, rank, text, place, raw_code, state, undoes, received_at, voided)
    SELECT gen_random_uuid(), $1, 'k' || n, $2::timestamptz + n * interval '1 second', 1, '到达', '', '1002',
           'IN_TRANSIT', '', $2, false
    FROM generate_series(1, 100000) AS n
"""


async def test_a_hundred_thousand_events_of_one_parcel_are_bounded_work(portal: Portal) -> None:
    """They are kept and in force; a push costs as many statements as for a new parcel, the state is read from a
    handful of rows, and a phone is shown the newest.
    """
    few, many = await send(), await send()
    await db.rows(_FLOOD, many.parcel.id, clock.now() - timedelta(days=3))
    statements = []
    for sent in (few, many):
        with counted_statements() as counter:
            await tell(sent, P.OUT_FOR_DELIVERY, partial=True)
        statements.append(counter.statements)
        assert await sent.is_at(P.OUT_FOR_DELIVERY)
    assert statements[0] == statements[1]
    assert await ParcelEvent.filter(parcel_id=many.parcel.id, voided=False).count() == 100_001
    assert [event.state for event in await valid_history(many.parcel.id, clock.now())] == [
        P.OUT_FOR_DELIVERY,
        P.IN_TRANSIT,
    ]
    [timeline] = await timelines_of([many.parcel.id])
    assert (len(timeline), timeline[0].state) == (MOST_SHOWN, P.OUT_FOR_DELIVERY)
    await tell(many, P.DELIVERED)
    [timeline] = await timelines_of([many.parcel.id])
    assert [event.state for event in timeline] == [P.DELIVERED], "rows the tracker no longer tells are void"
    await ParcelEvent.filter(parcel_id=many.parcel.id).delete()
