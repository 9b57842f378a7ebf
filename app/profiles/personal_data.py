"""Without this module an address book would outlive its account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.identity.ports import Fate, Kind, Reason, Retention
from app.kernel.privacy import unseal
from app.profiles.models import PostalAddress, Preferences


class Holdings:
    """Addresses and preferences: the resident's own convenience, kept as long as the account and not a day longer."""

    rank = 0
    kinds: Mapping[str, Kind] = {
        "addresses": Kind("地址簿", "address book", Fate.DELETED),
        "preferences": Kind("显示和提醒偏好", "preferences", Fate.DELETED),
    }
    retention: tuple[Retention, ...] = ()

    async def move(self, absorbed: UUID, survivor: UUID) -> Mapping[str, int]:
        """Addresses add up; of two preferred ones, and of two sets of preferences, the survivor's stays."""
        if await PostalAddress.exists(resident_id=survivor, preferred=True):
            await PostalAddress.filter(resident_id=absorbed, preferred=True).update(preferred=False)
        addresses = await PostalAddress.filter(resident_id=absorbed).update(resident_id=survivor)
        if await Preferences.exists(resident_id=survivor):
            await Preferences.filter(resident_id=absorbed).delete()
        preferences = await Preferences.filter(resident_id=absorbed).update(resident_id=survivor)
        return {"addresses": addresses, "preferences": preferences}

    async def reasons_to_stay(self, resident_id: UUID) -> Sequence[Reason]:  # noqa: ARG002 - the port's question
        return ()

    async def forget(self, resident_id: UUID) -> Mapping[str, int]:
        return {
            "addresses": await PostalAddress.filter(resident_id=resident_id).delete(),
            "preferences": await Preferences.filter(resident_id=resident_id).delete(),
        }

    async def export(self, resident_id: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
        addresses = await PostalAddress.filter(resident_id=resident_id).order_by("id")
        preferences = await Preferences.filter(resident_id=resident_id)
        return {
            "addresses": [_address(row) for row in addresses],
            "preferences": [_preferences(p) for p in preferences],
        }

    async def purge(self, kind: str, before: datetime) -> int:  # noqa: ARG002 - nothing here grows old by itself
        return 0


def _address(row: PostalAddress) -> dict[str, object]:
    return {
        "id": row.id,
        "label": row.label,
        "receiver": unseal(row.receiver_sealed),
        "phone": unseal(row.phone_sealed),
        "division_code": row.division_code,
        "detail": unseal(row.detail_sealed),
        "preferred": row.preferred,
        "created_at": row.created_at,
        "changed_at": row.changed_at,
    }


def _preferences(row: Preferences) -> dict[str, object]:
    return {"id": row.id, "large_type": row.large_type, "muted": row.muted, "changed_at": row.changed_at}
