"""Without this module nobody could put up a scanner, or shut out one that was stolen."""

from __future__ import annotations

import strawberry

from app.catalogue import equipment
from app.identity.models import DeviceKind
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.devices.types import Device, DeviceRegistered, DeviceRegisteredResult, DeviceResult
from graphql_schema.guards import mutation, staff
from graphql_schema.scalars import as_key, as_uuid

_SYSTEM = staff(Role.SYSTEM_ADMINISTRATOR)


@strawberry.type
class DevicesMutation:
    @mutation(_SYSTEM, "登记设备 · Put up a scanner, kiosk or screen at a service point; its token is shown once.")
    async def register_device(
        self, info: Info, kind: DeviceKind, service_point: str, name: str
    ) -> DeviceRegisteredResult:
        registered = await equipment.register_device(info.context.actor, kind, as_key(service_point), name)
        return DeviceRegistered.of(registered)

    @mutation(_SYSTEM, "停用设备 · Shut a machine out, everywhere within half a minute.")
    async def revoke_device(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
    ) -> DeviceResult:
        return Device.of(await equipment.revoke_device(info.context.actor, as_uuid(id)))
