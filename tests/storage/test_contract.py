"""The contract of the storage ports: what every implementation does, whatever it stands on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from protocol.errors import Conflict, NotFound
from server.domain.commit import Commit, DocumentUpdate
from server.domain.entities import LastOutcome
from server.domain.project import ProjectState
from server.ports import Storage, StoredLook, TokenStore
from server.storage import SqliteStorage
from tests.storage.factories import (
    LATER,
    NOW,
    PROJECT,
    audit_entry,
    bare_project,
    creation,
    digests,
    entity,
    event,
    outcome,
    project,
    reference,
    run,
    step,
    version,
)


def ports(store: SqliteStorage) -> tuple[Storage, TokenStore]:
    """That the class is both ports is checked by mypy, here."""
    return store, store


# -- projects -------------------------------------------------------------------------------------


async def test_an_empty_storage_has_an_epoch_and_no_projects(storage: SqliteStorage) -> None:
    assert ports(storage) == (storage, storage)
    assert len(storage.epoch) == 16
    assert await storage.projects() == []
    with pytest.raises(NotFound):
        await storage.load_project(PROJECT)


async def test_projects_come_by_creation_and_are_replaced_whole(storage: SqliteStorage) -> None:
    early = project("b", "2026-01-01T00:00:00.000Z")
    await storage.commit(Commit("a", NOW, project=project("a")))
    await storage.commit(Commit("b", NOW, project=early))
    assert await storage.projects() == [early, project("a")]
    renamed = replace(early, name="New", settings={}, rules=[])
    await storage.commit(Commit("b", NOW, project=renamed))
    assert await storage.projects() == [renamed, project("a")]


async def test_a_project_loads_as_it_was_committed(storage: SqliteStorage) -> None:
    second = version("mara", 2, status="final", run_id="run-1", references=())
    mara = entity("mara", current=second, approved_version=1)
    shot = entity("🎞 sh 010", "shot", last_outcome=LastOutcome("stale", "why", "m", 2, "r", NOW))
    lost = entity("lost", deleted_at=NOW)
    old = reference("r2", "mara", shot.id, policy="pinned", pinned_by="mara", order="Zz")
    new = reference("r1", "mara", shot.id, version=2, overrides={"colour": None})
    await storage.commit(
        creation(
            entities=[mara, shot, lost],
            versions=[version("mara"), second, shot.current, lost.current],
            references_put=[old, new],
            events=[event(1), event(2)],
            audit=[audit_entry(1), audit_entry(2)],
            run=run(),
            states={},
        )
    )
    loaded = await storage.load_project(PROJECT)
    assert loaded.record == project()
    assert {one.id: one for one in loaded.entities} == {one.id: one for one in (mara, shot, lost)}
    assert {one.id: one for one in loaded.references} == {"r1": new, "r2": old}
    assert {one.id for one in loaded.versions} == {
        "mara_v1",  # pinned
        "mara_v2",
        "🎞 sh 010_v1",
        "lost_v1",
    }
    current = {id(one) for one in loaded.versions}
    assert all(id(one.current) in current for one in loaded.entities)
    assert (loaded.seq, loaded.audit_number, loaded.audit_hash) == (2, 2, "h2")
    assert loaded.open_runs == [run()]


async def test_looks_are_what_is_stored_of_some_entities(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara", "sh010", "sh020"]))
    await storage.commit(
        step(
            references_put=[reference("r1", "mara", "sh010"), reference("r2", "mara", "sh020")],
            pointers={},
            digests={"sh010": digests("other")},
        )
    )
    looks = await storage.looks(PROJECT, ["sh010", "mara", "nobody"])
    assert looks == {
        "sh010": StoredLook(1, digests("other"), {"r1": 1}),
        "mara": StoredLook(1, entity("mara").digests, {}),
    }


async def test_a_project_loads_without_anything_in_it(storage: SqliteStorage) -> None:
    await storage.commit(Commit(PROJECT, NOW, project=project()))
    loaded = await storage.load_project(PROJECT)
    assert (loaded.entities, loaded.references, loaded.versions) == ([], [], [])
    assert (loaded.seq, loaded.audit_number, loaded.audit_hash) == (0, 0, "")
    assert loaded.open_runs == []


async def test_a_project_of_several_chunks_loads_whole(storage: SqliteStorage) -> None:
    ids = [f"shot {number}" for number in range(1300)]
    await storage.commit(creation(["mara", *ids]))
    await storage.commit(
        step(
            references_put=[reference(f"r {id_}", "mara", id_) for id_ in ids],
            pointers={},
            digests={id_: digests(f"new {id_}") for id_ in ids},
        )
    )
    loaded = await storage.load_project(PROJECT)
    assert sorted(one.id for one in loaded.entities) == sorted(["mara", *ids])
    assert sorted(one.target for one in loaded.references) == sorted(ids)
    found = {one.id: one.digests for one in loaded.entities}
    assert all(found[id_] == digests(f"new {id_}") for id_ in ids)


async def test_projects_are_apart(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara"], "a"))
    await storage.commit(creation(["mara"], "b"))
    await storage.commit(Commit("a", NOW, digests={"mara": digests("only a")}))
    b = await storage.load_project("b")
    assert b.entities[0].digests == digests("mara")
    assert list(await storage.projects_with("mara")) == ["a", "b"]
    await storage.commit(Commit("a", NOW, entities=[entity("mara", deleted_at=NOW)]))
    assert list(await storage.projects_with("mara")) == ["b"]
    assert list(await storage.projects_with("nobody")) == []


# -- one step -------------------------------------------------------------------------------------


async def test_pointers_digests_and_removals_take_effect(storage: SqliteStorage) -> None:
    await storage.commit(
        creation(
            ["mara", "sh010"],
            references_put=[reference("r1", "mara", "sh010"), reference("r2", "mara", "sh010")],
        )
    )
    await storage.commit(
        step(
            versions=[version("mara", 2)],
            entities=[entity("mara", current=version("mara", 2))],
            pointers={"r1": 2},
            references_removed=["r2"],
            digests={"sh010": digests("new")},
        )
    )
    loaded = await storage.load_project(PROJECT)
    assert list(loaded.references) == [reference("r1", "mara", "sh010", version=2)]
    assert {one.id: one.digests for one in loaded.entities} == {
        "mara": digests("mara"),
        "sh010": digests("new"),
    }
    assert {one.id for one in loaded.versions} == {"mara_v2", "sh010_v1"}


async def test_an_outcome_is_a_row_and_its_entitys_last(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara", "sh010"]))
    await storage.commit(step(run=run(), outcomes=[outcome("sh010")]))
    await storage.commit(step(run=run("run-2"), outcomes=[outcome("sh010", "stale")]))
    loaded = await storage.load_project(PROJECT)
    last = {one.id: one.last_outcome for one in loaded.entities}
    assert last == {
        "mara": None,
        "sh010": LastOutcome("stale", "follows mara", "mara", 2, "run-2", LATER),
    }


async def test_outcomes_change_what_is_stored_as_they_change_memory(
    storage: SqliteStorage,
) -> None:
    ids = ("updated", "unchanged", "stale", "before")
    await storage.commit(creation(ids, project=bare_project()))
    loaded = await storage.load_project(PROJECT)
    memory = ProjectState(loaded.record, 0, 0, "")
    memory.load(loaded.entities)
    first = step(run=run(), outcomes=[outcome("before", "stale")])
    kinds: list[Any] = ["updated", "unchanged", "stale"]
    second = step(run=run("run-2"), outcomes=[outcome(kind, kind) for kind in kinds])
    second.outcomes.append(outcome("before", "unchanged"))
    second.digests["unchanged"] = digests("new")
    second.at = "2026-03-01T12:00:00.000Z"
    for commit in (first, second):
        await storage.commit(commit)
        memory.apply(commit, {})
    again = await storage.load_project(PROJECT)
    for stored in again.entities:
        kept = memory.entity(stored.id)
        assert (stored.last_outcome, stored.updated_at, stored.digests) == (
            kept.last_outcome,
            kept.updated_at,
            kept.digests,
        )
    found = {one.id: one for one in again.entities}
    assert found["updated"].updated_at == second.at
    assert found["unchanged"].last_outcome is None
    assert found["before"].last_outcome is not None
    assert found["before"].last_outcome.run_id == "run-1"


async def test_a_run_reaches_an_entity_once(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara", "x", "y"]))
    await storage.commit(step(run=run(), outcomes=[outcome("x")]))
    for twice in ([outcome("y"), outcome("x")], [outcome("y"), outcome("y")]):
        with pytest.raises(RuntimeError, match=r"'run-1' would reach an entity a second time"):
            await storage.commit(step(run=run(processed=9), outcomes=twice))
    assert (await storage.run("run-1")).processed == 1
    assert await storage.outcome_ids("run-1") == frozenset("x")
    await storage.commit(step(run=run("run-2"), outcomes=[outcome("x")]))


async def test_a_project_is_created_once(storage: SqliteStorage) -> None:
    late = replace(project("a"), name="The second")
    new = [Commit("a", NOW, project=one, project_is_new=True) for one in (project("a"), late, late)]
    other = Commit("b", NOW, project=project("b"), project_is_new=True)
    answers = await asyncio.gather(
        *(storage.commit(one) for one in (*new, other)), return_exceptions=True
    )
    assert [type(one) for one in answers] == [type(None), Conflict, Conflict, type(None)]
    assert list(await storage.projects()) == [project("a"), project("b")]


async def test_a_failing_commit_leaves_nothing(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    bad = step(
        entities=[entity("new")],
        versions=[version("new"), version("mara")],  # mara has a version 1
        events=[event(1)],
    )
    with pytest.raises(Exception, match="UNIQUE"):
        await storage.commit(bad)
    loaded = await storage.load_project(PROJECT)
    assert [one.id for one in loaded.entities] == ["mara"]
    assert loaded.seq == 0


async def test_a_reference_needs_the_version_that_it_resolves_to(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara", "sh010"]))
    for bad in (
        step(references_put=[reference("r1", "mara", "sh010", version=9)]),
        step(references_put=[reference("r1", "mara", "nobody")]),
    ):
        with pytest.raises(Exception, match="FOREIGN KEY"):
            await storage.commit(bad)
    assert (await storage.load_project(PROJECT)).references == []


async def test_commits_take_effect_in_the_order_of_the_calls(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    steps = [step(digests={"mara": digests(str(n))}, events=[event(n)]) for n in range(1, 200)]
    await asyncio.gather(*(storage.commit(one) for one in steps))
    loaded = await storage.load_project(PROJECT)
    assert loaded.entities[0].digests == digests("199")
    events = await storage.events_after(PROJECT, 0, 500)
    assert events is not None
    assert [one.seq for one in events] == list(range(1, 200))


# -- versions and documents -----------------------------------------------------------------------


async def test_versions_are_paged_newest_first(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    await storage.commit(step(versions=[version("mara", number) for number in range(2, 6)]))
    first, cursor = await storage.versions(PROJECT, "mara", 2, None)
    second, cursor_2 = await storage.versions(PROJECT, "mara", 2, cursor)
    third, cursor_3 = await storage.versions(PROJECT, "mara", 2, cursor_2)
    assert [one.number for one in (*first, *second, *third)] == [5, 4, 3, 2, 1]
    assert cursor_3 is None
    whole, end = await storage.versions(PROJECT, "mara", 5, None)
    assert (len(whole), end) == (5, None)
    assert await storage.versions(PROJECT, "nobody", 5, None) == ([], None)


async def test_a_version_reads_as_it_was_cut(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    assert await storage.version(PROJECT, "mara", 1) == version("mara")
    for missing in (("mara", 2), ("nobody", 1)):
        with pytest.raises(NotFound):
            await storage.version(PROJECT, *missing)


async def test_a_version_without_a_state_of_its_own_has_that_of_its_state_number(
    storage: SqliteStorage,
) -> None:
    await storage.commit(creation())
    await storage.commit(
        step(
            versions=[version("mara", 2, state_number=1), version("mara", 3)],
            states={("mara", 3): b"three"},
        )
    )
    states = [await storage.version_state(PROJECT, "mara", number) for number in (1, 2, 3)]
    assert states == [b"state of mara", b"state of mara", b"three"]
    with pytest.raises(NotFound):
        await storage.version_state(PROJECT, "mara", 4)


async def test_a_document_is_its_first_state_and_its_updates(storage: SqliteStorage) -> None:
    await storage.commit(creation(["mara", "tom"]))
    waiting = [
        storage.append_update(PROJECT, "mara", b"\x00one"),
        storage.append_update(PROJECT, "tom", b"other"),
        storage.append_update(PROJECT, "mara", b""),
    ]
    await storage.commit(step(documents=[DocumentUpdate("mara", b"\xffthree")]))
    for one in waiting:
        await one
    document = await storage.load_document(PROJECT, "mara")
    assert document.state == b"state of mara"
    assert list(document.updates) == [b"\x00one", b"", b"\xffthree"]
    assert list((await storage.load_document(PROJECT, "tom")).updates) == [b"other"]


async def test_a_document_of_nobody_is_not_found(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    with pytest.raises(NotFound):
        await storage.load_document(PROJECT, "nobody")
    with pytest.raises(NotFound):
        await storage.append_update(PROJECT, "nobody", b"x")


async def test_updates_are_kept_in_the_order_of_the_calls(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    updates = [str(number).encode() for number in range(700)]
    await asyncio.gather(*(storage.append_update(PROJECT, "mara", one) for one in updates))
    assert list((await storage.load_document(PROJECT, "mara")).updates) == updates


async def test_compaction_moves_the_base_and_keeps_what_came_later(storage: SqliteStorage) -> None:
    await storage.commit(creation())
    for update in (b"1", b"2", b"3"):
        await storage.append_update(PROJECT, "mara", update)
    await storage.compact_document(PROJECT, "mara", b"1+2", 2)
    document = await storage.load_document(PROJECT, "mara")
    assert (document.state, list(document.updates)) == (b"1+2", [b"3"])
    await storage.compact_document(PROJECT, "mara", b"1+2+3", 1)
    document = await storage.load_document(PROJECT, "mara")
    assert (document.state, list(document.updates)) == (b"1+2+3", [])
    assert await storage.version_state(PROJECT, "mara", 1) == b"state of mara"


# -- many outcomes --------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 2, 40])
async def test_outcomes_of_any_mixture_come_back_as_they_were(
    storage: SqliteStorage, every: int
) -> None:
    ids = [f"sh{number:03d}" for number in range(200)]
    await storage.commit(creation(ids, project=bare_project()))
    loaded = await storage.load_project(PROJECT)
    memory = ProjectState(loaded.record, 0, 0, "")
    memory.load(loaded.entities)
    names: list[Any] = ["updated", "stale", "unchanged"]
    given = [
        outcome(id_, names[at // every % 3], f"reason {at // every}")._replace(
            from_hash=f"{at:064x}", to_hash=f"{at + 1:064x}"
        )
        for at, id_ in enumerate(ids)
    ]
    commit = step(run=run(), outcomes=given)
    commit.digests = {id_: digests(f"new {id_}") for id_ in ids[::2]}
    await storage.commit(commit)
    memory.apply(commit, {})
    pages = [await storage.outcomes("run-1", 150, cursor) for cursor in (None, "149")]
    assert [one for page, _ in pages for one, at in page if at == LATER] == given
    for stored in (await storage.load_project(PROJECT)).entities:
        kept = memory.entity(stored.id)
        assert (stored.last_outcome, stored.updated_at, stored.digests) == (
            kept.last_outcome,
            kept.updated_at,
            kept.digests,
        )


async def test_a_pointer_that_moved_is_where_it_was_put_once_its_reference_is_put_whole(
    storage: SqliteStorage,
) -> None:
    await storage.commit(
        creation(["mara", "sh010"], references_put=[reference("r1", "mara", "sh010")])
    )
    await storage.commit(step(versions=[version("mara", 2), version("mara", 3)]))
    await storage.commit(step(pointers={"r1": 3}))
    await storage.commit(step(references_put=[reference("r1", "mara", "sh010", version=2)]))
    assert [one.version for one in (await storage.load_project(PROJECT)).references] == [2]
    await storage.commit(step(pointers={"r1": 3}))
    await storage.commit(step(references_removed=["r1"]))
    await storage.commit(step(references_put=[reference("r1", "mara", "sh010")]))
    assert [one.version for one in (await storage.load_project(PROJECT)).references] == [1]
