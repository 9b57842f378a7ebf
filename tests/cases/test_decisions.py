from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from app.cases import commands
from app.cases.models import Case
from app.cases.rules import STATE_WORDS, CaseState
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.clock import at_local, local
from app.kernel.errors import IllegalMove
from tests.cases.filing import CARD, PERMIT, accept_case, approve_case, approved_case, file_case, verbs_of
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller
from tests.portal import Portal


async def clerk_of(portal: Portal, *roles: Role) -> Caller:
    return await caller_of(portal, await make_staff(*roles))


async def jobs_named(name: str, case_id: object) -> int:
    sql = "SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name = $1 AND args::text LIKE $2"
    found = await db.row(sql, name, f"%{case_id}%")
    assert found is not None
    return int(found["n"])


async def test_acceptance_starts_the_promised_limit(portal: Portal) -> None:
    case = await file_case(await make_resident())
    clerk = await clerk_of(portal, Role.WINDOW_ACCEPTOR)

    accepted = await clerk.do("AcceptCase", id=str(case.id))

    assert (accepted["state"], accepted["stateText"]) == ("ACCEPTED", "已受理,正在办理")
    assert accepted["dueAt"].endswith("T23:59:59+08:00")
    assert await verbs_of(case.id) == ["submit", "accept"]
    assert (await audit_of(f"case:{case.id}"))[-1] == ("case.accept", "ACCEPTED")


@pytest.mark.parametrize(
    ("item", "due"),
    [
        (CARD, date(2026, 3, 11)),  # 15 working days: 13, worked 14, 24-27, worked 28, 2-6, 9-11 March
        (PERMIT, date(2026, 3, 4)),  # 10 working days
        ("work-injury", date(2026, 3, 16)),  # 30 calendar days end on Saturday the 14th
        ("birth-household", date(2026, 2, 12)),  # on the spot
    ],
)
async def test_the_due_date_follows_the_working_calendar(portal: Portal, item: str, due: date) -> None:
    """Accepted on 12 February 2026, before the spring festival with its two worked Saturdays."""
    case = await file_case(await make_resident(), item)
    with clock.standing_at(at_local(date(2026, 2, 12), 10)):
        accepted = await accept_case(case)
    assert accepted.due_at is not None
    assert local(accepted.due_at).date() == due
    assert not accepted.due_is_provisional


async def test_a_due_date_in_a_year_nobody_published_says_so(portal: Portal) -> None:
    case = await file_case(await make_resident())
    with clock.standing_at(at_local(date(2026, 12, 28), 10)):
        accepted = await accept_case(case)
    assert accepted.due_is_provisional


async def test_an_approval_with_a_fee_waits_for_payment_and_one_without_does_not(portal: Portal) -> None:
    clerk = await clerk_of(portal, Role.APPROVER)
    with_fee = await accept_case(await file_case(await make_resident(), CARD))
    without = await accept_case(await file_case(await make_resident(), PERMIT))

    first = await clerk.do("ApproveCase", id=str(with_fee.id))
    second = await clerk.do("ApproveCase", id=str(without.id))

    assert (first["state"], first["decision"]) == ("PAYMENT_PENDING", "APPROVED")
    assert (second["state"], second["decision"]) == ("RESULT_READY", "APPROVED")
    fees = (await Case.get(id=with_fee.id)).fees
    assert [(line["fee_key"], line["amount_fen"], line["quantity"]) for line in fees] == [("ID40", 4000, 1)]
    assert (await Case.get(id=without.id)).fees == []


async def test_the_approver_chooses_the_fee_of_a_group(portal: Portal) -> None:
    clerk = await clerk_of(portal, Role.APPROVER)
    case = await accept_case(await file_case(await make_resident(), "hkm-permit"))

    async with nothing_moves():
        none = await clerk.do("ApproveCase", id=str(case.id))
        both = await clerk.do("ApproveCase", id=str(case.id), fees=[{"key": "S1"}, {"key": "S2"}])
        foreign = await clerk.do("ApproveCase", id=str(case.id), fees=[{"key": "S1"}, {"key": "ID40"}])
        too_many = await clerk.do("ApproveCase", id=str(case.id), fees=[{"key": "S1", "quantity": 100}])
    approved = await clerk.do("ApproveCase", id=str(case.id), fees=[{"key": "S2", "quantity": 2}])
    async with nothing_moves():
        again = await clerk.do("ApproveCase", id=str(case.id), fees=[{"key": "S2", "quantity": 2}])
        otherwise = await clerk.do("ApproveCase", id=str(case.id), fees=[{"key": "S2", "quantity": 3}])
    assert (again, otherwise["code"]) == (approved, "ILLEGAL_MOVE")

    assert (none["code"], both["code"]) == ("FEE_CHOICE_NEEDED", "FEE_CHOICE_NEEDED")
    assert (foreign["code"], too_many["code"]) == ("FEE_OUTSIDE_LIST", "FEE_OUTSIDE_LIST")
    assert "S2" in none["message"]
    assert foreign["message"].endswith("可收取1至99份的有:HKM, S1, S2, SM")
    assert none["field"] == "fees"
    assert approved["state"] == "PAYMENT_PENDING"
    fees = (await Case.get(id=case.id)).fees
    assert [(line["fee_key"], line["amount_fen"] * line["quantity"]) for line in fees] == [("HKM", 6000), ("S2", 6000)]


