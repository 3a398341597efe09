"""Writer: everything that waits to be written shares one transaction (group commit)."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from protocol.errors import Unavailable
from server.storage.sqlite.connection import Database, translated
from server.storage.sqlite.writes import Update, write_updates

__all__ = ["GROUP_UNITS", "GROUP_WEIGHT", "Job", "Writer", "write_group"]

logger = logging.getLogger(__name__)

GROUP_UNITS = 64
GROUP_WEIGHT = 4 * 1024 * 1024
"""The most that shares a transaction, so that an edit never waits behind a giant one."""
BATCHES_WEIGHT = 512 * 1024
"""The same for batches of runs, behind which edits wait while they are written."""
TURNS = 4
"""After so many groups of other things a batch has its turn, however much is typed."""

Job = Callable[[sqlite3.Connection], None] | Update
"""What one caller wants written: statements, or an update (updates in a row are one statement)."""


@dataclass(slots=True)
class _Unit:
    """A job, about how many bytes it writes, and who waits for it."""

    job: Job
    weight: int
    waiter: asyncio.Future[None]
    project_id: str | None


class Writer:
    """The one writer: a queue, a task, a connection.

    Jobs take effect in the order of calls, but those that yield (batches of runs) go behind what is
    not of their project. So what somebody typed waits for no more than the batches that are being
    written as it comes, or whose turn has come.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[_Unit] = deque()
        self._yielding: deque[_Unit] = deque()
        self._passed = 0
        self._wake = asyncio.Event()
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="storage writer")

    def submit(
        self, job: Job, weight: int, project_id: str | None = None, *, yields: bool = False
    ) -> asyncio.Future[None]:
        """Queue a job at once. The future is done when it is durable, or nothing of it was kept.

        With a ``project_id`` it stays behind all that yields and is of the same project.

        Cancelling the future only ends the wait. After ``close`` the future holds Unavailable.
        """
        waiter: asyncio.Future[None] = self._loop.create_future()
        if self._closed:
            waiter.set_exception(Unavailable("The storage is closed"))
        else:
            yields = yields or (
                project_id is not None
                and any(one.project_id == project_id for one in self._yielding)
            )
            queue = self._yielding if yields else self._queue
            queue.append(_Unit(job, weight, waiter, project_id))
            self._wake.set()
        return waiter

    async def close(self) -> None:
        """Take nothing more, and return when everything queued is done."""
        self._closed = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        try:
            while True:
                while self._queue or self._yielding:
                    await self._write(self._next_group())
                if self._closed:
                    return
                self._wake.clear()
                await self._wake.wait()
        finally:
            self._closed = True
            left = [*self._queue, *self._yielding]
            self._queue.clear()
            self._yielding.clear()
            _tell(left, [Unavailable("The storage is closed") for _ in left])

    def _next_group(self) -> list[_Unit]:
        if self._yielding and (not self._queue or self._passed == TURNS):
            self._passed = 0
            return _group(self._yielding, BATCHES_WEIGHT)
        self._passed = self._passed + 1 if self._yielding else 0
        return _group(self._queue, GROUP_WEIGHT)

    async def _write(self, group: list[_Unit]) -> None:
        """Write a group and tell its waiters, whatever happens: nobody waits for ever."""
        jobs = [unit.job for unit in group]
        try:
            errors = await self._database.run(partial(write_group, jobs=jobs))
        except Exception as error:
            logger.exception("A group of %d writes failed in a way that nobody foresaw", len(group))
            errors = [_lost(error) for _ in group]
        except BaseException as error:
            _tell(group, [_lost(error) for _ in group])
            raise
        _tell(group, errors)


def _group(queue: deque[_Unit], most: int) -> list[_Unit]:
    group = [queue.popleft()]
    total = group[0].weight
    while queue and len(group) < GROUP_UNITS:
        total += queue[0].weight
        if total > most:
            break
        group.append(queue.popleft())
    return group


def _tell(group: Sequence[_Unit], errors: Sequence[Exception | None]) -> None:
    for unit, error in zip(group, errors, strict=True):
        if unit.waiter.done():
            continue
        if error is None:
            unit.waiter.set_result(None)
        else:
            unit.waiter.set_exception(error)


def write_group(connection: sqlite3.Connection, jobs: Sequence[Job]) -> Sequence[Exception | None]:
    """Write jobs in one transaction; answers each one's error, ``None`` for those that are durable.

    At first they are written all at once. Where that fails they are written again with a savepoint
    each, and only those that fail by themselves are left out.
    """
    try:
        if connection.in_transaction:  # a rollback failed with the disk
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        errors: list[Exception | None] = [None] * len(jobs)
        try:
            _write_together(connection, jobs)
        except Exception:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            errors = [_write_apart(connection, job) for job in jobs]
        connection.execute("COMMIT")
    except Exception as error:
        _give_up(connection)
        return [_lost(error) for _ in jobs]
    return errors


def _write_together(connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
    for is_update, run in groupby(jobs, lambda job: isinstance(job, Update)):
        if is_update:
            write_updates(connection, [job for job in run if isinstance(job, Update)])
        else:
            for job in run:
                _write_one(connection, job)


def _write_one(connection: sqlite3.Connection, job: Job) -> None:
    if isinstance(job, Update):
        write_updates(connection, [job])
    else:
        job(connection)


def _write_apart(connection: sqlite3.Connection, job: Job) -> Exception | None:
    """Write one job in a savepoint; raises when the whole transaction is lost."""
    connection.execute("SAVEPOINT unit")
    try:
        _write_one(connection, job)
    except Exception as error:
        if not connection.in_transaction:  # SQLite rolled back everything: the disk is full, say
            raise
        connection.execute("ROLLBACK TO unit")
        connection.execute("RELEASE unit")
        return translated(error)
    connection.execute("RELEASE unit")
    return None


def _give_up(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        logger.error("A transaction could not be rolled back; the next group tries: %s", error)


def _lost(error: BaseException) -> Exception:
    """What the waiters of a group are told that could not be committed."""
    unavailable = Unavailable(f"The database could not be written: {error}")
    unavailable.__cause__ = error
    return unavailable
