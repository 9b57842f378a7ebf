"""Without this module what a resident asked for would stay with an account that is no longer theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import orjson

from app.cases.events import CaseWithdrawn
from app.cases.joining import giving_way
from app.cases.models import Case, CaseEvent
from app.cases.queries import address_of, events_of
from app.cases.rules import LIFE, OPEN_STATES, state_sentence
from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel import audit, clock
from app.kernel.actor import SYSTEM
from app.kernel.facts.publishing import publish
from app.kernel.privacy import seal
from app.profiles.rules import Address

NO_ADDRESS = Address("已注销", "0000000", "000000", "已清除")
"""Stands where the address of a closed account stood: a posted case has one, the database insists."""

_REMARK = "两个账号合并,同一事项保留另一件"


class Holdings:
    """Cases belong to the archives of the city; only the address in them is the resident's to take along."""

    rank = 2
    kinds: Mapping[str, Kind] = {
        "cases": Kind("办件", "cases", Fate.KEPT, "《档案法》第十三条:办件材料按规定归档"),
        "case_addresses": Kind("办件中的收件地址", "addresses in cases", Fate.ANONYMISED),
    }
    retention: tuple[Retention, ...] = (
        Retention("cases", 10950, "《机关文件材料归档范围和文书档案保管期限规定》:三十年"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Of several open cases for one item those that give way (`cases_giving_way`) are withdrawn; then all move.

        A moved case remembers where it was filed, which also lets two decided ones stand side by side.
        """
        leaving = await giving_way(absorbed, survivor)
        for case in await Case.filter(id__in=list(leaving)).order_by("id"):
            await _withdraw(case, survivor)
        await Case.filter(resident_id=absorbed, came_from_id=None).update(came_from_id=absorbed)
        moved = await Case.filter(resident_id=absorbed).update(resident_id=survivor)
        return {"cases": moved, "cases_withdrawn": len(leaving)}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        open_cases = Case.filter(resident_id=resident_id, state__in=OPEN_STATES)
        return [_reason(case) for case in await open_cases.order_by("id").prefetch_related("item")]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        posted = Case.filter(resident_id=resident_id, delivery_address_sealed__isnull=False)
        addresses = await posted.update(delivery_address_sealed=seal(orjson.dumps(asdict(NO_ADDRESS)).decode()))
        return {"cases": await Case.filter(resident_id=resident_id).count(), "case_addresses": addresses}

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """With their histories, in which staff are named by nothing but being staff."""
        cases = await Case.filter(resident_id=resident_id).order_by("id").prefetch_related("item")
        histories = await events_of([case.id for case in cases])
        return {"cases": [_case(case, history) for case, history in zip(cases, histories, strict=True)]}

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - the archives decide, not we
        return 0


async def _withdraw(case: Case, person: UUID) -> None:
    case.state = LIFE.next_state(case.state, "withdraw")
    case.closed_at = clock.now()
    await case.save(update_fields=["state", "closed_at"])
    await CaseEvent.create(
        case_id=case.id, at=case.closed_at, verb="withdraw", state=case.state, actor=SYSTEM.reference, remark=_REMARK
    )
    await audit.record(SYSTEM, "case.withdraw", f"case:{case.id}", result=case.state.value, person=person)
    await publish(CaseWithdrawn(case.id))


def _reason(case: Case) -> Reason:
    return Reason(
        "OPEN_CASE",
        f"办件{case.number}({case.item.name_zh})还没有办结,请等待办结,未作决定的也可以撤回",
        f"Case {case.number} is still open; please wait for its end or, before the decision, withdraw it.",
        f"case:{case.id}",
    )


def _case(case: Case, history: Sequence[CaseEvent]) -> dict[str, object]:
    address = address_of(case)
    return {
        "id": case.id,
        "number": case.number,
        "item": case.item_key,
        "item_name": case.item.name_zh,
        "state": case.state,
        "state_text": state_sentence(case.state, case.decision, "zh"),
        "decision": case.decision,
        "reason": case.reason,
        "fees": case.fees,
        "delivery_method": case.delivery_method,
        "delivery_address": asdict(address) if address else None,
        "submitted_at": case.submitted_at,
        "accepted_at": case.accepted_at,
        "due_at": case.due_at,
        "decided_at": case.decided_at,
        "closed_at": case.closed_at,
        "visit_at": case.visit_at,
        "visited": case.visited,
        "came_from": case.came_from_id,
        "events": [
            {"at": event.at, "verb": event.verb, "state": event.state, "by": event.actor.partition(":")[0]}
            for event in history
        ],
    }
