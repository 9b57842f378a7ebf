"""Without this module staff could not sign in, and nobody could administer them."""

from __future__ import annotations

import strawberry

from app.identity import administration, own_account, staffing
from app.identity.rules import Role
from graphql_schema.context import Info
from graphql_schema.guards import EVERYONE, mutation, staff
from graphql_schema.scalars import as_uuid
from graphql_schema.staffing.types import (
    EnrolmentResult,
    OneTimePassword,
    OneTimePasswordResult,
    OwnAccount,
    OwnAccountResult,
    SecondFactorEnrolment,
    StaffAccount,
    StaffAccountResult,
    StaffSignedIn,
    StaffSignInResult,
)

_SYSTEM = staff(Role.SYSTEM_ADMINISTRATOR)
_SECURITY = staff(Role.SECURITY_ADMINISTRATOR)


@strawberry.type
class StaffingMutation:
    @mutation(EVERYONE, "工作人员登录 · Sign in as a member of staff; `code` is the authenticator's.")
    async def staff_sign_in(
        self, info: Info, login: str, password: str, code: str | None = None, device: str = ""
    ) -> StaffSignInResult:
        return StaffSignedIn.of(await staffing.sign_in(login, password, code, device, info.context.address))

    @mutation(staff(), "修改密码 · Choose a password of my own; my other sessions end.")
    async def change_password(self, info: Info, present: str, password: str) -> OwnAccountResult:
        return OwnAccount.of(await own_account.change_password(info.context.actor, present, password))

    @mutation(staff(), "启用动态码 · Get a secret for my authenticator; it counts once confirmed.")
    async def begin_second_factor(self, info: Info) -> EnrolmentResult:
        return SecondFactorEnrolment.of(await own_account.begin_second_factor(info.context.actor))

    @mutation(staff(), "确认动态码 · Prove that my authenticator works.")
    async def confirm_second_factor(self, info: Info, code: str) -> OwnAccountResult:
        return OwnAccount.of(await own_account.confirm_second_factor(info.context.actor, code))

    @mutation(_SYSTEM, "新建账号 · Make an account; a security administrator gives it roles and a password.")
    async def create_staff(
        self, info: Info, login: str, title: str, department: str | None = None, division: str = ""
    ) -> StaffAccountResult:
        row = await administration.create_account(info.context.actor, login, title, department, division)
        return StaffAccount.of(row)

    @mutation(_SYSTEM, "修改账号 · Give an account another title and another part of the city.")
    async def change_staff(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        title: str,
        department: str | None = None,
        division: str = "",
    ) -> StaffAccountResult:
        row = await administration.change_account(info.context.actor, as_uuid(id), title, department, division)
        return StaffAccount.of(row)

    @mutation(_SYSTEM, "停用账号 · Close an account; its sessions end.")
    async def disable_staff(self, info: Info, id: strawberry.ID) -> StaffAccountResult:  # noqa: A002 - the schema's word
        return StaffAccount.of(await administration.set_active(info.context.actor, as_uuid(id), active=False))

    @mutation(_SYSTEM, "启用账号 · Open a closed account again.")
    async def enable_staff(self, info: Info, id: strawberry.ID) -> StaffAccountResult:  # noqa: A002 - the schema's word
        return StaffAccount.of(await administration.set_active(info.context.actor, as_uuid(id), active=True))

    @mutation(_SECURITY, "授予岗位 · Say what a member of staff may do, instead of before.")
    async def grant_roles(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
        roles: list[Role],
    ) -> StaffAccountResult:
        return StaffAccount.of(await administration.grant_roles(info.context.actor, as_uuid(id), roles))

    @mutation(_SECURITY, "重置密码 · Get a password for one sign-in of a member of staff.")
    async def reset_password(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
    ) -> OneTimePasswordResult:
        row, password = await administration.reset_password(info.context.actor, as_uuid(id))
        return OneTimePassword(account=StaffAccount.of(row), password=password)

    @mutation(_SECURITY, "重置动态码 · Forget the authenticator of somebody who lost it.")
    async def reset_second_factor(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the schema's word
    ) -> StaffAccountResult:
        return StaffAccount.of(await administration.reset_second_factor(info.context.actor, as_uuid(id)))
