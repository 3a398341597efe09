"""Migrations: in order, each whole, and never on a database from the future."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from protocol.errors import Unavailable
from server.storage import SqliteStorage
from server.storage.sqlite.schema import Migration, migrate, migrations
from tests.storage.factories import PROJECT, creation, outcome, run, step

FIRST = Migration(1, "0001_a.sql", "CREATE TABLE a (n);\n-- why; and so on\nCREATE TABLE b (n);\n")
SECOND = Migration(2, "0002_b.sql", "ALTER TABLE a ADD COLUMN m;\nINSERT INTO a VALUES (1, 2);\n")


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def test_the_programs_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [one.number for one in migrations()] == list(range(1, len(migrations()) + 1))


def test_migrations_run_once_and_in_order(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST])
    assert version(connection) == 1
    migrate(connection, [FIRST, SECOND])
    migrate(connection, [FIRST, SECOND])
    assert version(connection) == 2
    assert connection.execute("SELECT * FROM a").fetchall() == [(1, 2)]
    connection.close()


@pytest.mark.parametrize(
    "script", ["CREATE TABLE c (n);\nSELECT nonsense;\n", "CREATE TABLE c (n)"]
)
def test_a_migration_that_fails_leaves_nothing(connection: sqlite3.Connection, script: str) -> None:
    with pytest.raises((sqlite3.OperationalError, ValueError)):
        migrate(connection, [FIRST, Migration(2, "0002_c.sql", script)])
    assert version(connection) == 1
    assert not connection.in_transaction
    tables = connection.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()
    assert tables == [("a",), ("b",)]
    connection.close()


async def test_a_database_from_the_future_is_refused(path: Path) -> None:
    await (await SqliteStorage.open(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(Unavailable, match=r"newer Ripplecut \(schema 9999, .*Upgrade"):
        await SqliteStorage.open(path)
    assert path.read_bytes() == before


async def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be read as the header of one" * 20)
    with pytest.raises(Unavailable):
        await SqliteStorage.open(path)
    with pytest.raises(Unavailable):
        await SqliteStorage.open(path / "below a file.db")


async def test_a_file_keeps_its_epoch_and_content(path: Path) -> None:
    storage = await SqliteStorage.open(path)
    epoch = storage.epoch
    await storage.commit(creation())
    await storage.close()
    again = await SqliteStorage.open(path)
    assert again.epoch == epoch
    assert [one.id for one in await again.projects()] == [PROJECT]
    await again.close()
    other = await SqliteStorage.open(None)
    assert other.epoch != epoch
    await other.close()


async def test_a_file_is_strict_logged_ahead_and_durable(path: Path) -> None:
    storage = await SqliteStorage.open(path)

    def pragmas(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await storage._database.run(pragmas) == ["wal", 2, 1, 5000]
    loose = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict"
    names = await storage._database.run(lambda c: [row[0] for row in c.execute(loose)])
    assert set(names) == {"sqlite_sequence", "sqlite_schema"}
    await storage.close()


async def test_a_database_of_the_first_schema_is_brought_up_to_date(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, migrations()[:1])
    connection.close()
    storage = await SqliteStorage.open(path)
    await storage.commit(creation(run=run(), outcomes=[outcome("mara")]))
    with pytest.raises(RuntimeError, match="a second time"):
        await storage.commit(step(run=run(), outcomes=[outcome("mara")]))
    plan = (
        "EXPLAIN QUERY PLAN SELECT DISTINCT project_id FROM runs "
        "WHERE status IN ('queued', 'running', 'cancelling')"
    )
    steps = await storage._database.run(lambda c: [row[3] for row in c.execute(plan)])
    assert any("runs_open" in one for one in steps), steps
    assert version_of(path) == migrations()[-1].number
    await storage.close()


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return version(connection)
