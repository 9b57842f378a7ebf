from __future__ import annotations

import base64
import io
from datetime import date, timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from app.cases.models import Case
from app.cases.rules import CaseState
from app.delivery.errors import CarrierStatementInvalid
from app.delivery.models import DeliveryTask, Parcel, ParcelCase
from app.delivery.ports import ParcelState
from app.delivery.rules import Watch
from app.delivery.statement_rules import read_statement
from app.delivery.tasks import alarm_of_stuck_parcels
from app.delivery.words import TaskKind, TaskState
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Scope
from tests.delivery.couriers import HALL, fetched, news, ordered
from tests.delivery.stage import new_number, send
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.messages.stage import told_about
from tests.portal import Portal


async def test_a_result_that_came_back_is_scanned_in_and_can_be_collected(portal: Portal) -> None:
    """Also when the carrier forgot to scan it: the hall has it in its hands."""
    sent = await send()
    await portal.run_jobs()
    await portal.control.scan(sent.number, "refused")
    await portal.control.settle()
    await portal.run_jobs()
    clerk = await caller_of(portal, sent.issuer)
    [task] = await DeliveryTask.filter(parcel_id=sent.parcel.id)
    assert (task.kind, task.state) == (TaskKind.REFUSED, TaskState.OPEN)

    [seen] = await clerk.do("ParcelsWithNumber", trackingNumber=sent.number)
    parcel = await clerk.do("ScanReturn", parcelId=seen["id"])
    async with nothing_moves():
        assert await clerk.do("ScanReturn", parcelId=seen["id"]) == parcel

    assert (parcel["state"], parcel["caseIds"]) == ("RETURNED", [str(sent.case.id)])
    assert parcel["stateText"] == "已退回大厅,将再次寄出,也可到大厅领取"
    assert (await Case.get(id=sent.case.id)).state is CaseState.RESULT_READY
    assert (await DeliveryTask.get(id=task.id)).state is TaskState.DONE
    assert (await clerk.do("HandOverResult", id=str(sent.case.id)))["state"] == "CLOSED"


async def test_a_late_scan_of_the_courier_does_not_take_back_what_the_hall_has(portal: Portal) -> None:
    sent = await send()
    await portal.run_jobs()
    clerk = await caller_of(portal, sent.issuer)
    await clerk.do("ScanReturn", parcelId=str(sent.parcel.id))
    await portal.control.scan(sent.number, "in_transit")
    await portal.control.settle()
    await portal.run_jobs()
    assert await sent.is_at(ParcelState.RETURNED)


async def test_a_delivered_result_cannot_be_scanned_in(portal: Portal) -> None:
    sent = await send()
    await portal.run_jobs()
    await portal.control.scan(sent.number, "delivered")
    await portal.control.settle()
    await portal.run_jobs()
    clerk = await caller_of(portal, sent.issuer)
    async with nothing_moves():
        refused = await clerk.do("ScanReturn", parcelId=str(sent.parcel.id))
    assert refused["code"] == "PARCEL_NOT_FOR_HALL"


async def test_materials_are_held_against_the_list_when_the_parcel_is_opened(portal: Portal) -> None:
    sent = await fetched(portal)
    await news(portal, sent, "10")
    clerk = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    parcel_id, case_id = str(sent.parcel.id), str(sent.case.id)

    opened = await clerk.do("ReceiveMaterials", parcelId=parcel_id, found=[{"caseId": case_id, "orders": [1, 3]}])
    assert (opened["state"], opened["deliveredTo"]) == ("DELIVERED", "ADDRESSEE")
    task = await DeliveryTask.get(parcel_id=sent.parcel.id, kind=TaskKind.MATERIALS_MISSING)
    assert (task.state, task.detail) == (TaskState.OPEN, {"missing": {sent.case.number: [2]}})
    await portal.run_jobs()
    assert (await told_about(f"parcel:{parcel_id}"))[-1] == "materials-missing"

    await clerk.do("ReceiveMaterials", parcelId=parcel_id, found=[{"caseId": case_id, "orders": [1, 2, 3]}])
    assert (await DeliveryTask.get(id=task.id)).state is TaskState.DONE
    assert (await ParcelCase.get(parcel_id=sent.parcel.id)).found == [1, 2, 3]
    await portal.run_jobs()
    assert (await told_about(f"parcel:{parcel_id}"))[-1] == "materials-received"
    for _ in range(2):
        await clerk.do("ReceiveMaterials", parcelId=parcel_id, found=[{"caseId": case_id, "orders": [2, 3]}])
        await portal.run_jobs()
    assert (await told_about(f"parcel:{parcel_id}"))[-2:] == ["materials-received", "materials-missing"]

    async with nothing_moves():
        strange = await clerk.do("ReceiveMaterials", parcelId=parcel_id, found=[{"caseId": case_id, "orders": [99]}])
        other = await clerk.do("ReceiveMaterials", parcelId=parcel_id, found=[{"caseId": parcel_id, "orders": [1]}])
    assert (strange["code"], other["code"]) == ("INVALID_INPUT", "NOT_FOUND")


