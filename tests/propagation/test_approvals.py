"""Approvals on the real owner and the real store: exactly those that a run leaves, and restarts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import StalePlan, Unavailable
from server.domain.actors import Actor
from server.domain.commit import Commit
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.pipeline import Edit, propose
from server.propagation.project import ProjectOwner
from server.services.entities import create_entities
from server.system import AssetPropagationSystem
from server.verify import verify_project

ME = Actor("mara", "test")
GREEN, BLUE = {"colour": "#00aa00"}, {"colour": "#0000aa"}


async def a_film(system: AssetPropagationSystem, final: int, pinned: int, free: int) -> None:
    """A coat, and shots that wear it, in one sequence."""
    await system.create_entity("wardrobe", "Coat", {"colour": "#ffee00"}, id="coat")
    await system.create_entity("sequence", "Night", id="seq")

    def shots(of: str, count: int, status: str, version: int | None) -> list[NewEntity]:
        uses = [NewReference("coat", version=version)]
        names = [f"{of}-{number:03d}" for number in range(count)]
        return [NewEntity("shot", id_, {}, id_, status, uses) for id_ in names]

    news = [
        *shots("final", final, "final", None),
        *shots("pinned", pinned, "wip", 1),
        *shots("free", free, "wip", None),
    ]
    owner = await system.owner()
    await create_entities(owner, news, ME)
    for new in news:
        await system.add_reference(new.id or "", "seq")


async def all_open(system: AssetPropagationSystem) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await system.list_approvals(limit=7, cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def whole(owner: ProjectOwner) -> None:
    """What ``ripplecut verify`` checks."""
    said: list[str] = []
    await verify_project(owner.storage, owner.project_id, said.append)
    assert said == []


async def test_a_run_leaves_an_approval_for_each_final_dependent_and_no_other() -> None:
    async with AssetPropagationSystem("film") as system:
        await a_film(system, 20, 10, 30)
        result = await system.propagate_asset_change("coat", GREEN)
        assert result.counts == {"awaiting_approval": 20, "pinned": 10, "updated": 31}
        items = await all_open(system)
        assert len(items) == 20
        assert {one["target"] for one in items} == {f"final-{number:03d}" for number in range(20)}
        assert {one["run_id"] for one in items} == {result.run_id}
        await whole(await system.owner())


async def test_a_whole_group_is_approved_in_one_step_and_its_sequence_follows_once() -> None:
    async with AssetPropagationSystem("film") as system:
        await a_film(system, 40, 0, 0)
        await system.propagate_asset_change("coat", GREEN)
        owner = await system.owner()
        seq = owner.seq
        page = await system.list_approvals()
        plan, ids = page["groups"][0]["plan_hash"], [one["id"] for one in page["items"]]
        decided = await system.decide_approvals(ids, "approve", plan, "all good")
        assert decided.propagation.counts == {"updated": 41}
        assert {one.status for one in decided.approvals} == {"approved"}
        assert not owner.state.approvals
        types = Counter(event.type for event in await owner.events_after(seq) or [])
        del types["notification"]
        assert types == {"approval_decided": 1, "asset_update": 2, "run_finished": 1}
        await whole(owner)


async def test_what_waits_and_what_was_rejected_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "film.db"
    async with AssetPropagationSystem("film", path) as system:
        await a_film(system, 3, 0, 1)
        await system.propagate_asset_change("coat", GREEN)
        before = await all_open(system)
        no = before[0]
        await system.decide_approvals([no["id"]], "reject", no["plan_hash"], "too green")
    async with AssetPropagationSystem("film", path) as system:
        left = await all_open(system)
        assert [one["id"] for one in left] == [one["id"] for one in before[1:]]
        # The colour changes back and forth for somebody else: the rejected one is not asked again.
        await system.add_reference("coat", "seq")
        assert len(await all_open(system)) == 2
        await system.propagate_asset_change("coat", BLUE)
        items = await all_open(system)
        assert {(one["before"]["version"], one["after"]["version"]) for one in items} == {(1, 3)}
        assert len(items) == 3
        kept = {one["target"]: one["id"] for one in left}
        assert all(kept.get(one["target"], one["id"]) == one["id"] for one in items)
        assert no["id"] not in {one["id"] for one in items}


async def test_a_batch_that_is_not_stored_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AssetPropagationSystem("film") as system:
        await a_film(system, 5, 0, 0)
        owner = await system.owner()
        monkeypatch.setattr("server.propagation.engine.FIRST_PAUSE", 0.01)
        commit = owner.storage.commit
        failures: list[int] = []

        async def failing(one: Commit) -> None:
            if one.outcomes and not failures:
                failures.append(len(one.approvals))
                assert not owner.state.approvals
                raise Unavailable("The disk is full")
            await commit(one)

        monkeypatch.setattr(owner.storage, "commit", failing)
        result = await system.propagate_asset_change("coat", GREEN)
        assert failures == [5]
        assert result.counts["awaiting_approval"] == 5
        assert len(await all_open(system)) == 5
        requested = [e for e in await owner.events_after(0) or [] if e.type == "approval_requested"]
        assert len(requested) == 1


async def test_a_decision_that_is_not_stored_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AssetPropagationSystem("film") as system:
        await a_film(system, 2, 0, 0)
        await system.propagate_asset_change("coat", GREEN)
        owner = await system.owner()
        page = await system.list_approvals()
        ids, plan = [one["id"] for one in page["items"]], page["groups"][0]["plan_hash"]

        async def full(one: Commit) -> None:
            raise Unavailable("The disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(owner.storage, "commit", full)
            with pytest.raises(Unavailable):
                await system.decide_approvals(ids, "approve", plan)
        assert [one["id"] for one in await all_open(system)] == ids
        assert (await system.get_entity("final-000"))["references"][0]["version"] == 1
        await system.decide_approvals(ids, "approve", plan)
        await whole(owner)


async def test_a_final_asset_and_the_shot_below_it_are_approved_together() -> None:
    async with AssetPropagationSystem("film") as system:
        await system.create_entity("character", "Mara", {"hair": "#111111"}, id="mara")
        uses = [{"source": "mara"}]
        await system.create_entity("wardrobe", "Coat", id="coat", references=uses, status="final")
        uses.append({"source": "coat"})
        await system.create_entity("shot", "One", id="sh010", references=uses, status="final")
        await system.propagate_asset_change("mara", {"hair": "#222222"})
        page = await system.list_approvals()
        assert {one["target"] for one in page["items"]} == {"coat", "sh010"}
        ids = [one["id"] for one in page["items"]]
        await system.decide_approvals(ids, "approve", page["groups"][0]["plan_hash"])
        shot = await system.get_entity("sh010")
        assert {one["source"]: one["version"] for one in shot["references"]} == {
            "mara": 2,
            "coat": 1,
        }
        # The coat has a new version now, and the shot is asked for that.
        (one,) = await all_open(system)
        assert (one["source"], one["target"]) == ("coat", "sh010")
        assert shot["last_outcome"]["outcome"] == "awaiting_approval"
        await whole(await system.owner())


@pytest.mark.parametrize(
    ("verdict", "version", "reason"),
    [
        ("update", 3, "it shows Coat v3 now"),
        ("block", 1, "the rule “all” holds it back now"),
    ],
)
async def test_a_rule_that_no_longer_asks_closes_it_with_the_next_run(
    verdict: str, version: int, reason: str
) -> None:
    async with AssetPropagationSystem("film") as system:
        await a_film(system, 1, 0, 0)
        await system.propagate_asset_change("coat", GREEN)
        (one,) = await all_open(system)
        await with_rule(await system.owner(), verdict)
        await system.propagate_asset_change("coat", BLUE)
        assert await all_open(system) == []
        (closed,) = (await system.list_approvals("closed"))["items"]
        assert (closed["id"], closed["reason"]) == (one["id"], reason)
        assert (await system.get_entity("final-000"))["references"][0]["version"] == version


async def with_rule(owner: ProjectOwner, verdict: str) -> None:
    async with owner.step(ME) as tx:
        rule = {"id": "all", "name": "all", "verdict": verdict}
        tx.put_project(replace(owner.state.record, rules=[rule]))


async def test_two_who_decide_at_once_do_not_decide_twice() -> None:
    async with AssetPropagationSystem("film") as system:
        await a_film(system, 1, 0, 0)
        await system.propagate_asset_change("coat", GREEN)
        (one,) = await all_open(system)
        await system.decide_approvals([one["id"]], "approve", one["plan_hash"])
        with pytest.raises(StalePlan, match="was approved by library") as raised:
            await system.decide_approvals([one["id"]], "reject", one["plan_hash"])
        assert raised.value.extras()["changes"][0]["approval"] == one["id"]


async def test_an_approval_of_an_older_version_shows_that_one(tmp_path: Path) -> None:
    """A newer version is there, and its run has not come to the shot yet."""
    async with AssetPropagationSystem("film", tmp_path / "film.db") as system:
        await a_film(system, 1, 0, 0)
        await system.propagate_asset_change("coat", GREEN)
        (one,) = await all_open(system)
        owner = await system.owner()
        async with owner.step(ME) as tx:
            propose(tx, Edit("coat", BLUE), await owner.documents("coat"))
        await system.decide_approvals([one["id"]], "approve", one["plan_hash"])
        assert (await system.get_entity("final-000"))["references"][0]["version"] == 2
