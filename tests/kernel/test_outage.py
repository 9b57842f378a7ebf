"""Whoever asks something while PostgreSQL is away is asked for patience, whatever the driver calls it."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]
import psycopg
import pytest
from tortoise.context import TortoiseContext
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError, TransactionManagementError

from app.embedded import EmbeddedPostgres, start_postgres
from app.kernel import db
from app.kernel.errors import NotFound, PleaseRetry
from app.kernel.outage import is_outage
from tests.chaos.servers import Servers
from tests.kernel.wires import Wire, wire_to
from tests.portal import Portal, Services

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portal'"
Ask = Callable[[], Awaitable[object]]


def after(error: BaseException, first: BaseException) -> BaseException:
    error.__context__ = first
    return error


SAID = [
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.ConnectionFailureError("could not receive data"),
    asyncpg.ConnectionRejectionError("no more"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.CannotConnectNowError("the database system is shutting down"),
    asyncpg.CannotConnectNowError("the database system is in recovery mode"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
    asyncpg.IdleSessionTimeoutError("terminating connection due to idle-session timeout"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.InterfaceError("cannot perform operation: connection is closed"),
    asyncpg.InterfaceError("cannot call Transaction.commit(): the underlying connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    asyncpg.InternalClientError("cannot switch to state 15; another operation (11) is in progress"),
    asyncpg.TargetServerAttributeNotMatched("None of the hosts match"),
    DBConnectionError("Can't establish connection"),
    ConnectionResetError(104, "Connection reset by peer"),
    BrokenPipeError(32, "Broken pipe"),
    PleaseRetry(),
    ExceptionGroup("several", [ConnectionRefusedError(), asyncpg.AdminShutdownError("bye")]),
    after(TransactionManagementError("Transaction already finalised"), ConnectionResetError()),
    after(
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.ConnectionDoesNotExistError("gone"),
    ),
    after(TransactionManagementError("cannot execute INSERT"), asyncpg.ReadOnlySQLTransactionError("read-only")),
]
BUGS = [
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.UniqueViolationError("one_success_per_bill"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.InFailedSQLTransactionError("current transaction is aborted"),
    after(asyncpg.InFailedSQLTransactionError("current transaction is aborted"), KeyError("x")),
    TransactionManagementError("Transaction already finalised"),
    IntegrityError("one_success_per_bill"),
    OperationalError('relation "gone" does not exist'),
    after(KeyError("x"), ConnectionResetError()),
    FileNotFoundError("receipt.ttf"),
    TimeoutError(),
    EOFError(),
    NotFound(what_zh="账单", what_en="bill"),
    ExceptionGroup("several", [ConnectionRefusedError(), KeyError("x")]),
    ZeroDivisionError(),
]


@pytest.mark.parametrize("error", SAID, ids=repr)
def test_these_words_mean_that_the_database_is_away(error: BaseException) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", BUGS, ids=repr)
def test_these_are_bugs_or_refusals_and_stay_what_they_are(error: Exception) -> None:
    assert not is_outage(error)
    with pytest.raises(type(error)) as raised, db.told_when_lost():
        raise error
    assert raised.value is error


async def test_our_own_patience_that_ends_while_the_driver_waits_is_no_outage(portal: Portal) -> None:
    with pytest.raises(TimeoutError) as ended:
        async with asyncio.timeout(0.05):
            await db.rows("SELECT pg_sleep(5)")
    assert not is_outage(ended.value)


async def ask() -> None:
    await db.rows("SELECT 1")


async def ask_alone() -> None:
    with db.told_when_lost():
        await ask()


async def act() -> None:
    async with db.transaction():
        await db.rows("CREATE TEMPORARY TABLE IF NOT EXISTS written (what int) ON COMMIT DELETE ROWS")
        await db.rows("INSERT INTO written VALUES ($1)", 1)
        async with db.transaction():
            await db.rows("INSERT INTO written VALUES ($1)", 2)


async def act_slowly() -> None:
    async with db.transaction():
        await db.rows("SELECT pg_sleep(0.02)")


async def fail_in_the_middle() -> None:
    """The rollback meets a dead connection after something of our own went wrong."""
    with suppress(LookupError):
        async with db.transaction():
            await ask()
            raise LookupError


async def many_rows() -> None:
    async with db.transaction():
        await db.rows("SELECT generate_series(1, 20000), repeat('x', 100)")


EVERYTHING: list[Ask] = [ask_alone, act, act_slowly, fail_in_the_middle, many_rows]


@asynccontextmanager
async def speaking_to(url: str, **credentials: object) -> AsyncIterator[None]:
    config = db.tortoise_config(url)
    config["connections"]["default"]["credentials"] |= credentials
    async with TortoiseContext() as context:
        await context.init(config=config)
        try:
            yield
        finally:
            await context.close_connections()


@asynccontextmanager
async def asking_all_the_time(came: Counter[str]) -> AsyncIterator[None]:
    over = asyncio.Event()

    async def go_on(ask: Ask) -> None:
        while not over.is_set():
            try:
                await ask()
                came["answered"] += 1
            except PleaseRetry as retry:
                came["asked for patience"] += 1
                came[f"because {type(retry.__cause__).__name__}"] += 1
                await asyncio.sleep(0.005)
            except Exception as error:  # noqa: BLE001 - exactly what must not happen is counted
                came[f"{ask.__name__}: {error!r}"] += 1

    asking = [asyncio.create_task(go_on(each)) for each in EVERYTHING * 4]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*asking)


def unexplained(came: Counter[str]) -> list[str]:
    return [what for what in came if not what.startswith(("answered", "asked for patience", "because "))]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Servers]:
    postgres = start_postgres(tmp_path / "postgres", durable=False)
    servers = Servers(postgres, None)  # type: ignore[arg-type] # nobody asks Redis here
    yield servers
    servers.postgres.stop()


async def test_killed_and_started_again_nobody_hears_anything_else(server: Servers) -> None:
    """As by a power cut, three times; also while it reads its log and is not there yet."""
    came: Counter[str] = Counter()
    async with speaking_to(server.postgres.url), asking_all_the_time(came):
        for _ in range(3):
            await asyncio.sleep(0.3)
            await server.kill_postgres()
        await asyncio.sleep(0.3)
    assert unexplained(came) == []
    assert came["answered"] > 0
    assert came["because ConnectionRefusedError"] > 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_shut_down_in_any_way_nobody_hears_anything_else(server: Servers, how: signal.Signals) -> None:
    came: Counter[str] = Counter()
    async with speaking_to(server.postgres.url), asking_all_the_time(came):
        await asyncio.sleep(0.3)
        server.postgres.process.send_signal(how)
        await asyncio.sleep(0.5)
    assert unexplained(came) == []
    assert came["asked for patience"] > 0


async def test_while_it_waits_for_somebody_before_it_ends_nobody_hears_anything_else(server: Servers) -> None:
    """Smart shutdown: it lives on for who is still there and takes nobody new."""
    came: Counter[str] = Counter()
    with psycopg.connect(server.postgres.url, autocommit=True) as last_guest:
        async with speaking_to(server.postgres.url), asking_all_the_time(came):
            await asyncio.sleep(0.3)
            server.postgres.process.send_signal(signal.SIGTERM)
            last_guest.execute(CUT)
            await asyncio.sleep(0.3)
    assert unexplained(came) == []
    assert came["because CannotConnectNowError"] > 0


async def test_full_it_asks_for_patience(server: Servers) -> None:
    with psycopg.connect(server.postgres.url, autocommit=True) as other:
        other.execute("ALTER ROLE postgres CONNECTION LIMIT 0")
        other.execute("CREATE ROLE clerk LOGIN CONNECTION LIMIT 2 PASSWORD 'x'")
    came: Counter[str] = Counter()
    async with speaking_to(_as_clerk(server.postgres)), asking_all_the_time(came):
        await asyncio.sleep(0.5)
    assert unexplained(came) == []
    assert came["because TooManyConnectionsError"] > 0


def _as_clerk(postgres: EmbeddedPostgres) -> str:
    return f"postgresql://clerk:x@127.0.0.1:{postgres.port}/{urlsplit(postgres.url).path[1:]}"


@pytest.mark.parametrize("name", ["localhost", "socket"])
async def test_refused_under_any_address_it_asks_for_patience(tmp_path: Path, name: str) -> None:
    """A name with two addresses fails in another way than one address, and a socket file that is gone in a third."""
    url = "postgresql://x:x@localhost:9/x" if name == "localhost" else f"postgresql:///x?host={tmp_path}"
    async with speaking_to(url):
        for each in (ask_alone, act):
            with pytest.raises(PleaseRetry):
                await each()


async def test_a_network_that_swallows_everything_is_not_waited_for() -> None:
    """The connection stands and nobody ever says a word."""
    heard: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: heard.append(writer), "127.0.0.1", 0)
    url = f"postgresql://x:x@127.0.0.1:{silent.sockets[0].getsockname()[1]}/x"
    assert db.tortoise_config(url)["connections"]["default"]["credentials"]["timeout"] == db.CONNECT_SECONDS
    async with silent, speaking_to(url, timeout=0.1):
        with pytest.raises(PleaseRetry) as refused:
            await act()
    for writer in heard:
        writer.close()
        await writer.wait_closed()
    assert isinstance(refused.value.__cause__, TimeoutError)


@asynccontextmanager
async def over_a_wire(services: Services, **credentials: object) -> AsyncIterator[Wire]:
    async with wire_to(services.postgres.port) as wire:
        url = services.postgres.url.replace(f":{services.postgres.port}/", f":{wire.port}/")
        async with speaking_to(url, **credentials):
            yield wire


@pytest.mark.parametrize("reset", [False, True], ids=["ended", "reset"])
@pytest.mark.parametrize("word", [b"BEGIN", b"INSERT", b"SAVEPOINT", b"RELEASE", b"COMMIT", b"ROLLBACK", b"SCRAM"])
async def test_a_wire_that_breaks_at_any_word_asks_for_patience(services: Services, word: bytes, reset: bool) -> None:
    """Before the server has heard it; also while the connection is still being made."""
    ask = fail_in_the_middle if word == b"ROLLBACK" else act
    async with over_a_wire(services) as wire:
        wire.breaks_at, wire.reset = (word,), reset
        with pytest.raises(PleaseRetry):
            await ask()
        assert not db.in_open_transaction()
        wire.breaks_at = ()
        await ask()


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(services: Services) -> None:
    async with over_a_wire(services, timeout=0.2) as wire:
        wire.mute = True
        for each in (ask_alone, act):
            with pytest.raises(PleaseRetry):
                await each()


async def test_something_else_that_answers_in_its_place_asks_for_patience(services: Services) -> None:
    async with over_a_wire(services) as wire:
        wire.garbage = b"E\x00\x00\x00\x08abc"
        with pytest.raises(PleaseRetry):
            await act()
