"""Without this module a case could not move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

import orjson

from app.cases.errors import AddressNeeded, ApplicantUnproven, CaseAlreadyOpen, PostNotOffered, ReasonNeeded
from app.cases.events import CaseAccepted, CaseApproved, CaseClosed, CaseMoved, CaseSubmitted, CaseWithdrawn
from app.cases.models import Case, CaseEvent
from app.cases.queries import case_of, item_of, locked_case
from app.cases.rules import (
    LIFE,
    OPEN_STATES,
    CaseState,
    Decision,
    DeliveryMethod,
    due_date,
    make_case_number,
)
from app.catalogue.models import Department, ServiceItem
from app.catalogue.queries import item_in_force
from app.catalogue.rules import due_fees
from app.identity.assurance import require_level
from app.identity.queries import resident
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.clock.days import load_calendar
from app.kernel.errors import InvalidInput
from app.kernel.facts.publishing import publish
from app.kernel.inbox.requests import claim
from app.kernel.privacy import seal
from app.profiles.queries import entry_of, opened, provinces_here
from app.profiles.rules import Address, check_address
from app.representation.queries import locked_subject
from app.representation.rules import check_may_apply

_NEXT_SEQUENCE = """
    INSERT INTO case_counter (division_code, day, given_out) VALUES ($1, $2, 1)
    ON CONFLICT (division_code, day) DO UPDATE SET given_out = case_counter.given_out + 1 RETURNING given_out
"""

_LOCK_EACH = "SELECT id FROM case_file WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
_EXPECT_EACH = """
    UPDATE case_file SET visit_at = expected.at FROM unnest($1::uuid[], $2::timestamptz[]) AS expected (id, at)
    WHERE case_file.id = expected.id
"""


async def apply(
    actor: Actor,
    item_key: str,
    *,
    delivery_method: DeliveryMethod,
    address: Address | None,
    idempotency_key: str,
    address_id: UUID | None = None,
) -> Case:
    """File a case for the version of an item in force; `address_id` is an entry of the applicant's address book.

    Raises `AssuranceTooLow`, `NotFound`, `CaseAlreadyOpen`, `PostNotOffered`, `AddressNeeded`, `AddressInvalid` or
    `IdempotencyKeyReused`. The same key and body again gives the same case.
    """
    resident_id = actor.resident_id()
    async with db.transaction():
        wanted = {"item": item_key, "method": delivery_method, "address": address, "address_id": address_id}
        request = await claim(resident_id, idempotency_key, "apply", **wanted)
        if request.earlier is not None:
            return await case_of(request.earlier, actor)
        applicant = await locked_subject(actor)
        item = await item_in_force(item_key)
        await require_level(actor, applicant, item.min_level)
        check_may_apply(actor.principal, item.key, item.name_zh, proxy_allowed=item.proxy_allowed)
        chosen = await _chosen_address(resident_id, address, address_id)
        sealed = _sealed_address(item, delivery_method, chosen)
        open_case = await Case.filter(resident_id=resident_id, item_key=item_key, state__in=OPEN_STATES).first()
        if open_case is not None:
            raise CaseAlreadyOpen(number=open_case.number)
        case = await Case.create(
            number=await _next_number(item, clock.today()),
            resident_id=resident_id,
            item_id=item.id,
            item_key=item.key,
            state=CaseState.SUBMITTED,
            fees=[],
            delivery_method=delivery_method,
            delivery_address_sealed=sealed,
            submitted_at=clock.now(),
        )
        await _note(case, actor, "submit")
        await request.answered_with(case.id)
        await publish(CaseSubmitted(case.id))
    return case


def _sealed_address(item: ServiceItem, method: DeliveryMethod, address: Address | None) -> str | None:
    if method is DeliveryMethod.COLLECT:
        return None
    if not item.result_by_post:
        raise PostNotOffered(field="delivery")
    if address is None:
        raise AddressNeeded(field="address")
    return seal(orjson.dumps(asdict(check_address(address, provinces_here()))).decode())


async def _chosen_address(resident_id: UUID, address: Address | None, address_id: UUID | None) -> Address | None:
    """What was typed, or what the applicant's book says now: its later changes do not move a result under way."""
    if address_id is None:
        return address
    if address is not None:
        raise InvalidInput(field="addressId", reason_zh="地址只能选一种方式填写", reason_en="give one address, not two")
    return opened(await entry_of(resident_id, address_id))


async def _next_number(item: ServiceItem, day: date) -> str:
    department = await Department.get(key=item.department_id)
    division = department.division_code[:6]
    counted = await db.row(_NEXT_SEQUENCE, division, day)
    assert counted is not None
    return make_case_number(division, day, counted["given_out"])


async def accept(actor: Actor, case_id: UUID) -> Case:
    """Accept a submitted case; the promised limit starts. Again by the same person is harmless.

    Raises `NotAllowed`, `NotFound` or `IllegalMove`.
    """
    actor.staff_id(Role.WINDOW_ACCEPTOR, Role.PRE_REVIEWER)
    async with db.transaction():
        case = await locked_case(case_id, actor)
        if await _is_repeat(actor, case, "accept"):
            return case
        case.state = LIFE.next_state(case.state, "accept")
        case.accepted_at = clock.now()
        item = await item_of(case)
        due = due_date(case.accepted_at, item.promised_limit, item.promised_unit, await load_calendar())
        if due is not None:
            case.due_at, case.due_is_provisional = due.at, due.provisional
        await case.save(update_fields=["state", "accepted_at", "due_at", "due_is_provisional"])
        await _note(case, actor, "accept")
        await publish(CaseAccepted(case.id))
    return case


