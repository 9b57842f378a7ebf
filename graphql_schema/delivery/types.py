"""Without this module nobody would see where the certificate is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
import strawberry

from app.delivery import models, queries
from app.delivery.order_rules import PAYER_WORDS, may_cancel
from app.delivery.ports import DeliveredTo, ParcelState, ParcelTracker, Payer
from app.delivery.rules import Watch, may_confirm, state_words
from app.delivery.words import DIRECTION_WORDS, ORDER_WORDS, Direction, OrderState
from app.kernel import ports
from app.kernel.inbox.notices import Notice
from app.kernel.privacy import unseal
from app.links.things import LinkKind, Thing
from app.profiles.rules import Address
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.links.types import Link
from graphql_schema.problems import Problem

strawberry.enum(ParcelState)
strawberry.enum(DeliveredTo)
strawberry.enum(Watch)
strawberry.enum(Direction, name="ParcelDirection")
strawberry.enum(Payer)
strawberry.enum(OrderState, name="CourierOrderState")


@strawberry.type(description="物流节点 · One step of a parcel's way.")
class ParcelEvent:
    at: datetime
    text: str
    place: str
    state: ParcelState | None
    row: strawberry.Private[models.ParcelEvent]

    @classmethod
    def of(cls, row: models.ParcelEvent) -> ParcelEvent:
        return cls(at=row.at, text=row.text, place=row.place, state=row.state, row=row)

    @computed("The state in plain words; one we do not know is on its way.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*state_words(self.state or ParcelState.IN_TRANSIT, self.row.delivered_to))


@strawberry.type(description="快递员 · Who comes for a parcel.")
class Courier:
    name: str
    phone: str


@strawberry.type(description="包裹 · A parcel with papers of one person's cases, whichever way it goes.")
class Parcel:
    id: strawberry.ID
    direction: Direction
    carrier: str
    carrier_name: str
    tracking_number: str | None = strawberry.field(description="None until the carrier gives one.")
    payer: Payer
    weight_g: int | None
    fee_fen: int | None = strawberry.field(description="What the carrier asked in all; None while it has not said.")
    needs_identity: bool = strawberry.field(description="Only given to who shows the papers of the addressee.")
    order_no: str | None
    order_state: OrderState | None
    order_remark: str
    pickup_from: datetime | None
    pickup_until: datetime | None
    state: ParcelState
    state_at: datetime
    delivered_to: DeliveredTo | None
    expected_from: datetime | None = strawberry.field(description="Between when it will come, by earlier parcels.")
    expected_until: datetime | None
    received_at: datetime | None = strawberry.field(description="When the hall had it in its hands.")
    watch: Watch = strawberry.field(description="Whether the tracker tells us of its moves.")
    watch_remark: str
    row: strawberry.Private[models.Parcel]

    @classmethod
    def of(cls, row: models.Parcel) -> Parcel:
        return cls(
            id=strawberry.ID(str(row.id)),
            direction=row.direction,
            carrier=row.carrier,
            carrier_name=row.carrier_name,
            tracking_number=row.tracking_number,
            payer=row.payer,
            weight_g=row.weight_g,
            fee_fen=row.fee_fen,
            needs_identity=row.needs_identity,
            order_no=row.order_no,
            order_state=row.order_state,
            order_remark=row.order_remark,
            pickup_from=row.pickup_from,
            pickup_until=row.pickup_until,
            state=row.state,
            state_at=row.state_at,
            delivered_to=row.delivered_to,
            expected_from=row.expected_from,
            expected_until=row.expected_until,
            received_at=row.received_at,
            watch=row.watch,
            watch_remark=row.watch_remark,
            row=row,
        )

    @computed("The state in plain words.")
    def state_text(self, info: Info) -> str:
        return info.context.say(*state_words(self.state, self.delivered_to))

    @computed("Which way it goes, in plain words.")
    def direction_text(self, info: Info) -> str:
        return info.context.say(*DIRECTION_WORDS[self.direction])

    @computed("Who pays, in plain words.")
    def payer_text(self, info: Info) -> str:
        return info.context.say(*PAYER_WORDS[self.payer])

    @computed("How the order stands, in plain words; None for a number that was typed in.")
    def order_text(self, info: Info) -> str | None:
        return info.context.say(*ORDER_WORDS[self.order_state]) if self.order_state else None

    @computed("Whether the courier can still be called off.")
    def cancellable(self) -> bool:
        return may_cancel(self.row.order_state, self.row.state, self.row.handed_over_at)

    @computed("Whether the applicant may say that they have the result: `confirmReceipt`.")
    def confirmable(self) -> bool:
        result = self.direction is Direction.RESULT_TO_APPLICANT
        return result and self.row.confirmed_at is None and may_confirm(self.state)

    @computed("Who comes, once the carrier has said so.")
    def courier(self) -> Courier | None:
        return Courier(**orjson.loads(unseal(self.row.courier_sealed))) if self.row.courier_sealed else None

    @computed("From outside the app to this parcel.")
    def link(self) -> Link:
        return Link.to(Thing(LinkKind.PARCEL, self.row.id))

    @computed("The cases whose papers are inside.", batch=queries.cases_of_parcels)
    async def case_ids(self, info: Info) -> list[strawberry.ID]:
        return [strawberry.ID(str(key)) for key in await info.context.load(queries.cases_of_parcels, self.row.id)]

    @computed("The parcel's way, newest first; of a very long one the newest part.", batch=queries.timelines_of)
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
        known = {code: name for tracker in trackers for code, name in tracker.carriers.items()}
        return [cls(code=code, name_zh=name) for code, name in known.items()]

    @classmethod
    def of_number(cls, codes: list[str]) -> list[Carrier]:
        known = {carrier.code: carrier for carrier in cls.every()}
        return [known[code] for code in codes]


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
