"""Every scenario of ROLLBACK.md, under the name that stands there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import server.domain
from protocol.errors import Conflict, Invalid, NotFound, StalePlan
from server.domain import drafts
from server.domain.actors import Actor
from server.domain.kind_reader import read_kinds
from server.propagation.project import ProjectOwner
from server.services import approvals, changes, deciding, entities, projects, restoring
from server.system import AssetPropagationSystem
from tests.propagation.film import ME, fields_of, film, hashes
from tests.propagation.test_engine import after_commits, rule, with_rules
from tests.ticking import Ticking

LIST = Path(server.domain.__path__[0]) / "ROLLBACK.md"


@asynccontextmanager
async def clocked() -> AsyncIterator[tuple[AssetPropagationSystem, ProjectOwner]]:
    """The film of Mara and her coat, in which no two things happen at the same time."""
    async with film() as (system, owner):
        owner._clock = Ticking()
        yield system, owner


def test_the_list_and_the_tests_agree() -> None:
    rows = [line for line in LIST.read_text().splitlines() if line.startswith("| ")][2:]
    told = []
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 3, row
        assert all(cells), row
        name = cells[2].strip("`")
        assert name == "test_" + re.sub(r"\W+", "_", cells[0]), row
        told.append(name)
    tests = [name for name in globals() if name.startswith("test_")]
    tests.remove("test_the_list_and_the_tests_agree")
    assert told == tests


async def of(system: AssetPropagationSystem, id_: str) -> dict[str, Any]:
    """An entity's fields, with its name."""
    found = await system.get_entity(id_)
    return {**found["fields"], "@name": found["name"], "@status": found["status"]}


async def type_(owner: ProjectOwner, id_: str, **fields: Any) -> None:
    kind = owner.state.kind(owner.state.entity(id_))
    typed = drafts.edit_at_head(await owner.draft_state(id_), kind, fields)
    async with owner.step(ME) as tx:
        tx.update_document(id_, typed.update)


async def shown(system: AssetPropagationSystem, id_: str, source: str) -> dict[str, Any]:
    """How an entity shows what it uses."""
    resolved = await system.get_resolved(id_)
    return next(one for one in resolved["references"] if one["source"] == source)


async def test_the_first_version() -> None:
    async with film() as (system, _):
        before = await of(system, "mara"), await hashes(system, "mara", "sh1", "seq1")
        await system.propagate_asset_change("mara", {"age": 31, "hair": "#222222", "name": "M"})
        await system.propagate_asset_change("mara", {"scar": "left"})
        back = await system.rollback_to_version("mara", 1)
        assert (back.new_current_version, back.restored_from) == ("mara_v4", "mara_v1")
        assert (await of(system, "mara"), await hashes(system, "mara", "sh1", "seq1")) == before
        assert (await system.rollback_to_version("sh1", 1)).propagation.run_id is None
        with pytest.raises(NotFound):
            await system.rollback_to_version("mara", 0)


async def test_one_field() -> None:
    async with film() as (system, owner):
        first = await system.rollback_to_version("mara", 1)
        assert first.propagation.run_id is None
        changed = {"age": 31, "description": "Tall and thin", "hair": "#222222", "name": "M"}
        await system.propagate_asset_change("mara", changed)
        await type_(owner, "mara", description="Tall and thin and wet", notes="to be asked")
        back = await system.rollback_to_version("mara", 1, fields=["description", "@name"])
        assert back.new_current_version == "mara_v4"  # what was typed is v3
        now = await of(system, "mara")
        assert (now["description"], now["@name"]) == ("Tall", "Mara")
        assert (now["age"], now["hair"]) == (31, "#222222")
        typed = drafts.read_values(await owner.draft_state("mara"))
        assert (typed["description"], typed["notes"]) == ("Tall", "to be asked")
        parked = await owner.version("mara", 3)
        assert (parked.cause, parked.fields["description"]) == ("parked", "Tall and thin and wet")
        # The version's own document goes on: an edit of it meets the draft without doubling.
        await system.propagate_asset_change("mara", {"description": "Tall indeed"})
        typed = drafts.read_values(await owner.draft_state("mara"))
        assert (typed["description"], typed["notes"]) == ("Tall indeed", "to be asked")
        await entities.patch_entity(owner, "sh1", ME, status="review", wait=None)
        await system.rollback_to_version("sh1", 1, fields=["@status"])
        assert (await of(system, "sh1"))["@status"] == "wip"
        with pytest.raises(Invalid) as refused:
            await system.rollback_to_version("mara", 1, fields=["hair", "hat"])
        assert [one.field for one in refused.value.errors] == ["fields.1"]


