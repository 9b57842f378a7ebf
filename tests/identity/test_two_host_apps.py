"""The portal inside WeChat and inside Alipay: one identity everywhere, and either key can be taken away again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.identity.bindings import unbind
from app.identity.errors import LastBinding
from app.identity.models import ChannelBinding, IdentityProof
from app.identity.queries import actor_of
from app.kernel import clock
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import AlipayPhone, Phone, new_key
from tests.portal import Portal


async def both(portal: Portal) -> tuple[Phone, AlipayPhone]:
    """One person's WeChat and Alipay, each signed in; only WeChat is proven."""
    wechat = await portal.phone()
    alipay = await AlipayPhone.of(wechat)
    portal.people.append(alipay)
    await alipay.sign_in()
    return wechat, alipay


async def me(caller: Phone | AlipayPhone) -> dict[str, Any]:
    answer = await caller.ask("Me")
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["me"]
    return found


async def test_a_resident_of_alipay_signs_in_and_is_known_again(portal: Portal) -> None:
    _, alipay = await both(portal)
    first = await me(alipay)
    await alipay.sign_in()
    assert (await me(alipay))["id"] == first["id"]
    assert first["level"]["level"] == 1


async def test_a_code_of_alipay_is_good_once(portal: Portal) -> None:
    _, alipay = await both(portal)
    code = await portal.control.alipay_auth_code(alipay.user.open_id)
    stranger = portal.stranger()
    assert (await stranger.do("SignIn", code=code, channel="alipay"))["__typename"] == "SignedIn"

    async with nothing_moves():
        again = await stranger.do("SignIn", code=code, channel="alipay")

    assert (again["code"], again["retryable"]) == ("SIGN_IN_CODE_INVALID", True)


async def test_a_face_in_alipay_joins_the_account_that_wechat_opened(portal: Portal) -> None:
    wechat, alipay = await both(portal)
    case = await wechat.do("Apply", itemKey="id-card-replace", idempotencyKey=new_key())
    assert (await me(alipay))["id"] != (await me(wechat))["id"]

    left = await alipay.prove()

    assert left["id"] == (await me(wechat))["id"] == (await me(alipay))["id"]
    assert (await alipay.do("CaseDetail", id=case["id"]))["number"] == case["number"]
    assert {binding["channel"] for binding in await alipay.do("MyBindings")} == {"wechat", "alipay"}


async def test_alipays_check_that_nobody_did_yet_is_pending(portal: Portal) -> None:
    _, alipay = await both(portal)
    proof = await alipay.begin_proof()
    assert proof["url"].startswith("http")

    async with nothing_moves():
        refused = await alipay.do("FinishProof", id=proof["id"])

    assert (refused["code"], refused["retryable"]) == ("PROOF_PENDING", True)


async def test_a_number_from_alipays_button_is_kept_once(portal: Portal) -> None:
    wechat, alipay = await both(portal)
    await alipay.agree("PHONE")
    given = await portal.control.alipay_phone_response(alipay.user.open_id)

    kept = await alipay.do("SetPhone", code=given, channel="alipay")

    assert kept["maskedPhone"] == f"{alipay.user.mobile[:3]}****{alipay.user.mobile[-4:]}"
    thief = await AlipayPhone.of(wechat)
    portal.people.append(thief)
    await thief.sign_in()
    await thief.agree("PHONE")
    async with nothing_moves():
        assert (await thief.do("SetPhone", code=given, channel="alipay"))["code"] == "PHONE_CODE_INVALID"


async def test_a_number_that_alipay_did_not_sign_is_refused(portal: Portal) -> None:
    _, alipay = await both(portal)
    await alipay.agree("PHONE")
    forged = await portal.control.alipay_phone_response(alipay.user.open_id, "forged")
    async with nothing_moves():
        assert (await alipay.do("SetPhone", code=forged, channel="alipay"))["code"] == "PHONE_CODE_INVALID"


