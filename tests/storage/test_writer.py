"""Group commit: who shares a transaction, who fails alone, and what a full disk does."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiosqlite.core import _STOP_RUNNING_SENTINEL

from protocol.errors import NotFound, Unavailable
from server.storage.sqlite import writer
from server.storage.sqlite.connection import Database, open_writer
from server.storage.sqlite.writer import GROUP_UNITS, GROUP_WEIGHT, Job, Writer, write_group
from server.storage.sqlite.writes import Update

Statement = Callable[[sqlite3.Connection], None]


class Disk:
    """A small table, and a trace of the transactions that were made on it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database)
        self.trace: list[str] = []

    async def rows(self) -> list[int]:
        return await self.database.run(
            lambda c: [row[0] for row in c.execute("SELECT n FROM t ORDER BY rowid")]
        )

    async def rows_per_group(self) -> list[int]:
        """How many rows each transaction has written since the last question."""
        await self.rows()
        groups: list[int] = []
        for statement in self.trace:
            if statement.startswith("BEGIN"):
                groups.append(0)
            elif statement.startswith("INSERT INTO t"):
                groups[-1] += 1
        self.trace.clear()
        return groups


def prepare(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, data BLOB)")
    connection.execute("CREATE TABLE other (n INTEGER)")


@pytest.fixture
async def disk(path: Path) -> AsyncIterator[Disk]:
    disk = Disk(await open_writer(path, prepare))
    await disk.database.set_trace_callback(disk.trace.append)
    yield disk
    await disk.writer.close()
    await disk.database.close()


def insert(number: int, data: bytes = b"") -> Statement:
    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (?, ?)", (number, data))

    return write


def noted(order: list[int], number: int) -> Statement:
    """Writes a row, and notes when."""

    def write(connection: sqlite3.Connection) -> None:
        insert(number)(connection)
        order.append(number)

    return write


def pauses(reached: asyncio.Event) -> Callable[..., Awaitable[object]]:
    """A database that takes work and never does it."""

    async def run(_work: object) -> object:
        reached.set()
        return await asyncio.get_running_loop().create_future()

    return run


def broken(number: int) -> Statement:
    def write(connection: sqlite3.Connection) -> None:
        insert(number)(connection)
        raise LookupError(str(number))

    return write


async def test_what_waits_shares_a_transaction(disk: Disk) -> None:
    await asyncio.gather(*(disk.writer.submit(insert(n), 1) for n in range(10)))
    assert await disk.rows_per_group() == [10]


async def test_a_group_has_a_bound_in_units(disk: Disk) -> None:
    await asyncio.gather(*(disk.writer.submit(insert(n), 1) for n in range(GROUP_UNITS + 1)))
    assert await disk.rows_per_group() == [GROUP_UNITS, 1]


