"""Without this module nobody could look into their own address book."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.kernel.privacy import mask_name, mask_phone
from app.profiles import models, queries, rules
from app.profiles.rules import NOTICE_WORDS, PROVINCES, Language, NoticeKind
from graphql_schema.context import Info
from graphql_schema.problems import Problem

strawberry.enum(Language, description="语言 · What a resident reads best.")
strawberry.enum(NoticeKind, description="通知种类 · What the portal tells residents about.")


@strawberry.input(description="收件地址 · Where papers are posted to.")
class AddressInput:
    receiver: str
    phone: str = strawberry.field(description="A mainland mobile number, or any other as + and its country.")
    division_code: str = strawberry.field(description="GB/T 2260 and its extensions: 6, 9 or 12 digits.")
    detail: str

    def value(self) -> rules.Address:
        return rules.Address(self.receiver, self.phone, self.division_code, self.detail)


@strawberry.type(description="地址 · An entry of the address book, shown in part.")
class PostalAddress:
    id: strawberry.ID
    label: str
    masked_receiver: str
    masked_phone: str
    division_code: str
    province: str | None
    masked_detail: str
    preferred: bool
    changed_at: datetime

    @classmethod
    def of(cls, row: models.PostalAddress) -> PostalAddress:
        address = queries.opened(row)
        return cls(
            id=strawberry.ID(str(row.id)),
            label=row.label,
            masked_receiver=mask_name(address.receiver),
            masked_phone=mask_phone(address.phone),
            division_code=address.division_code,
            province=PROVINCES.get(address.division_code[:2]),
            masked_detail=rules.mask_detail(address.detail),
            preferred=row.preferred,
            changed_at=row.changed_at,
        )


@strawberry.type(description="完整地址 · An entry in full, for its owner only.")
class FullAddress:
    id: strawberry.ID
    label: str
    receiver: str
    phone: str
    division_code: str
    detail: str
    preferred: bool

    @classmethod
    def of(cls, row: models.PostalAddress) -> FullAddress:
        address = queries.opened(row)
        return cls(
            id=strawberry.ID(str(row.id)),
            label=row.label,
            receiver=address.receiver,
            phone=address.phone,
            division_code=address.division_code,
            detail=address.detail,
            preferred=row.preferred,
        )


@strawberry.type
class AddressRemoved:
    id: strawberry.ID


@strawberry.type(description="通知开关 · A kind of notice and whether the resident gets it.")
class NoticeSwitch:
    kind: NoticeKind
    name: str
    on: bool
    can_be_muted: bool

    @classmethod
    def of(cls, kind: NoticeKind, liking: queries.Liking, info: Info) -> NoticeSwitch:
        return cls(
            kind=kind,
            name=info.context.say(*NOTICE_WORDS[kind]),
            on=kind not in liking.muted,
            can_be_muted=kind is not NoticeKind.SECURITY,
        )


@strawberry.type(description="偏好 · How a resident wants to be shown and told things.")
class Preferences:
    language: Language | None = strawberry.field(description="Used when the phone sends no Accept-Language.")
    large_type: bool
    notices: list[NoticeSwitch]

    @classmethod
    def of(cls, liking: queries.Liking, info: Info) -> Preferences:
        return cls(
            language=liking.language,
            large_type=liking.large_type,
            notices=[NoticeSwitch.of(kind, liking, info) for kind in NoticeKind],
        )


PostalAddressResult = Annotated[PostalAddress | Problem, strawberry.union("PostalAddressResult")]
FullAddressResult = Annotated[FullAddress | Problem, strawberry.union("FullAddressResult")]
AddressRemovedResult = Annotated[AddressRemoved | Problem, strawberry.union("AddressRemovedResult")]
PreferencesResult = Annotated[Preferences | Problem, strawberry.union("PreferencesResult")]