async def test_name_and_number_alone_reach_level_two(portal: Portal) -> None:
    phone = await portal.phone(proven=False)

    matched = await phone.do(
        "MatchIdentity", name=phone.person.name, idNumber=phone.person.id_number, method="alipay-two-factor"
    )

    assert matched["level"]["level"] == 2
    refused = await phone.do("Apply", itemKey="id-card-replace", idempotencyKey=new_key())
    assert refused["code"] == "ASSURANCE_TOO_LOW"
    assert set(refused["ways"]) == {"alipay-face", "wechat-face"}


async def test_a_name_that_is_not_the_numbers_is_a_problem_of_that_field(portal: Portal) -> None:
    phone = await portal.phone(proven=False)

    refused = await phone.do(
        "MatchIdentity", name="测试别人", idNumber=phone.person.id_number, method="alipay-two-factor"
    )

    assert (refused["code"], refused["field"]) == ("PROOF_FAILED", "name")
    assert (await me(phone))["level"]["level"] == 1


async def test_an_app_that_is_unbound_no_longer_opens_the_account(portal: Portal) -> None:
    wechat, alipay = await both(portal)
    await alipay.prove()
    resident = (await me(wechat))["id"]
    [key] = [binding for binding in await alipay.do("MyBindings") if binding["channel"] == "wechat"]

    unbound = await alipay.do("UnbindChannel", id=key["id"])

    assert [binding["channel"] for binding in unbound["left"]] == ["alipay"]
    assert (await wechat.ask("Me"))["errors"][0]["extensions"]["code"] == "SESSION_ENDED"
    assert (await me(alipay))["id"] == resident
    await wechat.sign_in()
    fresh = await me(wechat)
    assert fresh["id"] != resident
    assert fresh["level"]["level"] == 1
    assert ("identity.channel_unbound", "done") in await audit_of(f"resident:{resident}")


async def test_the_last_app_cannot_be_unbound(portal: Portal) -> None:
    phone = await portal.phone()
    [key] = await phone.do("MyBindings")
    async with nothing_moves():
        assert (await phone.do("UnbindChannel", id=key["id"]))["code"] == "LAST_BINDING"


async def test_somebody_elses_binding_is_none(portal: Portal) -> None:
    phone, other = await portal.phone(), await portal.phone()
    [key] = await other.do("MyBindings")
    async with nothing_moves():
        assert (await phone.do("UnbindChannel", id=key["id"]))["code"] == "NOT_FOUND"


async def test_an_unlocked_phone_on_the_table_cannot_unbind(portal: Portal) -> None:
    """The identity check has to be of this session and of the last ten minutes."""
    wechat, alipay = await both(portal)
    await alipay.prove()
    keys = await wechat.do("MyBindings")
    longer_ago = clock.now() - timedelta(minutes=11)
    await IdentityProof.filter(resident_id=(await me(wechat))["id"]).update(finished_at=longer_ago)

    async with nothing_moves():
        refused = await wechat.do("UnbindChannel", id=keys[0]["id"])

    assert refused["code"] == "STEP_UP_NEEDED"
    assert set(refused["ways"]) == {"alipay-face", "wechat-face"}


async def test_a_step_up_of_one_session_is_none_of_another(portal: Portal) -> None:
    phone = await portal.phone()
    second = Phone(portal.url, portal.control, phone.person)
    portal.people.append(second)
    await second.sign_in()
    [key] = await second.do("MyBindings")
    async with nothing_moves():
        assert (await second.do("UnbindChannel", id=key["id"]))["code"] == "STEP_UP_NEEDED"


@pytest.mark.parametrize("_round", range(4))
async def test_both_keys_at_once_leave_one(portal: Portal, _round: int) -> None:
    """Two phones that unbind each other at the same moment: one of them stays."""
    wechat, alipay = await both(portal)
    await alipay.prove()
    await wechat.prove()
    keys = {binding["channel"]: UUID(binding["id"]) for binding in await alipay.do("MyBindings")}

    outcomes = await at_once(
        unbind(await actor_of(alipay.access), keys["wechat"]), unbind(await actor_of(wechat.access), keys["alipay"])
    )

    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [LastBinding]
    assert await ChannelBinding.filter(id__in=keys.values()).count() == 1
