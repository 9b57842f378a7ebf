from __future__ import annotations

from datetime import timedelta

from app.booking import commands
from app.booking.events import FaultRecorded
from app.booking.models import Booking, Slot
from app.booking.rules import BookingState, Channel, Layer
from app.identity.rules import Level, Role
from app.kernel import clock, db
from app.kernel.actor import Scope
from app.kernel.audit import AuditLine
from app.kernel.inbox.requests import AnsweredRequest
from tests.booking.faults import make_person, past_fault, young_number
from tests.booking.hearing import hearing
from tests.booking.places import make_slot, places_taken, visit
from tests.cases.filing import CARD, PERMIT
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

CITY = Scope()
ITEMS = [{"itemKey": CARD}]


async def window_of(portal: Portal, scope: Scope = CITY) -> Caller:
    return await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR, scope=scope))


async def slot_with_desk_share(places: int, phones: int) -> Slot:
    slot = await make_slot(places)
    await Slot.filter(id=slot.id).update(phone_capacity=phones)
    return slot


async def test_who_stands_there_with_a_card_gets_a_place_of_the_desks_share(portal: Portal) -> None:
    resident, card = await make_person()
    window, phone, slot = await window_of(portal), await caller_of(portal, resident), await slot_with_desk_share(1, 0)
    by_phone = await phone.do("Book", slotId=str(slot.id), items=ITEMS, idempotencyKey=new_key())
    key = new_key()

    booked = await window.do("BookAtDesk", person=card, slotId=str(slot.id), items=ITEMS, idempotencyKey=key)
    again = await window.do("BookAtDesk", person=card, slotId=str(slot.id), items=ITEMS, idempotencyKey=key)

    assert by_phone["code"] == "SLOT_FULL"
    assert (booked["__typename"], booked["state"], again) == ("Booking", "BOOKED", booked)
    row = await Booking.get(id=booked["id"])
    assert (row.resident_id, row.channel) == (resident.id, Channel.DESK)
    await slot.refresh_from_db()
    assert (slot.taken, slot.phone_taken) == (1, 0)
    [line] = await AuditLine.filter(subject=f"booking:{row.id}")
    assert (line.act, line.person, line.actor.split(":")[0]) == ("booking.made_at_desk", resident.id, "staff")
    [mine] = (await phone.do("MyBookings"))["edges"]
    assert mine["node"]["id"] == booked["id"]
    [look] = (await phone.do("LookedAtMyData"))["edges"]
    assert look["node"]["text"] == "在窗口为您预约"
    [kept] = await AnsweredRequest.filter(answer=row.id)
    assert (kept.key, card["idNumber"] in kept.body_hash) == (key, False)


async def test_a_bar_does_not_hold_at_the_desk_but_the_limits_of_a_booking_do(portal: Portal) -> None:
    resident, card = await make_person()
    for hours in (-20, -19):
        await past_fault(resident, await make_slot(1, hours_ahead=hours))
    window, phone = await window_of(portal), await caller_of(portal, resident)
    slot, other = await make_slot(2), await make_slot(2)
    by_phone = await phone.do("Book", slotId=str(slot.id), items=ITEMS, idempotencyKey=new_key())
    booked = await window.do("BookAtDesk", person=card, slotId=str(slot.id), items=ITEMS, idempotencyKey=new_key())
    twice = await window.do("BookAtDesk", person=card, slotId=str(other.id), items=ITEMS, idempotencyKey=new_key())
    assert (by_phone["code"], booked["__typename"], twice["code"]) == ("BOOKING_BARRED", "Booking", "ALREADY_BOOKED")
    assert await places_taken(other) == (0, 0)


