"""Without this module a scanner, a kiosk or a screen would have to borrow the account of a person.

The system administrator puts up the machines of the halls in their part of the city. A machine stands in one place
and may do what its kind needs there, nothing else; its token is shown once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.identity.models import Device, DeviceKind
from app.identity.queries import recent_sessions
from app.identity.rules import Role
from app.identity.tokens import make_device_token, token_hash
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput, NotFound

LONGEST_NAME = 60


@dataclass(frozen=True)
class Registered:
    """A device and what it says from now on; nobody can see its token again."""

    device: Device
    token: str


async def register(actor: Actor, kind: DeviceKind, place: str, name: str) -> Registered:
    """Give a machine an account at a place, which the caller has looked up in the administrator's part of the city.

    Raises `NotAllowed` or `InvalidInput`.
    """
    known_as = name.strip()
    staff_id = actor.staff_id(Role.SYSTEM_ADMINISTRATOR)
    if not 1 <= len(known_as) <= LONGEST_NAME or not known_as.isprintable():
        raise InvalidInput(field="name", reason_zh="设备名称为1至60个字", reason_en="a name has 1 to 60 characters")
    device_id = db.new_id()
    token = make_device_token(device_id)
    async with db.transaction():
        device = await Device.create(
            id=device_id,
            kind=kind,
            service_point=place,
            name=known_as,
            token_hash=token_hash(token),
            registered_by_id=staff_id,
            registered_at=clock.now(),
        )
        await _note(actor, "registered", device)
    return Registered(device, token)


async def revoke(actor: Actor, device_id: UUID, places: Sequence[str]) -> Device:
    """Shut a machine of these places out: here at once, everywhere within half a minute. Again is harmless.

    Raises `NotAllowed`, or `NotFound` alike for none and for one elsewhere in the city.
    """
    actor.staff_id(Role.SYSTEM_ADMINISTRATOR)
    async with db.transaction():
        device = await Device.select_for_update().get_or_none(id=device_id, service_point__in=list(places))
        if device is None:
            raise NotFound(what_zh="这台设备", what_en="device")
        if device.revoked_at is None:
            device.revoked_at = clock.now()
            await device.save(update_fields=["revoked_at"])
            await _note(actor, "revoked", device)
    recent_sessions.forget(device_id)
    return device


@dataclass(frozen=True)
class DevicePage:
    devices: list[Device]
    has_more: bool


async def devices_at(actor: Actor, places: Sequence[str], *, limit: int, after: UUID | None) -> DevicePage:
    """The machines of these places, revoked ones too, in the order they were registered. Raises `NotAllowed`."""
    actor.staff_id(Role.SYSTEM_ADMINISTRATOR)
    query = Device.filter(service_point__in=list(places))
    if after is not None:
        query = query.filter(id__gt=after)
    found = await query.order_by("id").limit(limit + 1)
    return DevicePage(found[:limit], has_more=len(found) > limit)


async def _note(actor: Actor, act: str, device: Device) -> None:
    detail = {"kind": device.kind.value, "service_point": device.service_point}
    await audit.record(actor, f"identity.device_{act}", f"device:{device.id}", detail=detail)
