from __future__ import annotations

import pytest

from app.identity.models import Resident
from app.kernel import audit
from app.kernel.actor import SYSTEM
from tests.identity.accounts import make_resident
from tests.identity.traces import nothing_moves
from tests.portal import Portal


async def test_every_kind_of_movement_is_noticed(portal: Portal) -> None:
    """Other tests say that nothing moved; this one shows that they would know."""
    resident = await make_resident()

    with pytest.raises(AssertionError, match="resident"):
        async with nothing_moves():
            await make_resident()
    with pytest.raises(AssertionError, match="resident"):
        async with nothing_moves():
            await Resident.filter(id=resident.id).update(level=1)
    with pytest.raises(AssertionError, match="resident"):
        async with nothing_moves():
            await Resident.filter(id=resident.id).delete()
    async with nothing_moves("audit_line"):
        await audit.record(SYSTEM, "nothing.moved", "resident:-")
