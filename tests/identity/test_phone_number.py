from __future__ import annotations

import pytest

from app.identity import commands
from app.identity.errors import SignInUnavailable
from app.identity.models import Resident
from app.identity.queries import actor_of
from app.kernel.privacy import unseal
from tests.identity.accounts import make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Phone
from tests.portal import Portal


async def resident_of(phone: Phone) -> Resident:
    return await Resident.get(id=(await actor_of(phone.access)).id)


async def test_the_number_wechat_vouches_for_is_kept_sealed_and_shown_masked(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    mobile = phone.person.mobile

    resident = await phone.do("SetPhone", code=await portal.control.phone_code(phone.person.openid))

    assert resident["maskedPhone"] == f"{mobile[:3]}****{mobile[-4:]}"
    row = await resident_of(phone)
    assert row.phone_sealed is not None
    assert unseal(row.phone_sealed) == mobile
    assert mobile not in row.phone_sealed
    assert (await audit_of(f"resident:{row.id}"))[-1] == ("identity.phone_set", "done")


async def test_a_code_is_good_once_and_for_its_own_user_only(portal: Portal) -> None:
    phone, other = await portal.phone(proven=False), await portal.phone(proven=False)
    code = await portal.control.phone_code(phone.person.openid)
    await phone.do("SetPhone", code=code)
    others_code = await portal.control.phone_code(other.person.openid)

    async with nothing_moves():
        refusals = [await phone.do("SetPhone", code=wrong) for wrong in (code, others_code, "never-given-out", "")]

    assert [refused["code"] for refused in refusals] == ["PHONE_CODE_INVALID"] * 4
    assert refusals[0]["retryable"]


async def test_while_the_platform_is_down_no_number_is_kept(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    code = await portal.control.phone_code(phone.person.openid)
    await portal.control.be_hostile(server_error=1.0)
    try:
        async with nothing_moves():
            refused = await phone.do("SetPhone", code=code)
    finally:
        await portal.control.be_kind()

    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert (await resident_of(phone)).phone_sealed is None


async def test_a_number_comes_only_by_an_app_the_resident_uses(portal: Portal) -> None:
    resident = await make_resident()
    async with nothing_moves():
        for channel in ("wechat", "another-app"):
            with pytest.raises(SignInUnavailable):
                await commands.set_phone(resident, channel, "code")