async def test_whom_the_desk_cannot_book_for_is_told_what_to_do(portal: Portal) -> None:
    """Nobody has the number, somebody only typed it in, the name is another: nothing moves."""
    _, card = await make_person()
    _, typed = await make_person(level=Level.L2)
    window, slot = await window_of(portal), await make_slot(1)
    await window.do("BookingsAtDesk", person=card)  # being signed in is noted once
    said = []
    async with nothing_moves():
        for person in ({"name": "测试居民", "idNumber": young_number()}, typed, {**card, "name": "测试旁人"}):
            answer = await window.do(
                "BookAtDesk", person=person, slotId=str(slot.id), items=ITEMS, idempotencyKey=new_key()
            )
            said.append((answer["code"], answer["message"]))
        unknown = await window.ask("BookingsAtDesk", person={"name": "测试居民", "idNumber": young_number()})
    nobody = "该证件号码没有已实名的账号,不能代为预约或登记;请为其现场取号,或请本人实名后再来"
    assert said == [
        ("NO_ACCOUNT_AT_WINDOW", nobody),
        ("NO_ACCOUNT_AT_WINDOW", nobody),
        ("NAMES_DIFFER", "姓名与该身份证号已实名的姓名不一致,请核对证件"),
    ]
    assert unknown["errors"][0]["extensions"]["code"] == "NO_ACCOUNT_AT_WINDOW"


async def test_bad_wishes_are_refused_at_the_desk_as_by_phone(portal: Portal) -> None:
    _, card = await make_person()
    window = await window_of(portal)
    slot, over, full = await make_slot(9), await make_slot(1, hours_ahead=-1), await make_slot(0)
    home = await make_slot(1, layer=Layer.HOME_VISIT)
    await window.do("BookingsAtDesk", person=card)  # being signed in is noted once
    codes = []
    async with nothing_moves():
        for slot_id, more in (
            (over.id, {}),
            (full.id, {}),
            (home.id, {}),
            (db.new_id(), {}),
            (slot.id, {"items": [{"itemKey": "passport"}]}),
            (slot.id, {"items": []}),
            (slot.id, {"party": 0}),
            (slot.id, {"party": 1000}),
            (slot.id, {"idempotencyKey": "short"}),
        ):
            asked = {"person": card, "slotId": str(slot_id), "items": ITEMS, "idempotencyKey": new_key(), **more}
            codes.append((await window.do("BookAtDesk", **asked))["code"])
    assert codes == [
        "SLOT_GONE",
        "SLOT_FULL",
        "HOME_ADDRESS_NEEDED",
        "NOT_FOUND",
        "SLOT_FOR_OTHER_ITEMS",
        "VISIT_INVALID",
        "PARTY_TOO_LARGE",
        "PARTY_TOO_LARGE",
        "INVALID_INPUT",
    ]


async def test_a_key_is_good_for_one_person_only(portal: Portal) -> None:
    (_, card), (_, other) = await make_person(), await make_person()
    window, slot, key = await window_of(portal), await make_slot(2), new_key()
    await window.do("BookAtDesk", person=card, slotId=str(slot.id), items=ITEMS, idempotencyKey=key)
    reused = await window.do("BookAtDesk", person=other, slotId=str(slot.id), items=ITEMS, idempotencyKey=key)
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await places_taken(slot) == (1, 1)


async def test_the_desk_moves_and_cancels_what_was_booked_by_phone(portal: Portal) -> None:
    resident, card = await make_person()
    window, slot, later = await window_of(portal), await make_slot(1, hours_ahead=1.5), await make_slot(1)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())

    [seen] = await window.do("BookingsAtDesk", person=card)
    moved = await window.do("MoveAtDesk", id=seen["id"], slotId=str(later.id))
    again = await window.do("MoveAtDesk", id=seen["id"], slotId=str(later.id))

    assert (moved["slot"]["id"], again) == (str(later.id), moved)
    assert (await places_taken(slot), await places_taken(later)) == ((0, 0), (1, 1))
    assert (await Booking.get(id=held.id)).moves == 1

    cancelled = await window.do("CancelAtDesk", id=seen["id"])
    once_more = await window.do("CancelAtDesk", id=seen["id"])
    assert (cancelled["state"], cancelled["late"], once_more) == ("CANCELLED", False, cancelled)
    assert await places_taken(later) == (0, 0)
    assert [act for act, _ in await audit_of(f"booking:{held.id}")] == [
        "booking.made",
        "booking.moved_at_desk",
        "booking.cancelled_at_desk",
    ]
    people = {line.person for line in await AuditLine.filter(subject=f"booking:{held.id}")}
    assert people == {resident.id}