async def test_results_are_not_opened_as_materials_nor_materials_returned(portal: Portal) -> None:
    result, materials = await ordered(portal), await fetched(portal)
    clerk = await caller_of(portal, result.issuer)
    async with nothing_moves():
        one = await clerk.do("ReceiveMaterials", parcelId=str(result.parcel.id), found=[])
        other = await clerk.do("ScanReturn", parcelId=str(materials.parcel.id))
    assert {one["code"], other["code"]} == {"PARCEL_NOT_FOR_HALL"}


async def test_the_sheet_lists_what_the_courier_takes_along_and_names_nobody(portal: Portal) -> None:
    sent = await ordered(portal)
    clerk = await caller_of(portal, sent.issuer)
    sheet = await clerk.do("HandOverSheet", carrier="zhongtong", hall=HALL)
    assert sent.number in [parcel["trackingNumber"] for parcel in sheet["parcels"]]
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(base64.b64decode(sheet["pdf"]))).pages)
    text = text.replace("\0", "")
    assert "寄件交接单" in text
    assert sent.number in text
    assert sent.case.number in text
    assert "测试居民" not in text
    assert (await clerk.do("HandOverSheet", carrier="fengwang", hall=HALL))["code"] == "HAND_OVER_SHEET_EMPTY"


async def test_what_the_courier_signed_for_is_on_no_later_sheet_nor_on_another_halls(portal: Portal) -> None:
    one, two = await ordered(portal, "jd"), await ordered(portal, "jd")
    clerk = await caller_of(portal, one.issuer)

    async def on_sheet(hall: str = HALL) -> set[str]:
        sheet = await clerk.do("HandOverSheet", carrier="jd", hall=hall)
        return {parcel["trackingNumber"] for parcel in sheet.get("parcels", [])}

    assert {one.number, two.number} <= await on_sheet()
    assert not {one.number, two.number} & await on_sheet("qinghe-hall")
    wanted = {"hall": HALL, "parcelIds": [str(one.parcel.id)]}
    handed = await clerk.do("HandOver", **wanted)
    assert [parcel["id"] for parcel in handed["parcels"]] == [str(one.parcel.id)]
    assert await on_sheet() & {one.number, two.number} == {two.number}
    assert (await audit_of(f"parcel:{one.parcel.id}"))[-1] == ("parcel.handed_over", "done")
    async with nothing_moves():
        assert await clerk.do("HandOver", **wanted) == handed
        late = await clerk.do("CancelCourier", parcelId=str(one.parcel.id))
        strange = await clerk.do("HandOver", hall=HALL, parcelIds=[str(one.parcel.id), str(one.case.id)])
        many = await clerk.do("HandOver", hall=HALL, parcelIds=[str(db.new_id()) for _ in range(101)])
    assert (late["code"], strange["code"], many["code"]) == ("COURIER_HAS_PARCEL", "NOT_FOUND", "INVALID_INPUT")


async def test_more_than_fit_are_on_the_next_sheet(portal: Portal) -> None:
    sent, carrier, now = await send(), f"c{db.new_id().hex[:12]}", clock.now()
    await Parcel.bulk_create(
        [
            Parcel(
                carrier=carrier, carrier_name="测试快递", tracking_number=new_number(), tracker="", watch=Watch.REFUSED,
                receiver_sealed="", phone_tail="", state=ParcelState.CREATED, state_at=now, registered_at=now,
                heard_at=now,
            )
            for _ in range(101)
        ]
    )  # fmt: skip
    clerk = await caller_of(portal, sent.issuer)
    first = await clerk.do("HandOverSheet", carrier=carrier, hall=HALL)
    rest = await clerk.do("HandOverSheet", carrier=carrier, hall=HALL, after=first["parcels"][-1]["id"])
    assert (len(first["parcels"]), first["hasMore"], len(rest["parcels"]), rest["hasMore"]) == (100, True, 1, False)
    assert len({parcel["id"] for parcel in first["parcels"] + rest["parcels"]}) == 101
    await Parcel.filter(carrier=carrier).delete()


