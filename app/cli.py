"""Without this module every process and every chore would be started by its own incantation."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shlex
import sys
from pathlib import Path
from uuid import UUID

import click

from app.chores.audit import audit
from app.chores.keys import keys
from app.chores.messages import messages
from app.chores.parcels import parcels
from app.chores.payments import payments
from app.kernel.logging import configure_logging
from app.kernel.settings import get_settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.pass_context
def main(context: click.Context) -> None:
    """掌厅: the city's micro-portal."""
    if context.invoked_subcommand != "dev":
        _find_running_stack()


@main.command()
def dev() -> None:
    """Start everything in this terminal: PostgreSQL, Redis, sandbox, web, worker."""
    if get_settings().in_production:
        raise click.ClickException("`portal dev` is for development: unset PORTAL_ENV.")
    try:
        from app.dev import run  # noqa: PLC0415 - needs the dev extra, which production lacks
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"`portal dev` needs the development packages ({missing.name} is missing): start with `make run`."
        ) from None
    sys.exit(run(get_settings()))


@main.command()
@click.option("--workers", default=1, show_default=True, help="Web processes behind the one port.")
def serve(workers: int) -> None:
    """Serve GraphQL, callbacks and health checks."""
    import uvicorn  # noqa: PLC0415 - other commands start faster without it

    from app.http.sockets import SOCKET_OPTIONS  # noqa: PLC0415 - the same
    from app.reachability import port_is_free  # noqa: PLC0415 - the same

    settings = get_settings()
    if not port_is_free(settings.host, settings.port):
        raise click.ClickException(
            f"Port {settings.port} is taken by another program: choose another one with PORTAL_PORT."
        )
    configure_logging(settings.log_format, "web")
    uvicorn.run(
        "app.main:app",
        host=settings.host,
        port=settings.port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        **SOCKET_OPTIONS,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=10,
    )


@main.command()
def worker() -> None:
    """Run jobs and the timetable."""
    from app.worker import work  # noqa: PLC0415 - wires every domain, which other commands do not need

    _database_url()
    configure_logging(get_settings().log_format, "worker")
    asyncio.run(work())


@main.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from app import migrating  # noqa: PLC0415 - loads every model

    applied = asyncio.run(migrating.migrate(_database_url()))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("all migrations are applied already")


@main.command()
def seed() -> None:
    """Load the catalogue and the calendar; in development also people to try things with."""
    from app import seeding  # noqa: PLC0415 - wires every domain

    _check_tables()
    configure_logging(get_settings().log_format, "seed")
    asyncio.run(seeding.seed())


@main.command("import-catalogue")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_catalogue(file: Path) -> None:
    """Load service items from a JSON file; may be repeated."""
    from app import wiring  # noqa: PLC0415 - wires every domain
    from app.catalogue import commands  # noqa: PLC0415 - the same
    from app.catalogue.errors import CatalogueInvalid  # noqa: PLC0415 - the same
    from app.kernel.actor import SYSTEM  # noqa: PLC0415 - the same

    _check_tables()
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{file} is not JSON in UTF-8: {error}") from None

    async def load() -> object:
        async with wiring.connected():
            return await commands.import_catalogue(SYSTEM, document)

    try:
        click.echo(str(asyncio.run(load())))
    except CatalogueInvalid as invalid:
        raise click.ClickException("\n".join((str(invalid), *invalid.faults))) from None


