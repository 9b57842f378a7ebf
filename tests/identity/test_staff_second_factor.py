from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.identity import own_account
from app.identity.errors import SecondFactorNeeded, SecondFactorSetUp, SecondFactorWrong, StaffLockedOut
from app.identity.models import Session, Staff
from app.identity.one_time_codes import code_at, enrolment_uri, make_secret, matching_step
from app.identity.staffing import StaffSignedIn
from app.kernel import clock
from app.kernel.privacy import unseal
from app.kernel.settings import Settings, get_settings
from tests.identity.clerks import RIGHT, WRONG, enrolled, make_clerk, sign_in, signed_in_actor
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller
from tests.portal import Portal

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.fixture
def required(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A city where nobody of the staff works without a second factor."""
    monkeypatch.setenv("PORTAL_STAFF_SECOND_FACTOR", "required")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


async def clerk_of(portal: Portal, staff: Staff) -> Caller:
    caller = portal.stranger()
    await caller.keep((await caller.do("StaffSignIn", login=staff.login, password=RIGHT))["tokens"])
    return caller


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_standard(seconds: int, digits: str) -> None:
    """RFC 6238, appendix B, the last six digits."""
    assert code_at(RFC_SECRET, datetime.fromtimestamp(seconds, UTC)) == digits


def test_a_code_is_good_for_its_half_minute_and_one_to_each_side() -> None:
    secret, now = make_secret(), datetime(2026, 11, 25, 9, 0, 5, tzinfo=UTC)
    step = int(now.timestamp()) // 30
    steps = [matching_step(secret, code_at(secret, now + timedelta(seconds=30 * away)), now) for away in range(-3, 4)]
    assert steps == [None, None, step - 1, step, step + 1, None, None]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "12 34 5"])
def test_what_is_no_code_matches_nothing(code: str) -> None:
    assert matching_step(make_secret(), code, clock.now()) is None


def test_an_authenticator_takes_the_address() -> None:
    uri = enrolment_uri(RFC_SECRET, "hall1.clerk")
    assert uri.startswith("otpauth://totp/")
    assert f"secret={RFC_SECRET}" in uri
    assert "hall1.clerk" in uri


@pytest.mark.parametrize(
    ("env", "said", "required"),
    [("dev", None, False), ("test", None, False), ("dev", "required", True), ("test", "optional", False)],
)
def test_outside_production_the_city_may_ask_for_a_second_factor(env: str, said: str | None, *, required: bool) -> None:
    assert Settings.model_construct(env=env, staff_second_factor=said).second_factor_required is required


@pytest.mark.parametrize(("said", "required"), [(None, True), ("required", True), ("optional", False)])
def test_production_asks_for_a_second_factor_unless_told_not_to(said: str | None, *, required: bool) -> None:
    assert Settings.model_construct(env="production", staff_second_factor=said).second_factor_required is required


async def test_a_second_factor_is_set_up_and_from_then_on_needed(portal: Portal) -> None:
    staff = await make_clerk()
    clerk, elsewhere = await clerk_of(portal, staff), await clerk_of(portal, staff)

    begun = await clerk.do("BeginSecondFactor")
    assert (await sign_in(staff)).duty is None  # begun is not yet set up
    confirmed = await clerk.do("ConfirmSecondFactor", code=code_at(begun["secret"], clock.now()))

    assert confirmed["secondFactor"]
    assert begun["uri"].startswith("otpauth://totp/")
    row = await Staff.get(id=staff.id)
    assert row.totp_sealed is not None
    assert unseal(row.totp_sealed) == begun["secret"]
    assert begun["secret"] not in row.totp_sealed
    assert row.totp_pending_sealed is None
    [fault] = (await elsewhere.ask("MyAccount"))["errors"]
    assert fault["extensions"]["code"] == "SESSION_ENDED"

    without = await portal.stranger().do("StaffSignIn", login=staff.login, password=RIGHT)
    assert (without["code"], without["field"]) == ("SECOND_FACTOR_NEEDED", "code")
    later = code_at(begun["secret"], clock.now() + timedelta(seconds=30))
    signed_in = await portal.stranger().do("StaffSignIn", login=staff.login, password=RIGHT, code=later)
    assert signed_in["staff"]["id"] == str(staff.id)


async def test_a_wrong_first_code_sets_nothing_up(portal: Portal) -> None:
    staff = await make_clerk()
    clerk = await clerk_of(portal, staff)
    assert (await clerk.do("ConfirmSecondFactor", code="000000"))["code"] == "SECOND_FACTOR_NOT_BEGUN"
    await clerk.do("BeginSecondFactor")
    async with nothing_moves():
        assert (await clerk.do("ConfirmSecondFactor", code="no code"))["code"] == "SECOND_FACTOR_WRONG"
    assert not (await clerk.do("MyAccount"))["secondFactor"]


async def test_who_has_a_second_factor_does_not_get_another_by_themself(portal: Portal) -> None:
    """A borrowed screen must not move it to the borrower's phone."""
    staff = await make_clerk()
    actor = await signed_in_actor(staff)
    await enrolled(staff)
    async with nothing_moves():
        with pytest.raises(SecondFactorSetUp):
            await own_account.begin_second_factor(actor)


async def test_a_code_is_never_taken_twice(portal: Portal) -> None:
    staff = await make_clerk()
    code = code_at(await enrolled(staff), clock.now())
    await sign_in(staff, code=code)
    with pytest.raises(SecondFactorWrong):
        await sign_in(staff, code=code)


async def test_a_right_password_without_its_code_is_written_down(portal: Portal) -> None:
    """Nobody may lock an account, or find out its password, without leaving a line."""
    staff = await make_clerk()
    code = code_at(await enrolled(staff), clock.now())
    with pytest.raises(SecondFactorNeeded):
        await sign_in(staff)
    assert (await audit_of(f"staff:{staff.id}"))[-1] == ("identity.staff_code_asked", "asked")
    assert (await Staff.get(id=staff.id)).failures == 1
    assert (await sign_in(staff, code=code)).last is None  # of the very first sign-in there is none to tell of


async def test_an_older_code_is_not_taken_after_a_newer_one(portal: Portal) -> None:
    staff = await make_clerk()
    secret, now = await enrolled(staff), clock.now()
    await sign_in(staff, code=code_at(secret, now))
    with pytest.raises(SecondFactorWrong):
        await sign_in(staff, code=code_at(secret, now - timedelta(seconds=30)))


async def test_one_code_sent_five_times_at_once_opens_one_session(portal: Portal) -> None:
    staff = await make_clerk()
    code = code_at(await enrolled(staff), clock.now())

    outcomes = await at_once(*(sign_in(staff, code=code) for _ in range(4)))

    assert sum(isinstance(outcome, StaffSignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, SecondFactorWrong) for outcome in outcomes) == 3
    assert await Session.filter(staff_id=staff.id).count() == 1


async def test_wrong_and_missing_codes_lock_like_wrong_passwords(portal: Portal) -> None:
    """Otherwise who knows the password could guess codes for ever."""
    staff = await make_clerk()
    secret = await enrolled(staff)
    for wrong in ("000 00", "abcdef", None):
        with pytest.raises((SecondFactorWrong, SecondFactorNeeded)):
            await sign_in(staff, code=wrong)
    for _ in range(2):
        with pytest.raises(SecondFactorWrong):
            await sign_in(staff, code="12345")
    with pytest.raises(StaffLockedOut):
        await sign_in(staff, code=code_at(secret, clock.now()))


async def test_the_code_alone_opens_nothing(portal: Portal) -> None:
    staff = await make_clerk()
    code = code_at(await enrolled(staff), clock.now())
    refused = await portal.stranger().do("StaffSignIn", login=staff.login, password=WRONG, code=code)
    assert refused["code"] == "STAFF_CREDENTIALS_WRONG"
    await sign_in(staff, code=code)  # and was not used up


@pytest.mark.usefixtures("required")
async def test_where_it_is_required_one_can_do_nothing_before_it_is_set_up(portal: Portal) -> None:
    staff = await make_clerk()
    clerk = portal.stranger()
    signed_in = await clerk.do("StaffSignIn", login=staff.login, password=RIGHT)
    await clerk.keep(signed_in["tokens"])

    assert signed_in["duty"] == "SET_UP_SECOND_FACTOR"
    [fault] = (await clerk.ask("Desk", states=["SUBMITTED"]))["errors"]
    assert fault["extensions"]["code"] == "NOT_ALLOWED"
    secret = (await clerk.do("BeginSecondFactor"))["secret"]
    assert (await clerk.do("ConfirmSecondFactor", code=code_at(secret, clock.now())))["duty"] is None

    assert (await clerk.do("Desk", states=["SUBMITTED"]))["pageInfo"]
    assert [act for act, _ in await audit_of(f"staff:{staff.id}")] == [
        "identity.staff_signed_in",
        "identity.staff_second_factor_begun",
        "identity.staff_second_factor_set_up",
    ]
