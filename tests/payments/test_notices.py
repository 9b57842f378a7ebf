from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from stdnum import luhn

from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.rules import Level, Role
from app.kernel import clock
from app.kernel.actor import Scope
from app.kernel.audit import AuditLine
from app.kernel.errors import Refusal
from app.kernel.privacy import blind_index, seal
from app.payments.commands import pay
from app.payments.errors import AlreadyPaid
from app.payments.issuing import issue_bill
from app.payments.models import Bill
from app.payments.notices import NoticeLine, Payer, cancel_notice, issue_notice
from app.payments.ports import PaymentState, PaymentTruth
from app.payments.settling import expire, settle
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.payments.stage import FINE, SOMEBODY, make_case, make_notice, make_payer, owed
from tests.people import new_key, outcome
from tests.portal import Portal

NUMBER = "110101199003070118"
PROVEN = {"line": 0, "basis": "低保对象免收工本费", "proof": "低保证 测0001"}


async def test_a_cashier_makes_out_a_notice_that_whoever_has_its_code_may_see_and_pay(portal: Portal) -> None:
    cashier, stranger = await caller_of(portal, await make_staff(Role.CASHIER)), await make_resident()
    made = await cashier.do(
        "IssueNotice",
        itemKey="traffic-fine",
        lines=[{"feeKey": "TF", "amountFen": 20_000, "decision": FINE.decision}],
        payer={"name": SOMEBODY.name},
        anyoneMayPay=True,
        idempotencyKey=new_key(),
    )
    assert (made["kind"], made["totalFen"], made["state"], made["stateText"]) == ("NOTICE", 20_000, "CREATED", "待缴费")
    assert len(made["number"]) == 20
    assert luhn.is_valid(made["number"])

    phone = await caller_of(portal, stranger)
    number = made["number"]
    grouped = f" {number[:6]} {number[6:13]}-{number[13:]} "
    seen = await phone.do("BillByNumber", number=grouped.translate({0x30 + each: 0xFF10 + each for each in range(10)}))
    assert (seen["maskedName"], seen["bill"]["collectingUnit"]["name"]) == ("测****甲", "市公安局(交管)")
    assert seen["bill"]["lines"] == [
        {
            "code": "TF",
            "name": "交通违法罚款",
            "amountFen": 20_000,
            "quantity": 1,
            "exemptFen": 0,
            "basis": FINE.decision,
            "standard": "BY_DECISION",
            "standardText": "以决定书为准",
        }
    ]


async def test_the_code_of_a_bill_that_only_its_payer_may_pay_is_nobody_else_s(portal: Portal) -> None:
    cashier, stranger = await make_staff(Role.CASHIER), await caller_of(portal, await make_resident())
    notice = await make_notice(cashier)
    resident = await make_resident()
    case_bill = await issue_bill((await make_case(resident)).id)
    assert case_bill is not None
    for number in (notice.number, case_bill.number, "0" * 20, "';--", "缴" * 300):
        assert (await stranger.do("BillByNumber", number=number))["code"] == "NOT_FOUND"
    mine = await caller_of(portal, resident)
    assert (await mine.do("BillByNumber", number=case_bill.number))["bill"]["totalFen"] == case_bill.total_fen


async def test_what_a_guest_is_told_of_leads_to_the_bill_they_paid_by_its_code(portal: Portal) -> None:
    """Late money of theirs goes back to them, and the message about it opens the bill."""
    notice = await make_notice(await make_staff(Role.CASHIER), anyone_may_pay=True)
    guest, stranger = await portal.phone(), await portal.phone()
    assert (await guest.do("BillDetail", id=str(notice.id)))["code"] == "NOT_FOUND"
    assert (await guest.do("Pay", billId=str(notice.id), idempotencyKey=new_key()))["__typename"] == "Payable"
    shown = await guest.do("BillDetail", id=str(notice.id))
    assert shown["number"] == notice.number
    ticket = shown["link"]["url"].rsplit("/", 1)[1]
    assert (await guest.do("LinkTarget", ticket=ticket))["id"] == str(notice.id)
    async with nothing_moves("session"):
        assert (await stranger.do("BillDetail", id=str(notice.id)))["code"] == "NOT_FOUND"
        assert (await stranger.do("LinkTarget", ticket=ticket))["code"] == "NOT_FOUND"
        assert (await guest.do("RenewBill", billId=str(notice.id)))["code"] == "NOT_FOUND"


