"""Without this module an address book would stay empty."""

from __future__ import annotations

import strawberry

from app.profiles import commands
from app.profiles.rules import Language, NoticeKind
from graphql_schema.context import Info
from graphql_schema.guards import RESIDENTS, mutation
from graphql_schema.profiles.types import (
    AddressInput,
    AddressRemoved,
    AddressRemovedResult,
    PostalAddress,
    PostalAddressResult,
    Preferences,
    PreferencesResult,
)
from graphql_schema.scalars import as_uuid


@strawberry.type
class ProfilesMutation:
    @mutation(RESIDENTS, "添加地址 · Keep an address; at most 20. The first is the preferred one.")
    async def add_address(
        self, info: Info, address: AddressInput, label: str = "", preferred: bool = False
    ) -> PostalAddressResult:
        added = await commands.add_address(info.context.actor, address.value(), label, preferred=preferred)
        return PostalAddress.of(added)

    @mutation(RESIDENTS, "修改地址 · Replace an address; cases keep the one they were filed with.")
    async def change_address(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        address: AddressInput,
        label: str = "",
    ) -> PostalAddressResult:
        changed = await commands.change_address(info.context.actor, as_uuid(id), address.value(), label)
        return PostalAddress.of(changed)

    @mutation(RESIDENTS, "设为默认地址 · Have an address offered first.")
    async def prefer_address(self, info: Info, id: strawberry.ID) -> PostalAddressResult:  # noqa: A002 - the schema's word
        return PostalAddress.of(await commands.prefer_address(info.context.actor, as_uuid(id)))

    @mutation(RESIDENTS, "删除地址 · Forget an address.")
    async def remove_address(self, info: Info, id: strawberry.ID) -> AddressRemovedResult:  # noqa: A002 - the schema's word
        removed = await commands.remove_address(info.context.actor, as_uuid(id))
        return AddressRemoved(id=strawberry.ID(str(removed)))

    @mutation(RESIDENTS, "设置偏好 · Change language, large type or muted notices; what is left out stays.")
    async def set_preferences(
        self,
        info: Info,
        language: Language | None = None,
        large_type: bool | None = None,
        muted: list[NoticeKind] | None = None,
    ) -> PreferencesResult:
        liking = await commands.set_preferences(
            info.context.actor, language=language, large_type=large_type, muted=muted
        )
        return Preferences.of(liking, info)
