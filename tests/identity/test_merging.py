"""One resident, however they arrive: the same number proved from two phones ends in one account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from app.cases import commands as cases
from app.cases.rules import DeliveryMethod
from app.identity.errors import AccountEnded
from app.identity.models import ChannelBinding, IdentityProof, Resident
from app.identity.personal_data import Holdings
from app.identity.ports import PersonalData
from app.identity.queries import actor_of, recent_sessions
from app.kernel import ports
from app.kernel.privacy import blind_index
from app.kernel.settings import get_settings
from integrations.sandbox.people import identity_number
from tests.cases.filing import CARD, PERMIT
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Phone, new_key
from tests.portal import Portal, environment

_numbers = count(21_000)


async def two_phones(portal: Portal) -> tuple[Phone, Phone]:
    """Two phones of one person, each with an account of its own."""
    number = identity_number(next(_numbers))
    phones = []
    for _ in range(2):
        person = await portal.control.make_phone(name="测试居民", id_number=number)
        phone = Phone(portal.url, portal.control, person)
        portal.people.append(phone)
        await phone.sign_in()
        phones.append(phone)
    return phones[0], phones[1]


async def ready_to_finish(phone: Phone) -> str:
    """A face check that was passed at the platform and that we have not heard of."""
    await phone.agree("FACE_CHECK")
    proof = await phone.do("BeginProof", name=phone.person.name, idNumber=phone.person.id_number)
    assert proof["__typename"] == "IdentityProof", proof
    await phone.control.face(phone.person.openid, proof["ticket"])
    found: str = proof["id"]
    return found


async def file(phone: Phone, item: str = CARD) -> dict[str, Any]:
    case: dict[str, Any] = await phone.do("Apply", itemKey=item, idempotencyKey=new_key())
    assert case["__typename"] == "Case", case
    return case


async def resident_id_of(phone: Phone) -> str:
    found: str = (await phone.ask("Me"))["data"]["me"]["id"]
    return found


async def cases_of(phone: Phone) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await phone.ask("MyAffairs"))["data"]["myCases"]["edges"]]


async def test_a_number_proved_from_a_second_phone_makes_one_resident_of_two(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()
    case = await file(first)
    absorbed = await resident_id_of(second)

    left = await second.prove()

    survivor = await resident_id_of(first)
    assert left["id"] == survivor == await resident_id_of(second)
    assert left["level"]["level"] == 4
    seen = await second.do("CaseDetail", id=case["id"])
    assert seen["number"] == case["number"]
    gone = await Resident.get(id=absorbed)
    assert (str(gone.merged_into_id), gone.name_sealed, gone.id_number_sealed, gone.level) == (survivor, None, None, 1)
    assert await ChannelBinding.filter(resident_id=survivor).count() == 2
    assert await ChannelBinding.filter(resident_id=absorbed).count() == 0
    assert ("identity.accounts_joined", "done") in await audit_of(f"resident:{survivor}")


async def test_what_the_second_account_did_before_is_the_residents_own_afterwards(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()
    before = await file(first, PERMIT)
    await second.prove()
    after = await file(second, CARD)

    numbers = [case["number"] for case in await cases_of(first)]

    assert sorted(numbers) == sorted([before["number"], after["number"]])


@pytest.mark.parametrize("_round", range(6))
async def test_two_phones_that_prove_at_once_end_in_one_resident(portal: Portal, _round: int) -> None:
    first, second = await two_phones(portal)
    proofs = [await ready_to_finish(first), await ready_to_finish(second)]

    answers = await asyncio.gather(first.do("FinishProof", id=proofs[0]), second.do("FinishProof", id=proofs[1]))

    assert [answer["__typename"] for answer in answers] == ["Resident", "Resident"], answers
    survivors = {await resident_id_of(first), await resident_id_of(second)}
    assert len(survivors) == 1
    index = blind_index("resident.id_number", first.person.id_number)
    assert await Resident.filter(id_number_index=index).count() == 1
    assert await Resident.filter(merged_into_id=survivors.pop()).count() == 1


async def test_finishing_again_after_two_accounts_became_one_changes_nothing(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()
    proof = await ready_to_finish(second)
    once = await second.do("FinishProof", id=proof)

    async with nothing_moves():
        again = await second.do("FinishProof", id=proof)

    assert again == once


async def test_a_process_that_still_trusts_the_old_account_cannot_write_for_it(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()
    stale = await actor_of(second.access)
    await second.prove()

    async with nothing_moves():
        with pytest.raises(AccountEnded):
            await cases.apply(
                stale, CARD, delivery_method=DeliveryMethod.COLLECT, address=None, idempotency_key=new_key()
            )


async def test_the_process_that_joined_them_knows_at_once(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()
    before = await actor_of(second.access)
    assert before.session_id is not None
    assert recent_sessions.get(before.session_id) is not None

    await second.prove()

    assert (await actor_of(second.access)).id == (await actor_of(first.access)).id


async def test_whoever_only_knows_a_name_and_number_does_not_get_into_the_account(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()

    refused = await second.do(
        "MatchIdentity", name=second.person.name, idNumber=second.person.id_number, method="alipay-two-factor"
    )

    assert refused["code"] == "IDENTITY_TAKEN"
    assert "wechat-face" in refused["ways"]
    assert await resident_id_of(second) != await resident_id_of(first)


async def test_whoever_only_matched_a_number_loses_it_to_the_face_it_belongs_to(portal: Portal) -> None:
    first, second = await two_phones(portal)
    matched = await first.do(
        "MatchIdentity", name=first.person.name, idNumber=first.person.id_number, method="alipay-two-factor"
    )
    assert matched["level"]["level"] == 2

    proved = await second.prove()

    assert proved["level"]["level"] == 4
    stripped = await Resident.get(id=await resident_id_of(first))
    assert (stripped.level, stripped.id_number_index, stripped.name_sealed) == (1, None, None)
    assert stripped.merged_into_id is None
    assert ("identity.number_lost", "done") in await audit_of(f"resident:{stripped.id}")


async def test_an_account_cannot_become_somebody_else(portal: Portal) -> None:
    phone = await portal.phone()
    other = identity_number(next(_numbers))
    proof = await phone.do("BeginProof", name=phone.person.name, idNumber=other)
    await portal.control.face(phone.person.openid, proof["ticket"], 10000)

    async with nothing_moves():
        refused = await phone.do("FinishProof", id=proof["id"])

    assert refused["code"] == "ANOTHER_PERSON"


async def test_the_sooner_decided_of_two_cases_about_one_item_stays(portal: Portal) -> None:
    """Each account filed for the same card before anybody knew that they are one person."""
    first, second = await two_phones(portal)
    await first.prove()
    kept = await file(first)
    lone = await resident_id_of(second)
    await Resident.filter(id=lone).update(level=3)  # as a way that knows no number would leave it
    recent_sessions.forget_account(UUID(lone))
    dropped = await file(second)

    await second.prove()

    states = {case["number"]: case["state"] for case in await cases_of(second)}
    assert states == {kept["number"]: "SUBMITTED", dropped["number"]: "WITHDRAWN"}


class Unwilling(Holdings):
    """A domain that comes last and whose part of a joining fails."""

    rank = 9

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        raise RuntimeError(f"{absorbed} cannot become {survivor}")


async def test_when_one_domain_fails_nothing_of_either_account_moved(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()
    await file(first)
    proof = await ready_to_finish(second)
    held = dict(ports.every(PersonalData))
    ports.register(PersonalData, "unwilling", Unwilling())
    try:
        async with nothing_moves():
            answer = await second.ask("FinishProof", id=proof)
    finally:
        ports._adapters[PersonalData] = held

    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_ERROR"
    assert (await IdentityProof.get(id=proof)).state == "PENDING"
    assert (await second.do("FinishProof", id=proof))["__typename"] == "Resident"


async def test_a_city_that_does_not_join_accounts_says_so_and_leaves_both(portal: Portal) -> None:
    first, second = await two_phones(portal)
    await first.prove()
    proof = await ready_to_finish(second)
    with environment({"PORTAL_SWITCHED_OFF": "merging"}):
        async with nothing_moves():
            refused = await second.do("FinishProof", id=proof)
    get_settings.cache_clear()

    assert refused["code"] == "SWITCHED_OFF"
    assert (await second.do("FinishProof", id=proof))["__typename"] == "Resident"


async def test_who_typed_in_a_relatives_number_can_still_show_their_own_face(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    relative = await portal.control.make_phone(name="测试长辈", id_number=identity_number(next(_numbers)))
    typed = await phone.do("MatchIdentity", name=relative.name, idNumber=relative.id_number, method="alipay-two-factor")
    assert typed["level"]["level"] == 2

    proved = await phone.prove()

    row = await Resident.get(id=proved["id"])
    assert (row.level, row.id_number_index) == (4, blind_index("resident.id_number", phone.person.id_number))
