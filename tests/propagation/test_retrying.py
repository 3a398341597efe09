"""Retrying and cancelling: what failed is gone over again, and nothing besides; a cancelled run
leaves a whole project.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import Conflict, NotFound
from server.domain.actors import Actor
from server.domain.runs import Outcome
from server.ports import AuditFilter, Storage
from server.propagation.project import ProjectOwner
from server.propagation.runs import Progress
from server.services import entities, runs
from server.storage import SqliteStorage
from server.system import AssetPropagationSystem
from server.verify import verify_project
from tests.faults import break_dependents
from tests.propagation.test_coalescing import change
from tests.propagation.test_engine import after_commits

ME = Actor("mara", "test")
OTHER = Actor("tom", "test")


@pytest.fixture
def broken() -> Iterator[set[str]]:
    """The ids in here fail in every run."""
    ids: set[str] = set()
    mend = break_dependents(lambda: ids)
    yield ids
    mend()


async def verify(storage: Storage) -> list[str]:
    """What is wrong with what is stored."""
    wrong: list[str] = []
    await verify_project(storage, "film", wrong.append)
    return wrong


@asynccontextmanager
async def film(
    path: Path | None = None, shots: int = 60
) -> AsyncIterator[tuple[AssetPropagationSystem, ProjectOwner]]:
    """Mara wears a coat, and many shots show the coat; two sequences hold half of them each."""
    async with AssetPropagationSystem("film", path) as system:
        owner = await system.owner()
        await system.create_entity("character", "Mara", {"hair": "#111111"}, id="mara")
        uses = [{"source": "mara"}]
        await system.create_entity("wardrobe", "Coat", id="coat", references=uses)
        made = await system.create_test_shots(shots, "coat")
        for name, part in (("one", made[::2]), ("two", made[1::2])):
            stand = [{"source": shot["id"]} for shot in part]
            await system.create_entity("sequence", name, id=name, references=stand)
        yield system, owner


async def reached(owner: ProjectOwner, run_id: str) -> dict[str, Outcome]:
    """What a run did, by dependent; each of them once."""
    found, cursor = await owner.storage.outcomes(run_id, 10_000, None)
    assert cursor is None
    by_id = {outcome.entity_id: outcome for outcome, _ in found}
    assert len(by_id) == len(found)
    return by_id


async def test_a_retry_touches_what_failed_and_what_hangs_on_it(broken: set[str]) -> None:
    async with film() as (system, owner):
        broken |= {"shot-00001", "shot-00003"}
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        assert result.counts == {"updated": 61, "failed": 2}
        assert result.requires_intervention
        failed = (await reached(owner, result.run_id or ""))["shot-00001"]
        assert "is broken for a test" in failed.reason
        broken.clear()
        again = await system.retry_run(result.run_id or "")
        assert (again["status"], again["retry_of"]) == ("done", result.run_id)
        assert again["asset_ids"] == ["mara"]
        done = await reached(owner, again["id"])
        # Both shots stand in the first sequence: the second one is not touched.
        assert {id_: one.outcome for id_, one in done.items()} == {
            "shot-00001": "updated",
            "shot-00003": "updated",
            "one": "updated",
        }
        assert again["total"] == again["processed"] == 3
        assert not (await system.get_entity("shot-00001"))["stale"]
        entries, _ = await owner.storage.audit("film", AuditFilter(run_id=result.run_id), 10, None)
        assert entries[0].action == "run_retried"
        assert entries[0].detail == {"by": again["id"]}


async def test_a_retry_of_an_asset_in_between_reaches_all_that_is_built_on_it(
    broken: set[str],
) -> None:
    async with film() as (system, owner):
        broken.add("coat")
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        assert result.counts == {"failed": 1, "unchanged": 62}
        broken.clear()
        again = await system.retry_run(result.run_id or "")
        assert again["counts"] == {"updated": 63}
        assert await verify(owner.storage) == []


async def test_what_fails_again_can_be_retried_again(broken: set[str]) -> None:
    async with film() as (system, owner):
        broken |= {"shot-00001", "shot-00002"}
        first = await system.propagate_asset_change("mara", {"hair": "#222222"})
        broken.remove("shot-00002")
        second = await system.retry_run(first.run_id or "")
        assert second["counts"] == {"updated": 2, "failed": 1, "unchanged": 1}
        broken.clear()
        third = await system.retry_run(second["id"])
        assert (third["retry_of"], third["counts"]) == (second["id"], {"updated": 2})
        # Taking back a retry takes back the change.
        back = await system.rollback_run(third["id"])
        assert back.status == "success"
        assert (await system.get_entity("mara"))["fields"]["hair"] == "#111111"
        assert await verify(owner.storage) == []


async def test_where_nothing_failed_there_is_nothing_to_retry(broken: set[str]) -> None:
    async with film() as (system, owner):
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        with pytest.raises(Conflict, match="Nothing failed in this run"):
            await system.retry_run(result.run_id or "")
        broken.add("shot-00001")
        result = await system.propagate_asset_change("mara", {"hair": "#333333"})
        await entities.delete_entity(owner, "shot-00001", ME, force=True, wait=None)
        with pytest.raises(Conflict, match="What failed in this run is deleted"):
            await system.retry_run(result.run_id or "")
        with pytest.raises(NotFound):
            await system.retry_run("run-nothing")
        assert owner.engine.queued == 0


async def test_a_run_on_its_way_is_not_retried_and_a_retry_only_once(broken: set[str]) -> None:
    async with film(shots=300) as (system, owner):
        broken.add("shot-00001")
        tried: list[asyncio.Task[Any]] = []

        async def try_it(commit: Any) -> None:
            if commit.outcomes and not tried:
                tried.append(asyncio.create_task(system.retry_run(commit.run.id)))

        after_commits(owner, try_it)
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        with pytest.raises(Conflict, match=r"running.*retried when it has ended"):
            await tried[0]
        both = await asyncio.gather(
            *(system.retry_run(result.run_id or "") for _ in range(2)), return_exceptions=True
        )
        (refused,) = (one for one in both if isinstance(one, Conflict))
        assert "is going over the failures of this run already" in refused.detail


async def test_a_run_that_an_error_ends_leaves_failures_that_can_be_retried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with film(shots=300) as (system, owner):
        commit = owner.storage.commit
        frames: list[Any] = []
        monkeypatch.setattr(owner, "tell", lambda frame, concerns=None: frames.append(frame))

        async def failing(one: Any) -> None:
            if one.run is not None and one.run.processed > 100 and one.outcomes:
                monkeypatch.setattr(owner.storage, "commit", commit)
                raise ValueError("a row that nobody foresaw")
            await commit(one)

        monkeypatch.setattr(owner.storage, "commit", failing)
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        run = await system.get_run(result.run_id or "")
        assert (run["status"], run["error"]) == ("failed", "ValueError: a row that nobody foresaw")
        assert run["processed"] == run["total"] == 303
        assert run["counts"]["failed"] > 100
        assert (frames[-1]["run_id"], frames[-1]["status"]) == (run["id"], "failed")
        assert await verify(owner.storage) == []
        again = await system.retry_run(run["id"])
        assert again["counts"]["updated"] >= run["counts"]["failed"]
        assert not (await system.get_entity("shot-00299"))["stale"]
        assert await verify(owner.storage) == []


# -- cancelling ------------------------------------------------------------------------------------


async def cancelled(system: AssetPropagationSystem, owner: ProjectOwner) -> dict[str, Any]:
    """A run that was cancelled when it had done a part."""
    asked: list[asyncio.Task[Any]] = []

    async def cancel(commit: Any) -> None:
        if commit.outcomes and not asked:
            run = owner.engine.known(commit.run.id)
            assert run is not None
            asked.append(asyncio.create_task(runs.cancel_run(owner, run, OTHER, None)))

    after_commits(owner, cancel)
    result = await system.propagate_asset_change("mara", {"hair": "#222222"})
    await asked[0]
    return await system.get_run(result.run_id or "")


async def test_a_cancelled_run_leaves_sequences_that_are_what_they_hold(tmp_path: Path) -> None:
    async with film(tmp_path / "film.db", 300) as (system, owner):
        run = await cancelled(system, owner)
        assert run["status"] == "cancelled"
        done = await reached(owner, run["id"])
        assert len(done) == run["processed"] == run["total"] == 303
        assert {one.outcome for one in done.values()} == {"updated", "cancelled"}
        assert done["one"].outcome == "updated"
        assert done["one"].reason == "holds what was reached before the run ended"
        entries, _ = await owner.storage.audit("film", AuditFilter(run_id=run["id"]), 50, None)
        (asked,) = (one for one in entries if one.action == "run_cancelled")
        assert asked.actor == "tom"
    storage = await SqliteStorage.open(tmp_path / "film.db")
    assert await verify(storage) == []
    await storage.close()


async def test_what_a_run_was_cancelled_before_can_be_retried() -> None:
    async with film(shots=300) as (system, owner):
        run = await cancelled(system, owner)
        again = await system.retry_run(run["id"])
        left = {i for i, one in (await reached(owner, run["id"])).items() if one.outcome[0] == "c"}
        assert set(await reached(owner, again["id"])) == left | {"one", "two"}
        assert not (await system.get_entity("shot-00299"))["stale"]


async def test_a_run_that_waits_is_cancelled_when_its_turn_comes() -> None:
    async with film(shots=300) as (system, owner):
        made: list[Any] = []

        async def behind(commit: Any) -> None:
            if commit.outcomes and not made:
                made.append(change(owner, "coat", colour="#222222"))
            if commit.run is not None and commit.run.roots[0].asset_id == "coat" and len(made) == 1:
                made.append(asyncio.create_task(system.cancel_run(commit.run.id)))

        after_commits(owner, behind)
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        result, run = await asyncio.gather(*made)
        assert (run["status"], run["counts"]) == ("cancelled", {"cancelled": 302})
        assert result.counts == {"cancelled": 302}


# -- progress --------------------------------------------------------------------------------------


def test_there_are_ten_frames_a_second_at_most_and_the_first_estimates_nothing() -> None:
    from tests.storage.factories import run as some_run

    run, now = some_run(total=1000, processed=0), 0.0
    told: list[tuple[float, dict[str, Any]]] = []
    progress = Progress(run, lambda: now, lambda frame: told.append((now, dict(frame))))
    while run.processed < run.total:
        now += 0.007
        run.processed += 2
        progress.step("batch")
    run.status = "done"
    progress.finish("batch")
    times = [at for at, _ in told]
    for at in times:
        assert sum(at <= other < at + 1 for other in times) <= 10
    estimates = [frame["eta"] for _, frame in told]
    assert estimates[0] is None
    for (at, _), eta in list(zip(told, estimates, strict=True))[1:-1]:
        assert eta == pytest.approx(3.5 - at, abs=0.05)
    shares = [frame["progress"] for _, frame in told]
    assert shares == sorted(shares)
    assert (shares[-1], told[-1][1]["status"], estimates[-1]) == (100, "done", 0)


def test_progress_never_goes_back_when_more_is_to_be_reached() -> None:
    from tests.storage.factories import run as some_run

    run, now = some_run(total=100, processed=0), 0.0
    told: list[int] = []
    progress = Progress(run, lambda: now, lambda frame: told.append(frame["progress"]))
    for processed, total in ((50, 100), (60, 200), (200, 200)):
        now += 1
        run.processed, run.total = processed, total
        progress.step("batch")
    assert told == [50, 50, 99]