async def test_codes_cannot_be_tried_out(portal: Portal) -> None:
    stranger = await caller_of(portal, await make_resident())
    told = [(await stranger.do("BillByNumber", number=str(turn)))["code"] for turn in range(31)]
    assert told == ["NOT_FOUND"] * 30 + ["TOO_MANY_REQUESTS"]


async def test_a_notice_to_somebody_with_an_account_is_among_their_bills(portal: Portal) -> None:
    resident = await make_resident()
    account = await Resident.get(id=resident.id)
    account.id_number_index, account.name_sealed = blind_index(ID_NUMBER, NUMBER), seal("测试居民甲")
    await Resident.filter(id_number_index=account.id_number_index).update(id_number_index=None)
    await account.save(update_fields=["id_number_index", "name_sealed"])
    cashier = await make_staff(Role.CASHIER)
    notice = await issue_notice(cashier, "traffic-fine", [FINE], Payer("测试居民甲", NUMBER), idempotency_key=new_key())
    other = await issue_notice(cashier, "traffic-fine", [FINE], Payer("测试居民乙", NUMBER), idempotency_key=new_key())
    await Resident.filter(id=resident.id).update(level=Level.L2)
    weak = await issue_notice(cashier, "traffic-fine", [FINE], Payer("测试居民甲", NUMBER), idempotency_key=new_key())
    await Resident.filter(id=resident.id).update(level=Level.L4)

    phone = await caller_of(portal, resident)
    mine = await phone.do("MyBills")
    assert [edge["node"]["id"] for edge in mine["edges"]] == [str(notice.id)]
    for unseen in (other, weak):
        assert (await Bill.get(id=unseen.id)).resident_id is None
    assert await AuditLine.filter(act="bill.issued", subject=f"bill:{notice.id}", person=resident.id).count() == 1


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {"lines": []}, "INVALID_INPUT"),
    ("a fee that is not on the list", {"lines": [NoticeLine("ID20")]}, "FEE_OUTSIDE_LIST"),
    ("none of it", {"lines": [NoticeLine("TF", quantity=0, amount_fen=1, decision="决字1号")]}, "FEE_OUTSIDE_LIST"),
    ("a fine over nothing", {"lines": [NoticeLine("TF", amount_fen=0, decision="决字1号")]}, "DECISION_NEEDED"),
    ("a negative fine", {"lines": [NoticeLine("TF", amount_fen=-5, decision="决字1号")]}, "DECISION_NEEDED"),
    ("a fine of nobody knows how much", {"lines": [NoticeLine("TF", decision="决字1号")]}, "DECISION_NEEDED"),
    ("a huge fine", {"lines": [NoticeLine("TF", amount_fen=10**12, decision="决字1号")]}, "DECISION_NEEDED"),
    ("a fine without a decision", {"lines": [NoticeLine("TF", amount_fen=100)]}, "DECISION_NEEDED"),
    ("huge in sum", {"lines": [NoticeLine("TF", 99, 100_000_000, "决字1号")]}, "BILL_AMOUNT_INVALID"),
    ("no amount set", {"item": "sscard-replace", "lines": [NoticeLine("#1")]}, "FEE_NOT_CONFIGURED"),
    (
        "not as listed",
        {"item": "passport", "lines": [NoticeLine("PP", amount_fen=1)]},
        "AMOUNT_FIXED_BY_LIST",
    ),
    ("no such item", {"item": "moon-permit", "lines": [FINE]}, "NOT_FOUND"),
    ("due yesterday", {"days": -1}, "INVALID_INPUT"),
    ("due in ten years", {"days": 3650}, "INVALID_INPUT"),
    ("nobody", {"payer": Payer(" ")}, "INVALID_INPUT"),
    ("a number that is none", {"payer": Payer("测试居民甲", "110101199003070001")}, "ID_NUMBER_INVALID"),
]


