from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from app.identity.merging import ID_NUMBER
from app.identity.models import Resident
from app.identity.rules import Level, Role
from app.kernel import clock
from app.kernel.audit import AuditLine
from app.kernel.privacy import blind_index, unseal
from app.representation.claims import confirm_claim
from app.representation.errors import MandateEnded, NotAChild
from app.representation.models import Mandate, RepresentationClaim
from app.representation.rules import PENDING_PER_CLAIMANT, Basis
from tests.identity.accounts import make_staff
from tests.identity.crowds import at_once
from tests.identity.traces import nothing_moves
from tests.people import Caller, new_key
from tests.portal import Portal
from tests.representation.stage import PASSPORT, child_number, make_someone, window

CHILD = "测试居民小甲"


async def account_numbered(number: str) -> Resident | None:
    return await Resident.get_or_none(id_number_index=blind_index(ID_NUMBER, number))


async def waiting_claims(clerk: Caller) -> tuple[dict[str, str | None], list[str]]:
    """Whose child each claim names, over all pages, and what went wrong meanwhile."""
    names: dict[str, str | None] = {}
    errors: list[str] = []
    after = None
    while True:
        answer = await clerk.ask("RepresentationClaims", first=50, after=after)
        page = answer["data"]["representationClaims"]
        names |= {edge["node"]["id"]: edge["node"]["subjectName"] for edge in page["edges"]}
        errors += [error["extensions"]["code"] for error in answer.get("errors", ())]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return names, errors


async def test_a_guardian_is_confirmed_by_a_window_and_acts_for_the_child(portal: Portal) -> None:
    """Until a window saw the household register there is no account of the child and nobody acts for them."""
    parent, clerk, number = await make_someone(portal), await window(portal), child_number()

    claimed = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": number})

    assert (claimed["state"], claimed["stateText"]) == ("PENDING", "待窗口核验")
    assert claimed["subjectName"] == "测****甲"
    assert await account_numbered(number) is None
    assert await parent.phone.do("Principals") == []
    row = await RepresentationClaim.get(id=claimed["id"])
    assert row.number_sealed is not None
    assert number not in row.number_sealed
    assert claimed["id"] in (await waiting_claims(clerk))[0]
    full = await clerk.do("RepresentationClaimDetail", id=claimed["id"])
    assert (full["subjectName"], full["subjectNumber"]) == (CHILD, number)
    assert full["claimant"]["name"] == parent.name
    assert await AuditLine.exists(act="representation.claim_seen", person=parent.actor.id)

    confirmed = await clerk.do("ConfirmRepresentationClaim", id=claimed["id"])

    child = await account_numbered(number)
    assert child is not None
    assert (child.level, unseal(child.name_sealed or "")) == (4, CHILD)
    mandate = confirmed["mandate"]
    born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    assert mandate["validTo"] == f"{born.replace(year=born.year + 18)}T00:00:00+08:00"
    decided = RepresentationClaim.filter(name_sealed=None, number_sealed=None, mandate_id=mandate["id"])
    assert await decided.get(id=row.id)
    [principal] = await parent.phone.do("Principals")
    assert (principal["id"], principal["basisText"]) == (str(child.id), "监护人")
    async with parent.switched_to(principal["id"]) as phone:
        filed = await phone.do("Apply", itemKey=PASSPORT, idempotencyKey=new_key())
    assert filed["__typename"] == "Case", filed
    [mine] = await parent.phone.do("MyRepresentationClaims")
    assert (mine["state"], mine["subjectName"]) == ("CONFIRMED", None)
    assert (await clerk.do("RepresentationClaimDetail", id=claimed["id"]))["subjectNumber"] is None


async def test_one_claim_that_no_key_opens_leaves_the_window_its_list(portal: Portal) -> None:
    parent, clerk = await make_someone(portal), await window(portal)
    claims = [
        await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": child_number()}) for _ in range(2)
    ]
    await RepresentationClaim.filter(id=claims[0]["id"]).update(name_sealed="gone." + "A" * 60)

    seen, errors = await waiting_claims(clerk)

    assert [seen[claim["id"]] for claim in claims] == [None, "测****甲"]
    assert errors == ["INTERNAL_ERROR"]
    for claim in claims:
        await clerk.do("RefuseRepresentationClaim", id=claim["id"], reason="测试")


async def test_a_window_refuses_with_a_reason_and_the_child_is_forgotten(portal: Portal) -> None:
    parent, clerk, number = await make_someone(portal), await window(portal), child_number()
    claimed = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": number})
    async with nothing_moves():
        empty = await clerk.do("RefuseRepresentationClaim", id=claimed["id"], reason=" ")

    refused = await clerk.do("RefuseRepresentationClaim", id=claimed["id"], reason="户口簿上不是同一家庭")
    async with nothing_moves():
        late = await clerk.do("ConfirmRepresentationClaim", id=claimed["id"])

    assert (empty["code"], empty["field"]) == ("INVALID_INPUT", "reason")
    assert (refused["state"], late["code"]) == ("REFUSED", "ILLEGAL_MOVE")
    [mine] = await parent.phone.do("MyRepresentationClaims")
    assert (mine["stateText"], mine["reason"], mine["subjectName"]) == ("未通过核验", "户口簿上不是同一家庭", None)
    assert await account_numbered(number) is None
    assert (await RepresentationClaim.get(id=claimed["id"])).number_sealed is None


