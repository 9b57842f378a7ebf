from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.identity import staffing
from app.identity.errors import StaffCredentialsWrong, StaffLockedOut
from app.identity.models import Session, Staff
from app.identity.rules import Role
from app.kernel import clock, db
from app.kernel.actor import Scope
from app.kernel.errors import TooManyRequests
from tests.identity.accounts import caller_of, make_staff
from tests.identity.clerks import HERE, RIGHT, WRONG, make_clerk, sign_in, try_wrongly
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal


async def test_a_clerk_signs_in_and_is_told_their_roles(portal: Portal) -> None:
    staff = await make_clerk(scope=Scope("hrss", "9901"))

    signed_in = await portal.stranger().do("StaffSignIn", login=staff.login, password=RIGHT, device="一号窗口")

    assert signed_in["staff"] == {
        "id": str(staff.id),
        "title": "测试工位",
        "roles": ["APPROVER"],
        "department": "hrss",
        "division": "9901",
    }
    assert (signed_in["duty"], signed_in["lastSignIn"]) == (None, None)
    session = await Session.get(staff_id=staff.id)
    assert (session.device, session.address) == ("一号窗口", "127.0.0.1")
    assert await audit_of(f"staff:{staff.id}") == [("identity.staff_signed_in", "done")]


async def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(portal: Portal) -> None:
    staff, stranger = await make_clerk(), portal.stranger()

    wrong = await stranger.do("StaffSignIn", login=staff.login, password=WRONG)
    async with nothing_moves():
        unknown = await stranger.do("StaffSignIn", login=f"nobody-{db.new_id()}", password=RIGHT)
        unheard_of = (f"{db.new_id()}" + "x" * 61, f"{db.new_id()}换行\n", "")
        impossible = [await stranger.do("StaffSignIn", login=no, password=RIGHT) for no in unheard_of]

    assert wrong["code"] == unknown["code"] == "STAFF_CREDENTIALS_WRONG"
    assert {refused["code"] for refused in impossible} == {"STAFF_CREDENTIALS_WRONG"}
    assert wrong["message"] == unknown["message"] == "工号或密码不正确,请核对后再试;忘记密码请联系安全管理员重置"
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
        await sign_in(staff)
    with clock.standing_at(staff.locked_until):
        await sign_in(staff)
    assert await Staff.exists(id=staff.id, failures=0, locked_until=None)


async def test_a_lock_does_not_tell_which_logins_exist(portal: Portal) -> None:
    staff, stranger = await make_clerk(), portal.stranger()
    for login in (staff.login, f"nobody-{db.new_id()}"):
        answers = [await stranger.do("StaffSignIn", login=login, password=WRONG) for _ in range(7)]
        assert [refused["code"] for refused in answers] == ["STAFF_CREDENTIALS_WRONG"] * 5 + ["STAFF_LOCKED_OUT"] * 2


async def test_after_a_lock_the_count_starts_anew(portal: Portal) -> None:
    staff = await make_clerk()
    await try_wrongly(staff, 5)
    await staff.refresh_from_db()
    assert staff.locked_until is not None

    with clock.standing_at(staff.locked_until):
        await try_wrongly(staff, 4)
        await sign_in(staff)


async def test_tries_a_quarter_of_an_hour_apart_do_not_add_up(portal: Portal) -> None:
    staff, now = await make_clerk(), clock.now()
    with clock.standing_at(now):
        await try_wrongly(staff, 4)
    with clock.standing_at(now + timedelta(minutes=14, seconds=59)):
        await try_wrongly(staff, 1)
        with pytest.raises(StaffLockedOut):
            await sign_in(staff)

    other = await make_clerk()
    with clock.standing_at(now):
        await try_wrongly(other, 4)
    with clock.standing_at(now + timedelta(minutes=15)):
        await try_wrongly(other, 4)
        await sign_in(other)


async def test_the_right_password_forgives_the_wrong_ones_before(portal: Portal) -> None:
    staff = await make_clerk()
    for _ in range(2):
        await try_wrongly(staff, 4)
        await sign_in(staff)
    assert await Staff.exists(id=staff.id, failures=0, locked_until=None)


