"""`make chaos`: a million attempts on a thousand places while Redis dies and PostgreSQL is killed and comes back."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import click

from tests.chaos.run import Plan, Verdict, run


@click.command()
@click.option("--attempts", default=1_000_000, show_default=True, help="How many times somebody tries to book.")
@click.option("--places", default=1_000, show_default=True, help="How many places there are.")
@click.option("--processes", default=2, show_default=True, help="How many web processes there are.")
@click.option("--clients", default=200, show_default=True, help="How many people each of them answers at a time.")
@click.option("--seed", default=1, show_default=True, help="Of the chance; races are not repeated by it.")
def main(attempts: int, places: int, processes: int, clients: int, seed: int) -> None:
    """Print exactly what went wrong: nothing, or this ends with an error."""
    plan = Plan(attempts, places, processes, clients, seed)
    with tempfile.TemporaryDirectory(prefix="zhangting-chaos-") as folder:
        verdict = asyncio.run(run(plan, Path(folder), lambda line: click.echo(line, err=True)))
    click.echo(told(verdict))
    sys.exit(0 if verdict.good else 1)


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