async def test_a_deleted_asset() -> None:
    async with clocked() as (system, owner):
        before = await hashes(system, "coat", "sh1", "seq1")
        moment = owner.now()
        result = await system.propagate_asset_change("coat", {"colour": "#222222"})
        await entities.delete_entity(owner, "coat", ME, force=True, wait=None)
        with pytest.raises(NotFound):
            await system.rollback_to_version("coat", 1)
        taken = await system.rollback_run(result.run_id or "")
        assert (taken.status, fields_of(taken.conflicts)) == ("conflict", ["@deleted"])
        done = await system.restore_project(moment)
        assert list(done.restored) == ["coat"]
        assert await hashes(system, "coat", "sh1", "seq1") == before


async def test_a_version_whose_references_are_gone() -> None:
    async with film() as (system, owner):
        await system.propagate_asset_change("coat", {"colour": "#222222"})
        await entities.delete_entity(owner, "mara", ME, force=True, wait=None)
        back = await system.rollback_to_version("coat", 1)
        assert back.status == "success"
        assert (await of(system, "coat"))["colour"] == "#111111"
        assert (await system.get_entity("coat"))["references"] == []
        await entities.restore_entity(owner, "mara", ME, None)
        (uses,) = (await system.get_entity("coat"))["references"]
        assert uses["source"] == "mara"


async def test_a_version_whose_references_would_close_a_circle() -> None:
    async with film() as (system, owner):
        (worn,) = owner.state.inputs("coat").values()
        await entities.unlink(owner, worn.id, ME, None)
        await system.add_reference("coat", "mara")
        back = await system.rollback_to_version("coat", 1)
        assert back.propagation.run_id is None
        assert (await system.get_entity("coat"))["references"] == []


async def test_pinned_dependents() -> None:
    async with film() as (system, owner):
        (other,) = await system.create_test_shots(1, "mara")
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        for shot in ("sh1", other["id"]):
            (uses,) = (one for one in owner.state.inputs(shot).values() if one.source == "mara")
            await entities.relink(owner, uses.id, ME, policy="pinned", wait=None)
        back = await system.rollback_to_version("mara", 1)
        assert back.propagation.counts["pinned"] == 1
        outcomes, _ = await owner.storage.outcomes(back.propagation.run_id or "", 10, None)
        reasons = {one.entity_id: one.reason for one, _ in outcomes}
        assert reasons[other["id"]] == "pinned to Mara v2 by mara; v3 does not reach it"
        assert (await shown(system, "sh1", "mara"))["fields"]["hair"] == "#222222"
        assert (await shown(system, "sh2", "mara"))["fields"]["hair"] == "#111111"


async def test_a_dirty_draft() -> None:
    async with clocked() as (system, owner):
        moment = owner.now()
        await system.propagate_asset_change("mara", {"description": "Tall and thin"})
        for number in (1, 2):
            await type_(owner, "mara", description=f"Tall and ty {number}")
            if number == 1:
                await system.rollback_to_version("mara", 1)
            else:
                await system.propagate_asset_change("mara", {"age": 40})
                await system.restore_project(moment)
            assert drafts.read_values(await owner.draft_state("mara"))["description"] == "Tall"
            stored, _ = await owner.storage.versions("film", "mara", 10, None)
            (parked, *_) = (one for one in stored if one.cause == "parked")
            assert parked.fields["description"] == f"Tall and ty {number}"
            with pytest.raises(NotFound, match="never current"):
                await owner.know("mara", parked.number)


async def test_during_a_run() -> None:
    async with clocked() as (system, owner):
        await system.create_test_shots(200, "mara")
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        moment = owner.now()
        tried: list[asyncio.Task[Any]] = []

        async def try_it(commit: Any) -> None:
            if commit.outcomes and not tried:
                tried.append(asyncio.create_task(system.rollback_run(commit.run.id)))
                tried.append(asyncio.create_task(system.rollback_to_version("mara", 1)))

        after_commits(owner, try_it)
        await system.propagate_asset_change("mara", {"hair": "#333333"})
        with pytest.raises(Conflict, match=r"running.*cancel"):
            await tried[0]
        assert (await tried[1]).status == "success"
        for id_ in ("sh1", "shot-00007", "shot-00200"):
            assert (await shown(system, id_, "mara"))["fields"]["hair"] == "#111111"
        restored: list[asyncio.Task[Any]] = []

        async def restore(commit: Any) -> None:
            if commit.outcomes and not restored:
                restored.append(asyncio.create_task(system.restore_project(moment)))

        after_commits(owner, restore)
        await system.propagate_asset_change("mara", {"hair": "#444444"})
        assert (await restored[0]).propagation.status == "success"
        for id_ in ("sh1", "shot-00007", "shot-00200"):
            assert (await shown(system, id_, "mara"))["fields"]["hair"] == "#222222"
        assert not await system.check_consistency()


