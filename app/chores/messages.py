"""Without this module an operator would need SQL to find out why a resident was not told."""

from __future__ import annotations

import getpass
from functools import partial
from uuid import UUID

import click

from app.chores.database import run
from app.chores.stuck import limit_option, tell_stuck
from app.kernel.errors import Refusal
from app.kernel.stuck import Stuck

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
@limit_option
def dead(limit: int) -> None:
    """List what does not go on by itself: failed and stranded messages, jobs, reports; exit status 1."""
    found, more = run(partial(_dead, limit))
    tell_stuck(found, more=more)


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


async def _dead(limit: int) -> tuple[list[Stuck], bool]:
    from app.messages.operating import stuck  # noqa: PLC0415 - the same

    return await stuck(limit)
