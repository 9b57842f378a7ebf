from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.identity import proving
from app.identity.errors import AccountEnded, ProofExpired, ProofUnavailable
from app.identity.models import IdentityProof, ProofState, Resident
from app.identity.queries import actor_of
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind
from app.kernel.errors import TooManyRequests
from integrations.sandbox.people import identity_number
from tests.identity.accounts import make_resident
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Phone
from tests.portal import Portal

NAME = "测试居民"
CANCELLED, DEVICE_FAULT, PASSED = 90002, 90011, 10000


async def willing(portal: Portal) -> Phone:
    """Signed in, not proven, and agreed to have the face checked."""
    phone = await portal.phone(proven=False)
    await phone.agree("FACE_CHECK")
    return phone


async def begin(phone: Phone, **claim: str) -> dict[str, Any]:
    wanted = {"name": phone.person.name, "idNumber": phone.person.id_number, **claim}
    proof: dict[str, Any] = await phone.do("BeginProof", **wanted)
    return proof


async def resident_of(phone: Phone) -> Resident:
    return await Resident.get(id=(await actor_of(phone.access)).id)


async def test_a_passed_face_check_gives_level_four_and_shows_masked_data(portal: Portal) -> None:
    phone = await willing(portal)
    proof = await begin(phone)
    assert proof["method"] == "wechat-face"
    await portal.control.face(phone.person.openid, proof["ticket"])

    resident = await phone.do("FinishProof", id=proof["id"])
    again = await phone.do("FinishProof", id=proof["id"])

    number = phone.person.id_number
    assert resident == again
    assert resident["level"] == {"level": 4, "nameZh": "高级实名(L4)"}
    assert resident["maskedIdNumber"] == number[:3] + "***********" + number[-4:]
    assert phone.person.name not in resident["maskedName"]
    row = await resident_of(phone)
    assert [act for act, _ in await audit_of(f"resident:{row.id}")] == [
        "identity.signed_in", "consent.given", "identity.proof_begun", "identity.level_raised",
    ]  # fmt: skip


async def test_finished_five_times_at_once_it_counts_once(portal: Portal) -> None:
    phone = await willing(portal)
    proof = await begin(phone)
    await portal.control.face(phone.person.openid, proof["ticket"])

    answers = await asyncio.gather(*(phone.do("FinishProof", id=proof["id"]) for _ in range(5)))

    assert [answer["level"]["level"] for answer in answers] == [4] * 5
    acts = [act for act, _ in await audit_of(f"resident:{(await resident_of(phone)).id}")]
    assert acts.count("identity.level_raised") == 1


@pytest.mark.parametrize(
    ("verify_ret", "sentence"),
    [
        (10003, "实名核验未通过:姓名与身份证号不一致"),
        (10004, "实名核验未通过:未能识别本人,请在光线充足处重试"),
        (CANCELLED, "实名核验未通过:您取消了核验"),
        (DEVICE_FAULT, "实名核验未通过:设备或网络异常,请重试"),
    ],
)
async def test_a_check_that_failed_raises_nothing_and_is_over(portal: Portal, verify_ret: int, sentence: str) -> None:
    phone = await willing(portal)
    proof = await begin(phone)
    await portal.control.face(phone.person.openid, proof["ticket"], verify_ret)

    refused = await phone.do("FinishProof", id=proof["id"])
    again = await phone.do("FinishProof", id=proof["id"])

    assert (refused["code"], refused["message"]) == ("PROOF_FAILED", sentence)
    assert again["code"] == "PROOF_EXPIRED"
    row = await resident_of(phone)
    assert await Resident.exists(id=row.id, level=1, name_sealed=None, id_number_index=None)
    kept = await IdentityProof.get(id=proof["id"])
    assert (kept.state, kept.raw_code) == (ProofState.FAILED, str(verify_ret))
    assert (await audit_of(f"resident:{row.id}"))[-1] == ("identity.proof_failed", "failed")


async def test_a_wrong_name_and_somebody_elses_number_do_not_pass(portal: Portal) -> None:
    """The owner looks into the phone; what they claimed is not what the register says."""
    phone = await willing(portal)
    wrong_name = await begin(phone, name="测试居民某")
    await portal.control.face(phone.person.openid, wrong_name["ticket"])
    wrong_number = await begin(phone, idNumber=identity_number(17_000))
    await portal.control.face(phone.person.openid, wrong_number["ticket"])

    codes = [(await phone.do("FinishProof", id=proof["id"]))["code"] for proof in (wrong_name, wrong_number)]

    assert codes == ["PROOF_FAILED", "PROOF_FAILED"]
    assert (await resident_of(phone)).level == 1


async def test_a_check_nobody_did_yet_is_pending_and_can_still_be_done(portal: Portal) -> None:
    phone = await willing(portal)
    proof = await begin(phone)

    async with nothing_moves():
        refused = await phone.do("FinishProof", id=proof["id"])

    assert (refused["code"], refused["retryable"]) == ("PROOF_PENDING", True)
    await portal.control.face(phone.person.openid, proof["ticket"])
    assert (await phone.do("FinishProof", id=proof["id"]))["level"]["level"] == 4


