"""A city offers what it may; the phone asks what that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.identity import capabilities
from app.kernel.settings import SettingsInvalid, get_settings
from tests.identity.traces import nothing_moves
from tests.people import new_key
from tests.portal import Portal, environment
from tests.representation.stage import child_number


@contextmanager
def switched_off(*words: str) -> Iterator[None]:
    with environment({"PORTAL_SWITCHED_OFF": ",".join(words)}):
        yield
    get_settings.cache_clear()


async def test_everything_that_is_connected_is_on_unless_it_is_switched_off(portal: Portal) -> None:
    stranger = portal.stranger()
    with switched_off("proof/wechat-face", "merging"):
        answer = await stranger.ask("WhatIsOn")

    told = {one["code"]: one["on"] for one in answer["data"]["capabilities"]}
    assert told == {
        "account-closing": True,
        "acting-for-others": True,
        "data-export": True,
        "merging": False,
        "phone/alipay": True,
        "phone/wechat": True,
        "proof/alipay-face": True,
        "proof/alipay-two-factor": True,
        "proof/wechat-face": False,
        "sign-in/alipay": True,
        "sign-in/wechat": True,
    }


async def test_each_level_names_the_ways_that_reach_it(portal: Portal) -> None:
    answer = await portal.stranger().ask("WhatIsOn")

    ways = {level["level"]: [way["code"] for way in level["ways"]] for level in answer["data"]["assuranceLevels"]}

    faces, match = ["alipay-face", "wechat-face"], ["alipay-two-factor"]
    assert ways == {1: faces + match, 2: faces + match, 3: faces, 4: faces}


async def test_a_way_that_is_off_is_neither_named_nor_walked(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    await phone.agree("FACE_CHECK")
    with switched_off("proof/wechat-face"):
        async with nothing_moves():
            too_low = await phone.do("Apply", itemKey="id-card-replace", idempotencyKey=new_key())
            begun = await phone.do("BeginProof", name=phone.person.name, idNumber=phone.person.id_number)

    assert (too_low["code"], too_low["ways"]) == ("ASSURANCE_TOO_LOW", ["alipay-face"])
    assert begun["code"] == "PROOF_UNAVAILABLE"


async def test_a_match_that_is_off_is_refused(portal: Portal) -> None:
    phone = await portal.phone(proven=False)
    with switched_off("proof/alipay-two-factor"):
        async with nothing_moves():
            refused = await phone.do(
                "MatchIdentity", name=phone.person.name, idNumber=phone.person.id_number, method="alipay-two-factor"
            )
    assert refused["code"] == "PROOF_UNAVAILABLE"


async def test_an_app_that_is_off_opens_no_account(portal: Portal) -> None:
    phone = await portal.phone(signed_in=False)
    code = await portal.control.login_code(phone.person.openid)
    with switched_off("sign-in/wechat"):
        async with nothing_moves():
            refused = await phone.do("SignIn", code=code)
    assert refused["code"] == "SIGN_IN_UNAVAILABLE"


def test_a_word_that_names_nothing_stops_the_start(portal: Portal) -> None:
    with switched_off("proof/wechat-fase"), pytest.raises(SettingsInvalid) as stopped:
        capabilities.check_words()
    assert "'proof/wechat-fase'" in str(stopped.value)
    assert "proof/wechat-face" in str(stopped.value)
    assert portal.url


async def test_what_is_ours_is_refused_by_name_when_it_is_off(portal: Portal) -> None:
    phone = await portal.phone()
    me = (await phone.ask("Me"))["data"]["me"]["id"]
    with switched_off("data-export", "account-closing", "acting-for-others"):
        async with nothing_moves():
            told = [
                await phone.do("ExportMyData"),
                await phone.do("CloseMyAccount", dryRun=True),
                await phone.do("ClaimGuardianship", child={"name": "测试孩子", "idNumber": child_number()}),
            ]
            phone.acting_for = me
            acting = await phone.ask("Me")

    assert [problem["code"] for problem in told] == ["SWITCHED_OFF"] * 3
    assert "导出个人信息" in told[0]["message"]
    assert acting["errors"][0]["extensions"]["code"] == "SWITCHED_OFF"
