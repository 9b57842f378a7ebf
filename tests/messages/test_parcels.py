"""What is told of a parcel: while it is true, and at an hour when somebody wants to hear it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.delivery.events import CourierOrderEnded, ParcelMoved, ParcelReceived, ParcelRegistered
from app.delivery.models import Parcel
from app.delivery.ordering import cancel_courier
from app.delivery.ports import DeliveredTo, ParcelState, Payer
from app.kernel import clock
from app.kernel.facts import Fact
from app.messages.making import tell
from app.messages.models import Message
from app.messages.rulebook import RULES
from app.messages.sending import send_message
from app.messages.telling.parcels import WORTH_TELLING
from app.messages.words import MessageState
from tests.delivery.couriers import fetched
from tests.delivery.stage import Sent, send
from tests.messages.stage import messages_about, told_about
from tests.portal import Portal

THREE_AT_NIGHT = clock.at_local(clock.today() + timedelta(days=2), 3)
MORNING = clock.at_local(clock.today() + timedelta(days=2), 8)


async def standing(**changes: Any) -> Sent:
    """A parcel with a result, of which nothing was told yet."""
    sent = await send()
    await Parcel.filter(id=sent.parcel.id).update(state_at=clock.now(), **changes)
    return sent


async def told(sent: Sent, fact: Fact) -> list[Message]:
    for rule in RULES:
        if rule.fact is type(fact):
            await tell(rule, fact)
    return await messages_about(f"parcel:{sent.parcel.id}")


@pytest.mark.parametrize("state", ParcelState)
async def test_at_night_only_a_courier_at_the_door_rings(portal: Portal, state: ParcelState) -> None:
    with clock.standing_at(THREE_AT_NIGHT):
        sent = await standing(state=state)
        messages = await told(sent, ParcelMoved(sent.parcel.id, state.value))
    if state not in WORTH_TELLING | {ParcelState.LOST}:
        assert messages == []
        return
    [message] = messages
    at_once = state is ParcelState.OUT_FOR_DELIVERY
    assert (message.at_once, message.not_before) == (at_once, THREE_AT_NIGHT if at_once else MORNING)


@pytest.mark.parametrize("state", sorted(WORTH_TELLING | {ParcelState.LOST}))
async def test_where_a_parcel_no_longer_is_is_not_told(portal: Portal, state: ParcelState) -> None:
    sent = await standing(state=ParcelState.IN_TRANSIT)
    assert await told(sent, ParcelMoved(sent.parcel.id, state.value)) == []


async def test_in_the_morning_nobody_is_told_where_a_parcel_was_at_night(portal: Portal) -> None:
    messages = []
    for _ in range(2):
        with clock.standing_at(THREE_AT_NIGHT):
            sent = await standing(state=ParcelState.PICKED_UP)
            messages += await told(sent, ParcelMoved(sent.parcel.id, "PICKED_UP"))
    await Parcel.filter(id=sent.parcel.id).update(state=ParcelState.IN_TRANSIT)
    with clock.standing_at(MORNING):
        for message in messages:
            await send_message.work(message_id=str(message.id))
    assert [(await Message.get(id=message.id)).state for message in messages] == [
        MessageState.INBOX_ONLY,
        MessageState.OVER,
    ]


async def test_what_happened_more_than_a_day_ago_is_neither_told_nor_sent(portal: Portal) -> None:
    sent = await standing(state=ParcelState.PICKED_UP)
    since = clock.now() - timedelta(hours=24)
    for late, expected in (
        (timedelta(seconds=-1), []),
        (timedelta(minutes=1), [since + timedelta(minutes=1, hours=24)]),
    ):
        await Parcel.filter(id=sent.parcel.id).update(state_at=since + late)
        messages = await told(sent, ParcelMoved(sent.parcel.id, "PICKED_UP"))
        assert [message.useless_after for message in messages] == expected


async def test_a_state_is_told_once_however_often_a_parcel_comes_back_to_it(portal: Portal) -> None:
    sent = await standing(state=ParcelState.OUT_FOR_DELIVERY)
    for _ in range(3):
        await told(sent, ParcelMoved(sent.parcel.id, "OUT_FOR_DELIVERY"))
    assert await told_about(f"parcel:{sent.parcel.id}") == ["parcel-moved"]


@pytest.mark.parametrize(("to", "words"), [(DeliveredTo.LOCKER, "快递柜"), (DeliveredTo.ADDRESSEE, "已签收")])
async def test_what_lies_in_a_locker_is_not_signed_for(portal: Portal, to: DeliveredTo, words: str) -> None:
    sent = await standing(state=ParcelState.DELIVERED, delivered_to=to)
    [message] = await told(sent, ParcelMoved(sent.parcel.id, "DELIVERED"))
    assert words in message.body


@pytest.mark.parametrize(("payer", "words"), [(Payer.CITY, "无需付费"), (Payer.RECIPIENT_ON_DELIVERY, "到付")])
async def test_who_pays_at_the_door_is_told_before(portal: Portal, payer: Payer, words: str) -> None:
    sent = await standing(payer=payer)
    [message] = await told(sent, ParcelRegistered(sent.parcel.id))
    assert words in message.body
    assert "已寄出" not in message.title + message.body


async def test_of_an_order_that_came_to_nothing_before_it_had_a_number_nothing_is_told(portal: Portal) -> None:
    sent = await standing(state=ParcelState.CANCELLED)
    assert await told(sent, ParcelRegistered(sent.parcel.id)) == []
    await Parcel.filter(id=sent.parcel.id).update(
        tracking_number=None, order_no=sent.parcel.id.hex, order_state="FAILED"
    )
    assert await told(sent, CourierOrderEnded(sent.parcel.id, "FAILED")) == []


async def test_a_result_that_came_back_is_no_delivery_of_materials(portal: Portal) -> None:
    sent = await standing(state=ParcelState.IN_TRANSIT)
    assert await told(sent, ParcelReceived(sent.parcel.id)) == []


async def test_who_called_a_courier_hears_that_none_comes(portal: Portal) -> None:
    sent = await fetched(portal)
    await cancel_courier(sent.owner, sent.parcel.id)
    await portal.run_jobs()
    [message] = await messages_about(f"parcel:{sent.parcel.id}")
    assert (message.key, message.must_send, message.resident_id) == ("courier-cancelled", True, sent.owner.id)
