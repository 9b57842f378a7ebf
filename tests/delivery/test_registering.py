from __future__ import annotations

import asyncio

import pytest

from app.cases.models import Case
from app.cases.rules import CaseState, DeliveryMethod
from app.delivery.commands import register_parcel
from app.delivery.errors import CarrierUnknown, NotPosted, TrackingNumberInvalid, TrackingNumberUsed
from app.delivery.models import Parcel, ParcelCase
from app.delivery.rules import Watch
from app.delivery.watching import watch
from app.identity.rules import Role
from app.kernel import db
from app.kernel.audit import AuditLine
from app.kernel.errors import IllegalMove, NotAllowed, NotFound
from tests.delivery.stage import ADDRESS, make_case, new_number, send
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.portal import Portal


async def test_a_registered_parcel_is_watched_by_the_worker(portal: Portal) -> None:
    sent = await send()
    assert (await Case.get(id=sent.case.id)).state is CaseState.DELIVERING
    assert sent.parcel.watch is Watch.ASKED
    await portal.run_jobs()
    assert (await Parcel.get(id=sent.parcel.id)).watch is Watch.WATCHED
    assert [kept["watching"] for kept in (await portal.control.parcel(sent.number)).subscriptions] == [True]
    await watch(sent.parcel.id)
    assert len((await portal.control.parcel(sent.number)).subscriptions) == 1


async def test_registering_the_same_parcel_again_gives_it_back(portal: Portal) -> None:
    sent = await send()
    again = await register_parcel(sent.issuer, sent.case.id, "ems", sent.number)
    assert again.id == sent.parcel.id
    assert await ParcelCase.filter(case_id=sent.case.id).count() == 1


async def test_two_clerks_at_once_register_one_parcel(portal: Portal) -> None:
    owner, issuer = await make_resident(), await make_staff(Role.ISSUER)
    case, number = await make_case(owner), new_number()
    parcels = await asyncio.gather(*(register_parcel(issuer, case.id, "ems", number) for _ in range(4)))
    assert len({parcel.id for parcel in parcels}) == 1


async def test_a_number_belongs_to_one_case(portal: Portal) -> None:
    sent = await send()
    other = await make_case(await make_resident())
    with pytest.raises(TrackingNumberUsed):
        await register_parcel(sent.issuer, other.id, "ems", sent.number)
    assert (await Case.get(id=other.id)).state is CaseState.RESULT_READY


@pytest.mark.parametrize(
    ("carrier", "number", "refusal"),
    [
        ("pigeon", "1234567890", CarrierUnknown),
        ("", "1234567890", CarrierUnknown),
        ("ems", "12", TrackingNumberInvalid),
        ("ems", "运单号1234567", TrackingNumberInvalid),
    ],
)
async def test_faulty_input_moves_nothing(portal: Portal, carrier: str, number: str, refusal: type[Exception]) -> None:
    case = await make_case(await make_resident())
    with pytest.raises(refusal):
        await register_parcel(await make_staff(Role.ISSUER), case.id, carrier, number)
    assert (await Case.get(id=case.id)).state is CaseState.RESULT_READY
    assert await ParcelCase.filter(case_id=case.id).count() == 0


async def test_only_a_result_that_waits_to_be_posted_is_sent(portal: Portal) -> None:
    issuer, owner = await make_staff(Role.ISSUER), await make_resident()
    collected = await make_case(owner, method=DeliveryMethod.COLLECT)
    with pytest.raises(NotPosted):
        await register_parcel(issuer, collected.id, "ems", new_number())
    sent = await send()
    with pytest.raises(IllegalMove):
        await register_parcel(sent.issuer, sent.case.id, "ems", new_number())
    with pytest.raises(NotFound):
        await register_parcel(issuer, db.new_id(), "ems", new_number())
    with pytest.raises(NotAllowed):
        await register_parcel(await make_staff(Role.WINDOW_ACCEPTOR), sent.case.id, "ems", new_number())


async def test_the_label_shows_the_address_to_the_issuer_only_and_the_look_is_audited(portal: Portal) -> None:
    case = await make_case(await make_resident())
    issuer = await make_staff(Role.ISSUER)
    clerk = await caller_of(portal, issuer)
    label = await clerk.do("ShippingLabel", caseId=str(case.id))
    assert (label["receiver"], label["phone"], label["detail"]) == (ADDRESS.receiver, ADDRESS.phone, ADDRESS.detail)
    looks = await AuditLine.filter(act="case.address_seen", subject=f"case:{case.id}")
    assert [look.actor for look in looks] == [issuer.reference]

    supervisor = await caller_of(portal, await make_staff(Role.SUPERVISOR))
    assert (await supervisor.do("ShippingLabel", caseId=str(case.id)))["code"] == "NOT_ALLOWED"


async def test_the_receiver_is_sealed_in_the_table(portal: Portal) -> None:
    sent = await send()
    stored = await db.row("SELECT row_to_json(p)::text AS text FROM parcel p WHERE id = $1", sent.parcel.id)
    assert stored is not None
    for part in (ADDRESS.receiver, ADDRESS.phone, ADDRESS.detail):
        assert part not in stored["text"]
    assert sent.parcel.phone_tail == "1234"


async def test_a_refused_subscription_is_shown_to_the_staff(portal: Portal) -> None:
    """Kuaidi100 gave up watching; asking again within half an hour is refused, and the reason is kept."""
    sent = await send()
    await portal.run_jobs()
    await portal.control.scan(sent.number, "picked_up", push=False)
    await portal.control.push(sent.number, "abort")
    await Parcel.filter(id=sent.parcel.id).update(watch=Watch.ASKED)
    await watch(sent.parcel.id)
    known = await Parcel.get(id=sent.parcel.id)
    assert known.watch is Watch.REFUSED
    assert known.watch_remark
    clerk = await caller_of(portal, sent.issuer)
    shown = (await clerk.do("CaseDetail", id=str(sent.case.id)))["parcel"]
    assert (shown["watch"], shown["watchRemark"]) == ("REFUSED", known.watch_remark)


async def test_residents_see_the_carriers_that_can_be_followed(portal: Portal) -> None:
    answer = await portal.stranger().ask("ServicePoints")
    carriers = {carrier["code"]: carrier["nameZh"] for carrier in answer["data"]["carriers"]}
    assert carriers["ems"] == "EMS"
    assert carriers["shunfeng"].startswith("顺丰")
