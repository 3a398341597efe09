"""Coalescing: a newer run takes over those that wait; nothing of history is lost by that."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotFound
from server.domain.actors import Actor
from server.domain.runs import Run
from server.ports import AuditFilter
from server.propagation.project import ProjectOwner
from server.services import changes, runs
from server.services.answers import PropagationResult
from server.system import AssetPropagationSystem
from tests.propagation.test_engine import after_commits

ME = Actor("mara", "test")
Changes = Sequence[tuple[str, Mapping[str, Any]]]
Changing = asyncio.Task[PropagationResult]


@asynccontextmanager
async def busy(
    path: Path | None = None, shots: int = 200
) -> AsyncIterator[tuple[AssetPropagationSystem, ProjectOwner]]:
    """A hero in many shots and a coat in one, with a run that has just committed a batch."""
    async with AssetPropagationSystem("film", path) as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"}, id="mara")
        coat = await system.create_entity("wardrobe", "Coat", {"colour": "#111111"}, id="coat")
        uses = [{"source": hero["id"]}, {"source": coat["id"]}]
        await system.create_entity("shot", "Both", id="both", references=uses)
        await system.create_test_shots(shots, hero["id"])
        yield system, owner


def change(owner: ProjectOwner, asset: str, wait: float | None = None, **fields: Any) -> Changing:
    work = changes.propagate_asset_change(owner, asset, fields, ME, wait=wait)
    return asyncio.ensure_future(work)


async def queued(owner: ProjectOwner, number: int) -> list[Run]:
    """The last so many runs, oldest first."""
    found = list(await owner.storage.runs("film", number))
    return found[::-1]


async def while_running(owner: ProjectOwner, *wanted: tuple[str, Mapping[str, Any]]) -> list[Any]:
    """Change the hero, and make further changes behind it while that run is under way."""
    made: list[Changing] = []

    async def behind(commit: Any) -> None:
        if commit.outcomes and not made:
            made.extend(change(owner, asset, **fields) for asset, fields in wanted)

    after_commits(owner, behind)
    await change(owner, "mara", description="first")
    assert made, "the run was over before anything came"
    return list(await asyncio.gather(*made))


async def test_a_waiting_run_is_taken_over_by_the_next_change_of_its_asset() -> None:
    async with busy() as (system, owner):
        wanted = [("mara", {"notes": "older"}), ("mara", {"description": "last"})]
        second, third = await while_running(owner, *wanted)
        older, newer = (await queued(owner, 3))[1:]
        assert (older.status, older.superseded_by) == ("superseded", newer.id)
        assert (newer.status, newer.superseded_by) == ("done", None)
        # The newer one covers what the older one was to do.
        assert [tuple(root) for root in newer.roots] == [("mara", 2, 4)]
        assert newer.classes == ("metadata", "visual")
        assert older.finished_at is not None
        assert older.counts == {"superseded": older.total}
        # Whoever waited for the older one is answered by the newer one.
        assert second.run_id == third.run_id == newer.id
        assert second.superseded_run_id == older.id
        assert third.superseded_run_id is None
        assert (second.version, third.version) == ("mara_v3", "mara_v4")
        assert second.counts == third.counts == newer.counts
        assert sum(newer.counts.values()) == newer.total == 201
        # Nothing of history is lost.
        page, _ = await owner.storage.versions("film", "mara", 10, None)
        assert [one.number for one in page] == [4, 3, 2, 1]
        entries, _ = await owner.storage.audit("film", AuditFilter(run_id=older.id), 10, None)
        assert [one.action for one in entries] == ["run_superseded", "version_created"]
        assert entries[0].detail == {"by": newer.id}
        shown = await system.get_resolved("both")
        fields = {one["source"]: one["fields"] for one in shown["references"]}["mara"]
        assert (fields["notes"], fields["description"]) == ("older", "last")


async def test_a_run_of_another_asset_is_left_alone_and_one_of_several_takes_over_each() -> None:
    async with busy() as (system, owner):
        made: list[Changing] = []

        async def behind(commit: Any) -> None:
            if commit.outcomes and not made:
                made.append(change(owner, "mara", age=30))
                made.append(change(owner, "coat", colour="#222222"))
                both: Changes = [("coat", {"colour": "#333333"}), ("mara", {"age": 31})]
                work = changes.propagate_batch(owner, both, ME, wait=None)
                made.append(asyncio.ensure_future(work))

        after_commits(owner, behind)
        await change(owner, "mara", description="first")
        answers = await asyncio.gather(*made)
        first, second, third, last = await queued(owner, 4)
        assert [one.status for one in (first, second, third, last)] == [
            "done",
            "superseded",
            "superseded",
            "done",
        ]
        assert {second.superseded_by, third.superseded_by} == {last.id}
        assert sorted(last.roots) == [("coat", 1, 3), ("mara", 2, 4)]
        assert {one.run_id for one in answers} == {last.id}
        shown = await system.get_resolved("both")
        versions = {one["source"]: one["version"] for one in shown["references"]}
        assert versions == {"mara": 4, "coat": 3}


async def test_a_run_of_one_asset_does_not_take_over_one_of_two() -> None:
    async with busy() as (_, owner):
        made: list[Changing] = []

        async def behind(commit: Any) -> None:
            if commit.outcomes and not made:
                both: Changes = [("coat", {"colour": "#333333"}), ("mara", {"age": 31})]
                work = changes.propagate_batch(owner, both, ME, wait=None)
                made.append(asyncio.ensure_future(work))
                made.append(asyncio.ensure_future(after_that()))

        async def after_that() -> Any:
            while not owner.engine.queued:  # noqa: ASYNC110 - a few rounds of the loop
                await asyncio.sleep(0)
            return await change(owner, "mara", age=32)

        after_commits(owner, behind)
        await change(owner, "mara", description="first")
        await asyncio.gather(*made)
        assert [one.status for one in await queued(owner, 3)] == ["done", "done", "done"]


async def test_what_a_superseded_run_did_is_told_by_the_one_that_took_it_over() -> None:
    async with busy() as (_, owner):
        await while_running(owner, ("mara", {"age": 30}), ("mara", {"age": 31}))
        older, newer = (await queued(owner, 3))[1:]
        found = await runs.outcome_page(owner, older, 500, None)
        assert len(found["items"]) == older.total
        assert {one["outcome"] for one in found["items"]} == {"superseded"}
        assert all(newer.id in one["reason"] for one in found["items"])


async def test_a_takeover_that_is_not_committed_leaves_the_waiting_run_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with busy() as (_, owner):
        made: list[Changing] = []
        commit = owner.storage.commit

        async def failing(one: Any) -> None:
            if one.superseded:
                raise RuntimeError("the disk is gone")
            await commit(one)
            if one.outcomes and not made:
                made.extend(change(owner, "mara", age=age) for age in (30, 31))

        monkeypatch.setattr(owner.storage, "commit", failing)
        await change(owner, "mara", description="first")
        kept, lost = await asyncio.gather(*made, return_exceptions=True)
        assert isinstance(lost, RuntimeError)
        assert isinstance(kept, PropagationResult)
        assert (kept.status, kept.superseded_run_id) == ("success", None)
        assert [one.status for one in await queued(owner, 2)] == ["done", "done"]


async def test_a_takeover_lasts_through_a_crash(tmp_path: Path) -> None:
    file, copies = tmp_path / "film.db", {name: tmp_path / name for name in ("before", "after")}

    def copy(name: str) -> None:
        copies[name].mkdir()
        for part in tmp_path.glob("film.db*"):
            shutil.copy(part, copies[name])

    async with busy(file) as (_, owner):
        made: list[Changing] = []
        commit = owner.storage.commit

        async def watched(one: Any) -> None:
            if one.superseded:
                copy("before")
            await commit(one)
            if one.superseded:
                copy("after")
            if one.outcomes and not made:
                made.extend(change(owner, "mara", age=age) for age in (30, 31))

        setattr(owner.storage, "commit", watched)  # noqa: B010 - a method of a protocol
        await change(owner, "mara", description="first")
        await asyncio.gather(*made)
        whole = (await owner.storage.runs("film", 3))[0]
    for name, statuses in (("before", ["done", "done"]), ("after", ["done", "superseded", "done"])):
        async with AssetPropagationSystem("film", copies[name] / "film.db") as system:
            owner = await system.owner()
            for run in await owner.storage.runs("film", 10):
                assert await owner.engine.wait(run.id, 30)
            found = await queued(owner, len(statuses))
            assert [one.status for one in found] == statuses
            shown = await system.get_resolved("both")
            mara = next(one for one in shown["references"] if one["source"] == "mara")
            assert mara["fields"]["age"] == (31 if name == "after" else 30)
        if name == "after":
            assert found[1].superseded_by == found[2].id == whole.id
            assert found[2].counts == whole.counts


async def test_a_run_that_was_taken_over_just_as_it_began_does_nothing() -> None:
    async with busy() as (_, owner):

        async def too_late(commit: Any) -> None:
            if commit.run is not None and commit.run.status == "queued":
                commit.run.superseded_by = "run-newer"

        after_commits(owner, too_late)
        with pytest.raises(NotFound, match="run-newer"):  # that one is asked for
            await changes.propagate_asset_change(owner, "mara", {"notes": "x"}, ME, wait=10)
        (run,) = await queued(owner, 1)
        assert await owner.engine.wait(run.id, 10)
        assert await owner.storage.outcome_ids(run.id) == frozenset()
        assert owner.engine.queued == 0