async def test_a_fee_nobody_set_stops_the_approval(portal: Portal) -> None:
    clerk = await clerk_of(portal, Role.APPROVER)
    case = await accept_case(await file_case(await make_resident(), "notary"))
    async with nothing_moves():
        refused = await clerk.do("ApproveCase", id=str(case.id))
    assert refused["code"] == "FEE_NOT_CONFIGURED"


async def test_a_denial_gives_its_reasons(portal: Portal) -> None:
    resident = await make_resident()
    case = await accept_case(await file_case(resident))
    clerk = await clerk_of(portal, Role.APPROVER)

    async with nothing_moves():
        for reason in ("", "  \n"):
            refused = await clerk.do("DenyCase", id=str(case.id), reason=reason)
            assert (refused["code"], refused["field"]) == ("REASON_NEEDED", "reason")
    denied = await clerk.do("DenyCase", id=str(case.id), reason=" 材料不实 ")

    assert denied == {
        "__typename": "Case",
        "id": str(case.id),
        "state": "CLOSED",
        "stateText": "不予许可,理由见决定书",
        "decision": "DENIED",
        "reason": "材料不实",
    }
    seen = await (await caller_of(portal, resident)).do("CaseDetail", id=str(case.id))
    assert (seen["reason"], seen["nextStep"]["code"]) == ("材料不实", "NOTHING")
    assert seen["decidedAt"] == seen["closedAt"] is not None
    assert await jobs_named("payments.bill_the_case<CaseApproved", case.id) == 0


async def test_a_result_is_handed_over_at_a_window_once(portal: Portal) -> None:
    case = await approved_case(await make_resident(), PERMIT)
    clerk = await clerk_of(portal, Role.ISSUER)

    handed = await clerk.do("HandOverResult", id=str(case.id))
    async with nothing_moves():
        again = await clerk.do("HandOverResult", id=str(case.id))

    assert (handed["state"], handed["stateText"]) == ("CLOSED", "已办结")
    assert handed["closedAt"]
    assert again == handed
    assert await verbs_of(case.id) == ["submit", "accept", "approve", "hand_over"]


ALLOWED = {
    "AcceptCase": {Role.WINDOW_ACCEPTOR, Role.PRE_REVIEWER},
    "ApproveCase": {Role.APPROVER},
    "DenyCase": {Role.APPROVER},
    "HandOverResult": {Role.ISSUER, Role.WINDOW_ACCEPTOR},
}


@pytest.mark.parametrize("operation", ALLOWED)
async def test_every_other_role_is_refused(portal: Portal, operation: str) -> None:
    resident = await make_resident()
    case = await file_case(resident)
    reason = {"reason": "理由"} if operation == "DenyCase" else {}
    others = [await clerk_of(portal, role) for role in Role if role not in ALLOWED[operation]]
    everybody = [*others, await clerk_of(portal), await caller_of(portal, resident)]

    async with nothing_moves():
        codes = {(await caller.do(operation, id=str(case.id), **reason))["code"] for caller in everybody}
        stranger = await portal.stranger().do(operation, id=str(case.id), **reason)

    assert codes == {"NOT_ALLOWED"}
    assert stranger["code"] == "SIGN_IN_REQUIRED"


Act = Callable[[Case], Awaitable[Case]]


async def _hand_over(case: Case) -> Case:
    return await commands.hand_over(await make_staff(Role.ISSUER), case.id)


async def _deny(case: Case) -> Case:
    return await commands.deny(await make_staff(Role.APPROVER), case.id, "理由")


LEGAL: dict[str, tuple[Act, set[CaseState]]] = {
    "accept": (accept_case, {CaseState.SUBMITTED}),
    "approve": (approve_case, {CaseState.ACCEPTED}),
    "deny": (_deny, {CaseState.ACCEPTED}),
    "hand over": (_hand_over, {CaseState.RESULT_READY}),
}


