"""Without this module a mandate would outlive the person who gave it, or who was to act under it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.identity.models import Resident
from app.identity.ports import Fate, Kind, Reason, Retention
from app.identity.rules import STRONG
from app.kernel import clock, db
from app.kernel.actor import SYSTEM
from app.kernel.privacy import blind_index, seal, unseal
from app.representation.granting import end_mandate
from app.representation.models import LegalPerson, Mandate, RepresentationClaim
from app.representation.rules import CLAIM_LIFE, Basis, ClaimState, MandateState

_NOBODY = "已注销"
_JOINED = "两个账号合并"
_PRINCIPAL_CLOSED = "委托人账号已注销"
_AGENT_CLOSED = "代办人账号已注销"
_PURGES = {
    "claims": """
        DELETE FROM representation_claim WHERE id IN (
            SELECT id FROM representation_claim WHERE decided_at < $1 LIMIT 1000
        ) RETURNING id
    """,
    "mandates": """
        DELETE FROM mandate WHERE id IN (
            SELECT m.id FROM mandate m
            WHERE least(m.ended_at, m.valid_to) < $1
              AND NOT EXISTS (SELECT 1 FROM representation_claim c WHERE c.mandate_id = m.id)
            LIMIT 1000
        ) RETURNING id
    """,
}
_REPRESENTED_BY_NOBODY_ELSE = """
    SELECT m.id, m.basis, l.name
    FROM mandate m JOIN resident p ON p.id = m.principal_id LEFT JOIN legal_person l ON l.account_id = p.id
    WHERE m.agent_index = $1 AND m.state = 'IN_FORCE' AND m.basis IN ('LEGAL_REPRESENTATIVE', 'GUARDIAN')
      AND (m.valid_to IS NULL OR m.valid_to > $2) AND p.closed_at IS NULL AND p.merged_into_id IS NULL
      AND NOT EXISTS (
          SELECT 1 FROM mandate o
          WHERE o.principal_id = m.principal_id AND o.basis = m.basis AND o.agent_index <> m.agent_index
            AND o.state = 'IN_FORCE' AND (o.valid_to IS NULL OR o.valid_to > $2)
      )
    ORDER BY m.id
