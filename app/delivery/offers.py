"""Without this module nobody could say before ordering who may come, who pays, and roughly what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

import orjson

from app.cases.queries import case_of
from app.catalogue.models import Division
from app.delivery.ends import chosen_address, hall_address, hall_for
from app.delivery.errors import CourierNotOffered
from app.delivery.models import Parcel
from app.delivery.order_rules import payers_open
from app.delivery.ports import CarrierOrders, CourierOrder, Party, Payer
from app.delivery.words import Direction
from app.kernel import ports
from app.kernel.actor import Actor
from app.kernel.errors import ProviderUnavailable
from app.kernel.privacy import unseal
from app.profiles.rules import PROVINCES, Address

CARGO = "文件"


@dataclass(frozen=True)
class Offer:
    """A carrier that can be ordered, with a pick-up window or also without.

    `fee_fen` is about what it costs, None when the carrier does not say.
    """

    carrier: str
    carrier_name: str
    payer: Payer
    window_needed: bool
    fee_fen: int | None = None


def offers(direction: Direction) -> list[Offer]:
    """Who may be ordered which way and who may pay, without prices."""
    found: dict[tuple[str, Payer], Offer] = {}
    for agent in ports.every(CarrierOrders):
        orders = ports.get(CarrierOrders, agent)
        for carrier, name in orders.carriers.items():
            for payer in payers_open(direction, orders.payers):
                offer = Offer(carrier, name, payer, carrier in orders.by_appointment)
                found.setdefault((carrier, payer), offer)
    return list(found.values())


def agent_for(carrier: str, payer: Payer, direction: Direction) -> tuple[str, CarrierOrders]:
    """Whom a carrier is ordered through: the carrier itself where we are connected to it.

    Raises `CourierNotOffered`.
    """
    agents = ports.every(CarrierOrders)
    for code in sorted(agents, key=lambda code: code != carrier):
        if carrier in agents[code].carriers and payer in payers_open(direction, agents[code].payers):
            return code, agents[code]
    raise CourierNotOffered(field="carrier")


async def offers_for(
    actor: Actor, case_id: UUID, hall: str, *, address: Address | None, address_id: UUID | None
) -> list[Offer]:
    """Who can fetch the materials of a case from an address, with about what it costs.

    All carriers are asked at once; who does not say in time has no price. Raises `NotFound`, `MaterialsNotByPost`,
    `HallCannotReceive` or `AddressInvalid`.
    """
    case = await case_of(case_id, actor)
    point = await hall_for(case, hall)
    sender = await party(await chosen_address(actor.resident_id(), address, address_id))
    receiver = await party(hall_address(point))
    open_ones = offers(Direction.MATERIAL_TO_HALL)
    return await asyncio.gather(*(_priced(offer, sender, receiver) for offer in open_ones))


async def _priced(offer: Offer, sender: Party, receiver: Party) -> Offer:
    _, orders = agent_for(offer.carrier, offer.payer, Direction.MATERIAL_TO_HALL)
    try:
        fee = await orders.price(CourierOrder("", offer.carrier, sender, receiver, offer.payer, CARGO))
    except ProviderUnavailable:
        fee = None
    return replace(offer, fee_fen=fee)


async def order_of(parcel: Parcel) -> CourierOrder:
    """A parcel in the words of a carrier."""
    assert parcel.order_no is not None
    assert parcel.sender_sealed is not None
    return CourierOrder(
        order_no=parcel.order_no,
        carrier=parcel.carrier,
        sender=await party(_opened(parcel.sender_sealed)),
        receiver=await party(_opened(parcel.receiver_sealed)),
        payer=parcel.payer,
        cargo=CARGO,
        weight_g=parcel.weight_g,
        pickup_from=parcel.pickup_from,
        pickup_until=parcel.pickup_until,
        remark="证照文件,请核验收件人身份证件后交付" if parcel.needs_identity else "",
    )


def _opened(sealed: str) -> Address:
    return Address(**orjson.loads(unseal(sealed)))


async def party(address: Address) -> Party:
    """An address with the names of its province, city and county (GB/T 2260), as far as they are known."""
    code = address.division_code
    codes = [f"{code[:2]}0000", f"{code[:4]}00", code[:6]]
    known = {row.code: row.name_zh for row in await Division.filter(code__in=codes)}
    province = known.get(codes[0]) or PROVINCES.get(code[:2], "")
    city = known.get(codes[1], "") if code[2:4] != "00" else ""
    county = known.get(codes[2], "") if code[4:6] != "00" else ""
    return Party(address.receiver, address.phone, (province, city, county), address.detail)