async def test_twice_in_a_row() -> None:
    async with clocked() as (system, owner):
        moment = owner.now()
        result = await system.propagate_asset_change("mara", {"age": 31})
        assert (await system.rollback_to_version("mara", 1)).propagation.run_id is not None
        seq = owner.seq
        second = await system.rollback_to_version("mara", 1)
        assert (second.status, second.propagation.run_id) == ("success", None)
        again = await system.rollback_run(result.run_id or "")
        assert (again.status, again.run_id, again.versions) == ("success", None, ())
        restored = await system.restore_project(moment)
        assert (restored.propagation.run_id, list(restored.versions)) == (None, [])
        assert owner.seq == seq


async def test_a_rollback_of_a_rollback() -> None:
    async with film() as (system, _):
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        after = await hashes(system, "mara", "sh1", "seq1")
        back = await system.rollback_to_version("mara", 1)
        assert await hashes(system, "mara", "sh1", "seq1") != after
        again = await system.rollback_run(back.propagation.run_id or "")
        assert again.status == "success"
        assert await hashes(system, "mara", "sh1", "seq1") == after
        await system.rollback_to_version("mara", 3)
        await system.rollback_to_version("mara", 2)
        assert await hashes(system, "mara", "sh1", "seq1") == after


async def test_concurrent_with_an_edit() -> None:
    async with film() as (system, owner):
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        await asyncio.gather(
            system.rollback_to_version("mara", 1),
            system.propagate_asset_change("mara", {"age": 31}),
            system.rollback_to_version("mara", 2),
        )
        stored, _ = await owner.storage.versions("film", "mara", 10, None)
        assert 31 in [one.fields["age"] for one in stored]
        assert {one.fields["hair"] for one in stored} == {"#111111", "#222222"}
        plan = await changes.rollback_impact(owner, "mara", 1, ME, ["hair"])
        await system.propagate_asset_change("mara", {"age": 32})
        number = (await system.get_entity("mara"))["version"]
        with pytest.raises(StalePlan, match="Mara is at v"):
            await system.rollback_to_version("mara", 1, plan_hash=plan["plan_hash"])
        assert (await system.get_entity("mara"))["version"] == number


async def test_over_a_later_edit() -> None:
    async with film() as (system, _):
        result = await system.propagate_asset_change("mara", {"hair": "#222222"})
        await system.propagate_asset_change("mara", {"hair": "#333333", "age": 31})
        taken = await system.rollback_run(result.run_id or "")
        assert (taken.status, fields_of(taken.conflicts)) == ("conflict", ["hair"])
        await system.rollback_to_version("mara", 1, fields=["hair"])
        assert (await of(system, "mara"))["hair"] == "#111111"
        await system.rollback_to_version("mara", 3)
        assert (await of(system, "mara"))["hair"] == "#333333"


async def test_a_rule_that_changed_since() -> None:
    async with clocked() as (system, owner):
        moment = owner.now()
        before = await hashes(system, "sh1")
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        asks = rule("asks", "require_approval", target_kinds=["shot"])
        await with_rules(owner, asks, rule("all", "update"))
        back = await system.rollback_to_version("mara", 1)
        assert back.propagation.counts["awaiting_approval"] == 2
        assert (await shown(system, "sh1", "mara"))["fields"]["hair"] == "#222222"
        done = await system.restore_project(moment)
        assert "awaiting_approval" not in done.propagation.counts
        assert await hashes(system, "sh1") == before
        assert not owner.state.approvals
        assert [one.name for one in owner.state.rules.rules] == ["asks", "all"]


