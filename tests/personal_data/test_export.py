from __future__ import annotations

from typing import Any

import orjson

from app.identity.models import Resident
from app.identity.rules import Level, Role
from app.kernel import clock
from tests.cases.filing import file_case
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller
from tests.personal_data.everything import ADDRESS, AGENT, NAME, NUMBER, PHONE, make_account, make_user_of_everything
from tests.personal_data.rights import stepped_up
from tests.portal import Portal


async def export(caller: Caller) -> dict[str, Any]:
    answer = await caller.do("ExportMyData")
    assert answer["__typename"] == "ExportedData", answer
    document: dict[str, Any] = orjson.loads(answer["json"])
    assert document["exported_at"] == answer["exportedAt"]
    return document


async def test_the_export_holds_everything_opened_with_its_periods(portal: Portal) -> None:
    used = await make_user_of_everything()
    row = await Resident.get(id=used.id)

    document = await export(await stepped_up(portal, used.actor))

    sections = {f"{one['domain']}.{one['kind']}": one for one in document["sections"]}
    assert sections["identity.account"]["rows"] == [
        {
            "id": str(used.id),
            "kind": "NATURAL",
            "level": 4,
            "name": NAME,
            "id_number": NUMBER,
            "phone": PHONE,
            "language": "en",
            "created_at": clock.local(row.created_at).isoformat(timespec="seconds"),
        }
    ]
    assert sections["identity.account"]["name_zh"] == "姓名、身份证号、手机号"
    [address] = sections["profiles.addresses"]["rows"]
    assert (address["receiver"], address["phone"], address["detail"]) == (
        ADDRESS.receiver,
        ADDRESS.phone,
        ADDRESS.detail,
    )
    [case] = sections["cases.cases"]["rows"]
    assert (case["state_text"], case["delivery_address"]["receiver"]) == ("已办结", ADDRESS.receiver)
    assert case["events"][0]["by"] == "resident"
    [bill] = sections["payments.bills"]["rows"]
    assert (bill["total_fen"], bill["payments"][0]["state"]) == (4000, "SUCCEEDED")
    [parcel] = sections["delivery.parcels"]["rows"]
    assert (parcel["receiver"]["detail"], parcel["events"][0]["place"]) == (ADDRESS.detail, "云澜")
    assert len(sections["booking.bookings"]["rows"]) == len(sections["queueing.tickets"]["rows"]) == 1
    assert [one["agent_name"] for one in sections["representation.mandates"]["rows"]] == [AGENT]
    periods = {f"{one['domain']}.{one['kind']}": one["days"] for one in document["retention"]}
    assert (periods["identity.sessions"], periods["identity.proofs"], periods["identity.requests"]) == (180, 30, 90)
    assert all(one["basis_zh"] for one in document["retention"])


async def test_no_secret_and_nobody_else_is_in_it(portal: Portal) -> None:
    """Not whom one acts for, not who of the staff did it, no token and no key of a session."""
    used = await make_user_of_everything()
    case = await file_case(used.actor, "residence-permit")
    clerk = await make_staff(Role.PRE_REVIEWER)
    await (await caller_of(portal, clerk)).do("AcceptCase", id=str(case.id))

    document = await export(await stepped_up(portal, used.actor))

    text = orjson.dumps(document).decode()
    assert str(clerk.id) not in text
    assert "refresh" not in text.replace("refreshed_at", "")
    [agency] = [one for one in document["sections"] if one["kind"] == "agencies"]
    assert "agent_name" not in agency["rows"][0]
    assert "principal_id" not in text
    [look] = document["access_log"]
    assert (look["title"], look["text_zh"], look["case"]) == ("测试工位", "受理了您的申请", str(case.id))
    filed = next(one for one in document["sections"] if one["kind"] == "cases")["rows"][1]
    assert [event["by"] for event in filed["events"]] == ["resident", "staff"]


async def test_an_export_is_audited(portal: Portal) -> None:
    account = await make_account()
    await export(await stepped_up(portal, account.actor))
    assert await audit_of(f"resident:{account.id}") == [("identity.data_exported", "done")]


async def test_a_proven_account_proves_itself_again_first(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    async with nothing_moves():
        answer = await caller.do("ExportMyData")
    assert answer["code"] == "STEP_UP_NEEDED"
    assert "wechat-face" in answer["ways"]


async def test_who_never_proved_anything_has_nothing_to_repeat(portal: Portal) -> None:
    resident = await make_resident(Level.L1)
    document = await export(await caller_of(portal, resident))
    assert document["account"] == str(resident.id)


async def test_the_sixth_export_of_a_day_is_refused(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident(Level.L1))
    for _ in range(5):
        await export(caller)
    answer = await caller.do("ExportMyData")
    assert (answer["code"], answer["retryable"]) == ("TOO_MANY_REQUESTS", True)
