from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.identity import consents
from app.identity.errors import ConsentNeeded
from app.identity.models import Consent, Resident
from app.identity.personal_data import Holdings
from app.identity.privacy_notice import NOTICES, PURPOSES, Ground, Notice, Purpose, notice_on, still_holds
from app.identity.queries import actor_of
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Principal
from app.kernel.errors import ActingForAnother
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal

CURRENT = NOTICES[-1].version
FIRST = Notice("1", date(2026, 1, 1), ("第一版",), ("First",), frozenset(Purpose))
SECOND = Notice("2", date(2026, 6, 1), ("第二版",), ("Second",), frozenset({Purpose.FACE_CHECK}))


async def in_force(actor: Actor) -> list[tuple[str, str]]:
    rows = await Consent.filter(resident_id=actor.id, withdrawn_at=None).order_by("id")
    return [(row.purpose, row.version) for row in rows]


async def test_everybody_can_read_the_notice_and_what_asks_for_consent(portal: Portal) -> None:
    notice = await portal.stranger().do("PrivacyNotice")

    assert (notice["version"], notice["effectiveFrom"]) == ("2026-01", "2026-01-01")
    assert len(notice["paragraphs"]) == 4
    assert "隐去一部分" in notice["paragraphs"][2]
    grounds = {purpose["code"]: purpose["ground"] for purpose in notice["purposes"]}
    assert grounds == {
        "PORTAL": "DUTY",
        "AFFAIRS": "DUTY",
        "FACE_CHECK": "SEPARATE_CONSENT",
        "PHONE": "CONSENT",
        "LOCATION": "SEPARATE_CONSENT",
        "MESSAGES": "CONSENT",
    }


def test_the_notice_says_the_same_in_both_languages() -> None:
    for notice in NOTICES:
        assert len(notice.paragraphs_zh) == len(notice.paragraphs_en)
    assert set(PURPOSES) == set(Purpose)
    sensitive = {purpose for purpose, words in PURPOSES.items() if words.ground is Ground.SEPARATE_CONSENT}
    assert all("第二十九条" in PURPOSES[purpose].law for purpose in sensitive)


