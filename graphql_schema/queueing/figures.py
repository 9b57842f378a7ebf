"""Without this module the figures of the queues would be asked for by telephone."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from app.identity.rules import Role
from app.queueing import figure_rules, figures
from app.queueing.figure_rules import By
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.guards import lookup, staff
from graphql_schema.paging import Connection, connection_of, offset_after, page_size
from graphql_schema.problems import Problem
from graphql_schema.scalars import as_key

strawberry.enum(By, name="FiguresBy", description="统计口径 · What the rows are.")


@strawberry.type(description="时长分布 · How long it took, in seconds.")
class Spread:
    p50: int = strawberry.field(description="Half took no longer.")
    p90: int = strawberry.field(description="Nine of ten took no longer.")
    mean: int

    @classmethod
    def of(cls, spread: figure_rules.Spread | None) -> Spread | None:
        return cls(p50=spread.p50, p90=spread.p90, mean=spread.mean) if spread else None


@strawberry.type(description="取号情况 · What became of the numbers.")
class NumberCounts:
    taken: int
    served: int
    passed: int
    abandoned: int
    booked: int = strawberry.field(description="Of the taken ones, those of people who had booked.")
    booked_share: float | None

    @classmethod
    def of(cls, numbers: figure_rules.Numbers | None) -> NumberCounts | None:
        if numbers is None:
            return None
        return cls(
            taken=numbers.taken,
            served=numbers.served,
            passed=numbers.passed,
            abandoned=numbers.abandoned,
            booked=numbers.booked,
            booked_share=numbers.booked_share,
        )


@strawberry.type(description="预约履约 · Bookings whose time has come, and those nobody came for.")
class VisitCounts:
    due: int
    missed: int
    missed_share: float | None

    @classmethod
    def of(cls, visits: figure_rules.Visits | None) -> VisitCounts | None:
        return cls(due=visits.due, missed=visits.missed, missed_share=visits.missed_share) if visits else None


@strawberry.type(
    description="窗口利用 · How long windows were open and served somebody: by hour, what of it fell into that hour."
)
class WindowUse:
    open_seconds: int = strawberry.field(
        description="Pauses apart. By business, of windows that could call it: one open for two is open for each."
    )
    serving_seconds: int = strawberry.field(description="Of visits that are over, from start to finish.")
    utilisation: float | None = strawberry.field(description="Serving by open seconds, at most 1.")

    @classmethod
    def of(cls, work: figure_rules.Work | None) -> WindowUse | None:
        if work is None:
            return None
        return cls(open_seconds=work.open_seconds, serving_seconds=work.serving_seconds, utilisation=work.utilisation)


@strawberry.type(description="统计行 · One row; null is what is not known of such rows, or withheld.")
class QueueFigure:
    hall: str | None
    business: str | None
    hour: int | None = strawberry.field(description="Numbers count at the hour they were taken, work as it was done.")
    window: int | None
    numbers: NumberCounts | None
    waiting: Spread | None = strawberry.field(description="From taking the number to the call; transfers apart.")
    serving: Spread | None = strawberry.field(description="From start to finish.")
    visits: VisitCounts | None
    work: WindowUse | None
    withheld: bool = strawberry.field(description="Of one to four people: statisticians are not told.")

    @classmethod
    def of(cls, figure: figure_rules.Figure) -> QueueFigure:
        return cls(
            hall=figure.hall,
            business=figure.business,
            hour=figure.hour,
            window=figure.window,
            numbers=NumberCounts.of(figure.numbers),
            waiting=Spread.of(figure.waiting),
            serving=Spread.of(figure.serving),
            visits=VisitCounts.of(figure.visits),
            work=WindowUse.of(figure.work),
            withheld=figure.withheld,
        )


@strawberry.type(description="排队统计 · Figures of queues, a page of rows or all of them as a table.")
class QueueFigures:
    every: strawberry.Private[list[figure_rules.Figure]]

    @computed("A page of the rows, in the order of what they are of.")
    def rows(self, first: int | None = None, after: str | None = None) -> Connection[QueueFigure]:
        limit, offset = page_size(first), offset_after(after)
        page = self.every[offset : offset + limit]
        nodes = [(QueueFigure.of(figure), str(offset + place)) for place, figure in enumerate(page)]
        return connection_of(nodes, has_more=len(self.every) > offset + limit)

    @computed("Every row as CSV (RFC 4180, UTF-8 with a byte order mark, no formulas).")
    def csv(self, info: Info) -> str:
        return figure_rules.csv_of(self.every, info.context.language)


QueueFiguresResult = Annotated[QueueFigures | Problem, strawberry.union("QueueFiguresResult")]


@strawberry.type
class FiguresQuery:
    @lookup(
        staff(Role.DEPARTMENT_MANAGER, Role.STATISTICS_VIEWER),
        "排队统计 · Waiting, serving, missed visits and use of windows on some days, both included, at most 366.",
    )
    async def queue_figures(
        self,
        info: Info,
        from_: Annotated[date, strawberry.argument(name="from")],
        to: date,
        by: By,
        service_point: str | None = None,
    ) -> QueueFiguresResult:
        place = as_key(service_point) if service_point else None
        return QueueFigures(every=await figures.queue_figures(info.context.actor, place, from_, to, by))
