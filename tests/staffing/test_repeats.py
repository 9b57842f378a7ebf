"""A click is sent again, for its answer was lost: the same person reads what is done, anybody else that it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from app.cases.rules import CaseState
from app.identity.rules import Role
from app.kernel import clock, db
from app.payments.models import MoneyTask
from app.payments.money_tasks import open_task
from app.payments.receipts.issuing import see_to_receipt
from app.payments.settling import expire
from app.payments.words import TaskKind
from tests.cases.filing import CARD, PERMIT, accept_case, approved_case, file_case
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.payments.receipts.stage import paid_payer, the_receipt
from tests.payments.stage import make_notice
from tests.people import Caller
from tests.portal import Portal
from tests.representation.stage import child_number, make_someone


class Click(NamedTuple):
    """What somebody decides, and what another person reads who decides the same after them."""

    operation: str
    role: Role
    wanted: dict[str, Any]
    other: str


Stage = Callable[[Portal], Awaitable[Click]]


async def _accept(_: Portal) -> Click:
    case = await file_case(await make_resident())
    return Click("AcceptCase", Role.WINDOW_ACCEPTOR, {"id": str(case.id)}, "当前状态为“已受理,正在办理”")


async def _approve(_: Portal) -> Click:
    case = await accept_case(await file_case(await make_resident(), CARD))
    return Click("ApproveCase", Role.APPROVER, {"id": str(case.id)}, "当前状态为“已准予,等待缴费”")


async def _deny(_: Portal) -> Click:
    case = await accept_case(await file_case(await make_resident()))
    return Click("DenyCase", Role.APPROVER, {"id": str(case.id), "reason": "材料不实"}, "当前状态为“已办结”")


async def _hand_over(_: Portal) -> Click:
    case = await approved_case(await make_resident(), PERMIT)
    assert case.state is CaseState.RESULT_READY
    return Click("HandOverResult", Role.ISSUER, {"id": str(case.id)}, "当前状态为“已办结”")


async def _draft(portal: Portal) -> str:
    editor = await caller_of(portal, await make_staff(Role.SYSTEM_ADMINISTRATOR))
    made = await editor.do(
        "DraftTemplate",
        template={
            "key": "fault-recorded",
            "channel": "wechat",
            "language": "zh",
            "providerTemplate": f"tmpl-{db.new_id().hex}",
            "entries": [{"name": "thing1", "text": "{item}"}],
        },
    )
    return str(made["id"])


async def _publish(portal: Portal) -> Click:
    return Click("PublishTemplate", Role.SYSTEM_ADMINISTRATOR, {"id": await _draft(portal)}, "当前状态为“使用中”")


async def _retire(portal: Portal) -> Click:
    return Click("RetireTemplate", Role.SYSTEM_ADMINISTRATOR, {"id": await _draft(portal)}, "当前状态为“已停用”")


async def _claim(portal: Portal) -> str:
    parent = await make_someone(portal)
    child = {"name": "测试居民小甲", "idNumber": child_number()}
    return str((await parent.phone.do("ClaimGuardianship", child=child))["id"])


async def _confirm_claim(portal: Portal) -> Click:
    wanted = {"id": await _claim(portal)}
    return Click("ConfirmRepresentationClaim", Role.WINDOW_ACCEPTOR, wanted, "当前状态为“已核验”")


async def _refuse_claim(portal: Portal) -> Click:
    wanted = {"id": await _claim(portal), "reason": "户口簿上不是同一家庭"}
    return Click("RefuseRepresentationClaim", Role.WINDOW_ACCEPTOR, wanted, "当前状态为“未通过核验”")


async def _close_task(_: Portal) -> Click:
    subject = f"test:{db.new_id()}"
    async with db.transaction():
        await open_task(TaskKind.AMOUNT, subject, "wechat", ours_fen=1)
    wanted = {"id": str((await MoneyTask.get(subject=subject)).id), "resolution": "已核对"}
    return Click("CloseMoneyTask", Role.CASHIER, wanted, "该事项已经处理完毕")


async def _void(portal: Portal) -> Click:
    payer = await paid_payer(portal)
    await see_to_receipt(payer.bill.id)
    receipt = await the_receipt(payer.bill.id)
    return Click("VoidReceipt", Role.CASHIER, {"id": str(receipt.id), "reason": "交款人名称有误"}, "这张票据已作废")


async def _renew(_: Portal) -> Click:
    notice = await make_notice(await make_staff(Role.CASHIER))
    await type(notice).filter(id=notice.id).update(due_at=clock.now() - timedelta(days=1))
    assert await expire(notice.id)
    return Click("RenewBill", Role.CASHIER, {"billId": str(notice.id)}, "无需重新开单")


STAGES: list[Stage] = [
    _accept, _approve, _deny, _hand_over, _publish, _retire, _confirm_claim, _refuse_claim, _close_task, _void, _renew,
]  # fmt: skip


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
async def test_a_click_that_is_sent_again_reads_what_is_done_and_changes_nothing(portal: Portal, stage: Stage) -> None:
    click = await stage(portal)
    own, other = [await caller_of(portal, await make_staff(click.role)) for _ in range(2)]
    done = await own.do(click.operation, **click.wanted)
    assert done["__typename"] != "Problem", done
    await portal.run_jobs()
    async with nothing_moves():
        again, late = await own.do(click.operation, **click.wanted), await other.do(click.operation, **click.wanted)
    moved_on = {"state": "VOIDED", "stateText": "已作废(冲红)"} if stage is _void else {}
    assert again == {**done, **moved_on}
    assert click.other in late["message"]


async def test_a_decision_that_says_something_else_is_no_repeat(portal: Portal) -> None:
    denied, approver = await accept_case(await file_case(await make_resident())), await _staff(portal, Role.APPROVER)
    await approver.do("DenyCase", id=str(denied.id), reason="材料不实")
    claim, window = await _claim(portal), await _staff(portal, Role.WINDOW_ACCEPTOR)
    await window.do("RefuseRepresentationClaim", id=claim, reason="户口簿上不是同一家庭")
    async with nothing_moves():
        other_words = await approver.do("DenyCase", id=str(denied.id), reason="其他理由")
        otherwise = await approver.do("ApproveCase", id=str(denied.id))
        refused = await window.do("RefuseRepresentationClaim", id=claim, reason="其他理由")
    assert {answer["code"] for answer in (other_words, otherwise, refused)} == {"ILLEGAL_MOVE"}


async def test_a_template_that_was_replaced_is_not_told_to_be_in_use(portal: Portal) -> None:
    first, second, editor = await _draft(portal), await _draft(portal), await _staff(portal, Role.SYSTEM_ADMINISTRATOR)
    for each in (first, second):
        assert (await editor.do("PublishTemplate", id=each))["state"] == "PUBLISHED"
    async with nothing_moves():
        assert (await editor.do("PublishTemplate", id=first))["code"] == "ILLEGAL_MOVE"


async def _staff(portal: Portal, role: Role) -> Caller:
    return await caller_of(portal, await make_staff(role))
