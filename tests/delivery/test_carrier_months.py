"""What carriers bill of a month: what somebody paid at the door, and the month as a whole."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest

from app.delivery.models import DeliveryTask, Parcel
from app.delivery.ports import Payer
from app.delivery.statement_rules import Billed, Known, differences
from app.delivery.words import TaskKind
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Scope
from tests.delivery.couriers import news, ordered
from tests.delivery.stage import Sent, new_number
from tests.delivery.test_desk import statement
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import nothing_moves
from tests.portal import Portal

MONTH = "2025-03"
AT_DOOR = Payer.RECIPIENT_ON_DELIVERY
PAID_ALREADY, FEE, WEIGHT = TaskKind.SETTLEMENT_PAID_ALREADY, TaskKind.SETTLEMENT_FEE, TaskKind.SETTLEMENT_WEIGHT


@pytest.mark.parametrize(
    ("known", "fee_fen", "found"),
    [
        (Known(500, 1200, Payer.CITY), 1200, []),
        (Known(100, 900, Payer.CITY), 1200, [WEIGHT, FEE]),
        (Known(100, 900, Payer.SENDER), 1200, [PAID_ALREADY]),
        (Known(None, None, AT_DOOR), 1200, [PAID_ALREADY]),
        (Known(500, 1200, AT_DOOR), 1200, [PAID_ALREADY]),
        (Known(100, 1200, AT_DOOR), 0, []),
    ],
)
def test_of_what_somebody_pays_at_the_door_the_city_owes_nothing(
    known: Known, fee_fen: int, found: list[TaskKind]
) -> None:
    assert differences(Billed("", "1234567", date(2025, 3, 9), 500, fee_fen), known) == found


async def moved(portal: Portal, payer: Payer = Payer.CITY, freight: str = "") -> Sent:
    """A parcel of that month, at somebody's cost, with a fee when one is named."""
    sent = await ordered(portal)
    await news(portal, sent, "10")
    if freight:
        await news(portal, sent, "15", weight="0.5", freight=freight)
    picked_up_at = clock.at_local(date(2025, 3, 31), 23, 59)
    await Parcel.filter(id=sent.parcel.id).update(payer=payer, picked_up_at=picked_up_at)
    return sent


async def tasks(sent: Sent) -> list[tuple[str, dict[str, Any]]]:
    found = DeliveryTask.filter(parcel_id=sent.parcel.id).order_by("kind")
    return [(task.kind.value, task.detail) for task in await found]


async def test_a_month_is_billed_looked_at_and_told_by_carrier_and_payer(portal: Portal) -> None:
    right, dear, _ = [await moved(portal, freight="12") for _ in range(3)]
    known, unknown, free = (
        await moved(portal, AT_DOOR, "12"),
        await moved(portal, AT_DOOR),
        await moved(portal, AT_DOOR),
    )
    elsewhere = await moved(portal, freight="12")
    await Parcel.filter(id=elsewhere.parcel.id).update(picked_up_at=clock.at_local(date(2025, 4, 1), 0))
    strange = "75" + new_number()[:12]
    lines = statement(
        ("", right.number, 500, "12.00"),
        ("", dear.number, 500, "15.00"),
        ("", known.number, 500, "12.00"),
        ("", unknown.number, 500, "9.00"),
        ("", free.number, 500, "0.00"),
        ("", strange, 500, "7.00"),
    ).replace("2026-11-26", "2025-03-31")
    cashier = await caller_of(portal, await make_staff(Role.CASHIER))
    settled = await cashier.do("TakeCarrierStatement", carrier="zhongtong", csv=lines, closes=MONTH)
    assert (settled["matched"], settled["tasks"]) == (5, 5)
    assert await tasks(known) == [("SETTLEMENT_PAID_ALREADY", {"payer": "RECIPIENT_ON_DELIVERY", "theirs": 1200})]
    assert await tasks(unknown) == [("SETTLEMENT_PAID_ALREADY", {"payer": "RECIPIENT_ON_DELIVERY", "theirs": 900})]
    assert (await tasks(free), await tasks(right)) == ([], [])

    async with nothing_moves("audit_line"):
        again = await cashier.do("TakeCarrierStatement", carrier="zhongtong", csv=lines, closes=MONTH)
    assert again["tasks"] == 0

    def row(payer: str | None, text: str, *figures: int) -> dict[str, Any]:
        names = ("parcels", "oursFen", "billedFen", "unbilled", "differences")
        carrier = {"carrier": "zhongtong", "carrierName": "中通快递"}
        if payer is None:
            carrier["carrierName"] = "zhongtong"
        return {**carrier, "payer": payer, "payerText": text, **dict(zip(names, figures, strict=True))}

    report = await cashier.do("CarrierReport", month=MONTH)
    assert report["rows"] == [
        row("CITY", "大厅", 3, 3600, 2700, 1, 2),
        row("RECIPIENT_ON_DELIVERY", "收件人到付", 3, 2100, 2100, 0, 2),
        row(None, "对账单多出", 1, 0, 700, 0, 1),
    ]
    table = list(csv.reader(io.StringIO(report["csv"].removeprefix("\ufeff"))))
    assert table[0] == ["承运商", "付费方", "件数", "我方记录运费(元)", "对账单运费(元)", "未出账件数", "未处理差异"]
    assert table[1] == ["中通快递", "大厅", "3", "36.00", "27.00", "1", "2"]

    task = await DeliveryTask.get(parcel_id=dear.parcel.id)
    assert (await cashier.do("CloseDeliveryTask", id=str(task.id), remark="已核减"))["state"] == "DONE"
    [city, *_] = (await cashier.do("CarrierReport", month=MONTH))["rows"]
    assert city["differences"] == 1


