"""Without this module a machine could be put up in a hall its administrator has nothing to do with."""

from __future__ import annotations

from uuid import UUID

from app.catalogue.queries import keys_of_points_for, service_point_for
from app.identity import devices
from app.identity.devices import DevicePage, Registered
from app.identity.models import Device, DeviceKind
from app.identity.rules import Role
from app.kernel.actor import Actor


async def register_device(actor: Actor, kind: DeviceKind, service_point: str, name: str) -> Registered:
    """Put up a machine at a service point of the administrator's division; its token is shown this once.

    Raises `NotAllowed`, `InvalidInput`, or `NotFound` alike for no such place and for one elsewhere in the city.
    """
    actor.staff_id(Role.SYSTEM_ADMINISTRATOR)
    point = await service_point_for(actor, service_point)
    return await devices.register(actor, kind, point.key, name)


async def revoke_device(actor: Actor, device_id: UUID) -> Device:
    """Take a machine down: whoever has its token is nobody from now on. Raises `NotAllowed` or `NotFound`."""
    return await devices.revoke(actor, device_id, await keys_of_points_for(actor))


async def devices_for(actor: Actor, *, limit: int, after: UUID | None) -> DevicePage:
    """The machines of one's part of the city. Raises `NotAllowed`."""
    return await devices.devices_at(actor, await keys_of_points_for(actor), limit=limit, after=after)
