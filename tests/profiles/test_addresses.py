from __future__ import annotations

from typing import Any

import pytest

from app.cases.models import Case
from app.cases.queries import address_of
from app.kernel import db
from app.kernel.actor import Actor, ActorKind, Principal
from app.kernel.errors import ActingForAnother
from app.profiles import commands, queries
from app.profiles.errors import AddressBookFull
from app.profiles.models import PostalAddress
from app.profiles.rules import Address
from tests.cases.filing import CARD, PERMIT
from tests.identity.accounts import caller_of, make_resident
from tests.identity.crowds import at_once
from tests.identity.traces import audit_of, nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal

HOME = Address("测试居民甲", "13000004321", "990102", "云澜市澄江区人民路1号(虚构)")
WORK = {
    "receiver": "测试居民甲",
    "phone": "+852 9123 4567",
    "divisionCode": "110101001",
    "detail": "示例街道2号",
}
TYPED = {
    "receiver": HOME.receiver,
    "phone": HOME.phone,
    "divisionCode": HOME.division_code,
    "detail": HOME.detail,
}


async def add(caller: Caller, address: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    added: dict[str, Any] = await caller.do("AddAddress", address=address or TYPED, **more)
    assert added["__typename"] == "PostalAddress", added
    return added


async def preferred_of(actor: Actor) -> list[str]:
    return [str(row.id) for row in await PostalAddress.filter(resident_id=actor.id, preferred=True)]


async def test_an_address_is_kept_sealed_and_shown_in_part(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)

    added = await add(caller, label="家")

    del added["__typename"]
    assert added == {
        "id": added["id"],
        "label": "家",
        "maskedReceiver": "测***甲",
        "maskedPhone": "130****4321",
        "divisionCode": "990102",
        "province": None,
        "maskedDetail": "云澜市澄江区****",
        "preferred": True,
    }
    row = await PostalAddress.get(id=added["id"])
    assert queries.opened(row) == HOME
    sealed = f"{row.receiver_sealed} {row.phone_sealed} {row.detail_sealed}"
    assert not any(part in sealed for part in (HOME.receiver, HOME.phone, HOME.detail))
    assert await audit_of(f"address:{row.id}") == [("address.added", "done")]


async def test_its_owner_sees_an_address_in_full(portal: Portal) -> None:
    caller, other = await caller_of(portal, await make_resident()), await caller_of(portal, await make_resident())
    added = await add(caller)

    full = await caller.do("MyAddress", id=added["id"])
    async with nothing_moves():
        refused = await other.do("MyAddress", id=added["id"])

    assert full == {"__typename": "FullAddress", "id": added["id"], "label": "", "preferred": True, **TYPED}
    assert refused["code"] == "NOT_FOUND"


async def test_the_preferred_address_comes_first(portal: Portal) -> None:
    resident = await make_resident()
    caller = await caller_of(portal, resident)
    first, second = await add(caller, label="家"), await add(caller, WORK, label="单位")
    third = await add(caller, label="父母家", preferred=True)

    assert [entry["label"] for entry in await caller.do("MyAddresses")] == ["父母家", "单位", "家"]
    assert await preferred_of(resident) == [third["id"]]

    assert (await caller.do("PreferAddress", id=first["id"]))["preferred"]
    async with nothing_moves():
        await caller.do("PreferAddress", id=first["id"])

    listed = await caller.do("MyAddresses")
    assert [(entry["id"], entry["preferred"]) for entry in listed] == [
        (first["id"], True),
        (third["id"], False),
        (second["id"], False),
    ]
    assert (listed[2]["maskedPhone"], listed[2]["province"]) == ("+85*****4567", "北京市")


async def test_of_many_preferred_at_once_one_is_left(portal: Portal) -> None:
    resident = await make_resident()
    entries = [await commands.add_address(resident, HOME, "", preferred=False) for _ in range(6)]

    outcomes = await at_once(
        *(commands.prefer_address(resident, entry.id) for entry in entries),
        *(commands.add_address(resident, HOME, "", preferred=True) for _ in range(4)),
    )

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert len(await preferred_of(resident)) == 1


async def test_the_database_itself_keeps_to_one_preferred_address(portal: Portal) -> None:
    resident = await make_resident()
    entries = [await commands.add_address(resident, HOME, "", preferred=False) for _ in range(2)]
    with pytest.raises(Exception, match="one_preferred_address"):
        await PostalAddress.filter(id=entries[1].id).update(preferred=True)


async def test_an_address_is_replaced_as_a_whole(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    added = await add(caller, label="家")

    changed = await caller.do("ChangeAddress", id=added["id"], address=WORK, label="单位")

    assert (changed["label"], changed["divisionCode"], changed["preferred"]) == ("单位", "110101001", True)
    full = await caller.do("MyAddress", id=added["id"])
    assert (full["phone"], full["detail"]) == ("+85291234567", "示例街道2号")


async def test_a_removed_address_is_gone(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    kept, removed = await add(caller), await add(caller, preferred=True)

    assert await caller.do("RemoveAddress", id=removed["id"]) == {"__typename": "AddressRemoved", "id": removed["id"]}

    assert [(entry["id"], entry["preferred"]) for entry in await caller.do("MyAddresses")] == [(kept["id"], False)]
    assert (await caller.do("RemoveAddress", id=removed["id"]))["code"] == "NOT_FOUND"


async def test_the_book_holds_twenty_also_when_many_are_added_at_once(portal: Portal) -> None:
    resident = await make_resident()
    for _ in range(18):
        await commands.add_address(resident, HOME, "", preferred=False)

    outcomes = await at_once(*(commands.add_address(resident, HOME, "", preferred=False) for _ in range(6)))

    assert sum(isinstance(outcome, AddressBookFull) for outcome in outcomes) == 4
    assert await PostalAddress.filter(resident_id=resident.id).count() == 20
    caller = await caller_of(portal, resident)
    async with nothing_moves():
        refused = await caller.do("AddAddress", address=TYPED)
    assert (refused["code"], refused["message"]) == (
        "ADDRESS_BOOK_FULL",
        "地址簿最多保存20个地址,请先删除不用的地址",
    )


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"phone": "12345"}, "phone"),
        ({"divisionCode": "000000"}, "divisionCode"),
        ({"receiver": ""}, "receiver"),
        ({"detail": " "}, "detail"),
    ],
)
async def test_a_wrong_part_is_named_and_nothing_kept(portal: Portal, wrong: dict[str, str], part: str) -> None:
    caller = await caller_of(portal, await make_resident())
    added = await add(caller)
    async with nothing_moves():
        refusals = [
            await caller.do("AddAddress", address={**TYPED, **wrong}),
            await caller.do("ChangeAddress", id=added["id"], address={**TYPED, **wrong}),
        ]
    assert [(refused["code"], refused["field"]) for refused in refusals] == [("ADDRESS_INVALID", part)] * 2


