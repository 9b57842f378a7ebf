"""A person has the last word about what a platform doubted; until then its writer reads it, and who decides on it."""

from __future__ import annotations

from typing import Any

from app.identity.closing import close_account
from app.identity.exporting import export_all
from app.identity.personal_data import Holdings as AccountHoldings
from app.kernel import clock, db
from app.kernel.audit import AuditLine
from app.payments.models import Bill
from app.payments.personal_data import Holdings as MoneyHoldings
from app.texts.models import TextCheck
from app.texts.personal_data import Holdings
from app.texts.rules import TextStanding, may_read
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.payments.refunds.stage import UNIT, make_paid
from tests.people import Caller
from tests.personal_data.rights import proven_actor
from tests.portal import Portal
from tests.texts.stage import DOUBTED, FINE, Writer, actor_of, claimant, in_wechat, outside, phone_of, reviewer, waiting


async def doubted(portal: Portal, what: str = "refund") -> tuple[Writer, str]:
    writer = await in_wechat(portal, what)
    await writer.write(DOUBTED)
    [check] = await writer.checks()
    return writer, str(check.id)


async def decide(manager: Caller, check: str, *, approve: bool) -> str:
    return str((await manager.do("ReviewText", id=check, approve=approve))["standing"])


async def test_who_reads_what_and_when() -> None:
    """Staff until it is withheld; others once it is clean; its writer always."""
    readers = {"writer": (True, False), "staff": (False, True), "other": (False, False)}
    told = {
        standing.value: {
            name for name, (own, staff) in readers.items() if may_read(standing, is_writer=own, is_staff=staff)
        }
        for standing in TextStanding
    }
    assert told == {
        "PASSED": {"writer", "staff", "other"},
        "APPROVED": {"writer", "staff", "other"},
        "REVIEW": {"writer", "staff"},
        "UNCHECKED": {"writer", "staff"},
        "WITHHELD": {"writer"},
    }


async def test_the_debtor_reads_what_a_stranger_wrote_who_paid_only_once_it_is_clean(portal: Portal) -> None:
    """The one text of a resident that another may see: a bill that anyone may pay has two readers."""
    paid, debtor = await make_paid(portal, 60000), await make_resident()
    await Bill.filter(id=paid.bill.id).update(resident_id=debtor.id, anyone_may_pay=True)
    payer = await phone_of(portal, paid.payer)
    writer = await claimant(portal, paid, payer, payer.person.openid)
    await writer.write(DOUBTED)
    [check] = await writer.checks()
    theirs = await caller_of(portal, debtor)

    async def seen() -> list[tuple[str, str]]:
        found = []
        for reader in (theirs, payer, writer.reader):
            [refund] = (await reader.do("BillRefunds", billId=str(paid.bill.id)))["refunds"]
            found.append((refund["remark"], refund["remarkStanding"]))
        return found

    async def exported() -> str:
        [bill] = (await MoneyHoldings().export(debtor.own_id()))["bills"]
        refunds: Any = bill["refunds"]
        return str(refunds[0]["remark"])

    assert await seen() == [("", "REVIEW"), (DOUBTED, "REVIEW"), (DOUBTED, "REVIEW")]
    assert await exported() == ""
    assert await decide(writer.reader, str(check.id), approve=True) == "APPROVED"
    assert await seen() == [(DOUBTED, "APPROVED")] * 3
    assert await exported() == DOUBTED
    assert await decide(writer.reader, str(check.id), approve=False) == "WITHHELD"
    assert await seen() == [("", "WITHHELD"), (DOUBTED, "WITHHELD"), ("", "WITHHELD")]


async def test_withheld_grounds_are_shown_to_no_manager_any_more(portal: Portal) -> None:
    writer, check = await doubted(portal, "appeal")
    assert await decide(writer.reader, check, approve=False) == "WITHHELD"
    assert await writer.read() == ("", "WITHHELD")
    assert check not in [one["id"] for one in await waiting(writer.reader)]
    [fault] = (await writer.caller.do("MyBookingCredit"))["faults"]
    assert fault["appeal"]["groundsStanding"] == "WITHHELD"


async def test_what_waits_is_listed_to_the_managers_of_its_hall_and_of_its_unit(portal: Portal) -> None:
    _, appeal = await doubted(portal, "appeal")
    _, refund = await doubted(portal)
    hall, elsewhere = await reviewer(portal, "990122"), await reviewer(portal, "990103")
    unit, other_unit = await reviewer(portal, unit=UNIT), await reviewer(portal, unit="civil-affairs")

    async def sees(manager: Caller) -> set[str]:
        return {appeal, refund} & {one["id"] for one in await waiting(manager)}

    assert appeal in await sees(hall)
    assert appeal not in await sees(elsewhere)
    assert refund in await sees(unit)
    assert refund not in await sees(other_unit)
    async with nothing_moves("session"):
        for manager, check in ((elsewhere, appeal), (other_unit, refund)):
            assert (await manager.do("ReviewText", id=check, approve=False))["code"] == "NOT_FOUND"
        assert (await hall.do("ReviewText", id=str(db.new_id()), approve=False))["code"] == "NOT_FOUND"


