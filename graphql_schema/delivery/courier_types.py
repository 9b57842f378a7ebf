"""Without this module nobody would know before ordering who comes, when, and at whose cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.delivery import offers
from app.delivery.order_rules import PAYER_WORDS
from app.delivery.ordering import Courier
from app.delivery.ports import Payer
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_key


@strawberry.type(description="可选快递 · A carrier that can be ordered, who pays, and about what it costs.")
class CourierOffer:
    carrier: str
    carrier_name: str
    payer: Payer
    window_needed: bool = strawberry.field(description="Whether a pick-up window has to be chosen.")
    fee_fen: int | None = strawberry.field(description="About; None when the carrier does not say.")

    @classmethod
    def of(cls, offer: offers.Offer) -> CourierOffer:
        return cls(
            carrier=offer.carrier,
            carrier_name=offer.carrier_name,
            payer=offer.payer,
            window_needed=offer.window_needed,
            fee_fen=offer.fee_fen,
        )

    @computed("Who pays, in plain words.")
    def payer_text(self, info: Info) -> str:
        return info.context.say(*PAYER_WORDS[self.payer])


@strawberry.type(description="What can be ordered for a case.")
class CourierOffers:
    offers: list[CourierOffer]


@strawberry.input(description="要叫的快递 · Which courier, who pays, when to come, and the hall at one end of the way.")
class CourierInput:
    carrier: str
    payer: Payer
    hall: str = strawberry.field(description="The key of a service point.")
    pickup_from: datetime | None = None
    pickup_until: datetime | None = None
    weight_g: int | None = None

    def value(self) -> Courier:
        return Courier(
            self.carrier[:40], self.payer, as_key(self.hall), self.pickup_from, self.pickup_until, self.weight_g
        )


CourierOffersResult = Annotated[CourierOffers | Problem, strawberry.union("CourierOffersResult")]
