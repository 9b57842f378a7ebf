"""Messages of a resident of one's own, the words they go out in, and the phone they arrive on."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.booking import commands
from app.booking.events import SlotBooked
from app.booking.models import Booking
from app.booking.rules import BookingState
from app.identity.models import ChannelBinding
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor
from app.messages import templates
from app.messages.making import tell
from app.messages.models import Message, MessageAttempt, Subscription
from app.messages.rulebook import RULE_OF
from app.messages.telling import visits
from app.messages.telling.told import Told
from app.messages.template_rules import Entry
from app.messages.weakness import forget_shares
from app.messages.words import SubscriptionKind
from integrations.sandbox.control import Phone
from tests.booking.places import make_slot, visit
from tests.cases.filing import CARD
from tests.identity.accounts import make_resident, make_staff
from tests.people import new_key
from tests.portal import Portal

FIELDS = {"thing1": "{item}", "time2": "{time}", "thing3": "{place}"}


async def book(actor: Actor | None = None, *, hours_ahead: float = 30) -> Booking:
    """A visit to the hall, by somebody new when nobody is named."""
    slot = await make_slot(9, hours_ahead=hours_ahead)
    return await commands.book(actor or await make_resident(), slot.id, visit(CARD), idempotency_key=new_key())


async def messages_about(subject: str) -> list[Message]:
    """Oldest first."""
    return await Message.filter(subject=subject).order_by("made_at", "id")


async def told_about(subject: str) -> list[str]:
    """The kinds of messages about something, oldest first."""
    return [message.key for message in await messages_about(subject)]


async def attempts_at(message_id: UUID) -> list[tuple[str, str, str]]:
    """Channel, state and code of each attempt, in the order of the channels' first turn."""
    rows = await MessageAttempt.filter(message_id=message_id).order_by("id")
    return [(row.channel, row.state.value, row.code) for row in rows]


async def put_in_use(
    key: str, channel: str, template: str, fields: dict[str, str], *, long_term: bool = False, page: str = ""
) -> UUID:
    """Publish a version for a channel; gives its id. The one before, of whatever test, is retired by it."""
    editor = await make_staff(Role.SYSTEM_ADMINISTRATOR)
    kind = SubscriptionKind.LONG_TERM if long_term else SubscriptionKind.ONE_TIME
    entries = [Entry(name, text) for name, text in fields.items()]
    draft = templates.Draft(key, channel, "zh", template, kind, page, entries)
    drafted = await templates.draft(editor, draft)
    return (await templates.publish(editor, drafted.id)).id


async def wechat_template(portal: Portal, key: str, *, long_term: bool = False, **fields: str) -> str:
    """A template in the mini-program's list, in use here for a kind of message; gives the platform's id."""
    template = await portal.control.add_template(*(fields or FIELDS), long_term=long_term)
    await put_in_use(key, "wechat", template, fields or FIELDS, long_term=long_term, page="pages/booking/detail")
    forget_shares()
    return template


@dataclass(frozen=True)
class Reader:
    """A resident with WeChat on a phone, who is told things."""

    actor: Actor
    person: Phone
    binding: ChannelBinding
    portal: Portal

    async def agrees(self, template: str, times: int = 1) -> None:
        """On the phone, and as the phone reports it to us."""
        for _ in range(times):
            await self.portal.control.tap_allow(self.person.openid, template)
        await self.counted(template, times)

    async def counted(self, template: str, times: int = 1) -> None:
        """What we believe the phone said; the platform may know better."""
        await Subscription.update_or_create(
            {"kind": SubscriptionKind.ONE_TIME, "balance": times, "refused_at": None, "changed_at": clock.now()},
            binding_id=self.binding.id,
            provider_template=template,
        )

    async def balance(self, template: str) -> int:
        return (await Subscription.get(binding_id=self.binding.id, provider_template=template)).balance

    async def told(self, key: str = "slot-booked", *, useless_after: datetime | None = None) -> Message:
        """A message about a booking, made and not yet sent."""
        slot = await make_slot(9, hours_ahead=72)
        booking = await Booking.create(  # by its row, so that nothing but this message is told of it
            resident_id=self.actor.id, slot_id=slot.id, slots=[slot.id], item_key=CARD, day=slot.day,
            until=slot.ends_at, state=BookingState.SERVED, booked_at=clock.now(), ended_at=clock.now(),
        )  # fmt: skip
        [about] = await visits.booked(SlotBooked(booking.id))

        async def told_anew(_: object) -> list[Told]:
            return [replace(about, once=new_key())]

        rule = replace(RULE_OF[key], tell=told_anew)
        assert await tell(rule, SlotBooked(booking.id)) == 1
        [message] = await Message.filter(resident_id=self.actor.id).order_by("-made_at").limit(1)
        if useless_after is not None:
            await Message.filter(id=message.id).update(useless_after=useless_after)
        return message

    async def received(self) -> list[str]:
        """The templates of what the phone was sent, oldest first."""
        return [message.template for message in await self.portal.control.messages_on(self.person.openid)]


async def make_reader(portal: Portal) -> Reader:
    actor = await make_resident()
    person = await portal.control.make_phone()
    binding = await ChannelBinding.create(
        resident_id=actor.own_id(),
        channel="wechat",
        app_id=os.environ["WECHAT_APP_ID"],
        open_id=person.openid,
        bound_at=clock.now(),
    )
    return Reader(actor, person, binding, portal)