async def test_a_parcel_without_news_for_days_becomes_a_task_once(portal: Portal) -> None:
    sent, lively = await send(), await send()
    await portal.run_jobs()
    long_ago = clock.now() - timedelta(days=3, minutes=1)
    await Parcel.filter(id=sent.parcel.id).update(registered_at=long_ago, state_at=long_ago)
    await alarm_of_stuck_parcels()
    await alarm_of_stuck_parcels()
    [task] = await DeliveryTask.filter(parcel_id__in=[sent.parcel.id, lively.parcel.id])
    assert (task.kind, task.parcel_id) == (TaskKind.STUCK, sent.parcel.id)
    await portal.control.scan(sent.number, "picked_up")
    await portal.control.settle()
    await portal.run_jobs()
    assert (await DeliveryTask.get(id=task.id)).state is TaskState.DONE


async def test_a_task_is_closed_once_and_with_words(portal: Portal) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "99")
    clerk = await caller_of(portal, sent.issuer)
    task = await DeliveryTask.get(parcel_id=sent.parcel.id)
    async with nothing_moves():
        assert (await clerk.do("CloseDeliveryTask", id=str(task.id), remark=" "))["code"] == "INVALID_INPUT"
    done = await clerk.do("CloseDeliveryTask", id=str(task.id), remark="已改派")
    assert (done["state"], done["remark"]) == ("DONE", "已改派")
    async with nothing_moves():
        again = await clerk.do("CloseDeliveryTask", id=str(task.id), remark="已改派")
    assert again["code"] == "DELIVERY_TASK_DONE"


async def test_who_works_elsewhere_or_for_the_accounts_does_not_see_the_desks_tasks(portal: Portal) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "99")
    task = await DeliveryTask.get(parcel_id=sent.parcel.id)
    elsewhere = await make_staff(Role.ISSUER, scope=Scope(division="110000"))
    for actor in (elsewhere, await make_staff(Role.CASHIER)):
        caller = await caller_of(portal, actor)
        edges = (await caller.do("DeliveryTasks", first=50))["edges"]
        assert str(task.id) not in [edge["node"]["id"] for edge in edges]
        async with nothing_moves():
            assert (await caller.do("CloseDeliveryTask", id=str(task.id), remark="已改派"))["code"] == "NOT_FOUND"


def statement(*lines: tuple[str, str, int, str]) -> str:
    rows = [f"{order},{number},2026-11-26,{weight},{fee}" for order, number, weight, fee in lines]
    return "\r\n".join(["\ufefforder_no,tracking_number,date,weight_g,fee", *rows]) + "\r\n"


async def accounts(portal: Portal) -> Any:
    return await caller_of(portal, await make_staff(Role.CASHIER))


async def test_a_carriers_statement_is_held_against_our_parcels(portal: Portal) -> None:
    """Right, too heavy, too dear, never ours, and one of ours that is not billed; the second time changes nothing."""
    right, heavy, dear, unbilled = [await ordered(portal) for _ in range(4)]
    for sent in (right, heavy, dear, unbilled):
        await news(portal, sent, "10")
        await news(portal, sent, "15", weight="0.5", freight="12")
    strange = "75" + new_number()[:12]
    csv = statement(
        (right.parcel.order_no or "", right.number, 600, "12.00"),
        (heavy.parcel.order_no or "", heavy.number, 900, "12.00"),
        (dear.parcel.order_no or "", dear.number, 500, "15.00"),
        ("", strange, 500, "12.00"),
    )
    cashier, month = await accounts(portal), f"{clock.today():%Y-%m}"
    settled = await cashier.do("TakeCarrierStatement", carrier="zhongtong", csv=csv, closes=month)
    assert (settled["lines"], settled["matched"]) == (4, 3)

    async def kinds(sent: Any) -> list[str]:
        return [task.kind for task in await DeliveryTask.filter(parcel_id=sent.parcel.id).order_by("kind")]

    assert await kinds(right) == []
    assert await kinds(heavy) == ["SETTLEMENT_WEIGHT"]
    assert await kinds(dear) == ["SETTLEMENT_FEE"]
    assert await kinds(unbilled) == ["SETTLEMENT_OURS_ONLY"]
    task = await DeliveryTask.get(subject=f"zhongtong/{strange}")
    assert (task.kind, task.detail["fee_fen"]) == (TaskKind.SETTLEMENT_THEIRS_ONLY, 1200)
    assert (await DeliveryTask.get(parcel_id=dear.parcel.id)).detail == {"ours": 1200, "theirs": 1500}

    async with nothing_moves("audit_line"):
        again = await cashier.do("TakeCarrierStatement", carrier="zhongtong", csv=csv, closes=month)
    assert again["tasks"] == 0

    corrected = statement(
        ("", dear.number, 500, "12.00"), ("", heavy.number, 900, "12.00"), ("", unbilled.number, 500, "12.00")
    )
    await cashier.do("TakeCarrierStatement", carrier="zhongtong", csv=corrected)
    left = await DeliveryTask.filter(parcel_id__in=[s.parcel.id for s in (heavy, dear, unbilled)], state=TaskState.OPEN)
    assert [task.kind for task in left] == [TaskKind.SETTLEMENT_WEIGHT]


