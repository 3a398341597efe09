"""server/verify.py: whatever somebody does to the audit trail behind Ripplecut's back is found."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from server.domain.chain import audit_hash
from server.domain.commit import AuditEntry
from server.ports import AuditFilter
from server.storage.sqlite import SqliteStorage
from server.system import AssetPropagationSystem
from server.verify import _audit, _missing, verify_project


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which something has happened; the database is closed."""
    path = tmp_path_factory.mktemp("written") / "film.db"

    async def write() -> None:
        async with AssetPropagationSystem("film", path=path) as system:
            hero = await system.create_entity("character", "Mara", {"description": "a"})
            await system.create_test_shots(3, hero["id"])
            await system.propagate_asset_change(hero["id"], {"description": "b"})

    asyncio.run(write())
    return path


@pytest.fixture
def path(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path / "film.db"))


async def found(path: Path) -> list[str]:
    said: list[str] = []
    storage = await SqliteStorage.open(path)
    try:
        await verify_project(storage, "film", said.append)
    finally:
        await storage.close()
    return said


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


def last(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT MAX(number) FROM audit").fetchone()[0])


async def test_an_untouched_trail_is_intact(path: Path) -> None:
    assert last(path) > 5
    assert await found(path) == []


ALTERED = {
    "who": "actor = 'somebody else'",
    "when": "at = '2020-01-01T00:00:00.000Z'",
    "from where": "via = 'cli'",
    "what": "action = 'nothing'",
    "which entity": "entity_id = 'other'",
    "which run": "run_id = 'run-other'",
    "before and after": "detail = json_object('x', 1)",
    "its own hash": "hash = lower(hex(zeroblob(32)))",
    "the link": "previous = lower(hex(zeroblob(32)))",
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
@pytest.mark.parametrize("number", ["1", "3", "(SELECT MAX(number) FROM audit)"])
async def test_an_altered_entry_is_found(path: Path, change: str, number: str) -> None:
    run(path, f"UPDATE audit SET {change} WHERE number = {number}")
    said = " ".join(await found(path))
    which = str(last(path)) if number.startswith("(") else number
    assert f"audit entry {which} " in said


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("number = 1", "audit entry 1 is missing"),
        ("number = 3", "audit entry 3 is missing"),
        ("number BETWEEN 2 AND 4", "audit entries 2 to 4 are missing"),
        ("number = (SELECT MAX(number) FROM audit)", "audit entry {last} is missing"),
        ("number > (SELECT MAX(number) - 2 FROM audit)", "audit entries {before} to {last} are"),
        ("1", "audit entries 1 to {last} are missing"),
    ],
)
async def test_a_missing_entry_is_found(path: Path, condition: str, told: str) -> None:
    end = last(path)
    run(path, f"DELETE FROM audit WHERE {condition}")
    said = " ".join(await found(path))
    assert told.format(last=end, before=end - 1) in said


async def test_what_is_written_later_does_not_hide_what_was_cut_off(path: Path) -> None:
    end = last(path)
    run(path, "DELETE FROM audit WHERE number = (SELECT MAX(number) FROM audit)")
    async with AssetPropagationSystem("film", path=path) as system:
        await system.create_entity("prop", "Lamp")
    assert any(f"audit entry {end} is missing" in one for one in await found(path))


async def test_a_trail_that_is_gone_with_its_end_is_found(path: Path) -> None:
    run(path, "DELETE FROM audit", "DELETE FROM audit_heads")
    assert "there is no audit trail" in (await found(path))[0]


def at(entry: AuditEntry, number: int) -> AuditEntry:
    return entry._replace(number=number)


def in_the_midst(path: Path, entry: AuditEntry) -> None:
    """Room for one more between 3 and 4, hashes left as they are."""
    run(path, "UPDATE audit SET number = -number - 1 WHERE number > 3")
    run(path, "UPDATE audit SET number = -number WHERE number < 0")
    insert(path, linked(path, at(entry, 4)))


def at_the_end(path: Path, entry: AuditEntry) -> None:
    insert(path, linked(path, at(entry, last(path) + 1)))


def before_the_first(path: Path, entry: AuditEntry) -> None:
    insert(path, at(entry, 0))


def linked(path: Path, entry: AuditEntry) -> AuditEntry:
    """The entry as one that follows from the one before it, its hash right."""
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT hash FROM audit WHERE number = ?", (entry.number - 1,))
        entry = entry._replace(previous=row.fetchone()[0])
    return entry._replace(hash=audit_hash(entry))


def insert(path: Path, entry: AuditEntry) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        values = ["film", *entry, None]
        values[8] = '{"version":"mara_v9"}'
        marks = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO audit VALUES ({marks})", values)


@pytest.mark.parametrize("where", [in_the_midst, at_the_end, before_the_first])
async def test_an_inserted_entry_is_found(
    path: Path, where: Callable[[Path, AuditEntry], None]
) -> None:
    detail = {"version": "mara_v9"}
    now = "2026-01-01T00:00:00.000Z"
    entry = AuditEntry(0, now, "eve", "api", "version_approved", None, None, detail, "", "")
    where(path, entry._replace(hash=audit_hash(entry)))
    assert await found(path)


@pytest.mark.parametrize("pair", [(2, 3), (1, 5)])
async def test_swapped_entries_are_found(path: Path, pair: tuple[int, int]) -> None:
    one, other = pair
    for old, new in ((one, -1), (other, one), (-1, other)):
        run(path, f"UPDATE audit SET number = {new} WHERE number = {old}")
    said = " ".join(await found(path))
    assert f"audit entry {one} was changed" in said
    assert f"audit entry {other} was changed" in said


async def test_entries_that_come_while_it_looks_are_no_finding(path: Path) -> None:
    storage = await SqliteStorage.open(path)
    stored = await storage.load_project("film")
    async with AssetPropagationSystem("film", path=path) as system:
        await system.create_entity("prop", "Lamp")
        said: list[str] = []
        await _audit(storage, stored, said.append)
        assert said == []
        assert (await storage.audit_head("film"))[0] > stored.audit_number
        page, _ = await storage.audit("film", AuditFilter(), 1, None)
        assert page[0].hash == (await storage.audit_head("film"))[1]
    await storage.close()


@pytest.mark.parametrize(
    ("numbers", "last", "missing"),
    [
        ([], 0, []),
        ([(3, None), (2, None), (1, None)], 3, []),
        ([(3, None), (1, None)], 4, [2, 4]),
        ([(9, 0)], 9, []),
        ([(10, None), (9, 4), (4, 0)], 10, []),
        ([(10, None), (9, 4)], 10, [1, 2, 3, 4, 5, 6, 7, 8]),
        ([(12, None), (9, 0)], 12, [10, 11]),
        ([(3, 2), (1, 0)], 3, [2]),
    ],
)
def test_versions_that_are_missing(
    numbers: list[tuple[int, int | None]], last: int, missing: list[int]
) -> None:
    assert _missing(numbers, last) == missing
