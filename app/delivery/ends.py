"""Without this module an order would not know its two ends: a hall, and where somebody lives."""

from __future__ import annotations

from uuid import UUID

from app.cases.models import Case
from app.catalogue.models import ServicePoint
from app.catalogue.queries import items_by_id, service_points_by_key
from app.delivery.errors import HallCannotReceive, MaterialsNotByPost
from app.delivery.rules import materials_by_post
from app.kernel.errors import NotFound
from app.kernel.settings import get_settings
from app.profiles.queries import entry_of, opened, provinces_here
from app.profiles.rules import Address, check_address


async def hall_for(case: Case, key: str) -> ServicePoint:
    """A hall that handles the item of a case, where it takes materials by post.

    Raises `NotFound`, `MaterialsNotByPost` or `HallCannotReceive`.
    """
    [item] = await items_by_id([case.item_id])
    [point] = await service_points_by_key([key])
    if item is None or point is None:
        raise NotFound(what_zh="这个服务点", what_en="service point")
    if not materials_by_post(item.guide):
        raise MaterialsNotByPost
    if item.queue_category is not None and item.queue_category not in point.queue_categories:
        raise HallCannotReceive(field="hall")
    return point


async def chosen_address(owner: UUID, address: Address | None, address_id: UUID | None) -> Address:
    """What was typed, checked, or what the address book says. Raises `AddressInvalid` or `NotFound`."""
    if address is not None:
        return check_address(address, provinces_here())
    if address_id is None:
        raise NotFound(what_zh="寄件地址", what_en="address", field="addressId")
    return opened(await entry_of(owner, address_id))


def hall_address(point: ServicePoint) -> Address:
    """A hall as couriers are told of it."""
    return Address(point.name_zh[:30], get_settings().posting_phone, point.division_code, point.address_zh)
