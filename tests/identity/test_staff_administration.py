from __future__ import annotations

import pytest

from app.identity import administration
from app.identity.administration import change_account, create_account, grant_roles, reset_password, set_active
from app.identity.errors import (
    LoginTaken,
    NeverOnePerson,
    ScopeTooWide,
    StaffCredentialsWrong,
)
from app.identity.models import Session
from app.identity.rules import APART, Role
from app.identity.staff_rules import check_roles, check_scope, contains
from app.kernel import db
from app.kernel.actor import Scope
from app.kernel.errors import InvalidInput, NotFound
from tests.identity.accounts import caller_of, make_staff
from tests.identity.clerks import RIGHT, WRONG, enrolled, make_clerk, sign_in, try_wrongly
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal

SYSTEM, SECURITY, AUDITOR = Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDITOR


def new_login() -> str:
    return f"clerk-{db.new_id().hex}"


async def test_it_takes_two_to_make_somebody_who_works(portal: Portal) -> None:
    """The system administrator makes the account, the security administrator gives it roles and a password."""
    system = await caller_of(portal, await make_staff(SYSTEM))
    security = await caller_of(portal, await make_staff(SECURITY))
    login = new_login()

    made = await system.do("CreateStaff", login=login, title=" 一号窗口 ", department="hrss", division="990102")
    account = made["staff"]
    assert (account["title"], account["roles"], made["active"]) == ("一号窗口", [], True)
    assert (account["department"], account["division"], made["passwordIsOwn"]) == ("hrss", "990102", False)
    for mine in ("GrantRoles", "ResetPassword"):
        extra = {"roles": ["APPROVER"]} if mine == "GrantRoles" else {}
        assert (await system.do(mine, id=account["id"], **extra))["code"] == "NOT_ALLOWED"

    granted = await security.do("GrantRoles", id=account["id"], roles=["APPROVER", "HANDLER", "APPROVER"])
    assert granted["staff"]["roles"] == ["APPROVER", "HANDLER"]
    given = await security.do("ResetPassword", id=account["id"])
    signed_in = await portal.stranger().do("StaffSignIn", login=login, password=given["password"])
    assert signed_in["duty"] == "CHANGE_PASSWORD"
    assert await audit_of(f"staff:{account['id']}") == [
        ("identity.staff_created", "done"),
        ("identity.staff_roles_granted", "done"),
        ("identity.staff_password_reset", "done"),
        ("identity.staff_signed_in", "done"),
    ]


async def test_a_new_account_has_no_password(portal: Portal) -> None:
    staff = await create_account(await make_staff(SYSTEM), new_login(), "测试工位", None, "")
    for guess in ("", "unusable", RIGHT):
        with pytest.raises(StaffCredentialsWrong):
            await sign_in(staff, guess)


async def test_a_login_is_given_once(portal: Portal) -> None:
    system, login = await make_staff(SYSTEM), new_login()
    await create_account(system, login, "测试工位", None, "")
    async with nothing_moves():
        with pytest.raises(LoginTaken):
            await create_account(system, login, "别的名字", None, "")


@pytest.mark.parametrize(
    ("login", "title", "department", "division"),
    [
        ("A Clerk", "x", None, ""),
        ("", "x", None, ""),
        ("clerk-0", " ", None, ""),
        ("clerk-0", "x" * 61, None, ""),
        ("clerk-0", "换\n行", None, ""),
        ("clerk-0", "x", "no such key!", ""),
        ("clerk-0", "x", None, "99010"),
        ("clerk-0", "x", None, "９９０１"),
        ("clerk-0", "x", None, "9901%"),
    ],
)
async def test_a_faulty_account_is_not_made(
    portal: Portal, login: str, title: str, department: str | None, division: str
) -> None:
    system = await make_staff(SYSTEM)
    async with nothing_moves():
        with pytest.raises(InvalidInput):
            await create_account(system, login, title, department, division)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("99", "99"),
        ("990000", "99"),
        ("990100", "9901"),
        ("990102", "990102"),
        ("990102000", "990102"),
        ("990102001", "990102001"),
        ("990102001000", "990102001"),
        ("990100000000", "9901"),
        ("990102001001", "990102001001"),
    ],
)
def test_trailing_zeros_of_a_division_mean_all_below(given: str, kept: str) -> None:
    assert check_scope(None, given) == Scope(None, kept)


