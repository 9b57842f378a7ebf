from __future__ import annotations

from typing import Any

from app.booking import commands
from app.booking.credit import appeals
from app.booking.errors import BookingBarred
from app.booking.events import AppealDecided
from app.booking.models import Booking, CreditAppeal
from app.booking.rules import AppealState, BookingState
from app.identity.rules import Role
from app.kernel import db
from app.kernel.actor import Actor, Scope
from app.kernel.audit import AuditLine
from app.kernel.errors import IllegalMove
from tests.booking.faults import make_person, past_fault
from tests.booking.hearing import hearing
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

GROUNDS = "当天暴雨,公交停运"
MANAGER, WINDOW = Role.DEPARTMENT_MANAGER, Role.WINDOW_ACCEPTOR


async def faulty(*, hours_ago: float = 20, place: str = "city-hall") -> tuple[Actor, Booking]:
    resident = await make_resident()
    return resident, await past_fault(resident, await make_slot(1, hours_ahead=-hours_ago, place=place))


async def appealed(**more: Any) -> CreditAppeal:
    resident, missed = await faulty(**more)
    return await appeals.appeal(resident, missed.id, GROUNDS)


async def manager_of(portal: Portal, scope: Scope = Scope()) -> Caller:  # noqa: B008 - frozen
    return await caller_of(portal, await make_staff(MANAGER, scope=scope))


async def test_an_appeal_that_is_granted_lifts_the_bar_at_once(portal: Portal) -> None:
    resident, missed = await faulty()
    await past_fault(resident, await make_slot(1, hours_ahead=-19))
    phone, manager, wanted = await caller_of(portal, resident), await manager_of(portal), await make_slot(1)
    asked = {"slotId": str(wanted.id), "items": [{"itemKey": CARD}]}
    assert (await phone.do("Book", idempotencyKey=new_key(), **asked))["code"] == "BOOKING_BARRED"

    made = await phone.do("AppealFault", bookingId=str(missed.id), grounds=f" {GROUNDS} ")
    same = await phone.do("AppealFault", bookingId=str(missed.id), grounds=GROUNDS)
    assert (made["__typename"], made["state"], same) == ("CreditAppeal", "OPEN", made)
    async with hearing(AppealDecided) as heard:
        decided = await manager.do("DecideAppeal", id=made["id"], granted=True, answer="经核实,当天公交停运")
        again = await manager.do("DecideAppeal", id=made["id"], granted=True, answer="再答一次")
        told = await heard()

    assert (decided["state"], decided["answer"]) == ("GRANTED", "经核实,当天公交停运")
    assert again == decided
    assert told == [{"appeal_id": made["id"], "granted": True}]
    seen = await phone.do("MyBookingCredit")
    fault = next(one for one in seen["faults"] if one["booking"]["id"] == str(missed.id))
    assert (fault["excused"], fault["excuse"], fault["appealUntil"]) == (True, "经核实,当天公交停运", None)
    assert (fault["appeal"]["state"], fault["appeal"]["answer"]) == ("GRANTED", "经核实,当天公交停运")
    assert (await phone.do("Book", idempotencyKey=new_key(), **asked))["__typename"] == "Booking"


async def test_an_appeal_that_is_refused_leaves_the_fault_and_says_why(portal: Portal) -> None:
    made, manager = await appealed(), await manager_of(portal)
    decided = await manager.do("DecideAppeal", id=str(made.id), granted=False, answer="当天公交正常运行")
    other = await manager.do("DecideAppeal", id=str(made.id), granted=True, answer="属实")
    assert (decided["state"], decided["answer"]) == ("REFUSED", "当天公交正常运行")
    assert other["code"] == "ILLEGAL_MOVE"
    assert (await Booking.get(id=made.booking_id)).excused_at is None
    assert await audit_of(f"appeal:{made.id}") == [("credit.appeal_decided", "REFUSED")]


async def test_grounds_are_sealed_and_who_reads_them_is_written_down(portal: Portal) -> None:
    made, manager = await appealed(), await manager_of(portal)
    assert GROUNDS not in (await CreditAppeal.get(id=made.id)).grounds_sealed

    seen = await manager.do("CreditAppealDetail", id=str(made.id))

    assert (seen["grounds"], seen["appeal"]["id"], seen["appeal"]["visit"]["state"]) == (
        GROUNDS,
        str(made.id),
        "NO_SHOW",
    )
    [line] = await AuditLine.filter(act="credit.appeal_seen", subject=f"appeal:{made.id}")
    assert (line.person, GROUNDS in str(line.detail)) == (made.resident_id, False)


