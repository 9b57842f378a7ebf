"""Without this module a domain would have to know everybody who reacts to what it did.

`publish` writes one job per reaction on the open transaction, so a fact of a rolled-back change never runs
and a committed one always does, even when the process dies right after the commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter

from app.kernel import db, jobs
from app.kernel.facts import Fact

F = TypeVar("F", bound=Fact)
_reactions: dict[type[Fact], list[jobs.Job]] = defaultdict(list)


def reacts_to(
    fact_type: type[F], *, priority: jobs.Priority = jobs.Priority.USUAL
) -> Callable[[Callable[[F], Awaitable[None]]], Callable[[F], Awaitable[None]]]:
    """Let a function of a `tasks.py` run for every committed fact of a type. It must bear running twice."""

    def register(reaction: Callable[[F], Awaitable[None]]) -> Callable[[F], Awaitable[None]]:
        adapter = TypeAdapter(fact_type)

        async def deliver(fact: dict[str, Any]) -> None:
            await reaction(adapter.validate_python(fact))

        domain = reaction.__module__.split(".")[1]
        name = f"{domain}.{reaction.__name__}<{fact_type.__name__}"
        _reactions[fact_type].append(jobs.job(name, priority=priority)(deliver))
        return reaction

    return register


async def publish(fact: Fact) -> None:
    """Write the fact for everybody who reacts to it. Raises `RuntimeError` outside a transaction."""
    _check_transaction(type(fact))
    content = TypeAdapter(type(fact)).dump_python(fact, mode="json")
    for reaction in _reactions[type(fact)]:
        await reaction.defer(lock=_lock(reaction, fact, content), fact=content)


async def publish_each(facts: Sequence[tuple[F, str | None]]) -> None:
    """Write several facts of one type, each with the request it goes back to, in one statement for each reaction."""
    for reaction in _reactions[type(facts[0][0])] if facts else ():
        _check_transaction(type(facts[0][0]))
        adapter = TypeAdapter(type(facts[0][0]))
        told = [(fact, request_id, adapter.dump_python(fact, mode="json")) for fact, request_id in facts]
        await reaction.defer_each(
            [(_lock(reaction, fact, content), request_id, {"fact": content}) for fact, request_id, content in told]
        )


def _check_transaction(fact_type: type[Fact]) -> None:
    if not db.in_open_transaction():
        raise RuntimeError(f"{fact_type.__name__} must be published inside the transaction of its change")


def _lock(reaction: jobs.Job, fact: Fact, content: Mapping[str, Any]) -> str | None:
    return f"{reaction.name}/{content[fact.about]}" if fact.about else None


def reactions_of(fact_type: type[Fact]) -> tuple[str, ...]:
    """Names of the jobs that a fact of this type causes."""
    return tuple(reaction.name for reaction in _reactions[fact_type])
