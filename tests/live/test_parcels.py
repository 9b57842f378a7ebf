"""What a phone hears of a parcel that stays where it is."""

from __future__ import annotations

from typing import Any

from app.delivery.couriers import see_to_order
from app.delivery.models import Parcel
from app.delivery.ports import ParcelState
from app.delivery.words import OrderState
from app.kernel import clock, db
from tests.delivery.couriers import news, ordered, wished
from tests.delivery.stage import Sent, scanned, send, tell
from tests.identity.accounts import caller_of
from tests.identity.traces import nothing_moves
from tests.live.sockets import Socket
from tests.portal import Portal


async def listening(portal: Portal, sent: Sent) -> Socket:
    """What was to be told before is not told any more."""
    await db.rows("DELETE FROM procrastinate_jobs WHERE args::text LIKE $1", f"%{sent.parcel.id}%")
    phone = await caller_of(portal, sent.owner)
    return await (await Socket.of(phone)).listen(kinds=["PARCEL"])


async def heard(portal: Portal, socket: Socket, *names: str) -> list[Any]:
    await portal.run_jobs()
    parcel = (await socket.change())["parcel"]
    return [parcel[name] for name in names]


async def test_an_order_that_is_placed_and_has_no_number_is_told(portal: Portal) -> None:
    sent = await wished("yunda")
    async with await listening(portal, sent) as socket:
        await see_to_order(sent.parcel.id)
        assert await heard(portal, socket, "orderState", "trackingNumber") == ["PLACED", None]


async def test_weight_and_fee_are_told(portal: Portal) -> None:
    sent = await ordered(portal)
    async with await listening(portal, sent) as socket:
        await news(portal, sent, "15", weight="0.9", freight="12")
        assert await heard(portal, socket, "state", "weightG", "feeFen") == ["CREATED", 900, 1200]


async def test_a_cancellation_that_came_too_late_is_told(portal: Portal) -> None:
    sent = await ordered(portal)
    await news(portal, sent, "10", tell=False)
    async with await listening(portal, sent) as socket:
        await Parcel.filter(id=sent.parcel.id).update(order_state=OrderState.CANCEL_ASKED)
        await see_to_order(sent.parcel.id)
        assert await heard(portal, socket, "orderState") == ["PLACED"]


async def test_a_scan_on_the_way_is_told_and_the_same_again_is_not(portal: Portal) -> None:
    sent = await send()
    await tell(sent, ParcelState.IN_TRANSIT)
    further = scanned(ParcelState.IN_TRANSIT, clock.now())
    async with await listening(portal, sent) as socket:
        await tell(sent, further, partial=True)
        assert await heard(portal, socket, "state") == ["IN_TRANSIT"]
    async with nothing_moves("parcel"):
        await tell(sent, further, partial=True)
