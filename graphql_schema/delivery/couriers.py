"""Without this module no courier could be called, by residents for materials or by the desk for results."""

from __future__ import annotations

import strawberry

from app.delivery import offers, ordering, sending_back
from app.delivery.words import Direction
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.delivery.courier_types import CourierInput, CourierOffer, CourierOffers, CourierOffersResult
from graphql_schema.delivery.types import Parcel, ParcelResult
from graphql_schema.guards import RESIDENTS, lookup, mutation, query, residents_and_staff, staff
from graphql_schema.profiles.types import AddressInput
from graphql_schema.scalars import as_key, as_uuid


@strawberry.type
class CourierQuery:
    @lookup(RESIDENTS, "寄材料可选快递 · Who can fetch the materials of my case, and at whose cost.")
    async def courier_offers(
        self,
        info: Info,
        case_id: strawberry.ID,
        hall: str,
        address: AddressInput | None = None,
        address_id: strawberry.ID | None = None,
    ) -> CourierOffersResult:
        found = await offers.offers_for(
            info.context.actor,
            as_uuid(case_id),
            as_key(hall),
            address=address.value() if address else None,
            address_id=as_uuid(address_id) if address_id else None,
        )
        return CourierOffers(offers=[CourierOffer.of(offer) for offer in found])

    @query(staff(Role.ISSUER), "寄结果可选快递 · Who can be ordered for results, and who may pay.")
    async def posting_offers(self) -> list[CourierOffer]:
        return [CourierOffer.of(offer) for offer in offers.offers(Direction.RESULT_TO_APPLICANT)]


@strawberry.type
class CourierMutation:
    @mutation(RESIDENTS, "叫快递寄材料 · Have the materials of my case fetched and brought to the hall.")
    async def order_courier(
        self,
        info: Info,
        case_id: strawberry.ID,
        courier: CourierInput,
        idempotency_key: strawberry.ID,
        address: AddressInput | None = None,
        address_id: strawberry.ID | None = None,
    ) -> ParcelResult:
        parcel = await ordering.order_courier(
            info.context.actor,
            as_uuid(case_id),
            courier.value(),
            address=address.value() if address else None,
            address_id=as_uuid(address_id) if address_id else None,
            idempotency_key=idempotency_key,
        )
        return Parcel.of(parcel)

    @mutation(residents_and_staff(Role.ISSUER), "取消叫件 · Call a courier off, until the parcel is picked up.")
    async def cancel_courier(self, info: Info, parcel_id: strawberry.ID) -> ParcelResult:
        return Parcel.of(await ordering.cancel_courier(info.context.actor, as_uuid(parcel_id)))

    @mutation(staff(Role.ISSUER), "下单寄结果 · Order a courier for the results of cases of one person.")
    async def post_cases(
        self, info: Info, case_ids: list[strawberry.ID], courier: CourierInput, idempotency_key: strawberry.ID
    ) -> ParcelResult:
        keys = [as_uuid(key) for key in case_ids]
        parcel = await ordering.post_cases(info.context.actor, keys, courier.value(), idempotency_key=idempotency_key)
        return Parcel.of(parcel)

    @mutation(
        staff(Role.ISSUER),
        "退还材料 · Send the materials of a case back to where they came from; with a number, no courier is ordered.",
    )
    async def return_materials(
        self,
        info: Info,
        case_id: strawberry.ID,
        courier: CourierInput,
        idempotency_key: strawberry.ID,
        tracking_number: str = "",
    ) -> ParcelResult:
        parcel = await sending_back.return_materials(
            info.context.actor, as_uuid(case_id), courier.value(), tracking_number, idempotency_key=idempotency_key
        )
        return Parcel.of(parcel)
