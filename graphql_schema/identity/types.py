"""Without this module the phone could not show who it is signed in as."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.identity import assurance, capabilities, models
from app.identity.rules import LEVELS, Level
from app.identity.tokens import Tokens as IssuedTokens
from app.kernel.privacy import mask_id_number, mask_name, mask_phone, unseal
from graphql_schema.context import Info
from graphql_schema.fields import computed
from graphql_schema.problems import Problem


@strawberry.type(description="实名等级 · Assurance level.")
class AssuranceLevel:
    level: int = strawberry.field(description="1 to 4.")
    name_zh: str

    @computed("The level in the caller's language.")
    def name(self, info: Info) -> str:
        words = LEVELS[Level(self.level)]
        return info.context.say(words.zh, words.en)

    @computed("What it is for, in the caller's language.")
    def purpose(self, info: Info) -> str:
        words = LEVELS[Level(self.level)]
        return info.context.say(words.purpose_zh, words.purpose_en)

    @computed("Ways to reach it that are switched on, the strongest first.")
    def ways(self, info: Info) -> list[ProofMethod]:
        return [method for method in ProofMethod.every(info) if method.level >= self.level]

    @classmethod
    def of(cls, level: int) -> AssuranceLevel:
        return cls(level=level, name_zh=LEVELS[Level(level)].zh)


@strawberry.type(description="本人 · The resident who is signed in; personal data is masked.")
class Resident:
    id: strawberry.ID
    level: AssuranceLevel
    masked_name: str | None
    masked_id_number: str | None
    masked_phone: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: models.Resident) -> Resident:
        return cls(
            id=strawberry.ID(str(row.id)),
            level=AssuranceLevel.of(row.level),
            masked_name=mask_name(unseal(row.name_sealed)) if row.name_sealed else None,
            masked_id_number=mask_id_number(unseal(row.id_number_sealed)) if row.id_number_sealed else None,
            masked_phone=mask_phone(unseal(row.phone_sealed)) if row.phone_sealed else None,
            created_at=row.created_at,
        )


@strawberry.type(description="A pair of tokens: `access` for ten minutes, `refresh` to get the next pair.")
class Tokens:
    access: str
    access_expires_at: datetime
    refresh: str

    @classmethod
    def of(cls, issued: IssuedTokens) -> Tokens:
        return cls(access=issued.access, access_expires_at=issued.access_expires_at, refresh=issued.refresh)


@strawberry.type
class SignedIn:
    tokens: Tokens
    resident: Resident


@strawberry.type(description="A way to prove who one is that is switched on here.")
class ProofMethod:
    code: str
    name: str
    level: int = strawberry.field(description="The assurance level a pass gives.")
    channel: str | None = strawberry.field(
        description="The host app whose phone does it, with `beginProof`; null: at once, with `matchIdentity`."
    )

    @classmethod
    def every(cls, info: Info) -> list[ProofMethod]:
        return [
            cls(code=way.code, name=info.context.say(way.name_zh, way.name_en), level=way.level, channel=way.channel)
            for way in assurance.ways()
        ]


@strawberry.type(description="能力开关 · Something this city could offer, and whether it does.")
class Capability:
    code: str
    name: str
    on: bool

    @classmethod
    def of(cls, known: capabilities.Capability, info: Info) -> Capability:
        return cls(code=known.code, name=info.context.say(known.name_zh, known.name_en), on=known.on)


@strawberry.type(description="绑定 · A host app that opens my account.")
class Binding:
    id: strawberry.ID
    channel: str
    bound_at: datetime

    @classmethod
    def of(cls, row: models.ChannelBinding) -> Binding:
        return cls(id=strawberry.ID(str(row.id)), channel=row.channel, bound_at=row.bound_at)


@strawberry.type(description="已解绑 · The apps that still open my account.")
class ChannelUnbound:
    left: list[Binding]


@strawberry.type(
    description="实名核验 · An identity check under way. WeChat: give `ticket` to wx.requestFacialVerify; Alipay: give "
    "`ticket` and `url` to my.startAPVerify."
)
class IdentityProof:
    id: strawberry.ID
    method: str
    ticket: str
    url: str | None
    expires_at: datetime

    @classmethod
    def of(cls, row: models.IdentityProof) -> IdentityProof:
        return cls(
            id=strawberry.ID(str(row.id)),
            method=row.method,
            ticket=row.ticket or "",
            url=row.url,
            expires_at=row.expires_at,
        )


SignInResult = Annotated[SignedIn | Problem, strawberry.union("SignInResult")]
ResidentResult = Annotated[Resident | Problem, strawberry.union("ResidentResult")]
UnbindResult = Annotated[ChannelUnbound | Problem, strawberry.union("UnbindResult")]
ProofResult = Annotated[IdentityProof | Problem, strawberry.union("ProofResult")]
