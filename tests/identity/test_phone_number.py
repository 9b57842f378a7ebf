from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.identity import attempts, consents, phones
from app.identity.errors import PhoneCodeInvalid, SignInUnavailable
from app.identity.models import ChannelBinding, Resident
from app.identity.ports import ChannelIdentity, SignInChannel
from app.identity.privacy_notice import NOTICES, Purpose
from app.identity.queries import actor_of
from app.kernel import clock, ports
from app.kernel.actor import Actor
from app.kernel.errors import TooManyRequests
from app.kernel.inbox.requests import AnsweredRequest
from app.kernel.privacy import unseal
from tests.identity.accounts import make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Phone
from tests.portal import Portal


async def resident_of(phone: Phone) -> Resident:
    return await Resident.get(id=(await actor_of(phone.access)).id)


async def agreed(portal: Portal) -> Phone:
    """Somebody who agreed that their number is kept."""
    phone = await portal.phone(proven=False)
    await phone.agree("PHONE")
    return phone


async def test_the_number_wechat_vouches_for_is_kept_sealed_and_shown_masked(portal: Portal) -> None:
    phone = await agreed(portal)
    mobile = phone.person.mobile

    resident = await phone.do("SetPhone", code=await portal.control.phone_code(phone.person.openid))

    assert resident["maskedPhone"] == f"{mobile[:3]}****{mobile[-4:]}"
    row = await resident_of(phone)
    assert row.phone_sealed is not None
    assert unseal(row.phone_sealed) == mobile
    assert mobile not in row.phone_sealed
    assert (await audit_of(f"resident:{row.id}"))[-1] == ("identity.phone_set", "done")


async def test_a_code_is_good_once_and_for_its_own_user_only(portal: Portal) -> None:
    phone, other = await agreed(portal), await agreed(portal)
    code = await portal.control.phone_code(phone.person.openid)
    await phone.do("SetPhone", code=code)
    others_code = await portal.control.phone_code(other.person.openid)

    async with nothing_moves():
        refusals = [await phone.do("SetPhone", code=wrong) for wrong in (code, others_code, "never-given-out", "")]

    assert [refused["code"] for refused in refusals] == ["PHONE_CODE_INVALID"] * 4
    assert refusals[0]["retryable"]


async def test_while_the_platform_is_down_no_number_is_kept(portal: Portal) -> None:
    phone = await agreed(portal)
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
                await phones.set_phone(resident, channel, "code")


async def test_no_number_is_kept_from_who_did_not_agree(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    code = await portal.control.phone_code(phone.person.openid)

    async with nothing_moves():
        refused = await phone.do("SetPhone", code=code)

    assert (refused["code"], refused["ways"]) == ("CONSENT_NEEDED", ["PHONE"])
    await phone.agree("PHONE")
    assert (await phone.do("SetPhone", code=code))["maskedPhone"]


class Slips:
    """A host app whose slips of paper hold a number and nothing else: no user, no time, no nonce."""

    name_zh = "纸条"
    name_en = "Slips"

    async def exchange(self, code: str) -> ChannelIdentity:
        return ChannelIdentity("slips", code)

    async def phone_number(self, code: str, open_id: str) -> str:  # noqa: ARG002 - a slip names nobody
        return code.strip()

    def voucher(self, code: str) -> str:
        return code.strip()


@pytest.fixture
def slips() -> Iterator[None]:
    ports.register(SignInChannel, "slips", Slips())
    yield
    ports._adapters[SignInChannel].pop("slips")


async def slip_holder() -> Actor:
    resident = await make_resident()
    await consents.give(resident, Purpose.PHONE, NOTICES[-1].version)
    await ChannelBinding.create(
        resident_id=resident.id, channel="slips", app_id="slips", open_id=str(resident.id), bound_at=clock.now()
    )
    return resident


@pytest.mark.usefixtures("slips")
async def test_what_vouches_for_a_number_is_accepted_from_the_user_who_brought_it_first(portal: Portal) -> None:
    first, second = await slip_holder(), await slip_holder()
    await phones.set_phone(first, "slips", "13000004321")

    async with nothing_moves():
        for slip in ("13000004321", " 13000004321 "):
            with pytest.raises(PhoneCodeInvalid):
                await phones.set_phone(second, "slips", slip)
    again = await phones.set_phone(first, "slips", "13000004321")

    assert again.id == first.id
    assert (await Resident.get(id=second.id)).phone_sealed is None


@pytest.mark.usefixtures("slips")
async def test_of_many_who_bring_one_slip_at_once_one_is_believed(portal: Portal) -> None:
    holders = [await slip_holder() for _ in range(6)]

    outcomes = await at_once(*(phones.set_phone(holder, "slips", "13000008765") for holder in holders))

    believed = [outcome for outcome in outcomes if isinstance(outcome, Resident)]
    assert len(believed) == 1
    assert [type(outcome) for outcome in outcomes if outcome not in believed] == [PhoneCodeInvalid] * 5
    assert await Resident.filter(id__in=[holder.id for holder in holders], phone_sealed__isnull=False).count() == 1


async def test_ten_tries_an_hour_are_enough_and_wrong_ones_count(portal: Portal) -> None:
    phone = await agreed(portal)
    for _ in range(10):
        assert (await phone.do("SetPhone", code="wrong"))["code"] == "PHONE_CODE_INVALID"
    code = await portal.control.phone_code(phone.person.openid)

    async with nothing_moves():
        refused = await phone.do("SetPhone", code=code)

    assert (refused["code"], refused["retryable"]) == ("TOO_MANY_REQUESTS", True)
    await portal.phone(proven=False)  # somebody else is not kept waiting


async def test_tries_are_counted_for_the_person_and_for_the_device(portal: Portal) -> None:
    """A device that opens its account anew after unbinding it has still used up its tries, and so has a person
    who goes on with another device.
    """
    phone = await portal.phone(proven=False)
    actor = await actor_of(phone.access)
    for _ in range(3):
        await attempts.check_attempt(actor, "trying", "3/hour")

    await ChannelBinding.filter(resident_id=actor.id).delete()
    await phone.sign_in()
    anew = await actor_of(phone.access)
    assert anew.id != actor.id
    with pytest.raises(TooManyRequests):
        await attempts.check_attempt(anew, "trying", "3/hour")

    with pytest.raises(TooManyRequests):
        await attempts.check_attempt(Actor(actor.kind, actor.id), "trying", "3/hour")
    await attempts.check_attempt(await make_resident(), "trying", "3/hour")


async def test_vouchers_are_kept_as_hashes_only(portal: Portal) -> None:
    phone = await agreed(portal)
    code = await portal.control.phone_code(phone.person.openid)
    await phone.do("SetPhone", code=code)
    [kept] = await AnsweredRequest.filter(answer=(await resident_of(phone)).id)
    assert code not in f"{kept.key} {kept.body_hash}"