async def approve(actor: Actor, case_id: UUID, chosen_fees: Mapping[str, int]) -> Case:
    """Decide in the applicant's favour; `chosen_fees` maps fee keys of the item's list to quantities. The same
    decision again by the same person is harmless.

    Raises `NotAllowed`, `NotFound`, `IllegalMove`, `ApplicantUnproven`, `FeeChoiceNeeded`, `FeeOutsideList`,
    `FeeNotConfigured` or `FeesTooLarge`.
    """
    actor.staff_id(Role.APPROVER)
    async with db.transaction():
        case = await locked_case(case_id, actor)
        item = await item_of(case)
        lines = due_fees(item.fees, chosen_fees)
        if case.fees == [asdict(line) for line in lines] and await _is_repeat(actor, case, "approve"):
            return case
        # Filed under a number that was only typed in, and that a face took back since: it may be anybody's case.
        if (await resident(case.resident_id)).level < item.min_level:
            raise ApplicantUnproven
        owed = sum(line.total_fen for line in lines)
        case.state = LIFE.next_state(case.state, "approve_with_fee" if owed else "approve")
        case.decision = Decision.APPROVED
        case.decided_at = clock.now()
        case.fees = [asdict(line) for line in lines]
        await case.save(update_fields=["state", "decision", "decided_at", "fees"])
        await _note(case, actor, "approve")
        await publish(CaseApproved(case.id, has_fees=owed > 0))
    return case


async def deny(actor: Actor, case_id: UUID, reason: str) -> Case:
    """Decide against the applicant, with reasons. The same reasons again by the same person are harmless.

    Raises `NotAllowed`, `ReasonNeeded` or `IllegalMove`.
    """
    actor.staff_id(Role.APPROVER)
    if not reason.strip():
        raise ReasonNeeded(field="reason")
    async with db.transaction():
        case = await locked_case(case_id, actor)
        if case.reason == reason.strip() and await _is_repeat(actor, case, "deny"):
            return case
        case.state = LIFE.next_state(case.state, "deny")
        case.decision = Decision.DENIED
        case.reason = reason.strip()
        case.decided_at = case.closed_at = clock.now()
        await case.save(update_fields=["state", "decision", "reason", "decided_at", "closed_at"])
        await _note(case, actor, "deny")
        await publish(CaseClosed(case.id))
    return case


async def withdraw(actor: Actor, case_id: UUID) -> Case:
    """Take an application back, any time before the decision; again is harmless. Raises `IllegalMove`."""
    async with db.transaction():
        await locked_subject(actor)
        case = await locked_case(case_id, actor)
        if case.state is CaseState.WITHDRAWN:
            return case
        case.state = LIFE.next_state(case.state, "withdraw")
        case.closed_at = clock.now()
        await case.save(update_fields=["state", "closed_at"])
        await _note(case, actor, "withdraw")
        await publish(CaseWithdrawn(case.id))
    return case


async def hand_over(actor: Actor, case_id: UUID) -> Case:
    """Give the result to the applicant at a window. Again by the same person is harmless.

    Raises `NotAllowed`, `NotFound` or `IllegalMove`.
    """
    actor.staff_id(Role.ISSUER, Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        case = await locked_case(case_id, actor)
        return case if await _is_repeat(actor, case, "hand_over") else await _move(actor, case, "hand_over")


async def record_payment(actor: Actor, case: Case) -> Case:
    """The bill of a locked case is paid: the result can be made. In the caller's transaction."""
    return await _move(actor, case, "pay")


async def record_sent(actor: Actor, case: Case) -> Case:
    """The result of a locked case was handed to a carrier. In the caller's transaction."""
    return await _move(actor, case, "send")


async def record_delivered(actor: Actor, case: Case) -> Case:
    """The applicant has the result: the locked case closes. In the caller's transaction."""
    return await _move(actor, case, "deliver")


async def record_returned(actor: Actor, case: Case) -> Case:
    """The parcel came back to the hall: the result of the locked case waits again."""
    return await _move(actor, case, "come_back")


async def record_visit(case_id: UUID, visit_at: datetime | None, *, visited: bool) -> None:
    """Remember when the resident is expected at the hall, or that they were there.

    In the caller's transaction, which locked the case after the slot.
    """
    case = await locked_case(case_id)
    case.visit_at = visit_at
    case.visited = case.visited or visited
    await case.save(update_fields=["visit_at", "visited"])


async def record_visits(visits: Mapping[UUID, datetime]) -> None:
    """Remember for several cases when their residents are expected.

    In the caller's transaction, which locked the slots; the cases are locked in key order.
    """
    if visits:
        await db.rows(_LOCK_EACH, list(visits))
        await db.rows(_EXPECT_EACH, list(visits), list(visits.values()))


async def _move(actor: Actor, case: Case, verb: str) -> Case:
    case.state = LIFE.next_state(case.state, verb)
    if case.state is CaseState.CLOSED:
        case.closed_at = clock.now()
    await publish(CaseClosed(case.id) if case.closed_at else CaseMoved(case.id))
    await case.save(update_fields=["state", "closed_at"])
    await _note(case, actor, verb)
    return case


async def _is_repeat(actor: Actor, case: Case, verb: str) -> bool:
    """Whether this very person has done this to a locked case before, and it could not be done twice."""
    if LIFE.may(case.state, verb):
        return False
    return await CaseEvent.filter(case_id=case.id, verb=verb, actor=actor.reference).exists()


async def _note(case: Case, actor: Actor, verb: str) -> None:
    await CaseEvent.create(case_id=case.id, at=clock.now(), verb=verb, state=case.state, actor=actor.reference)
    if actor.kind is not ActorKind.SYSTEM:
        await audit.record(actor, f"case.{verb}", f"case:{case.id}", result=case.state.value, person=case.resident_id)
