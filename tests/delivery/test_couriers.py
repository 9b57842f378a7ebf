from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.couriers import see_to_order
from app.delivery.models import DeliveryTask, Parcel
from app.delivery.ordering import Courier, post_cases
from app.delivery.ports import ParcelState, Payer
from app.delivery.rules import Watch
from app.delivery.tasks import sweep_orders
from app.delivery.words import OrderState, TaskKind
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.errors import ProviderUnavailable
from tests.delivery.couriers import COURIER, HALL, fetched, make_open_case, news, ordered, window
from tests.delivery.stage import ADDRESS, Sent, make_case
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal


async def now_of(sent: Sent) -> Parcel:
    return await Parcel.get(id=sent.parcel.id)


def typed(courier: Courier) -> dict[str, Any]:
    told: dict[str, Any] = {"carrier": courier.carrier, "payer": courier.payer.value, "hall": courier.hall}
    if courier.pickup_from is not None and courier.pickup_until is not None:
        told["pickupFrom"], told["pickupUntil"] = courier.pickup_from.isoformat(), courier.pickup_until.isoformat()
    return told


BOOK = {"receiver": ADDRESS.receiver, "phone": ADDRESS.phone, "divisionCode": "990102", "detail": ADDRESS.detail}


async def to_post(clerk: Caller) -> dict[str, dict[str, Any]]:
    """The whole work list by its numbers, a page of fifty at a time."""
    rows: dict[str, dict[str, Any]] = {}
    after = None
    while True:
        page = await clerk.do("CasesToPost", first=50, after=after)
        rows |= {edge["node"]["number"]: edge["node"] for edge in page["edges"]}
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        after = page["pageInfo"]["endCursor"]


async def test_the_work_list_says_what_goes_where_without_a_look_at_each(portal: Portal) -> None:
    """In the clerk's language; of the receiver as much as tells two parcels apart."""
    case, clerk = await make_case(await make_resident()), await caller_of(portal, await make_staff(Role.ISSUER))
    assert (await to_post(clerk))[case.number] == {
        "id": str(case.id),
        "number": case.number,
        "itemName": "居民身份证丢失补领(损坏换领)",
        "dueAt": None,
        "maskedReceiver": "测***甲",
        "maskedPhone": "130****1234",
        "divisionCode": "990102",
    }


async def test_an_order_of_no_case_is_refused(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff(Role.ISSUER))
    async with nothing_moves():
        refused = await clerk.do("PostCases", caseIds=[], courier=typed(COURIER), key=new_key())
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "caseIds")


async def test_two_results_of_one_person_leave_in_one_parcel(portal: Portal) -> None:
    """Ordered at Kuaidi100 with our number, its tracking number comes back and the parcel is watched."""
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    cases = [await make_case(owner), await make_case(owner, item_key="id-card-renew")]
    clerk = await caller_of(portal, issuer)
    waiting = await to_post(clerk)
    assert [case for case in waiting if case in {row.number for row in cases}] == [row.number for row in cases]

    ids = [str(case.id) for case in cases]
    parcel = await clerk.do("PostCases", caseIds=ids, courier=typed(COURIER), key=new_key())
    await portal.run_jobs()

    assert (parcel["orderState"], parcel["needsIdentity"]) == ("ASKED", True)
    assert sorted(parcel["caseIds"]) == sorted(ids)
    assert {(await Case.get(id=case.id)).state for case in cases} == {CaseState.DELIVERING}
    assert not {row.number for row in cases} & set(await to_post(clerk))
    [order] = await portal.control.courier_orders(parcel["orderNo"])
    known = await Parcel.get(id=parcel["id"])
    assert (known.order_state, known.tracking_number, known.watch) == (OrderState.PLACED, order.number, Watch.WATCHED)
    assert order.asked["recManMobile"] == ADDRESS.phone
    assert order.asked["sendManName"] == "云澜市政务服务中心"
    assert order.asked["remark"] == "证照文件,请核验收件人身份证件后交付"
    assert ("parcel.ordered", "done") in await audit_of(f"parcel:{parcel['id']}")


