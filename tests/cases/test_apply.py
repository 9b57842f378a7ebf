from __future__ import annotations

import asyncio
from typing import Any

import pytest
from stdnum.iso7064 import mod_11_10

from app.cases.models import Case
from app.cases.queries import address_of
from app.identity.rules import Level
from app.kernel import clock
from tests.cases.filing import ADDRESS, CARD, PERMIT, file_case, verbs_of
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

POSTED: dict[str, Any] = {
    "delivery": "POST",
    "address": {
        "receiver": ADDRESS.receiver,
        "phone": ADDRESS.phone,
        "divisionCode": ADDRESS.division_code,
        "detail": ADDRESS.detail,
    },
}


async def apply(caller: Caller, item: str = CARD, key: str | None = None, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await caller.do("Apply", itemKey=item, idempotencyKey=key or new_key(), **more)
    return answer


async def test_a_case_is_filed_once_however_often_the_phone_repeats_it(portal: Portal) -> None:
    resident = await make_resident()
    caller, key = await caller_of(portal, resident), new_key()

    first = await apply(caller, key=key, **POSTED)
    async with nothing_moves():
        again = await apply(caller, key=key, **POSTED)

    assert first == again
    assert (first["state"], first["stateText"]) == ("SUBMITTED", "已提交,等待受理")
    assert first["nextStep"] == {"code": "BOOK_VISIT", "text": "请预约到大厅办理的时间"}
    case = await Case.get(resident_id=resident.id)
    assert address_of(case) == ADDRESS
    assert ADDRESS.receiver not in (case.delivery_address_sealed or "")
    assert await verbs_of(case.id) == ["submit"]
    assert await audit_of(f"case:{case.id}") == [("case.submit", "SUBMITTED")]


async def test_the_same_key_five_times_at_once_files_one_case(portal: Portal) -> None:
    resident = await make_resident()
    caller, key = await caller_of(portal, resident), new_key()

    answers = await asyncio.gather(*(apply(caller, key=key) for _ in range(5)))

    assert len({answer["id"] for answer in answers}) == 1
    assert await Case.filter(resident_id=resident.id).count() == 1


async def test_different_keys_at_once_file_one_case_and_tell_its_number(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)

    answers = await asyncio.gather(*(apply(caller) for _ in range(5)))

    [filed] = [answer for answer in answers if answer["__typename"] == "Case"]
    refused = [answer for answer in answers if answer["__typename"] == "Problem"]
    assert {answer["code"] for answer in refused} == {"CASE_ALREADY_OPEN"}
    assert all(filed["number"] in answer["message"] for answer in refused)
    assert await Case.filter(resident_id=resident.id).count() == 1


async def test_a_key_stands_for_one_request_of_one_resident(portal: Portal) -> None:
    caller, other = await caller_of(portal, await make_resident()), await caller_of(portal, await make_resident())
    key = new_key()
    filed = await apply(caller, key=key)

    async with nothing_moves():
        other_item = await apply(caller, PERMIT, key)
        other_delivery = await apply(caller, key=key, **POSTED)
        too_short = await apply(caller, PERMIT, "short")
        too_long = await apply(caller, PERMIT, "x" * 101)

    assert (other_item["code"], other_delivery["code"]) == ("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_REUSED")
    assert (too_short["code"], too_long["code"]) == ("INVALID_INPUT", "INVALID_INPUT")
    assert too_short["field"] == "idempotencyKey"
    assert (await apply(other, key=key))["id"] != filed["id"]


async def test_a_refused_request_may_be_tried_again_under_its_key(portal: Portal) -> None:
    caller, key = await caller_of(portal, await make_resident()), new_key()
    open_case = await apply(caller)
    assert (await apply(caller, key=key))["code"] == "CASE_ALREADY_OPEN"
    await caller.do("WithdrawCase", id=open_case["id"])
    assert (await apply(caller, key=key))["__typename"] == "Case"


@pytest.mark.parametrize(
    ("level", "item"),
    [(Level.L1, CARD), (Level.L2, CARD), (Level.L3, "re-query")],
)
async def test_who_is_not_proven_enough_is_told_the_missing_step(portal: Portal, level: Level, item: str) -> None:
    caller = await caller_of(portal, await make_resident(level))
    async with nothing_moves():
        refused = await apply(caller, item)
    assert refused["code"] == "ASSURANCE_TOO_LOW"
    assert refused["message"].endswith("请先完成支付宝人脸核验或微信人脸核验")
    assert refused["ways"] == ["alipay-face", "wechat-face"]


async def test_the_level_that_is_asked_for_is_enough(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident(Level.L3))
    assert (await apply(caller))["__typename"] == "Case"


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ({"item": "no-such-item"}, "NOT_FOUND", None),
        ({"item": "marriage", **POSTED}, "POST_NOT_OFFERED", "delivery"),
        ({"delivery": "POST"}, "ADDRESS_NEEDED", "address"),
        ({"delivery": "POST", "address": {**POSTED["address"], "phone": ""}}, "ADDRESS_INVALID", "phone"),
        ({"delivery": "POST", "address": {**POSTED["address"], "detail": "x" * 121}}, "ADDRESS_INVALID", "detail"),
    ],
)
async def test_what_cannot_be_filed_is_refused_and_nothing_is_kept(
    portal: Portal, wanted: dict[str, Any], code: str, field: str | None
) -> None:
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await apply(caller, **wanted)
    assert (refused["code"], refused["field"]) == (code, field)


async def test_an_address_nobody_needs_is_not_kept(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    await apply(caller, address=POSTED["address"])
    assert (await Case.get(resident_id=resident.id)).delivery_address_sealed is None


async def test_only_residents_apply(portal: Portal) -> None:
    async with nothing_moves():
        assert (await apply(portal.stranger()))["code"] == "SIGN_IN_REQUIRED"


async def test_thirty_at_once_get_thirty_numbers_in_a_row(portal: Portal) -> None:
    residents = [await make_resident() for _ in range(30)]

    cases = await asyncio.gather(*(file_case(resident) for resident in residents))

    numbers = sorted(case.number for case in cases)
    assert len(set(numbers)) == 30
    assert all(mod_11_10.is_valid(number) for number in numbers)
    assert {number[:14] for number in numbers} == {f"990100{clock.today():%Y%m%d}"}
    sequences = [int(number[14:20]) for number in numbers]
    assert sequences == list(range(sequences[0], sequences[0] + 30))


async def test_a_closed_case_makes_room_for_a_new_one(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    first = await apply(caller)
    await caller.do("WithdrawCase", id=first["id"])
    second = await apply(caller)
    affairs = await caller.ask("MyAffairs")
    edges = affairs["data"]["myCases"]["edges"]
    assert [(edge["node"]["id"], edge["node"]["state"]) for edge in edges] == [
        (second["id"], "SUBMITTED"),
        (first["id"], "WITHDRAWN"),
    ]
