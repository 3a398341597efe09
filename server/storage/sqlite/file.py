"""SqliteFile: one SQLite file, or one in memory, as all stores in it share it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Self, TypeVar

from protocol.errors import Unavailable
from server.storage.sqlite.connection import Database, open_reader, open_writer
from server.storage.sqlite.schema import epoch_of, migrate, migrations
from server.storage.sqlite.writer import Writer

__all__ = ["EVENT_WINDOW", "SMALL", "SqliteFile"]

T = TypeVar("T")

EVENT_WINDOW = 100_000
"""How many events of a project's stream are kept for resume."""
SMALL = 400
"""What a short write weighs beside others of its group, in bytes."""


class SqliteFile:
    """The connections to one file, opened and closed once.

    A file has a connection for writing and one for reading: reads never wait for commits. What
    takes long to read takes a connection of its own while it lasts. In memory there is one
    connection for all; its thread does one thing at a time, so a read falls between two groups,
    never into one.
    """

    def __init__(
        self,
        path: Path | None,
        database: Database,
        reader: Database,
        epoch: str,
        event_window: int,
        now: Callable[[], float],
    ) -> None:
        self._path = path
        self._database = database
        self._reader = reader
        self._epoch = epoch
        self._event_window = event_window
        self._now = now
        self._writer = Writer(database)
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path | None,
        *,
        event_window: int = EVENT_WINDOW,
        now: Callable[[], float] = time.time,
    ) -> Self:
        """Open a file, made and migrated where needed; ``None`` opens a database in memory.

        ``now`` (seconds since 1970) ages remembered answers. Raises Unavailable for a file that
        cannot be opened, is no database, or was written by a newer program.
        """
        epochs: list[str] = []

        def prepare(connection: sqlite3.Connection) -> None:
            migrate(connection, migrations())
            epochs.append(epoch_of(connection))

        database = await open_writer(path, prepare)
        try:
            reader = database if path is None else await open_reader(path)
        except BaseException:
            await database.close()
            raise
        return cls(path, database, reader, epochs[0], event_window, now)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        if self._reader is not self._database:
            await self._reader.close()
        await self._database.close()  # the last one out, as the last one tidies the log away

    def abandon(self) -> None:
        """Let go of the threads at once: for a store that nobody can close any more."""
        self._closed = True
        self._reader.abandon()
        self._database.abandon()

    @property
    def epoch(self) -> str:
        return self._epoch

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise Unavailable("The storage is closed")
        return await self._reader.run(work)

    async def _read_long(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same, while others read too."""
        if self._path is None or self._closed:
            return await self._read(work)
        reader = await open_reader(self._path)
        try:
            return await reader.run(work)
        finally:
            await reader.close()

    async def _read_parts(
        self, work: Callable[[sqlite3.Connection, Callable[[T], None]], None]
    ) -> AsyncGenerator[T, None]:
        """What long work gives, part by part."""
        if self._closed:
            raise Unavailable("The storage is closed")
        reader = self._reader if self._path is None else await open_reader(self._path)
        try:
            async with aclosing(reader.parts(work)) as parts:
                async for part in parts:
                    yield part
        finally:
            if reader is not self._reader:
                await reader.close()