@pytest.mark.parametrize("act", LEGAL)
async def test_staff_cannot_move_a_case_along_an_edge_that_is_not_drawn(portal: Portal, act: str) -> None:
    move, legal = LEGAL[act]
    case = await file_case(await make_resident())
    for state in sorted(set(CaseState) - legal):
        await Case.filter(id=case.id).update(state=state)
        async with nothing_moves("staff"):
            with pytest.raises(IllegalMove) as refused:
                await move(case)
        zh, en = STATE_WORDS[state]
        assert refused.value.values == {"state_zh": zh, "state_en": en}


async def test_two_approvers_at_once_make_one_decision(portal: Portal) -> None:
    case = await accept_case(await file_case(await make_resident()))
    clerks = [await clerk_of(portal, Role.APPROVER) for _ in range(4)]

    answers = await asyncio.gather(*(clerk.do("ApproveCase", id=str(case.id)) for clerk in clerks))

    assert sorted(answer["__typename"] for answer in answers) == ["Case", "Problem", "Problem", "Problem"]
    assert {answer["code"] for answer in answers if answer["__typename"] == "Problem"} == {"ILLEGAL_MOVE"}
    assert await verbs_of(case.id) == ["submit", "accept", "approve"]
    assert await jobs_named("payments.bill_the_case<CaseApproved", case.id) == 1


async def test_without_the_lock_both_approvers_would_have_decided(portal: Portal) -> None:
    """The same two approvers as a naive program would let them: read, check, and only then write."""
    case = await accept_case(await file_case(await make_resident()))
    both_have_read = asyncio.Barrier(2)

    async def decide_naively() -> bool:
        row = await Case.get(id=case.id)
        may = row.state is CaseState.ACCEPTED
        await both_have_read.wait()
        if may:
            await Case.filter(id=case.id).update(state=CaseState.PAYMENT_PENDING)
        return may

    assert [*await asyncio.gather(decide_naively(), decide_naively())] == [True, True]


async def test_an_approval_and_a_denial_at_once_make_one_decision(portal: Portal) -> None:
    case = await accept_case(await file_case(await make_resident()))
    approver, denier = await clerk_of(portal, Role.APPROVER), await clerk_of(portal, Role.APPROVER)

    answers = await asyncio.gather(
        approver.do("ApproveCase", id=str(case.id)), denier.do("DenyCase", id=str(case.id), reason="理由")
    )

    assert sorted(answer["__typename"] for answer in answers) == ["Case", "Problem"]
    [decided] = [answer for answer in answers if answer["__typename"] == "Case"]
    assert (await Case.get(id=case.id)).decision == decided["decision"]


async def test_a_decision_and_a_withdrawal_at_once_leave_one_of_them(portal: Portal) -> None:
    resident = await make_resident()
    case = await accept_case(await file_case(resident))
    approver, applicant = await clerk_of(portal, Role.APPROVER), await caller_of(portal, resident)

    answers = await asyncio.gather(
        approver.do("ApproveCase", id=str(case.id)), applicant.do("WithdrawCase", id=str(case.id))
    )

    assert sorted(answer["__typename"] for answer in answers) == ["Case", "Problem"]
    state = (await Case.get(id=case.id)).state
    assert state in {CaseState.PAYMENT_PENDING, CaseState.WITHDRAWN}
    assert len(await verbs_of(case.id)) == 3


async def test_a_case_that_never_was_cannot_be_moved(portal: Portal) -> None:
    clerk = await clerk_of(portal, Role.WINDOW_ACCEPTOR, Role.APPROVER)
    for operation, more in (("AcceptCase", {}), ("ApproveCase", {}), ("DenyCase", {"reason": "理由"})):
        for made_up in (str(db.new_id()), "1", "not-an-id"):
            assert (await clerk.do(operation, id=made_up, **more))["code"] == "NOT_FOUND"


async def test_the_applicant_follows_the_history(portal: Portal) -> None:
    resident = await make_resident()
    case = await approved_case(resident)
    seen = await (await caller_of(portal, resident)).do("CaseDetail", id=str(case.id))
    assert [(event["verb"], event["state"]) for event in seen["events"]] == [
        ("submit", "SUBMITTED"),
        ("accept", "ACCEPTED"),
        ("approve", "PAYMENT_PENDING"),
    ]
    assert seen["nextStep"] == {"code": "PAY", "text": "请缴纳费用"}
    assert (seen["bill"], seen["booking"], seen["parcel"]) == (None, None, None)
