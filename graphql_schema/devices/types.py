"""Without this module an administrator could not see which machines stand where."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.identity import devices, models
from app.identity.models import DeviceKind
from graphql_schema.problems import Problem

strawberry.enum(DeviceKind, description="设备类型 · What stands in a hall and asks by itself.")


@strawberry.type(description="设备 · A machine of a hall with an account of its own.")
class Device:
    id: strawberry.ID
    kind: DeviceKind
    service_point: str
    name: str
    registered_at: datetime
    seen_at: datetime | None = strawberry.field(description="When it last asked something, to the minute.")
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: models.Device) -> Device:
        return cls(
            id=strawberry.ID(str(row.id)),
            kind=row.kind,
            service_point=row.service_point,
            name=row.name,
            registered_at=row.registered_at,
            seen_at=row.seen_at,
            revoked_at=row.revoked_at,
        )


@strawberry.type(description="设备令牌 · What the machine sends as `Authorization: Bearer`; shown once.")
class DeviceRegistered:
    device: Device
    token: str

    @classmethod
    def of(cls, registered: devices.Registered) -> DeviceRegistered:
        return cls(device=Device.of(registered.device), token=registered.token)


DeviceResult = Annotated[Device | Problem, strawberry.union("DeviceResult")]
DeviceRegisteredResult = Annotated[DeviceRegistered | Problem, strawberry.union("DeviceRegisteredResult")]
