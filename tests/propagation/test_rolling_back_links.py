"""A whole run taken back, and links that it or somebody made: moved, pinned, gone since."""

from __future__ import annotations

import asyncio
from typing import Any

from server.propagation.links import NewReference
from server.services import entities
from tests.propagation.film import ME, fields_of, film, hashes
from tests.propagation.test_coalescing import change
from tests.propagation.test_engine import after_commits, rule, with_rules


async def test_links_that_collide_wait_and_are_settled_as_either_side_has_them() -> None:
    async with film() as (system, owner):
        await system.create_entity("prop", "Lamp", id="lamp")
        made, result = await system.add_reference("lamp", "sh2")
        await entities.relink(owner, made["id"], ME, overrides={"age": 50}, wait=None)
        back = await system.rollback_run(result.run_id or "")
        (one,) = back.conflicts
        assert (one["field"], one["theirs"], one["ours"]["id"]) == (
            "@references", None, made["id"],
        )  # fmt: skip
        done = await system.resolve_conflict(one["id"], "theirs")
        assert done.propagation.status == "success"
        references = (await system.get_entity("sh2"))["references"]
        assert made["id"] not in [one["id"] for one in references]


async def test_a_link_is_taken_back_and_comes_again() -> None:
    async with film() as (system, owner):
        await system.create_entity("prop", "Lamp", {"colour": "#111111"}, id="lamp")
        before = await hashes(system, "sh1", "seq1")
        overridden = NewReference("lamp", overrides={"colour": "#999999"})
        _, result = await entities.link(owner, "sh1", overridden, ME, None)
        linked = await hashes(system, "sh1", "seq1")
        back = await system.rollback_run(result.run_id or "")
        assert back.status == "success"
        assert await hashes(system, "sh1", "seq1") == before
        again = await system.rollback_run(back.run_id or "")
        assert again.status == "success"
        assert await hashes(system, "sh1", "seq1") == linked
        references = (await system.get_entity("sh1"))["references"]
        lamp = next(one for one in references if one["source"] == "lamp")
        assert lamp["overrides"] == {"colour": "#999999"}


async def test_a_link_that_was_changed_since_is_a_conflict() -> None:
    async with film() as (system, owner):
        await system.create_entity("prop", "Lamp", {"colour": "#111111"}, id="lamp")
        made, result = await entities.link(owner, "sh1", NewReference("lamp"), ME, None)
        changed = {"colour": "#222222"}
        await entities.relink(owner, made["id"], ME, overrides=changed, wait=None)
        back = await system.rollback_run(result.run_id or "")
        assert (back.status, fields_of(back.conflicts)) == ("conflict", ["@references"])
        assert back.conflicts[0]["ours"]["overrides"] == changed
        assert back.conflicts[0]["theirs"] is None


async def test_a_link_whose_source_is_gone_cannot_come_again() -> None:
    async with film() as (system, owner):
        await system.create_entity("prop", "Lamp", id="lamp")
        made, _ = await entities.link(owner, "sh1", NewReference("lamp"), ME, None)
        result = await entities.unlink(owner, made["id"], ME, None)
        await entities.delete_entity(owner, "lamp", ME, force=False, wait=None)
        back = await system.rollback_run(result.run_id or "")
        assert (back.status, fields_of(back.conflicts)) == ("conflict", ["@references"])
        assert back.conflicts[0]["type"] == "dependency_conflict"


async def test_a_shot_that_was_moved_stands_where_it_stood() -> None:
    async with film() as (system, owner):
        await system.create_entity("sequence", "Two", id="seq2")
        before = await hashes(system, "seq1", "seq2")
        (stands,) = (one for one in owner.state.inputs("seq1").values() if one.source == "sh1")
        _, result = await entities.link_many(
            owner, [("seq2", NewReference("sh1"))], [stands.id], ME, None
        )
        assert await hashes(system, "seq1", "seq2") != before
        back = await system.rollback_run(result.run_id or "")
        assert back.status == "success"
        assert await hashes(system, "seq1", "seq2") == before
        assert [one.source for one in owner.state.inputs("seq2").values()] == []
        again = await system.rollback_run(back.run_id or "")
        assert again.status == "success"
        assert [one.source for one in owner.state.inputs("seq2").values()] == ["sh1"]


async def test_links_of_a_run_that_took_over_another_are_taken_back_together() -> None:
    async with film() as (system, owner):
        await system.create_test_shots(200, "coat")
        await system.create_entity("sequence", "Two", id="seq2")
        before = await hashes(system, "seq2")
        made: list[asyncio.Task[Any]] = []

        async def behind(commit: Any) -> None:
            if commit.outcomes and not made:
                for shot in ("sh1", "sh2"):
                    work = entities.link(owner, "seq2", NewReference(shot), ME, None)
                    made.append(asyncio.ensure_future(work))

        after_commits(owner, behind)
        await change(owner, "coat", colour="#222222")
        (_, older), (_, newer) = await asyncio.gather(*made)
        assert older.superseded_run_id is not None
        back = await system.rollback_run(newer.run_id)
        assert back.status == "success"
        assert await hashes(system, "seq2") == before
        assert list(owner.state.inputs("seq2")) == []


async def test_what_a_rule_pinned_follows_again() -> None:
    async with film() as (system, owner):
        before = await hashes(system, "sh1", "coat")
        pins = rule("keep", "pin", source_kinds=["character"])
        await with_rules(owner, pins, rule("all", "update"))
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        assert result.counts["pinned"] == 3
        policies = {one["policy"] for one in (await system.get_entity("sh1"))["references"]}
        assert policies == {"pinned", "latest"}
        back = await system.rollback_run(result.run_id or "")
        assert back.status == "success"
        assert await hashes(system, "sh1", "coat") == before
        for id_ in ("sh1", "sh2", "coat"):
            references = (await system.get_entity(id_))["references"]
            assert {one["policy"] for one in references} == {"latest"}
        await with_rules(owner, rule("all", "update"))
        await system.propagate_asset_change("mara", {"hair": "#444444"})
        shown = await system.get_resolved("sh1")
        mara = next(one for one in shown["references"] if one["source"] == "mara")
        assert mara["fields"]["hair"] == "#444444"


async def test_a_pin_that_somebody_made_since_stays() -> None:
    async with film() as (system, owner):
        await with_rules(owner, rule("keep", "pin", target_kinds=["shot"]), rule("all", "update"))
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        (pin,) = (one for one in owner.state.inputs("sh1").values() if one.source == "mara")
        await entities.relink(owner, pin.id, ME, policy="pinned", version=2, wait=None)
        back = await system.rollback_run(result.run_id or "")
        assert back.status == "success"
        kept = owner.state.references[pin.id]
        assert (kept.policy, kept.version, kept.pinned_by) == ("pinned", 2, "mara")
