"""Facts become messages in the inbox, each once, in the resident's language."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from app.booking import commands as booking
from app.booking.events import BookingMoved, FaultRecorded, SlotBooked, VisitDue
from app.cases.events import CaseAccepted
from app.cases.rules import CaseState
from app.catalogue.models import ServiceItem
from app.identity.models import Resident
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.facts import Fact
from app.kernel.facts.publishing import publish
from app.messages import templates
from app.messages.making import tell
from app.messages.models import Message, MessageTemplate
from app.messages.rulebook import RULE_OF, RULES
from app.messages.wording import LANGUAGES, kinds, places_in
from app.messages.words import MessageState, TemplateState
from app.payments.models import Bill
from app.payments.reminders import remind
from app.profiles import commands as profiles
from app.profiles.rules import NoticeKind
from tests.booking.places import make_slot
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.crowds import at_once
from tests.messages.stage import book, messages_about, told_about
from tests.payments.stage import make_payer
from tests.people import new_key
from tests.personal_data.everything import make_case
from tests.portal import Portal


async def test_a_booking_is_told_in_the_inbox_with_item_place_and_time(portal: Portal) -> None:
    resident = await make_resident()
    visit = await book(resident)
    await portal.run_jobs()

    phone = await caller_of(portal, resident)
    [edge] = (await phone.do("MyMessages"))["edges"]
    message = edge["node"]
    await visit.fetch_related("slot")
    when = clock.local(visit.slot.starts_at)
    shown = f"{when.year}年{when.month}月{when.day}日 {when:%H:%M}"
    assert message["title"] == "预约成功"
    assert message["body"] == f"您已预约{shown}到云澜市政务服务中心办理“居民身份证丢失补领(损坏换领)”,请按时到场。"
    assert message["page"] == f"pages/booking/detail?id={visit.id}"
    assert (message["kind"], message["subject"], message["readAt"]) == ("slot-booked", f"booking:{visit.id}", None)


async def test_who_reads_english_is_told_in_english(portal: Portal) -> None:
    resident = await make_resident()
    await Resident.filter(id=resident.id).update(language="en")
    visit = await book(resident)
    await portal.run_jobs()
    [message] = await messages_about(f"booking:{visit.id}")
    assert (message.language, message.title) == ("en", "Your visit is booked")


async def test_a_title_that_a_long_name_makes_too_long_is_cut_and_the_words_stay_whole(portal: Portal) -> None:
    """A template is judged with its example; the longest name of an item has two hundred characters."""
    editor, key, name = await make_staff(Role.SYSTEM_ADMINISTRATOR), "case-accepted", "事" * 200
    title, body = kinds()[key].inbox["zh"]
    case = await make_case((await make_resident()).own_id(), CaseState.ACCEPTED)
    item = await ServiceItem.get(id=case.item_id)
    await ServiceItem.filter(id=item.id).update(name_zh=name)
    await put_words_in_use(editor, key, "{item}:已受理", body)
    try:
        await tell(RULE_OF[key], CaseAccepted(case.id))
    finally:
        await ServiceItem.filter(id=item.id).update(name_zh=item.name_zh)
        await put_words_in_use(editor, key, title, body)
    [message] = await messages_about(f"case:{case.id}")
    assert message.title == "事" * 59 + "…"
    assert message.body == body.format(item=name, number=case.number)
    words = await MessageTemplate.get(id=message.template_id)  # not those in use now
    assert (words.title, words.state) == ("{item}:已受理", TemplateState.RETIRED)


async def put_words_in_use(editor: Actor, key: str, title: str, body: str) -> None:
    draft = templates.Draft(key, "inbox", "zh", title=title, body=body)
    await templates.publish(editor, (await templates.draft(editor, draft)).id)


async def test_a_fact_delivered_many_times_at_once_is_told_once(portal: Portal) -> None:
    visit = await book()
    fact = SlotBooked(visit.id)
    made = await at_once(*(tell(RULE_OF["slot-booked"], fact) for _ in range(20)))
    await portal.run_jobs()
    assert sorted(map(str, made)) == ["0"] * 19 + ["1"]
    assert await told_about(f"booking:{visit.id}") == ["slot-booked"]


async def test_every_move_and_every_reminder_is_told_once(portal: Portal) -> None:
    resident = await make_resident()
    visit = await book(resident)
    for _ in range(2):
        other = await make_slot(9, hours_ahead=54)
        await booking.move(resident, visit.id, other.id, idempotency_key=new_key())
        await portal.run_jobs()
    async with db.transaction():
        for _ in range(2):
            await publish(VisitDue(visit.id, "SOON"))
            await publish(BookingMoved(visit.id, other.id, other.id, by_hall=False))
    await portal.run_jobs()
    told = await told_about(f"booking:{visit.id}")
    assert sorted(told) == ["booking-moved", "booking-moved", "slot-booked", "visit-soon"]


async def test_a_message_at_night_waits_for_the_morning_unless_it_is_for_this_moment(portal: Portal) -> None:
    visit = await book(hours_ahead=80)
    midnight = clock.at_local(clock.today() + timedelta(days=1), 0, 30)
    with clock.standing_at(midnight):
        await tell(RULE_OF["fault-recorded"], FaultRecorded(visit.id, visit.resident_id))
        await tell(RULE_OF["slot-booked"], SlotBooked(visit.id))
    told = {message.key: message.not_before for message in await messages_about(f"booking:{visit.id}")}
    morning = clock.at_local(clock.today() + timedelta(days=1), 8)
    assert told == {"fault-recorded": morning, "slot-booked": midnight}


async def test_a_muted_kind_is_in_the_inbox_only_and_what_has_to_arrive_is_not_muted(portal: Portal) -> None:
    resident = await make_resident()
    await profiles.set_preferences(resident, language=None, large_type=None, muted=[NoticeKind.BOOKING])
    visit = await book(resident)
    await tell(RULE_OF["slot-booked"], SlotBooked(visit.id))
    await tell(RULE_OF["booking-moved-by-hall"], BookingMoved(visit.id, visit.slot_id, visit.slot_id, by_hall=True))
    told = {message.key: message.state for message in await messages_about(f"booking:{visit.id}")}
    assert told == {"slot-booked": MessageState.INBOX_ONLY, "booking-moved-by-hall": MessageState.WAITING}


async def test_what_was_read_is_counted_no_more_and_nobody_marks_anothers(portal: Portal) -> None:
    resident, other = await make_resident(), await make_resident()
    for actor in (resident, resident, other):
        await book(actor)
        await _later(actor.own_id())
    await portal.run_jobs()
    phone, stranger = await caller_of(portal, resident), await caller_of(portal, other)
    assert (await phone.do("UnreadMessages"), await stranger.do("UnreadMessages")) == (2, 1)

    [first, _] = [edge["node"]["id"] for edge in (await phone.do("MyMessages"))["edges"]]
    assert await stranger.do("MarkMessagesRead", ids=[first]) == {"__typename": "MessagesRead", "unread": 1}
    assert await phone.do("UnreadMessages") == 2
    assert await phone.do("MarkMessagesRead", ids=[first]) == {"__typename": "MessagesRead", "unread": 1}
    assert await phone.do("MarkMessagesRead") == {"__typename": "MessagesRead", "unread": 0}
    assert (await phone.do("MyMessages", unread=True))["edges"] == []
    assert (await phone.do("MarkMessagesRead", ids=[first] * 101))["code"] == "INVALID_INPUT"


async def _later(resident_id: object) -> None:
    """Another visit of the same item may be booked once the day is another."""
    await db.rows("UPDATE booking SET state = 'SERVED', ended_at = now() WHERE resident_id = $1", resident_id)


async def test_a_bill_is_told_when_it_is_issued_and_again_a_day_before_it_ends(portal: Portal) -> None:
    payer = await make_payer(portal)
    await Bill.filter(id=payer.bill.id).update(issued_at=clock.now() - timedelta(days=14))
    await Bill.filter(id=payer.bill.id).update(due_at=clock.now() + timedelta(hours=20))
    assert await remind() >= 1
    await remind()
    await portal.run_jobs()
    assert await told_about(f"bill:{payer.bill.id}") == ["bill-issued", "bill-due-soon"]

    await Bill.filter(id=payer.bill.id).update(due_at=clock.now() + timedelta(hours=22))
    await remind()
    await portal.run_jobs()
    assert await told_about(f"bill:{payer.bill.id}") == ["bill-issued", "bill-due-soon", "bill-due-soon"]


def test_every_rule_has_words_and_every_kind_one_rule() -> None:
    assert [rule.template for rule in RULES] == list(RULE_OF)
    assert set(RULE_OF) == set(kinds())


def test_the_words_of_the_inbox_speak_only_of_values_of_their_kind() -> None:
    for kind in kinds().values():
        for language in LANGUAGES:
            title, body = kind.inbox[language]
            assert places_in(title + body) <= set(kind.examples(language)), kind.key
            assert set(kind.values["zh"]) == set(kind.values["en"])


async def test_facts_of_what_is_gone_are_told_to_nobody(portal: Portal) -> None:
    before = await Message.all().count()
    for rule in RULES:
        assert await tell(rule, _fact_of_nothing(rule.fact)) == 0, rule.template
    assert await Message.all().count() == before


def _fact_of_nothing(kind: type[Fact]) -> Fact:
    """A fact with ids that nothing has."""
    assert dataclasses.is_dataclass(kind)
    told = {"bool": True, "int": 1, "str": "PICKED_UP"}
    return kind(**{field.name: told.get(str(field.type), db.new_id()) for field in dataclasses.fields(kind)})
