"""What of a resident changes, and what their phone is told of it."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest

from app.booking import events as booking_events
from app.booking.commands import book
from app.booking.events import BookingCancelled
from app.cases import commands
from app.cases import events as case_events
from app.cases.events import CaseClosed
from app.cases.models import Case
from app.cases.queries import locked_case
from app.cases.rules import LIFE, CaseState
from app.delivery import events as parcel_events
from app.delivery.events import ParcelMoved
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import SYSTEM, Actor
from app.kernel.facts import Fact
from app.kernel.facts.publishing import reactions_of
from app.kernel.live import live
from app.kernel.transitions import Edge
from app.payments import events as bill_events
from app.payments.events import BillPaid, PaymentFact, RefundFact
from app.payments.models import Bill
from app.payments.states import BillState
from app.queueing import events as ticket_events
from app.queueing.events import TicketCalled
from app.queueing.models import Ticket
from app.queueing.rules import TicketState
from tests.booking.places import make_slot, visit
from tests.cases.filing import accept_case, approve_case
from tests.cases.filing import file_case as filed_case
from tests.delivery.stage import send
from tests.http.stage import apply, approve
from tests.identity.accounts import caller_of, make_staff
from tests.live.sockets import Socket, file_case, happen, seen
from tests.people import new_key
from tests.portal import Portal
from tests.representation.stage import CARD, PERMIT, make_pair, make_someone

TOLD = {
    case_events: ("CaseSubmitted", "CaseAccepted", "CaseApproved", "CaseMoved", "CaseClosed", "CaseWithdrawn"),
    booking_events: (
        "SlotBooked", "DepositDue", "BookingMoved", "BookingCancelled", "BookingHallCancelled", "PlaceOffered",
        "VisitKept", "VisitMissed",
    ),
    ticket_events: ("TicketTaken", "TicketNear", "TicketCalled", "TicketPassed", "TicketMoved"),
    bill_events: (
        "BillIssued", "BillOpened", "BillReleased", "BillPaid", "ExpiredBillPaid", "BillExpired", "BillReissued",
        "BillCancelled", "BillWaived", "BillReduced", "BillReceipted", "BillUnreceipted", "BillPartlyRefunded",
        "BillFullyRefunded", "PartOfBillBounced", "AllOfBillBounced", "ReceiptIssued", "ReceiptVoided",
    ),
    parcel_events: (
        "CourierOrdered", "CourierCancelAsked", "CourierAssigned", "ParcelRegistered", "ParcelMoved",
        "ParcelNewsTaken", "ParcelReceived",
    ),
}  # fmt: skip
NOT_TOLD = {
    "BillDueSoon": "nothing of the bill changed",
    "CourierOrderEnded": "the parcel moves with it",
    "ParcelPickedUp": "the parcel moves with it",
    "PlacesReserved": "of a slot, of nobody",
    "SessionClosed": "of a hall; each booking in it is told",
    "VisitDue": "nothing of the booking changed",
    "FaultRecorded": "with a cancelled or missed visit, which is told",
    "FaultExcused": "credit is shown by no kind",
    "AppealDecided": "credit is shown by no kind",
    "MoneyTaskOpened": "of the cashiers",
}
"""And what happens to an order or a refund: a bill shows neither, and what they do to it is told."""

RECORDED = {
    "pay": commands.record_payment,
    "send": commands.record_sent,
    "come_back": commands.record_returned,
    "deliver": commands.record_delivered,
}
"""What others tell of a case."""


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in TOLD.items() for name in names])
async def test_a_fact_is_told(portal: Portal, module: Any, name: str) -> None:
    assert [reaction for reaction in reactions_of(getattr(module, name)) if reaction.startswith("live.tell_of_")] == [
        f"live.tell_of_{module.__name__.split('.')[1].removesuffix('s')}<{name}".replace("payment<", "bill<")
        .replace("queueing<", "ticket<")
        .replace("delivery<", "parcel<")
    ]


def test_every_fact_of_what_a_phone_shows_is_told_or_has_a_reason() -> None:
    for module, told in TOLD.items():
        facts = {
            name
            for name, found in vars(module).items()
            if isinstance(found, type) and issubclass(found, Fact) and found.__module__ == module.__name__
        }
        facts -= {name for name in facts if issubclass(getattr(module, name), PaymentFact | RefundFact)}
        assert facts - set(told) - NOT_TOLD.keys() - {"BillFact"} == set()


async def test_a_phone_hears_what_the_clerks_do_with_a_case(portal: Portal) -> None:
    """From applying to the bill, without having asked once."""
    phone = await portal.phone()
    async with await (await Socket.of(phone)).listen() as socket:
        case_id = await apply(phone)
        await portal.run_jobs()
        submitted = await socket.change()
        await approve(portal, case_id)
        await portal.run_jobs()
        while socket.told[-1]["kind"] != "BILL":
            await socket.change()
    assert (submitted["kind"], submitted["case"]["id"], submitted["case"]["state"]) == ("CASE", case_id, "SUBMITTED")
    bill = await Bill.get(case_id=case_id)
    assert set(seen(socket.told[1:])) == {("CASE", case_id), ("BILL", str(bill.id))}
    assert socket.told[-1]["bill"]["totalFen"] == 4000
    assert [change["case"]["state"] for change in socket.told if change["case"]][-1] == "PAYMENT_PENDING"


@pytest.mark.parametrize("move", LIFE.edges, ids=[move.verb for move in LIFE.edges])
async def test_a_phone_hears_of_every_move_a_case_can_make(portal: Portal, move: Edge[CaseState]) -> None:
    someone = await make_someone(portal)
    case = await filed_case(someone.actor, PERMIT if move.verb == "approve" else CARD, posted=True)
    await Case.filter(id=case.id).update(state=min(move.sources))
    await portal.run_jobs()
    async with await (await Socket.of(someone.phone)).listen(kinds=["CASE"]) as socket:
        await make_move(someone.actor, case, move.verb)
        await portal.run_jobs()
        heard = await socket.change()
    assert (heard["case"]["id"], heard["case"]["state"]) == (str(case.id), move.target.value)


async def make_move(owner: Actor, case: Case, verb: str) -> None:
    """By the command that makes it in the portal; a verb that is new has none here."""
    match verb:
        case "accept":
            await accept_case(case)
        case "approve" | "approve_with_fee":
            await approve_case(case)
        case "deny":
            await commands.deny(await make_staff(Role.APPROVER), case.id, "材料不实")
        case "withdraw":
            await commands.withdraw(owner, case.id)
        case "hand_over":
            await commands.hand_over(await make_staff(Role.ISSUER), case.id)
        case _:
            async with db.transaction():
                await RECORDED[verb](SYSTEM, await locked_case(case.id))


async def test_each_kind_of_thing_is_told_as_it_is_now(portal: Portal) -> None:
    sent = await send()
    phone = await caller_of(portal, sent.owner)
    ticket = await Ticket.create(
        service_point_id="city-hall", day=clock.today(), category="Z", code=f"Z{sent.parcel.id.hex[-6:]}",
        resident_id=sent.owner.id, state=TicketState.PASSED, taken_at=clock.now(),
    )  # fmt: skip
    bill = await Bill.create(
        number=sent.parcel.id.hex[:20], case_id=sent.case.id, resident_id=sent.owner.id, collecting_unit="u",
        description="d", lines=[], total_fen=4000, state=BillState.PAID, issued_at=clock.now(), due_at=clock.now(),
    )  # fmt: skip
    booking = await book(sent.owner, (await make_slot(1)).id, visit(sent.case.item_key), idempotency_key=new_key())
    await portal.run_jobs()
    async with await (await Socket.of(phone)).listen() as socket:
        await happen(
            TicketCalled(ticket.id),
            BillPaid(bill.id, 4000),
            ParcelMoved(sent.parcel.id, "IN_TRANSIT"),
            BookingCancelled(booking.id),
            CaseClosed(sent.case.id),
        )
        await portal.run_jobs()
        for _ in range(5):
            await socket.change()
    by_kind = {change["kind"]: change for change in socket.told[1:]}
    assert {kind: change[kind.lower()]["id"] for kind, change in by_kind.items()} == {
        "TICKET": str(ticket.id),
        "BILL": str(bill.id),
        "PARCEL": str(sent.parcel.id),
        "BOOKING": str(booking.id),
        "CASE": str(sent.case.id),
    }
    assert by_kind["TICKET"]["ticket"]["state"] == "PASSED"
    assert by_kind["PARCEL"]["parcel"]["trackingNumber"] == sent.number
    assert all(sum(change[kind.lower()] is not None for kind in by_kind) == 1 for change in by_kind.values())


async def test_only_the_kinds_that_were_asked_for_are_told(portal: Portal) -> None:
    sent = await send()
    phone = await caller_of(portal, sent.owner)
    await portal.run_jobs()
    async with await (await Socket.of(phone)).listen(kinds=["PARCEL"]) as socket:
        assert sent.owner.id
        await live.tell(sent.owner.id, "CASE", sent.case.id)
        await live.tell(sent.owner.id, "PARCEL", sent.parcel.id)
        await socket.change()
    assert seen(socket.told[1:]) == [("PARCEL", str(sent.parcel.id))]


async def test_somebody_elses_things_are_not_told(portal: Portal) -> None:
    """Even when a hint names them by mistake: the row is read under the rights of who listens."""
    mine, theirs = await make_someone(portal), await make_someone(portal)
    my_case, their_case = await file_case(mine.actor.id), await file_case(theirs.actor.id)
    sent = await send()
    async with await (await Socket.of(mine.phone)).listen() as socket:
        assert mine.actor.id
        for kind, about in (("CASE", their_case.id), ("PARCEL", sent.parcel.id), ("BILL", their_case.id)):
            await live.tell(mine.actor.id, kind, about)
        await live.tell(mine.actor.id, "CASE", my_case.id)
        await socket.change()
    assert seen(socket.told[1:]) == [("CASE", str(my_case.id))]


async def test_who_acts_for_another_hears_of_the_items_of_the_mandate_only(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    other, card = await file_case(principal.actor.id, PERMIT), await file_case(principal.actor.id, CARD)
    async with agent.switched_to(principal) as phone:
        socket = await (await Socket.of(phone)).listen()
    await happen(CaseClosed(other.id), CaseClosed(card.id))
    await portal.run_jobs()
    await socket.change()
    socket.cut()
    assert seen(socket.told[1:]) == [("CASE", str(card.id))]


async def test_a_mandate_that_was_revoked_meanwhile_tells_nothing_more(portal: Portal) -> None:
    principal, agent = await make_pair(portal, CARD)
    case = await file_case(principal.actor.id, CARD)
    [given] = [edge["node"]["id"] for edge in (await principal.phone.do("MandatesGiven"))["edges"]]
    async with agent.switched_to(principal) as phone:
        socket = await (await Socket.of(phone, language="en")).listen()
    assert (await principal.phone.do("RevokeMandate", id=given))["__typename"] == "Mandate"
    await happen(CaseClosed(case.id))
    await portal.run_jobs()
    refused, over = await socket.hear(), await socket.hear()
    socket.cut()
    assert refused["payload"]["data"] is None
    assert refused["payload"]["errors"][0]["extensions"]["code"] == "MANDATE_ENDED"
    assert over == {"id": "1", "type": "complete"}


async def test_a_phone_that_is_cut_off_again_and_again_misses_nothing(portal: Portal) -> None:
    """Two hundred changes of forty cases; each time the phone comes back it says how far it came."""
    chance = random.Random(7)  # noqa: S311 - a fault to be repeated, not a secret
    someone = await make_someone(portal)
    assert someone.actor.id
    cases = [await file_case(someone.actor.id) for _ in range(40)]
    whose, told = someone.actor.id, []
    socket = await (await Socket.of(someone.phone)).listen()
    told += socket.told

    async def change_all(turn: int) -> None:
        for case in cases:
            await Case.filter(id=case.id).update(reason=f"{turn}")
            await live.tell(whose, "CASE", case.id)

    for turn in range(5):
        changing = asyncio.create_task(change_all(turn))
        told += await heard_within(socket, chance.random() / 4)
        socket.cut()
        socket = await (await Socket.of(someone.phone)).listen(after=told[-1]["eventId"])
        await changing
    await live.tell(whose, "CASE", (last := await file_case(whose)).id)
    while seen(told)[-1] != ("CASE", str(last.id)):
        told.append(await socket.change())
    socket.cut()

    positions = [tuple(map(int, change["eventId"].split("-"))) for change in told]
    assert positions == sorted(set(positions)), "something was told twice"
    assert [kind for kind, _ in seen(told)].count("EVERYTHING") == 1
    # Of each case the last change was told: its position is that of the stream's last entry for it.
    kept: Any = await live._client().xrange(f"live:{whose}")
    newest = {entry["about"]: position for position, entry in kept if entry["about"]}
    heard = {about: change["eventId"] for (_, about), change in zip(seen(told), told, strict=True) if about}
    assert heard == newest
    assert len(heard) == 41


async def heard_within(socket: Socket, seconds: float) -> list[dict[str, Any]]:
    """Not under one timeout around it all: `wait_for` of Python 3.11 forgets being cancelled when a message comes."""
    found = []
    over = asyncio.get_running_loop().time() + seconds
    while (left := over - asyncio.get_running_loop().time()) > 0:
        with suppress(TimeoutError):
            found.append(await socket.change(left))
    return found


async def test_a_position_of_another_account_leads_to_nothing_of_theirs(portal: Portal) -> None:
    mine, theirs = await make_someone(portal), await make_someone(portal)
    their_case = await file_case(theirs.actor.id)
    assert theirs.actor.id
    async with await (await Socket.of(theirs.phone)).listen() as socket:
        position = socket.told[0]["eventId"]
        await live.tell(theirs.actor.id, "CASE", their_case.id)
        await socket.change()
    async with await Socket.of(mine.phone) as socket:
        await socket.subscribe(after=position)
        first = await socket.change()
    assert (first["kind"], first["case"]) == ("EVERYTHING", None)
