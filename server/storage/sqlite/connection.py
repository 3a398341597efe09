"""Connections: how they are opened, how work runs on their threads, what their errors mean."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL

from protocol.errors import Unavailable

__all__ = ["BUSY_SECONDS", "Database", "open_reader", "open_writer", "translated"]

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a statement waits for another process before it gives up."""

_OLDEST = (3, 37)  # strict tables

_ENVIRONMENT = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


def translated(error: Exception) -> Exception:
    """Unavailable for what the disk or another process did; every other error as it is."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, sqlite3.Error) and code is not None and code & 0xFF in _ENVIRONMENT:
        unavailable = Unavailable(f"The database cannot do this now: {error}")
        unavailable.__cause__ = error
        return unavailable
    return error


class Database(aiosqlite.Connection):
    """A connection on a thread of its own that runs whole functions there.

    aiosqlite's own calls cross to the thread and back once per statement; a group of commits would
    cross a hundred times. Its protected ``_execute``, on which all those calls stand, crosses once.
    """

    stopped: asyncio.Future[Any] | None = None

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        # What was awaited is on the disk: a thread that waits for work must not keep a program
        # alive.
        self._thread.daemon = True

    def abandon(self) -> None:
        """Stop the thread without a loop to await it on, when nobody can close it any more."""

        def close_and_stop() -> object:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            return _STOP_RUNNING_SENTINEL

        if self._running:
            self._running = False
            self._tx.put_nowait((None, close_and_stop))
            self._thread.join(1.0)

    def stop(self) -> asyncio.Future[Any] | None:
        """As in aiosqlite, which forgets the future where opening fails; ``stopped`` keeps it."""
        self.stopped = super().stop()
        return self.stopped

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on the thread, after all that was asked before.

        Cancelling the wait does not stop the work. Raises what the work raises, disk errors as
        Unavailable.
        """
        if not self._thread.is_alive():
            raise Unavailable("The database's thread has ended; restart the server")
        execute = cast("Callable[..., Awaitable[T]]", self._execute)
        try:
            return await execute(lambda: work(self._conn))
        except sqlite3.Error as error:
            unavailable = translated(error)
            if unavailable is error:
                raise
            raise unavailable from error

    async def parts(
        self, work: Callable[[sqlite3.Connection, Callable[[T], None]], None]
    ) -> AsyncGenerator[T, None]:
        """Run ``work`` on the thread, and yield what it gives while it goes on. Raises as ``run``.

        Who leaves early ends the work at the next part that it would give.
        """
        loop = asyncio.get_running_loop()
        given: asyncio.Queue[T | None] = asyncio.Queue()
        left = threading.Event()

        def give(part: T) -> None:
            if left.is_set():
                raise asyncio.CancelledError
            loop.call_soon_threadsafe(given.put_nowait, part)

        working = asyncio.ensure_future(self.run(lambda connection: work(connection, give)))
        working.add_done_callback(lambda _: given.put_nowait(None))
        try:
            while (part := await given.get()) is not None:
                yield part
            await working
        finally:
            left.set()
            await asyncio.wait([working])


async def open_writer(path: Path | None, prepare: Callable[[sqlite3.Connection], None]) -> Database:
    """Open a file to read and write, made where it is missing; ``None`` is a database in memory.

    ``prepare`` runs on the connection's thread before anything else.
    """

    def connect() -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < _OLDEST:
            needed = ".".join(map(str, _OLDEST))
            raise Unavailable(f"SQLite {needed} is needed; here is {sqlite3.sqlite_version}")
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(":memory:" if path is None else str(path), uri=False)
        try:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("PRAGMA cache_size = -65536")  # 64 MB: runs touch pages far apart
            prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    return await _opened(connect)


async def open_reader(path: Path) -> Database:
    """Open a file that a writer has open, for reading only."""

    def connect() -> sqlite3.Connection:
        return _connect(path.absolute().as_uri() + "?mode=ro", uri=True)

    return await _opened(connect)


def _connect(address: str, *, uri: bool) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=uri, timeout=BUSY_SECONDS, isolation_level=None)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite does not wait for another who does so at the same time:
    the switch needs a lock that both would have to raise.
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


async def _opened(connect: Callable[[], sqlite3.Connection]) -> Database:
    database = Database(connect, iter_chunk_size=64)
    try:
        await database
    except Exception as error:
        if database.stopped is not None:
            await database.stopped  # else its thread would outlive the loop that it answers to
        if isinstance(error, OSError):
            raise Unavailable(f"The database cannot be opened: {error}") from error
        unavailable = translated(error)
        if unavailable is error:
            raise
        raise unavailable from error
    return database
