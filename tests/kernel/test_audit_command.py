"""`portal audit …`, as an operator types it."""

from __future__ import annotations

from datetime import UTC, datetime

from app.kernel import clock
from app.kernel.audit.chaining import newest_anchors, write_anchor
from app.kernel.audit.encoding import grouped
from tests.kernel.audits import break_in, write, write_and_chain
from tests.kernel.databases import database_of_its_own
from tests.operations.conftest import run_portal
from tests.portal import Services


async def test_a_whole_audit_is_said_to_be_whole(services: Services) -> None:
    async with database_of_its_own(services.postgres) as url:
        await write(3)
        assert run_portal("audit", "chain", PORTAL_DATABASE_URL=url).stdout == "3 lines chained\n"
        said = run_portal("audit", "verify", PORTAL_DATABASE_URL=url)
        assert (said.returncode, said.stdout.splitlines()) == (
            0,
            [
                "3 lines in the chain, 0 anchors, 0 compared from outside",
                "✓ nothing was changed, removed or inserted",
            ],
        )


async def test_faults_are_named_and_the_command_fails(services: Services) -> None:
    async with database_of_its_own(services.postgres) as url:
        await write_and_chain(5)
        await break_in("UPDATE audit_line SET result = 'refused' WHERE id = 2", "DELETE FROM audit_line WHERE id = 4")
        said = run_portal("audit", "verify", PORTAL_DATABASE_URL=url)
        assert (said.returncode, said.stdout.splitlines()) == (
            1,
            [
                "✗ line 2 (position 2) was changed",
                "✗ line 4 (position 4) was removed",
                "4 lines in the chain, 0 anchors, 0 compared from outside",
                "✗ 2 faults",
            ],
        )


async def test_an_anchor_that_was_printed_is_compared(services: Services) -> None:
    async with database_of_its_own(services.postgres) as url:
        await write_and_chain(5)
        with clock.standing_at(datetime(2026, 5, 1, 16, 5, tzinfo=UTC)):
            await write_anchor()
        [anchor] = await newest_anchors(1)
        printed = run_portal("audit", "anchor", PORTAL_DATABASE_URL=url).stdout.strip()
        assert printed == f"2026-05-01:{grouped(anchor.hash)}"

        said = run_portal("audit", "verify", "--anchor", printed, PORTAL_DATABASE_URL=url)
        assert said.returncode == 0
        assert "5 lines in the chain, 1 anchors, 1 compared from outside" in said.stdout

        await break_in("DELETE FROM audit_anchor")
        said = run_portal("audit", "verify", "--anchor", printed, PORTAL_DATABASE_URL=url)
        assert said.returncode == 1
        assert "✗ the anchor of 2026-05-01 was removed" in said.stdout


def test_what_is_no_anchor_is_refused_with_a_sentence() -> None:
    said = run_portal("audit", "verify", "--anchor", "yesterday", PORTAL_STATE_DIR="/nonexistent")
    assert said.returncode == 1
    assert "'yesterday' is no anchor" in said.stderr


def test_without_a_database_every_chore_says_how_to_get_one() -> None:
    for chore in (["audit", "verify"], ["audit", "chain"], ["keys", "status"], ["keys", "rotate"]):
        said = run_portal(*chore, PORTAL_STATE_DIR="/nonexistent")
        assert said.returncode == 1
        assert said.stderr == (
            "Error: No database is named: start `make run` in another terminal, or set PORTAL_DATABASE_URL.\n"
        )