@pytest.mark.parametrize(("_what", "asked", "code"), WRONG, ids=[what for what, _, _ in WRONG])
async def test_a_notice_that_charges_wrongly_is_refused_and_nothing_moves(
    portal: Portal, _what: str, asked: dict[str, Any], code: str
) -> None:
    cashier = await make_staff(Role.CASHIER)
    async with nothing_moves():
        with pytest.raises(Refusal) as refused:
            await issue_notice(
                cashier,
                asked.get("item", "traffic-fine"),
                asked.get("lines", [FINE]),
                asked.get("payer", SOMEBODY),
                days=asked.get("days", 30),
                idempotency_key=new_key(),
            )
    assert refused.value.code == code


async def test_what_is_longer_than_any_key_or_code_is_not_found(portal: Portal) -> None:
    """Typed by a cat, or pasted: never our fault."""
    desk = await caller_of(portal, await make_staff(Role.CASHIER))
    line = {"feeKey": "TF", "amountFen": 100, "decision": "决字1号"}
    wanted = {"payer": {"name": "测试缴款人甲"}, "lines": [line], "idempotencyKey": new_key()}
    async with nothing_moves("session"):
        made = await desk.do("IssueNotice", itemKey="事" * 300, **wanted)
        seen = await desk.do("UnitBill", number="缴" * 300)
    assert (made["code"], made["field"], seen["code"]) == ("NOT_FOUND", "itemKey", "NOT_FOUND")


async def test_a_cashier_of_another_unit_can_do_nothing_with_it(portal: Portal) -> None:
    notice = await make_notice(await make_staff(Role.CASHIER))
    other = await make_staff(Role.CASHIER, scope=Scope("ps-exit-entry"))
    clerk = await caller_of(portal, other)
    async with nothing_moves():
        with pytest.raises(Refusal, match="item"):
            await make_notice(other)
        told = [
            await clerk.do("UnitBill", number=notice.number),
            await clerk.do("CancelNotice", billId=str(notice.id), reason="开错了"),
            await clerk.do("RenewBill", billId=str(notice.id)),
            await clerk.do("ExemptBill", billId=str(notice.id), amountFen=1, idempotencyKey=new_key(), **PROVEN),
        ]
    assert [each["code"] for each in told] == ["NOT_FOUND"] * 4
    listed = await clerk.do("UnitBills", first=50)
    assert notice.number not in {edge["node"]["bill"]["number"] for edge in listed["edges"]}


async def test_the_same_key_makes_one_notice_however_often_it_is_sent(portal: Portal) -> None:
    cashier, key = await make_staff(Role.CASHIER), new_key()
    made = await at_once(*(make_notice(cashier, idempotency_key=key) for _ in range(8)))
    assert len({bill.id for bill in made if isinstance(bill, Bill)}) == 1
    assert not [each for each in made if isinstance(each, BaseException)]
    with pytest.raises(Refusal, match="another"):
        await make_notice(cashier, NoticeLine("TF", amount_fen=1, decision="决字2号"), idempotency_key=key)


async def test_a_cashier_sees_the_bills_of_the_unit_page_by_page_and_each_look_is_written_down(portal: Portal) -> None:
    staff = await make_staff(Role.CASHIER, scope=Scope("ps-household"))
    resident = await make_resident()
    bill = await issue_bill((await make_case(resident)).id)
    assert bill is not None
    clerk = await caller_of(portal, staff)
    first = await clerk.do("UnitBills", states=["CREATED"], first=1)
    assert [edge["node"]["bill"]["id"] for edge in first["edges"]] == [str(bill.id)]
    assert (await clerk.do("UnitBill", number=bill.number))["bill"]["totalFen"] == bill.total_fen
    looks = AuditLine.filter(subject=f"bill:{bill.id}", person=resident.id, actor=staff.reference)
    assert sorted([look.act for look in await looks]) == ["bill.listed", "bill.seen"]


