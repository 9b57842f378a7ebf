"""Two accounts of one person become one: what each domain does where both have something of the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.booking.commands import book, cancel
from app.booking.models import Booking, BookingItem
from app.booking.personal_data import Holdings as Bookings
from app.booking.rules import BookingState
from app.cases.models import Case, CaseEvent
from app.cases.personal_data import Holdings as Cases
from app.cases.rules import CaseState
from app.delivery.personal_data import Holdings as Parcels
from app.identity.models import ChannelBinding, Consent, Resident
from app.identity.personal_data import Holdings as Identity
from app.identity.ports import PersonalData
from app.kernel import clock, db
from app.kernel.actor import Actor
from app.kernel.inbox.requests import AnsweredRequest
from app.kernel.privacy import seal, unseal
from app.payments.issuing import issue_bill
from app.payments.models import Bill
from app.payments.personal_data import Holdings as Bills
from app.profiles.models import PostalAddress, Preferences
from app.profiles.personal_data import Holdings as Profiles
from app.queueing.commands import call_next, finish_serving, start_serving
from app.queueing.models import Ticket
from app.queueing.personal_data import Holdings as Tickets
from app.queueing.rules import TicketState
from app.representation.models import Mandate, RepresentationClaim
from app.representation.personal_data import Holdings as Mandates
from app.representation.rules import Basis, ClaimState, MandateState
from tests.booking.places import make_slot, places_taken, row_of, visit
from tests.cases.filing import CARD, accept_case, approved_case, file_case
from tests.identity.accounts import make_resident
from tests.identity.traces import audit_of
from tests.people import new_key
from tests.personal_data.everything import NUMBER, make_account, make_mandate, unique
from tests.portal import Portal
from tests.queueing.arrivals import check_in
from tests.queueing.hall import Hall


async def join(absorbed: Actor, survivor: Actor, *domains: PersonalData) -> dict[str, int]:
    """What joining does: both residents locked, then the domains in the order of locks, in one transaction."""
    counts: dict[str, int] = {}
    async with db.transaction():
        for resident in sorted([absorbed.own_id(), survivor.own_id()]):
            await Resident.select_for_update().get(id=resident)
        for held in domains:
            moved: Mapping[str, int] = await held.move(absorbed.own_id(), survivor.own_id())
            counts |= moved
    return counts


async def two() -> tuple[Actor, Actor]:
    return await make_resident(), await make_resident()


# Identity


async def test_of_two_consents_for_one_purpose_the_older_stays_in_force(portal: Portal) -> None:
    absorbed, survivor = await two()
    now = clock.now()
    older = await Consent.create(
        resident_id=absorbed.id, purpose="PHONE", version="1", given_at=now - timedelta(days=9)
    )
    newer = await Consent.create(resident_id=survivor.id, purpose="PHONE", version="1", given_at=now)
    alone = await Consent.create(resident_id=absorbed.id, purpose="FACE_CHECK", version="1", given_at=now)

    counts = await join(absorbed, survivor, Identity())

    assert counts["consents"] == 2
    kept = {row.id: row for row in await Consent.filter(resident_id=survivor.id)}
    assert kept.keys() == {older.id, newer.id, alone.id}
    assert kept[older.id].withdrawn_at is kept[alone.id].withdrawn_at is None
    assert kept[newer.id].withdrawn_at is not None


async def test_of_two_answers_under_one_key_the_survivors_is_kept(portal: Portal) -> None:
    absorbed, survivor = await two()
    key, other = new_key(), new_key()
    now, digest = clock.now(), "0" * 64
    await AnsweredRequest.create(owner=absorbed.id, key=key, body_hash=digest, created_at=now)
    kept = await AnsweredRequest.create(owner=survivor.id, key=key, body_hash=digest, created_at=now)
    moved = await AnsweredRequest.create(owner=absorbed.id, key=other, body_hash=digest, created_at=now)

    counts = await join(absorbed, survivor, Identity())

    assert counts["requests"] == 1
    assert {row.id for row in await AnsweredRequest.filter(owner=survivor.id)} == {kept.id, moved.id}
    assert not await AnsweredRequest.exists(owner=absorbed.id)


async def test_phone_and_language_go_over_only_where_the_survivor_has_none(portal: Portal) -> None:
    rich, poor = await make_account(), await make_resident()
    before = await Resident.get(id=rich.id)

    await join(rich.actor, poor, Identity())
    await join(poor, (other := await make_account()).actor, Identity())

    given = await Resident.get(id=poor.id)
    assert (given.phone_sealed, given.phone_index, given.language) == (before.phone_sealed, before.phone_index, "en")
    assert (await Resident.get(id=other.id)).phone_sealed != given.phone_sealed


async def test_bindings_and_earlier_joined_accounts_follow(portal: Portal) -> None:
    absorbed, survivor = await two()
    await ChannelBinding.create(
        resident_id=absorbed.id, channel="wechat", app_id="a", open_id=unique(), bound_at=clock.now()
    )
    tombstone = await make_resident()
    await Resident.filter(id=tombstone.id).update(merged_into_id=absorbed.id)

    assert (await join(absorbed, survivor, Identity()))["bindings"] == 1

    assert await ChannelBinding.filter(resident_id=survivor.id).count() == 1
    assert (await Resident.get(id=tombstone.id)).merged_into_id == survivor.id


# Profiles


async def make_address(owner: Actor, label: str, *, preferred: bool) -> None:
    now = clock.now()
    await PostalAddress.create(
        resident_id=owner.id, label=label, receiver_sealed="s", phone_sealed="s", division_code="990102",
        detail_sealed="s", preferred=preferred, created_at=now, changed_at=now,
    )  # fmt: skip


async def test_addresses_add_up_and_the_survivors_preferred_one_stays_preferred(portal: Portal) -> None:
    absorbed, survivor = await two()
    await make_address(absorbed, "旧", preferred=True)
    await make_address(survivor, "新", preferred=True)
    for owner, large in ((absorbed, True), (survivor, False)):
        await Preferences.create(resident_id=owner.id, large_type=large, muted=[], changed_at=clock.now())

    assert await join(absorbed, survivor, Profiles()) == {"addresses": 1, "preferences": 0}

    kept = await PostalAddress.filter(resident_id=survivor.id).order_by("label")
    assert [(row.label, row.preferred) for row in kept] == [("新", True), ("旧", False)]
    assert [row.large_type for row in await Preferences.filter(resident_id__in=[absorbed.id, survivor.id])] == [False]


async def test_preferences_and_the_preferred_address_go_over_where_the_survivor_has_none(portal: Portal) -> None:
    absorbed, survivor = await two()
    await make_address(absorbed, "旧", preferred=True)
    await Preferences.create(resident_id=absorbed.id, large_type=True, muted=["BOOKING"], changed_at=clock.now())

    assert await join(absorbed, survivor, Profiles()) == {"addresses": 1, "preferences": 1}

    assert (await PostalAddress.get(resident_id=survivor.id)).preferred
    assert (await Preferences.get(resident_id=survivor.id)).muted == ["BOOKING"]


# Representation


@pytest.mark.parametrize(
    ("mine", "theirs", "stays"),
    [
        ({"items": ["id-card-replace"]}, {"items": None}, "theirs"),
        ({"items": None}, {"items": ["id-card-replace"]}, "mine"),
        ({"items": ["a", "b"]}, {"items": ["a"]}, "mine"),
        ({"granted_at": timedelta(days=-2)}, {"granted_at": timedelta(days=-1)}, "mine"),
        ({"valid_from": timedelta(days=-9), "valid_to": timedelta(days=-1)}, {"items": ["a"]}, "theirs"),
    ],
)
async def test_of_two_mandates_for_one_agent_and_basis_the_wider_or_earlier_stays(
    portal: Portal, mine: dict[str, Any], theirs: dict[str, Any], stays: str
) -> None:
    absorbed, survivor = await two()
    agent, now = unique(), clock.now()
    terms: list[dict[str, Any]] = [
        {name: now + value if isinstance(value, timedelta) else value for name, value in given.items()}
        for given in (mine, theirs)
    ]
    first = await make_mandate(absorbed.own_id(), agent, **terms[0])
    second = await make_mandate(survivor.own_id(), agent, **terms[1])
    unlike = await make_mandate(absorbed.own_id(), agent, Basis.AUTHORISED_AGENT)

    await join(absorbed, survivor, Mandates())

    kept, ended = (first, second) if stays == "mine" else (second, first)
    states = {row.id: row.state for row in await Mandate.filter(principal_id=survivor.id)}
    in_force, replaced = MandateState.IN_FORCE, MandateState.REPLACED
    assert states == {kept.id: in_force, ended.id: replaced, unlike.id: in_force}
    assert (await Mandate.get(id=ended.id)).ended_by == "system:portal"
    assert await audit_of(f"mandate:{ended.id}") == [("mandate.replaced", "done")]


async def test_a_mandate_between_the_two_accounts_ends(portal: Portal) -> None:
    absorbed, survivor = await make_account(), await make_account()
    given = await make_mandate(absorbed.id, survivor.index)
    back = await make_mandate(survivor.id, absorbed.index)

    await join(absorbed.actor, survivor.actor, Mandates())

    assert {(await Mandate.get(id=one.id)).state for one in (given, back)} == {MandateState.REVOKED}


async def test_of_two_claims_of_one_child_the_earlier_waits_and_the_other_is_forgotten(portal: Portal) -> None:
    absorbed, survivor = await two()
    child, now = unique(), clock.now()
    claims = [
        await RepresentationClaim.create(
            claimant_id=owner.id, basis=Basis.GUARDIAN, subject_index=child, name_sealed=seal("测试孩子丁"),
            number_sealed=seal(NUMBER),
            state=ClaimState.PENDING, made_at=now + timedelta(minutes=late),
        )
        for owner, late in ((absorbed, 0), (survivor, 5))
    ]  # fmt: skip

    assert (await join(absorbed, survivor, Mandates()))["claims"] == 1

    first, second = [await RepresentationClaim.get(id=claim.id) for claim in claims]
    assert (first.claimant_id, first.state) == (survivor.id, ClaimState.PENDING)
    assert second.state is ClaimState.WITHDRAWN
    assert not any([second.name_sealed, second.number_sealed])


# Queueing and booking


async def book_at(actor: Actor, slot_id: UUID, case_id: UUID | None = None) -> Booking:
    return await book(actor, slot_id, visit(CARD, case_id), idempotency_key=new_key())


async def test_of_two_bookings_for_one_item_and_day_the_earlier_stays(portal: Portal) -> None:
    absorbed, survivor = await two()
    early, late = await make_slot(3, hours_ahead=30), await make_slot(3, hours_ahead=30)
    kept = await book_at(absorbed, early.id)
    given_back = await book_at(survivor, late.id)

    counts = await join(absorbed, survivor, Tickets(), Bookings())

    assert (counts["bookings"], counts["bookings_given_back"]) == (1, 1)
    states = {row.id: row.state for row in await Booking.filter(resident_id=survivor.id)}
    assert states == {kept.id: BookingState.BOOKED, given_back.id: BookingState.CANCELLED}
    assert (await places_taken(early), await places_taken(late)) == ((1, 1), (0, 0))
    assert (await audit_of(f"booking:{given_back.id}"))[-1] == ("booking.released", "done")


async def test_more_live_bookings_than_one_resident_may_make_can_result(portal: Portal) -> None:
    absorbed, survivor = await two()
    for actor, days in ((absorbed, 1), (survivor, 2)):
        await book_at(actor, (await make_slot(1, hours_ahead=30 + 24 * days)).id)
    other = await make_slot(1, hours_ahead=30 + 24 * 3, business="D")
    await book(absorbed, other.id, visit("residence-permit"), idempotency_key=new_key())

    counts = await join(absorbed, survivor, Tickets(), Bookings())

    assert (counts["bookings"], counts["bookings_given_back"]) == (2, 0)
    assert await Booking.filter(resident_id=survivor.id, state=BookingState.BOOKED).count() == 3


async def test_who_is_in_the_hall_already_keeps_that_visit_though_the_other_was_booked_first(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot, later = await hall.slot(9), await hall.slot(15)
    survivor, absorbed = await hall.visitor(later), await hall.visitor(slot)
    with hall.at(8, 50):
        ticket = await check_in(absorbed.actor, absorbed.booking.id)
        counts = await join(absorbed.actor, survivor.actor, Tickets(), Bookings())

    assert (counts["tickets"], counts["tickets_ended"], counts["bookings_given_back"]) == (1, 0, 1)
    assert (await Booking.get(id=absorbed.booking.id)).state is BookingState.CHECKED_IN
    assert (await Booking.get(id=survivor.booking.id)).state is BookingState.CANCELLED
    assert (await Ticket.get(id=ticket.id)).resident_id == survivor.actor.id
    assert await places_taken(later) == (0, 0)


async def test_of_two_numbers_the_one_at_the_window_stays_and_the_waiting_one_ends(portal: Portal) -> None:
    hall = Hall.on_a_day_of_its_own()
    slot = await hall.slot(9)
    waiting, served = await hall.visitor(slot), await hall.visitor(slot)
    clerk = await hall.clerk_at(1)
    with hall.at(8, 55):
        at_window = await check_in(served.actor, served.booking.id)
        assert (await call_next(clerk)).id == at_window.id
        await start_serving(clerk, at_window.id)
        left = await check_in(waiting.actor, waiting.booking.id)
        counts = await join(waiting.actor, served.actor, Tickets(), Bookings())

    assert (counts["tickets_ended"], counts["bookings_given_back"]) == (1, 0)
    assert (await Ticket.get(id=at_window.id)).state is TicketState.SERVING
    assert (await Ticket.get(id=left.id)).state is TicketState.ABANDONED
    states = {row.id: row.state for row in await Booking.filter(resident_id=served.actor.id)}
    assert states == {
        served.booking.id: BookingState.CHECKED_IN,
        waiting.booking.id: BookingState.HALL_CANCELLED,  # nobody's fault
    }
    await finish_serving(clerk, at_window.id)
    await hall.close()


# Cases


async def open_cases(first: str, second: str) -> tuple[Actor, Actor, Case, Case]:
    """A case for one item in each account, as far along as the words say; the absorbed one's was filed first."""
    absorbed, survivor = await two()
    cases = []
    for actor, far in ((absorbed, first), (survivor, second)):
        if far == "decided":
            cases.append(await approved_case(actor))
            continue
        case = await file_case(actor)
        cases.append(await accept_case(case) if far == "accepted" else case)
    return absorbed, survivor, cases[0], cases[1]