async def test_a_kind_that_was_removed() -> None:
    async with film() as (system, owner):
        kinds = owner.state.kinds.to_json()["kinds"]
        paint = {"name": "paint", "type": "colour", "facet": "visual"}
        boat = {"name": "boat", "category": "asset", "fields": [paint]}
        await projects.put_kinds(owner, {"kinds": [*kinds, boat]}, ME)
        await system.create_entity("boat", "Ferry", {"paint": "#111111"}, id="ferry")
        await entities.delete_entity(owner, "ferry", ME, force=True, wait=None)
        with pytest.raises(Conflict, match="boat"):
            await projects.put_kinds(owner, {"kinds": kinds}, ME)
        with pytest.raises(Conflict, match="must stay"):
            await projects.put_kinds(owner, {"kinds": [*kinds, {**boat, "fields": []}]}, ME)
        await entities.restore_entity(owner, "ferry", ME, None)
        await system.propagate_asset_change("ferry", {"paint": "#222222"})
        assert (await system.rollback_to_version("ferry", 1)).status == "success"


async def test_a_field_that_is_declared_otherwise_since() -> None:
    async with clocked() as (system, owner):
        await system.propagate_asset_change("mara", {"gait": "slow", "age": 31})
        moment = owner.now()
        await system.propagate_asset_change("mara", {"gait": None, "age": 32})
        kinds = owner.state.kinds.to_json()["kinds"]
        gait = {"name": "gait", "type": "number", "facet": "visual"}
        for kind in kinds:
            if kind["name"] == "character":
                kind["fields"].append(gait)
        await projects.put_kinds(owner, {"kinds": kinds}, ME)
        assert read_kinds({"kinds": kinds}).get("character").field("gait") is not None
        done = await system.restore_project(moment)
        assert [(one["entity_id"], one["field"]) for one in done.kept] == [("mara", "gait")]
        now = await of(system, "mara")
        assert (now["age"], now.get("gait")) == (31, None)
        back = await system.rollback_to_version("mara", 2)
        assert back.propagation.run_id is None
        assert (await of(system, "mara")).get("gait") is None


async def test_a_status_that_was_removed() -> None:
    async with clocked() as (system, owner):
        settings = {"statuses": ["wip", "client", "final"]}
        await projects.update_settings(owner, ME, None, settings)
        await entities.patch_entity(owner, "sh1", ME, status="client", wait=None)
        moment = owner.now()
        result = await entities.set_statuses(owner, ["sh1"], "final", ME, None)
        await projects.update_settings(owner, ME, None, {"statuses": ["wip", "final"]})
        with pytest.raises(Invalid, match="client"):
            await system.rollback_to_version("sh1", 2, fields=["@status"])
        with pytest.raises(Invalid, match="client"):
            await system.rollback_run(result.run_id or "")
        done = await system.restore_project(moment)
        assert [(one["entity_id"], one["field"]) for one in done.kept] == [("sh1", "@status")]
        assert (await of(system, "sh1"))["@status"] == "final"


async def test_an_approved_version() -> None:
    async with film() as (system, owner):
        (uses,) = (one for one in owner.state.inputs("sh1").values() if one.source == "mara")
        await changes.approve(owner, "mara", 1, ME, None)
        await entities.relink(owner, uses.id, ME, policy="approved", wait=None)
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        result = await changes.approve(owner, "mara", 2, ME, None)
        assert (await shown(system, "sh1", "mara"))["version"] == 2
        await system.rollback_run(result.run_id or "")
        assert (await shown(system, "sh1", "mara"))["version"] == 1
        first = await changes.approve(owner, "coat", 1, ME, None)
        taken = await system.rollback_run(first.run_id or "")
        assert (taken.status, fields_of(taken.conflicts)) == ("conflict", ["@approved"])


async def decide(owner: ProjectOwner, choice: deciding.Choice) -> str:
    """Say yes or no to all that waits; answers the run."""
    page = await approvals.approval_page(owner)
    ids = [one["id"] for one in page["items"]]
    plan_hash = page["groups"][0]["plan_hash"]
    done = await deciding.decide_approvals(owner, ids, choice, plan_hash, ME, wait=None)
    return done.propagation.run_id or ""