async def test_a_cancelled_notice_is_owed_by_nobody_and_cannot_be_paid(portal: Portal) -> None:
    staff = await make_staff(Role.CASHIER)
    notice = await make_notice(staff, anyone_may_pay=True)
    clerk = await caller_of(portal, staff)
    assert await owed(notice) == 20_000
    for _ in range(2):
        told = await clerk.do("CancelNotice", billId=str(notice.id), reason="决定书已撤销")
        assert (told["state"], told["stateText"]) == ("CANCELLED", "已作废")
    assert await owed(notice) == 0
    paid = await clerk.do(
        "CollectAtWindow", billId=str(notice.id), channel="cash", amountFen=20_000, idempotencyKey=new_key()
    )
    assert paid["code"] == "BILL_CANCELLED"


async def test_of_a_notice_that_is_paid_no_order_is_closed_by_cancelling_it(portal: Portal) -> None:
    """Money for a closed order has paid it while the next one is open; the sweep sees to that."""
    await portal.control.be_hostile(notify_by_itself=False)
    payer, cashier = await make_payer(portal), await make_staff(Role.CASHIER)
    notice, orders = await make_notice(cashier, anyone_may_pay=True), []
    for _ in range(2):
        opened = await pay(payer.actor, notice.id, "wechat", idempotency_key=new_key())
        orders.append(opened.attempt.order_no)
        await settle(PaymentTruth("wechat", orders[0], PaymentState.CLOSED))
    paid = PaymentTruth("wechat", orders[0], PaymentState.PAID, 20_000, payer_open_id=payer.person.openid)
    assert (await settle(paid)).remark == "RESTORE"
    async with nothing_moves():
        with pytest.raises(AlreadyPaid):
            await cancel_notice(cashier, notice.id, "开错了")
    assert (await portal.control.order(orders[1])).trade_state == "NOTPAY"
    await portal.control.be_kind()


async def test_only_a_notice_is_cancelled_never_the_fee_of_a_case(portal: Portal) -> None:
    staff = await make_staff(Role.CASHIER)
    bill = await issue_bill((await make_case(await make_resident())).id)
    assert bill is not None
    clerk = await caller_of(portal, staff)
    async with nothing_moves():
        told = await clerk.do("CancelNotice", billId=str(bill.id), reason="开错了")
        unsaid = await clerk.do("CancelNotice", billId=str((await make_untouched()).id), reason=" ")
    assert (told["code"], unsaid["code"]) == ("BILL_NOT_CANCELLABLE", "INVALID_INPUT")


async def make_untouched() -> Bill:
    """Any notice that is there already."""
    found = await Bill.filter(kind="NOTICE").first()
    assert found is not None
    return found


async def test_a_resident_renews_the_expired_bill_of_a_case_and_only_that(portal: Portal) -> None:
    resident = await make_resident()
    bill = await issue_bill((await make_case(resident)).id)
    assert bill is not None
    phone = await caller_of(portal, resident)
    early = await phone.do("RenewBill", billId=str(bill.id))
    assert early["code"] == "BILL_NOT_RENEWABLE"
    with clock.standing_at(bill.due_at + timedelta(seconds=1)):
        assert await expire(bill.id)
        again = await at_once(*(phone.do("RenewBill", billId=str(bill.id)) for _ in range(5)))
    assert [*map(outcome, again)] == ["CREATED"] * 5
    assert await AuditLine.filter(act="bill.renewed", subject=f"bill:{bill.id}").count() == 1
    assert await owed(bill) == bill.total_fen