"""


class Holdings:
    """Mandates a resident gave, those under which they act for others, and what they claimed to be to others."""

    rank = 0
    kinds: Mapping[str, Kind] = {
        "mandates": Kind("您给他人的代办授权", "mandates you gave", Fate.KEPT, "《民法典》第一百六十五条:授权的凭据"),
        "agencies": Kind("您代他人办事的授权", "mandates you act under", Fate.ANONYMISED),
        "claims": Kind("监护、法定代表人身份的申报", "claims to represent somebody", Fate.DELETED),
    }
    retention: tuple[Retention, ...] = (
        Retention("claims", 1095, "《民法典》第一百八十八条:自核验起三年,与诉讼时效一致"),
        Retention("mandates", 1095, "《民法典》第一百八十八条:自授权终止起三年,与诉讼时效一致"),
    )

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Mandates in force for one agent and basis become one (`mandates_giving_way`), claims that wait for a
        window too, of which the earlier stays; nobody is their own agent.
        """
        own = await _indexes_of(absorbed, survivor)
        given = Mandate.filter(principal_id__in=[absorbed, survivor], state=MandateState.IN_FORCE)
        groups: defaultdict[tuple[str, Basis], list[Mandate]] = defaultdict(list)
        for mandate in await given.order_by("id").select_for_update():
            if mandate.agent_index in own:
                await end_mandate(SYSTEM, mandate, "revoke", _JOINED)
            else:
                groups[mandate.agent_index, mandate.basis].append(mandate)
        for live in groups.values():
            for mandate in mandates_giving_way(live, clock.now()):
                await end_mandate(SYSTEM, mandate, "replace", _JOINED)
        await _claim_once(absorbed, survivor)
        await LegalPerson.filter(account_id=absorbed).update(account_id=survivor)
        return {
            "mandates": await Mandate.filter(principal_id=absorbed).update(principal_id=survivor),
            "claims": await RepresentationClaim.filter(claimant_id=absorbed).update(claimant_id=survivor),
        }

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:
        """Who alone speaks for a legal person or a child cannot leave them without anybody."""
        found = [await db.rows(_REPRESENTED_BY_NOBODY_ELSE, own, clock.now()) for own in await _indexes_of(resident_id)]
        return [_reason(row) for rows in found for row in rows]

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        """Mandates end on both sides; those the resident acted under no longer name them."""
        own = await _indexes_of(resident_id)
        in_force = Mandate.filter(state=MandateState.IN_FORCE).order_by("id").select_for_update()
        for mandate in await in_force.filter(principal_id=resident_id):
            await end_mandate(SYSTEM, mandate, "revoke", _PRINCIPAL_CLOSED)
        for mandate in await in_force.filter(agent_index__in=own):
            await end_mandate(SYSTEM, mandate, "resign", _AGENT_CLOSED)
        nobody = blind_index("mandate.nobody", str(resident_id))
        return {
            "mandates": await Mandate.filter(principal_id=resident_id).count(),
            "agencies": await Mandate.filter(agent_index__in=own).update(
                agent_index=nobody, agent_name_sealed=seal(_NOBODY)
            ),
            "claims": await RepresentationClaim.filter(claimant_id=resident_id).delete(),
        }

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Names as the resident gave them; of those they act for, nothing that names them."""
        given = await Mandate.filter(principal_id=resident_id).order_by("id")
        acting = await Mandate.filter(agent_index__in=await _indexes_of(resident_id)).order_by("id")
        claims = await RepresentationClaim.filter(claimant_id=resident_id).order_by("id")
        return {
            "mandates": [{**_mandate(row), "agent_name": unseal(row.agent_name_sealed)} for row in given],
            "agencies": [_mandate(row) for row in acting],
            "claims": [_claim(row) for row in claims],
        }

    async def purge(self, kind: str, before: datetime) -> int:
        statement = _PURGES.get(kind)
        return len(await db.rows(statement, before)) if statement else 0


def mandates_giving_way(live: Sequence[Mandate], now: datetime) -> list[Mandate]:
    """Which mandates in force for one agent and basis end when two accounts of one person become one.

    One stays: one that has not run out before one that has, then the wider (all items before many before few),
    then the one granted first.
    """

    def preference(mandate: Mandate) -> tuple[bool, float, datetime, UUID]:
        ran_out = mandate.valid_to is not None and mandate.valid_to <= now
        width = float("inf") if mandate.items is None else len(mandate.items)
        return ran_out, -width, mandate.granted_at, mandate.id

    return sorted(live, key=preference)[1:]


async def _indexes_of(*resident_ids: UUID) -> list[str]:
    """By which hashes mandates name these residents as agents.

    None below L3: whoever only typed in a stranger's name and number would be told whom that one acts for, and
    end their mandates by leaving.
    """
    rows = await Resident.filter(id__in=list(resident_ids), level__gte=STRONG)
    return [row.id_number_index for row in rows if row.id_number_index is not None]


async def _claim_once(absorbed: UUID, survivor: UUID) -> None:
    kept: set[tuple[str, Basis]] = set()
    waiting = RepresentationClaim.filter(claimant_id__in=[absorbed, survivor], state=ClaimState.PENDING)
    for claim in await waiting.order_by("made_at", "id").select_for_update():
        if (claim.subject_index, claim.basis) in kept:
            await RepresentationClaim.filter(id=claim.id).update(
                state=CLAIM_LIFE.next_state(claim.state, "withdraw"),
                name_sealed=None,
                number_sealed=None,
                decided_by=SYSTEM.reference,
                decided_at=clock.now(),
                reason=_JOINED,
            )
        kept.add((claim.subject_index, claim.basis))


def _reason(row: Mapping[str, object]) -> Reason:
    subject = f"mandate:{row['id']}"
    if row["basis"] == Basis.GUARDIAN:
        return Reason(
            "ONLY_GUARDIAN",
            "您是一位被监护人唯一的监护人,请先到窗口变更监护关系",
            "You are somebody's only guardian; please have a window change the guardianship first.",
            subject,
        )
    name = row["name"] or ""
    return Reason(
        "ONLY_LEGAL_REPRESENTATIVE",
        f"您是“{name}”唯一的法定代表人,请先到窗口变更法定代表人",
        f"You are the only legal representative of {name}; please have a window register another first.",
        subject,
    )


def _mandate(row: Mandate) -> dict[str, object]:
    return {
        "id": row.id,
        "basis": row.basis,
        "items": row.items,
        "state": row.state,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "granted_at": row.granted_at,
        "ended_at": row.ended_at,
    }


def _claim(row: RepresentationClaim) -> dict[str, object]:
    return {
        "id": row.id,
        "basis": row.basis,
        "name": unseal(row.name_sealed) if row.name_sealed else None,
        "number": unseal(row.number_sealed) if row.number_sealed else None,
        "state": row.state,
        "made_at": row.made_at,
        "decided_at": row.decided_at,
    }
