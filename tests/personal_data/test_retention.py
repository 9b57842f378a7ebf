from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tortoise import Model

from app.cases.rules import CaseState
from app.identity.models import Consent, IdentityProof, ProofState, Session
from app.identity.ports import PersonalData
from app.identity.retention import BATCH, purge_what_ran_out, retention_periods
from app.identity.tasks import purge_each_night
from app.kernel import clock, jobs, ports
from app.kernel.audit import AuditLine
from app.kernel.inbox.notices import Notice, NoticeState
from app.kernel.inbox.requests import AnsweredRequest
from app.representation.models import RepresentationClaim
from app.representation.rules import Basis, ClaimState, MandateState
from tests.identity.accounts import make_resident
from tests.identity.traces import nothing_moves
from tests.personal_data.everything import make_case, make_mandate, unique
from tests.portal import Portal

DAY, LITTLE = timedelta(days=1), timedelta(minutes=5)


async def test_everybody_may_ask_how_long_what_is_kept(portal: Portal) -> None:
    periods = await portal.stranger().do("RetentionPeriods")
    told = {f"{one['domain']}.{one['kind']}": (one["days"], one["name"]) for one in periods}
    assert told["identity.sessions"] == (180, "登录记录")
    assert told["identity.proofs"] == (30, "实名核验记录")
    assert told["identity.requests"] == (90, "防重复提交的请求编号")
    assert told["identity.audit"] == (1095, "访问和操作记录")
    assert told["cases.cases"][0] == told["payments.bills"][0] == 10950
    assert all(one["basisZh"] for one in periods)


async def make_session(resident: UUID, ended: datetime, *, revoked: bool) -> Session:
    return await Session.create(
        resident_id=resident, channel="wechat", device="d", refresh_hash=unique(), created_at=ended,
        refreshed_at=ended, expires_at=clock.now() + 30 * DAY if revoked else ended,
        revoked_at=ended if revoked else None,
    )  # fmt: skip


async def make_proof(resident: UUID, ended: datetime, *, finished: bool) -> IdentityProof:
    return await IdentityProof.create(
        resident_id=resident, method="wechat-face", reference=unique(), open_id="o", name_sealed="s",
        id_number_sealed="s", state=ProofState.PASSED if finished else ProofState.PENDING, started_at=ended,
        expires_at=ended, finished_at=ended if finished else None,
    )  # fmt: skip


async def make_notice(state: NoticeState, handled: datetime) -> Notice:
    return await Notice.create(
        provider="wechat", kind="payment", event_key=unique(), topic="t", content={}, raw_body=b"", raw_headers={},
        received_at=handled, state=state, handled_at=handled,
    )  # fmt: skip


async def rows_ended(resident: UUID, days: int, age: timedelta) -> list[Model]:
    """A row of each kind with this period, ended so long ago."""
    ended = clock.now() - age
    match days:
        case 180:
            sessions = [await make_session(resident, ended, revoked=revoked) for revoked in (True, False)]
            return [*sessions, await make_notice(NoticeState.HANDLED, ended)]
        case 30:
            return [await make_proof(resident, ended, finished=finished) for finished in (True, False)]
        case 90:
            return [await AnsweredRequest.create(owner=resident, key=unique(), body_hash="0", created_at=ended)]
    consent = await Consent.create(
        resident_id=resident, purpose=unique()[:20], version="1", given_at=ended, withdrawn_at=ended
    )
    start, index = ended - DAY, unique()
    ended_early: dict[str, Any] = {"state": MandateState.REVOKED, "ended_at": ended, "valid_to": clock.now() + DAY}
    claim = await RepresentationClaim.create(
        claimant_id=resident, basis=Basis.GUARDIAN, subject_index=index, state=ClaimState.CONFIRMED, made_at=start,
        decided_at=ended, mandate_id=(confirmed := await make_mandate(resident, unique(), valid_from=start,
                                                                      valid_to=ended)).id,
    )  # fmt: skip
    revoked = await make_mandate(resident, unique(), valid_from=start, **ended_early)
    return [consent, claim, confirmed, revoked]


@pytest.mark.parametrize("days", [180, 30, 90, 1095])
async def test_what_is_past_its_period_goes_and_what_is_not_stays(portal: Portal, days: int) -> None:
    resident = (await make_resident()).own_id()
    gone = await rows_ended(resident, days, days * DAY + LITTLE)
    kept = await rows_ended(resident, days, days * DAY - LITTLE)

    await purge_what_ran_out()

    assert [row for row in gone if await type(row).exists(id=row.pk)] == []
    assert [row for row in kept if not await type(row).exists(id=row.pk)] == []


async def test_what_is_still_in_force_has_no_end_to_count_from(portal: Portal) -> None:
    resident = (await make_resident()).own_id()
    long_ago = clock.now() - 5000 * DAY
    kept: list[Model] = [
        await Consent.create(resident_id=resident, purpose="PHONE", version="1", given_at=long_ago),
        await make_mandate(resident, unique(), valid_from=long_ago, granted_at=long_ago),
        await make_notice(NoticeState.UNMATCHED, long_ago),
        await make_case(resident, CaseState.CLOSED, submitted_at=long_ago, closed_at=long_ago),
    ]
    await purge_what_ran_out()
    assert [row for row in kept if not await type(row).exists(id=row.pk)] == []


async def test_a_purge_goes_on_in_batches_until_nothing_is_left(portal: Portal) -> None:
    await purge_what_ran_out()
    resident, old = (await make_resident()).own_id(), clock.now() - 91 * DAY
    await AnsweredRequest.bulk_create(
        [AnsweredRequest(owner=resident, key=unique(), body_hash="0", created_at=old) for _ in range(BATCH + 50)]
    )
    lines = AuditLine.filter(act="retention.purged", subject="retention:identity.requests")
    before = await lines.count()

    assert await purge_what_ran_out() == {"identity.requests": BATCH + 50}

    told = await lines.order_by("id").offset(before)
    assert [line.detail for line in told] == [{"deleted": BATCH}, {"deleted": 50}]
    assert not await AnsweredRequest.exists(owner=resident)


async def test_a_second_purge_finds_nothing_and_leaves_no_trace(portal: Portal) -> None:
    await purge_each_night()
    async with nothing_moves():
        await purge_each_night()


def test_the_purge_runs_each_night() -> None:
    assert "identity.purge" in jobs.queue.tasks


async def test_audit_cases_and_payments_are_never_purged(portal: Portal) -> None:
    never = {"audit", "cases", "bookings", "tickets", "bills", "parcels"}
    asked = [period for period in retention_periods() if period.retention.kind in never]
    assert {period.retention.kind for period in asked} == never
    far = clock.now() + 20_000 * DAY
    for period in asked:
        held = ports.get(PersonalData, period.domain)
        async with nothing_moves():
            assert await held.purge(period.retention.kind, far) == 0
