"""Without this module no result would leave the hall."""

from __future__ import annotations

import strawberry

from app.delivery import commands, outcomes
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.delivery.types import Parcel, ParcelResult
from graphql_schema.guards import mutation, residents_and_staff, staff
from graphql_schema.scalars import as_uuid


@strawberry.type
class DeliveryMutation:
    @mutation(staff(Role.ISSUER), "登记寄送 · Hand results of one person to a carrier: of a case and of `moreCases`.")
    async def register_parcel(
        self,
        info: Info,
        case_id: strawberry.ID,
        carrier: str,
        tracking_number: str,
        more_cases: list[strawberry.ID] | None = None,
    ) -> ParcelResult:
        more = [as_uuid(key) for key in more_cases or ()]
        parcel = await commands.register_parcel(info.context.actor, as_uuid(case_id), carrier, tracking_number, more)
        return Parcel.of(parcel)

    @mutation(residents_and_staff(Role.ISSUER), "确认收到 · The applicant has the result, whoever signed for it.")
    async def confirm_receipt(self, info: Info, parcel_id: strawberry.ID) -> ParcelResult:
        return Parcel.of(await outcomes.confirm_receipt(info.context.actor, as_uuid(parcel_id)))

    @mutation(staff(Role.ISSUER), "包裹报失 · Nobody finds the parcel; its results can be issued and sent again.")
    async def declare_lost(self, info: Info, parcel_id: strawberry.ID) -> ParcelResult:
        return Parcel.of(await outcomes.declare_lost(info.context.actor, as_uuid(parcel_id)))
