"""Without this module the desk could neither see what goes out today nor take in what came back."""

from __future__ import annotations

import base64

import strawberry

from app.delivery import posting, receiving, settlement_report, settling, tasks_of_desk
from app.delivery.numbers import candidates
from app.delivery.rules import check_tracking_number
from app.delivery.words import TaskKind, TaskState
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.delivery.desk_types import (
    CarrierReport,
    CarrierReportResult,
    CarrierSettlement,
    CarrierSettlementResult,
    CaseToPost,
    DeliveryTask,
    DeliveryTaskResult,
    HandedOver,
    HandedOverResult,
    HandOverSheet,
    HandOverSheetResult,
    MaterialsFound,
)
from graphql_schema.delivery.types import Carrier, Parcel, ParcelResult
from graphql_schema.guards import lookup, mutation, query, staff
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.scalars import as_key, as_uuid

_ISSUERS = staff(Role.ISSUER)
_RECEIVERS = staff(*receiving.RECEIVERS)
_ACCOUNTS = staff(*tasks_of_desk.ACCOUNTS)
_TASKS = staff(*tasks_of_desk.DESK, *tasks_of_desk.ACCOUNTS)


@strawberry.type
class PostingQuery:
    @query(_ISSUERS, "待寄 · Results that wait to be posted, oldest first.")
    async def cases_to_post(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[CaseToPost]:
        page = await posting.cases_to_post(info.context.actor, limit=page_size(first), after=key_after(after))
        return connection_of([(CaseToPost.of(row), str(row.id)) for row in page.cases], has_more=page.has_more)

    @query(_ISSUERS, "识别单号 · Carriers a tracking number may belong to, most likely first.")
    async def carriers_of_number(self, tracking_number: str) -> list[Carrier]:
        number = check_tracking_number(tracking_number)
        return Carrier.of_number(candidates(number, [carrier.code for carrier in Carrier.every()]))

    @lookup(_ISSUERS, "交接单 · The sheet for what a carrier's courier takes along now; the print is audited.")
    async def hand_over_sheet(
        self, info: Info, carrier: str, hall: str, after: strawberry.ID | None = None
    ) -> HandOverSheetResult:
        last = as_uuid(after) if after else None
        sheet = await posting.hand_over_sheet(info.context.actor, carrier[:40], as_key(hall), after=last)
        parcels, pdf = [Parcel.of(row) for row in sheet.parcels], base64.b64encode(sheet.pdf).decode()
        return HandOverSheet(parcels=parcels, pdf=pdf, has_more=sheet.has_more)

    @query(_RECEIVERS, "扫码收件 · Parcels of a tracking number, of whichever carrier.")
    async def parcels_with_number(self, info: Info, tracking_number: str) -> list[Parcel]:
        rows = await receiving.parcels_with_number(info.context.actor, tracking_number)
        return [Parcel.of(row) for row in rows]

    @query(_TASKS, "寄递待办 · What needs a person about parcels, newest first.")
    async def delivery_tasks(
        self,
        info: Info,
        state: TaskState | None = None,
        kind: TaskKind | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[DeliveryTask]:
        size, sought = page_size(first), tasks_of_desk.Sought(state, kind)
        rows = await tasks_of_desk.tasks_at_work(info.context.actor, sought, limit=size + 1, before=key_after(after))
        return connection_of([(DeliveryTask.of(row), str(row.id)) for row in rows[:size]], has_more=len(rows) > size)

    @lookup(_ACCOUNTS, "承运商月报 · What carriers moved and billed in a month (2026-11), by payer.")
    async def carrier_report(self, info: Info, month: str) -> CarrierReportResult:
        return CarrierReport.of(await settlement_report.carrier_report(info.context.actor, month))


@strawberry.type
class PostingMutation:
    @mutation(_ISSUERS, "交接 · The courier has signed for these; they are on no later sheet.")
    async def hand_over(self, info: Info, hall: str, parcel_ids: list[strawberry.ID]) -> HandedOverResult:
        keys = [as_uuid(key) for key in parcel_ids]
        rows = await posting.hand_over(info.context.actor, as_key(hall), keys)
        return HandedOver(parcels=[Parcel.of(row) for row in rows])

    @mutation(_RECEIVERS, "退件入库 · A result that came back is in the hall's hands.")
    async def scan_return(self, info: Info, parcel_id: strawberry.ID) -> ParcelResult:
        return Parcel.of(await receiving.scan_return(info.context.actor, as_uuid(parcel_id)))

    @mutation(_RECEIVERS, "材料收件 · A parcel with materials is opened and held against the items' lists.")
    async def receive_materials(
        self, info: Info, parcel_id: strawberry.ID, found: list[MaterialsFound]
    ) -> ParcelResult:
        inside = {as_uuid(each.case_id): each.orders for each in found}
        return Parcel.of(await receiving.receive_materials(info.context.actor, as_uuid(parcel_id), inside))

    @mutation(_TASKS, "处理寄递待办 · Close a task about a parcel, saying how it was seen to.")
    async def close_delivery_task(self, info: Info, id: strawberry.ID, remark: str) -> DeliveryTaskResult:  # noqa: A002 - the schema's word
        return DeliveryTask.of(await tasks_of_desk.close_task(info.context.actor, as_uuid(id), remark))

    @mutation(_ACCOUNTS, "快递对账 · Hold a carrier's statement (CSV), or a part of it, against our parcels.")
    async def take_carrier_statement(
        self, info: Info, carrier: str, csv: str, closes: str | None = None
    ) -> CarrierSettlementResult:
        settled = await settling.take_statement(info.context.actor, carrier[:40], csv, closes or "")
        return CarrierSettlement.of(settled)
