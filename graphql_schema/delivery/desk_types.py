"""Without this module the desk would have no list of what to see to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
import strawberry

from app.cases.models import Case as CaseRow
from app.cases.queries import address_of
from app.catalogue.queries import items_by_id
from app.delivery import models, settlement_report, settling
from app.delivery.ports import Payer
from app.delivery.queries import case_numbers_of_parcels, parcels_by_id
from app.delivery.words import TASK_WORDS, TaskKind, TaskState
from app.kernel.privacy import mask_name, mask_phone
from graphql_schema.context import Info
from graphql_schema.delivery.types import Parcel
from graphql_schema.fields import computed
from graphql_schema.problems import Problem
from graphql_schema.scalars import FenSum

strawberry.enum(TaskKind, name="DeliveryTaskKind")
strawberry.enum(TaskState, name="DeliveryTaskState")


@strawberry.type(description="寄递待办 · Something about a parcel that needs a person.")
class DeliveryTask:
    id: strawberry.ID
    kind: TaskKind
    about: str
    parcel_id: strawberry.ID | None
    detail: str = strawberry.field(description="JSON, with what was seen.")
    state: TaskState
    opened_at: datetime
    closed_at: datetime | None
    remark: str
    row: strawberry.Private[models.DeliveryTask]

    @classmethod
    def of(cls, row: models.DeliveryTask) -> DeliveryTask:
        return cls(
            id=strawberry.ID(str(row.id)),
            kind=row.kind,
            about=row.subject,
            parcel_id=strawberry.ID(str(row.parcel_id)) if row.parcel_id else None,
            detail=orjson.dumps(row.detail).decode(),
            state=row.state,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            remark=row.remark,
            row=row,
        )

    @computed("What is to be done, in plain words.")
    def kind_text(self, info: Info) -> str:
        return info.context.say(*TASK_WORDS[self.kind])

    @computed("Who carries the parcel; null for a line of a statement that is nobody's.", batch=parcels_by_id)
    async def carrier_name(self, info: Info) -> str | None:
        parcel = await self._parcel(info)
        return parcel.carrier_name if parcel else None

    @computed("Of the parcel; null without one.", batch=parcels_by_id)
    async def tracking_number(self, info: Info) -> str | None:
        parcel = await self._parcel(info)
        return parcel.tracking_number if parcel else None

    @computed("The numbers of the cases whose papers are inside.", batch=case_numbers_of_parcels)
    async def case_numbers(self, info: Info) -> list[str]:
        inside = self.row.parcel_id
        return await info.context.load(case_numbers_of_parcels, inside) if inside else []

    async def _parcel(self, info: Info) -> models.Parcel | None:
        return await info.context.load(parcels_by_id, self.row.parcel_id) if self.row.parcel_id else None


@strawberry.type(description="待寄办件 · A case whose result waits to be posted.")
class CaseToPost:
    id: strawberry.ID
    number: str
    due_at: datetime | None = strawberry.field(description="End of the promised limit.")
    masked_receiver: str
    masked_phone: str
    division_code: str = strawberry.field(description="Of where it goes.")
    row: strawberry.Private[CaseRow]

    @classmethod
    def of(cls, row: CaseRow) -> CaseToPost:
        address = address_of(row)
        assert address is not None
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            due_at=row.due_at,
            masked_receiver=mask_name(address.receiver),
            masked_phone=mask_phone(address.phone),
            division_code=address.division_code,
            row=row,
        )

    @computed("What the result is of.", batch=items_by_id)
    async def item_name(self, info: Info) -> str:
        item = await info.context.load(items_by_id, self.row.item_id)
        assert item is not None
        return info.context.say(item.name_zh, item.name_en)


@strawberry.type(description="交接单 · What a courier takes along now, and the sheet both sides sign.")
class HandOverSheet:
    parcels: list[Parcel]
    pdf: str = strawberry.field(description="The document in Base64.")
    has_more: bool = strawberry.field(description="There are more than fit: ask again after the last of these.")


@strawberry.type(description="已交接 · What a courier has signed for.")
class HandedOver:
    parcels: list[Parcel]


@strawberry.type(description="对账结果 · What a carrier's statement came to.")
class CarrierSettlement:
    lines: int
    matched: int
    tasks: int = strawberry.field(description="Differences that were not known before.")

    @classmethod
    def of(cls, settled: settling.Settlement) -> CarrierSettlement:
        return cls(lines=settled.lines, matched=settled.matched, tasks=settled.tasks)


@strawberry.type(description="承运商月报行 · What a carrier picked up in a month at the cost of one payer; in fen.")
class CarrierMonth:
    carrier: str
    carrier_name: str
    payer: Payer | None = strawberry.field(description="None: what the carrier bills and nobody here knows.")
    parcels: int
    ours_fen: FenSum
    billed_fen: FenSum
    unbilled: int = strawberry.field(description="Parcels no statement has.")
    differences: int = strawberry.field(description="Those nobody has seen to yet.")

    @classmethod
    def of(cls, row: settlement_report.CarrierMonth) -> CarrierMonth:
        return cls(
            carrier=row.carrier,
            carrier_name=row.carrier_name,
            payer=row.payer,
            parcels=row.parcels,
            ours_fen=FenSum(row.ours_fen),
            billed_fen=FenSum(row.billed_fen),
            unbilled=row.unbilled,
            differences=row.differences,
        )

    @computed("Who pays, in plain words.")
    def payer_text(self, info: Info) -> str:
        return info.context.say(*settlement_report.payer_words(self.payer))


@strawberry.type(description="承运商月报 · A month by carrier and payer.")
class CarrierReport:
    rows: list[CarrierMonth]
    every: strawberry.Private[list[settlement_report.CarrierMonth]]

    @classmethod
    def of(cls, rows: list[settlement_report.CarrierMonth]) -> CarrierReport:
        return cls(rows=[CarrierMonth.of(row) for row in rows], every=rows)

    @computed("The rows as CSV in yuan (RFC 4180, UTF-8 with a byte order mark, no formulas).")
    def csv(self, info: Info) -> str:
        return settlement_report.csv_of(self.every, info.context.language)


@strawberry.input(description="What was inside for one case: orders of the materials of its item.")
class MaterialsFound:
    case_id: strawberry.ID
    orders: list[int]


DeliveryTaskResult = Annotated[DeliveryTask | Problem, strawberry.union("DeliveryTaskResult")]
HandedOverResult = Annotated[HandedOver | Problem, strawberry.union("HandedOverResult")]
HandOverSheetResult = Annotated[HandOverSheet | Problem, strawberry.union("HandOverSheetResult")]
CarrierReportResult = Annotated[CarrierReport | Problem, strawberry.union("CarrierReportResult")]
CarrierSettlementResult = Annotated[CarrierSettlement | Problem, strawberry.union("CarrierSettlementResult")]
