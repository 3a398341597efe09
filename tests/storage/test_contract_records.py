"""The contract of the storage ports, continued: what is told and kept of what happened."""

from __future__ import annotations

import pytest

from protocol.errors import Invalid, NotFound, Unavailable
from server.ports import AuditFilter, RunTotals
from server.storage import SqliteStorage
from tests.storage.factories import (
    LATER,
    NOW,
    PROJECT,
    audit_entry,
    creation,
    event,
    outcome,
    run,
    step,
    token,
)

# -- runs and outcomes ----------------------------------------------------------------------------


async def test_a_run_is_updated_in_place(storage: SqliteStorage) -> None:
    await storage.commit(creation(run=run()))
    assert await storage.run("run-1") == run()
    assert await storage.projects_with_open_runs() == [PROJECT]
    done = run(status="done", finished_at=LATER, processed=3, counts={"updated": 3}, notify=False)
    await storage.commit(step(run=done))
    assert await storage.run("run-1") == done
    assert await storage.projects_with_open_runs() == []
    assert (await storage.load_project(PROJECT)).open_runs == []
    with pytest.raises(NotFound):
        await storage.run("run-2")


async def test_runs_come_newest_first(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    for id_, created_at in (("b", NOW), ("a", NOW), ("c", LATER)):
        await storage.commit(step(run=run(id_, created_at=created_at)))
    assert [one.id for one in await storage.runs(PROJECT, 10)] == ["c", "a", "b"]
    assert [one.id for one in await storage.runs(PROJECT, 1)] == ["c"]


async def test_runs_are_superseded_in_the_step_that_queues_the_one_that_takes_over(
    storage: SqliteStorage,
) -> None:
    await storage.commit(creation(run=run()))
    taken = run(status="superseded", superseded_by="run-2", finished_at=LATER)
    newer = run("run-2", retry_of="run-0", rollback_of="run-x", created_at=LATER)
    await storage.commit(step(run=newer, superseded=[taken]))
    assert [await storage.run(id_) for id_ in ("run-1", "run-2")] == [taken, newer]
    assert (await storage.load_project(PROJECT)).open_runs == [newer]


async def test_the_totals_are_of_all_runs_that_ended(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    assert await storage.run_totals(PROJECT) == RunTotals(0, 0, {})
    ended = {"finished_at": LATER}
    for one in (
        run("a", status="done", processed=3, counts={"updated": 2, "pinned": 1}, **ended),
        run("b", status="failed", processed=2, counts={"updated": 1, "failed": 1}, **ended),
        run("c", status="running", processed=7, counts={"updated": 7}),
    ):
        await storage.commit(step(run=one))
    counts = {"failed": 1, "pinned": 1, "updated": 3}
    assert await storage.run_totals(PROJECT) == RunTotals(2, 5, counts)
    assert await storage.run_totals("other") == RunTotals(0, 0, {})


async def test_outcomes_are_paged_in_the_order_in_which_they_were_reached(
    storage: SqliteStorage,
) -> None:
    await storage.commit(creation(["mara", "x", "y", "z"]))
    await storage.commit(step(run=run(), outcomes=[outcome("z"), outcome("x")]))
    await storage.commit(step(run=run(), outcomes=[outcome("y", "unchanged")]))
    first, cursor = await storage.outcomes("run-1", 2, None)
    assert first == [(outcome("z"), LATER), (outcome("x"), LATER)]
    second, end = await storage.outcomes("run-1", 2, cursor)
    assert (second, end) == ([(outcome("y", "unchanged"), LATER)], None)
    assert await storage.outcome_ids("run-1") == frozenset("xyz")
    assert await storage.outcome_ids("none") == frozenset()
    assert await storage.outcome_ids("run-1", ("unchanged", "failed")) == frozenset("y")
    assert await storage.outcome_ids("run-1", ()) == frozenset()


async def test_outcomes_need_a_run(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    with pytest.raises(ValueError, match="run"):
        await storage.commit(step(outcomes=[outcome("mara")]))


async def test_an_entitys_outcomes_come_newest_run_first(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    first = [outcome("mara", reason="one"), outcome("x")]
    await storage.commit(step(run=run(), outcomes=first))
    second = [outcome("mara", "pinned", "two")]
    await storage.commit(step(run=run("run-2", created_at=LATER), outcomes=second))
    await storage.commit(step(run=run("run-3", created_at=LATER), outcomes=[outcome("x")]))
    found = await storage.outcomes_of(PROJECT, "mara", 10)
    assert [(one.reason, at, run_id) for one, at, run_id in found] == [
        ("two", LATER, "run-2"),
        ("one", LATER, "run-1"),
    ]
    assert [run_id for _, _, run_id in await storage.outcomes_of(PROJECT, "x", 1)] == ["run-3"]
    assert await storage.outcomes_of("other", "mara", 10) == []


# -- events and audit -----------------------------------------------------------------------------


async def test_events_are_read_on_from_a_position(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    assert await storage.events_after(PROJECT, 0, 10) == []
    assert await storage.events_after(PROJECT, 1, 10) is None
    some = [event(1), event(2, frozenset()), event(3, frozenset({"mara", "ü"}))]
    await storage.commit(step(events=some))
    assert await storage.events_after(PROJECT, 0, 10) == some
    assert await storage.events_after(PROJECT, 1, 1) == [some[1]]
    assert await storage.events_after(PROJECT, 3, 10) == []
    assert await storage.events_after(PROJECT, 4, 10) is None


async def test_the_audit_is_paged_newest_first_and_filtered(storage: SqliteStorage) -> None:
    entries = [
        audit_entry(1),
        audit_entry(2, entity_id=None, actor="tom", run_id="run-1"),
        audit_entry(3, at=LATER, run_id="run-1", detail={"deep": [{"x": 0.1}]}),
    ]
    await storage.commit(creation(audit=entries))

    async def numbers(wanted: AuditFilter) -> list[int]:
        found, _ = await storage.audit(PROJECT, wanted, 10, None)
        return [one.number for one in found]

    first, cursor = await storage.audit(PROJECT, AuditFilter(), 2, None)
    rest, end = await storage.audit(PROJECT, AuditFilter(), 2, cursor)
    assert ([*first, *rest], end) == (entries[::-1], None)
    assert await numbers(AuditFilter(entity_id="mara")) == [3, 1]
    assert await numbers(AuditFilter(actor="tom")) == [2]
    assert await numbers(AuditFilter(run_id="run-1")) == [3, 2]
    assert await numbers(AuditFilter(since=LATER)) == [3]
    assert await numbers(AuditFilter(until=LATER)) == [2, 1]
    assert await numbers(AuditFilter(since=LATER, until=LATER)) == []
    assert await storage.audit_head(PROJECT) == (3, "h3")
    assert await storage.audit_head("other") == (0, "")
    assert await numbers(AuditFilter(entity_id="mara", run_id="run-1", actor="tom")) == []


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "٣", "9" * 30])
async def test_a_foreign_cursor_is_refused(storage: SqliteStorage, cursor: str) -> None:
    with pytest.raises(Invalid):
        await storage.versions(PROJECT, "mara", 10, cursor)
    with pytest.raises(Invalid):
        await storage.outcomes("run-1", 10, cursor)
    with pytest.raises(Invalid):
        await storage.audit(PROJECT, AuditFilter(), 10, cursor)


# -- tokens and answers ---------------------------------------------------------------------------


async def test_a_token_is_kept_until_it_is_removed(storage: SqliteStorage) -> None:
    one = token(project_id=PROJECT, expires_at=LATER)
    await storage.add_token(one)
    assert await storage.token(one.hash) == one
    again = token(role="viewer")
    await storage.add_token(again)
    assert await storage.token(one.hash) == again
    await storage.remove_token(one.hash)
    await storage.remove_token(one.hash)
    assert await storage.token(one.hash) is None


async def test_an_answer_is_remembered(storage: SqliteStorage) -> None:
    assert await storage.answer("k") is None
    await storage.remember_answer("k", "f", 201, b"\x00{}")
    assert await storage.answer("k") == ("f", 201, b"\x00{}")


async def test_a_request_under_way_is_remembered_until_its_answer(storage: SqliteStorage) -> None:
    await storage.remember_answer("k", "f", 0, b"boot")
    assert await storage.answer("k") == ("f", 0, b"boot")
    await storage.remember_answer("k", "f", 201, b"{}")
    assert await storage.answer("k") == ("f", 201, b"{}")
    await storage.forget_answer("k")
    await storage.forget_answer("k")
    assert await storage.answer("k") is None


# -- the end --------------------------------------------------------------------------------------


async def test_closing_finishes_what_is_queued_and_refuses_the_rest(
    storage: SqliteStorage,
) -> None:
    await storage.commit(creation())
    queued = [storage.append_update(PROJECT, "mara", b"x") for _ in range(300)]
    await storage.close()
    for one in queued:
        await one
    with pytest.raises(Unavailable):
        await storage.append_update(PROJECT, "mara", b"x")
    with pytest.raises(Unavailable):
        await storage.commit(step())
    with pytest.raises(Unavailable):
        await storage.projects()
    with pytest.raises(Unavailable):
        await storage.load_project(PROJECT)
    await storage.close()
