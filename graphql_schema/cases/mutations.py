"""Without this module nothing could be applied for or decided."""

from __future__ import annotations

import strawberry

from app.cases import commands
from app.cases.rules import DeliveryMethod
from app.identity.rules import Role
from graphql_schema.cases.types import Case, CaseResult, ChosenFee
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation, staff
from graphql_schema.profiles.types import AddressInput
from graphql_schema.scalars import as_key, as_uuid


@strawberry.type
class CasesMutation:
    @mutation(RESIDENTS, "申请 · File a case; to be posted to an `address`, or to `addressId` of `myAddresses`.")
    async def apply(
        self,
        info: Info,
        item_key: str,
        idempotency_key: strawberry.ID,
        delivery: DeliveryMethod = DeliveryMethod.COLLECT,
        address: AddressInput | None = None,
        address_id: strawberry.ID | None = None,
    ) -> CaseResult:
        case = await commands.apply(
            info.context.actor,
            as_key(item_key),
            delivery_method=delivery,
            address=address.value() if address else None,
            idempotency_key=idempotency_key,
            address_id=as_uuid(address_id) if address_id else None,
        )
        return Case.of(case)

    @mutation(RESIDENTS, "撤回 · Take an application back, any time before the decision.")
    async def withdraw_case(self, info: Info, id: strawberry.ID) -> CaseResult:  # noqa: A002 - the schema's word
        return Case.of(await commands.withdraw(info.context.actor, as_uuid(id)))

    @mutation(staff(Role.WINDOW_ACCEPTOR, Role.PRE_REVIEWER), "受理 · Accept a case; the promised limit starts.")
    async def accept_case(self, info: Info, id: strawberry.ID) -> CaseResult:  # noqa: A002 - the schema's word
        return Case.of(await commands.accept(info.context.actor, as_uuid(id)))

    @mutation(staff(Role.APPROVER), "准予 · Approve a case; `fees` names those of the item's list that apply.")
    async def approve_case(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        fees: list[ChosenFee] | None = None,
    ) -> CaseResult:
        chosen = {fee.key: fee.quantity for fee in fees or ()}
        return Case.of(await commands.approve(info.context.actor, as_uuid(id), chosen))

    @mutation(staff(Role.APPROVER), "不予许可 · Deny a case, with reasons.")
    async def deny_case(self, info: Info, id: strawberry.ID, reason: str) -> CaseResult:  # noqa: A002 - the schema's word
        return Case.of(await commands.deny(info.context.actor, as_uuid(id), reason))

    @mutation(staff(Role.ISSUER, Role.WINDOW_ACCEPTOR), "窗口发证 · Give the result to the applicant at a window.")
    async def hand_over_result(self, info: Info, id: strawberry.ID) -> CaseResult:  # noqa: A002 - the schema's word
        return Case.of(await commands.hand_over(info.context.actor, as_uuid(id)))
