"""Staff put the portal's words into a city's own templates: checked, looked at, published, retired."""

from __future__ import annotations

from typing import Any

import pytest
from tortoise.exceptions import BaseORMException

from app.identity.rules import Role
from app.kernel import db
from app.messages.models import MessageAttempt, MessageTemplate
from app.messages.templates import seed_templates
from app.messages.words import TemplateState
from tests.identity.accounts import caller_of, make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.messages.stage import FIELDS, make_reader, put_in_use, wechat_template
from tests.people import Caller
from tests.portal import Portal


async def editor(portal: Portal) -> Caller:
    return await caller_of(portal, await make_staff(Role.SYSTEM_ADMINISTRATOR))


def wanted(**other: Any) -> dict[str, Any]:
    """A template for the reminder of tomorrow, as its page in the console shows it."""
    return {
        "key": "visit-tomorrow",
        "channel": "wechat",
        "language": "zh",
        "providerTemplate": f"tmpl-{db.new_id().hex}",
        "page": "pages/booking/detail",
        "entries": [
            {"name": "thing1", "text": "{item}"},
            {"name": "time2", "text": "{time}"},
            {"name": "thing3", "text": "{place}"},
        ],
        **other,
    }


async def test_a_template_is_drafted_previewed_published_and_replaced(portal: Portal) -> None:
    caller = await editor(portal)
    shown = await caller.do("PreviewTemplate", template=wanted())
    assert [(one["name"], one["text"]) for one in shown["fields"]] == [
        ("thing1", "居民身份证换领"),
        ("time2", "2026年11月27日 09:00"),
        ("thing3", "云澜市政务服务中心"),
    ]
    first = await caller.do("DraftTemplate", template=wanted(key="fault-recorded", entries=[_item()]))
    assert first["state"] == "DRAFT"
    assert (await caller.do("PublishTemplate", id=first["id"]))["state"] == "PUBLISHED"
    second = await caller.do("DraftTemplate", template=wanted(key="fault-recorded", entries=[_item()]))
    assert second["version"] == first["version"] + 1
    await caller.do("PublishTemplate", id=second["id"])

    edges = (await caller.do("MessageTemplates", key="fault-recorded", channel="wechat"))["edges"]
    told = {edge["node"]["id"]: edge["node"]["state"] for edge in edges}
    assert (told[first["id"]], told[second["id"]]) == ("RETIRED", "PUBLISHED")
    assert (await caller.do("RetireTemplate", id=second["id"]))["state"] == "RETIRED"
    assert [act for act, _ in await audit_of(f"template:{second['id']}")] == [
        "template.drafted",
        "template.published",
        "template.retired",
    ]
    assert (await caller.do("PublishTemplate", id=second["id"]))["code"] == "ILLEGAL_MOVE"


def _item() -> dict[str, str]:
    return {"name": "thing1", "text": "{item}"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "no-such-kind"}, "key"),
        ({"language": "fr"}, "language"),
        ({"channel": "pigeon"}, "channel"),
        ({"page": "/pages/booking"}, "page"),
        ({"page": "pages/booking?id=1"}, "page"),
        ({"providerTemplate": ""}, "providerTemplate"),
        ({"entries": []}, "entries"),
        ({"entries": [_item(), _item()]}, "entries"),
        ({"entries": [{"name": "text1", "text": "{item}"}]}, "entries"),
        ({"entries": [{"name": "thing1", "text": "{nothing}"}]}, "entries"),
        ({"entries": [{"name": "thing1", "text": "{item.name}"}]}, "entries"),
        ({"channel": "inbox", "title": "好", "body": "{time"}, "body"),
        ({"entries": [{"name": "thing1", "text": "请务必携带身份证原件和户口簿原件及其复印件"}]}, "entries"),
        ({"entries": [{"name": "time1", "text": "{item}"}]}, "entries"),
        ({"entries": [{"name": "phrase1", "text": "{time}"}]}, "entries"),
        ({"entries": [{"name": "enum1", "text": "到场", "options": ["取消"]}]}, "entries"),
        ({"channel": "inbox", "title": "", "body": "好"}, "title"),
        ({"channel": "inbox", "title": "好", "body": "字" * 401}, "body"),
        ({"channel": "inbox", "title": "{amount}", "body": "好"}, "title"),
    ],
)
async def test_what_a_platform_would_refuse_is_not_kept(portal: Portal, change: dict[str, Any], field: str) -> None:
    caller = await editor(portal)
    await caller.do("MessageKinds")
    async with nothing_moves("session"):
        for document in ("PreviewTemplate", "DraftTemplate"):
            refused = await caller.do(document, template=wanted(**change))
            assert (refused["code"], refused["field"]) == ("TEMPLATE_INVALID", field)


