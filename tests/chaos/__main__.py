"""`make chaos`: a million attempts on a thousand places, then ten thousand payments, while everything dies around them.

Both when no part is named: `booking` and `payments` take their own numbers.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import click

from app.kernel.logging import configure_logging
from tests.chaos import run as bookings
from tests.chaos.payments import run as paying
from tests.chaos.run import Plan, Verdict


def _hush() -> None:
    """Of what this process does itself while the database is away, only faults are worth a line."""
    configure_logging("json", "chaos")
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Print exactly what went wrong: nothing, or this ends with an error."""
    _hush()
    if context.invoked_subcommand is None:
        both = [context.invoke(part) for part in (booking, payments)]
        sys.exit(0 if all(both) else 1)


@main.result_callback()
def _end(good: bool) -> None:
    sys.exit(0 if good else 1)


@main.command()
@click.option("--attempts", default=1_000_000, show_default=True, help="How many times somebody tries to book.")
@click.option("--places", default=1_000, show_default=True, help="How many places there are.")
@click.option("--processes", default=2, show_default=True, help="How many web processes there are.")
@click.option("--clients", default=200, show_default=True, help="How many people each of them answers at a time.")
@click.option("--seed", default=1, show_default=True, help="Of the chance; races are not repeated by it.")
def booking(attempts: int, places: int, processes: int, clients: int, seed: int) -> bool:
    """Book while Redis dies and PostgreSQL is killed and comes back."""
    plan = Plan(attempts, places, processes, clients, seed)
    with tempfile.TemporaryDirectory(prefix="zhangting-chaos-") as folder:
        verdict = asyncio.run(bookings.run(plan, Path(folder), _say))
    click.echo(told(verdict))
    return verdict.good


@main.command()
@click.option("--payments", default=10_000, show_default=True, help="How many payments are made.")
@click.option("--kills", default=28, show_default=True, help="How often web, worker or PostgreSQL is killed.")
@click.option("--clients", default=24, show_default=True, help="How many people are busy at a time.")
@click.option("--seed", default=1, show_default=True, help="Of the chance; races are not repeated by it.")
@click.option("--hurry", is_flag=True, help="Do not wait for what takes its time.")
@click.option("--tables", type=click.Path(path_type=Path), help="Where a migrated database is kept or made.")
def payments(payments: int, kills: int, clients: int, seed: int, hurry: bool, tables: Path | None) -> bool:
    """Pay while providers are hostile and web, worker and PostgreSQL are killed."""
    plan = paying.Plan(payments, kills, clients, seed, patient=not hurry)
    with tempfile.TemporaryDirectory(prefix="zhangting-chaos-") as folder:
        verdict = asyncio.run(paying.run(plan, Path(folder), _say, tables))
    click.echo(paying.told(verdict))
    return verdict.good


def told(verdict: Verdict) -> str:
    lines = [
        f"oversold {verdict.oversold}",
        f"lost places {verdict.lost}",
        f"double bookings {verdict.double}",
        f"refused without a reason {len(verdict.unexplained)}",
    ]
    return "\n".join([*lines, *(f"  {each}" for each in verdict.unexplained[:20])])


if __name__ == "__main__":
    main()
