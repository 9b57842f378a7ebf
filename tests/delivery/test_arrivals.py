from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.models import Parcel, ParcelEvent
from app.delivery.ports import DeliveredTo, ParcelState, TrackingEvent, TrackingSnapshot
from app.delivery.queries import timelines_of
from app.delivery.tracking import take_snapshot
from app.kernel import clock
from tests.delivery.stage import send
from tests.portal import Portal

WAY = (
    (ParcelState.PICKED_UP, None),
    (ParcelState.IN_TRANSIT, None),
    (None, None),  # a code we do not know
    (ParcelState.OUT_FOR_DELIVERY, None),
    (ParcelState.DELIVERED, DeliveredTo.ADDRESSEE),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, len(WAY)), min_size=1, max_size=8))
async def test_in_whatever_order_and_number_pushes_arrive_the_longest_history_counts(
    portal: Portal, arrivals: list[int]
) -> None:
    """Each push brings the history so far; the parcel stands where the longest of them ends, and nothing is lost."""
    sent, begun = await send(), clock.now().replace(microsecond=0)
    history = [
        TrackingEvent(begun + timedelta(minutes=place), f"第{place}步", "", "", state, to)
        for place, (state, to) in enumerate(WAY)
    ]
    for length in arrivals:
        newest_first = tuple(reversed(history[:length]))
        await take_snapshot(TrackingSnapshot("kuaidi100", "ems", sent.number, newest_first))

    told = history[: max(arrivals)]
    states = [ParcelState.CREATED, *(event.state for event in told if event.state is not None)]
    parcel, case = await Parcel.get(id=sent.parcel.id), await Case.get(id=sent.case.id)
    [timeline] = await timelines_of([parcel.id])
    assert parcel.state is states[-1]
    assert [event.text for event in timeline] == [event.text for event in reversed(told)]
    assert await ParcelEvent.filter(parcel_id=parcel.id, voided=True).count() == 0
    assert (case.state is CaseState.CLOSED) is (max(arrivals) == len(WAY))