async def test_an_approval_s_run() -> None:
    async with film() as (system, owner):
        await entities.set_statuses(owner, ["sh1"], "final", ME, None)
        before = await hashes(system, "sh1", "seq1")
        asks = rule("asks", "require_approval", source_kinds=["character"])
        await with_rules(owner, asks, rule("all", "update"))
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        waiting = {one.pair for one in owner.state.approvals}
        assert waiting == {("mara", "coat"), ("mara", "sh1"), ("mara", "sh2")}
        run = await decide(owner, "approve")
        assert await hashes(system, "sh1", "seq1") != before
        taken = await system.rollback_run(run)
        assert taken.status == "success"
        assert taken.run is not None
        assert taken.run.counts["awaiting_approval"] == 3
        assert await hashes(system, "sh1", "seq1") == before
        assert {one.pair for one in owner.state.approvals} == waiting
        assert not await system.check_consistency()
        again = await decide(owner, "approve")
        await system.propagate_asset_change("mara", {"hair": "#333333"})
        await decide(owner, "approve")
        taken = await system.rollback_run(again)
        assert (taken.status, set(fields_of(taken.conflicts))) == ("conflict", {"@references"})
        for one in list(owner.state.conflicts):
            await system.resolve_conflict(one.id, "ours")
        assert {one.policy for one in owner.look().inputs("sh1")} == {"latest"}
        await system.propagate_asset_change("mara", {"hair": "#444444"})
        with pytest.raises(Conflict, match="rejection"):
            await system.rollback_run(await decide(owner, "reject"))


async def test_a_deletion_s_run() -> None:
    async with film() as (system, owner):
        before = await hashes(system, "coat", "sh1", "seq1")
        result = await entities.delete_entity(owner, "coat", ME, force=True, wait=None)
        with pytest.raises(Conflict, match="restoring"):
            await system.rollback_run(result.run_id or "")
        restored = await entities.restore_entity(owner, "coat", ME, None)
        assert await hashes(system, "coat", "sh1", "seq1") == before
        with pytest.raises(Conflict, match="deleting"):
            await system.rollback_run(restored.run_id or "")


async def test_a_restored_project() -> None:
    async with clocked() as (system, owner):
        moment = owner.now()
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        await system.create_entity("prop", "Lamp", id="lamp")
        await system.add_reference("lamp", "sh1")
        after = await hashes(system, "mara", "coat", "sh1", "seq1", "lamp")
        done = await system.restore_project(moment, "back to the draft")
        run = done.propagation.run_id or ""
        assert list(done.deleted) == ["lamp"]
        assert (await system.get_run(run))["message"] == "back to the draft"
        with pytest.raises(Conflict, match="restore the project to before this run"):
            await system.rollback_run(run)
        plan = await system.restore_project_impact(run)
        assert plan["restored"] == ["lamp"]
        ines = Actor("ines", "test", "owner")
        again = await restoring.restore_project(owner, run, ines, plan_hash=plan["plan_hash"])
        assert list(again.restored) == ["lamp"]
        assert "ines" not in owner.people.following.followers("mara")
        assert await hashes(system, "mara", "coat", "sh1", "seq1", "lamp") == after


async def test_what_was_made_since() -> None:
    async with clocked() as (system, owner):
        moment = owner.now()
        before = await hashes(system, "sh1", "sh2", "seq1")
        await system.create_entity("prop", "Lamp", id="lamp")
        uses = [{"source": "lamp", "overrides": {"colour": "#444444"}}]
        await system.create_entity("shot", "sh3", id="sh3", references=uses)
        await system.add_reference("sh3", "seq1")
        await system.add_reference("lamp", "sh1")
        after = await hashes(system, "sh1", "sh2", "sh3", "seq1")
        done = await system.restore_project(moment)
        assert set(done.deleted) == {"lamp", "sh3"}
        assert await hashes(system, "sh1", "sh2", "seq1") == before
        for id_ in ("sh3", "lamp"):
            await entities.restore_entity(owner, id_, ME, None)
        assert await hashes(system, "sh1", "sh2", "sh3", "seq1") == after


async def test_before_the_history() -> None:
    async with film() as (system, owner):
        created = replace(owner.state.record).created_at
        for moment in ("2020-01-01T00:00:00Z", "2020-01-01", "2999-01-01", "yesterday", ""):
            with pytest.raises(Invalid) as refused:
                await system.restore_project(moment)
            assert [one.field for one in refused.value.errors] == ["to"]
            if moment.startswith("2020"):
                assert created in refused.value.errors[0].message
        with pytest.raises(NotFound):
            await system.restore_project("run-of-another-project")
        empty = await restoring.restore_project(owner, created, ME)
        assert set(empty.deleted) == {"mara", "coat", "sh1", "sh2", "seq1"}
        assert not owner.state.entities
