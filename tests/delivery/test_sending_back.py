"""Originals that came by post go back to where they came from."""

from __future__ import annotations

from typing import Any

import pytest

from app.cases.commands import withdraw
from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.models import Parcel
from app.delivery.ports import ParcelState
from app.delivery.words import Direction, OrderState
from tests.delivery.couriers import HALL, fetched, make_open_case, news, ordered
from tests.delivery.stage import ADDRESS, Sent, new_number
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import nothing_moves
from tests.messages.stage import messages_about
from tests.people import Caller, new_key
from tests.portal import Portal

COURIER = {"carrier": "zhongtong", "payer": "CITY", "hall": HALL}


async def received(portal: Portal) -> tuple[Sent, Caller]:
    """Materials at the hall, of a case that was withdrawn since, and the clerk who sends them back."""
    sent = await fetched(portal)
    await news(portal, sent, "10")
    clerk = await caller_of(portal, sent.issuer)
    case = {"caseId": str(sent.case.id), "orders": [1, 2, 3]}
    await clerk.do("ReceiveMaterials", parcelId=str(sent.parcel.id), found=[case])
    await withdraw(sent.owner, sent.case.id)
    await portal.run_jobs()
    return sent, clerk


async def send_back(clerk: Caller, sent: Sent, key: str = "", **more: Any) -> dict[str, Any]:
    wanted = {"caseId": str(sent.case.id), "courier": COURIER, "key": key or new_key(), **more}
    return dict(await clerk.do("ReturnMaterials", **wanted))


async def test_a_courier_brings_them_back_and_the_resident_sees_and_is_told(portal: Portal) -> None:
    sent, clerk = await received(portal)
    key = new_key()
    made = await send_back(clerk, sent, key)
    assert (made["direction"], made["payer"], made["orderState"]) == ("MATERIAL_RETURN", "CITY", "ASKED")
    await portal.run_jobs()

    [order] = await portal.control.courier_orders(made["orderNo"])
    assert (order.asked["recManName"], order.asked["recManMobile"]) == (ADDRESS.receiver, ADDRESS.phone)
    parcel = await Parcel.get(id=made["id"])
    assert (parcel.order_state, parcel.phone_tail, parcel.needs_identity) == (OrderState.PLACED, "1234", False)
    phone = await caller_of(portal, sent.owner)
    shown = await phone.do("ParcelsOfCase", id=str(sent.case.id))
    assert [each["direction"] for each in shown["parcels"]] == ["MATERIAL_RETURN", "MATERIAL_TO_HALL"]
    [message] = await messages_about(f"parcel:{parcel.id}")
    assert (message.key, message.resident_id) == ("materials-returned", sent.owner.id)
    assert (parcel.tracking_number or "?") in message.body

    async with nothing_moves():
        assert (await send_back(clerk, sent, key))["id"] == made["id"]
        assert (await send_back(clerk, sent))["code"] == "MATERIALS_ALREADY_RETURNED"
    assert (await Case.get(id=sent.case.id)).state is CaseState.WITHDRAWN


async def test_a_number_typed_in_needs_no_courier(portal: Portal) -> None:
    sent, clerk = await received(portal)
    number = new_number()
    courier = {**COURIER, "carrier": "ems", "payer": "RECIPIENT_ON_DELIVERY"}
    made = await send_back(clerk, sent, courier=courier, trackingNumber=number)
    assert (made["trackingNumber"], made["orderState"], made["payer"]) == (number, None, "RECIPIENT_ON_DELIVERY")
    await portal.run_jobs()
    await portal.control.scan(number, "delivered")
    await portal.control.settle()
    await portal.run_jobs()
    parcel = await Parcel.get(id=made["id"])
    assert (parcel.direction, parcel.state) == (Direction.MATERIAL_RETURN, ParcelState.DELIVERED)
    assert [message.key for message in await messages_about(f"parcel:{parcel.id}")] == [
        "materials-returned",
        "parcel-moved",
    ]
    assert (await Case.get(id=sent.case.id)).state is CaseState.WITHDRAWN


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"courier": {**COURIER, "payer": "SENDER"}}, "COURIER_NOT_OFFERED"),
        ({"courier": {**COURIER, "payer": "SENDER"}, "trackingNumber": "75123456789012"}, "COURIER_NOT_OFFERED"),
        ({"courier": {**COURIER, "carrier": "pigeon"}}, "COURIER_NOT_OFFERED"),
        ({"courier": {**COURIER, "carrier": "pigeon"}, "trackingNumber": "75123456789012"}, "CARRIER_UNKNOWN"),
        ({"courier": {**COURIER, "hall": "nowhere"}}, "NOT_FOUND"),
        ({"trackingNumber": "12"}, "TRACKING_NUMBER_INVALID"),
    ],
)
async def test_what_cannot_be_sent_that_way_is_refused(portal: Portal, more: dict[str, Any], code: str) -> None:
    sent, clerk = await received(portal)
    async with nothing_moves():
        assert (await send_back(clerk, sent, **more))["code"] == code


async def test_where_no_materials_were_received_nothing_goes_back(portal: Portal) -> None:
    """Neither of a case without any, nor of one whose parcel is still on its way, nor with a result."""
    on_the_way, result = await fetched(portal), await ordered(portal)
    owner = await make_resident()
    without = Sent(owner, result.issuer, await make_open_case(owner), result.parcel)
    clerk = await caller_of(portal, result.issuer)
    async with nothing_moves():
        for sent in (on_the_way, result, without):
            assert (await send_back(clerk, sent))["code"] == "NO_MATERIALS_RECEIVED"


async def test_a_number_of_another_parcel_is_refused(portal: Portal) -> None:
    sent, clerk = await received(portal)
    other = await ordered(portal)
    async with nothing_moves():
        assert (await send_back(clerk, sent, trackingNumber=other.number))["code"] == "TRACKING_NUMBER_USED"


async def test_what_was_called_off_or_came_back_is_sent_again(portal: Portal) -> None:
    sent, clerk = await received(portal)
    made = await send_back(clerk, sent)
    await portal.run_jobs()
    assert (await clerk.do("CancelCourier", parcelId=made["id"]))["orderState"] == "CANCEL_ASKED"
    await portal.run_jobs()
    second = await send_back(clerk, sent)
    assert second["state"] == "CREATED"
    await portal.run_jobs()

    back = await clerk.do("ScanReturn", parcelId=second["id"])
    assert back["state"] == "RETURNED"
    assert (await send_back(clerk, sent))["state"] == "CREATED"
    async with nothing_moves():
        assert (await clerk.do("ScanReturn", parcelId=str(sent.parcel.id)))["code"] == "PARCEL_NOT_FOR_HALL"


async def test_the_courier_signs_for_it_with_the_results(portal: Portal) -> None:
    sent, clerk = await received(portal)
    made = await send_back(clerk, sent)
    await portal.run_jobs()
    sheet = await clerk.do("HandOverSheet", carrier="zhongtong", hall=HALL)
    listed = [parcel["id"] for parcel in sheet["parcels"]]
    assert made["id"] in listed
    handed = await clerk.do("HandOver", hall=HALL, parcelIds=listed)
    assert [parcel["id"] for parcel in handed["parcels"]] == listed
    assert (await clerk.do("HandOverSheet", carrier="zhongtong", hall=HALL))["code"] == "HAND_OVER_SHEET_EMPTY"
