"""A few thousand attempts of what `make chaos` does with a million."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import Plan, run
from tests.portal import Portal, Services


async def test_nothing_is_oversold_lost_or_left_unsaid_while_the_servers_die(
    portal: Portal, services: Services, tmp_path: Path
) -> None:
    """Two web processes, random cancels, moves and holds, Redis killed, PostgreSQL killed and started again."""
    plan = Plan(attempts=3_000, places=100, processes=2, clients=25, seed=1)
    said: list[str] = []

    verdict = await run(plan, tmp_path, said.append, tables_of=services.postgres)

    assert (verdict.oversold, verdict.lost, verdict.double, verdict.unexplained) == (0, 0, 0, [])
    assert verdict.booked >= 100
    assert all(verdict.happened[what] > 0 for what in ("cancelled", "expired")), verdict.happened
    assert verdict.refused["SLOT_FULL"] > 1_000
    assert verdict.retried > 0, "the database was never missed"
    assert [line.strip() for line in said if "killed" in line] == [
        "Redis was killed",
        "PostgreSQL was killed, and is back",
    ]