async def test_a_group_has_a_bound_in_weight_and_takes_a_giant_alone(disk: Disk) -> None:
    weights = [1, GROUP_WEIGHT + 1, GROUP_WEIGHT // 2, GROUP_WEIGHT // 2, 1]
    waiters = [disk.writer.submit(insert(n), weight) for n, weight in enumerate(weights)]
    await asyncio.gather(*waiters)
    assert await disk.rows_per_group() == [1, 1, 2, 1]
    assert await disk.rows() == [0, 1, 2, 3, 4]


class Hold:
    """A job that is being written until it is let go."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = threading.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self._loop.call_soon_threadsafe(self.reached.set)
        assert self.open.wait(10)


async def test_edits_go_before_batches_of_runs_that_wait(disk: Disk) -> None:
    under_way, order = Hold(), list[int]()
    waiters = [disk.writer.submit(under_way, 1, "a", yields=True)]
    await under_way.reached.wait()
    for number, name in ((1, "b"), (2, "c")):
        waiters.append(disk.writer.submit(noted(order, number), 1, name, yields=True))
    waiters += [disk.writer.submit(noted(order, number), 1) for number in (3, 4)]
    under_way.open.set()
    await asyncio.gather(*waiters)
    assert order == [3, 4, 1, 2]
    assert await disk.rows_per_group() == [0, 2, 2]


async def test_a_group_of_batches_is_a_small_one(disk: Disk) -> None:
    most = writer.BATCHES_WEIGHT
    waiters = [
        disk.writer.submit(insert(n), weight, str(n), yields=True)
        for n, weight in enumerate((most // 2, most // 2, most, 9 * most))
    ]
    await asyncio.gather(*waiters)
    assert await disk.rows_per_group() == [2, 1, 1]


async def test_a_batch_has_its_turn_however_much_is_typed(disk: Disk) -> None:
    under_way, order = Hold(), list[int]()
    waiters = [disk.writer.submit(under_way, 1)]
    await under_way.reached.wait()
    waiters.append(disk.writer.submit(noted(order, 0), 1, "film", yields=True))
    waiters += [  # each of them fills a group
        disk.writer.submit(noted(order, number), GROUP_WEIGHT)
        for number in range(1, 3 * writer.TURNS)
    ]
    under_way.open.set()
    await asyncio.gather(*waiters)
    assert order.index(0) == writer.TURNS


async def test_what_is_of_one_project_stays_in_order(disk: Disk) -> None:
    under_way, order = Hold(), list[int]()
    waiters = [disk.writer.submit(under_way, 1)]
    await under_way.reached.wait()
    waiters += [
        disk.writer.submit(noted(order, 1), 1, "film", yields=True),
        disk.writer.submit(noted(order, 2), 1, "film"),
        disk.writer.submit(noted(order, 3), 1, "film", yields=True),
        disk.writer.submit(noted(order, 4), 1, "other"),
    ]
    under_way.open.set()
    await asyncio.gather(*waiters)
    assert order == [4, 1, 2, 3]


async def test_batches_that_wait_are_written_before_it_closes(disk: Disk) -> None:
    waiter = disk.writer.submit(insert(1), 1, "film", yields=True)
    await disk.writer.close()
    assert waiter.done()
    assert waiter.exception() is None
    assert await disk.rows() == [1]


async def test_one_bad_unit_does_not_fail_the_others(disk: Disk) -> None:
    jobs = [insert(1), broken(2), insert(3), insert(1), insert(4)]
    answers = await asyncio.gather(
        *(disk.writer.submit(job, 1) for job in jobs), return_exceptions=True
    )
    assert answers[0] is answers[2] is answers[4] is None
    assert isinstance(answers[1], LookupError)
    assert isinstance(answers[3], sqlite3.IntegrityError)
    assert await disk.rows() == [1, 3, 4]
    assert await disk.rows_per_group() == [2, 5], "once at once, once with savepoints"


async def test_waiters_are_told_in_order(disk: Disk) -> None:
    told: list[int] = []
    waiters = [disk.writer.submit(insert(n), 1) for n in range(100)]
    for waiter in waiters:
        waiter.add_done_callback(lambda done: told.append(waiters.index(done)))
    await asyncio.gather(*waiters)
    assert told == list(range(100))


async def test_a_cancelled_waiter_breaks_nothing(disk: Disk) -> None:
    waiters = [disk.writer.submit(insert(n), 1) for n in range(3)]
    waiters[1].cancel()
    await waiters[0]
    await waiters[2]
    assert await disk.rows() == [0, 1, 2]


async def test_a_commit_that_fails_fails_its_whole_group(disk: Disk) -> None:
    def defer(connection: sqlite3.Connection) -> None:
        connection.execute(
            "CREATE TABLE child (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)"
        )

    def orphan(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO child VALUES (99)")  # only COMMIT finds out

    await disk.writer.submit(defer, 1)
    waiters = [disk.writer.submit(job, 1) for job in (insert(1), orphan, insert(2))]
    answers = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert len({id(answer) for answer in answers}) == 3, "a shared error grows a shared traceback"
    assert await disk.rows() == []
    await disk.writer.submit(insert(3), 1)
    assert await disk.rows() == [3]


async def test_a_full_disk_is_unavailable_and_passes(disk: Disk) -> None:
    async def limit(pages: int) -> None:
        await disk.database.run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    await limit(20)
    jobs = [insert(1), insert(2, bytes(1_000_000)), insert(3)]
    answers = await asyncio.gather(
        *(disk.writer.submit(job, 1) for job in jobs), return_exceptions=True
    )
    kept = [number for number, answer in zip((1, 2, 3), answers, strict=True) if answer is None]
    assert isinstance(answers[1], Unavailable)
    assert all(answer is None or isinstance(answer, Unavailable) for answer in answers)
    assert await disk.rows() == kept
    with pytest.raises(Unavailable):
        await disk.writer.submit(insert(2, bytes(1_000_000)), 1)
    await limit(100_000)
    await disk.writer.submit(insert(2, bytes(1_000_000)), 1)
    assert sorted(await disk.rows()) == sorted([*kept, 2])


async def test_a_transaction_that_sqlite_gave_up_fails_its_whole_group(disk: Disk) -> None:
    def give_up(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (1, NULL)")
        connection.execute("INSERT OR ROLLBACK INTO t VALUES (1, NULL)")

    waiters = [disk.writer.submit(job, 1) for job in (insert(5), give_up, insert(6))]
    answers = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert await disk.rows() == []


@pytest.mark.parametrize("error", [ValueError("a bug"), MemoryError()])
async def test_a_group_that_fails_unforeseen_tells_all_and_the_writer_goes_on(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    calls: list[int] = []

    def bad_once(connection: sqlite3.Connection, jobs: Sequence[Job]) -> object:
        calls.append(len(jobs))
        if len(calls) == 1:
            raise error
        return write_group(connection, jobs)

    monkeypatch.setattr(writer, "write_group", bad_once)
    waiters = [disk.writer.submit(insert(n), 1) for n in range(3)]
    answers = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert len({id(answer) for answer in answers}) == 3
    await disk.writer.submit(insert(9), 1)
    assert await disk.rows() == [9]
    assert calls == [3, 1]


async def test_a_thread_that_ended_is_an_error_and_no_wait_for_ever(path: Path) -> None:
    database = await open_writer(path, prepare)
    alone = Writer(database)
    await alone.submit(insert(1), 1)

    def end() -> object:
        database._conn.close()
        return _STOP_RUNNING_SENTINEL

    database._tx.put_nowait((None, end))
    database._thread.join(10)
    waiting = [alone.submit(insert(n), 1) for n in (2, 3)]
    for waiter in waiting:
        with pytest.raises(Unavailable, match="thread has ended"):
            await asyncio.wait_for(waiter, 10)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(database.run(lambda c: c.total_changes), 10)
    await alone.close()
    database._connection = None  # there is nothing left to close


async def test_a_writer_that_is_cancelled_leaves_nobody_waiting(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiters = [disk.writer.submit(insert(n), GROUP_WEIGHT) for n in range(3)]
    reached = asyncio.Event()
    monkeypatch.setattr(disk.database, "run", pauses(reached))
    await reached.wait()
    disk.writer._task.cancel()
    answers = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    with pytest.raises(Unavailable, match="closed"):
        await disk.writer.submit(insert(4), 1)
    disk.writer = Writer(disk.database)  # the fixture closes it


def test_a_transaction_left_open_by_a_failing_disk_is_rolled_back_first() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    prepare(connection)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t VALUES (1, NULL)")
    assert write_group(connection, [insert(2)]) == [None]
    assert connection.execute("SELECT n FROM t").fetchall() == [(2,)]
    connection.close()


def test_updates_in_a_row_are_one_statement_and_a_bad_one_fails_alone() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(
        "PRAGMA foreign_keys = ON; CREATE TABLE e (p TEXT, i TEXT, PRIMARY KEY (p, i));"
        "CREATE TABLE document_updates (id INTEGER PRIMARY KEY, project_id TEXT, entity_id TEXT,"
        "data BLOB, FOREIGN KEY (project_id, entity_id) REFERENCES e (p, i));"
        "INSERT INTO e VALUES ('p', 'a');"
    )
    trace: list[str] = []
    connection.set_trace_callback(trace.append)
    good: list[Job] = [Update("p", "a", b"1"), Update("p", "a", b"2")]
    assert write_group(connection, good) == [None, None]
    assert len([one for one in trace if one.startswith("INSERT")]) == 1
    first, second, third = write_group(connection, [good[0], Update("p", "b", b"x"), good[1]])
    assert first is third is None
    assert isinstance(second, NotFound)
    kept = connection.execute("SELECT data FROM document_updates ORDER BY id").fetchall()
    assert kept == [(b"1",), (b"2",), (b"1",), (b"2",)]
    connection.close()