@pytest.mark.parametrize(
    ("mine", "theirs", "stays"),
    [
        ("submitted", "submitted", "mine"),
        ("submitted", "accepted", "theirs"),
        ("accepted", "submitted", "mine"),
        ("accepted", "accepted", "mine"),
        ("decided", "accepted", "mine"),
        ("submitted", "decided", "theirs"),
    ],
)
async def test_of_two_open_cases_for_one_item_one_is_withdrawn(
    portal: Portal, mine: str, theirs: str, stays: str
) -> None:
    absorbed, survivor, first, second = await open_cases(mine, theirs)

    counts = await join(absorbed, survivor, Cases())

    kept, left = (first, second) if stays == "mine" else (second, first)
    assert counts == {"cases": 1, "cases_withdrawn": 1}
    states = {row.id: row.state for row in await Case.filter(resident_id=survivor.id)}
    assert states == {kept.id: kept.state, left.id: CaseState.WITHDRAWN}
    assert (await audit_of(f"case:{left.id}"))[-1] == ("case.withdraw", "WITHDRAWN")
    last = await CaseEvent.filter(case_id=left.id).order_by("-at").first()
    assert last is not None
    assert (last.verb, last.actor, last.remark) == ("withdraw", "system:portal", "两个账号合并,同一事项保留另一件")
    came = {row.id: row.came_from_id for row in await Case.filter(resident_id=survivor.id)}
    assert came == {first.id: absorbed.id, second.id: None}


