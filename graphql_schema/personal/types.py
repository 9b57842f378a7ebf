"""Without this module nobody could read what we say about their data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.cases.queries import case_numbers
from app.catalogue.queries import departments_by_key
from app.identity import closing, exporting, looks, retention
from app.identity.looks import LookKind
from app.identity.ports import Fate
from app.identity.ports import Reason as StandingReason
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem

strawberry.enum(LookKind)
strawberry.enum(Fate)

_ALL_OF_THE_CITY = ("市级", "city level")


@strawberry.type(description="查阅记录 · One look of one member of staff at my data.")
class Look:
    id: strawberry.ID
    at: datetime
    title: str = strawberry.field(description="Who it was that day, by their title.")
    kind: LookKind
    case_id: strawberry.ID | None
    look: strawberry.Private[looks.Look]

    @classmethod
    def of(cls, look: looks.Look) -> Look:
        return cls(
            id=strawberry.ID(str(look.id)),
            at=look.at,
            title=look.title,
            kind=look.words.kind,
            case_id=strawberry.ID(str(look.case_id)) if look.case_id else None,
            look=look,
        )

    @computed("What they saw or did, in plain words.")
    def text(self, info: Info) -> str:
        return info.context.say(self.look.words.zh, self.look.words.en)

    @computed("What they said they needed it for.")
    def purpose(self, info: Info) -> str | None:
        return info.context.say(*self.look.purpose) if self.look.purpose else None

    @computed("The department they worked for that day.", batch=departments_by_key)
    async def department(self, info: Info) -> str:
        if self.look.department is None:
            return info.context.say(*_ALL_OF_THE_CITY)
        row = await info.context.load(departments_by_key, self.look.department)
        return info.context.say(row.name_zh, row.name_en) if row else self.look.department

    @computed("The number of the case it was about.", batch=case_numbers)
    async def case_number(self, info: Info) -> str | None:
        if self.look.case_id is None:
            return None
        return await info.context.load(case_numbers, self.look.case_id)


@strawberry.type(description="保存期限 · How long one kind of personal data is kept, and by which rule.")
class RetentionPeriod:
    domain: str
    kind: str
    name: str
    days: int = strawberry.field(description="Counted from when it was last needed.")
    basis_zh: str

    @classmethod
    def of(cls, period: retention.Period, info: Info) -> RetentionPeriod:
        return cls(
            domain=period.domain,
            kind=period.retention.kind,
            name=info.context.say(period.words.zh, period.words.en),
            days=period.retention.days,
            basis_zh=period.retention.basis_zh,
        )


@strawberry.type(description="个人信息副本 · Everything held of me.")
class ExportedData:
    exported_at: datetime
    json: str = strawberry.field(description="One JSON document in UTF-8.")

    @classmethod
    def of(cls, export: exporting.Export) -> ExportedData:
        return cls(exported_at=export.at, json=export.text)


@strawberry.type(description="暂不能注销的原因 · What stands in the way of closing the account, and what to do.")
class ClosingReason:
    code: str
    text: str
    subject: str = strawberry.field(description="The row it is about: `case:…`, `booking:…`.")

    @classmethod
    def of(cls, reason: StandingReason, info: Info) -> ClosingReason:
        return cls(code=reason.code, text=info.context.say(reason.zh, reason.en), subject=reason.subject)


@strawberry.type(description="注销的处理结果 · What becomes of one kind of data when the account closes.")
class ClosingOutcome:
    domain: str
    kind: str
    name: str
    fate: Fate
    count: int
    basis_zh: str = strawberry.field(description="For what is kept: the rule that obliges us.")

    @classmethod
    def of(cls, outcome: closing.Outcome, info: Info) -> ClosingOutcome:
        return cls(
            domain=outcome.domain,
            kind=outcome.kind,
            name=info.context.say(outcome.words.zh, outcome.words.en),
            fate=outcome.words.fate,
            count=outcome.count,
            basis_zh=outcome.words.basis_zh,
        )


@strawberry.type(description="注销账号 · Reasons why the account stays, or else what closing does.")
class Closing:
    closed: bool = strawberry.field(description="Whether the account is closed now; never after a dry run.")
    reasons: list[ClosingReason]
    outcomes: list[ClosingOutcome]

    @classmethod
    def of(cls, done: closing.Closing, info: Info) -> Closing:
        return cls(
            closed=done.closed,
            reasons=[ClosingReason.of(reason, info) for reason in done.reasons],
            outcomes=[ClosingOutcome.of(outcome, info) for outcome in done.outcomes],
        )


ExportResult = Annotated[ExportedData | Problem, strawberry.union("ExportResult")]
ClosingResult = Annotated[Closing | Problem, strawberry.union("ClosingResult")]