@pytest.mark.parametrize(
    ("csv", "line"),
    [
        ("", "1"),
        ("order,number\n", "1"),
        (statement(("", "1234567", 1, "1.00"), ("", "7654321", 1, "NaN")), "3"),
        (statement(("", "12", 1, "1.00")), "2"),
        (statement(("", "12", 1, "1.00")).replace("\n", "\n\n,,,,\n", 1), "4"),
        (statement(("", "1234567", -1, "1.00")), "2"),
        (statement(("", "1234567", 1, "1.001")), "2"),
        (statement(("", "1234567", 1, "NaN")), "2"),
        (statement(("", "1234567", 1, "1.00")).replace("2026-11-26", "26.11.2026"), "2"),
        (statement(("", "1234567", 1, "1.00")).replace(",1,", ","), "2"),
    ],
)
async def test_a_faulty_statement_is_refused_by_its_line_and_nothing_is_taken_of_it(
    portal: Portal, csv: str, line: str
) -> None:
    cashier = await accounts(portal)
    async with nothing_moves():
        refused = await cashier.do("TakeCarrierStatement", carrier="zhongtong", csv=csv)
    assert refused["code"] == "CARRIER_STATEMENT_INVALID"
    assert f"第{line}行" in refused["message"]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("1234567", "12", "运单号应为6至32位字母和数字,并符合校验位"),
        ("2026-11-26", "26.11.2026", "日期应写作2026-11-26"),
        (",500,", ",0.5,", "重量应为整数(克)"),
        ("1.00", "一元", "费用应为金额(元),最多两位小数"),
    ],
)
def test_of_a_faulty_line_the_faulty_value_is_named(before: str, after: str, reason: str) -> None:
    with pytest.raises(CarrierStatementInvalid) as refused:
        read_statement(statement(("", "1234567", 500, "1.00")).replace(before, after))
    assert f"第2行有误:{reason}" in refused.value.sentence("zh")


def test_a_day_is_read_as_spreadsheets_write_it() -> None:
    [line] = read_statement(statement(("", "1234567", 500, "1.00")).replace("2026-11-26", "2026/1/6"))
    assert line.day == date(2026, 1, 6)


async def test_a_month_is_one_and_statements_are_for_who_works_for_all_of_the_city(portal: Portal) -> None:
    cashier, wanted = await accounts(portal), {"carrier": "zhongtong", "csv": statement()}
    local = await caller_of(portal, await make_staff(Role.CASHIER, scope=Scope(division="990102")))
    async with nothing_moves():
        assert (await cashier.do("TakeCarrierStatement", **wanted, closes="November"))["code"] == "INVALID_INPUT"
        assert (await local.do("TakeCarrierStatement", **wanted))["code"] == "NOT_ALLOWED"


async def test_a_carrier_that_was_never_heard_of_bills_nothing(portal: Portal) -> None:
    """A slip in the carrier's name would make a task of every line."""
    cashier, lines = await accounts(portal), statement(("", "1234567", 1, "1.00"))
    async with nothing_moves():
        refused = await cashier.do("TakeCarrierStatement", carrier="zhongtongg", csv=lines)
    assert (refused["code"], refused["field"]) == ("CARRIER_UNKNOWN", "carrier")
    assert "zhongtong" in refused["message"]
