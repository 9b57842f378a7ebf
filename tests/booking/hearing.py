"""What was published, also where nothing of ours reacts to it yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from app.kernel import db
from app.kernel.facts import Fact
from app.kernel.facts.publishing import _reactions
from app.kernel.jobs import Job

_NAME = "tests.heard"
_HEARD = "SELECT args->>'fact' AS fact FROM procrastinate_jobs WHERE task_name = $1 ORDER BY id"

Heard = Callable[[], Awaitable[list[dict[str, Any]]]]


async def _nothing(**_: object) -> None:
    """The jobs are looked at and thrown away."""


async def _heard() -> list[dict[str, Any]]:
    return [orjson.loads(row["fact"]) for row in await db.rows(_HEARD, _NAME)]


@asynccontextmanager
async def hearing(*facts: type[Fact]) -> AsyncIterator[Heard]:
    """React to some facts meanwhile: gives what gives all that was published and committed, oldest first."""
    reaction = Job(_NAME, _nothing)
    for fact in facts:
        _reactions[fact].append(reaction)
    try:
        yield _heard
    finally:
        for fact in facts:
            _reactions[fact].remove(reaction)
        await db.rows("DELETE FROM procrastinate_jobs WHERE task_name = $1", _NAME)
