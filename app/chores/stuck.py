"""Without this module each domain's dead letters would be printed in a way of their own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from app.kernel.stuck import Stuck

limit_option = click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 2**31 - 1), help="Of each kind, oldest first."
)


def tell_stuck(found: Sequence[Stuck], *, more: bool) -> NoReturn:
    """A line for each, whether that is all, and exit status 1 when there is any."""
    for each in found:
        click.echo(f"{each.number}  {each.what}  {each.detail}")
    if not found:
        click.echo("nothing is stuck")
    elif more:
        click.echo(f"{len(found)} shown; there are more, a higher --limit lists them")
    else:
        click.echo(f"{len(found)} in all")
    sys.exit(1 if found else 0)
