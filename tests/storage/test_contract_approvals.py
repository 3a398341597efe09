"""The contract of the storage ports, continued: approvals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.errors import Invalid, NotFound
from server.domain.approvals import Approval, Waits
from server.ports import ApprovalFilter
from server.storage import SqliteStorage
from tests.storage.factories import LATER, NOW, PROJECT, creation, outcome, run, step

ANY = ApprovalFilter()
BOTH = ("mara", "coat")


def approval(
    id_: str = "appr-1", source: str = "mara", target: str = "coat", **more: Any
) -> Approval:
    values: dict[str, Any] = {
        "references": (Waits("r-in", 1, 2), Waits("r-too", 1, 3)),
        "classes": ("relationship", "visual"),
        "rule_id": "final-asks",
        "rule": "Final “shots” wait 🎬",
        "run_id": "run-1",
        "author": "ines",
        "since": NOW,
        "at": LATER,
    }
    return Approval(id_, source, target, **{**values, **more})


async def test_an_approval_is_kept_whole(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    decided = approval(status="rejected", decided_by="ann", comment="no\u2028", reason="rejected")
    await storage.commit(step(approvals=[decided]))
    assert await storage.approval(PROJECT, "appr-1") == decided
    assert (await storage.approval(PROJECT, "appr-1")).plan_hash == decided.plan_hash


async def test_an_approval_that_is_not_there_is_not_found(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    await storage.commit(creation(BOTH, project_id="other"))
    await storage.commit(step(approvals=[approval()]))
    for project, id_ in ((PROJECT, "appr-2"), ("other", "appr-1")):
        with pytest.raises(NotFound):
            await storage.approval(project, id_)


async def test_what_changed_last_comes_first_in_pages(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    await storage.commit(step(approvals=[approval("a"), approval("b", target="mara")]))
    changed = approval("a", references=(Waits("r-in", 1, 4),))
    await storage.commit(step(approvals=[changed]))
    first, cursor = await storage.approvals(PROJECT, ANY, 1, None)
    assert first == [changed]
    assert cursor is not None
    rest, end = await storage.approvals(PROJECT, ANY, 1, cursor)
    assert [one.id for one in rest] == ["b"]
    assert end is None
    with pytest.raises(Invalid):
        await storage.approvals(PROJECT, ANY, 1, "x")


async def test_approvals_are_filtered(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    closed = approval("b", target="mara", status="closed")
    await storage.commit(step(approvals=[approval("a"), closed]))

    async def found(**wanted: Any) -> list[str]:
        page, _ = await storage.approvals(PROJECT, ApprovalFilter(**wanted), 10, None)
        return [one.id for one in page]

    assert await found(status="open") == ["a"]
    assert await found(target="mara") == ["b"]
    assert await found(source="mara") == ["b", "a"]
    assert await found(source="coat") == []


async def test_a_project_loads_with_what_is_open_and_what_stands_rejected(
    storage: SqliteStorage,
) -> None:
    await storage.commit(creation(BOTH))
    asked = approval("a")
    no = approval("b", source="coat", target="mara", status="rejected")
    overruled = approval("c", source="coat", status="rejected")
    await storage.commit(step(approvals=[asked, no, overruled]))
    await storage.commit(step(approvals=[approval("d", source="coat", status="approved")]))
    loaded = (await storage.load_project(PROJECT)).approvals
    assert {one.id for one in loaded} == {"a", "b"}


async def test_one_is_open_for_a_source_and_a_target(storage: SqliteStorage) -> None:
    await storage.commit(creation(BOTH))
    await storage.commit(step(approvals=[approval("a")]))
    with pytest.raises(Exception, match="UNIQUE"):
        await storage.commit(step(approvals=[approval("b")]))
    ended = replace(approval("a"), status="closed")
    await storage.commit(step(approvals=[ended, approval("b")]))
    assert (await storage.approval(PROJECT, "b")).status == "open"


async def test_an_outcome_and_what_it_asks_are_stored_together_or_not_at_all(
    storage: SqliteStorage,
) -> None:
    await storage.commit(creation(BOTH))
    asking = outcome("coat", "awaiting_approval")
    unknown = approval(target="nobody")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await storage.commit(step(run=run(), outcomes=[asking], approvals=[unknown]))
    assert await storage.outcome_ids("run-1") == frozenset()
    await storage.commit(step(run=run(), outcomes=[asking], approvals=[approval()]))
    assert await storage.outcome_ids("run-1") == {"coat"}
    assert (await storage.approval(PROJECT, "appr-1")).status == "open"
