"""Without this module nobody could read what an item needs, costs and takes."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from app.catalogue import models, queries
from app.catalogue.rules import LimitUnit, PlaceLevel, fee_key_of, level_of
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.identity.types import AssuranceLevel
from graphql_schema.problems import Problem

strawberry.enum(LimitUnit)
strawberry.enum(PlaceLevel)

_UNIT_WORDS = {
    LimitUnit.WORKING_DAY: ("个工作日", "working days"),
    LimitUnit.CALENDAR_DAY: ("日", "calendar days"),
}


@strawberry.type(description="办理时限 · A time limit; 0 means on the spot, null that no law sets one.")
class Limit:
    value: int | None
    unit: LimitUnit | None
    note: str | None

    @computed("In plain words.")
    def text(self, info: Info) -> str:
        if self.value is None:
            return info.context.say("法律未规定", "not set by law")
        if self.value == 0 or self.unit is None:
            return info.context.say("即办", "on the spot")
        zh, en = _UNIT_WORDS[self.unit]
        return info.context.say(f"{self.value}{zh}", f"{self.value} {en}")


@strawberry.type(description="收费项目 · A fee; a null amount is set elsewhere and is never free.")
class Fee:
    key: str
    name: str
    amount_fen: int | None
    unit: str | None
    rule: str
    group: str | None
    when: str | None
    basis: str | None

    @classmethod
    def every(cls, fees: list[dict[str, Any]]) -> list[Fee]:
        return [
            cls(
                key=fee_key_of(fee, position),
                name=fee["name"],
                amount_fen=fee["amount_fen"],
                unit=fee["unit"],
                rule=fee["rule"],
                group=fee["group"],
                when=fee["when"],
                basis=fee["basis"],
            )
            for position, fee in enumerate(fees)
        ]


@strawberry.type(description="申请材料 · A material to hand in.")
class Material:
    order: int
    name: str
    necessity: str
    condition: str | None
    source: str
    original_copies: int
    photo_copies: int
    replaced_by_e_licence: str | None
    tolerable: bool
    commitment_replaceable: bool

    @classmethod
    def of(cls, material: dict[str, Any], info: Info) -> Material:
        return cls(
            order=material["order"],
            name=info.context.say(material["name_zh"], material["name_en"]),
            necessity=material["necessity"],
            condition=material["condition"],
            source=material["source"],
            original_copies=material["original_copies"],
            photo_copies=material["photo_copies"],
            replaced_by_e_licence=material["elicense_type"],
            tolerable=material["tolerable"],
            commitment_replaceable=material["commitment_replaceable"],
        )


@strawberry.type
class LegalBasis:
    law: str
    article: str | None


@strawberry.type
class ProcessStep:
    order: int
    name: str
    actor: str | None
    limit_working_days: int | None


@strawberry.type
class Question:
    question: str
    answer: str


@strawberry.type(description="实施主体 · An implementing body.")
class Department:
    key: str
    name: str
    credit_code: str

    @classmethod
    def of(cls, row: models.Department, info: Info) -> Department:
        return cls(key=row.key, name=info.context.say(row.name_zh, row.name_en), credit_code=row.credit_code)


@strawberry.type
class OpeningPeriod:
    weekday: int = strawberry.field(description="ISO weekday, 1 is Monday.")
    open: str
    close: str


@strawberry.type(description="服务点 · A hall or a station.")
class ServicePoint:
    key: str
    name: str
    kind: str
    level: PlaceLevel = strawberry.field(description="市、县、乡、村 · How near to the people it is.")
    address: str
    latitude: float | None = strawberry.field(description="Degrees in GCJ-02.")
    longitude: float | None
    windows: int
    opening: list[OpeningPeriod]

    @classmethod
    def of(cls, row: models.ServicePoint, info: Info) -> ServicePoint:
        return cls(
            key=row.key,
            name=info.context.say(row.name_zh, row.name_en),
            kind=row.kind,
            level=level_of(row.division_code),
            address=row.address_zh,
            latitude=row.latitude,
            longitude=row.longitude,
            windows=row.windows,
            opening=[
                OpeningPeriod(weekday=int(weekday), open=period["open"], close=period["close"])
                for weekday, periods in sorted(row.opening_hours.items())
                for period in periods
            ],
        )


@strawberry.type(description="政务服务事项 · A service item in one version.")
class ServiceItem:
    key: str
    version: int
    implement_code: str
    item_type: str
    handling_type: str
    visit_count: int = strawberry.field(description="到办事现场次数: 0 is zero visits.")
    online_depth: int
    bookable: bool
    result_by_post: bool
    proxy_allowed: bool
    row: strawberry.Private[models.ServiceItem]

    @classmethod
    def of(cls, row: models.ServiceItem) -> ServiceItem:
        return cls(
            key=row.key,
            version=row.version,
            implement_code=row.implement_code,
            item_type=row.item_type,
            handling_type=row.handling_type,
            visit_count=row.visit_count,
            online_depth=row.online_depth,
            bookable=row.bookable,
            result_by_post=row.result_by_post,
            proxy_allowed=row.proxy_allowed,
            row=row,
        )

    @computed()
    def name(self, info: Info) -> str:
        return info.context.say(self.row.name_zh, self.row.name_en)

    @computed("The assurance level one needs to apply.")
    def min_level(self) -> AssuranceLevel:
        return AssuranceLevel.of(self.row.min_level)

    @computed("法定办结时限")
    def statutory_limit(self) -> Limit:
        row = self.row
        return Limit(value=row.statutory_limit, unit=row.statutory_unit, note=row.guide["statutory_note"])

    @computed("承诺办结时限")
    def promised_limit(self) -> Limit:
        row = self.row
        return Limit(value=row.promised_limit, unit=row.promised_unit, note=row.guide["promised_note"])

    @computed()
    def fees(self) -> list[Fee]:
        return Fee.every(self.row.fees)

    @computed()
    def materials(self, info: Info) -> list[Material]:
        return [Material.of(material, info) for material in self.row.materials]

    @computed("受理条件")
    def conditions(self) -> list[str]:
        return list(self.row.guide["conditions"])

    @computed("设定依据")
    def legal_basis(self) -> list[LegalBasis]:
        return [LegalBasis(law=basis["law"], article=basis.get("article")) for basis in self.row.guide["legal_basis"]]

    @computed("办理流程")
    def process_steps(self) -> list[ProcessStep]:
        return [
            ProcessStep(
                order=step["order"],
                name=step["name_zh"],
                actor=step.get("actor_zh"),
                limit_working_days=step.get("limit_working_days"),
            )
            for step in self.row.guide["process_steps"]
        ]

    @computed("常见问题")
    def questions(self) -> list[Question]:
        return [Question(question=entry["question"], answer=entry["answer"]) for entry in self.row.guide["faq"]]

    @computed("到现场的原因")
    def visit_reason(self) -> str | None:
        reason: str | None = self.row.guide["visit_reason"]
        return reason

    @computed("办理结果")
    def result_name(self) -> str | None:
        name: str | None = self.row.guide["result"].get("name_zh")
        return name

    @computed(batch=queries.departments_by_key)
    async def department(self, info: Info) -> Department:
        row = await info.context.load(queries.departments_by_key, self.row.department_id)
        assert row is not None
        return Department.of(row, info)

    @computed("Service points that serve this item.", batch=queries.service_points_serving)
    async def service_points(self, info: Info) -> list[ServicePoint]:
        if self.row.queue_category is None:
            return []
        rows = await info.context.load(queries.service_points_serving, self.row.queue_category)
        return [ServicePoint.of(row, info) for row in rows]


ServiceItemResult = Annotated[ServiceItem | Problem, strawberry.union("ServiceItemResult")]
