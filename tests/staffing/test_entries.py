"""Every role at every entry: through the schema, over HTTP, and below GraphQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from graphql import FieldNode

from app.booking import desk
from app.booking.credit import appeals, exemptions
from app.booking.credit.rules import ExemptionGround
from app.booking.halls import closing, exceptions, home_visits, opening
from app.booking.halls.extra_sessions import open_extra_session
from app.cases import commands as cases
from app.cases.applicants import applicant_in_full
from app.cases.queries import address_for_posting, case_for, cases_waiting
from app.cases.rules import CaseState
from app.catalogue import equipment
from app.delivery import ordering, posting, receiving, sending_back, settlement_report, settling, tasks_of_desk
from app.delivery.commands import register_parcel
from app.delivery.ports import Payer
from app.delivery.queries import unknown_pushes
from app.identity import administration
from app.identity.auditing import Sought, audit_lines
from app.identity.disclosure import Purpose
from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import NotAllowed, Refusal
from app.messages import queries as messages
from app.messages import templates
from app.queueing import arriving, leaving, rejoining, transfers, walk_ins, windows
from app.queueing import commands as queueing
from tests.architecture.test_schema import entries, guards_of
from tests.documents import POSTED
from tests.graphql.test_guards import codes_of, operation_of, some_variables
from tests.identity.accounts import caller_of, make_staff
from tests.portal import Portal
from tests.staffing.decided import ENTRIES, EVERY_ROLE

every_role = pytest.mark.parametrize("role", sorted(Role))


def entries_of(path: Path) -> Iterator[str]:
    operation = operation_of(path)
    for node in operation.selection_set.selections:
        assert isinstance(node, FieldNode)
        yield f"{operation.operation.value.capitalize()}.{node.name.value}"


def test_who_of_the_staff_enters_where_is_decided() -> None:
    """As the schema says it and as the table says it, no entry more and none less."""
    told = {}
    for name, field in entries():
        audience = guards_of(field)[0].audience
        if ActorKind.STAFF in audience.kinds:
            told[name] = audience.roles or EVERY_ROLE
    assert told == ENTRIES


@every_role
async def test_a_role_enters_where_it_may_and_nowhere_else(portal: Portal, role: Role) -> None:
    """Each document with values that mean nothing, in a session of its own."""
    staff = await make_staff(role)
    astonishing = {}
    for path in POSTED:
        may = all(role in ENTRIES.get(entry, ()) for entry in entries_of(path))
        codes = codes_of(await (await caller_of(portal, staff)).ask(path.stem, **some_variables(path)))
        if ("NOT_ALLOWED" in codes) is may or codes & {"INTERNAL_ERROR", "SIGN_IN_REQUIRED"}:
            astonishing[path.stem] = codes
    assert astonishing == {}


async def test_without_any_role_nothing_but_ones_own_account_is_open(portal: Portal) -> None:
    """As it is for a new account, and for one that has a password to change first."""
    nobody = await make_staff()
    astonishing = {}
    for path in POSTED:
        may = all(ENTRIES.get(entry) == EVERY_ROLE for entry in entries_of(path))
        codes = codes_of(await (await caller_of(portal, nobody)).ask(path.stem, **some_variables(path)))
        if ("NOT_ALLOWED" in codes) is may:
            astonishing[path.stem] = codes
    assert astonishing == {}


Act = Callable[[Actor, UUID], Awaitable[object]]
ACTS: dict[str, Act] = {
    "Query.applicant": lambda actor, one: applicant_in_full(actor, one, Purpose.REVIEW_CASE),
    "Query.case": case_for,
    "Query.desk": lambda actor, _: cases_waiting(actor, [CaseState.CLOSED], limit=1, after=None),
    "Mutation.acceptCase": cases.accept,
    "Mutation.approveCase": lambda actor, one: cases.approve(actor, one, {}),
    "Mutation.denyCase": lambda actor, one: cases.deny(actor, one, "材料不实"),
    "Mutation.handOverResult": cases.hand_over,
    "Query.shippingLabel": address_for_posting,
    "Query.unknownPushes": lambda actor, _: unknown_pushes(actor, limit=1, before=None),
    "Mutation.registerParcel": lambda actor, one: register_parcel(actor, one, "ems", "1199999999999"),
    "Query.carrierReport": lambda actor, _: settlement_report.carrier_report(actor, "2026-11"),
    "Query.casesToPost": lambda actor, _: posting.cases_to_post(actor, limit=1, after=None),
    "Query.deliveryTasks": lambda actor, _: tasks_of_desk.tasks_at_work(
        actor, tasks_of_desk.Sought(), limit=1, before=None
    ),
    "Query.handOverSheet": lambda actor, one: posting.hand_over_sheet(actor, "pigeon", str(one)),
    "Query.parcelsWithNumber": lambda actor, _: receiving.parcels_with_number(actor, "1199999999999"),
    "Mutation.cancelCourier": ordering.cancel_courier,
    "Mutation.closeDeliveryTask": lambda actor, one: tasks_of_desk.close_task(actor, one, "已处理"),
    "Mutation.postCases": lambda actor, one: ordering.post_cases(
        actor, [one], ordering.Courier("ems", Payer.CITY, "city-hall"), idempotency_key="x" * 8
    ),
    "Mutation.receiveMaterials": lambda actor, one: receiving.receive_materials(actor, one, {}),
    "Mutation.returnMaterials": lambda actor, one: sending_back.return_materials(
        actor, one, ordering.Courier("ems", Payer.CITY, "city-hall"), "1199999999999", idempotency_key="x" * 8
    ),
    "Mutation.scanReturn": receiving.scan_return,
    "Mutation.takeCarrierStatement": lambda actor, _: settling.take_statement(actor, "ems", ""),
    "Mutation.checkInAtDesk": lambda actor, one: arriving.check_in_at_desk(actor, str(one), "x"),
    "Mutation.callNext": lambda actor, _: queueing.call_next(actor),
    "Mutation.closeWindow": lambda actor, _: windows.close_window(actor),
    "Mutation.finishServing": queueing.finish_serving,
    "Mutation.openExtraSession": lambda actor, one: open_extra_session(
        actor, str(one), "D", clock.now() + timedelta(days=1), clock.now() + timedelta(days=1, hours=1), 1
    ),
    "Query.businessRules": lambda actor, one: opening.business_rules(actor, str(one), "D"),
    "Query.homeVisits": lambda actor, one: home_visits.home_visits(actor, str(one), clock.today(), limit=1, offset=0),
    "Query.previewRules": lambda actor, one: opening.preview_rules(actor, str(one), "D", {}),
    "Query.previewOpeningException": lambda actor, one: exceptions.preview_exception(
        actor, str(one), clock.today(), "", []
    ),
    "Query.previewClosure": lambda actor, one: closing.preview_closure(actor, str(one), "", clock.now(), clock.now()),
    "Query.sessionClosure": closing.closure_of,
    "Query.sessionClosures": lambda actor, one: closing.closures_of(actor, str(one), limit=1, before=None),
    "Mutation.closeSession": lambda actor, one: closing.close_session(
        actor, str(one), "", clock.now(), clock.now(), "停电"
    ),
    "Mutation.removeOpeningException": lambda actor, one: exceptions.remove_exception(
        actor, str(one), clock.today(), "", "x"
    ),
    "Mutation.setBusinessRules": lambda actor, one: opening.set_rules(actor, str(one), "D", {}, "x"),
    "Mutation.setOpeningException": lambda actor, one: exceptions.set_exception(
        actor, str(one), clock.today(), "", [], "停电", "x"
    ),
    "Mutation.openWindow": lambda actor, one: windows.open_window(actor, str(one), 1, ()),
    "Mutation.passTicket": queueing.pass_ticket,
    "Mutation.startServing": queueing.start_serving,
    "Mutation.recallTicket": queueing.recall,
    "Mutation.pauseWindow": lambda actor, _: windows.pause_window(actor, "午休"),
    "Mutation.unpauseWindow": lambda actor, _: windows.unpause_window(actor),
    "Mutation.setWindowSkills": lambda actor, one: windows.set_window_skills(actor, str(one), 1, {}),
    "Mutation.hangTicket": transfers.hang,
    "Mutation.resumeTicket": transfers.resume,
    "Mutation.transferTicket": lambda actor, one: transfers.transfer(actor, one, "D"),
    "Mutation.abandonTicket": leaving.abandon_ticket,
    "Mutation.endDay": lambda actor, one: leaving.end_day(actor, str(one)),
    "Mutation.rejoinAtDesk": lambda actor, one: rejoining.rejoin_at_desk(actor, str(one), "D001"),
    "Mutation.takeNumberAtDesk": lambda actor, one: walk_ins.take_at_desk(
        actor, str(one), walk_ins.Wanted("D", "k" * 8), walk_ins.Person()
    ),
    "Query.bookingsAtDesk": lambda actor, _: desk.bookings_at_desk(actor, "", ""),
    "Query.creditAppeal": appeals.appeal_in_full,
    "Query.creditExemptions": lambda actor, _: exemptions.exemptions_at_window(actor, "", ""),
    "Query.pendingAppeals": lambda actor, _: appeals.pending_appeals(actor, limit=1, after=None),
    "Mutation.bookAtDesk": lambda actor, one: desk.book_at_desk(actor, "", "", one, [], idempotency_key="x" * 8),
    "Mutation.cancelAtDesk": desk.cancel_at_desk,
    "Mutation.decideAppeal": lambda actor, one: appeals.decide_appeal(actor, one, granted=True, answer="属实"),
    "Mutation.endCreditExemption": exemptions.end_exemption,
    "Mutation.excuseBooking": lambda actor, one: appeals.excuse(actor, one, "属实"),
    "Mutation.grantCreditExemption": lambda actor, _: exemptions.grant_exemption(
        actor, "", "", ExemptionGround.OTHER, None
    ),
    "Mutation.moveAtDesk": lambda actor, one: desk.move_at_desk(actor, one, one),
    "Query.failedMessages": lambda actor, _: messages.failed_messages(actor, limit=1, before=None),
    "Query.messageTemplates": lambda actor, _: messages.templates_at_work(
        actor, key=None, channel=None, states=(), limit=1, before=None
    ),
    "Mutation.draftTemplate": lambda actor, _: templates.draft(actor, templates.Draft("x", "inbox", "zh")),
    "Mutation.publishTemplate": templates.publish,
    "Mutation.retireTemplate": templates.retire,
    "Query.auditLines": lambda actor, one: audit_lines(actor, Sought(person=one), limit=1, before=None),
    "Query.staffAccount": administration.staff_of,
    "Query.staffAccounts": lambda actor, _: administration.staff_list(actor, None, limit=1, after=None),
    "Mutation.changeStaff": lambda actor, one: administration.change_account(actor, one, "x", None, ""),
    "Mutation.createStaff": lambda actor, _: administration.create_account(actor, "A Clerk", "x", None, ""),
    "Mutation.disableStaff": lambda actor, one: administration.set_active(actor, one, active=False),
    "Mutation.enableStaff": lambda actor, one: administration.set_active(actor, one, active=True),
    "Mutation.grantRoles": lambda actor, one: administration.grant_roles(actor, one, []),
    "Mutation.resetPassword": administration.reset_password,
    "Mutation.resetSecondFactor": administration.reset_second_factor,
    "Query.devices": lambda actor, _: equipment.devices_for(actor, limit=1, after=None),
    "Mutation.registerDevice": lambda actor, one: equipment.register_device(actor, DeviceKind.SCREEN, str(one), "x"),
    "Mutation.revokeDevice": equipment.revoke_device,
}


@every_role
async def test_the_domains_refuse_by_themselves_what_the_schema_refuses(portal: Portal, role: Role) -> None:
    """Who got past a guard, or comes by another door, is refused all the same."""
    actor = await make_staff(role)
    told = {}
    for name, act in ACTS.items():
        try:
            await act(actor, uuid4())
        except NotAllowed:
            told[name] = False
        except Refusal:
            told[name] = True
        else:
            told[name] = True
    assert told == {name: role in ENTRIES[name] for name in ACTS}
