"""Runs on the real owner and the real store: what a reviewer broke stays mended."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import Conflict, Invalid, Unavailable
from server.domain.actors import Actor
from server.domain.commit import Commit
from server.domain.runs import Run
from server.propagation import engine, execution
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services import changes, entities
from server.system import AssetPropagationSystem

ME = Actor("mara", "test")


async def with_rules(owner: ProjectOwner, *rules: Mapping[str, Any]) -> None:
    async with owner.step(ME) as tx:
        tx.put_project(replace(owner.state.record, rules=rules))


def rule(name: str, verdict: str, **conditions: Sequence[str]) -> dict[str, Any]:
    return {"id": name, "name": name, "verdict": verdict, **conditions}


def after_commits(owner: ProjectOwner, hook: Callable[[Commit], Awaitable[None]]) -> None:
    """Call a hook when a commit is durable, before it is applied."""
    commit = owner.storage.commit

    async def hooked(one: Commit) -> None:
        await commit(one)
        await hook(one)

    setattr(owner.storage, "commit", hooked)  # noqa: B010 - a method of a protocol


async def test_a_rule_decides_for_each_reference_alone() -> None:
    async with AssetPropagationSystem("film") as system:
        style = await system.create_entity("style", "Noir", {"description": "a"})
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        uses = [{"source": style["id"]}, {"source": hero["id"]}]
        shot = await system.create_entity("shot", "sh010", references=uses)
        no_character = rule("no characters", "block", source_kinds=["character"])
        await with_rules(await system.owner(), no_character, rule("all", "update"))
        result = await system.propagate_batch(
            [(style["id"], {"description": "b"}), (hero["id"], {"description": "b"})]
        )
        assert result.counts == {"blocked": 1}
        shown = await system.get_entity(shot["id"])
        versions = {one["source"]: one["version"] for one in shown["references"]}
        assert versions == {style["id"]: 2, hero["id"]: 1}
        assert "Mara v2 must not reach this" in shown["last_outcome"]["reason"]


async def test_a_later_change_carries_no_earlier_one_past_its_rule() -> None:
    async with AssetPropagationSystem("film") as system:
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        shot = await system.create_entity("shot", "sh010", references=[{"source": hero["id"]}])
        asks = rule("looks ask", "require_approval", change_classes=["visual"])
        await with_rules(await system.owner(), asks, rule("all", "update"))
        await system.propagate_asset_change(hero["id"], {"description": "not approved"})
        await system.propagate_asset_change(hero["id"], {"notes": "only a note"})
        shown = await system.get_resolved(shot["id"])
        assert shown["references"][0]["fields"]["description"] == "a"


async def test_what_is_linked_during_a_run_ends_up_to_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execution, "FIRST_BATCH", 2)
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        root = await system.create_entity("character", "Root", {"description": "a"})
        coat = await system.create_entity(
            "wardrobe", "Coat", {"description": "a"}, references=[{"source": root["id"]}]
        )
        clasp = await system.create_entity(
            "prop", "Clasp", {"description": "a"}, references=[{"source": coat["id"]}]
        )
        shots = await system.create_test_shots(150, root["id"])
        first = shots[0]["id"]
        linking: list[asyncio.Task[Any]] = []

        async def link_in_the_midst(commit: Commit) -> None:
            reached = {one.entity_id for one in commit.outcomes}
            if first in reached and clasp["id"] not in reached and not linking:
                new = NewReference(clasp["id"])
                linking.append(asyncio.create_task(entities.link(owner, first, new, ME, wait=None)))

        after_commits(owner, link_in_the_midst)
        await system.propagate_asset_change(root["id"], {"description": "b"})
        assert linking, "the run was too quick to be interrupted"
        await linking[0]
        for run in await owner.storage.runs("film", 10):
            await owner.engine.wait(run.id, 10)
        shown = await system.get_entity(first)
        versions = {one["source"]: one["version"] for one in shown["references"]}
        assert versions == {root["id"]: 2, clasp["id"]: 2}
        assert not shown["stale"]


async def test_a_restored_asset_embeds_what_it_resolves_to() -> None:
    async with AssetPropagationSystem("film") as system:
        hero = await system.create_entity("character", "Mara", {"description": "old"})
        coat = await system.create_entity("wardrobe", "Coat", references=[{"source": hero["id"]}])
        shot = await system.create_entity("shot", "sh010", references=[{"source": coat["id"]}])
        owner = await system.owner()
        await entities.delete_entity(owner, coat["id"], ME, force=True, wait=None)
        await system.propagate_asset_change(hero["id"], {"description": "new"})
        await entities.restore_entity(owner, coat["id"], ME, wait=None)
        shown = await system.get_resolved(shot["id"])
        below = shown["references"][0]["references"][0]
        assert below["fields"]["description"] == "new"
        assert not shown["stale"]


async def test_a_caller_that_goes_away_leaves_no_run_behind() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        shot = await system.create_entity("shot", "sh010", references=[{"source": hero["id"]}])

        async def go_away(commit: Commit) -> None:
            if commit.run is not None and commit.run.status == "queued":
                calling.cancel()

        after_commits(owner, go_away)
        calling = asyncio.ensure_future(
            system.propagate_asset_change(hero["id"], {"description": "b"})
        )
        with pytest.raises(asyncio.CancelledError):
            await calling
        run = (await owner.storage.runs("film", 1))[0]
        assert await owner.engine.wait(run.id, 10)
        assert not (await system.get_entity(shot["id"]))["stale"]


async def test_a_run_waits_for_a_store_that_fails_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "FIRST_PAUSE", 0.01)
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        await system.create_test_shots(300, hero["id"])
        failures = 0

        async def fail_twice(commit: Commit) -> None:
            nonlocal failures
            if commit.outcomes and failures < 2:
                failures += 1
                raise Unavailable("the disk is full")

        commit = owner.storage.commit

        async def failing(one: Commit) -> None:
            await fail_twice(one)
            await commit(one)

        setattr(owner.storage, "commit", failing)  # noqa: B010 - a method of a protocol
        result = await system.propagate_asset_change(hero["id"], {"description": "b"})
        assert failures == 2
        assert (result.status, dict(result.counts)) == ("success", {"updated": 300})


async def test_a_cancelled_run_stays_cancelled_through_a_crash(tmp_path: Path) -> None:
    file, copy = tmp_path / "film.db", tmp_path / "copy"
    async with AssetPropagationSystem("film", file) as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        await system.create_test_shots(700, hero["id"])

        async def cancel_and_copy(commit: Commit) -> None:
            run = commit.run
            if run is not None and run.status == "running":
                known = owner.engine.known(run.id)
                assert isinstance(known, Run)
                cancelling.append(asyncio.create_task(owner.engine.cancel(known)))
            if commit.outcomes and commit.outcomes[0].outcome == "cancelled" and not copy.exists():
                copy.mkdir()
                for part in tmp_path.glob("film.db*"):
                    shutil.copy(part, copy)

        cancelling: list[asyncio.Task[None]] = []
        after_commits(owner, cancel_and_copy)
        await system.propagate_asset_change(hero["id"], {"description": "b"})
    async with AssetPropagationSystem("film", copy / "film.db") as system:
        owner = await system.owner()
        run = (await owner.storage.runs("film", 1))[0]
        assert await owner.engine.wait(run.id, 10)
        run = await owner.storage.run(run.id)
        assert run.status == "cancelled"
        assert run.processed == run.total == 700
        assert sum(run.counts.values()) == 700


async def test_a_stale_base_conflicts_over_name_and_status_too() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara")
        await entities.patch_entity(owner, hero["id"], ME, name="Mara Lind", status="final")
        result = await entities.patch_entity(
            owner, hero["id"], ME, name="Mara L.", status="review", base_version=1
        )
        assert result.status == "conflict"
        assert [one["field"] for one in result.conflicts] == ["@name", "@status"]
        assert (await system.get_entity(hero["id"]))["name"] == "Mara Lind"


async def test_a_project_is_created_once() -> None:
    async with AssetPropagationSystem("other") as system:
        await system.owner()
        projects = system._projects
        assert projects is not None
        made = await asyncio.gather(
            *(projects.create(name, "film", ME) for name in ("One", "Two")),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Conflict) for one in made) == 1


async def test_a_rollback_that_changes_nothing_touches_nothing() -> None:
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        before = owner.seq
        result = await changes.rollback_to_version(owner, hero["id"], 1, ME)
        assert (result.success, result.affected_entities) == (True, 0)
        assert owner.seq == before


@pytest.mark.parametrize("change", [None, ["colour"], "colour", 5])
async def test_what_is_no_change_is_invalid(change: Any) -> None:
    async with AssetPropagationSystem("film") as system:
        hero = await system.create_entity("character", "Mara")
        for act in (system.propagate_asset_change, system.calculate_change_impact):
            with pytest.raises(Invalid) as refused:
                await act(hero["id"], change)
            assert [one.field for one in refused.value.errors] == ["change_data"]
