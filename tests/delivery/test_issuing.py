from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.cases.commands import hand_over
from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.commands import register_parcel
from app.delivery.models import DeliveryTask, Parcel, ParcelCase
from app.delivery.ports import ParcelState
from app.delivery.words import TaskState
from app.identity.rules import Role
from app.kernel import db
from tests.delivery.couriers import news, ordered
from tests.delivery.stage import Sent, make_case, new_number, send, tell
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller
from tests.portal import Portal


async def issuer_of(portal: Portal) -> Caller:
    return await caller_of(portal, await make_staff(Role.ISSUER))


async def test_the_issuer_hands_a_result_to_a_carrier(portal: Portal) -> None:
    case, number = await make_case(await make_resident()), new_number()
    issuer = await issuer_of(portal)

    parcel = await issuer.do(
        "RegisterParcel", caseId=str(case.id), carrier="ems", trackingNumber=f" {number[:4]}-{number[4:]} "
    )

    assert (parcel["trackingNumber"], parcel["carrierName"], parcel["watch"]) == (number, "EMS", "ASKED")
    assert (parcel["state"], parcel["stateText"]) == ("CREATED", "已登记,等待揽收")
    assert await audit_of(f"parcel:{parcel['id']}") == [("parcel.registered", "done")]
    assert (await audit_of(f"case:{case.id}"))[-1] == ("case.send", "DELIVERING")


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ({"carrier": "pigeon"}, "CARRIER_UNKNOWN", "carrier"),
        ({"carrier": "x" * 1000}, "CARRIER_UNKNOWN", "carrier"),
        ({"trackingNumber": "12345"}, "TRACKING_NUMBER_INVALID", "trackingNumber"),
        ({"trackingNumber": "1" * 33}, "TRACKING_NUMBER_INVALID", "trackingNumber"),
        ({"caseId": "not-an-id"}, "NOT_FOUND", "caseId"),
        ({"caseId": str(db.new_id())}, "NOT_FOUND", None),
    ],
)
async def test_what_cannot_be_sent_is_refused(
    portal: Portal, wanted: dict[str, Any], code: str, field: str | None
) -> None:
    case, issuer = await make_case(await make_resident()), await issuer_of(portal)
    parcel = {"caseId": str(case.id), "carrier": "ems", "trackingNumber": new_number(), **wanted}
    async with nothing_moves():
        refused = await issuer.do("RegisterParcel", **parcel)
    assert (refused["code"], refused["field"]) == (code, field)


@pytest.mark.parametrize("state", sorted({*CaseState} - {CaseState.RESULT_READY}))
async def test_only_a_result_that_is_ready_is_sent(portal: Portal, state: CaseState) -> None:
    case, issuer = await make_case(await make_resident()), await issuer_of(portal)
    await Case.filter(id=case.id).update(state=state)
    async with nothing_moves():
        refused = await issuer.do("RegisterParcel", caseId=str(case.id), carrier="ems", trackingNumber=new_number())
    assert refused["code"] == "ILLEGAL_MOVE"


async def test_only_the_issuer_sends(portal: Portal) -> None:
    owner = await make_resident()
    case = await make_case(owner)
    others = [await make_staff(role) for role in Role if role is not Role.ISSUER]
    callers = [await caller_of(portal, actor) for actor in (*others, owner)]
    wanted = {"caseId": str(case.id), "carrier": "ems", "trackingNumber": new_number()}
    async with nothing_moves():
        assert {(await caller.do("RegisterParcel", **wanted))["code"] for caller in callers} == {"NOT_ALLOWED"}


async def test_one_number_for_two_cases_at_once_goes_to_one_of_them(portal: Portal) -> None:
    issuer, number = await issuer_of(portal), new_number()
    cases = [await make_case(await make_resident()) for _ in range(3)]

    answers = await asyncio.gather(
        *(issuer.do("RegisterParcel", caseId=str(case.id), carrier="ems", trackingNumber=number) for case in cases)
    )

    assert sorted(answer.get("code", "") for answer in answers) == ["", "TRACKING_NUMBER_USED", "TRACKING_NUMBER_USED"]
    states = sorted([(await Case.get(id=case.id)).state for case in cases])
    assert states == [CaseState.DELIVERING, CaseState.RESULT_READY, CaseState.RESULT_READY]


async def test_two_numbers_for_one_case_at_once_make_one_parcel(portal: Portal) -> None:
    issuer, case = await issuer_of(portal), await make_case(await make_resident())
    answers = await asyncio.gather(
        *(
            issuer.do("RegisterParcel", caseId=str(case.id), carrier="ems", trackingNumber=new_number())
            for _ in range(3)
        )
    )
    assert sorted(answer.get("code", "") for answer in answers) == ["", "ILLEGAL_MOVE", "ILLEGAL_MOVE"]
    assert await ParcelCase.filter(case_id=case.id).count() == 1


async def test_what_came_back_can_be_sent_again_or_collected(portal: Portal) -> None:
    sent = await send()
    await portal.run_jobs()
    for step in ("picked_up", "returning", "returned"):
        await portal.control.scan(sent.number, step)
        await portal.control.settle()
    await portal.run_jobs()
    assert await sent.standing() == {"parcel": ParcelState.RETURNED, "to": None, "case": CaseState.RESULT_READY}

    issuer, owner = await caller_of(portal, sent.issuer), await caller_of(portal, sent.owner)
    second = await issuer.do("RegisterParcel", caseId=str(sent.case.id), carrier="ems", trackingNumber=new_number())
    seen = await owner.do("CaseDetail", id=str(sent.case.id))
    assert (seen["state"], seen["parcel"]["trackingNumber"]) == ("DELIVERING", second["trackingNumber"])

    await Case.filter(id=sent.case.id).update(state=CaseState.RESULT_READY)
    assert (await hand_over(sent.issuer, sent.case.id)).state is CaseState.CLOSED


async def test_what_was_sent_again_is_moved_by_its_new_parcel_alone(portal: Portal) -> None:
    """Scanning in the old one, as its task asks, and late news of it leave the case with the parcel it travels in."""
    sent = await send()
    await tell(sent, ParcelState.PICKED_UP, ParcelState.RETURNING, ParcelState.RETURNED)
    issuer = await caller_of(portal, sent.issuer)
    second = await issuer.do("RegisterParcel", caseId=str(sent.case.id), carrier="ems", trackingNumber=new_number())
    again = Sent(sent.owner, sent.issuer, sent.case, await Parcel.get(id=second["id"]))
    await tell(again, ParcelState.PICKED_UP)

    assert (await issuer.do("ScanReturn", parcelId=str(sent.parcel.id)))["state"] == "RETURNED"
    assert await DeliveryTask.filter(parcel_id=sent.parcel.id, state=TaskState.OPEN).count() == 0
    assert (await again.standing())["case"] is CaseState.DELIVERING
    await tell(sent, ParcelState.DELIVERED)
    assert (await again.standing())["case"] is CaseState.DELIVERING
    await tell(again, ParcelState.PICKED_UP, ParcelState.DELIVERED)
    assert (await again.standing())["case"] is CaseState.CLOSED


async def test_an_order_that_falls_late_takes_back_nothing_that_was_sent_again(portal: Portal) -> None:
    sent = await ordered(portal)
    await Case.filter(id=sent.case.id).update(state=CaseState.RESULT_READY)
    await register_parcel(sent.issuer, sent.case.id, "ems", new_number())
    await news(portal, sent, "99")
    assert await sent.standing() == {"parcel": ParcelState.CANCELLED, "to": None, "case": CaseState.DELIVERING}