async def test_of_twenty_guesses_at_once_five_are_looked_at(portal: Portal) -> None:
    """A try is counted before it is compared, so no guess is free; the right one comes too late."""
    staff = await make_clerk()

    outcomes = await at_once(*(sign_in(staff, f"guess number {number}") for number in range(20)))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == (
        ["StaffCredentialsWrong"] * 5 + ["StaffLockedOut"] * 15
    )
    await staff.refresh_from_db()
    assert staff.failures == 5
    with pytest.raises(StaffLockedOut):
        await sign_in(staff)


async def test_the_right_password_among_guesses_is_one_of_the_five(portal: Portal) -> None:
    staff = await make_clerk()
    guesses = [sign_in(staff, f"guess number {number}") for number in range(9)]

    outcomes = await at_once(sign_in(staff), *guesses)

    opened = await Session.filter(staff_id=staff.id).count()
    assert opened == sum(isinstance(outcome, staffing.StaffSignedIn) for outcome in outcomes)
    wrong = sum(isinstance(outcome, StaffCredentialsWrong) for outcome in outcomes)
    assert wrong <= 9 if opened else wrong == 5


async def test_the_event_loop_goes_on_while_a_password_is_hashed(portal: Portal) -> None:
    """One sign-in takes tens of milliseconds of a processor; residents do not wait for it."""
    staff, ticks = await make_clerk(), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await sign_in(staff)
    ticking.cancel()
    assert ticks > 5


async def test_who_left_the_hall_does_not_come_in(portal: Portal) -> None:
    staff = await make_clerk()
    tokens = (await sign_in(staff)).tokens
    await Staff.filter(id=staff.id).update(active=False)

    async with nothing_moves():
        with pytest.raises(StaffCredentialsWrong):
            await sign_in(staff)
    caller = portal.stranger()
    caller.access = tokens.access
    assert (await caller.do("ApproveCase", id=str(db.new_id())))["code"] == "SESSION_ENDED"


async def test_the_last_sign_in_and_what_was_tried_since_are_told(portal: Portal) -> None:
    staff = await make_clerk()
    await staffing.sign_in(staff.login, RIGHT, None, "三号窗口", HERE)
    before = await Session.get(staff_id=staff.id)
    await try_wrongly(staff, 3)

    told = (await portal.stranger().do("StaffSignIn", login=staff.login, password=RIGHT))["lastSignIn"]

    assert told["at"] == clock.local(before.created_at).isoformat(timespec="seconds")
    assert (told["address"], told["device"], told["failuresSince"]) == (HERE, "三号窗口", 3)
    again = await portal.stranger().do("StaffSignIn", login=staff.login, password=RIGHT)
    assert again["lastSignIn"]["failuresSince"] == 0


async def test_an_address_may_try_a_hundred_and_twenty_times_a_minute(portal: Portal) -> None:
    staff, address = await make_clerk(), f"192.0.2.21/{db.new_id()}"
    for number in range(120):
        with pytest.raises(StaffCredentialsWrong):
            await staffing.sign_in(f"nobody-{number}-{address}" + "x" * 61, WRONG, None, "", address)
    with pytest.raises(TooManyRequests):
        await staffing.sign_in(staff.login, WRONG, None, "", address)


async def test_an_account_is_made_once(portal: Portal) -> None:
    login = f"clerk-{db.new_id().hex}"
    scope = Scope("tax", "990102")
    assert await staffing.ensure_staff(login, RIGHT, "测试工位", (Role.ISSUER, Role.CASHIER), scope)
    assert not await staffing.ensure_staff(login, WRONG, "别的名字", ())
    staff = (await staffing.sign_in(login, RIGHT, None, "", HERE)).staff
    assert (staff.title, staff.roles) == ("测试工位", ["ISSUER", "CASHIER"])
    assert (staff.department_key, staff.division_code) == ("tax", "990102")


async def test_a_clerk_who_signs_out_is_nobody(portal: Portal) -> None:
    clerk = await caller_of(portal, await make_staff(Role.APPROVER))
    assert (await clerk.do("SignOut"))["done"]
    assert (await clerk.do("ApproveCase", id=str(db.new_id())))["code"] == "SESSION_ENDED"