async def test_a_claim_taken_back_cannot_be_confirmed(portal: Portal) -> None:
    parent, other, clerk = await make_someone(portal), await make_someone(portal), await window(portal)
    claimed = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": child_number()})
    async with nothing_moves():
        assert (await other.phone.do("WithdrawRepresentationClaim", id=claimed["id"]))["code"] == "NOT_FOUND"

    withdrawn = await parent.phone.do("WithdrawRepresentationClaim", id=claimed["id"])
    again = await parent.phone.do("WithdrawRepresentationClaim", id=claimed["id"])

    assert withdrawn == again
    assert withdrawn["state"] == "WITHDRAWN"
    async with nothing_moves():
        assert (await clerk.do("ConfirmRepresentationClaim", id=claimed["id"]))["code"] == "ILLEGAL_MOVE"


async def test_the_same_claim_again_is_the_same_and_five_wait_at_most(portal: Portal) -> None:
    parent = await make_someone(portal)
    numbers = [child_number() for _ in range(PENDING_PER_CLAIMANT + 1)]
    claims = [
        await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": number})
        for number in [*numbers[:PENDING_PER_CLAIMANT], numbers[0]]
    ]
    async with nothing_moves():
        refused = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": numbers[-1]})
    assert claims[0]["id"] == claims[-1]["id"]
    assert len({claim["id"] for claim in claims}) == PENDING_PER_CLAIMANT
    assert refused["code"] == "TOO_MANY_CLAIMS"


async def test_who_is_grown_up_has_no_guardian_and_a_child_is_none(portal: Portal) -> None:
    parent, minor = await make_someone(portal), await make_someone(portal, id_number=child_number())
    adult = await make_someone(portal)
    weak, stale = await make_someone(portal, level=Level.L3), await make_someone(portal, proved_now=False)
    card = {"name": CHILD, "idNumber": child_number()}
    async with nothing_moves():
        answers = [
            await parent.phone.do("ClaimGuardianship", child=adult.card),
            await minor.phone.do("ClaimGuardianship", child=card),
            await minor.phone.do("ClaimGuardianship", child=minor.card),
            await weak.phone.do("ClaimGuardianship", child=card),
            await stale.phone.do("ClaimGuardianship", child=card),
        ]
    assert [answer["code"] for answer in answers] == [
        "NOT_A_CHILD", "NOT_OF_AGE", "NOBODY_FOR_THEMSELVES", "ASSURANCE_TOO_LOW", "STEP_UP_NEEDED",
    ]  # fmt: skip


async def test_on_the_eighteenth_birthday_the_guardian_is_one_no_more(portal: Portal) -> None:
    parent, clerk = await make_someone(portal), await window(portal)
    birthday = clock.today() + timedelta(days=2)
    number = child_number(date(birthday.year - 18, birthday.month, min(birthday.day, 28)))
    claimed = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": number})
    confirmed = await clerk.do("ConfirmRepresentationClaim", id=claimed["id"])
    child = confirmed["mandate"]["principal"]["id"]
    midnight = (await Mandate.get(id=confirmed["mandate"]["id"])).valid_to
    assert midnight is not None

    with clock.standing_at(midnight - timedelta(seconds=1)):
        assert (await parent.acting_for(child)).principal is not None
    with clock.standing_at(midnight), pytest.raises(MandateEnded):
        await parent.acting_for(child)


async def test_a_claim_confirmed_after_the_birthday_is_refused(portal: Portal) -> None:
    parent = await make_someone(portal)
    claimed = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": child_number()})
    row = await RepresentationClaim.get(id=claimed["id"])
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)
    async with nothing_moves():
        with clock.standing_at(clock.now() + timedelta(days=366 * 18)), pytest.raises(NotAChild):
            await confirm_claim(clerk, row.id)


async def test_two_parents_confirmed_at_once_share_one_child(portal: Portal) -> None:
    number = child_number()
    parents = [await make_someone(portal), await make_someone(portal)]
    claims = [
        await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": number}) for parent in parents
    ]
    clerk = await make_staff(Role.WINDOW_ACCEPTOR)

    outcomes = await at_once(*(confirm_claim(clerk, UUID(claim["id"])) for claim in claims))

    assert [type(outcome).__name__ for outcome in outcomes] == ["Installed"] * 2
    child = await account_numbered(number)
    assert child is not None
    assert await Mandate.filter(principal_id=child.id, basis=Basis.GUARDIAN).count() == 2


async def test_a_stranger_who_typed_in_the_childs_number_keeps_nothing_of_it(portal: Portal) -> None:
    """An account that never proved the number loses it to the one a window opens."""
    number = child_number()
    stranger = await make_someone(portal, level=Level.L2, name=CHILD, id_number=number)
    parent, clerk = await make_someone(portal), await window(portal)
    claimed = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": number})

    confirmed = await clerk.do("ConfirmRepresentationClaim", id=claimed["id"])

    child = await account_numbered(number)
    assert child is not None
    assert str(child.id) == confirmed["mandate"]["principal"]["id"] != stranger.id
    assert await Resident.exists(id=stranger.actor.id, level=1, id_number_index=None, name_sealed=None)


async def test_another_name_than_the_child_proved_is_seen_by_the_window(portal: Portal) -> None:
    child = await make_someone(portal, name="测试居民小乙", id_number=child_number())
    parent, clerk = await make_someone(portal), await window(portal)
    claimed = await parent.phone.do("ClaimGuardianship", child={"name": CHILD, "idNumber": child.id_number})
    async with nothing_moves():
        assert (await clerk.do("ConfirmRepresentationClaim", id=claimed["id"]))["code"] == "NAMES_DIFFER"
    assert await parent.phone.do("Principals") == []
