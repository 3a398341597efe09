"""What the random histories found, one by one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.domain.commit import Commit
from server.propagation.links import NewReference
from server.services import entities
from server.system import AssetPropagationSystem
from server.verify import verify_project
from tests.batches import small_batches
from tests.propagation.test_engine import ME, after_commits


async def test_a_restored_reference_makes_no_cycle_after_a_restart(tmp_path: Path) -> None:
    """It stayed away at first, and came back when the project was loaded again."""
    async with AssetPropagationSystem("film", tmp_path / "film.db") as system:
        hero = (await system.create_entity("character", "Mara"))["id"]
        coat = (await system.create_entity("wardrobe", "Coat"))["id"]
        hat = (await system.create_entity("wardrobe", "Hat"))["id"]
        await system.add_reference(hero, coat)
        await system.add_reference(hat, hero)
        owner = await system.owner()
        await entities.delete_entity(owner, hero, ME, force=True, wait=None)
        await system.add_reference(coat, hat)
        await entities.restore_entity(owner, hero, ME, wait=None)
        before = {one.id for one in owner.state.references.values()}
        await system.close()
        after = (await system.owner()).state.references
        assert {one.id for one in after.values()} == before
        assert len(before) == 2


async def test_a_sequence_looks_like_what_it_holds_when_a_run_was_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It kept its old hash, although some of its shots had changed."""
    small_batches(monkeypatch, 1)
    async with AssetPropagationSystem("film") as system:
        owner = await system.owner()
        hero = await system.create_entity("character", "Mara", {"description": "a"})
        shots = [one["id"] for one in await system.create_test_shots(5, hero["id"])]
        uses = [{"source": shot} for shot in shots]
        sequence = await system.create_entity("sequence", "One", references=uses)
        cancelling: list[asyncio.Task[None]] = []

        async def cancel(commit: Commit) -> None:
            run = owner.engine.known(commit.run.id) if commit.run and commit.outcomes else None
            if run is not None and not cancelling:
                cancelling.append(asyncio.create_task(owner.engine.cancel(run)))

        after_commits(owner, cancel)
        result = await system.propagate_asset_change(hero["id"], {"description": "b"})
        assert result.counts["cancelled"]
        assert (await system.get_resolved(sequence["id"]))["hash"] != sequence["hash"]
        wrong: list[str] = []
        await verify_project(owner.storage, "film", wrong.append)
        assert not wrong


async def test_what_comes_back_without_what_it_used_says_so_in_a_version() -> None:
    """Its current version still named what it used, and whatever used it in turn showed that."""
    async with AssetPropagationSystem("film") as system:
        for kind, id_ in (("character", "mara"), ("character", "otto"), ("style", "noir")):
            await system.create_entity(kind, id_.title(), id=id_)
        await system.add_reference("mara", "otto")
        await system.add_reference("noir", "mara")
        owner = await system.owner()
        await entities.delete_entity(owner, "mara", ME, force=True, wait=None)
        await system.add_reference("otto", "noir")
        await entities.restore_entity(owner, "mara", ME, wait=None)
        mara = owner.state.entities["mara"].current
        assert (mara.number, mara.references) == (3, ())
        assert mara.message == "Restored without Noir"
        assert [one.version for one in owner.state.entities["otto"].current.references] == [3]
        wrong: list[str] = []
        await verify_project(owner.storage, "film", wrong.append)
        assert not wrong


async def test_what_comes_back_after_what_it_used_says_so_in_a_version() -> None:
    """It used it once more, and its current version said that it did not."""
    async with AssetPropagationSystem("film") as system:
        for id_ in ("mara", "otto"):
            await system.create_entity("character", id_.title(), id=id_)
        await system.add_reference("mara", "otto")
        owner = await system.owner()
        for id_ in ("mara", "otto"):
            await entities.delete_entity(owner, id_, ME, force=True, wait=None)
        for id_ in ("mara", "otto"):
            await entities.restore_entity(owner, id_, ME, wait=None)
        otto = owner.state.entities["otto"].current
        assert [one.source for one in otto.references] == ["mara"]
        assert otto.message == "Restored with Mara"
        wrong: list[str] = []
        await verify_project(owner.storage, "film", wrong.append)
        assert not wrong


async def test_references_come_back_in_the_same_order_whether_or_not_it_was_restarted(
    tmp_path: Path,
) -> None:
    """Of two that exclude each other, chance had decided which one came back."""
    kept = set()
    for restarted in (False, True):
        path = tmp_path / f"{restarted}.db"
        async with AssetPropagationSystem("film", path) as system:
            owner = await system.owner()
            for id_ in ("a", "b", "hub"):
                await system.create_entity("prop", id_, id=id_)
            for number, (source, target) in enumerate((("hub", "b"), ("a", "hub"))):
                new = NewReference(source, id=f"ref{number}")
                await entities.link(owner, target, new, ME, wait=None)
            await entities.delete_entity(owner, "hub", ME, force=True, wait=None)
            await entities.link(owner, "a", NewReference("b", id="ref2"), ME, wait=None)
            if restarted:
                await system.close()
                owner = await system.owner()
            await entities.restore_entity(owner, "hub", ME, wait=None)
            kept.add(tuple(sorted(owner.state.references)))
    assert kept == {("ref0", "ref2")}


async def test_a_field_that_shows_from_now_on_makes_another_state() -> None:
    """The prompt differed, and the hash was the same: sequences were told that nothing changed."""
    async with AssetPropagationSystem("film") as system:
        await system.create_entity("wardrobe", "Coat", {"mood": "grim"}, id="coat")
        uses = [{"source": "coat", "overrides": {"mood": "grim"}}]
        await system.create_entity("shot", "sh010", id="sh010", references=uses)
        await system.create_entity("sequence", "1", id="seq1", references=[{"source": "sh010"}])
        before = await system.get_resolved("sh010")
        result = await system.propagate_asset_change("coat", {"visual_changes": {"mood": "light"}})
        after = await system.get_resolved("sh010")
        assert after["prompt"] != before["prompt"]
        assert after["visual_hash"] != before["visual_hash"]
        assert after["hash"] != before["hash"]
        assert result.counts == {"updated": 2}
