from __future__ import annotations

from datetime import date, timedelta
from itertools import count

import pytest

from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Scope
from app.kernel.audit import AuditLine
from app.payments.at_window import collect_at_window
from app.payments.models import MoneyTask
from app.payments.money_tasks import open_task
from app.payments.reconciling.commands import reconcile
from app.payments.words import TaskKind
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import nothing_moves
from tests.payments.reconciling.paper import CODE, line, noon, paid_orders, paper
from tests.payments.reconciling.stage import FEE
from tests.payments.stage import make_payer
from tests.people import new_key
from tests.portal import Portal

UNIT = "ps-household"
_numbers = count(1)


def a_day() -> date:
    """Within the month whose accounts can be asked for, and no other test's."""
    return clock.today() - timedelta(days=1 + next(_numbers))


async def test_a_cashier_closes_a_day_from_the_first_difference_to_handing_over(portal: Portal) -> None:
    day = a_day()
    with paper() as channel:
        [order] = await paid_orders(1, noon(day))
        channel.lines = [line(order, noon(day)), line("c" * 32, noon(day), fen=100, e5=600)]
        cashier = await make_staff(Role.CASHIER)
        desk = await caller_of(portal, cashier)
        which = {"channel": CODE, "day": str(day)}

        compared = await desk.do("ReconcileAgain", **which)
        assert (compared["statement"]["state"], compared["openTasks"]) == ("DIFFERENCES", 1)
        async with nothing_moves():
            refused = await desk.do("SignOff", **which)
        assert refused["code"] == "DIFFERENCES_OPEN"
        assert "1项" in refused["message"]

        [edge] = (await desk.do("MoneyTasks", state="OPEN", day=str(day)))["edges"]
        task = edge["node"]
        assert (task["kind"], task["theirsFen"], task["unit"], task["billNumber"]) == ("THEIRS_ONLY", 100, "", None)
        async with nothing_moves():
            assert (await desk.do("CloseMoneyTask", id=task["id"], resolution=" "))["field"] == "resolution"
        closed = await desk.do("CloseMoneyTask", id=task["id"], resolution="他系统收款,已转交财政")
        assert (closed["state"], closed["resolution"]) == ("DONE", "他系统收款,已转交财政")
        async with nothing_moves():
            again = await desk.do("CloseMoneyTask", id=task["id"], resolution="再次处理")
        assert again["code"] == "MONEY_TASK_CLOSED"

        signed = await desk.do("SignOff", **which)
        assert signed["statement"] | {"id": "", "signedAt": ""} == {
            "id": "", "state": "SIGNED_OFF", "payments": 2, "refunds": 0, "paidFen": 4100, "refundedFen": 0,
            "feesFen": 25, "signedAt": "",
        }  # fmt: skip
        [listed] = (await desk.do("Statements", channel=CODE, **{"from": str(day), "to": str(day)}))["edges"]
        assert (listed["node"]["state"], listed["node"]["day"]) == ("SIGNED_OFF", str(day))
        assert (await desk.do("Statement", **which))["openTasks"] == 0

        remitted = await desk.do("RecordRemittance", unit=UNIT, amountFen=FEE - 24, **which)
    assert remitted["rows"] == [
        {"unit": UNIT, "channel": CODE, "toHandOverFen": FEE - 24, "handedOverFen": FEE - 24, "leftFen": 0},
    ]
    lines = await AuditLine.filter(subject=f"statement:{CODE}/{day}").order_by("id")
    assert [entry.act for entry in lines] == ["statement.reconciled", "statement.signed", "remittance.recorded"]