async def test_what_waits_is_shown_oldest_first_to_who_works_there(portal: Portal) -> None:
    first, second = await appealed(place="qinghe-hall"), await appealed(place="qinghe-hall")
    here, elsewhere = await manager_of(portal, Scope(None, "990121")), await manager_of(portal, Scope(None, "990103"))

    page = await here.do("PendingAppeals", first=1)
    rest = await here.do("PendingAppeals", first=50, after=page["pageInfo"]["endCursor"])
    there = await elsewhere.do("PendingAppeals", first=50)

    [edge] = page["edges"]
    assert (edge["node"]["id"], edge["node"]["visit"]["itemKeys"]) == (str(first.id), [CARD])
    assert edge["node"]["visit"]["slot"]["servicePoint"]["key"] == "qinghe-hall"
    assert [edge["node"]["id"] for edge in rest["edges"]] == [str(second.id)]
    assert str(first.id) not in str(there)
    await here.do("DecideAppeal", id=str(first.id), granted=False, answer="不属实")
    left = await here.do("PendingAppeals", first=50)
    assert [edge["node"]["id"] for edge in left["edges"]] == [str(second.id)]


async def test_a_manager_of_elsewhere_neither_reads_nor_decides_nor_excuses(portal: Portal) -> None:
    made = await appealed(place="qinghe-hall")
    manager = await manager_of(portal, Scope(None, "990103"))
    await manager.do("PendingAppeals")  # being signed in is noted once
    async with nothing_moves():
        codes = [
            (await manager.do("CreditAppealDetail", id=str(made.id)))["code"],
            (await manager.do("DecideAppeal", id=str(made.id), granted=True, answer="属实"))["code"],
            (await manager.do("ExcuseBooking", bookingId=str(made.booking_id), reason="属实"))["code"],
            (await manager.do("DecideAppeal", id=str(db.new_id()), granted=True, answer="属实"))["code"],
        ]
    assert codes == ["NOT_FOUND"] * 4


async def test_what_cannot_be_appealed_is_refused_and_nothing_moves(portal: Portal) -> None:
    resident, missed = await faulty(hours_ago=29 * 24)
    too_old = await past_fault(resident, await make_slot(1, hours_ahead=-30 * 24 - 1))
    kept = await commands.book(await make_resident(), (await make_slot(1)).id, visit(CARD), idempotency_key=new_key())
    phone, stranger = await caller_of(portal, resident), await caller_of(portal, await make_resident())
    said = []
    async with nothing_moves():
        for caller, booking, grounds in (
            (phone, too_old, GROUNDS),
            (phone, missed, " "),
            (phone, missed, "因" * 501),
            (stranger, missed, GROUNDS),
            (phone, kept, GROUNDS),
        ):
            answer = await caller.do("AppealFault", bookingId=str(booking.id), grounds=grounds)
            said.append((answer["code"], answer["message"]))
    assert said == [
        ("APPEAL_INVALID", "不能申诉:已超过30天的申诉期限"),
        ("APPEAL_INVALID", "不能申诉:请写明1至500字的理由"),
        ("APPEAL_INVALID", "不能申诉:请写明1至500字的理由"),
        ("NOT_FOUND", "没有找到这个预约,请核对后再试"),
        ("NOT_FOUND", "没有找到这个预约,请核对后再试"),
    ]
    assert (await phone.do("AppealFault", bookingId=str(missed.id), grounds="因" * 500))["state"] == "OPEN"
    second = await phone.do("AppealFault", bookingId=str(missed.id), grounds="另一个理由")
    assert (second["code"], second["message"]) == ("APPEAL_INVALID", "不能申诉:这次记录已经申诉过")


async def test_an_excuse_by_the_window_is_told_and_grants_the_open_appeal(portal: Portal) -> None:
    resident, _ = await make_person()
    missed = await past_fault(resident, await make_slot(1, hours_ahead=-20))
    made = await appeals.appeal(resident, missed.id, GROUNDS)
    window = await caller_of(portal, await make_staff(WINDOW))
    async with hearing(AppealDecided) as heard:
        excused = await window.do("ExcuseBooking", bookingId=str(missed.id), reason="当天系统故障")
        again = await window.do("ExcuseBooking", bookingId=str(missed.id), reason="换个说法")
        told = await heard()

    assert (excused["__typename"], excused["state"], again) == ("Booking", "NO_SHOW", excused)
    await missed.refresh_from_db()
    await made.refresh_from_db()
    assert missed.excuse == "当天系统故障"
    assert (made.state, made.answer) == (AppealState.GRANTED, "当天系统故障")
    assert told == [{"appeal_id": str(made.id), "granted": True}]
    acts = [line.act for line in await AuditLine.filter(person=resident.id, actor__startswith="staff:").order_by("id")]
    assert acts == ["booking.excused", "credit.appeal_decided"]
    phone = await caller_of(portal, resident)
    refused = await phone.do("AppealFault", bookingId=str(missed.id), grounds="另一个理由")
    assert refused["message"] == "不能申诉:这次记录已经申诉过"


