from __future__ import annotations

import asyncio
import base64
import urllib.parse
from dataclasses import replace
from datetime import date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.booking.check_in_codes import Door, Verdict, judge
from app.booking.commands import cancel, move
from app.booking.door import check_in_code, scanner_bundle
from app.booking.models import Booking, Scan
from app.booking.outcomes import mark_missed
from app.booking.rules import BookingState
from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import ActorKind
from app.kernel.clock import at_local
from app.kernel.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from app.queueing.arriving import check_in_at_desk
from app.queueing.commands import call_next
from app.queueing.models import Ticket
from app.queueing.scan_rules import Scanned, ScanOutcome
from app.queueing.scanning import WAS_THERE, check_in_by_scan, sync_scans
from tests.booking.places import set_rules
from tests.identity.accounts import caller_of, make_device, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in
from tests.queueing.door import code_of, make_scanner, outcome, read_at
from tests.queueing.hall import Hall
from tests.queueing.test_check_in_card import put_today, with_card

MINUTE = timedelta(minutes=1)


async def test_a_code_is_good_for_its_hall_around_the_beginning_of_the_slot(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await check_in_code(visitor.actor, visitor.booking.id)
    assert (code.valid_from, code.valid_until) == (hall.time(8, 30), hall.time(9, 10))
    assert (await check_in_code(visitor.actor, visitor.booking.id)).text != code.text


async def test_early_and_late_are_rules_of_the_business(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("marriage-office", "F")
    await set_rules("marriage-office", "F", early_minutes=5, grace_minutes=0)
    visitor = await hall.visitor(await hall.slot(9), "marriage")
    code = await check_in_code(visitor.actor, visitor.booking.id)
    await set_rules("marriage-office", "F")
    assert (code.valid_from, code.valid_until) == (hall.time(8, 55), hall.time(9))


async def test_the_picture_is_a_qr_code_that_a_phone_can_show(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    caller = await caller_of(portal, visitor.actor)
    shown = await caller.do("CheckInCode", bookingId=str(visitor.booking.id))
    kind, _, drawn = shown["picture"].partition(",")
    assert kind == "data:image/svg+xml;charset=utf-8"
    picture = ET.fromstring(urllib.parse.unquote(drawn))  # noqa: S314 - drawn by ourselves
    assert picture.get("width") == picture.get("height") == str((45 + 8) * 4)  # version 7 with its quiet zone


async def test_nobody_gets_a_code_for_a_visit_of_somebody_else_or_one_that_is_over(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    with pytest.raises(NotFound):
        await check_in_code(await make_resident(), visitor.booking.id)
    with hall.at(8):
        await cancel(visitor.actor, visitor.booking.id)
    with pytest.raises(IllegalMove):
        await check_in_code(visitor.actor, visitor.booking.id)


async def test_a_scan_at_the_door_gives_a_number(portal: Portal) -> None:
    hall, scanner = Hall.on_a_day_of_its_own(), make_scanner()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with hall.at(8, 55) as now:
        answer = await check_in_by_scan(scanner, read_at(code, now))
    [told] = answer.scans
    assert (told.outcome, answer.warning, told.ticket and told.ticket.code) == (ScanOutcome.ACCEPTED, None, "D001")
    await visitor.booking.refresh_from_db()
    assert visitor.booking.state is BookingState.CHECKED_IN
    assert told.ticket is not None
    assert (told.ticket.taken_at, told.ticket.holder) == (now, "测**民")
    assert await audit_of(f"ticket:{told.ticket.id}") == [("queue.checked_in", "done")]


async def test_what_was_scanned_without_network_counts_from_when_it_was_scanned(portal: Portal) -> None:
    hall, scanner = Hall.on_a_day_of_its_own(), make_scanner()
    slot = await hall.slot(9)
    first, second = [await hall.visitor(slot) for _ in range(2)]
    scans = [read_at(await code_of(second), hall.time(9, 5)), read_at(await code_of(first), hall.time(8, 50))]
    with hall.at(9, 25) as now:
        answer = await sync_scans(scanner, now, scans)
    told = [(one.outcome, one.ticket and one.ticket.code, one.ticket and one.ticket.taken_at) for one in answer.scans]
    assert told == [
        (ScanOutcome.ACCEPTED, "D002", hall.time(9, 5)),
        (ScanOutcome.ACCEPTED, "D001", hall.time(8, 50)),
    ]


@pytest.mark.parametrize("skew", [10 * MINUTE, -10 * MINUTE])
async def test_a_clock_ten_minutes_off_is_told_and_corrected(portal: Portal, skew: timedelta) -> None:
    """By the scanner's own clock neither of the two scans would be judged rightly."""
    hall, scanner = Hall.on_a_day_of_its_own(), make_scanner()
    slot = await hall.slot(9)
    good, late = [await hall.visitor(slot) for _ in range(2)]
    scans = [
        read_at(await code_of(good), hall.time(9, 9) + skew),
        read_at(await code_of(late), hall.time(9, 12) + skew),
    ]
    with hall.at(9, 20) as now:
        answer = await sync_scans(scanner, now + skew, scans)
    assert (answer.skew, answer.warning) == (skew, "CLOCK_OFF")
    assert [one.outcome for one in answer.scans] == [ScanOutcome.ACCEPTED, ScanOutcome.EXPIRED]
    assert [one.scanned_at for one in answer.scans] == [hall.time(9, 9), hall.time(9, 12)]
    rows = await Scan.filter(device_id=scanner.id).order_by("scanned_at")
    assert [(row.scanned_at, row.skew_seconds) for row in rows] == [
        (hall.time(9, 9), skew.total_seconds()),
        (hall.time(9, 12), skew.total_seconds()),
    ]


async def test_a_clock_four_minutes_off_is_corrected_without_a_word(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with hall.at(9) as now:
        answer = await check_in_by_scan(make_scanner(), read_at(code, now + 4 * MINUTE))
    assert (answer.warning, answer.scans[0].scanned_at) == (None, now)


async def test_a_scan_of_a_time_ahead_is_one_of_now(portal: Portal) -> None:
    """A clock that was set back between scanning and sending cannot promise anybody the future."""
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with hall.at(8) as now:
        told = await outcome(make_scanner(), read_at(code, hall.time(9)))
    assert (told.outcome, told.scanned_at) == (ScanOutcome.TOO_EARLY, now)


async def test_a_message_that_is_sent_again_changes_nothing(portal: Portal) -> None:
    hall, scanner = Hall.on_a_day_of_its_own(), make_scanner()
    visitor = await hall.visitor(await hall.slot(9))
    scans = [read_at(await code_of(visitor), hall.time(9)), read_at("garbage", hall.time(9))]
    with hall.at(9, 1) as now:
        first = await sync_scans(scanner, now, scans)
    with hall.at(9, 2) as now:
        async with nothing_moves():
            again = await sync_scans(scanner, now, scans)
    assert [(one.outcome, one.scanned_at) for one in again.scans] == [
        (one.outcome, one.scanned_at) for one in first.scans
    ]
    assert again.scans[0].ticket == first.scans[0].ticket is not None


async def test_another_code_under_the_name_of_an_earlier_scan_is_not_taken(portal: Portal) -> None:
    hall, scanner = Hall.on_a_day_of_its_own(), make_scanner()
    slot = await hall.slot(9)
    visitor, other = [await hall.visitor(slot) for _ in range(2)]
    scan = read_at(await code_of(visitor), hall.time(9))
    swapped = replace(scan, code=await code_of(other))
    with hall.at(9, 1):
        await outcome(scanner, scan)
        async with nothing_moves():
            assert (await outcome(scanner, swapped)).outcome is ScanOutcome.NONCE_REUSED


async def test_of_two_scans_the_first_by_our_clock_counts_whoever_tells_first(portal: Portal) -> None:
    hall, east, west = Hall.on_a_day_of_its_own(), make_scanner(), make_scanner()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with hall.at(9, 6):
        first_told = await outcome(east, read_at(code, hall.time(9, 5)))
    with hall.at(9, 7):
        same_scanner = await outcome(east, read_at(code, hall.time(9, 6)))
        other_scanner = await outcome(west, read_at(code, hall.time(8, 58)))
    assert [one.outcome for one in (first_told, same_scanner, other_scanner)] == [
        ScanOutcome.ACCEPTED,
        ScanOutcome.ALREADY,
        ScanOutcome.ALREADY,
    ]
    assert {one.ticket.code for one in (first_told, same_scanner, other_scanner) if one.ticket} == {"D001"}
    assert (await Ticket.get(booking_id=visitor.booking.id)).taken_at == hall.time(8, 58)


async def test_a_number_that_was_called_keeps_its_time(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("wangyue-hall")
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with hall.at(9, 1):
        await outcome(make_scanner("wangyue-hall"), read_at(code, hall.time(9)))
        await call_next(await hall.clerk_at(3))
        told = await outcome(make_scanner("wangyue-hall"), read_at(code, hall.time(8, 55)))
    await hall.close()
    assert told.outcome is ScanOutcome.ALREADY
    assert (await Ticket.get(booking_id=visitor.booking.id)).taken_at == hall.time(9)


async def test_a_cancelled_booking_does_not_open_the_door(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with hall.at(8, 30):
        await cancel(visitor.actor, visitor.booking.id)
    with hall.at(8, 50):
        async with nothing_moves("check_in_scan"):
            told = await outcome(make_scanner(), read_at(code, hall.time(8, 45)))
    assert (told.outcome, told.ticket) == (ScanOutcome.REVOKED, None)


async def test_who_cancels_after_standing_at_the_door_has_cancelled_and_is_not_blamed(portal: Portal) -> None:
    """The places are somebody else's by the time the scanner tells; that they came is held in their favour."""
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with hall.at(8, 50):
        await cancel(visitor.actor, visitor.booking.id)
    with hall.at(9, 30):
        told = await outcome(make_scanner(), read_at(code, hall.time(8, 45)))
    assert (told.outcome, told.ticket) == (ScanOutcome.CANCELLED_SINCE, None)
    await visitor.booking.refresh_from_db()
    assert (visitor.booking.state, visitor.booking.late, visitor.booking.excuse) == ("CANCELLED", True, WAS_THERE)
    assert not await Ticket.exists(booking_id=visitor.booking.id)


async def test_a_code_of_the_time_before_is_worth_nothing(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    old, later = await code_of(visitor), await hall.slot(9, 30)
    with hall.at(6):
        await move(visitor.actor, visitor.booking.id, later.id, idempotency_key=new_key())
    new = await code_of(visitor)
    with hall.at(9, 5):
        async with nothing_moves("check_in_scan"):
            assert (await outcome(make_scanner(), read_at(old, hall.time(9, 5)))).outcome is ScanOutcome.REVOKED
        assert (await outcome(make_scanner(), read_at(new, hall.time(9, 5)))).outcome is ScanOutcome.ACCEPTED


async def test_who_was_counted_as_missed_and_stood_at_the_door_is_excused(portal: Portal) -> None:
    hall, scanner = Hall.on_a_day_of_its_own(), make_scanner()
    visitor = await hall.visitor(await hall.slot(9))
    scan = read_at(await code_of(visitor), hall.time(9, 5))
    with hall.at(9, 41):
        assert await mark_missed(visitor.booking.id)
    with hall.at(9, 50) as now:
        told = await outcome(scanner, scan)
        async with nothing_moves():
            assert (await outcome(scanner, scan)).outcome is ScanOutcome.EXCUSED
    assert (told.outcome, told.ticket) == (ScanOutcome.EXCUSED, None)
    await visitor.booking.refresh_from_db()
    assert (visitor.booking.state, visitor.booking.excused_at, visitor.booking.excuse) == ("NO_SHOW", now, WAS_THERE)
    assert (await audit_of(f"booking:{visitor.booking.id}"))[-1] == ("booking.excused", "done")


async def test_a_scan_of_yesterday_gives_no_number_today_but_an_excuse(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    with clock.standing_at(hall.time(9) + timedelta(days=1)):
        told = await outcome(make_scanner(), read_at(code, hall.time(9)))
    assert (told.outcome, told.ticket) == (ScanOutcome.EXCUSED, None)
    await visitor.booking.refresh_from_db()
    assert (visitor.booking.state, visitor.booking.excuse) == ("NO_SHOW", WAS_THERE)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(-31, ScanOutcome.TOO_EARLY), (-30, ScanOutcome.ACCEPTED), (10, ScanOutcome.ACCEPTED), (11, ScanOutcome.EXPIRED)],
)
async def test_when_somebody_stood_at_the_door_decides_not_when_we_hear_of_it(
    portal: Portal, minutes: int, expected: ScanOutcome
) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    scan = read_at(await code_of(visitor), hall.time(9) + minutes * MINUTE)
    with hall.at(9, 20):
        assert (await outcome(make_scanner(), scan)).outcome is expected


async def test_a_code_of_another_hall_or_of_nobody_is_refused(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    spoiled = code[:50] + ("0" if code[50] != "0" else "1") + code[51:]
    with hall.at(9) as now:
        async with nothing_moves("check_in_scan"):
            assert (await outcome(make_scanner("wangyue-hall"), read_at(code, now))).outcome is ScanOutcome.WRONG_PLACE
            for text in (spoiled, "", "取号码", "ZT1:" + "0" * 167, code * 100):
                assert (await outcome(make_scanner(), read_at(text, now))).outcome is ScanOutcome.FORGED


async def test_a_code_of_a_booking_that_is_no_more_is_not_found(portal: Portal) -> None:
    """Ours by its signature: a database that was restored to a moment before the booking."""
    hall = Hall.on_a_day_of_its_own()
    visitor = await hall.visitor(await hall.slot(9))
    code = await code_of(visitor)
    await visitor.booking.fetch_related("items")
    for item in visitor.booking.items:
        await item.delete()
    await Booking.filter(id=visitor.booking.id).delete()
    with hall.at(9) as now:
        assert (await outcome(make_scanner(), read_at(code, now))).outcome is ScanOutcome.NOT_FOUND


@pytest.mark.parametrize(
    "nonces", [["a", "a"], [""], ["x" * 65], ["换\n行"], [str(one) for one in range(201)]], ids=range(5)
)
async def test_a_message_no_scanner_sends_is_refused_whole(portal: Portal, nonces: list[str]) -> None:
    now = clock.now()
    async with nothing_moves():
        with pytest.raises(InvalidInput):
            await sync_scans(make_scanner(), now, [Scanned("x", now, nonce) for nonce in nonces])


async def test_only_a_scanner_scans(portal: Portal) -> None:
    kiosk, resident = replace(make_scanner(), roles=frozenset({DeviceKind.KIOSK})), await make_resident()
    async with nothing_moves():
        for nobody in (kiosk, replace(kiosk, kind=ActorKind.STAFF), resident):
            with pytest.raises(NotAllowed):
                await sync_scans(nobody, clock.now(), [])
            with pytest.raises(NotAllowed):
                await scanner_bundle(nobody)


async def test_all_ways_at_once_give_one_number(portal: Portal) -> None:
    hall, clerk = Hall.on_a_day_of_its_own(), await make_staff(Role.WINDOW_ACCEPTOR)
    visitor, number = await with_card(hall)
    code = await code_of(visitor)
    with hall.at(9) as now:
        answers = await at_once(
            *(outcome(make_scanner(), read_at(code, now)) for _ in range(3)),
            *(check_in(visitor.actor, visitor.booking.id) for _ in range(3)),
            *(check_in_at_desk(clerk, "city-hall", number) for _ in range(3)),
        )
    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert await Ticket.filter(booking_id=visitor.booking.id).count() == 1
    assert [row.code for row in await Ticket.filter(day=hall.day)] == ["D001"]
    scans = [row.outcome for row in await Scan.filter(booking_id=visitor.booking.id)]
    assert len(scans) == 3
    assert scans.count(ScanOutcome.ACCEPTED) <= 1


async def test_one_message_arriving_twice_at_once_is_taken_once(portal: Portal) -> None:
    hall, scanner = Hall.on_a_day_of_its_own(), make_scanner()
    slot = await hall.slot(9)
    visitors = [await hall.visitor(slot) for _ in range(5)]
    scans = [read_at(await code_of(visitor), hall.time(9)) for visitor in visitors]
    with hall.at(9, 1) as now:
        one, other = await asyncio.gather(sync_scans(scanner, now, scans), sync_scans(scanner, now, scans))
    assert [told.outcome for told in one.scans] == [told.outcome for told in other.scans] == [ScanOutcome.ACCEPTED] * 5
    assert await Scan.filter(device_id=scanner.id).count() == 5


async def test_a_scanner_without_network_judges_as_we_would(portal: Portal) -> None:
    """With nothing but its bundle and its clock."""
    hall = Hall.on_a_day_of_its_own("wangyue-hall")
    scanner = make_scanner("wangyue-hall")
    slot, later = await hall.slot(9), await Hall.on_a_day_of_its_own(hall.place).slot(9, 45)
    kept, cancelled, moved, both = [await hall.visitor(slot) for _ in range(4)]
    codes = [await code_of(visitor) for visitor in (kept, cancelled, moved, both)]
    with hall.at(5):
        await cancel(cancelled.actor, cancelled.booking.id)
        await move(moved.actor, moved.booking.id, later.id, idempotency_key=new_key())
        await move(both.actor, both.booking.id, later.id, idempotency_key=new_key())
        await cancel(both.actor, both.booking.id)
    with hall.at(8):
        bundle = await scanner_bundle(scanner)
    mine = [bundle.revoked.get(visitor.booking.id) for visitor in (kept, cancelled, moved, both)]
    assert mine == [None, 1, 1, 2]
    door = Door(bundle.service_point, bundle.keys, bundle.revoked)

    codes.append(await code_of(moved))

    verdicts = [judge(code, door, hall.time(9))[0] for code in codes]

    assert verdicts == ["GOOD", "REVOKED", "REVOKED", "REVOKED", "TOO_EARLY"]
    with hall.at(9) as now:
        told = [await outcome(scanner, read_at(code, now)) for code in codes]
    assert [one.outcome for one in told] == ["ACCEPTED", "REVOKED", "REVOKED", "REVOKED", "TOO_EARLY"]


async def test_a_scanner_has_the_keys_of_this_month_and_the_next(portal: Portal) -> None:
    with clock.standing_at(at_local(date(2031, 12, 31), 23, 59)):
        bundle = await scanner_bundle(make_scanner())
    assert list(bundle.keys) == [203112, 203201]


async def test_over_http_a_scanner_works_with_its_token_alone(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own("wangyue-hall")
    visitor = await hall.visitor(await hall.slot(9))
    await put_today(visitor)
    phone, scanner = (
        await caller_of(portal, visitor.actor),
        await make_device(portal, DeviceKind.SCANNER, "wangyue-hall"),
    )
    code = (await phone.do("CheckInCode", bookingId=str(visitor.booking.id)))["text"]

    bundle = await scanner.do("ScannerBundle")
    keys = {key["id"]: Ed25519PublicKey.from_public_bytes(base64.b64decode(key["publicKey"])) for key in bundle["keys"]}
    verdict, _ = judge(code, Door(bundle["servicePoint"], keys), datetime.fromisoformat(bundle["serverTime"]))
    assert (verdict, bundle["toleranceSeconds"]) == (Verdict.GOOD, 30)

    scan = {"code": code, "scannedAt": clock.now().isoformat(), "nonce": new_key()}
    online = await scanner.do("CheckInByScan", scan=scan)
    late = await scanner.do("SyncScans", sentAt=clock.now().isoformat(), scans=[scan, {**scan, "nonce": new_key()}])

    assert [one["outcome"] for one in online["scans"] + late["scans"]] == ["ACCEPTED", "ACCEPTED", "ALREADY"]
    assert len({one["ticket"]["code"] for one in online["scans"] + late["scans"]}) == 1
    assert await Ticket.filter(booking_id=visitor.booking.id).count() == 1