async def test_a_label_that_is_no_label_is_refused(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    async with nothing_moves():
        refused = await caller.do("AddAddress", address=TYPED, label="长" * 21)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "label")


async def test_somebody_elses_address_is_nobodys(portal: Portal) -> None:
    mine, theirs = await caller_of(portal, await make_resident()), await caller_of(portal, await make_resident())
    their_id = (await add(theirs))["id"]
    async with nothing_moves():
        refusals = [
            await mine.do("ChangeAddress", id=their_id, address=WORK),
            await mine.do("PreferAddress", id=their_id),
            await mine.do("RemoveAddress", id=their_id),
            await mine.do("Apply", itemKey=CARD, idempotencyKey=new_key(), delivery="POST", addressId=their_id),
            await mine.do("RemoveAddress", id="never-one-of-ours"),
        ]
    assert {refused["code"] for refused in refusals} == {"NOT_FOUND"}
    assert await mine.do("MyAddresses") == []


async def test_an_application_takes_an_address_of_the_book_as_it_is_then(portal: Portal) -> None:
    resident = await make_resident()
    caller, key = await caller_of(portal, resident), new_key()
    added = await add(caller)
    wanted = {"itemKey": CARD, "idempotencyKey": key, "delivery": "POST", "addressId": added["id"]}

    filed = await caller.do("Apply", **wanted)
    await caller.do("ChangeAddress", id=added["id"], address=WORK)
    again = await caller.do("Apply", **wanted)

    assert filed["id"] == again["id"]
    assert address_of(await Case.get(id=filed["id"])) == HOME


async def test_an_application_takes_one_address_and_not_two(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    added = await add(caller)
    async with nothing_moves():
        refused = await caller.do(
            "Apply", itemKey=CARD, idempotencyKey=new_key(), delivery="POST", address=WORK, addressId=added["id"]
        )
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "addressId")


async def test_an_agent_chooses_in_the_principals_book_and_changes_nothing_there(portal: Portal) -> None:
    agent, principal = await make_resident(), await make_resident()
    assert principal.id is not None
    entry = await commands.add_address(principal, HOME, "家", preferred=True)
    own = await commands.add_address(agent, HOME, "", preferred=True)
    acting = Actor(ActorKind.RESIDENT, agent.id, principal=Principal(principal.id, db.new_id(), "GUARDIAN"))

    assert [row.id for row in await queries.addresses_of(acting)] == [entry.id]
    assert (await queries.entry_of(acting.resident_id(), entry.id)).id == entry.id
    assert own.id not in {row.id for row in await queries.addresses_of(acting)}
    async with nothing_moves():
        with pytest.raises(ActingForAnother):
            await commands.add_address(acting, HOME, "", preferred=True)
        with pytest.raises(ActingForAnother):
            await commands.change_address(acting, entry.id, HOME, "")
        with pytest.raises(ActingForAnother):
            await commands.prefer_address(acting, entry.id)
        with pytest.raises(ActingForAnother):
            await commands.remove_address(acting, entry.id)
        with pytest.raises(ActingForAnother):
            await queries.own_address(acting, entry.id)


async def test_to_collect_no_address_is_needed(portal: Portal) -> None:
    caller = await caller_of(portal, await make_resident())
    filed = await caller.do("Apply", itemKey=PERMIT, idempotencyKey=new_key())
    assert filed["state"] == "SUBMITTED"