async def test_only_what_counts_is_excused_and_only_with_a_reason(portal: Portal) -> None:
    _, missed = await faulty()
    live = await commands.book(await make_resident(), (await make_slot(1)).id, visit(CARD), idempotency_key=new_key())
    manager = await manager_of(portal)
    await manager.do("PendingAppeals")  # being signed in is noted once
    async with nothing_moves():
        answers = [
            await manager.do("ExcuseBooking", bookingId=str(live.id), reason="好意"),
            await manager.do("ExcuseBooking", bookingId=str(missed.id), reason=" "),
            await manager.do("ExcuseBooking", bookingId=str(missed.id), reason="长" * 201),
        ]
    assert [(answer["code"], answer["field"]) for answer in answers] == [
        ("ILLEGAL_MOVE", None),
        ("INVALID_INPUT", "reason"),
        ("INVALID_INPUT", "reason"),
    ]


async def test_of_two_managers_who_decide_differently_at_once_one_is_heard(portal: Portal) -> None:
    heard_as = set()
    for _ in range(6):
        made = await appealed()
        managers = [await make_staff(MANAGER) for _ in range(2)]
        outcomes = await at_once(
            appeals.decide_appeal(managers[0], made.id, granted=True, answer="属实"),
            appeals.decide_appeal(managers[1], made.id, granted=False, answer="不属实"),
        )
        [decided] = [one for one in outcomes if isinstance(one, CreditAppeal)]
        assert [type(one) for one in outcomes if not isinstance(one, CreditAppeal)] == [IllegalMove]
        booking = await Booking.get(id=made.booking_id)
        assert (booking.excused_at is not None) is (decided.state is AppealState.GRANTED)
        assert [act for act, _ in await audit_of(f"appeal:{made.id}")] == ["credit.appeal_decided"]
        heard_as.add(decided.state)
    assert heard_as <= {AppealState.GRANTED, AppealState.REFUSED}


async def test_of_an_excuse_and_a_refusal_at_once_both_end_as_one_after_the_other(portal: Portal) -> None:
    """The excuse always holds; the appeal is granted with it, or was refused before."""
    for _ in range(6):
        made = await appealed()
        window, manager = await make_staff(WINDOW), await make_staff(MANAGER)
        async with hearing(AppealDecided) as heard:
            outcomes = await at_once(
                appeals.excuse(window, made.booking_id, "当天系统故障"),
                appeals.decide_appeal(manager, made.id, granted=False, answer="不属实"),
            )
            told = await heard()
        await made.refresh_from_db()
        booking = await Booking.get(id=made.booking_id)
        assert (booking.excuse, len(told)) == ("当天系统故障", 1)
        refused = [one for one in outcomes if isinstance(one, BaseException)]
        if made.state is AppealState.GRANTED:
            assert [type(one) for one in refused] == [IllegalMove]
        else:
            assert (made.state, refused) == (AppealState.REFUSED, [])


async def test_five_appeals_at_once_are_one(portal: Portal) -> None:
    resident, missed = await faulty()
    phones = [await caller_of(portal, resident) for _ in range(5)]
    answers = await at_once(*(one.do("AppealFault", bookingId=str(missed.id), grounds=GROUNDS) for one in phones))
    assert len({answer["id"] for answer in answers if isinstance(answer, dict)}) == 1
    assert await CreditAppeal.filter(booking_id=missed.id).count() == 1


async def test_a_booking_that_waits_for_an_excuse_sees_it(portal: Portal) -> None:
    """Whoever books while the window excuses either is still refused or has a place; never a place and a bar."""
    resident, missed = await faulty()
    await past_fault(resident, await make_slot(1, hours_ahead=-19))
    wanted, window = await make_slot(1), await make_staff(WINDOW)
    outcomes = await at_once(
        appeals.excuse(window, missed.id, "当天系统故障"),
        commands.book(resident, wanted.id, visit(CARD), idempotency_key=new_key()),
    )
    booked = await Booking.filter(slot_id=wanted.id, state=BookingState.BOOKED).count()
    assert booked == (0 if any(isinstance(one, BookingBarred) for one in outcomes) else 1)
    if not booked:
        await commands.book(resident, wanted.id, visit(CARD), idempotency_key=new_key())
