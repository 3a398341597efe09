"""Hot reads go by an index, and never sort a run: checked with EXPLAIN QUERY PLAN."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.ports import AuditFilter
from server.storage import SqliteStorage
from server.storage.sqlite import around, reads
from tests.storage.factories import PROJECT, creation

READS: dict[str, Callable[[sqlite3.Connection], Any]] = {
    "outcomes of a run": lambda c: reads.read_outcomes(c, "run-1", 100, "500"),
    "ids of its outcomes": lambda c: reads.read_outcome_ids(c, "run-1", ["failed"]),
    "versions": lambda c: reads.read_versions(c, PROJECT, "mara", 100, None),
    "audit": lambda c: reads.read_audit(c, PROJECT, AuditFilter(), 100, None),
    "audit of an entity": lambda c: reads.read_audit(
        c, PROJECT, AuditFilter(entity_id="mara"), 100, None
    ),
    "audit of a run": lambda c: reads.read_audit(c, PROJECT, AuditFilter(run_id="r"), 100, None),
    "runs": lambda c: reads.read_runs(c, PROJECT, 50),
    "open runs": reads.read_projects_with_open_runs,
    "events": lambda c: reads.read_events_after(c, PROJECT, 5, 100),
    "one entity": lambda c: around.read_around(c, PROJECT, "mara"),
}


@pytest.mark.parametrize("name", READS)
async def test_a_hot_read_goes_by_an_index(path: Path, name: str) -> None:
    storage = await SqliteStorage.open(path)
    await storage.commit(creation())
    steps = await storage._database.run(lambda c: plans(c, READS[name]))
    await storage.close()
    assert steps
    assert not [one for one in steps if one.startswith("SCAN") and not allowed(one)], steps
    assert not [one for one in steps if "TEMP B-TREE FOR ORDER BY" in one], steps


async def test_one_entity_is_found_without_a_walk_over_its_project(path: Path) -> None:
    storage = await SqliteStorage.open(path)
    await storage.commit(creation())
    steps = await storage._database.run(lambda c: plans(c, READS["one entity"]))
    await storage.close()
    assert not [one for one in steps if "PRIMARY KEY (project_id=?)" in one], steps


def allowed(step: str) -> bool:
    """What may be walked whole: what another query or a list of ids hands over."""
    return step.startswith(("SCAN one", "SCAN (", "SCAN CONSTANT ROW", "SCAN wanted")) or (
        "VIRTUAL TABLE" in step or "USING" in step or "subquery" in step.lower()
    )


def plans(connection: sqlite3.Connection, read: Callable[[sqlite3.Connection], Any]) -> list[str]:
    """How SQLite goes about each statement of a read."""
    said: list[str] = []
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    try:
        read(connection)
    finally:
        connection.set_trace_callback(None)
    for statement in seen:
        if statement.startswith("SELECT"):
            said += [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    return said
