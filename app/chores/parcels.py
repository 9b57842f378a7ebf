"""Without this module an operator would need SQL to have a parcel's way read again."""

from __future__ import annotations

import getpass
from functools import partial

import click

from app.chores.database import run_connected
from app.kernel.errors import Refusal


@click.group()
def parcels() -> None:
    """Have what trackers told of a parcel understood anew."""


@parcels.command()
@click.argument("carrier")
@click.argument("number")
def replay(carrier: str, number: str) -> None:
    """Read every kept push of a parcel again from its raw body: after a code was added, or a fault mended."""
    count = run_connected(partial(_replay, carrier, number))
    click.echo(f"{count} tellings are read again; the worker does it")


async def _replay(carrier: str, number: str) -> int:
    from app.delivery.operating import replay as again  # noqa: PLC0415 - loads the ORM, which `--help` does not need

    try:
        return await again(carrier, number, getpass.getuser())
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None