@main.command("add-staff")
@click.argument("login")
@click.option("--title", required=True, help="How colleagues and residents know them: 窗口受理员.")
@click.option("--role", "roles", multiple=True, required=True, help="For example WINDOW_ACCEPTOR; may be repeated.")
@click.option("--department", help="Key of the one department they work for; all when it is not given.")
@click.option("--division", default="", help="Division they work in, with all below it: 990102; the whole city if not.")
@click.password_option(help="At least 12 characters; asked for when it is not given.")
def add_staff(
    login: str, title: str, roles: tuple[str, ...], department: str | None, division: str, password: str
) -> None:
    """Create an account of a member of staff; in production the password must be changed at the first sign-in."""
    from app import wiring  # noqa: PLC0415 - wires every domain
    from app.identity import staff_rules  # noqa: PLC0415 - the same
    from app.identity.staffing import ensure_staff  # noqa: PLC0415 - the same
    from app.kernel.errors import Refusal  # noqa: PLC0415 - the same

    _check_tables()
    try:
        staff_rules.check_password(password, staff_rules.check_login(login))
        known_as, held = staff_rules.check_title(title), staff_rules.check_roles(roles)
        scope = staff_rules.check_scope(department, division)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from None

    async def create() -> bool:
        async with wiring.connected():
            own = not get_settings().in_production
            return await ensure_staff(login, password, known_as, held, scope, password_is_own=own)

    if not asyncio.run(create()):
        raise click.ClickException(f"There is an account {login} already; it was left as it is.")
    click.echo(f"{login} may sign in as {', '.join(held)}.")


@main.command()
@click.argument("notice", type=click.UUID)
def replay(notice: UUID) -> None:
    """Have a stored provider notice processed again, by its id."""
    from app import wiring  # noqa: PLC0415 - wires every domain
    from app.kernel.inbox import notices  # noqa: PLC0415 - the same

    _check_tables()

    async def ask() -> bool:
        async with wiring.connected():
            return await notices.replay(notice)

    if not asyncio.run(ask()):
        raise click.ClickException("There is no such notice, or it is handled already; nothing was done.")
    click.echo("asked for; the worker does it")


@main.command()
def doctor() -> None:
    """Ask every part whether it works; exit status 1 when one does not."""
    from app.doctor import examine  # noqa: PLC0415 - loads every model

    settings = get_settings()
    if not settings.database_url:
        raise click.ClickException(_NO_DATABASE)
    configure_logging(settings.log_format, "doctor")
    logging.getLogger().setLevel(logging.ERROR)  # the findings are the whole answer
    findings = asyncio.run(examine(settings))
    width = max(len(finding.what) for finding in findings) + 4
    for finding in findings:
        click.echo(finding.line(width))
    sys.exit(0 if all(finding.works for finding in findings) else 1)


@main.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from graphql_schema.schema import printed  # noqa: PLC0415 - loads every domain

    click.echo(printed(), nl=False)


@main.command()
def errors() -> None:
    """Print the list of all refusals, as in docs/errors.md."""
    from app.refusals import errors_page  # noqa: PLC0415 - loads every domain

    click.echo(errors_page(), nl=False)


main.add_command(audit)
main.add_command(keys)
main.add_command(messages)
main.add_command(parcels)
main.add_command(payments)

_NO_DATABASE = "No database is named: start `make run` in another terminal, or set PORTAL_DATABASE_URL."


def _database_url() -> str:
    """The database in force; leaves with one sentence when there is none or it cannot be used."""
    from app.reachability import database_fault  # noqa: PLC0415 - `dev` and `--help` start faster without it

    url = get_settings().database_url
    if fault := asyncio.run(database_fault(url)) if url else _NO_DATABASE:
        raise click.ClickException(fault)
    return url


def _check_tables() -> None:
    """Leave with one sentence when there is no database, or one that is older than this program."""
    from app.migrating import tables_fault  # noqa: PLC0415 - loads every model

    if fault := asyncio.run(tables_fault(_database_url())):
        raise click.ClickException(fault)


def _find_running_stack() -> None:
    """Let a command in another terminal find what `portal dev` has started."""
    if os.environ.get("PORTAL_ENV") == "production":
        return
    state_dir = Path(os.environ.get("PORTAL_STATE_DIR", ".portal"))
    path = state_dir / "dev.env"
    if path.is_file() and _is_held(state_dir / "dev.lock"):
        for name, _, value in (word.partition("=") for word in shlex.split(path.read_text())):
            os.environ.setdefault(name, value)


def _is_held(lock: Path) -> bool:
    """Whether the process that locked the file still lives; after a crash the addresses lead nowhere."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


if __name__ == "__main__":
    main()