async def test_a_check_expires_even_when_it_was_passed(portal: Portal) -> None:
    phone = await willing(portal)
    proof = await begin(phone)
    await portal.control.face(phone.person.openid, proof["ticket"])
    kept = await IdentityProof.get(id=proof["id"])
    assert kept.expires_at - kept.started_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))

    with clock.standing_at(kept.expires_at):
        async with nothing_moves():
            with pytest.raises(ProofExpired):
                await proving.finish_proof(Actor(ActorKind.RESIDENT, kept.resident_id), kept.id)


async def test_somebody_elses_check_is_not_found_like_one_that_never_was(portal: Portal) -> None:
    owner, other = await willing(portal), await willing(portal)
    proof = await begin(owner)
    await portal.control.face(owner.person.openid, proof["ticket"])

    async with nothing_moves():
        refused = await other.do("FinishProof", id=proof["id"])
        made_up = await other.do("FinishProof", id=str(db.new_id()))

    assert refused["code"] == made_up["code"] == "NOT_FOUND"
    assert refused["message"] == made_up["message"]
    assert (await resident_of(other)).level == 1


@pytest.mark.parametrize(
    ("claim", "code", "field"),
    [
        ({"idNumber": "110101194912270009"}, "ID_NUMBER_INVALID", "idNumber"),
        ({"idNumber": "1" * 10_000}, "ID_NUMBER_INVALID", "idNumber"),
        ({"name": "测试居民9"}, "NAME_INVALID", "name"),
        ({"name": "测"}, "NAME_INVALID", "name"),
    ],
)
async def test_a_claim_that_cannot_be_true_never_leaves_the_house(
    portal: Portal, claim: dict[str, str], code: str, field: str
) -> None:
    phone = await willing(portal)

    async with nothing_moves():
        refused = await begin(phone, **claim)

    assert (refused["code"], refused["field"]) == (code, field)
    assert await portal.control.faces(phone.person.openid) == []


async def test_a_way_that_is_not_connected_is_refused_as_such(portal: Portal) -> None:
    resident = await make_resident()
    async with nothing_moves():
        with pytest.raises(ProofUnavailable):
            await proving.begin_proof(resident, "bank-card", NAME, identity_number(1))


async def test_who_never_came_by_wechat_cannot_be_proven_there(portal: Portal) -> None:
    resident = await make_resident()
    async with nothing_moves():
        with pytest.raises(ProofUnavailable):
            await proving.begin_proof(resident, "wechat-face", NAME, identity_number(1))


async def test_while_the_platform_is_down_a_check_neither_begins_nor_ends(portal: Portal) -> None:
    phone = await willing(portal)
    proof = await begin(phone)
    await portal.control.face(phone.person.openid, proof["ticket"])
    await portal.control.be_hostile(server_error=1.0)
    try:
        async with nothing_moves():
            refusals = [await begin(phone), await phone.do("FinishProof", id=proof["id"])]
    finally:
        await portal.control.be_kind()

    assert [(refused["code"], refused["retryable"]) for refused in refusals] == [("PROVIDER_UNAVAILABLE", True)] * 2
    assert (await phone.do("FinishProof", id=proof["id"]))["level"]["level"] == 4


async def test_twenty_checks_an_hour_are_enough_for_anybody(portal: Portal) -> None:
    phone = await willing(portal)
    actor = await actor_of(phone.access)
    for _ in range(20):
        await proving.begin_proof(actor, "wechat-face", NAME, phone.person.id_number)
    with pytest.raises(TooManyRequests) as refused:
        await proving.begin_proof(actor, "wechat-face", NAME, phone.person.id_number)
    assert refused.value.retry_after_seconds == 3600


async def test_a_face_is_not_looked_at_without_a_consent_of_its_own(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    async with nothing_moves():
        refused = await begin(phone)
    assert (refused["code"], refused["ways"]) == ("CONSENT_NEEDED", ["FACE_CHECK"])


async def test_slips_of_the_finger_count_as_attempts_too(portal: Portal) -> None:
    phone = await willing(portal)
    wrong_digit = phone.person.id_number[:-1] + ("1" if phone.person.id_number[-1] != "1" else "2")
    for _ in range(20):
        assert (await begin(phone, idNumber=wrong_digit))["code"] == "ID_NUMBER_INVALID"

    async with nothing_moves():
        refused = await begin(phone)

    assert (refused["code"], refused["retryAfterSeconds"]) == ("TOO_MANY_REQUESTS", 3600)


async def test_who_withdraws_the_consent_before_the_end_is_not_looked_at(portal: Portal) -> None:
    phone = await willing(portal)
    proof = await begin(phone)
    await portal.control.face(phone.person.openid, proof["ticket"])
    await phone.do("WithdrawConsent", purpose="FACE_CHECK")

    async with nothing_moves():
        refused = await phone.do("FinishProof", id=proof["id"])

    assert (refused["code"], refused["ways"]) == ("CONSENT_NEEDED", ["FACE_CHECK"])
    await phone.agree("FACE_CHECK")
    assert (await phone.do("FinishProof", id=proof["id"]))["level"]["level"] == 4


async def test_a_process_that_still_trusts_a_closed_account_writes_no_name_down_for_it(portal: Portal) -> None:
    phone = await portal.phone()
    stale = await actor_of(phone.access)
    assert (await phone.do("CloseMyAccount", dryRun=False))["closed"]

    async with nothing_moves():
        with pytest.raises(AccountEnded):
            await proving.match_identity(stale, "alipay-two-factor", phone.person.name, phone.person.id_number)