async def test_a_consent_is_kept_with_its_time_and_version(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    began = clock.now()

    given = await caller.do("GiveConsent", purpose="FACE_CHECK", version=CURRENT)

    row = await Consent.get(id=given["id"])
    assert (row.purpose, row.version, row.withdrawn_at) == ("FACE_CHECK", CURRENT, None)
    assert began <= row.given_at <= clock.now()
    assert given["version"] == CURRENT
    await consents.check_given(row.resident_id, Purpose.FACE_CHECK)
    assert await audit_of(f"resident:{resident.id}") == [("consent.given", "done")]


async def test_agreeing_twice_is_agreeing_once(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)

    first = await caller.do("GiveConsent", purpose="MESSAGES", version=CURRENT)
    async with nothing_moves():
        again = await caller.do("GiveConsent", purpose="MESSAGES", version=CURRENT)

    assert again == first


async def test_agreeing_eight_times_at_once_is_agreeing_once(portal: Portal) -> None:
    resident = await make_resident()
    given = await at_once(*(consents.give(resident, Purpose.PHONE, CURRENT) for _ in range(8)))
    assert len({consent.id for consent in given if isinstance(consent, Consent)}) == 1
    assert await in_force(resident) == [("PHONE", CURRENT)]


async def test_a_version_that_is_not_in_force_is_refused_and_the_current_one_named(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident(), language="en")
    async with nothing_moves():
        refusals = [await caller.do("GiveConsent", purpose="PHONE", version=old) for old in ("2025-12", "", "x" * 999)]
    assert {(refused["code"], refused["field"]) for refused in refusals} == {("NOTICE_OUTDATED", "version")}
    assert refusals[0]["message"] == f"The privacy notice has changed; read version {CURRENT} and agree to that one."


async def test_nobody_is_asked_to_agree_to_what_the_law_demands(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await caller.do("GiveConsent", purpose="AFFAIRS", version=CURRENT)
    assert refused["code"] == "CONSENT_NOT_ASKED"


async def test_without_consent_the_refusal_names_purpose_and_version(portal: Portal) -> None:
    resident = await make_resident()
    assert resident.id is not None
    with pytest.raises(ConsentNeeded) as refused:
        await consents.check_given(resident.id, Purpose.FACE_CHECK)
    assert refused.value.ways == ("FACE_CHECK",)
    assert refused.value.sentence("zh") == "继续之前,请先阅读隐私政策(2026-01版)并决定是否同意“人脸核验”"


async def test_who_thinks_better_of_it_withdraws_and_both_moments_stay(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    given = await caller.do("GiveConsent", purpose="FACE_CHECK", version=CURRENT)

    withdrawn = await caller.do("WithdrawConsent", purpose="FACE_CHECK")
    async with nothing_moves():
        again = await caller.do("WithdrawConsent", purpose="FACE_CHECK")

    assert withdrawn == again
    assert (withdrawn["id"], withdrawn["givenAt"]) == (given["id"], given["givenAt"])
    assert withdrawn["withdrawnAt"] is not None
    assert await in_force(resident) == []
    assert await audit_of(f"resident:{resident.id}") == [("consent.given", "done"), ("consent.withdrawn", "done")]
    assert resident.id is not None
    with pytest.raises(ConsentNeeded):
        await consents.check_given(resident.id, Purpose.FACE_CHECK)


async def test_what_was_never_agreed_to_cannot_be_withdrawn(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await caller.do("WithdrawConsent", purpose="LOCATION")
    assert refused["code"] == "NOT_FOUND"


async def test_with_the_consent_goes_the_phone_number_that_was_kept_on_it(portal: Portal) -> None:
    """个人信息保护法 47."""
    phone = await portal.phone(proven=False)
    await phone.agree("PHONE")
    await phone.do("SetPhone", code=await portal.control.phone_code(phone.person.openid))
    resident_id = (await actor_of(phone.access)).id
    assert (await Resident.get(id=resident_id)).phone_sealed is not None

    await phone.do("WithdrawConsent", purpose="PHONE")

    row = await Resident.get(id=resident_id)
    assert (row.phone_sealed, row.phone_index) == (None, None)


async def test_my_consents_are_paged_newest_first_and_only_mine(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    other = await caller_of(portal, await make_resident())
    await other.do("GiveConsent", purpose="PHONE", version=CURRENT)
    for purpose in ("PHONE", "MESSAGES", "LOCATION"):
        await caller.do("GiveConsent", purpose=purpose, version=CURRENT)
    await caller.do("WithdrawConsent", purpose="MESSAGES")

    first = await caller.do("MyConsents", first=2)
    rest = await caller.do("MyConsents", first=2, after=first["pageInfo"]["endCursor"])

    listed = [edge["node"] for edge in first["edges"] + rest["edges"]]
    assert [consent["purpose"] for consent in listed] == ["LOCATION", "MESSAGES", "PHONE"]
    assert [consent["withdrawnAt"] is None for consent in listed] == [True, False, True]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


async def test_what_was_agreed_to_under_a_forgotten_version_is_asked_again_and_gives_way(portal: Portal) -> None:
    resident = await make_resident()
    assert resident.id is not None
    old = await Consent.create(
        resident_id=resident.id, purpose=Purpose.PHONE, version="2019", given_at=clock.now() - timedelta(days=900)
    )
    with pytest.raises(ConsentNeeded):
        await consents.check_given(resident.id, Purpose.PHONE)

    fresh = await consents.give(resident, Purpose.PHONE, CURRENT)

    assert await in_force(resident) == [("PHONE", CURRENT)]
    assert (await Consent.get(id=old.id)).withdrawn_at == fresh.given_at


async def test_nobody_agrees_for_another(portal: Portal) -> None:
    agent = await make_resident()
    principal = Principal((await make_resident()).id or db.new_id(), db.new_id(), "GUARDIAN")
    acting = Actor(ActorKind.RESIDENT, agent.id, principal=principal)
    async with nothing_moves():
        with pytest.raises(ActingForAnother):
            await consents.give(acting, Purpose.FACE_CHECK, CURRENT)
        with pytest.raises(ActingForAnother):
            await consents.withdraw(acting, Purpose.FACE_CHECK)


async def test_of_accounts_that_were_joined_the_consent_in_force_is_withdrawn(portal: Portal) -> None:
    """Joining leaves the older of two in force and ends the newer one."""
    resident = await make_resident()
    now = clock.now()
    older = await Consent.create(resident_id=resident.id, purpose=Purpose.PHONE, version=CURRENT, given_at=now)
    await Consent.create(
        resident_id=resident.id, purpose=Purpose.PHONE, version=CURRENT, given_at=now, withdrawn_at=now
    )

    assert (await consents.withdraw(resident, Purpose.PHONE)).id == older.id
    assert await in_force(resident) == []


async def test_joining_keeps_the_consent_that_holds_rather_than_an_older_one_to_a_forgotten_version(
    portal: Portal,
) -> None:
    absorbed, survivor = await make_resident(), await make_resident()
    longer_ago = clock.now() - timedelta(days=900)
    await Consent.create(resident_id=survivor.id, purpose=Purpose.PHONE, version="2019", given_at=longer_ago)
    await consents.give(absorbed, Purpose.PHONE, CURRENT)

    async with db.transaction():
        await Holdings().move(absorbed.own_id(), survivor.own_id())

    assert await in_force(survivor) == [("PHONE", CURRENT)]
    await consents.check_given(survivor.own_id(), Purpose.PHONE)


def test_a_new_version_asks_again_only_for_what_it_changed() -> None:
    """个人信息保护法 14(2)."""
    notices = (FIRST, SECOND)
    before, after = date(2026, 5, 31), date(2026, 6, 1)
    assert (notice_on(before, notices), notice_on(after, notices)) == (FIRST, SECOND)
    assert still_holds(Purpose.FACE_CHECK, "1", before, notices)
    assert not still_holds(Purpose.FACE_CHECK, "1", after, notices)
    assert still_holds(Purpose.PHONE, "1", after, notices)
    assert still_holds(Purpose.FACE_CHECK, "2", after, notices)
    assert not still_holds(Purpose.PHONE, "0", after, notices)


def test_before_any_version_is_in_force_the_first_one_is_shown() -> None:
    assert notice_on(date(2025, 1, 1), (FIRST, SECOND)) is FIRST
