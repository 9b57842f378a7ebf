"""Without this module residents could neither read what is done with their data nor say yes or no to it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from app.identity import consents, models
from app.identity.privacy_notice import PURPOSES, Ground, Purpose, notice_on
from app.kernel import clock
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, RESIDENTS, mutation, query
from graphql_schema.paging import Connection, connection_of, key_after, page_size
from graphql_schema.problems import Problem

strawberry.enum(Purpose, description="用途 · What personal data is used for.")
strawberry.enum(Ground, description="依据 · Why the law allows it; only DUTY asks for no consent.")


@strawberry.type(description="用途说明 · A purpose in words: what it takes and on which ground.")
class PurposeInWords:
    code: Purpose
    name: str
    data: str = strawberry.field(description="The personal data it takes.")
    ground: Ground
    law: str

    @classmethod
    def of(cls, code: Purpose, info: Info) -> PurposeInWords:
        words, say = PURPOSES[code], info.context.say
        return cls(
            code=code,
            name=say(words.name_zh, words.name_en),
            data=say(words.data_zh, words.data_en),
            ground=words.ground,
            law=words.law,
        )


@strawberry.type(description="隐私政策 · The privacy notice in force.")
class PrivacyNotice:
    version: str
    effective_from: date
    paragraphs: list[str]
    purposes: list[PurposeInWords]

    @classmethod
    def current(cls, info: Info) -> PrivacyNotice:
        notice = notice_on(clock.today())
        return cls(
            version=notice.version,
            effective_from=notice.effective_from,
            paragraphs=list(notice.paragraphs_en if info.context.language == "en" else notice.paragraphs_zh),
            purposes=[PurposeInWords.of(code, info) for code in Purpose],
        )


@strawberry.type(description="同意记录 · That the resident agreed to one purpose under one version of the notice.")
class Consent:
    id: strawberry.ID
    purpose: Purpose
    version: str
    given_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, row: models.Consent) -> Consent:
        return cls(
            id=strawberry.ID(str(row.id)),
            purpose=Purpose(row.purpose),
            version=row.version,
            given_at=row.given_at,
            withdrawn_at=row.withdrawn_at,
        )


ConsentResult = Annotated[Consent | Problem, strawberry.union("ConsentResult")]


@strawberry.type
class ConsentQuery:
    @query(EVERYONE, "隐私政策 · What is done with personal data, and which of it asks for consent.")
    async def privacy_notice(self, info: Info) -> PrivacyNotice:
        return PrivacyNotice.current(info)

    @query(RESIDENTS, "我的同意记录 · What I agreed to and withdrew, newest first.")
    async def my_consents(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[Consent]:
        page = await consents.history(info.context.actor, limit=page_size(first), before=key_after(after))
        return connection_of([(Consent.of(row), str(row.id)) for row in page.consents], has_more=page.has_more)


@strawberry.type
class ConsentMutation:
    @mutation(RESIDENTS, "同意 · Agree to a purpose under the version of the notice that was shown.")
    async def give_consent(self, info: Info, purpose: Purpose, version: str) -> ConsentResult:
        return Consent.of(await consents.give(info.context.actor, purpose, version))

    @mutation(RESIDENTS, "撤回同意 · Withdraw; what was kept on that consent alone is deleted.")
    async def withdraw_consent(self, info: Info, purpose: Purpose) -> ConsentResult:
        return Consent.of(await consents.withdraw(info.context.actor, purpose))