async def test_two_decided_cases_for_one_item_both_stay(portal: Portal) -> None:
    absorbed, survivor, first, second = await open_cases("decided", "decided")

    assert await join(absorbed, survivor, Cases()) == {"cases": 1, "cases_withdrawn": 0}

    states = {row.id: (row.state, row.came_from_id) for row in await Case.filter(resident_id=survivor.id)}
    pending = CaseState.PAYMENT_PENDING
    assert states == {first.id: (pending, absorbed.id), second.id: (pending, None)}


async def test_cases_for_different_items_simply_move(portal: Portal) -> None:
    absorbed, survivor = await two()
    await file_case(absorbed, "residence-permit")
    await file_case(survivor)
    assert await join(absorbed, survivor, Cases()) == {"cases": 1, "cases_withdrawn": 0}
    assert await Case.filter(resident_id=survivor.id, state=CaseState.SUBMITTED).count() == 2


async def test_the_kept_booking_is_for_the_case_that_stays(portal: Portal) -> None:
    """The earlier booking was for the case that gives way: withdrawing that must not cost the person their visit."""
    absorbed, survivor, first, second = await open_cases("submitted", "accepted")
    kept = await book_at(absorbed, (slot := await make_slot(3)).id, first.id)
    given_back = await book_at(survivor, slot.id, second.id)

    await join(absorbed, survivor, Tickets(), Bookings(), Cases())
    await portal.run_jobs()

    booking, case = await Booking.get(id=kept.id), await Case.get(id=second.id)
    [item] = await BookingItem.filter(booking_id=kept.id)
    assert (booking.state, item.case_id) == (BookingState.BOOKED, second.id)
    assert (await Booking.get(id=given_back.id)).state is BookingState.CANCELLED
    assert (case.state, case.visit_at) == (CaseState.ACCEPTED, slot.starts_at)
    assert (await Case.get(id=first.id)).state is CaseState.WITHDRAWN
    assert await places_taken(slot) == (1, 1)