@pytest.mark.parametrize(
    ("own", "other", "within"),
    [
        (Scope(), Scope("tax", "9901"), True),
        (Scope(None, "9901"), Scope("tax", "990102"), True),
        (Scope(None, "9901"), Scope(None, "99"), False),
        (Scope(None, "990102"), Scope(None, "990103"), False),
        (Scope("tax"), Scope(None, ""), False),
        (Scope("tax"), Scope("hrss", "990102"), False),
        (Scope("tax", "9901"), Scope("tax", "9901"), True),
    ],
)
def test_whose_part_of_the_city_lies_within_whose(own: Scope, other: Scope, *, within: bool) -> None:
    assert contains(own, other) is within


@pytest.mark.parametrize("one", sorted(APART))
@pytest.mark.parametrize("other", sorted(Role))
def test_who_administers_or_audits_does_nothing_else(one: Role, other: Role) -> None:
    if one is other:
        assert check_roles([one, other]) == (one,)
        return
    with pytest.raises(NeverOnePerson):
        check_roles([one, other])


async def test_separate_offices_are_never_given_to_one_person(portal: Portal) -> None:
    security, clerk = await make_staff(SECURITY), await make_clerk()
    async with nothing_moves():
        with pytest.raises(NeverOnePerson):
            await grant_roles(security, clerk.id, [AUDITOR, Role.APPROVER])


async def test_nobody_gives_more_of_the_city_than_they_have(portal: Portal) -> None:
    system = await make_staff(SYSTEM, scope=Scope(None, "990102"))
    mine = await make_staff(Role.APPROVER, scope=Scope(None, "990102001"))
    async with nothing_moves():
        for division in ("", "9901", "990103"):
            with pytest.raises(ScopeTooWide):
                await change_account(system, mine.staff_id(), "测试工位", None, division)
            with pytest.raises(ScopeTooWide):
                await create_account(system, new_login(), "测试工位", None, division)
    changed = await change_account(system, mine.staff_id(), "测试工位", "tax", "990102")
    assert (changed.department_key, changed.division_code) == ("tax", "990102")


async def test_an_account_is_moved_closed_and_opened_again(portal: Portal) -> None:
    clerk = await make_staff(Role.HANDLER)
    system, one = await caller_of(portal, await make_staff(SYSTEM)), str(clerk.id)

    moved = await system.do("ChangeStaff", id=one, title="二号窗口", department="tax", division="990100")
    assert (moved["staff"]["title"], moved["staff"]["department"], moved["staff"]["division"]) == (
        "二号窗口",
        "tax",
        "9901",
    )
    assert moved["staff"]["roles"] == ["HANDLER"]
    assert not (await system.do("DisableStaff", id=one))["active"]
    assert (await system.do("EnableStaff", id=one))["active"]
    acts = [act for act, _ in await audit_of(f"staff:{one}")]
    assert acts == ["identity.staff_changed", "identity.staff_disabled", "identity.staff_enabled"]


async def test_a_closed_account_is_out_at_once(portal: Portal) -> None:
    system, clerk = await make_staff(SYSTEM), await make_staff(Role.APPROVER)
    caller = await caller_of(portal, clerk)
    assert (await caller.do("Desk", states=["SUBMITTED"]))["pageInfo"]

    assert not (await set_active(system, clerk.staff_id(), active=False)).active

    [fault] = (await caller.ask("Desk", states=["SUBMITTED"]))["errors"]
    assert fault["extensions"]["code"] == "SESSION_ENDED"
    assert (await caller.do("RefreshSession", refresh=caller.refresh))["code"] == "SESSION_ENDED"
    assert (await Session.get(staff_id=clerk.id)).revoked_because == "ACCOUNT_DISABLED"
    async with nothing_moves():
        await set_active(system, clerk.staff_id(), active=False)
    await set_active(system, clerk.staff_id(), active=True)
    assert await Session.filter(staff_id=clerk.id, revoked_at=None).count() == 0
    acts = [act for act, _ in await audit_of(f"staff:{clerk.id}")]
    assert acts == ["identity.staff_disabled", "identity.staff_enabled"]


