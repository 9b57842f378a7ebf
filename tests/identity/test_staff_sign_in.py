from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.identity import staffing
from app.identity.errors import StaffCredentialsWrong, StaffLockedOut
from app.identity.models import Session, Staff
from app.identity.rules import Role
from app.identity.tokens import hash_password
from app.kernel import clock, db
from app.kernel.errors import TooManyRequests
from tests.identity.accounts import caller_of, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal

RIGHT, WRONG = "right-password", "wrong-password"
HERE = "192.0.2.20"


async def make_clerk() -> Staff:
    login = f"clerk-{db.new_id().hex}"
    return await Staff.create(login=login, password_hash=hash_password(RIGHT), title="测试工位", roles=["APPROVER"])


async def try_wrongly(staff: Staff, times: int) -> None:
    for _ in range(times):
        with pytest.raises(StaffCredentialsWrong):
            await staffing.sign_in(staff.login, WRONG, "", HERE)


async def test_a_clerk_signs_in_and_is_told_their_roles(portal: Portal) -> None:
    staff = await make_clerk()

    signed_in = await portal.stranger().do("StaffSignIn", login=staff.login, password=RIGHT, device="一号窗口")

    assert signed_in["staff"] == {"id": str(staff.id), "title": "测试工位", "roles": ["APPROVER"]}
    assert (await Session.get(staff_id=staff.id)).device == "一号窗口"
    assert await audit_of(f"staff:{staff.id}") == [("identity.staff_signed_in", "done")]


async def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(portal: Portal) -> None:
    staff, stranger = await make_clerk(), portal.stranger()

    wrong = await stranger.do("StaffSignIn", login=staff.login, password=WRONG)
    async with nothing_moves():
        unknown = await stranger.do("StaffSignIn", login="nobody", password=RIGHT)
        impossible = [await stranger.do("StaffSignIn", login=no, password=RIGHT) for no in ("x" * 61, "换行\n", "")]

    assert wrong["code"] == unknown["code"] == "STAFF_CREDENTIALS_WRONG"
    assert {refused["code"] for refused in impossible} == {"STAFF_CREDENTIALS_WRONG"}
    assert wrong["message"] == unknown["message"] == "工号或密码不正确"
    assert await audit_of(f"staff:{staff.id}") == [("identity.staff_sign_in_refused", "refused")]
    assert await Session.filter(staff_id=staff.id).count() == 0


async def test_five_wrong_passwords_lock_for_half_an_hour(portal: Portal) -> None:
    staff = await make_clerk()
    await try_wrongly(staff, 5)
    await staff.refresh_from_db()
    assert staff.locked_until is not None
    assert staff.locked_until - clock.now() == pytest.approx(timedelta(minutes=30), abs=timedelta(seconds=30))

    async with nothing_moves():
        refused = await portal.stranger().do("StaffSignIn", login=staff.login, password=RIGHT)
    assert refused["code"] == "STAFF_LOCKED_OUT"
    assert "30分钟" in refused["message"]

    with clock.standing_at(staff.locked_until - timedelta(seconds=1)), pytest.raises(StaffLockedOut):
        await staffing.sign_in(staff.login, RIGHT, "", HERE)
    with clock.standing_at(staff.locked_until):
        await staffing.sign_in(staff.login, RIGHT, "", HERE)
    assert await Staff.exists(id=staff.id, failures=0, locked_until=None)


async def test_the_right_password_forgives_the_wrong_ones_before(portal: Portal) -> None:
    staff = await make_clerk()
    for _ in range(2):
        await try_wrongly(staff, 4)
        await staffing.sign_in(staff.login, RIGHT, "", HERE)
    assert await Staff.exists(id=staff.id, failures=0, locked_until=None)


async def test_five_wrong_passwords_at_once_are_five(portal: Portal) -> None:
    """Each waits for the row, so no guess is free."""
    staff = await make_clerk()

    async def guess() -> type[Exception]:
        with pytest.raises((StaffCredentialsWrong, StaffLockedOut)) as refused:
            await staffing.sign_in(staff.login, WRONG, "", HERE)
        return refused.type

    refusals = await asyncio.gather(*(guess() for _ in range(8)))

    assert sorted(kind.__name__ for kind in refusals) == ["StaffCredentialsWrong"] * 5 + ["StaffLockedOut"] * 3
    await staff.refresh_from_db()
    assert staff.failures == 5


async def test_who_left_the_hall_does_not_come_in(portal: Portal) -> None:
    staff = await make_clerk()
    tokens, _ = await staffing.sign_in(staff.login, RIGHT, "", HERE)
    await Staff.filter(id=staff.id).update(active=False)

    async with nothing_moves():
        with pytest.raises(StaffCredentialsWrong):
            await staffing.sign_in(staff.login, RIGHT, "", HERE)
    caller = portal.stranger()
    caller.access = tokens.access
    assert (await caller.do("ApproveCase", id=str(db.new_id())))["code"] == "SESSION_ENDED"


async def test_an_address_may_try_a_hundred_and_twenty_times_a_minute(portal: Portal) -> None:
    for _ in range(120):
        with pytest.raises(StaffCredentialsWrong):
            await staffing.sign_in("nobody", WRONG, "", "192.0.2.21")
    with pytest.raises(TooManyRequests):
        await staffing.sign_in("nobody", WRONG, "", "192.0.2.21")


async def test_an_account_is_made_once(portal: Portal) -> None:
    login = f"clerk-{db.new_id().hex}"
    assert await staffing.ensure_staff(login, RIGHT, "测试工位", (Role.ISSUER, Role.CASHIER))
    assert not await staffing.ensure_staff(login, WRONG, "别的名字", ())
    _, staff = await staffing.sign_in(login, RIGHT, "", HERE)
    assert (staff.title, staff.roles) == ("测试工位", ["ISSUER", "CASHIER"])


async def test_a_clerk_who_signs_out_is_nobody(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff(Role.APPROVER))
    assert (await clerk.do("SignOut"))["done"]
    assert (await clerk.do("ApproveCase", id=str(db.new_id())))["code"] == "SESSION_ENDED"