async def test_two_visits_for_what_becomes_one_case_become_one(portal: Portal) -> None:
    """On different days, which two visits for one item may be; the one booked first stays."""
    absorbed, survivor, first, second = await open_cases("submitted", "accepted")
    early, late = await make_slot(1, hours_ahead=30), await make_slot(1, hours_ahead=54)
    given_back = await book_at(survivor, late.id, second.id)
    await Booking.filter(id=given_back.id).update(booked_at=clock.now() + timedelta(seconds=1))
    kept = await book_at(absorbed, early.id, first.id)

    counts = await join(absorbed, survivor, Tickets(), Bookings(), Cases())
    await portal.run_jobs()

    assert counts["bookings_given_back"] == 1
    assert (await Booking.get(id=kept.id)).state is BookingState.BOOKED
    assert (await Booking.get(id=given_back.id)).state is BookingState.CANCELLED
    assert (await Case.get(id=second.id)).visit_at == early.starts_at
    assert (await places_taken(early), await places_taken(late)) == ((1, 1), (0, 0))


async def test_a_second_visit_for_something_else_too_stays_and_the_case_knows_the_next_one(portal: Portal) -> None:
    absorbed, survivor, first, second = await open_cases("submitted", "accepted")
    early, late = await make_slot(1, hours_ahead=30), await row_of(1, 2, days_ahead=40)
    one = await book_at(absorbed, early.id, first.id)
    items = [*visit(CARD, second.id), *visit("residence-permit")]
    other = await book(survivor, late[0].id, items, idempotency_key=new_key())

    counts = await join(absorbed, survivor, Tickets(), Bookings(), Cases())
    expected = [(await Case.get(id=second.id)).visit_at]
    for booking in (one, other):
        await cancel(survivor, booking.id)
        expected.append((await Case.get(id=second.id)).visit_at)

    assert counts["bookings_given_back"] == 0
    assert expected == [early.starts_at, late[0].starts_at, None]


