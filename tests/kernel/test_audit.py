from __future__ import annotations

import pytest
from asyncpg import RaiseError  # type: ignore[import-untyped]

from app.kernel import audit, db
from app.kernel.actor import SYSTEM
from app.kernel.audit import AuditLine
from app.kernel.logging import request_scope
from tests.portal import Portal


async def one_line() -> AuditLine:
    subject = f"thing:{db.new_id()}"
    await audit.record(SYSTEM, "thing.done", subject, detail={"fen": 4000})
    return await AuditLine.get(subject=subject)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_line SET actor = 'nobody'",
        "UPDATE audit_line SET actor = 'nobody' WHERE false",
        "DELETE FROM audit_line",
        "TRUNCATE audit_line",
        "TRUNCATE audit_line, slot CASCADE",
    ],
)
async def test_the_database_itself_refuses_to_change_the_past(portal: Portal, attack: str) -> None:
    line = await one_line()
    before = await AuditLine.all().count()

    with pytest.raises(RaiseError, match="audit lines are never changed or removed"):
        await db.rows(attack)

    assert await AuditLine.all().count() == before
    assert (await AuditLine.get(id=line.id)).actor == "system:portal"


async def test_a_line_says_who_did_what_to_what_and_for_which_request(portal: Portal) -> None:
    with request_scope("request-0001"):
        line = await one_line()
    assert (line.actor, line.act, line.result, line.detail, line.request_id) == (
        "system:portal",
        "thing.done",
        "done",
        {"fen": 4000},
        "request-0001",
    )


async def test_an_act_that_was_rolled_back_was_not_done(portal: Portal) -> None:
    subject = f"thing:{db.new_id()}"

    async def act_and_fail() -> None:
        async with db.transaction():
            await audit.record(SYSTEM, "thing.done", subject)
            raise LookupError

    with pytest.raises(LookupError):
        await act_and_fail()
    assert not await AuditLine.exists(subject=subject)
