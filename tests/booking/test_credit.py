from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.booking import commands, outcomes
from app.booking.credit.rules import when
from app.booking.errors import BookingBarred, TooManyBookings
from app.booking.events import FaultRecorded
from app.booking.rules import BookingState
from app.identity.models import Resident
from app.identity.rules import Level
from app.kernel import clock
from app.kernel.privacy import seal
from tests.booking.faults import after, cancel_late, make_person, miss, number_born, past_fault, young_number
from tests.booking.hearing import hearing
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD, PERMIT, file_case
from tests.identity.accounts import caller_of, make_resident
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.representation.stage import make_someone

OTHER_BUSINESS = "passport"
HERE = {"servicePoint": "city-hall", "category": "D"}


def told(moment: datetime) -> str:
    return clock.local(moment).isoformat(timespec="seconds")


async def test_who_missed_two_visits_is_barred_and_told_why(portal: Portal) -> None:
    resident = await make_resident()
    first, second, wanted = await make_slot(1), await make_slot(1, hours_ahead=31), await make_slot(1, hours_ahead=60)
    await miss(resident, first)
    with clock.standing_at(first.starts_at):
        await miss(resident, second)

    with clock.standing_at(after(second)):
        async with nothing_moves():
            with pytest.raises(BookingBarred) as refused:
                await commands.book(resident, wanted.id, visit(CARD), idempotency_key=new_key())
    until = when(second.starts_at + timedelta(days=30), "zh")
    assert refused.value.sentence("zh") == (
        f"您在30天内爽约2次,{until}之前不能在线预约;可在“预约信用”中查看原因并申诉,也可直接到大厅现场取号"
    )
    assert await places_taken(wanted) == (0, 0)


async def test_a_fault_counts_at_every_hall_but_only_for_its_business(portal: Portal) -> None:
    resident = await make_resident()
    await miss(resident)
    last = await make_slot(1, place="wangyue-hall")
    await miss(resident, last)
    slot, other = await make_slot(1, hours_ahead=90), await make_slot(1, hours_ahead=90, business="E")
    with clock.standing_at(after(last)):
        with pytest.raises(BookingBarred):
            await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
        booked = await commands.book(resident, other.id, visit(OTHER_BUSINESS), idempotency_key=new_key())
    assert booked.state is BookingState.BOOKED


async def test_who_is_barred_may_still_move_what_they_have(portal: Portal) -> None:
    resident, kept, later = (
        await make_resident(),
        await make_slot(1, hours_ahead=80),
        await make_slot(1, hours_ahead=90),
    )
    held = await commands.book(resident, kept.id, visit(PERMIT), idempotency_key=new_key())
    for _ in range(2):
        await miss(resident)
    with clock.standing_at(kept.starts_at - timedelta(hours=4)):
        moved = await commands.move(resident, held.id, later.id, idempotency_key=new_key())
    assert (moved.slot_id, moved.moves) == (later.id, 1)


async def test_three_late_cancellations_leave_one_live_booking(portal: Portal) -> None:
    resident, one, two = await make_resident(), await make_slot(1, hours_ahead=60), await make_slot(1, hours_ahead=61)
    for _ in range(3):
        await cancel_late(resident)
    with clock.standing_at(one.starts_at - timedelta(hours=5)):
        await commands.book(resident, one.id, visit(CARD), idempotency_key=new_key())
        with pytest.raises(TooManyBookings) as refused:
            await commands.book(resident, two.id, visit(PERMIT), idempotency_key=new_key())
    assert refused.value.sentence("en") == "You already hold 1 bookings; keep or cancel them first."


async def test_faults_are_told_and_what_is_nobodys_fault_is_not(portal: Portal) -> None:
    resident = await make_resident()
    in_time, case = await make_slot(1), await file_case(resident)
    async with hearing(FaultRecorded) as heard:
        missed = await miss(resident)
        late = await cancel_late(resident)
        held = await commands.book(resident, in_time.id, visit(CARD, case.id), idempotency_key=new_key())
        with clock.standing_at(in_time.starts_at - timedelta(minutes=30)):
            assert await outcomes.release_places_of(case.id) == 1
        told = await heard()
    expected = [{"booking_id": str(one.id), "resident_id": str(resident.id)} for one in (missed, late)]
    assert told == expected
    await held.refresh_from_db()
    assert (held.state, held.late) == (BookingState.CANCELLED, False)


