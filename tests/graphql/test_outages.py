"""What a phone hears while PostgreSQL goes away, wherever in the request that happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.identity.queries import recent_sessions
from app.kernel import db
from app.kernel.errors import PleaseRetry
from app.kernel.settings import get_settings
from tests.http.stage import apply
from tests.people import Phone
from tests.portal import Portal

_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portal'"


def cut() -> None:
    with psycopg.connect(get_settings().database_url, autocommit=True) as other:
        other.execute(_CUT)


@pytest.fixture(autouse=True)
async def _healed(portal: Portal) -> AsyncIterator[None]:
    """The next test finds no connection in the pool that was cut off and does not know it yet."""
    yield
    while any(await asyncio.gather(*(_is_lost() for _ in range(get_settings().database_pool)))):
        continue


async def _is_lost() -> bool:
    try:
        with db.told_when_lost():
            await db.rows("SELECT pg_sleep(0.05)")
    except PleaseRetry:
        return True
    return False


def codes_of(answer: dict[str, Any]) -> list[str]:
    """What was refused, as an error or as a `Problem`; `answered` when nothing was."""
    errors = [error["extensions"]["code"] for error in answer.get("errors", [])]
    fields = (answer.get("data") or {}).values()
    problems = [field["code"] for field in fields if isinstance(field, dict) and field.get("__typename") == "Problem"]
    return errors + problems or ["answered"]


async def test_cut_off_again_and_again_a_phone_is_asked_for_patience_and_nothing_else(portal: Portal) -> None:
    """While it is found out who asks, in the field itself, and in what the field leads to."""
    came: Counter[str] = Counter()
    over = asyncio.Event()

    async def ask(phone: Phone, account: UUID, operation: str, **variables: str) -> None:
        while not over.is_set():
            recent_sessions.forget_account(account)
            came.update(codes_of(await phone.ask(operation, **variables)))

    asking = []
    for _ in range(3):
        phone = await portal.phone()
        account, case = UUID((await phone.ask("Me"))["data"]["me"]["id"]), await apply(phone)
        asking += [ask(phone, account, "MyAffairs"), ask(phone, account, "MyAffairs"), ask(phone, account, "Me")]
        asking += [ask(phone, account, "CaseDetail", id=case)]
    tasks = [asyncio.create_task(each) for each in asking]
    for _ in range(60):
        await asyncio.to_thread(cut)
        await asyncio.sleep(0.02)
    over.set()
    await asyncio.gather(*tasks)
    assert came.keys() == {"answered", "PLEASE_RETRY"}


async def test_who_asks_while_it_is_away_reads_a_sentence_and_may_ask_again(portal: Portal) -> None:
    """Nothing of the driver's words; the status says that it is not the phone's fault."""
    phone = await portal.phone(proven=False)
    phone.http.headers["accept-language"] = "en"
    seen: set[tuple[int, str]] = set()
    me = UUID((await phone.ask("Me"))["data"]["me"]["id"])
    for _ in range(200):
        recent_sessions.forget_account(me)
        answering = asyncio.create_task(phone.post({"query": "{ me { id } }"}))
        await asyncio.to_thread(cut)
        answer = await answering
        seen |= {(answer.status_code, error["extensions"]["code"]) for error in answer.json().get("errors", [])}
        if (503, "PLEASE_RETRY") in seen:
            break
    assert (503, "PLEASE_RETRY") in seen
    assert seen <= {(200, "PLEASE_RETRY"), (503, "PLEASE_RETRY")}
    assert answer.json()["errors"][0]["message"].startswith("The system is recovering")
