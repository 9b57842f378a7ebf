"""Who opened a ticket is led to the page when the thing is theirs, or their principal's, and nowhere otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from app.booking import commands as booking
from app.delivery.commands import register_parcel
from app.identity.rules import Role
from app.kernel import db
from app.kernel.actor import Actor
from app.links.things import LinkKind, Thing
from app.links.tickets import code_of, link_to, ticket_of
from app.payments.issuing import issue_bill
from app.payments.models import Bill
from tests.booking.places import visit
from tests.cases.filing import CARD, PERMIT
from tests.delivery import stage as delivery
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import nothing_moves
from tests.messages.stage import book
from tests.payments.stage import make_case
from tests.people import new_key
from tests.portal import Portal
from tests.queueing.arrivals import check_in
from tests.queueing.hall import Hall
from tests.representation.stage import make_pair


async def a_case(owner: Actor) -> UUID:
    return (await make_case(owner)).id


async def a_booking(owner: Actor) -> UUID:
    return (await book(owner)).id


async def a_bill(owner: Actor) -> UUID:
    bill = await issue_bill((await make_case(owner)).id)
    assert bill is not None
    return bill.id


async def a_number(owner: Actor) -> UUID:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(10)
    with hall.at(0):
        booked = await booking.book(owner, slot.id, visit(CARD), idempotency_key=new_key())
    with hall.at(9, 50):
        return (await check_in(owner, booked.id)).id


async def a_parcel(owner: Actor, item: str = CARD) -> UUID:
    case, issuer = await delivery.make_case(owner, item_key=item), await make_staff(Role.ISSUER)
    return (await register_parcel(issuer, case.id, "ems", delivery.new_number())).id


MAKERS: dict[LinkKind, Callable[[Actor], Awaitable[UUID]]] = {
    LinkKind.CASE: a_case,
    LinkKind.BOOKING: a_booking,
    LinkKind.BILL: a_bill,
    LinkKind.TICKET: a_number,
    LinkKind.PARCEL: a_parcel,
}
every_kind = pytest.mark.parametrize("kind", LinkKind)


def bare(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "requestId"}


@every_kind
async def test_its_owner_is_led_to_the_page_and_nobody_else_learns_that_it_is_there(
    portal: Portal, kind: LinkKind
) -> None:
    owner = await make_resident()
    thing = Thing(kind, await MAKERS[kind](owner))
    nothing = Thing(kind, db.new_id())
    phone, stranger = await caller_of(portal, owner), await caller_of(portal, await make_resident())

    assert await phone.do("LinkTarget", ticket=ticket_of(thing)) == {
        "__typename": "LinkTarget",
        "kind": kind.value,
        "id": str(thing.id),
        "page": thing.page,
    }
    async with nothing_moves("session"):
        theirs = await stranger.do("LinkTarget", ticket=ticket_of(thing))
        none = await stranger.do("LinkTarget", ticket=ticket_of(nothing))
    assert bare(theirs) == bare(none)
    assert theirs["code"] == "NOT_FOUND"


@every_kind
async def test_an_agent_is_led_there_while_acting_for_the_principal_only(portal: Portal, kind: LinkKind) -> None:
    principal, agent = await make_pair(portal)
    ticket = ticket_of(Thing(kind, await MAKERS[kind](principal.actor)))
    assert (await agent.phone.do("LinkTarget", ticket=ticket))["code"] == "NOT_FOUND"
    async with agent.switched_to(principal) as phone:
        assert (await phone.do("LinkTarget", ticket=ticket))["kind"] == kind.value


@every_kind
async def test_a_mandate_for_another_item_leads_nowhere(portal: Portal, kind: LinkKind) -> None:
    principal, agent = await make_pair(portal, PERMIT)
    ticket = ticket_of(Thing(kind, await MAKERS[kind](principal.actor)))
    async with agent.switched_to(principal) as phone:
        assert (await phone.do("LinkTarget", ticket=ticket))["code"] == "NOT_FOUND"


async def test_a_forged_ticket_is_a_refusal_that_names_its_argument(portal: Portal) -> None:
    owner = await make_resident()
    thing = Thing(LinkKind.CASE, await a_case(owner))
    phone = await caller_of(portal, owner)
    for forged in (str(thing.id), ticket_of(thing)[:-1], ticket_of(thing).swapcase(), ""):
        refused = await phone.do("LinkTarget", ticket=forged)
        assert (refused["code"], refused["field"]) == ("LINK_INVALID", "ticket")
    [error] = (await portal.stranger().ask("LinkTarget", ticket=ticket_of(thing)))["data"].values()
    assert error["code"] == "SIGN_IN_REQUIRED"


async def test_things_tell_their_links(portal: Portal) -> None:
    owner = await make_resident()
    phone = await caller_of(portal, owner)
    bill, visited = await a_bill(owner), await a_booking(owner)
    case = (await Bill.get(id=bill)).case_id
    assert case is not None
    parcel = await a_parcel(owner, PERMIT)

    def links(kind: LinkKind, thing_id: UUID) -> dict[str, str]:
        thing = Thing(kind, thing_id)
        return {"url": link_to(thing), "codeUrl": code_of(thing)}

    assert (await phone.do("CaseDetail", id=str(case)))["link"] == links(LinkKind.CASE, case)
    [edge] = (await phone.do("MyBookings"))["edges"]
    assert edge["node"]["link"] == links(LinkKind.BOOKING, visited)
    assert (await phone.do("ParcelDetail", id=str(parcel)))["link"] == links(LinkKind.PARCEL, parcel)
    assert (await phone.do("BillDetail", id=str(bill)))["link"] == {"url": link_to(Thing(LinkKind.BILL, bill))}


async def test_a_parcel_is_shown_to_whose_papers_are_inside(portal: Portal) -> None:
    owner = await make_resident()
    parcel = str(await a_parcel(owner))
    phone, stranger = await caller_of(portal, owner), await caller_of(portal, await make_resident())
    shown = await phone.do("ParcelDetail", id=parcel)
    assert (shown["id"], shown["state"]) == (parcel, "CREATED")
    theirs, none = await stranger.do("ParcelDetail", id=parcel), await stranger.do("ParcelDetail", id=str(db.new_id()))
    assert bare(theirs) == bare(none)
    assert theirs["code"] == "NOT_FOUND"
