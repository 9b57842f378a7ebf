from __future__ import annotations

from datetime import timedelta

from app.booking.histories import histories_of
from app.booking.models import CreditExemption
from app.identity.rules import Level, Role
from app.kernel import clock, db
from app.kernel.audit import AuditLine
from tests.booking.faults import make_person, past_fault, young_number
from tests.booking.places import make_slot
from tests.cases.filing import CARD
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal


async def test_a_window_exempts_who_shows_why_and_takes_it_back(portal: Portal) -> None:
    resident, card = await make_person()
    window = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    phone, wanted = await caller_of(portal, resident), await make_slot(1)
    for hours in (-20, -19):
        await past_fault(resident, await make_slot(1, hours_ahead=hours))
    asked = {"slotId": str(wanted.id), "items": [{"itemKey": CARD}]}
    assert (await phone.do("Book", idempotencyKey=new_key(), **asked))["code"] == "BOOKING_BARRED"
    last = clock.today() + timedelta(days=365)

    granted = await window.do("GrantCreditExemption", person=card, ground="DISABLED", validUntil=last.isoformat())
    again = await window.do("GrantCreditExemption", person=card, ground="DISABLED", validUntil=last.isoformat())

    assert granted["__typename"] == "CreditExemption", granted
    assert again == granted
    [business] = (await phone.do("MyBookingCredit"))["businesses"]
    assert business["exemptText"] == "窗口已登记豁免(残疾),爽约和临期取消不影响您预约"
    booked = await phone.do("Book", idempotencyKey=new_key(), **asked)
    assert booked["__typename"] == "Booking", booked
    [listed] = await window.do("CreditExemptions", person=card)
    assert (listed["id"], listed["ground"], listed["validUntil"]) == (granted["id"], "DISABLED", last.isoformat())

    await phone.do("CancelBooking", id=booked["id"])
    ended = await window.do("EndCreditExemption", id=granted["id"])
    once_more = await window.do("EndCreditExemption", id=granted["id"])

    assert ended == once_more
    assert ended["endedAt"] is not None
    assert (await phone.do("Book", idempotencyKey=new_key(), **asked))["code"] == "BOOKING_BARRED"
    lines = [line.act for line in await AuditLine.filter(person=resident.id, actor__startswith="staff:").order_by("id")]
    assert lines == ["credit.exempted", "credit.exemptions_seen", "credit.exemption_ended"]
    texts = [edge["node"]["text"] for edge in (await phone.do("LookedAtMyData"))["edges"]]
    assert texts == ["终止了您的预约信用豁免", "查看了您的预约信用豁免", "登记了您的预约信用豁免"]


async def test_an_exemption_holds_through_its_last_day(portal: Portal) -> None:
    resident, card = await make_person()
    window = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    for hours in (-20, -19):
        await past_fault(resident, await make_slot(1, hours_ahead=hours))
    last = clock.today() + timedelta(days=3)
    await window.do("GrantCreditExemption", person=card, ground="ILLNESS", validUntil=last.isoformat())
    judged = {}
    for days in (0, 1):
        with clock.standing_at(clock.at_local(last + timedelta(days=days), 12)):
            [history] = await histories_of([resident.resident_id()])
            judged[days] = history.exempt
    assert judged == {0: True, 1: False}


async def test_a_new_day_of_the_same_ground_takes_the_formers_place(portal: Portal) -> None:
    _, card = await make_person()
    window = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    first = await window.do("GrantCreditExemption", person=card, ground="OTHER")
    later = (clock.today() + timedelta(days=9)).isoformat()
    second = await window.do("GrantCreditExemption", person=card, ground="OTHER", validUntil=later)
    rows = await window.do("CreditExemptions", person=card)
    assert [(row["id"], row["endedAt"] is None) for row in rows] == [(second["id"], True), (first["id"], False)]


async def test_of_two_that_joined_accounts_brought_both_end(portal: Portal) -> None:
    resident, card = await make_person()
    staff = await make_staff(Role.WINDOW_ACCEPTOR)
    for _ in range(2):
        await CreditExemption.create(
            resident_id=resident.id, ground="OTHER", granted_by_id=staff.id, granted_at=clock.now()
        )
    later = (clock.today() + timedelta(days=9)).isoformat()
    window = await caller_of(portal, staff)
    granted = await window.do("GrantCreditExemption", person=card, ground="OTHER", validUntil=later)
    rows = await window.do("CreditExemptions", person=card)
    assert [row["id"] for row in rows if row["endedAt"] is None] == [granted["id"]]
    assert len(rows) == 3


async def test_whom_a_window_cannot_exempt(portal: Portal) -> None:
    """Unknown, merely typed in, another name, a day that is over, a number that is none: nothing moves."""
    _, card = await make_person()
    _, typed = await make_person(level=Level.L2)
    window = await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR))
    await window.do("CreditExemptions", person=card)  # being signed in is noted once
    refused = []
    async with nothing_moves():
        for person, more in (
            ({"name": "测试居民", "idNumber": young_number()}, {}),
            (typed, {}),
            ({**card, "name": "测试旁人"}, {}),
            (card, {"validUntil": clock.today().isoformat()}),
            ({**card, "idNumber": "110101199001011234"}, {}),
        ):
            answer = await window.do("GrantCreditExemption", person=person, ground="OTHER", **more)
            refused.append((answer["code"], answer["field"]))
        missing = await window.do("EndCreditExemption", id=str(db.new_id()))
    assert refused == [
        ("NO_ACCOUNT_AT_WINDOW", "person.idNumber"),
        ("NO_ACCOUNT_AT_WINDOW", "person.idNumber"),
        ("NAMES_DIFFER", "person.name"),
        ("EXEMPTION_INVALID", "validUntil"),
        ("ID_NUMBER_INVALID", "person.idNumber"),
    ]
    assert missing["code"] == "NOT_FOUND"


async def test_five_windows_at_once_exempt_somebody_once(portal: Portal) -> None:
    resident, card = await make_person()
    windows = [await caller_of(portal, await make_staff(Role.WINDOW_ACCEPTOR)) for _ in range(5)]
    answers = await at_once(*(one.do("GrantCreditExemption", person=card, ground="DISABLED") for one in windows))
    assert len({answer["id"] for answer in answers if isinstance(answer, dict)}) == 1
    assert await CreditExemption.filter(resident_id=resident.id).count() == 1
