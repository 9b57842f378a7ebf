"""Without this module an operator could not tell whether a key may be thrown away."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from app.chores.database import run

if TYPE_CHECKING:
    from app.keys.columns import SealedColumn
    from app.keys.reindexing import Reindexing
    from app.keys.rotation import Held, Rotation


@click.group()
def keys() -> None:
    """Look after the encryption keys and the index of numbers."""


@keys.command()
def status() -> None:
    """List the keys of the ring and what each seals; exit status 1 when a key is missing or the index is wrong."""
    sys.exit(0 if run(_status) else 1)


@keys.command()
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--batch", default=500, show_default=True, type=click.IntRange(1, 10_000), help="Values a transaction.")
def rotate(dry_run: bool, batch: int) -> None:
    """Seal everything with the newest key; may be interrupted and run again."""
    sys.exit(0 if run(_plan if dry_run else partial(_rotate, batch)) else 1)


@keys.command()
@click.option("--dry-run", is_flag=True, help="Only count.")
def reindex(dry_run: bool) -> None:
    """Compute the index of numbers anew with PORTAL_INDEX_KEY; stop web and worker first."""
    sys.exit(0 if run(partial(_reindex, dry_run)) else 1)


async def _status() -> bool:
    from app.kernel import db  # noqa: PLC0415 - loads the ORM, which `--help` does not need
    from app.kernel.privacy import key_ring  # noqa: PLC0415 - the same
    from app.keys import reindexing, rotation  # noqa: PLC0415 - the same

    held, ring = await rotation.held_by_keys(), key_ring()
    signed = {
        row["key"]: row["count"]
        for row in await db.rows("SELECT split_part(mac, '.', 1) AS key, count(*) FROM audit_line GROUP BY 1")
    }
    for key_id in ring.keys:
        sealed = sum(entry.count for entry in held if entry.key_id == key_id)
        newest = ", newest" if key_id == ring.newest else ""
        click.echo(f"{key_id}: seals {sealed} values, signed {signed.get(key_id, 0)} audit lines{newest}")
    missing = rotation.without_key(held)
    _tell_missing(missing)
    agrees = await reindexing.index_agrees()
    if agrees is False:
        click.echo("✗ the index of numbers was made with another key: correct PORTAL_INDEX_KEY (or the secret key)")
    return not missing and agrees is not False


async def _plan() -> bool:
    from app.kernel.privacy import key_ring  # noqa: PLC0415 - the same
    from app.keys import rotation  # noqa: PLC0415 - the same

    held, newest = await rotation.held_by_keys(), key_ring().newest
    for entry in held:
        if entry.key_id in key_ring().keys and entry.key_id != newest:
            click.echo(f"{entry.column}: {entry.count} values from key {entry.key_id} to {newest}")
    missing = rotation.without_key(held)
    _tell_missing(missing)
    click.echo("nothing was changed")
    return not missing


async def _rotate(batch: int) -> bool:
    from app.keys import rotation  # noqa: PLC0415 - the same

    try:
        done = await rotation.rotate(batch=batch, tell=_tell_progress)
    except rotation.KeysMissing as missing:
        _tell_missing(missing.held)
        click.echo("nothing was changed: put the missing keys back into PORTAL_ENCRYPTION_KEYS first")
        return False
    return _tell_rotated(done)


def _tell_rotated(done: Rotation) -> bool:
    for column, count in done.sealed.items():
        if count:
            click.echo(f"{column}: {count} values sealed anew")
    for row in done.damaged:
        click.echo(f"✗ {row}: no key opens it, it was altered")
    for entry in done.left:
        click.echo(f"✗ {entry.column}: {entry.count} values are still sealed with {entry.key_id}")
    click.echo("✗ old keys are still needed" if done.left else "✓ everything is sealed with the newest key")
    return not done.left


def _tell_missing(missing: list[Held]) -> None:
    for entry in missing:
        what = "values are not sealed at all" if entry.key_id == "?" else f"values need key {entry.key_id}"
        click.echo(f"✗ {entry.column}: {entry.count} {what}" + ("" if entry.key_id == "?" else ", which is missing"))


async def _reindex(dry_run: bool) -> bool:
    from app.keys import reindexing  # noqa: PLC0415 - the same

    done = await reindexing.reindex(dry_run=dry_run)
    would = "would change" if dry_run else "changed"
    for index, count in done.changed.items():
        click.echo(f"{index}: {count} {would}")
    if not dry_run:
        click.echo(f"mandate.agent_index: {done.agents} changed")
    return _tell_rest(done)


def _tell_rest(done: Reindexing) -> bool:
    for row in done.unreadable:
        click.echo(f"✗ {row}: no key opens it")
    for row in done.clashing:
        click.echo(f"✗ {row}: another account has this number already; join them, then run again")
    for mandate in done.mandates_left:
        click.echo(f"? mandate {mandate}: its agent has no account; if it is older than the key, grant it again")
    return not done.unreadable and not done.clashing


def _tell_progress(column: SealedColumn, done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{column}: {done}", nl=False, err=True)
