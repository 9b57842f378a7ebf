"""Without this module an operator would need SQL to find out why a resident was not told."""

from __future__ import annotations

import getpass
import sys
from functools import partial
from uuid import UUID

import click

from app.chores.database import run
from app.kernel.errors import Refusal

_MESSAGE = click.argument("message", type=click.UUID)


@click.group()
def messages() -> None:
    """Find messages that reached nobody, and have them tried again."""


@messages.command()
@_MESSAGE
def inspect(message: UUID) -> None:
    """Tell what became of one message on each channel; not its words, and not whose it is."""
    for line in run(partial(_inspect, message)):
        click.echo(line)


@messages.command()
@_MESSAGE
def replay(message: UUID) -> None:
    """Try a message again on the channels that certainly did not take it; never where nobody knows."""
    count = run(partial(_replay, message))
    click.echo(f"it is tried again on {count} channels" if count else "its job was lost; it runs again")


@messages.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="Of each kind, oldest first.")
def dead(limit: int) -> None:
    """List what does not go on by itself: failed and stranded messages, jobs, reports; exit status 1."""
    lines, more = run(partial(_dead, limit))
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("nothing is stuck")
    elif more:
        click.echo(f"{len(lines)} shown; there are more, a higher --limit lists them")
    else:
        click.echo(f"{len(lines)} in all")
    sys.exit(1 if lines else 0)


async def _inspect(message: UUID) -> list[str]:
    from app.messages.operating import inspected  # noqa: PLC0415 - loads the ORM, which `--help` does not need

    try:
        return await inspected(message)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None


async def _replay(message: UUID) -> int:
    from app.messages.operating import replay as again  # noqa: PLC0415 - the same

    try:
        return await again(message, getpass.getuser())
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None


async def _dead(limit: int) -> tuple[list[str], bool]:
    from app.messages.operating import stuck  # noqa: PLC0415 - the same

    found, more = await stuck(limit)
    return [f"{each.number}  {each.what}  {each.detail}" for each in found], more