# Payments and parcels


async def test_bills_follow_their_cases_and_parcels_need_not_move(portal: Portal) -> None:
    absorbed, survivor = await two()
    case = await approved_case(absorbed)
    bill = await issue_bill(case.id)
    assert bill is not None

    counts = await join(absorbed, survivor, Cases(), Bills(), Parcels())

    assert counts == {"cases": 1, "cases_withdrawn": 0, "bills": 1}
    assert (await Bill.get(id=bill.id)).resident_id == survivor.id


async def test_joining_again_moves_nothing(portal: Portal) -> None:
    absorbed, survivor = await two()
    await file_case(absorbed)
    domains = (Identity(), Mandates(), Profiles(), Tickets(), Bookings(), Cases(), Bills(), Parcels())
    await join(absorbed, survivor, *domains)
    assert set((await join(absorbed, survivor, *domains)).values()) == {0}
    assert unseal((await Resident.get(id=survivor.id)).name_sealed or "") == "测试居民"


async def test_of_two_numbers_without_a_booking_for_one_business_one_stays(portal: Portal) -> None:
    """Nobody waits twice; a number of another business is another visit."""
    hall = Hall.on_a_day_of_its_own()
    absorbed, survivor = await make_resident(), await make_resident()
    with hall.at(9):
        kept = await hall.walk_in(survivor)
        await hall.walk_in(absorbed)
        await Hall(hall.day, hall.place, "E").walk_in(absorbed)
        counts = await join(absorbed, survivor, Tickets(), Bookings())
    assert (counts["tickets"], counts["tickets_ended"]) == (2, 1)
    still_open = Ticket.filter(resident_id=survivor.id, state=TicketState.WAITING)
    assert sorted([ticket.code for ticket in await still_open]) == [kept.code, "E001"]