async def test_the_same_key_orders_once_however_often_and_at_once(portal: Portal) -> None:
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    case, key = await make_case(owner), new_key()
    parcels = await asyncio.gather(*(post_cases(issuer, [case.id], COURIER, idempotency_key=key) for _ in range(4)))
    await portal.run_jobs()
    [parcel_id] = {parcel.id for parcel in parcels}
    parcel = await Parcel.get(id=parcel_id)
    assert len(await portal.control.courier_orders(parcel.order_no or "")) == 1


async def test_an_answer_that_was_lost_is_asked_for_again_and_is_one_order(portal: Portal) -> None:
    """The order was taken, the answer lost: our number makes the second question the same order."""
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    case = await make_case(owner)
    parcel = await post_cases(issuer, [case.id], COURIER, idempotency_key=new_key())
    await portal.control.be_hostile(error_after_effect=1.0)
    try:
        with pytest.raises(ProviderUnavailable):
            await see_to_order(parcel.id)
    finally:
        await portal.control.be_kind()
    assert (await Parcel.get(id=parcel.id)).order_state is OrderState.ASKED
    await portal.run_jobs()
    [order] = await portal.control.courier_orders(parcel.order_no or "")
    assert (await Parcel.get(id=parcel.id)).tracking_number == order.number


async def test_what_was_not_answered_for_two_days_is_never_asked_for_again(portal: Portal) -> None:
    """After 48 hours the carrier would take the same number for a new order."""
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    case = await make_case(owner)
    parcel = await post_cases(issuer, [case.id], COURIER, idempotency_key=new_key())
    await db.rows("DELETE FROM procrastinate_jobs WHERE args::text LIKE $1", f"%{parcel.id}%")
    await Parcel.filter(id=parcel.id).update(
        tried_at=clock.now() - timedelta(hours=48), registered_at=clock.now() - timedelta(hours=48)
    )
    await sweep_orders()
    await portal.run_jobs()
    assert await portal.control.courier_orders(parcel.order_no or "") == []
    assert (await Parcel.get(id=parcel.id)).order_state is OrderState.FAILED
    assert (await Case.get(id=case.id)).state is CaseState.RESULT_READY
    assert await DeliveryTask.filter(parcel_id=parcel.id, kind=TaskKind.ORDER_FAILED).count() == 1


async def test_who_comes_and_what_it_cost_is_told(portal: Portal) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "1")
    phone = await caller_of(portal, sent.owner)
    [parcel] = (await phone.do("ParcelsOfCase", id=str(sent.case.id)))["parcels"]
    assert parcel["courier"] == {"name": "测试快递员", "phone": "13000000000"}
    assert (parcel["state"], parcel["cancellable"]) == ("AWAITING_PICKUP", True)
    await news(portal, sent, "15", weight="0.9", freight="12")
    await news(portal, sent, "10")
    await news(portal, sent, "15", weight="0.9", freight="3.50")
    known = await now_of(sent)
    assert (known.order_state, known.state) == (OrderState.PICKED_UP, ParcelState.PICKED_UP)
    assert (known.weight_g, known.fee_fen) == (900, 1550)
    await news(portal, sent, "155", weight="0.5", freight="12")
    known = await now_of(sent)
    assert (known.weight_g, known.fee_fen) == (500, 1200)


async def test_the_same_settlement_five_times_is_added_once(portal: Portal) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "15", weight="1", freight="12", times=5)
    assert (await now_of(sent)).fee_fen == 1200


async def test_forged_news_move_nothing(portal: Portal) -> None:
    sent = await ordered(portal)
    async with nothing_moves("audit_line"):
        [reply] = await portal.control.courier_step(sent.parcel.order_no or "", "10", mode="forged")
    assert reply.status == 400


async def test_a_number_that_comes_late_is_watched_then(portal: Portal) -> None:
    sent = await ordered(portal, "yunda")
    assert (sent.parcel.order_state, sent.parcel.tracking_number) == (OrderState.PLACED, None)
    assert sent.parcel.watch is Watch.NO_NUMBER
    await news(portal, sent, "0")
    known = await now_of(sent)
    [order] = await portal.control.courier_orders(known.order_no or "")
    assert (known.tracking_number, known.watch) == (order.number, Watch.WATCHED)


