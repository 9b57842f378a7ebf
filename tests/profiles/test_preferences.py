from __future__ import annotations

from typing import Any

import pytest

from app.identity.models import Resident
from app.kernel import db
from app.kernel.actor import Actor, ActorKind, Principal
from app.kernel.errors import ActingForAnother
from app.profiles import commands
from app.profiles.models import Preferences
from app.profiles.rules import Language, NoticeKind
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller
from tests.portal import Portal


def on(preferences: dict[str, Any]) -> dict[str, bool]:
    return {notice["kind"]: notice["on"] for notice in preferences["notices"]}


async def test_who_never_chose_hears_of_everything_in_ordinary_type(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    preferences = await caller.do("MyPreferences")
    assert (preferences["language"], preferences["largeType"]) == (None, False)
    assert on(preferences) == dict.fromkeys(("BOOKING", "CASE", "PAYMENT", "DELIVERY", "SECURITY"), True)
    assert [notice["canBeMuted"] for notice in preferences["notices"]] == [True, True, True, True, False]
    assert preferences["notices"][0]["name"] == "预约和叫号"


async def test_what_is_left_out_stays(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)

    await caller.do("SetPreferences", language="EN", muted=["DELIVERY", "BOOKING"])
    await caller.do("SetPreferences", largeType=True)
    preferences = await caller.do("MyPreferences")

    assert (preferences["language"], preferences["largeType"]) == ("EN", True)
    assert [kind for kind, is_on in on(preferences).items() if not is_on] == ["BOOKING", "DELIVERY"]
    assert (await Preferences.get(resident_id=resident.id)).muted == ["BOOKING", "DELIVERY"]
    assert await audit_of(f"resident:{resident.id}") == [("preferences.changed", "done")] * 2

    unmuted = await caller.do("SetPreferences", muted=[])
    assert all(on(unmuted).values())
    assert unmuted["largeType"]


async def test_security_notices_cannot_be_switched_off(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await caller.do("SetPreferences", muted=["CASE", "SECURITY"], largeType=True)
    assert (refused["code"], refused["field"]) == ("NOTICE_NOT_MUTABLE", "muted")
    assert refused["message"] == "“账号安全”通知关系到您的账号安全,不能关闭"


async def test_a_kind_nobody_knows_is_no_request(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        answer = await caller.ask("SetPreferences", muted=["EVERYTHING"])
    assert "errors" in answer


async def wording(caller: Caller) -> str:
    """The language in which the portal speaks to a phone that asks for none."""
    del caller.http.headers["accept-language"]
    refused = await caller.do("RemoveAddress", id=str(db.new_id()))
    message: str = refused["message"]
    return "en" if message.startswith("No such") else "zh"


async def test_the_chosen_language_counts_at_once_where_the_phone_sends_none(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    assert await wording(caller) == "zh"
    await caller.do("SetPreferences", language="EN")
    caller.http.headers["accept-language"] = "en"
    assert await wording(caller) == "en"

    caller.http.headers["accept-language"] = "zh-CN"
    refused = await caller.do("RemoveAddress", id=str(db.new_id()))
    assert refused["message"].startswith("没有找到")


async def test_a_first_choice_made_many_times_at_once_is_one_choice(portal: Portal) -> None:
    resident = await make_resident()

    outcomes = await at_once(*(commands.set_preferences(resident, large_type=True) for _ in range(6)))

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert await Preferences.filter(resident_id=resident.id).count() == 1


async def test_nobody_chooses_for_another(portal: Portal) -> None:
    principal = await make_resident()
    assert principal.id is not None
    acting = Actor(
        ActorKind.RESIDENT, (await make_resident()).id, principal=Principal(principal.id, db.new_id(), "GUARDIAN")
    )
    async with nothing_moves():
        with pytest.raises(ActingForAnother):
            await commands.set_preferences(acting, language=Language.EN, muted=[NoticeKind.CASE])
    assert (await Resident.get(id=principal.id)).language == ""
