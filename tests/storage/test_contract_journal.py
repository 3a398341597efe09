"""The contract of the storage ports, continued: the journal, and what is long."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from protocol.errors import NotFound
from server.domain.undo import Undo, Was
from server.ports import AuditFilter
from server.storage import SqliteStorage
from server.storage.sqlite.schema import migrate, migrations
from tests.storage.factories import (
    LATER,
    NOW,
    PROJECT,
    audit_entry,
    creation,
    entity,
    project,
    reference,
    run,
    step,
    version,
)

BORN = Undo({"mara": None})
LINKED = Undo({}, {"r1": None, "r2": reference("r2", "mara", "sh010", pinned_by="tom", order="a1")})
MOVED = Undo({"mara": Was(1, None, False), "sh010": Was(3, 2, True)}, {}, {"r1": 1, "r2": 4})
WORDS = " ".join(f"word {number} “ü”" for number in range(400))


async def journal(storage: SqliteStorage) -> None:
    await storage.commit(creation(undo=BORN))
    await storage.commit(step(undo=LINKED, run=run()))
    await storage.commit(step(undo=MOVED, run=run()))
    await storage.commit(step(run=run(status="done")))  # changes nothing that is kept
    await storage.commit(creation(["otto"], "other", undo=BORN))


async def test_steps_come_newest_first_as_they_were_written(storage: SqliteStorage) -> None:
    await journal(storage)
    found = await storage.steps(PROJECT, 1, None, 10)
    assert [undo for _, undo in found] == [MOVED, LINKED, BORN]
    numbers = [number for number, _ in found]
    assert numbers == sorted(numbers, reverse=True)
    page = await storage.steps(PROJECT, 1, None, 2)
    assert list(page) == list(found[:2])
    assert list(await storage.steps(PROJECT, 1, page[-1][0], 2)) == list(found[2:])
    assert [undo for _, undo in await storage.steps(PROJECT, numbers[1], None, 10)] == [
        MOVED,
        LINKED,
    ]


async def test_the_first_step_after_a_time_or_of_a_run(storage: SqliteStorage) -> None:
    await journal(storage)
    (_, (second, _), (first, _)) = await storage.steps(PROJECT, 1, None, 10)
    assert await storage.first_step(PROJECT, after="2000") == first
    assert await storage.first_step(PROJECT, after=NOW) == second
    assert await storage.first_step(PROJECT, after=LATER) is None
    assert await storage.first_step(PROJECT, run_id="run-1") == second
    assert await storage.first_step(PROJECT, run_id="run-2") is None
    assert await storage.journal_begins(PROJECT) == NOW
    with pytest.raises(NotFound):
        await storage.journal_begins("nowhere")


async def test_some_versions_are_read_at_once(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara", "otto"]))
    second = version("mara", 2)
    await storage.commit(step(entities=[entity("mara", current=second)], versions=[second]))
    wanted = [("mara", 1), ("otto", 1), ("otto", 7), ("mara", 2)]
    found = await storage.some_versions(PROJECT, wanted)
    assert {one.id for one in found} == {"mara_v1", "otto_v1", "mara_v2"}
    assert second in found


async def test_what_is_long_comes_back_as_it_was(storage: SqliteStorage) -> None:
    long = version(
        "mara", 2, fields={"description": WORDS}, changes={"description": {"from": 1, "to": WORDS}}
    )
    entry = audit_entry(1, detail={"changes": {"description": {"from": None, "to": WORDS}}})
    state = WORDS.encode() * 3
    made = creation(states={("mara", 1): state})
    await storage.commit(made)
    await storage.commit(
        step(entities=[entity("mara", current=long)], versions=[long], audit=[entry])
    )
    assert await storage.version(PROJECT, "mara", 2) == long
    assert (await storage.versions(PROJECT, "mara", 1, None))[0] == [long]
    assert (await storage.load_project(PROJECT)).entities[0].current == long
    assert (await storage.audit(PROJECT, AuditFilter(), 10, None))[0] == [entry]
    assert await storage.version_state(PROJECT, "mara", 1) == state
    assert (await storage.load_document(PROJECT, "mara")).state == state
    await storage.compact_document(PROJECT, "mara", b"compacted", 0)
    assert (await storage.load_document(PROJECT, "mara")).state == b"compacted"


async def test_what_is_long_takes_a_quarter_of_the_room(path: Path) -> None:
    storage = await SqliteStorage.open(path)
    long = version("mara", fields={"a": WORDS}, changes={"a": {"from": WORDS, "to": WORDS}})
    one = entity("mara", current=long)
    await storage.commit(creation([], entities=[one], versions=[long], states={}))
    await storage.close()
    with closing(sqlite3.connect(path)) as connection:
        size = "SELECT LENGTH(packed) + LENGTH(fields) + LENGTH(changes) FROM versions"
        assert connection.execute(size).fetchone()[0] * 4 < 3 * len(WORDS.encode())


async def test_of_a_project_that_is_older_nothing_is_told_before_its_journal(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, [one for one in migrations() if one.number < 10])
        row = project()
        connection.execute(
            "INSERT INTO projects (id, name, created_at, settings, kinds, rules) "
            "VALUES (?, 'Film', ?, '{}', '{}', '[]')",
            (row.id, row.created_at),
        )
    storage = await SqliteStorage.open(path)
    begins = await storage.journal_begins(PROJECT)
    assert begins > NOW
    assert len(begins) == len(NOW)
    assert [undo for _, undo in await storage.steps(PROJECT, 1, None, 10)] == [Undo()]
    await storage.close()


async def test_any_version_is_found_by_its_key(path: Path) -> None:
    storage = await SqliteStorage.open(path)
    plan = (
        "EXPLAIN QUERY PLAN SELECT * FROM versions "
        "WHERE project_id = 'film' AND entity_id = 'mara' AND number = 7"
    )
    (how,) = await storage._database.run(lambda c: [row[3] for row in c.execute(plan)])
    assert how.startswith("SEARCH versions USING")
    assert how.endswith("(project_id=? AND entity_id=? AND number=?)")
    await storage.close()