async def test_the_report_is_read_page_by_page_and_as_a_table(portal: Portal) -> None:
    day = a_day()
    with paper() as channel:
        [order] = await paid_orders(1, noon(day))
        channel.lines = [line(order, noon(day))]
        await reconcile(CODE, day)
    viewer = await caller_of(portal, await make_staff(Role.STATISTICS_VIEWER), "en")
    days = {"from": str(day), "to": str(day)}
    rows = (await viewer.do("UnitReport", **days))["rows"]
    own = [edge["node"] for edge in rows["edges"] if edge["node"]["channel"] == CODE]
    assert [(row["unit"], row["treasuryLevel"], row["division"]) for row in own] == [(UNIT, "CITY", "990100")]
    assert [(row["paidFen"], row["feesFen"], row["toHandOverFen"]) for row in own] == [(4000, 24, 3976)]
    table = (await viewer.do("UnitReportTable", **days))["csv"]
    assert table.startswith("\ufeffunit,unit_name,")
    assert f",city,990100,{CODE},40.00,0.00,0.24,39.76,0.00,39.76\r\n" in table
    refused = await viewer.do("UnitReport", **{**days, "to": "2020-01-01"})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "to")


async def test_a_cashier_of_a_unit_sees_its_tasks_only(portal: Portal) -> None:
    day = a_day()
    for unit, subject in ((UNIT, "a"), ("transport", "b"), ("", "c")):
        async with db.transaction():
            await open_task(TaskKind.AMOUNT, f"test:{day}/{subject}", "wechat", day=day, unit=unit, ours_fen=1)
    seen = {}
    for scope in (Scope(), Scope(UNIT), Scope("transport"), Scope(None, "9902")):
        desk = await caller_of(portal, await make_staff(Role.CASHIER, scope=scope))
        edges = (await desk.do("MoneyTasks", day=str(day)))["edges"]
        seen[scope] = [edge["node"]["unit"] for edge in edges]
    assert seen == {
        Scope(): ["", "transport", UNIT],
        Scope(UNIT): [UNIT],
        Scope("transport"): ["transport"],
        Scope(None, "9902"): [],
    }
    other = await caller_of(portal, await make_staff(Role.CASHIER, scope=Scope("transport")))
    task = await MoneyTask.get(subject=f"test:{day}/a")
    async with nothing_moves():
        refused = await other.do("CloseMoneyTask", id=str(task.id), resolution="已处理")
    assert refused["code"] == "NOT_FOUND"


async def test_a_till_is_counted_and_told_the_true_sum(portal: Portal) -> None:
    day = a_day()
    cashier = await make_staff(Role.CASHIER, scope=Scope(UNIT))
    with clock.standing_at(noon(day)):
        payer = await make_payer(portal)
        await collect_at_window(cashier, payer.bill.id, "cash", amount_fen=FEE, idempotency_key=new_key())
    desk = await caller_of(portal, cashier)
    [takings] = await desk.do("Takings", day=str(day))
    assert (takings["inTillFen"], takings["payments"], takings["counted"]) == (FEE, 1, False)
    async with nothing_moves():
        refused = await desk.do("CountTill", channel="cash", day=str(day), countedFen=FEE - 1)
    assert refused["code"] == "COUNT_DIFFERS"
    assert "40.00元" in refused["message"]
    counted = await desk.do("CountTill", channel="cash", day=str(day), countedFen=FEE)
    assert counted == {"__typename": "TillCounted", "channel": "cash", "day": str(day), "signedOff": True}


@pytest.mark.parametrize("fen", [2**40, -5])
async def test_sums_larger_than_32_bits_are_heard(portal: Portal, fen: int) -> None:
    desk = await caller_of(portal, await make_staff(Role.CASHIER))
    async with nothing_moves():
        refused = await desk.do("CountTill", channel="cash", day=str(date(2023, 1, 1)), countedFen=fen)
    assert refused["code"] == "COUNT_DIFFERS"


async def test_statements_are_for_who_works_for_all_of_the_city(portal: Portal) -> None:
    desk = await caller_of(portal, await make_staff(Role.CASHIER, scope=Scope(UNIT)))
    answer = await desk.ask("Statements")
    assert answer["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"
    assert (await desk.do("Statement", channel="wechat", day=str(a_day())))["code"] == "NOT_ALLOWED"
    whole = await caller_of(portal, await make_staff(Role.CASHIER))
    assert (await whole.do("Statement", channel="wechat", day="2001-01-01"))["code"] == "NOT_FOUND"
