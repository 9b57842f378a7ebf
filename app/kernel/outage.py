"""Without this module a power cut of the database would look like a bug of ours.

The driver has many words for it, depending on what it was doing in that moment: connecting, asking, committing, or
tidying up after something else that went wrong.
"""

from __future__ import annotations

from traceback import walk_tb

import asyncpg  # type: ignore[import-untyped]
from tortoise.exceptions import DBConnectionError, TransactionManagementError

from app.kernel.errors import PleaseRetry

_SAID_SO = (
    PleaseRetry,
    DBConnectionError,
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,  # starting up, shutting down, in recovery
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # another server has taken over and this one only reads
    asyncpg.InternalClientError,  # of a connection on which the server said a last word and fell silent
)
_CLOSED = ("closed", "closing")
"""What the driver says of a connection or a pool that is no more; its other complaints are of wrong use, a bug."""

_OF_THE_NETWORK = (OSError, EOFError)
"""Also time that ran out, names that are not resolved, a socket file that is gone, encryption that broke off."""

_ECHOES = (TransactionManagementError, asyncpg.InterfaceError, asyncpg.InFailedSQLTransactionError)
"""What tidying up ends with after something else; the first error tells what it was."""


def is_outage(error: BaseException) -> bool:
    """Whether something failed because the database went away, is not there yet, or cannot be reached."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_outage(each) for each in error.exceptions)
    if isinstance(error, _SAID_SO):
        return True
    if isinstance(error, asyncpg.InterfaceError) and any(word in str(error) for word in _CLOSED):
        return True
    if isinstance(error, _OF_THE_NETWORK) and _is_the_drivers(error):
        return True
    first = error.__cause__ or error.__context__
    return isinstance(error, _ECHOES) and first is not None and is_outage(first)


def _is_the_drivers(error: BaseException) -> bool:
    """Whether it came up through the driver: a file missing elsewhere, or our own patience, is another matter."""
    return any(frame.f_globals.get("__name__", "").startswith("asyncpg.") for frame, _ in walk_tb(error.__traceback__))