async def test_a_resident_sees_what_counts_why_and_until_when(portal: Portal) -> None:
    resident = await make_resident()
    phone = await caller_of(portal, resident)
    slots = [await make_slot(1, hours_ahead=-20.0 + hours) for hours in (0, 1)]
    first, second = [await past_fault(resident, slot) for slot in slots]

    seen = await phone.do("MyBookingCredit", **HERE)

    [business] = seen["businesses"]
    until = slots[1].starts_at + timedelta(days=30)
    assert [(fault["booking"]["id"], fault["kind"], fault["excused"]) for fault in seen["faults"]] == [
        (str(second.id), "NO_SHOW", False),
        (str(first.id), "NO_SHOW", False),
    ]
    assert seen["faults"][0]["appealUntil"] == told(until)
    assert seen["faults"][0]["booking"]["itemKeys"] == [CARD]
    assert (business["servicePoint"]["key"], business["category"]) == ("city-hall", "D")
    assert (business["exempt"], business["exemptText"], business["liveAtMost"]) == (False, None, 2)
    assert business["barredUntil"] == told(until)
    assert [(one["consequence"], one["text"], one["causes"]) for one in business["outcomes"]] == [
        ("WARNING", "您在30天内爽约2次,请按时到场,来不了请提前取消", [str(first.id), str(second.id)]),
        ("BAR", f"您在30天内爽约2次,{when(until, 'zh')}之前不能在线预约", [str(first.id), str(second.id)]),
    ]
    assert business["rules"][1] == "30天内爽约2次:自最后一次起30天内不能在线预约"
    assert await phone.do("MyBookingCredit") == seen


async def test_who_never_failed_sees_the_rules_and_nothing_else(portal: Portal) -> None:
    phone = await caller_of(portal, await make_resident(), "en")
    assert await phone.do("MyBookingCredit") == {"faults": [], "businesses": []}
    [business] = (await phone.do("MyBookingCredit", **HERE))["businesses"]
    assert (business["outcomes"], business["barredUntil"], len(business["rules"])) == ([], None, 5)
    assert business["rules"][0] == "Whoever missed 1 booked visit within 30 days is reminded."


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"servicePoint": "nowhere", "category": "D"}, "NOT_FOUND"),
        ({"servicePoint": "marriage-office", "category": "D"}, "NOT_FOUND"),
        ({"servicePoint": "city-hall"}, "INVALID_INPUT"),
        ({"category": "D"}, "INVALID_INPUT"),
    ],
)
async def test_a_business_that_is_not_there_is_refused(portal: Portal, asked: dict[str, str], code: str) -> None:
    phone = await caller_of(portal, await make_resident())
    answer = await phone.ask("MyBookingCredit", **asked)
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_who_is_seventy_is_exempt_by_the_number_they_proved(portal: Portal) -> None:
    born = clock.today().replace(year=clock.today().year - 70)
    elder, _ = await make_person(number=number_born(born))
    younger, _ = await make_person(number=number_born(born + timedelta(days=1)))
    typed, _ = await make_person(level=Level.L2, number=number_born(born - timedelta(days=1)))
    for person in (elder, younger, typed):
        for hours in (-20, -19):
            await past_fault(person, await make_slot(1, hours_ahead=hours))

    wanted = await make_slot(3)
    booked = await commands.book(elder, wanted.id, visit(CARD), idempotency_key=new_key())
    for person in (younger, typed):
        with pytest.raises(BookingBarred):
            await commands.book(person, wanted.id, visit(CARD), idempotency_key=new_key())

    assert booked.state is BookingState.BOOKED
    [business] = (await (await caller_of(portal, elder)).do("MyBookingCredit"))["businesses"]
    assert (business["exempt"], business["exemptText"]) == (True, "您已满70周岁,爽约和临期取消不影响您预约")
    assert (business["outcomes"], business["barredUntil"]) == ([], None)


async def test_an_agent_is_judged_by_the_principal_and_not_by_themself(portal: Portal) -> None:
    principal, agent = [await make_someone(portal, id_number=young_number()) for _ in range(2)]
    await principal.grants(agent, CARD)
    slots = [await make_slot(2, hours_ahead=hours) for hours in (-20, -19)]
    for slot in slots:
        await past_fault(agent.actor, slot)
    wanted = await make_slot(3)
    acting = await agent.acting_for(principal)
    booked = await commands.book(acting, wanted.id, visit(CARD), idempotency_key=new_key())
    with pytest.raises(BookingBarred):
        await commands.book(agent.actor, wanted.id, visit(CARD), idempotency_key=new_key())
    assert booked.resident_id == principal.actor.id

    await commands.cancel(acting, booked.id)
    for slot in slots:
        await past_fault(principal.actor, slot)
    with pytest.raises(BookingBarred):
        await commands.book(acting, wanted.id, visit(CARD), idempotency_key=new_key())
    async with agent.switched_to(principal) as phone:
        seen = await phone.do("MyBookingCredit")
    assert len(seen["faults"]) == 2
    assert seen["businesses"][0]["barredUntil"] is not None


async def test_one_number_that_no_key_opens_keeps_nobody_from_booking(portal: Portal) -> None:
    resident, _ = await make_person()
    await past_fault(resident, await make_slot(1, hours_ahead=-20))
    await Resident.filter(id=resident.id).update(id_number_sealed="lost." + seal("x").partition(".")[2])
    booked = await commands.book(resident, (await make_slot(1)).id, visit(CARD), idempotency_key=new_key())
    assert booked.state is BookingState.BOOKED
