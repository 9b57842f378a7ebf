"""Without this module the hall's screens, its kiosks and everybody at home would ask for three different queues."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.catalogue.models import ServiceItem
from app.catalogue.queries import businesses_by_letter
from app.identity.models import DeviceKind
from app.queueing import boards
from app.queueing.board_rules import Crowd
from graphql_schema.catalogue.types import ServicePoint
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.guards import EVERYONE, devices, lookup, query
from graphql_schema.problems import Problem
from graphql_schema.queueing.types import ExpectedWait
from graphql_schema.scalars import as_key

strawberry.enum(Crowd, description="拥挤程度 · How full it is now, by the business's own warning.")


@strawberry.type(description="刚叫的号 · A number that was called, and the window it was called to.")
class CalledNumber:
    code: str
    window: int


@strawberry.type(description="业务现况 · One business of a hall at this moment.")
class BusinessNow:
    category: str
    category_name: str
    waiting: int
    windows: int = strawberry.field(description="Windows that call for it now; paused ones do not.")
    crowd: Crowd
    called: list[CalledNumber] = strawberry.field(description="The last calls, newest first.")
    expected_wait: ExpectedWait = strawberry.field(description="For who takes a number now.")
    numbers_given: bool = strawberry.field(description="Whether there are numbers without a booking now.")
    why_not: str | None = strawberry.field(description="Why there are none, and what to do.")

    @classmethod
    def of(cls, now: boards.BusinessNow, info: Info) -> BusinessNow:
        return cls(
            category=now.category,
            category_name=info.context.say(now.named.name_zh, now.named.name_en),
            waiting=now.pace.waiting,
            windows=now.pace.windows,
            crowd=now.crowd,
            called=[CalledNumber(code=call.code, window=call.window) for call in now.called],
            expected_wait=ExpectedWait.of(now.wait, info),
            numbers_given=now.refused is None,
            why_not=now.refused.sentence(info.context.language) if now.refused else None,
        )


@strawberry.type(description="大厅实况 · The live board of a hall; numbers only, no names.")
class HallBoard:
    service_point: str
    businesses: list[BusinessNow]

    @classmethod
    def of(cls, board: boards.HallBoard, info: Info) -> HallBoard:
        return cls(
            service_point=board.service_point,
            businesses=[BusinessNow.of(business, info) for business in board.businesses],
        )


@strawberry.type(description="余号 · Places of one day that a phone could book now.")
class FreePlaces:
    day: date
    places: int


@strawberry.type(description="大厅忙闲 · How full a hall is, and its free places of today and the next six days.")
class HallNow:
    service_point: ServicePoint
    waiting: int
    crowd: Crowd
    free: list[FreePlaces]

    @classmethod
    def of(cls, hall: boards.HallNow, category: str | None, info: Info) -> HallNow:
        return cls(
            service_point=ServicePoint.of(hall.point, info),
            waiting=hall.waiting_for(category),
            crowd=hall.crowd_for(category),
            free=[FreePlaces(day=day, places=places) for day, places in sorted(hall.free_for(category).items())],
        )


@strawberry.type(description="叫号屏的一行 · A number being called.")
class ScreenCall:
    code: str
    category: str
    window: int
    holder: str = strawberry.field(description="The masked name; empty when nobody was named.")
    called_at: datetime
    recalls: int = strawberry.field(description="How often it was called again.")

    @classmethod
    def of(cls, call: boards.ScreenCall) -> ScreenCall:
        return cls(
            code=call.code,
            category=call.category,
            window=call.window,
            holder=call.holder,
            called_at=call.called_at,
            recalls=call.recalls,
        )

    @computed("What is done there.", batch=businesses_by_letter)
    async def category_name(self, info: Info) -> str:
        business = await info.context.load(businesses_by_letter, self.category)
        return info.context.say(business.name_zh, business.name_en)


@strawberry.type(description="可办事项 · What one takes a number for.")
class KioskItem:
    key: str
    name: str

    @classmethod
    def of(cls, row: ServiceItem, info: Info) -> KioskItem:
        return cls(key=row.key, name=info.context.say(row.name_zh, row.name_en))


@strawberry.type(description="取号机的一项业务 · A business a kiosk offers.")
class KioskBusiness:
    now: BusinessNow
    items: list[KioskItem]

    @classmethod
    def of(cls, offered: boards.KioskBusiness, info: Info) -> KioskBusiness:
        return cls(
            now=BusinessNow.of(offered.now, info),
            items=[KioskItem.of(row, info) for row in offered.items],
        )


HallBoardResult = Annotated[HallBoard | Problem, strawberry.union("HallBoardResult")]


@strawberry.type
class BoardsQuery:
    @lookup(EVERYONE, "大厅实况 · How a hall's queues stand, at most two seconds old.")
    async def hall_board(self, info: Info, service_point: str) -> HallBoardResult:
        return HallBoard.of(await boards.hall_board(as_key(service_point)), info)

    @query(EVERYONE, "各大厅忙闲 · Free places and present crowd of every hall, or of those serving a business.")
    async def halls(self, info: Info, category: str | None = None) -> list[HallNow]:
        return [HallNow.of(hall, category, info) for hall in await boards.halls_now(category)]

    @query(devices(DeviceKind.SCREEN), "叫号屏 · Who is being called in the screen's own hall, newest first.")
    async def call_screen(self, info: Info) -> list[ScreenCall]:
        return [ScreenCall.of(call) for call in await boards.call_screen(info.context.actor)]

    @query(devices(DeviceKind.KIOSK), "取号机 · The businesses of the kiosk's own hall.")
    async def kiosk_feed(self, info: Info) -> list[KioskBusiness]:
        return [KioskBusiness.of(offered, info) for offered in await boards.kiosk_feed(info.context.actor)]
