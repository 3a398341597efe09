"""A whole run taken back: under later edits, twice, over approvals and deletions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from protocol.errors import Conflict
from server.domain import drafts
from server.services import changes, entities
from tests.propagation.film import ME, fields_of, film, hashes
from tests.propagation.test_coalescing import change
from tests.propagation.test_engine import after_commits, rule, with_rules

Changes = Sequence[tuple[str, Mapping[str, Any]]]


async def test_everything_is_as_it_was_and_again_when_that_is_rolled_back() -> None:
    async with film() as (system, owner):
        all_ = ("mara", "coat", "sh1", "sh2", "seq1")
        before = await hashes(system, *all_)
        changed: Changes = [
            ("mara", {"hair": "#222222", "scar": "left"}),
            ("coat", {"colour": "#222222"}),
        ]
        result = await system.propagate_batch(changed)
        after = await hashes(system, *all_)
        assert not set(before) & set(after)
        assert result.run_id is not None
        back = await system.rollback_run(result.run_id, "too dark")
        assert (back.status, back.success) == ("success", True)
        assert back.run is not None
        assert back.run.rollback_of == result.run_id
        assert back.run.message == "too dark"
        assert back.versions == ("mara_v3", "coat_v4")  # the run itself had made coat v3
        assert await hashes(system, *all_) == before
        mara = (await owner.storage.versions("film", "mara", 1, None))[0][0]
        assert (mara.cause, mara.fields.get("scar")) == ("rollback", None)
        # A rollback is a run like any other: taking it back brings the change again.
        assert back.run_id is not None
        again = await system.rollback_run(back.run_id)
        assert again.status == "success"
        assert await hashes(system, *all_) == after


async def test_a_second_time_there_is_nothing_to_take_back() -> None:
    async with film() as (system, owner):
        result = await system.propagate_asset_change("mara", {"age": 31})
        assert result.run_id is not None
        first = await system.rollback_run(result.run_id)
        seq = owner.seq
        second = await system.rollback_run(result.run_id)
        assert first.run_id is not None
        assert (second.status, second.run_id, second.versions) == ("success", None, ())
        assert owner.seq == seq
        assert second.to_json()["status"] == "done"


async def test_later_edits_of_other_fields_stay() -> None:
    async with film() as (system, _):
        result = await system.propagate_asset_change("mara", {"age": 31, "name": "Mara Lind"})
        await system.propagate_asset_change("mara", {"hair": "#333333", "description": "Small"})
        back = await system.rollback_run(result.run_id or "")
        assert back.status == "success"
        mara = await system.get_entity("mara")
        assert (mara["name"], mara["fields"]["age"]) == ("Mara", 30)
        assert (mara["fields"]["hair"], mara["fields"]["description"]) == ("#333333", "Small")


async def test_what_was_set_since_is_a_conflict_and_nothing_at_all_is_applied() -> None:
    async with film() as (system, _):
        changed: Changes = [
            ("coat", {"colour": "#222222"}),
            ("mara", {"age": 31, "hair": "#222222", "description": "Tall and thin"}),
        ]
        result = await system.propagate_batch(changed)
        later = {"hair": "#333333", "description": "Tall, thin and wet"}
        await system.propagate_asset_change("mara", later)
        versions = (await system.get_entity("coat"))["version"]
        back = await system.rollback_run(result.run_id or "")
        assert (back.status, back.success, back.run_id) == ("conflict", False, None)
        assert {one["field"]: (one["ours"], one["theirs"]) for one in back.conflicts} == {
            "hair": ("#333333", "#111111"),
            "description": ("Tall, thin and wet", "Tall"),
        }
        assert {one["entity_id"] for one in back.conflicts} == {"mara"}
        assert (await system.get_entity("coat"))["version"] == versions
        assert (await system.get_entity("mara"))["fields"]["age"] == 31
        assert back.to_json()["status"] == "conflict"
        waiting = (await system.list_conflicts())["items"]
        assert {one["id"] for one in waiting} == {one["id"] for one in back.conflicts}
        assert {one["run_id"] for one in waiting} == {result.run_id}


async def test_once_it_is_decided_what_stays_the_rest_is_rolled_back() -> None:
    """One collision is settled as it was before the run, the other stays as it is."""
    async with film() as (system, _):
        changed: Changes = [
            ("coat", {"colour": "#222222"}),
            ("mara", {"age": 31, "hair": "#222222", "description": "Tall and thin"}),
        ]
        result = await system.propagate_batch(changed)
        later = {"hair": "#333333", "description": "Tall, thin and wet"}
        await system.propagate_asset_change("mara", later)
        back = await system.rollback_run(result.run_id or "")
        ids = {one["field"]: one["id"] for one in back.conflicts}
        await system.resolve_conflict(ids["hair"], "ours")
        again = await system.rollback_run(result.run_id or "")
        assert {one["field"]: one["id"] for one in again.conflicts} == {
            "description": ids["description"]
        }
        await system.resolve_conflict(ids["description"], "theirs")
        done = await system.rollback_run(result.run_id or "")
        assert (done.status, done.conflicts) == ("success", [])
        mara = (await system.get_entity("mara"))["fields"]
        assert (mara["hair"], mara["description"]) == ("#333333", "Tall")
        assert mara["age"] == 30
        assert (await system.get_entity("coat"))["fields"]["colour"] == "#111111"


async def test_a_deleted_root_comes_back_where_somebody_says_so() -> None:
    async with film() as (system, owner):
        result = await system.propagate_asset_change("coat", {"colour": "#222222"})
        await entities.delete_entity(owner, "coat", ME, force=True, wait=None)
        back = await system.rollback_run(result.run_id or "")
        (one,) = back.conflicts
        await system.resolve_conflict(one["id"], "theirs")
        again = await system.rollback_run(result.run_id or "")
        assert again.status == "success"
        assert (await system.get_entity("coat"))["fields"]["colour"] == "#111111"


async def test_what_was_set_since_to_what_it_was_before_is_no_conflict() -> None:
    async with film() as (system, _):
        result = await system.propagate_asset_change("mara", {"age": 31, "hair": "#222222"})
        await system.propagate_asset_change("mara", {"age": 30})
        back = await system.rollback_run(result.run_id or "")
        assert back.status == "success"
        mara = await system.get_entity("mara")
        assert (mara["fields"]["age"], mara["fields"]["hair"]) == (30, "#111111")


async def test_a_status_that_a_run_set_goes_back_too() -> None:
    async with film() as (system, owner):
        result = await entities.set_statuses(owner, ["sh1", "sh2"], "final", ME, None)
        back = await system.rollback_run(result.run_id or "")
        assert (back.status, back.versions) == ("success", ("sh1_v3", "sh2_v3"))
        assert (await system.get_entity("sh1"))["status"] == "wip"


async def test_typing_that_is_not_published_is_kept() -> None:
    async with film() as (system, owner):
        result = await system.propagate_asset_change("mara", {"age": 31})
        state = await owner.draft_state("mara")
        kind = owner.state.kinds.get("character")
        typed = drafts.edit_at_head(state, kind, {"description": "Tall and ty"}).update
        async with owner.step(ME) as tx:
            tx.update_document("mara", typed)
        back = await system.rollback_run(result.run_id or "")
        assert back.versions == ("mara_v4",)
        parked = await owner.version("mara", 3)
        assert (parked.cause, parked.fields["description"]) == ("parked", "Tall and ty")
        assert drafts.read_values(await owner.draft_state("mara"))["description"] == "Tall and ty"


async def test_an_approval_is_taken_back() -> None:
    async with film() as (system, owner):
        (shows,) = (one for one in owner.state.inputs("sh1").values() if one.source == "mara")
        await changes.approve(owner, "mara", 1, ME, None)
        await entities.relink(owner, shows.id, ME, policy="approved", wait=None)
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        before = await hashes(system, "sh1")
        result = await changes.approve(owner, "mara", 2, ME, None)
        assert await hashes(system, "sh1") != before
        back = await system.rollback_run(result.run_id or "")
        assert back.status == "success"
        assert await hashes(system, "sh1") == before
        assert owner.state.entity("mara").approved_version == 1
        await changes.approve(owner, "mara", 2, ME, None)
        assert (await system.rollback_run(back.run_id or "")).status == "success"


async def test_a_first_approval_has_nothing_to_go_back_to() -> None:
    async with film() as (system, owner):
        (shows,) = (one for one in owner.state.inputs("sh1").values() if one.source == "mara")
        await entities.relink(owner, shows.id, ME, policy="approved", wait=None)
        result = await changes.approve(owner, "mara", 1, ME, None)
        back = await system.rollback_run(result.run_id or "")
        assert (back.status, fields_of(back.conflicts)) == ("conflict", ["@approved"])
        assert (back.conflicts[0]["ours"], back.conflicts[0]["theirs"]) == (1, None)


async def test_a_root_that_was_deleted_since_is_a_conflict() -> None:
    async with film() as (system, owner):
        changed: Changes = [("mara", {"age": 31}), ("coat", {"colour": "#222222"})]
        result = await system.propagate_batch(changed)
        await entities.delete_entity(owner, "coat", ME, force=True, wait=None)
        back = await system.rollback_run(result.run_id or "")
        assert (back.status, fields_of(back.conflicts)) == ("conflict", ["@deleted"])
        assert back.conflicts[0]["entity_id"] == "coat"
        assert (await system.get_entity("mara"))["fields"]["age"] == 31
        await entities.restore_entity(owner, "coat", ME, None)
        assert (await system.rollback_run(result.run_id or "")).status == "success"


async def test_a_deletion_is_not_rolled_back_but_restored() -> None:
    async with film() as (system, owner):
        result = await entities.delete_entity(owner, "coat", ME, force=True, wait=None)
        with pytest.raises(Conflict, match="restoring"):
            await system.rollback_run(result.run_id or "")
        restored = await entities.restore_entity(owner, "coat", ME, None)
        with pytest.raises(Conflict, match="deleting"):
            await system.rollback_run(restored.run_id or "")


async def test_a_run_on_its_way_is_not_rolled_back_before_it_has_ended() -> None:
    async with film() as (system, owner):
        await system.create_test_shots(200, "mara")
        tried: list[asyncio.Task[Any]] = []

        async def try_it(commit: Any) -> None:
            if commit.outcomes and not tried:
                tried.append(asyncio.create_task(system.rollback_run(commit.run.id)))

        after_commits(owner, try_it)
        await change(owner, "mara", hair="#222222")
        with pytest.raises(Conflict, match=r"running.*cancel"):
            await tried[0]


async def test_a_run_that_took_over_another_takes_back_both() -> None:
    async with film() as (system, owner):
        await system.create_test_shots(200, "coat")
        before = await hashes(system, "mara")
        made: list[Any] = []

        async def behind(commit: Any) -> None:
            if commit.outcomes and not made:
                made.append(change(owner, "mara", hair="#222222"))
                made.append(change(owner, "mara", age=31))

        after_commits(owner, behind)
        await change(owner, "coat", colour="#222222")
        older, newer = await asyncio.gather(*made)
        assert older.run_id == newer.run_id
        back = await system.rollback_run(newer.run_id)
        assert back.status == "success"
        assert await hashes(system, "mara") == before


async def test_a_style_that_comes_back_changed_is_asked_about_by_those_who_use_it_again() -> None:
    async with film() as (system, owner):
        await system.create_entity("style", "Noir", {"description": "Dark"}, id="noir")
        for shot in ("sh1", "sh2"):
            await system.add_reference("noir", shot)
        await entities.set_statuses(owner, ["sh1"], "final", ME, None)
        await system.propagate_asset_change("noir", {"description": "Darker"})
        assert {one.pair for one in owner.state.approvals} == {("noir", "sh1")}
        await entities.delete_entity(owner, "noir", ME, force=True, wait=None)
        assert not owner.state.approvals
        wide = {**rule("wide", "require_approval"), "affected_over": 1}
        await with_rules(owner, wide)
        restored = await entities.restore_entity(owner, "noir", ME, None)
        assert restored.status == "success"
        assert {one.pair for one in owner.state.approvals} == {("noir", "sh1")}
