"""Without this module the hall could not open an evening, a Saturday, or a day of visits to people's homes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.booking import places
from app.booking.errors import SessionInvalid
from app.booking.halls.layout import hold, lay
from app.booking.halls.relaying import Room
from app.booking.models import ExtraSession, Slot
from app.booking.policies import policy_of
from app.booking.rules import Layer, check_session, cut
from app.catalogue.queries import service_point_for
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor


async def open_extra_session(
    actor: Actor,
    service_point: str,
    category: str,
    opens_at: datetime,
    closes_at: datetime,
    capacity: int,
    layer: Layer = Layer.EXTRA,
) -> Sequence[Slot]:
    """Open hours beyond the ordinary ones, or home visits; slots of the business's length, `capacity` places each.

    Who waits for such hours is offered the places first. For the manager of a hall in their part of the city. It may
    overlap slots of other layers. Raises `NotAllowed`, `NotFound` or `SessionInvalid` (also when it overlaps slots of
    its own layer).
    """
    staff_id = actor.staff_id(Role.DEPARTMENT_MANAGER)
    check_session(opens_at, closes_at, capacity, clock.now())
    if layer is Layer.ORDINARY:
        raise SessionInvalid(
            reason_zh="日常时段按规则排出,请选择加开或上门",
            reason_en="ordinary slots follow the rules; choose extra hours or home visits",
        )
    async with db.transaction():
        point = await service_point_for(actor, service_point)
        if category not in point.queue_categories:
            raise SessionInvalid(
                reason_zh="该服务点不办理这类业务", reason_en="the service point does not serve this business"
            )
        await hold(service_point, category)
        slots = Slot.filter(service_point_id=service_point, category=category, layer=layer)
        if await slots.filter(starts_at__lt=closes_at, ends_at__gt=opens_at).exists():
            raise SessionInvalid(reason_zh="与已有时段重叠", reason_en="it overlaps slots that are there already")
        session = await ExtraSession.create(
            service_point_id=service_point,
            category=category,
            layer=layer,
            opens_at=opens_at,
            closes_at=closes_at,
            capacity=capacity,
            opened_by_id=staff_id,
            opened_on=clock.now(),
        )
        policy = await policy_of(service_point, category)
        stretches = cut(opens_at, closes_at, policy.slot_minutes)
        laid = await lay(service_point, category, layer, stretches, Room(capacity, capacity))
        if not laid:
            raise SessionInvalid(reason_zh="时间不足以排出一个时段", reason_en="there is no room for a single slot")
        await places.set_aside_new(laid)
        await audit.record(actor, "booking.session_opened", f"session:{session.id}", detail={"layer": layer.value})
        return await slots.filter(starts_at__gte=opens_at, ends_at__lte=closes_at).order_by("starts_at")
