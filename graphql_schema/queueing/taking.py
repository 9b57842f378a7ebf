"""Without this module who comes without a booking would get no number: by phone, at a kiosk, at the desk."""

from __future__ import annotations

import strawberry

from app.booking.nearness import Where
from app.identity.models import DeviceKind
from app.identity.rules import Role
from app.queueing import rejoining, walk_ins
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, devices, mutation, staff
from graphql_schema.queueing.types import TakenNumber, TakenNumberResult, Ticket, TicketResult
from graphql_schema.scalars import as_key

_KIOSK = devices(DeviceKind.KIOSK)


@strawberry.input(description="手机所在位置 · Where the phone is: degrees in GCJ-02.")
class Whereabouts:
    latitude: float
    longitude: float
    accuracy_metres: float = strawberry.field(description="By how much it may be wrong.")


@strawberry.input(description="取号的人 · Who takes a number, as far as they say. Of a name only the mask is kept.")
class WalkIn:
    id_number: str | None = None
    name: str | None = None

    def asked(self) -> walk_ins.Person:
        return walk_ins.Person(self.id_number or "", self.name or "")


@strawberry.type
class TakingMutation:
    @mutation(RESIDENTS, "现场取号 · Take a number without a booking, with one's own phone inside the hall.")
    async def take_number(
        self,
        info: Info,
        service_point: str,
        category: str,
        idempotency_key: strawberry.ID,
        where: Whereabouts | None = None,
    ) -> TakenNumberResult:
        wanted = walk_ins.Wanted(category, idempotency_key)
        place = Where(where.latitude, where.longitude, where.accuracy_metres) if where else None
        taken = await walk_ins.take_by_phone(info.context.actor, as_key(service_point), wanted, place)
        return TakenNumber.of(taken, info)

    @mutation(_KIOSK, "取号机取号 · Take a number at the hall's machine, for its own service point.")
    async def take_number_at_kiosk(
        self,
        info: Info,
        category: str,
        idempotency_key: strawberry.ID,
        green: bool = False,
        person: WalkIn | None = None,
    ) -> TakenNumberResult:
        wanted = walk_ins.Wanted(category, idempotency_key, green)
        taken = await walk_ins.take_at_kiosk(info.context.actor, wanted, (person or WalkIn()).asked())
        return TakenNumber.of(taken, info)

    @mutation(staff(Role.WINDOW_ACCEPTOR), "前台取号 · Take a number for somebody at the hall's desk.")
    async def take_number_at_desk(
        self,
        info: Info,
        service_point: str,
        category: str,
        idempotency_key: strawberry.ID,
        green: bool = False,
        person: WalkIn | None = None,
    ) -> TakenNumberResult:
        wanted = walk_ins.Wanted(category, idempotency_key, green)
        taken = await walk_ins.take_at_desk(
            info.context.actor, as_key(service_point), wanted, (person or WalkIn()).asked()
        )
        return TakenNumber.of(taken, info)

    @mutation(_KIOSK, "重新排队 · Queue again with a passed number at the machine; an account's with its card.")
    async def rejoin_at_kiosk(self, info: Info, code: str, person: WalkIn | None = None) -> TicketResult:
        asked = (person or WalkIn()).asked()
        return Ticket.of(await rejoining.rejoin_at_kiosk(info.context.actor, code, asked))