async def test_given_back_late_at_the_desk_it_counts(portal: Portal) -> None:
    resident, _ = await make_person()
    window, slot = await window_of(portal), await make_slot(1, hours_ahead=1)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    async with hearing(FaultRecorded) as heard:
        cancelled = await window.do("CancelAtDesk", id=str(held.id))
        told = await heard()
    assert cancelled["late"] is True
    assert told == [{"booking_id": str(held.id), "resident_id": str(resident.id)}]


async def test_once_it_has_begun_the_desk_can_neither_move_nor_cancel_it(portal: Portal) -> None:
    resident, card = await make_person()
    window, slot, later = await window_of(portal), await make_slot(1, hours_ahead=-0.1), await make_slot(1)
    with clock.standing_at(slot.starts_at - timedelta(hours=1)):
        held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    await window.do("BookingsAtDesk", person=card)  # being signed in is noted once
    async with nothing_moves():
        moved = await window.do("MoveAtDesk", id=str(held.id), slotId=str(later.id))
        cancelled = await window.do("CancelAtDesk", id=str(held.id))
    assert (moved["code"], cancelled["code"]) == ("CANCEL_TOO_LATE", "CANCEL_TOO_LATE")


async def test_a_full_slot_leaves_the_old_place(portal: Portal) -> None:
    resident, _ = await make_person()
    window, slot, full = await window_of(portal), await make_slot(1), await make_slot(0)
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    moved = await window.do("MoveAtDesk", id=str(held.id), slotId=str(full.id))
    assert moved["code"] == "SLOT_FULL"
    assert await places_taken(slot) == (1, 1)
    assert (await Booking.get(id=held.id)).slot_id == slot.id


async def test_a_window_of_another_district_does_not_reach_in(portal: Portal) -> None:
    resident, card = await make_person()
    here, there = await window_of(portal, Scope(None, "990121")), await window_of(portal, Scope(None, "990103"))
    slot, other = [await make_slot(2, place=place) for place in ("qinghe-hall", "wangyue-hall")]
    held = await commands.book(resident, slot.id, visit(CARD), idempotency_key=new_key())
    assert await there.do("BookingsAtDesk", person=card) == []
    async with nothing_moves():
        codes = [
            (await there.do("CancelAtDesk", id=str(held.id)))["code"],
            (await there.do("MoveAtDesk", id=str(held.id), slotId=str(other.id)))["code"],
            (
                await there.do(
                    "BookAtDesk",
                    person=card,
                    slotId=str(slot.id),
                    items=[{"itemKey": PERMIT}],
                    idempotencyKey=new_key(),
                )
            )["code"],
        ]
    assert codes == ["NOT_FOUND"] * 3
    assert [row["id"] for row in await here.do("BookingsAtDesk", person=card)] == [str(held.id)]
    assert (await here.do("MoveAtDesk", id=str(held.id), slotId=str(other.id)))["code"] == "NOT_FOUND"


async def test_five_windows_at_once_take_one_place_for_one_person(portal: Portal) -> None:
    resident, card = await make_person()
    slot, windows = await make_slot(5), [await window_of(portal) for _ in range(5)]
    answers = await at_once(
        *(
            one.do("BookAtDesk", person=card, slotId=str(slot.id), items=ITEMS, idempotencyKey=new_key())
            for one in windows
        )
    )
    kinds = sorted(str(answer.get("code", answer["__typename"])) for answer in answers if isinstance(answer, dict))
    assert kinds == ["ALREADY_BOOKED"] * 4 + ["Booking"]
    assert await places_taken(slot) == (1, 1)
    assert await Booking.filter(resident_id=resident.id, state=BookingState.BOOKED).count() == 1


async def test_the_last_place_goes_to_the_phone_or_to_the_desk(portal: Portal) -> None:
    for _ in range(4):
        (resident, _), (_, card) = await make_person(), await make_person()
        slot, window, phone = await make_slot(1), await window_of(portal), await caller_of(portal, resident)
        asked = {"slotId": str(slot.id), "items": ITEMS}
        answers = await at_once(
            window.do("BookAtDesk", person=card, idempotencyKey=new_key(), **asked),
            phone.do("Book", idempotencyKey=new_key(), **asked),
        )
        kinds = sorted(str(answer.get("code", answer["__typename"])) for answer in answers if isinstance(answer, dict))
        assert kinds == ["Booking", "SLOT_FULL"]
        assert await places_taken(slot) == (1, 1)
