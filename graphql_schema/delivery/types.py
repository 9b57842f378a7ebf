"""Without this module nobody would see where the certificate is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.delivery import models, queries
from app.delivery.ports import DeliveredTo, ParcelState, ParcelTracker
from app.delivery.rules import STATE_WORDS, Watch
from app.kernel import ports
from app.kernel.inbox.notices import Notice
from app.profiles.rules import Address
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

strawberry.enum(ParcelState)
strawberry.enum(DeliveredTo)
strawberry.enum(Watch)


@strawberry.type(description="物流节点 · One step of a parcel's way.")
class ParcelEvent:
    at: datetime
    text: str
    place: str
    state: ParcelState | None

    @classmethod
    def of(cls, row: models.ParcelEvent) -> ParcelEvent:
        return cls(at=row.at, text=row.text, place=row.place, state=row.state)


@strawberry.type(description="包裹 · A parcel with the result of a case.")
class Parcel:
    id: strawberry.ID
    carrier: str
    carrier_name: str
    tracking_number: str | None = strawberry.field(description="None until the carrier gives it.")
    state: ParcelState
    state_at: datetime
    delivered_to: DeliveredTo | None
    watch: Watch = strawberry.field(description="Whether the tracker tells us of its moves.")
    watch_remark: str
    row: strawberry.Private[models.Parcel]

    @classmethod
    def of(cls, row: models.Parcel) -> Parcel:
        return cls(
            id=strawberry.ID(str(row.id)),
            carrier=row.carrier,
            carrier_name=row.carrier_name,
            tracking_number=row.tracking_number,
            state=row.state,
            state_at=row.state_at,
            delivered_to=row.delivered_to,
            watch=row.watch,
            watch_remark=row.watch_remark,
            row=row,
        )

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*STATE_WORDS[self.state])

    @computed("The parcel's way, newest first.", batch=queries.timelines_of)
    async def timeline(self, info: Info) -> list[ParcelEvent]:
        return [ParcelEvent.of(row) for row in await info.context.load(queries.timelines_of, self.row.id)]

    @computed(batch=queries.timelines_of)
    async def latest_event(self, info: Info) -> ParcelEvent | None:
        rows = await info.context.load(queries.timelines_of, self.row.id)
        return ParcelEvent.of(rows[0]) if rows else None


@strawberry.type(description="寄送面单 · Who and where a result is posted to, in full; each look is audited.")
class ShippingLabel:
    receiver: str
    phone: str
    division_code: str
    detail: str

    @classmethod
    def of(cls, address: Address) -> ShippingLabel:
        return cls(
            receiver=address.receiver,
            phone=address.phone,
            division_code=address.division_code,
            detail=address.detail,
        )


@strawberry.type(description="承运商 · A carrier whose parcels can be followed.")
class Carrier:
    code: str
    name_zh: str

    @classmethod
    def every(cls) -> list[Carrier]:
        trackers = ports.every(ParcelTracker).values()
        return [cls(code=code, name_zh=name) for tracker in trackers for code, name in tracker.carriers.items()]


@strawberry.type(description="A push for a parcel nobody registered; kept for the staff.")
class UnknownPush:
    id: strawberry.ID
    tracker: str
    carrier: str
    tracking_number: str
    received_at: datetime
    deliveries: int

    @classmethod
    def of(cls, row: Notice) -> UnknownPush:
        return cls(
            id=strawberry.ID(str(row.id)),
            tracker=row.provider,
            carrier=row.content["carrier"],
            tracking_number=row.content["number"],
            received_at=row.received_at,
            deliveries=row.deliveries,
        )


ShippingLabelResult = Annotated[ShippingLabel | Problem, strawberry.union("ShippingLabelResult")]
ParcelResult = Annotated[Parcel | Problem, strawberry.union("ParcelResult")]