async def test_what_was_called_off_and_what_was_billed_before_is_not_paid_unseen(portal: Portal) -> None:
    """The same statement again is no second bill; the same parcel in the next month's is."""
    cancelled, twice = await ordered(portal), await ordered(portal)
    await news(portal, cancelled, "99")
    await news(portal, twice, "10")
    cashier = await caller_of(portal, await make_staff(Role.CASHIER))

    async def bill(day: str) -> int:
        lines = statement(("", cancelled.number, 500, "12.00"), ("", twice.number, 500, "9.00"))
        wanted = {"carrier": "zhongtong", "csv": lines.replace("2026-11-26", day)}
        return int((await cashier.do("TakeCarrierStatement", **wanted))["tasks"])

    assert [await bill("2026-11-26"), await bill("2026-11-26")] == [1, 0]
    assert ("SETTLEMENT_FEE", {"ours": 0, "theirs": 1200}) in await tasks(cancelled)
    assert await tasks(twice) == []
    assert [await bill("2026-12-01"), await bill("2026-12-01")] == [2, 0]
    surplus = await DeliveryTask.get(kind=TaskKind.SETTLEMENT_THEIRS_ONLY, subject=f"zhongtong/{twice.number}")
    assert surplus.detail == {"fee_fen": 900, "day": "2026-12-01", "order_no": "", "billed_before": "2026-11-26"}
    assert (await Parcel.get(id=twice.parcel.id)).settled_fen == 900


async def test_what_one_statement_bills_twice_is_a_task_and_the_rest_of_it_is_taken(portal: Portal) -> None:
    twice, once = await ordered(portal), await ordered(portal)
    for sent in (twice, once):
        await news(portal, sent, "10")
    cashier = await caller_of(portal, await make_staff(Role.CASHIER))
    lines = statement(("", twice.number, 500, "9.00"), ("", once.number, 500, "9.00"), ("", twice.number, 500, "9.00"))
    told = [await cashier.do("TakeCarrierStatement", carrier="zhongtong", csv=lines) for _ in range(2)]
    assert [(each["lines"], each["matched"], each["tasks"]) for each in told] == [(3, 2, 1), (3, 2, 0)]
    surplus = await DeliveryTask.get(kind=TaskKind.SETTLEMENT_THEIRS_ONLY, subject=f"zhongtong/{twice.number}")
    assert surplus.detail == {"fee_fen": 900, "day": "2026-11-26", "order_no": "", "billed_before": "2026-11-26"}
    assert [await tasks(sent) for sent in (twice, once)] == [[], []]


async def test_a_month_is_one_and_the_report_is_for_who_works_for_all_of_the_city(portal: Portal) -> None:
    cashier = await caller_of(portal, await make_staff(Role.CASHIER))
    local = await caller_of(portal, await make_staff(Role.CASHIER, scope=Scope(division="990102")))
    assert (await cashier.do("CarrierReport", month="2001-01"))["rows"] == []
    assert (await cashier.do("CarrierReport", month="March"))["code"] == "INVALID_INPUT"
    assert (await local.do("CarrierReport", month=MONTH))["code"] == "NOT_ALLOWED"
