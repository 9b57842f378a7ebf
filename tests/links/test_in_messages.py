"""A message carries its link, whole or not at all, and whoever follows it arrives at the page it speaks of."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.identity.models import Resident
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.privacy import seal
from app.links.things import LinkKind, Thing
from app.links.tickets import LINK_VALUES, link_to, link_values
from app.messages.errors import TemplateInvalid
from app.messages.models import Message
from app.messages.ports import FieldStyle
from app.messages.sending import send
from app.messages.template_rules import Entry, check_entries, fields_of
from app.messages.wording import kinds
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.links.stage import browse, ticket_behind
from tests.messages.stage import Reader, attempts_at, book, make_reader, messages_about, put_in_use
from tests.portal import Portal, environment

KEY = "booking-hall-cancelled"
NOON = clock.at_local(clock.today() + timedelta(days=6), 12)
THING = Thing(LinkKind.BILL, UUID(int=7))
LONG_PUBLIC_URL = {"PORTAL_PUBLIC_URL": "https://government-services.yunlan.example"}


async def a_reader_by_text(portal: Portal, **fields: str) -> Reader:
    """Who can be told by text message only; the carrier keeps our address in its sentence."""
    sentence = f"【云澜政务】您的预约无法进行,详情{portal.url}/l/" + "".join(f"{{{name}}}" for name in fields)
    await put_in_use(KEY, "sms", await portal.control.add_sms_template(sentence), fields)
    reader = await make_reader(portal)
    await Resident.filter(id=reader.actor.id).update(phone_sealed=seal(reader.person.mobile))
    return reader


async def sent_to(reader: Reader) -> Message:
    message = await reader.told(KEY, useless_after=NOON + timedelta(days=2))
    await Message.filter(id=message.id).update(not_before=NOON)
    with clock.standing_at(NOON):
        await send(message.id)
    return message


async def test_from_the_text_message_to_the_page_it_speaks_of(portal: Portal) -> None:
    """Text message, our link, WeChat's link, mini-program, page."""
    reader = await a_reader_by_text(portal, link_ticket="{link_ticket}")
    message = await sent_to(reader)
    assert await attempts_at(message.id) == [("sms", "SENT", "")]
    [text] = await portal.control.text_messages(reader.person.mobile)
    [url] = re.findall(r"http\S+", text["text"])

    ticket = await ticket_behind(await browse(url))
    phone = await caller_of(portal, reader.actor)
    target = await phone.do("LinkTarget", ticket=ticket)
    assert (target["kind"], target["page"]) == ("BOOKING", message.page)
    stranger = await caller_of(portal, await make_resident())
    assert (await stranger.do("LinkTarget", ticket=ticket))["code"] == "NOT_FOUND"


async def test_every_message_about_a_thing_has_its_link_in_both_languages(portal: Portal) -> None:
    visit = await book()
    await portal.run_jobs()
    [message] = await messages_about(f"booking:{visit.id}")
    link = link_values(Thing(LinkKind.BOOKING, visit.id))
    assert link["link"] == link_to(Thing(LinkKind.BOOKING, visit.id))
    for language in ("zh", "en"):
        assert {name: message.words[language][name] for name in LINK_VALUES} == link
        assert set(message.words[language]) == set(kinds()["slot-booked"].examples(language))


def test_what_is_about_an_account_has_no_link_to_be_imitated() -> None:
    without = {kind.key for kind in kinds().values() if not LINK_VALUES & kind.examples("zh").keys()}
    assert without == {
        "appeal-decided",
        "mandate-granted",
        "mandate-received",
        "mandate-revoked",
        "mandate-lost",
        "accounts-joined",
        "number-lost",
        "channel-unbound",
    }


def draft(**other: Any) -> dict[str, Any]:
    return {"key": KEY, "channel": "sms", "language": "zh", "providerTemplate": "SMS_1", **other}


def field(name: str, text: str) -> dict[str, Any]:
    return {"entries": [{"name": name, "text": text}]}


async def test_a_draft_shows_the_link_as_long_as_it_will_be(portal: Portal) -> None:
    editor = await caller_of(portal, await make_staff(Role.SYSTEM_ADMINISTRATOR))
    [shown] = (await editor.do("PreviewTemplate", template=draft(**field("link_ticket", "{link_ticket}"))))["fields"]
    assert len(shown["text"]) == 32
    inbox = await editor.do("PreviewTemplate", template=draft(channel="inbox", title="好", body="见{link}"))
    assert inbox["body"].startswith(f"见{portal.url}/l/")
    assert len(inbox["body"]) == len(f"见{link_to(THING)}")
    told = {kind["key"]: [value["name"] for value in kind["values"]] for kind in await editor.do("MessageKinds")}
    assert told[KEY] == ["item", "place", "time", "link", "link_ticket"]


@pytest.mark.parametrize(
    "change",
    [
        field("link", "{link}"),
        field("link_ticket", "详情{portal}/{link_ticket}"),
        field("link_ticket", "办件详情{link_ticket}"),
        {"key": "ticket-called", **field("link_ticket", "{window}{link_ticket}")},
        {"channel": "wechat", **field("thing1", "{link_ticket}")},
        {"channel": "inbox", "title": "{link}", "body": "好"},
        {"key": "accounts-joined", **field("link_ticket", "{link_ticket}")},
    ],
)
async def test_a_link_that_would_be_cut_is_refused_at_the_draft(portal: Portal, change: dict[str, Any]) -> None:
    editor = await caller_of(portal, await make_staff(Role.SYSTEM_ADMINISTRATOR))
    for document in ("PreviewTemplate", "DraftTemplate"):
        assert (await editor.do(document, template=draft(**change)))["code"] == "TEMPLATE_INVALID"


def test_a_link_fits_or_not_by_the_address_of_this_portal() -> None:
    entry, style = [Entry("keyword1", "{link}")], FieldStyle.KEYWORDS
    with environment({"PORTAL_PUBLIC_URL": "https://zt.example"}):
        check_entries("template", entry, style, link_values(None))
        assert fields_of(entry, style, link_values(THING)) == {"keyword1": link_to(THING)}
    with environment(LONG_PUBLIC_URL):
        with pytest.raises(TemplateInvalid, match="keyword1"):
            check_entries("template", entry, style, link_values(None))
        with pytest.raises(TemplateInvalid, match="keyword1"):  # the address was changed after it was published
            fields_of(entry, style, link_values(THING))


async def test_a_message_made_before_links_were_is_not_sent_with_a_hole(portal: Portal) -> None:
    """It ends as one that does not fit, and not as a fault that is tried again and again."""
    reader = await a_reader_by_text(portal, link_ticket="{link_ticket}")
    message = await reader.told(KEY, useless_after=NOON + timedelta(days=2))
    words = {language: {"item": "x", "place": "x", "time": "x"} for language in ("zh", "en")}
    await Message.filter(id=message.id).update(not_before=NOON, words=words)
    with clock.standing_at(NOON):
        await send(message.id)
    assert await attempts_at(message.id) == [("sms", "FAILED", "does not fit")]
    assert await portal.control.text_messages(reader.person.mobile) == []
