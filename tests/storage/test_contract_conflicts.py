"""The contract of the storage ports, continued: conflicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.errors import Invalid, NotFound
from server.domain.conflicts import Conflict
from server.ports import ConflictFilter
from server.storage import SqliteStorage
from tests.storage.factories import LATER, NOW, PROJECT, creation, step

BOTH = ("mara", "coat")


def conflict(id_: str = "conf-1", entity_id: str = "mara", **more: Any) -> Conflict:
    values: dict[str, Any] = {
        "base": {"a": [1, None]},
        "ours": "one\u2028 🎬",
        "theirs": None,
        "merged": 2.5,
        "ours_by": "ann",
        "theirs_by": "ben",
        "affected_users": ("ann", "ben"),
        "resolution_options": ("ours", "theirs"),
        "reason": "both changed it",
        "run_id": "run-1",
        "created_at": NOW,
        "severity": "high",
        "type": "version_conflict",
        "field": "mood",
    }
    return Conflict(id=id_, entity_id=entity_id, **{**values, **more})


async def test_a_conflict_is_kept_whole(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    decided = conflict(status="resolved", resolution="merged", resolved_by="ann", resolved_at=LATER)
    await storage.commit(step(conflicts=[decided, conflict("conf-2")]))
    assert await storage.conflict(PROJECT, "conf-1") == decided
    assert await storage.conflict(PROJECT, "conf-2") == conflict("conf-2")


async def test_a_conflict_that_is_not_there_is_not_found(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    await storage.commit(creation(BOTH, project_id="other"))
    await storage.commit(step(conflicts=[conflict()]))
    for project, id_ in ((PROJECT, "conf-2"), ("other", "conf-1")):
        with pytest.raises(NotFound):
            await storage.conflict(project, id_)


async def test_what_changed_last_comes_first_in_pages_and_filters(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    other = conflict("b", "coat", type="simultaneous_edit", status="resolved", run_id=None)
    await storage.commit(step(conflicts=[conflict("a"), other]))
    changed = conflict("a", theirs="new")
    await storage.commit(step(conflicts=[changed]))
    first, cursor = await storage.conflicts(PROJECT, ConflictFilter(), 1, None)
    assert first == [changed]
    rest, end = await storage.conflicts(PROJECT, ConflictFilter(), 1, cursor)
    assert (rest, end) == ([other], None)
    with pytest.raises(Invalid):
        await storage.conflicts(PROJECT, ConflictFilter(), 1, "x")

    async def found(**wanted: Any) -> list[str]:
        page, _ = await storage.conflicts(PROJECT, ConflictFilter(**wanted), 10, None)
        return [one.id for one in page]

    assert await found(status="open") == ["a"]
    assert await found(entity_id="coat") == ["b"]
    assert await found(type="simultaneous_edit") == ["b"]
    assert await found(run_id="run-1") == ["a"]
    assert await found(status="closed") == []


async def test_a_project_loads_with_what_waits(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    many = [conflict(f"c-{number:04d}") for number in range(1000)]
    await storage.commit(step(conflicts=[*many, conflict("z", status="closed")]))
    await storage.commit(step(conflicts=[replace(many[0], status="resolved")]))
    loaded = (await storage.load_project(PROJECT)).conflicts
    assert [one.id for one in loaded] == [one.id for one in many[1:]]


async def test_a_conflict_of_nothing_that_is_there_is_not_stored(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await storage.commit(step(conflicts=[conflict(entity_id="nobody")]))
