"""The hostile run itself: residents pay, providers lie, processes die; in the evening everything is counted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from integrations.sandbox.control import SandboxControl
from tests.chaos.payments import records
from tests.chaos.payments.calm import Evening
from tests.chaos.payments.line import Line
from tests.chaos.payments.people import Person, make_person, make_staffed
from tests.chaos.payments.stack import Stack, running_stack
from tests.chaos.payments.stories import Stories
from tests.chaos.payments.truths import Verdict, compare

Tell = Callable[[str], None]

HOSTILITY: dict[str, float] = {
    "duplicate": 0.08, "delay": 0.08, "reorder": 0.05, "drop": 0.08, "forge": 0.06, "wrong_amount": 0.04,
    "garbage": 0.03, "server_error": 0.04, "error_after_effect": 0.04, "sign_test": 0.02, "timeout": 0.003,
    "delay_seconds": 1.5, "haste": 0.002,
}  # fmt: skip
_ORDER_OF_DEATHS = ("web", "worker", "postgres", "worker", "web", "web", "worker")
_BILLS_OF_A_PERSON = 10
_TELL_SECONDS = 5.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    payments: int
    kills: int
    clients: int
    seed: int
    patient: bool = True
    """Whether to wait for the worker to find by itself what a dead one held."""

    @property
    def residents(self) -> int:
        return max(6, self.payments // _BILLS_OF_A_PERSON)

    @property
    def timeout_seconds(self) -> float:
        """How long a provider says nothing: longer than we listen, or, in a hurry, until it fails."""
        return 9.0 if self.patient else 1.0


async def run(plan: Plan, folder: Path, tell: Tell, kept: Path | None = None) -> Verdict:
    """Play the plan in `folder` on a stack of its own. Call it from the main thread."""
    async with running_stack(folder, kept) as stack:
        faults = Faults(stack.control)
        looking = asyncio.create_task(faults.look())
        watching = asyncio.create_task(stack.watch())
        try:
            stories = await _stage(plan, stack)
            tell(f"{len(stories.people)} residents with two phones each")
            await stack.control.be_hostile(seed=plan.seed, timeout_seconds=plan.timeout_seconds, **HOSTILITY)
            await _play(plan, stack, stories, tell)
            tell("the day is over")
            await Evening(stack, stories, tell, plan.patient).pass_by()
        finally:
            for task in (looking, watching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await stories.line.http.aclose()
        await faults.read()
        verdict = compare(await records.theirs(stack.control, stories.till), await records.books())
        verdict.faults = faults.dealt.total() + stack.killed.total()
        verdict.unexplained = [*stories.line.unexplained, *await records.differences()]
        _tell_more(stack, stories, faults, tell)
    return verdict


async def _stage(plan: Plan, stack: Stack) -> Stories:
    limit = asyncio.Semaphore(8)

    async def person() -> Person:
        async with limit:
            return await make_person(stack.control)

    people = await asyncio.gather(*(person() for _ in range(plan.residents)))
    chance = random.Random(plan.seed)  # noqa: S311 - chance, not a secret
    http = httpx.AsyncClient(
        base_url=stack.url, timeout=30.0, trust_env=False, limits=httpx.Limits(max_connections=plan.clients * 2)
    )
    return Stories(Line(http, chance), stack.control, list(people), await make_staffed(), chance)


async def _play(plan: Plan, stack: Stack, stories: Stories, tell: Tell) -> None:
    async def client() -> None:
        while stories.made < plan.payments:
            await stories.next()

    breaking = asyncio.create_task(_break(plan, stack, stories, tell))
    paying = asyncio.gather(*(client() for _ in range(plan.clients)))
    try:
        while not paying.done():
            await asyncio.wait([paying], timeout=_TELL_SECONDS)
            tell(f"{stories.made:>8,} of {plan.payments:,} payments")
        await paying
        await breaking
    finally:
        breaking.cancel()
        paying.cancel()


async def _break(plan: Plan, stack: Stack, stories: Stories, tell: Tell) -> None:
    chance = random.Random(plan.seed + 1)  # noqa: S311 - the same
    moments = sorted(chance.uniform(0.1, 0.95) for _ in range(plan.kills))
    for number, moment in enumerate(moments):
        while stories.made < moment * plan.payments:  # noqa: ASYNC110 - other processes offer no event
            await asyncio.sleep(0.02)
        what = _ORDER_OF_DEATHS[number % len(_ORDER_OF_DEATHS)]
        await stack.kill(what)
        tell(f"         {what} was killed, and is back")


class Faults:
    """What the providers really did to us, read from the sandbox's journal before it forgets."""

    def __init__(self, control: SandboxControl) -> None:
        self._control = control
        self._last = 0
        self.dealt: Counter[str] = Counter()

    async def look(self) -> None:
        while True:
            with suppress(httpx.TransportError):
                await self.read()
            await asyncio.sleep(_LOOK_SECONDS)

    async def read(self) -> None:
        for entry in await self._control.journal(self._last):
            self._last = entry.id
            self.dealt.update(filter(None, entry.fate.split("+")))


def _tell_more(stack: Stack, stories: Stories, faults: Faults, tell: Tell) -> None:
    for what, counted in (
        ("stories", stories.told),
        ("hostile acts", faults.dealt),
        ("killed", stack.killed),
        ("ended by themselves", stack.fallen),
        ("refusals", stories.line.refused),
    ):
        tell(f"{what}: {', '.join(f'{name} {times}' for name, times in sorted(counted.items()))}")
    tell(f"cut off: {stories.line.cut_off}")


def told(verdict: Verdict) -> str:
    """One line, and below it what is wrong."""
    first = (
        f"payments: {verdict.payments}, faults: {verdict.faults}, "
        f"lost: {len(verdict.lost)}, doubled: {len(verdict.doubled)}"
    )
    return "\n".join([first, *(f"  {each}" for each in _wrong(verdict)[:40])])


def _wrong(verdict: Verdict) -> Sequence[str]:
    return [
        *(f"lost: {each}" for each in verdict.lost),
        *(f"doubled: {each}" for each in verdict.doubled),
        *(f"unexplained: {each}" for each in verdict.unexplained),
    ]
