"""What a resident agreed to be sent: asked for at the right moment, counted once, taken back at once."""

from __future__ import annotations

from typing import Any

import pytest

from app.identity.models import ChannelBinding
from app.messages import consent
from app.messages.consent import WORTH_ASKING
from app.messages.models import MessageTemplate, Subscription
from app.messages.words import AskMoment, SubscriptionKind, TemplateState
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.messages.stage import wechat_template
from tests.people import Phone, new_key
from tests.portal import Portal

ITEM = {"thing1": "{item}"}


async def only_these(portal: Portal, *keys: str, long_term: tuple[str, ...] = ()) -> dict[str, str]:
    """Templates in use on WeChat for these kinds, and for no others; the platform's ids by kind."""
    await MessageTemplate.filter(channel="wechat", state=TemplateState.PUBLISHED).update(state=TemplateState.RETIRED)
    return {key: await wechat_template(portal, key, long_term=key in long_term, **_fields(key)) for key in keys}


def _fields(key: str) -> dict[str, str]:
    return {"thing1": "{place}"} if key.startswith("ticket") else ITEM


async def asked(phone: Phone, moment: str = "AFTER_BOOKING") -> list[str]:
    return [one["kind"] for one in await phone.do("SubscriptionsToAsk", moment=moment)]


async def report(phone: Phone, key: str | None = None, **answers: str) -> Any:
    told = [{"templateId": template, "answer": answer} for template, answer in answers.items()]
    return await phone.do("ReportSubscriptions", answers=told, idempotencyKey=key or new_key())


async def test_at_most_three_are_asked_for_those_least_provided_for_first(portal: Portal) -> None:
    keys = WORTH_ASKING[AskMoment.AFTER_BOOKING]
    ids = await only_these(portal, *keys)
    phone = await portal.phone(proven=False)
    assert await asked(phone) == list(keys[:3])

    reported = await report(phone, **{ids[keys[0]]: "ACCEPT", ids[keys[1]]: "ACCEPT", ids[keys[2]]: "REJECT"})
    assert reported == {"__typename": "SubscriptionsReported", "open": 2}
    assert await asked(phone) == [keys[2], keys[3], keys[0]]
    assert await asked(phone, "IN_QUEUE") == ["ticket-called"]


async def test_long_term_and_one_time_are_never_asked_for_together_nor_the_former_twice(portal: Portal) -> None:
    ids = await only_these(portal, "visit-tomorrow", "ticket-called", "visit-soon", long_term=("visit-tomorrow",))
    phone = await portal.phone(proven=False)
    assert await asked(phone) == ["visit-tomorrow"]
    await report(phone, **{ids["visit-tomorrow"]: "ACCEPT"})
    assert await asked(phone) == ["ticket-called", "visit-soon"]


async def test_a_report_repeated_by_a_lost_answer_counts_once(portal: Portal) -> None:
    ids = await only_these(portal, "ticket-called")
    phone, key = await portal.phone(proven=False), new_key()
    template = ids["ticket-called"]
    told = await at_once(*(report(phone, key, **{template: "ACCEPT"}) for _ in range(8)))
    assert told == [{"__typename": "SubscriptionsReported", "open": 1}] * 8
    [row] = await Subscription.filter(provider_template=template)
    assert row.balance == 1
    other = await report(phone, key, **{template: "REJECT"})
    assert other["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("answer", "one_time", "long_term"),
    [("ACCEPT", (2, True), (0, True)), ("REJECT", (1, True), (0, False)), ("BAN", (0, False), (0, False))],
)
async def test_what_each_answer_means_after_an_accept(
    portal: Portal, answer: str, one_time: tuple[int, bool], long_term: tuple[int, bool]
) -> None:
    """As balance, and whether anything may be sent by it."""
    ids = await only_these(portal, "visit-soon", "visit-tomorrow", long_term=("visit-tomorrow",))
    phone = await portal.phone(proven=False)
    for given in ("ACCEPT", answer, "FILTER"):
        await report(phone, **{ids["visit-soon"]: given})
        await report(phone, **{ids["visit-tomorrow"]: given})
    found = []
    for key in ("visit-soon", "visit-tomorrow"):
        [row] = await Subscription.filter(provider_template=ids[key])
        found.append((row.balance, row.refused_at is None))
    assert found == [one_time, long_term]


async def test_a_long_term_consent_is_not_used_up(portal: Portal) -> None:
    ids = await only_these(portal, "visit-tomorrow", long_term=("visit-tomorrow",))
    phone = await portal.phone(proven=False)
    await report(phone, **{ids["visit-tomorrow"]: "ACCEPT"})
    [row] = await Subscription.filter(provider_template=ids["visit-tomorrow"])
    assert row.kind is SubscriptionKind.LONG_TERM
    assert await at_once(*(consent.spend(row.id) for _ in range(20))) == [row.id] * 20
    await consent.give_back(row.id)
    assert (await Subscription.get(id=row.id)).balance == 0


async def test_one_accept_is_spent_by_one_of_twenty(portal: Portal) -> None:
    ids = await only_these(portal, "visit-soon")
    phone = await portal.phone(proven=False)
    await report(phone, **{ids["visit-soon"]: "ACCEPT"})
    [row] = await Subscription.filter(provider_template=ids["visit-soon"])
    spent = await at_once(*(consent.spend(row.id) for _ in range(20)))
    assert [one for one in spent if one is not None] == [row.id]
    assert (await Subscription.get(id=row.id)).balance == 0


async def test_templates_of_strangers_and_too_many_answers_change_nothing(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    assert (await report(phone, somebodyElses="ACCEPT"))["open"] == 0
    assert not await Subscription.exists(provider_template="somebodyElses")
    assert (await report(phone, **{"模" * 300: "ACCEPT"}))["open"] == 0
    async with nothing_moves("session"):
        many = await report(phone, **{f"template{n}": "ACCEPT" for n in range(21)})
    assert many["code"] == "TOO_MANY_SUBSCRIPTIONS"


async def test_consent_goes_with_its_binding(portal: Portal) -> None:
    """Another WeChat of the same person has agreed to nothing."""
    ids = await only_these(portal, "visit-soon")
    phone = await portal.phone(proven=False)
    await report(phone, **{ids["visit-soon"]: "ACCEPT"})
    binding = await ChannelBinding.get(open_id=phone.person.openid)
    await ChannelBinding.filter(id=binding.id).delete()
    assert not await Subscription.exists(provider_template=ids["visit-soon"])
