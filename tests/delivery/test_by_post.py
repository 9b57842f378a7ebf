from __future__ import annotations

import pytest

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.models import DeliveryTask, Parcel
from app.delivery.offers import agent_for
from app.delivery.ordering import cancel_courier
from app.delivery.ports import DeliveredTo, ParcelState, Payer
from app.delivery.rules import Watch
from app.delivery.words import Direction, OrderState, TaskKind
from tests.delivery.couriers import ordered
from tests.portal import Portal


@pytest.mark.usefixtures("post")
async def test_where_the_post_is_connected_its_parcels_go_through_it(portal: Portal) -> None:
    assert agent_for("ems", Payer.CITY, Direction.RESULT_TO_APPLICANT)[0] == "ems"
    assert agent_for("zhongtong", Payer.CITY, Direction.RESULT_TO_APPLICANT)[0] == "kuaidi100"
    assert agent_for("ems", Payer.RECIPIENT_ON_DELIVERY, Direction.RESULT_TO_APPLICANT)[0] == "ems"


@pytest.mark.usefixtures("post")
async def test_the_post_fetches_a_result_brings_it_and_takes_the_signature_back(portal: Portal) -> None:
    """Ordered, scanned, delivered, undone (743), delivered again: each told by a push of one event."""
    sent = await ordered(portal, "ems")
    assert (sent.parcel.agent, sent.parcel.tracker) == ("ems", "ems")
    assert (sent.parcel.order_state, sent.parcel.watch) == (OrderState.PLACED, Watch.WATCHED)
    door = f"{portal.url}/callbacks/ems/tracking"

    async def scan(code: str, at: str, deliver: str = "") -> Parcel:
        [reply] = await portal.control.post_scan(sent.number, code, deliver=deliver, at=at, push_to=door)
        assert reply.accepted, reply
        await portal.run_jobs()
        return await Parcel.get(id=sent.parcel.id)

    parcel = await scan("203", "2026-11-25T08:00:00")
    assert (parcel.state, parcel.order_state) == (ParcelState.PICKED_UP, OrderState.PICKED_UP)
    parcel = await scan("704", "2026-11-25T10:00:00", "10")
    assert (parcel.state, parcel.delivered_to, parcel.watch) == (
        ParcelState.DELIVERED,
        DeliveredTo.ADDRESSEE,
        Watch.ENDED,
    )
    assert (await Case.get(id=sent.case.id)).state is CaseState.CLOSED
    parcel = await scan("743", "2026-11-25T10:05:00")
    assert (parcel.state, parcel.watch) == (ParcelState.PICKED_UP, Watch.WATCHED)
    assert await DeliveryTask.filter(parcel_id=parcel.id, kind=TaskKind.DELIVERY_UNDONE, state="OPEN").count() == 1
    parcel = await scan("704", "2026-11-25T11:00:00", "10")
    assert (parcel.state, parcel.delivered_to) == (ParcelState.DELIVERED, DeliveredTo.ADDRESSEE)
    assert await DeliveryTask.filter(parcel_id=parcel.id, state="OPEN").count() == 0


@pytest.mark.usefixtures("post")
async def test_the_desk_calls_the_post_off(portal: Portal) -> None:
    sent = await ordered(portal, "ems")
    await cancel_courier(sent.issuer, sent.parcel.id)
    await portal.run_jobs()
    assert (await portal.control.waybills(sent.parcel.order_no or ""))[0].cancelled
    assert (await Parcel.get(id=sent.parcel.id)).order_state is OrderState.CANCELLED
    assert (await Case.get(id=sent.case.id)).state is CaseState.RESULT_READY