async def test_a_role_taken_away_is_gone_at_once(portal: Portal) -> None:
    security, clerk = await make_staff(SECURITY), await make_staff(Role.APPROVER)
    caller = await caller_of(portal, clerk)
    assert (await caller.do("Desk", states=["SUBMITTED"]))["pageInfo"]
    await grant_roles(security, clerk.staff_id(), [])
    [fault] = (await caller.ask("Desk", states=["SUBMITTED"]))["errors"]
    assert fault["extensions"]["code"] == "NOT_ALLOWED"


async def test_a_reset_opens_a_locked_account_with_a_password_for_one_time(portal: Portal) -> None:
    staff = await make_clerk()
    tokens = (await sign_in(staff)).tokens
    await try_wrongly(staff, 5)

    _, password = await reset_password(await make_staff(SECURITY), staff.id)

    assert (await Session.get(id=tokens.session_id)).revoked_because == "PASSWORD_RESET"
    with pytest.raises(StaffCredentialsWrong):
        await sign_in(staff, RIGHT)
    assert (await sign_in(staff, password)).duty == "CHANGE_PASSWORD"
    lines = await audit_of(f"staff:{staff.id}")
    assert ("identity.staff_password_reset", "done") in lines


async def test_a_lost_authenticator_is_forgotten_by_the_security_administrator(portal: Portal) -> None:
    staff = await make_clerk()
    await enrolled(staff)
    security = await caller_of(portal, await make_staff(SECURITY))
    assert not (await security.do("ResetSecondFactor", id=str(staff.id)))["secondFactor"]
    assert (await sign_in(staff)).staff.id == staff.id


async def test_the_list_shows_ones_part_of_the_city_page_by_page(portal: Portal) -> None:
    place = Scope(None, "990122100")
    mine = [await make_staff(Role.HANDLER, scope=place) for _ in range(3)]
    cashier = await make_staff(Role.CASHIER, scope=Scope("tax", "990122100201"))
    for elsewhere in (Scope(None, "990122"), Scope(None, "990121100"), Scope()):
        await make_staff(Role.HANDLER, scope=elsewhere)
    keeper = await caller_of(portal, await make_staff(AUDITOR, scope=place))

    seen, after = [], None
    while True:
        page = await keeper.do("StaffAccounts", first=2, after=after)
        seen += [edge["node"]["staff"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    own_id = (await keeper.do("MyAccount"))["staff"]["id"]
    # In key order: accounts made within one millisecond have no other.
    assert seen == sorted([*(str(actor.id) for actor in mine), str(cashier.id), own_id])

    cashiers = await keeper.do("StaffAccounts", role="CASHIER")
    assert [edge["node"]["staff"]["id"] for edge in cashiers["edges"]] == [str(cashier.id)]
    one = await keeper.do("StaffAccount", id=str(cashier.id))
    assert (one["staff"]["department"], one["staff"]["roleTitles"]) == ("tax", ["收费员"])


async def test_a_department_sees_its_own_accounts_only(portal: Portal) -> None:
    keeper = await make_staff(SYSTEM, scope=Scope("archives"))
    own, other = await make_staff(scope=Scope("archives", "990102")), await make_staff(scope=Scope("tax"))
    assert (await administration.staff_of(keeper, own.staff_id())).id == own.staff_id()
    for hidden in (other, await make_staff(scope=Scope())):
        with pytest.raises(NotFound):
            await administration.staff_of(keeper, hidden.staff_id())


async def test_wrong_passwords_are_not_in_the_list_of_accounts(portal: Portal) -> None:
    """What an administrator sees of a password is whether it is the person's own."""
    staff = await make_clerk()
    await try_wrongly(staff, 1)
    keeper = await caller_of(portal, await make_staff(SECURITY))
    told = str(await keeper.do("StaffAccount", id=str(staff.id)))
    assert WRONG not in told
    assert "argon2" not in told
