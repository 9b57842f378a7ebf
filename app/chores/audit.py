"""Without this module nobody could show an auditor that the audit is whole."""

from __future__ import annotations

import re
import sys
from functools import partial

import click

from app.chores.database import run

_ANCHOR = re.compile(r"(\d{4}-\d{2}-\d{2}):([0-9a-fA-F-]{64,71})")


@click.group()
def audit() -> None:
    """Look after the audit: chain, anchor, verify."""


@audit.command()
def chain() -> None:
    """Chain what is not chained yet, all of it; the worker does the same each minute."""
    click.echo(f"{run(_chain)} lines chained")


@audit.command()
@click.option("--last", default=7, show_default=True, type=click.IntRange(1, 10_000), help="How many days.")
def anchor(last: int) -> None:
    """Print the newest anchors, to keep where no administrator of the database can reach them."""
    for line in run(partial(_anchors, last)):
        click.echo(line)


@audit.command()
@click.option("--anchor", "anchors", multiple=True, metavar="DAY:HASH", help="One that was kept elsewhere.")
def verify(anchors: tuple[str, ...]) -> None:
    """Name every audit line that was changed, removed or inserted; exit status 1 when there is one."""
    kept = dict(_read_anchor(text) for text in anchors)
    sys.exit(1 if run(partial(_verify, kept)) else 0)


def _read_anchor(text: str) -> tuple[str, str]:
    found = _ANCHOR.fullmatch(text.strip())
    if found is None:
        raise click.ClickException(f"{text!r} is no anchor: write it as `portal audit anchor` prints it, DAY:HASH.")
    return found[1], found[2]


async def _chain() -> int:
    from app.kernel.audit import chaining  # noqa: PLC0415 - loads the ORM, which `--help` does not need

    return await chaining.chain(everything=True)


async def _anchors(last: int) -> list[str]:
    from app.kernel.audit import chaining, encoding  # noqa: PLC0415 - the same

    anchors = await chaining.newest_anchors(last)
    return [f"{anchor.day}:{encoding.grouped(anchor.hash)}" for anchor in anchors]


async def _verify(kept: dict[str, str]) -> int:
    from app.kernel.audit.verifying import Verification  # noqa: PLC0415 - the same

    verification = Verification(kept, _tell_progress)
    faults = 0
    async for fault in verification.faults():
        faults += 1
        click.echo(f"✗ {fault.sentence}")
    walk = verification.walk
    click.echo(f"{walk.lines} lines in the chain, {verification.anchors} anchors, {len(kept)} compared from outside")
    if walk.unsigned:
        click.echo(f"{walk.unsigned} lines are older than the MACs; only the chain holds them")
    for key_id, count in walk.of_lost_keys.items():
        click.echo(f"{count} lines were signed by key {key_id!r}, which is not in the ring: not checkable by MAC,")
        click.echo("  the chain still holds. If there never was such a key, they are forged.")
    click.echo(f"✗ {faults} faults" if faults else "✓ nothing was changed, removed or inserted")
    return faults


def _tell_progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {of}", nl=done >= of, err=True)
