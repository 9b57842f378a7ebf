from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from app.kernel import ports
from app.payments.ports import PaymentChannel
from tests.booking.places import set_rules
from tests.payments.guests import DEPOSIT_FEN, PLACE
from tests.payments.histories import BANKS
from tests.payments.one_bill import OneBill
from tests.payments.onlooker import keep_walked, watching
from tests.payments.paper_bank import PaperBank
from tests.portal import Portal

HISTORIES = int(os.environ.get("PORTAL_TEST_HISTORIES", "50")) // 5
"""How many bills live through something; `make histories` gives each of its parts a share."""

WALKED_FILE = os.environ.get("PORTAL_TEST_WALKED", "")
"""Where a long run keeps which edges were walked: in a short one, chance may miss some."""

SHARES = -(-HISTORIES // 100)
"""Each with chance of its own, so that several processes can play at once."""


@pytest.fixture
async def banks(portal: Portal) -> AsyncIterator[dict[str, PaperBank]]:
    """Two ways to pay that live on paper, and an onlooker in the database."""
    made = {code: PaperBank(code) for code in BANKS}
    for code, bank in made.items():
        ports.register(PaymentChannel, code, bank)
    await set_rules(PLACE, "D", deposit_fen=DEPOSIT_FEN)
    async with watching():
        yield made
    await set_rules(PLACE, "D")
    for code in made:
        ports._adapters[PaymentChannel].pop(code)


@pytest.mark.parametrize("share", range(SHARES))
async def test_after_any_history_of_a_bill_its_money_is_in_one_place(banks: dict[str, PaperBank], share: int) -> None:
    """States move along edges, the ledger adds up, what is promised came in, a bill is paid once."""
    chances = -(-HISTORIES // SHARES)
    loop = asyncio.get_running_loop()

    class ThisBill(OneBill):
        pass

    ThisBill.loop, ThisBill.banks = loop, banks
    tried = settings(
        max_examples=chances, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    await asyncio.to_thread(run_state_machine_as_test, ThisBill, settings=tried)
    if WALKED_FILE:
        keep_walked(Path(WALKED_FILE))