async def test_of_two_drafts_published_at_once_one_is_in_use(portal: Portal) -> None:
    caller = await editor(portal)
    drafts = [
        await caller.do("DraftTemplate", template=wanted(key="appeal-decided", entries=[_result()])) for _ in range(4)
    ]
    await at_once(*(caller.do("PublishTemplate", id=one["id"]) for one in drafts))
    in_use = await MessageTemplate.filter(key="appeal-decided", channel="wechat", state=TemplateState.PUBLISHED)
    assert len(in_use) == 1
    await caller.do("RetireTemplate", id=str(in_use[0].id))


def _result() -> dict[str, str]:
    return {"name": "phrase1", "text": "{result}"}


async def test_the_database_keeps_a_published_version_as_it_is(portal: Portal) -> None:
    template = await MessageTemplate.filter(channel="inbox", state=TemplateState.PUBLISHED).first()
    assert template is not None
    with pytest.raises(BaseORMException, match="template_stays_as_published"):
        await MessageTemplate.filter(id=template.id).update(title="改了")
    assert (await MessageTemplate.get(id=template.id)).title == template.title


async def test_the_words_of_the_inbox_are_seeded_once_and_only_replaced(portal: Portal) -> None:
    assert await seed_templates() == 0
    caller = await editor(portal)
    [edge] = (await caller.do("MessageTemplates", key="ticket-near", channel="inbox", states=["PUBLISHED"], first=1))[
        "edges"
    ]
    assert (await caller.do("RetireTemplate", id=edge["node"]["id"]))["code"] == "TEMPLATE_INVALID"


async def test_the_kinds_are_told_with_an_example_of_each_value(portal: Portal) -> None:
    told = {kind["key"]: kind for kind in await (await editor(portal)).do("MessageKinds")}
    *values, link, link_ticket = told["ticket-called"]["values"]
    assert (link["name"], link_ticket["name"]) == ("link", "link_ticket")
    assert values == [
        {"name": "code", "example": "D017"},
        {"name": "window", "example": "3"},
        {"name": "place", "example": "云澜市政务服务中心"},
    ]


async def test_a_message_is_pinned_to_the_version_in_use_when_it_was_sent(portal: Portal) -> None:
    """Another one is published between making and sending it, and another after that."""
    await wechat_template(portal, "slot-booked")
    reader = await make_reader(portal)
    message = await reader.told()
    second = await portal.control.add_template(*FIELDS)
    in_use = await put_in_use("slot-booked", "wechat", second, FIELDS)
    await reader.agrees(second)
    await portal.run_jobs()
    await wechat_template(portal, "slot-booked")

    assert await reader.received() == [second]
    attempt = await MessageAttempt.get(message_id=message.id)
    pinned, newest = (
        await MessageTemplate.get(id=attempt.template_id),
        await MessageTemplate.get(key="slot-booked", channel="wechat", state=TemplateState.PUBLISHED),
    )
    assert (pinned.id, pinned.provider_template, pinned.state) == (in_use, second, TemplateState.RETIRED)
    assert newest.version == pinned.version + 1
