"""Without this module staff could not see who they are here, and administrators not whom they administer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
import strawberry

from app.identity import models, own_account, staffing
from app.identity.rules import ROLE_TITLES, Role
from app.identity.staff_rules import NextDuty
from app.kernel import audit
from graphql_schema.identity.types import Tokens
from graphql_schema.problems import Problem

strawberry.enum(Role, name="StaffRole", description="岗位 · What a member of staff may do.")
strawberry.enum(NextDuty, description="What has to be done before anything else is open.")


@strawberry.type(description="工作人员 · A member of staff.")
class Staff:
    id: strawberry.ID
    title: str
    roles: list[Role]
    role_titles: list[str] = strawberry.field(description="The roles in Chinese, in the same order.")
    department: str | None = strawberry.field(description="The one department they work for; null for all.")
    division: str = strawberry.field(description="Beginning of the division codes they work in; empty for all.")

    @classmethod
    def of(cls, row: models.Staff) -> Staff:
        roles = sorted(map(Role, row.roles))
        return cls(
            id=strawberry.ID(str(row.id)),
            title=row.title,
            roles=roles,
            role_titles=[ROLE_TITLES[role] for role in roles],
            department=row.department_key,
            division=row.division_code,
        )


@strawberry.type(description="上次登录 · The sign-in before this one. Was that really you?")
class LastSignIn:
    at: datetime
    address: str
    device: str
    failures_since: int = strawberry.field(description="How many tries were refused in between.")

    @classmethod
    def of(cls, last: staffing.LastSignIn) -> LastSignIn:
        return cls(at=last.at, address=last.address, device=last.device, failures_since=last.failures_since)


@strawberry.type
class StaffSignedIn:
    tokens: Tokens
    staff: Staff
    last_sign_in: LastSignIn | None
    duty: NextDuty | None = strawberry.field(description="What to do first; until then nothing else is open.")

    @classmethod
    def of(cls, signed_in: staffing.StaffSignedIn) -> StaffSignedIn:
        return cls(
            tokens=Tokens.of(signed_in.tokens),
            staff=Staff.of(signed_in.staff),
            last_sign_in=LastSignIn.of(signed_in.last) if signed_in.last else None,
            duty=signed_in.duty,
        )


@strawberry.type(description="我的账号 · The account of the member of staff who is calling.")
class OwnAccount:
    staff: Staff
    login: str
    second_factor: bool = strawberry.field(description="Whether a sign-in needs the authenticator's code.")
    password_changed_at: datetime | None
    duty: NextDuty | None

    @classmethod
    def of(cls, row: models.Staff) -> OwnAccount:
        return cls(
            staff=Staff.of(row),
            login=row.login,
            second_factor=row.totp_sealed is not None,
            password_changed_at=row.password_changed_at,
            duty=staffing.duty_of(row),
        )


@strawberry.type(description="动态码密钥 · What an authenticator needs; shown once.")
class SecondFactorEnrolment:
    secret: str
    uri: str

    @classmethod
    def of(cls, enrolment: own_account.Enrolment) -> SecondFactorEnrolment:
        return cls(secret=enrolment.secret, uri=enrolment.uri)


@strawberry.type(description="账号 · An account as its administrators see it.")
class StaffAccount:
    staff: Staff
    login: str
    active: bool
    second_factor: bool
    password_is_own: bool = strawberry.field(description="False until the first password was changed.")
    locked_until: datetime | None

    @classmethod
    def of(cls, row: models.Staff) -> StaffAccount:
        return cls(
            staff=Staff.of(row),
            login=row.login,
            active=row.active,
            second_factor=row.totp_sealed is not None,
            password_is_own=row.password_changed_at is not None,
            locked_until=row.locked_until,
        )


@strawberry.type(description="一次性密码 · Good for one sign-in, at which it has to be changed; shown once.")
class OneTimePassword:
    account: StaffAccount
    password: str


@strawberry.type(description="审计记录 · One act: who, about what, whose, with which result.")
class AuditLine:
    id: strawberry.ID
    at: datetime
    actor: str
    act: str
    subject: str
    result: str
    person: strawberry.ID | None = strawberry.field(description="Whose matter or data it was.")
    request_id: str | None
    detail: str = strawberry.field(description="As JSON text.")

    @classmethod
    def of(cls, row: audit.AuditLine) -> AuditLine:
        return cls(
            id=strawberry.ID(str(row.id)),
            at=row.at,
            actor=row.actor,
            act=row.act,
            subject=row.subject,
            result=row.result,
            person=strawberry.ID(str(row.person)) if row.person else None,
            request_id=row.request_id,
            detail=orjson.dumps(row.detail).decode(),
        )


StaffSignInResult = Annotated[StaffSignedIn | Problem, strawberry.union("StaffSignInResult")]
OwnAccountResult = Annotated[OwnAccount | Problem, strawberry.union("OwnAccountResult")]
EnrolmentResult = Annotated[SecondFactorEnrolment | Problem, strawberry.union("EnrolmentResult")]
StaffAccountResult = Annotated[StaffAccount | Problem, strawberry.union("StaffAccountResult")]
OneTimePasswordResult = Annotated[OneTimePassword | Problem, strawberry.union("OneTimePasswordResult")]