async def test_pages_go_on_where_the_last_ended_oldest_first(portal: Portal) -> None:
    ids = [(await doubted(portal, "appeal"))[1] for _ in range(3)]
    manager = await reviewer(portal)
    everything = [one["id"] for one in await waiting(manager)]
    assert everything == sorted(everything)
    page, paged = await manager.do("TextsToReview", first=1), []
    while True:
        paged += [edge["node"]["id"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        page = await manager.do("TextsToReview", first=1, after=page["pageInfo"]["endCursor"])
    assert paged == everything
    assert set(ids) <= set(paged)


async def test_a_look_and_a_word_are_written_down_and_the_same_word_once(portal: Portal) -> None:
    writer, check = await doubted(portal, "appeal")
    manager = await reviewer(portal, "990122")
    await waiting(manager)
    words = [await decide(manager, check, approve=approve) for approve in (True, True, False)]
    assert words == ["APPROVED", "APPROVED", "WITHHELD"]
    assert await audit_of(f"text:{check}") == [
        ("text.listed", "done"),
        ("text.reviewed", "APPROVED"),
        ("text.reviewed", "WITHHELD"),
    ]
    assert DOUBTED not in str(await AuditLine.filter(subject=f"text:{check}").values())
    looks = await writer.caller.do("LookedAtMyData", first=10)
    assert [edge["node"]["text"] for edge in looks["edges"]] == [
        "审核了您写的内容",
        "审核了您写的内容",
        "在待审文字中看到您写的内容",
    ]
    row = await TextCheck.get(id=check)
    assert (row.text_sealed, row.decided_at is not None) == (None, True)


async def test_of_two_reviewers_at_once_the_later_word_holds(portal: Portal) -> None:
    _, check = await doubted(portal, "appeal")
    one, other = await reviewer(portal), await reviewer(portal)
    await at_once(decide(one, check, approve=True), decide(other, check, approve=False))
    *_, (act, last) = await audit_of(f"text:{check}")
    assert (act, (await TextCheck.get(id=check)).standing.value) == ("text.reviewed", last)


async def test_nobody_decides_on_what_nobody_doubts(portal: Portal) -> None:
    passed, unchecked = await in_wechat(portal, "appeal"), await outside(portal, "appeal")
    for writer in (passed, unchecked):
        await writer.write(FINE)
        [check] = await writer.checks()
        assert (await writer.reader.do("ReviewText", id=str(check.id), approve=False))["code"] == "NOT_FOUND"
        assert (await writer.read())[0] == FINE


async def test_a_waiting_copy_is_told_in_the_export_and_goes_with_the_account(portal: Portal) -> None:
    writer, check = await doubted(portal, "appeal")
    actor = await actor_of(writer.caller)
    assert DOUBTED in (await export_all(await proven_actor(actor))).text

    closing = await close_account(await proven_actor(actor), dry_run=False)

    assert closing.closed
    row = await TextCheck.get(id=check)
    assert (row.text_sealed, row.standing) == (None, TextStanding.REVIEW)
    assert check not in [one["id"] for one in await waiting(writer.reader)]


async def test_checks_are_forgotten_after_three_years_but_withheld_words_stay_withheld(portal: Portal) -> None:
    _, old = await doubted(portal)
    writer, withheld = await doubted(portal)
    await decide(writer.reader, withheld, approve=False)
    await Holdings().purge("checks", clock.now())
    assert not await TextCheck.exists(id=old)
    assert await TextCheck.exists(id=withheld)
    assert await writer.read() == ("", "WITHHELD")


async def test_words_of_a_joined_account_are_still_ones_own(portal: Portal) -> None:
    writer, check = await doubted(portal)
    survivor = await make_resident()
    resident = (await actor_of(writer.caller)).own_id()
    async with db.transaction():
        for held in (AccountHoldings(), MoneyHoldings(), Holdings()):
            await held.move(resident, survivor.own_id())
    assert (await TextCheck.get(id=check)).resident_id == survivor.id
    theirs = await caller_of(portal, survivor)
    [refund] = (await theirs.do("BillRefunds", billId=writer.variables["billId"]))["refunds"]
    assert refund["remark"] == DOUBTED
