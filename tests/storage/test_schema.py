"""Migrations: in order, each whole, and never on a database from the future."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from protocol.errors import Unavailable
from server.domain.entities import Digests, LastOutcome
from server.domain.runs import Outcome
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


BEFORE_NARROW_ROWS = """
INSERT INTO projects VALUES (1, 'film', 'Film', 'T0', '{}', '{"kinds": []}', '[]');
INSERT INTO runs VALUES (7, 'run-a', 'film', '[["mara", 1, 2]]', '["visual"]', 'api', 'm', '',
    'batch', 1, 'done', 2, 'T1', 'T1', 'T2', 2, '{}', '{}', NULL);
INSERT INTO entities VALUES ('film', 'mara', 'character', 2, 2, NULL, x'01', x'02', NULL,
    'T0', 'T1', NULL);
INSERT INTO entities VALUES ('film', 'sh010', 'shot', 1, 1, NULL, x'03', x'04',
    '["updated", "follows Mara v2", "mara", 2, "run-a", "T1"]', 'T0', 'T1', NULL);
INSERT INTO entities VALUES ('film', 'sh020', 'shot', 1, 1, NULL, x'05', x'06',
    '["stale", "older", "mara", 1, "run-gone", "T0"]', 'T0', 'T0', NULL);
INSERT INTO versions SELECT 'film', v.column1, v.column2, 'N', 'wip', '{}', '[]', '[]', '{}', NULL,
    'T0', 'm', '', 'created', NULL, 'c', v.column2, x'', x'', x'', x'', x'', x''
    FROM (VALUES ('mara', 1), ('mara', 2), ('sh010', 1), ('sh020', 1)) AS v;
INSERT INTO refs VALUES ('film', 'r1', 'mara', 'sh010', 'character', 'latest', 2, 'a0', '{}', NULL);
INSERT INTO refs VALUES ('film', 'r2', 'mara', 'sh020', 'character', 'pinned', 1, 'a0',
    '{"colour": "red"}', 'tom');
INSERT INTO outcomes VALUES ('run-a', 0, 'T1', 'sh010', 'shot', 'updated', 'follows Mara v2',
    'mara', 2, 'aa', 'bb');
INSERT INTO outcomes VALUES ('run-a', 1, 'T1', 'sh020', 'shot', 'unchanged', 'pinned', 'mara', 2,
    'cc', 'cc');
"""


async def test_what_runs_left_behind_moves_into_narrow_rows(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, migrations()[:3])
        connection.executescript(BEFORE_NARROW_ROWS)
    storage = await SqliteStorage.open(path)
    loaded = await storage.load_project("film")
    found = {one.id: one for one in loaded.entities}
    assert found["mara"].last_outcome is None
    assert found["sh010"].last_outcome == LastOutcome(
        "updated", "follows Mara v2", "mara", 2, "run-a", "T1"
    )
    assert found["sh020"].last_outcome == LastOutcome("stale", "older", "mara", 1, "run-gone", "T0")
    assert {id_: (one.digests, one.updated_at) for id_, one in found.items()} == {
        "mara": (Digests(b"\x01", b"\x02"), "T1"),
        "sh010": (Digests(b"\x03", b"\x04"), "T1"),
        "sh020": (Digests(b"\x05", b"\x06"), "T0"),
    }
    assert [(one.id, one.version, one.overrides, one.pinned_by) for one in loaded.references] == [
        ("r1", 2, {}, None),
        ("r2", 1, {"colour": "red"}, "tom"),
    ]
    outcomes, _ = await storage.outcomes("run-a", 10, None)
    assert outcomes == [
        (Outcome("sh010", "shot", "updated", "follows Mara v2", "mara", 2, "aa", "bb"), "T1"),
        (Outcome("sh020", "shot", "unchanged", "pinned", "mara", 2, "cc", "cc"), "T1"),
    ]
    assert await storage.outcome_ids("run-a") == {"sh010", "sh020"}
    await storage.close()