@pytest.mark.parametrize(("status", "order"), [("610", OrderState.FAILED), ("99", OrderState.FAILED)])
async def test_an_order_the_carrier_lets_fall_puts_the_result_back_on_the_desk(
    portal: Portal, status: str, order: OrderState
) -> None:
    sent = await ordered(portal)
    await news(portal, sent, status)
    assert ((await now_of(sent)).order_state, (await now_of(sent)).state) == (order, ParcelState.CANCELLED)
    assert (await Case.get(id=sent.case.id)).state is CaseState.RESULT_READY
    clerk = await caller_of(portal, sent.issuer)
    tasks = (await clerk.do("DeliveryTasks", kind="ORDER_FAILED", state="OPEN"))["edges"]
    [task] = [edge["node"] for edge in tasks if edge["node"]["parcelId"] == str(sent.parcel.id)]
    on_the_label = ("中通快递", sent.parcel.tracking_number, [sent.case.number])
    assert (task["carrierName"], task["trackingNumber"], task["caseNumbers"]) == on_the_label


async def test_lost_news_are_asked_for(portal: Portal) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "10", tell=False)
    await Parcel.filter(id=sent.parcel.id).update(heard_at=clock.now() - timedelta(hours=7))
    await sweep_orders()
    await portal.run_jobs()
    assert (await now_of(sent)).order_state is OrderState.PICKED_UP


async def test_a_status_nobody_knows_is_kept_for_a_person(portal: Portal) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "7777")
    assert (await now_of(sent)).order_state is OrderState.PLACED
    assert await DeliveryTask.filter(kind=TaskKind.UNKNOWN_CODE, subject="kuaidi100/zhongtong/order 7777").exists()


async def test_a_resident_has_materials_fetched_and_sees_before_who_pays(portal: Portal) -> None:
    owner = await make_resident()
    case, phone = await make_open_case(owner), await caller_of(portal, owner)
    offers = await phone.do("CourierOffers", caseId=str(case.id), hall=HALL, address=BOOK)
    ours = {offer["carrier"]: offer for offer in offers["offers"]}
    assert (ours["zhongtong"]["payerText"], ours["zhongtong"]["feeFen"]) == ("由大厅支付,您无需付费", 1200)

    courier = typed(replace(COURIER, pickup_from=window()[0], pickup_until=window()[1]))
    parcel = await phone.do("OrderCourier", caseId=str(case.id), courier=courier, address=BOOK, key=new_key())
    await portal.run_jobs()

    assert (parcel["direction"], parcel["orderState"], parcel["cancellable"]) == ("MATERIAL_TO_HALL", "ASKED", True)
    [order] = await portal.control.courier_orders(parcel["orderNo"])
    assert (order.asked["dayType"], order.asked["pickupStartTime"]) == ("明天", "10:00")
    assert order.asked["recManName"] == "云澜市政务服务中心"
    again = await phone.do("OrderCourier", caseId=str(case.id), courier=courier, address=BOOK, key=new_key())
    assert again["code"] == "MATERIALS_ON_THE_WAY"


async def test_a_resident_calls_the_courier_off_until_the_parcel_is_picked_up(portal: Portal) -> None:
    sent, late = await fetched(portal), await fetched(portal)
    phone = await caller_of(portal, sent.owner)
    asked = await phone.do("CancelCourier", parcelId=str(sent.parcel.id))
    assert asked["orderState"] == "CANCEL_ASKED"
    assert (await phone.do("CancelCourier", parcelId=str(sent.parcel.id)))["orderState"] == "CANCEL_ASKED"
    await portal.run_jobs()
    assert (await now_of(sent)).order_state is OrderState.CANCELLED
    [order] = await portal.control.courier_orders(sent.parcel.order_no or "")
    assert order.status == "9"

    await news(portal, late, "10")
    refused = await (await caller_of(portal, late.owner)).do("CancelCourier", parcelId=str(late.parcel.id))
    assert refused["code"] == "COURIER_HAS_PARCEL"
    stranger = await caller_of(portal, await make_resident())
    assert (await stranger.do("CancelCourier", parcelId=str(late.parcel.id)))["code"] == "NOT_FOUND"


