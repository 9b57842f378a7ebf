from __future__ import annotations

import base64
import hashlib

import pytest

from app.identity import own_account
from app.identity.errors import (
    PasswordTooObvious,
    PasswordTooShort,
    PasswordWrong,
    StaffCredentialsWrong,
    StaffLockedOut,
)
from app.identity.models import Session, Staff
from app.identity.passwords import hash_password, make_one_time_password, needs_new_hash, password_matches
from app.identity.queries import actor_of
from app.identity.staff_rules import check_password
from app.seeding import DEV_PASSWORD
from tests.identity.clerks import RIGHT, WRONG, make_clerk, sign_in, signed_in_actor
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal

NEW = "a new and longer one"


def scrypt_hash(password: str) -> str:
    """As accounts were kept before Argon2id."""
    salt = b"0123456789abcdef"
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return "scrypt$" + "$".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (salt, digest))


async def test_a_password_is_kept_as_a_salted_argon2id_hash() -> None:
    one, other = await hash_password("correct horse"), await hash_password("correct horse")
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "correct" not in one
    assert await password_matches("correct horse", one)
    assert not await password_matches("correct hors", one)
    assert not needs_new_hash(one)


@pytest.mark.parametrize("stored", [None, "", "unusable", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"])
async def test_nothing_matches_what_is_no_hash(stored: str | None) -> None:
    assert not await password_matches("", stored)
    assert not await password_matches("correct horse", stored)


async def test_an_older_hash_is_replaced_at_the_next_right_sign_in(portal: Portal) -> None:
    staff = await make_clerk()
    old = scrypt_hash(RIGHT)
    await Staff.filter(id=staff.id).update(password_hash=old)

    with pytest.raises(StaffCredentialsWrong):
        await sign_in(staff, WRONG)
    assert (await Staff.get(id=staff.id)).password_hash == old
    await sign_in(staff)
    renewed = (await Staff.get(id=staff.id)).password_hash
    assert renewed.startswith("$argon2id$")
    await sign_in(staff)
    assert (await Staff.get(id=staff.id)).password_hash == renewed


@pytest.mark.parametrize("password", ["", "x" * 11, "短密码", "x" * 129])
def test_a_password_is_long_enough(password: str) -> None:
    with pytest.raises(PasswordTooShort):
        check_password(password, "hall1.clerk")


@pytest.mark.parametrize(
    "password",
    [
        "123456789012",
        "Password1234",
        "aaaaaaaaaaaa",
        "121212121212",
        "hall1.clerk-2026",
        "Hall1.Clerk!!",
        "QwertyUiop12",
        DEV_PASSWORD,
    ],
)
def test_a_password_is_not_what_everybody_tries_first(password: str) -> None:
    with pytest.raises(PasswordTooObvious):
        check_password(password, "hall1.clerk")


@pytest.mark.parametrize("password", ["zhangting-hall-7", "云澜市的秋天有很多桂花树", "four words make one"])
def test_a_password_may_be_a_sentence(password: str) -> None:
    check_password(password, "hall1.clerk")


async def test_changing_ones_password_ends_the_other_sessions(portal: Portal) -> None:
    staff = await make_clerk()
    here, elsewhere = portal.stranger(), portal.stranger()
    for caller in (here, elsewhere):
        await caller.keep((await caller.do("StaffSignIn", login=staff.login, password=RIGHT))["tokens"])
    assert (await elsewhere.do("MyAccount"))["login"] == staff.login

    changed = await here.do("ChangePassword", present=RIGHT, password=NEW)

    assert (changed["login"], changed["duty"]) == (staff.login, None)
    assert (await here.do("MyAccount"))["login"] == staff.login
    [fault] = (await elsewhere.ask("MyAccount"))["errors"]
    assert fault["extensions"]["code"] == "SESSION_ENDED"
    assert (await elsewhere.do("RefreshSession", refresh=elsewhere.refresh))["code"] == "SESSION_ENDED"
    assert await Session.filter(staff_id=staff.id, revoked_because="PASSWORD_CHANGED").count() == 1
    await sign_in(staff, NEW)
    assert (await audit_of(f"staff:{staff.id}"))[2] == ("identity.staff_password_changed", "done")


@pytest.mark.parametrize(
    ("present", "password", "code"),
    [
        (RIGHT, "short", "PASSWORD_TOO_SHORT"),
        (RIGHT, "password1234", "PASSWORD_TOO_OBVIOUS"),
        (RIGHT, RIGHT, "PASSWORD_UNCHANGED"),
    ],
)
async def test_what_is_no_good_password_changes_nothing(portal: Portal, present: str, password: str, code: str) -> None:
    staff, clerk = await make_clerk(), portal.stranger()
    await clerk.keep((await clerk.do("StaffSignIn", login=staff.login, password=RIGHT))["tokens"])
    async with nothing_moves():
        refused = await clerk.do("ChangePassword", present=present, password=password)
    assert (refused["code"], refused["field"]) == (code, "password")


async def test_a_borrowed_screen_does_not_guess_the_password(portal: Portal) -> None:
    staff = await make_clerk()
    actor = await signed_in_actor(staff)
    for _ in range(5):
        with pytest.raises(PasswordWrong):
            await own_account.change_password(actor, WRONG, NEW)
    with pytest.raises(StaffLockedOut):
        await own_account.change_password(actor, RIGHT, NEW)
    assert (await Staff.get(id=staff.id)).password_hash == staff.password_hash


async def test_with_somebody_elses_password_one_can_only_change_it(portal: Portal) -> None:
    """What an administrator or an operator has chosen is good for nothing but choosing one's own."""
    staff, clerk = await make_clerk(own=False), portal.stranger()
    signed_in = await clerk.do("StaffSignIn", login=staff.login, password=RIGHT)
    await clerk.keep(signed_in["tokens"])

    assert signed_in["duty"] == "CHANGE_PASSWORD"
    [fault] = (await clerk.ask("Desk", states=["SUBMITTED"]))["errors"]
    assert fault["extensions"]["code"] == "NOT_ALLOWED"
    assert (await clerk.do("BeginSecondFactor"))["code"] == "NOT_ALLOWED"
    assert (await actor_of(clerk.access)).roles == frozenset()

    assert (await clerk.do("ChangePassword", present=RIGHT, password=NEW))["duty"] is None
    assert (await clerk.do("Desk", states=["SUBMITTED"]))["pageInfo"]
    assert (await actor_of(clerk.access)).roles == {"APPROVER"}


def test_a_one_time_password_is_easy_to_read_out_and_hard_to_guess() -> None:
    passwords = {make_one_time_password() for _ in range(100)}
    assert len(passwords) == 100
    assert {len(password) for password in passwords} == {16}
    assert not set("il1o0") & set("".join(passwords))