async def test_a_courier_who_was_faster_than_the_cancellation_keeps_the_order(portal: Portal) -> None:
    sent = await fetched(portal)
    await news(portal, sent, "10", tell=False)
    await (await caller_of(portal, sent.owner)).do("CancelCourier", parcelId=str(sent.parcel.id))
    await portal.run_jobs()
    known = await now_of(sent)
    assert (known.order_state, known.order_remark) == (OrderState.PLACED, "快递公司未接受取消,快递员可能已揽收")


async def test_called_off_before_anybody_was_asked_nobody_is_ordered(portal: Portal) -> None:
    owner = await make_resident()
    case, phone = await make_open_case(owner), await caller_of(portal, owner)
    parcel = await phone.do("OrderCourier", caseId=str(case.id), courier=typed(COURIER), address=BOOK, key=new_key())
    await phone.do("CancelCourier", parcelId=parcel["id"])
    await portal.run_jobs()
    assert (await Parcel.get(id=parcel["id"])).order_state is OrderState.CANCELLED
    assert await portal.control.courier_orders(parcel["orderNo"]) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"carrier": "pigeon"}, "COURIER_NOT_OFFERED"),
        ({"payer": Payer.RECIPIENT_ON_DELIVERY}, "COURIER_NOT_OFFERED"),
        ({"weight_g": 30_001}, "INVALID_INPUT"),
        ({"hall": "nowhere"}, "NOT_FOUND"),
        ({"carrier": "shunfeng"}, "PICKUP_WINDOW_NEEDED"),
        ({"pickup_from": clock.now(), "pickup_until": clock.now() + timedelta(days=9)}, "PICKUP_WINDOW_INVALID"),
    ],
)
async def test_what_nobody_offers_is_refused(portal: Portal, changes: dict[str, Any], code: str) -> None:
    owner = await make_resident()
    case, phone = await make_open_case(owner), await caller_of(portal, owner)
    wanted = typed(replace(COURIER, **{name: value for name, value in changes.items() if name != "weight_g"}))
    wanted |= {"weightG": changes["weight_g"]} if "weight_g" in changes else {}
    async with nothing_moves():
        refused = await phone.do("OrderCourier", caseId=str(case.id), courier=wanted, address=BOOK, key=new_key())
    assert refused["code"] == code


async def test_materials_of_an_item_that_takes_none_by_post_stay_at_home(portal: Portal) -> None:
    owner = await make_resident()
    case, phone = await make_case(owner), await caller_of(portal, owner)
    async with nothing_moves():
        refused = await phone.do(
            "OrderCourier", caseId=str(case.id), courier=typed(COURIER), address=BOOK, key=new_key()
        )
    assert refused["code"] == "MATERIALS_NOT_BY_POST"


async def test_cases_of_two_people_or_for_two_doors_do_not_go_together(portal: Portal) -> None:
    owner, clerk = await make_resident(), await caller_of(portal, await make_staff(Role.ISSUER))
    mine, theirs = await make_case(owner), await make_case(await make_resident())
    elsewhere = await make_case(owner, item_key="id-card-renew", address=replace(ADDRESS, detail="云澜市另一条路2号"))
    for other in (theirs, elsewhere):
        async with nothing_moves():
            refused = await clerk.do(
                "PostCases", caseIds=[str(mine.id), str(other.id)], courier=typed(COURIER), key=new_key()
            )
        assert refused["code"] == "CASES_NOT_TOGETHER"


async def test_the_desk_sees_who_can_be_ordered(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff(Role.ISSUER))
    offers = await clerk.do("PostingOffers")
    assert {offer["carrier"] for offer in offers} >= {"ems", "shunfeng", "yunda"}
    assert {offer["payer"] for offer in offers} == {"CITY"}
    assert [offer["carrier"] for offer in offers if offer["windowNeeded"]] == ["shunfeng"]
    carriers = await clerk.do("CarriersOfNumber", trackingNumber="SF1385628716739")
    assert [carrier["code"] for carrier in carriers] == ["shunfeng"]
