"""What a run reaches first, on the real owner and the real store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from protocol.errors import Invalid, Unavailable
from server.domain.actors import Actor
from server.domain.changes import Change
from server.domain.commit import Commit
from server.domain.phases import PHASES
from server.domain.rules import default_rules
from server.domain.runs import Run
from server.propagation import engine
from server.propagation.project import ProjectOwner
from server.system import AssetPropagationSystem

ME = Actor("mara", "test")


async def film(system: AssetPropagationSystem, shots: int) -> tuple[str, list[str]]:
    """A hero in so many shots."""
    hero = await system.create_entity("character", "Mara", {"description": "a"})
    return hero["id"], [one["id"] for one in await system.create_test_shots(shots, hero["id"])]


async def last_run(owner: ProjectOwner) -> tuple[Run, list[str]]:
    """The newest run, and what it reached, in order."""
    run = (await owner.storage.runs(owner.project_id, 1))[0]
    found, _ = await owner.storage.outcomes(run.id, 5000, None)
    return run, [outcome.entity_id for outcome, _ in found]


async def test_what_is_marked_critical_is_reached_first_in_any_mode() -> None:
    async with AssetPropagationSystem("film") as system:
        hero, shots = await film(system, 200)
        owner = await system.owner()
        await system.propagate_asset_change(shots[150], {"critical": True})
        for mode in PHASES:
            change = {"description": f"for {mode}"}
            await system.propagate_asset_change(hero, change, propagation_mode=mode)
            run, order = await last_run(owner)
            assert order[0] == shots[150]
            rest = "background" if mode == "background" else "batch"
            assert dict(run.phases) == {"realtime": 1, rest: 199}
        await system.propagate_asset_change(shots[150], {"critical": None})
        await system.propagate_asset_change(hero, {"description": "c"})
        assert (await last_run(owner))[1][0] != shots[150]


@pytest.mark.parametrize("value", ["yes", 1, [], {}])
async def test_critical_is_yes_or_no(value: Any) -> None:
    async with AssetPropagationSystem("film") as system:
        with pytest.raises(Invalid) as caught:
            await system.create_entity("shot", "sh010", {"critical": value})
        assert [one.field for one in caught.value.errors] == ["fields.critical"]


async def test_a_rule_overrides_the_mode_of_a_request() -> None:
    async with AssetPropagationSystem("film") as system:
        hero, shots = await film(system, 60)
        owner = await system.owner()
        async with owner.step(ME) as tx:
            first: dict[str, Any] = {"id": "r", "verdict": "update", "phase": "realtime"}
            first |= {"target_kinds": ["shot"], "target_statuses": ["review"]}
            rules = [*(rule.to_json() for rule in default_rules()), first]
            tx.put_project(replace(owner.state.record, rules=rules))
            tx.cut(shots[40], Change(status={"from": "wip", "to": "review"}), cause="edit")
        impact = await system.calculate_change_impact(hero, {"description": "b"})
        assert impact["phases"][0] == {"phase": "realtime", "entities": [shots[40]]}
        await system.propagate_asset_change(
            hero, {"description": "b"}, propagation_mode="background"
        )
        run, order = await last_run(owner)
        assert order[0] == shots[40]
        assert dict(run.phases) == {"realtime": 1, "background": 59}


class Looking:
    """Somebody whose screen a test decides. Stands where the rooms do."""

    def __init__(self) -> None:
        self.version = 0
        self.asked = 0
        self._entities: list[str] = []

    def look(self, entities: list[str]) -> None:
        self.version += 1
        self._entities = entities

    def since(self, version: int) -> tuple[int, Iterable[str]]:
        self.asked += 1
        return self.version, self._entities if version != self.version else ()


async def test_a_run_asks_between_two_batches_and_its_phases_stay_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the store fails in the midst of it, and it starts over with what is left."""
    monkeypatch.setattr(engine, "FIRST_PAUSE", 0.01)
    async with AssetPropagationSystem("film") as system:
        hero, shots = await film(system, 600)
        owner = await system.owner()
        looking, commits = Looking(), 0
        monkeypatch.setattr(owner, "viewed_since", looking.since)
        looking.look(shots[400:410])
        commit = owner.storage.commit

        async def failing(one: Commit) -> None:
            nonlocal commits
            if one.outcomes:
                commits += 1
                if commits == 2:
                    looking.look(shots[500:520])
                if commits == 4:
                    raise Unavailable("the disk is full")
            await commit(one)

        monkeypatch.setattr(owner.storage, "commit", failing)
        await system.propagate_asset_change(hero, {"description": "b"})
        run, order = await last_run(owner)
        assert order[:10] == shots[400:410]
        later = order.index(shots[500])
        assert order[later : later + 20] == shots[500:520]
        assert sorted(order) == sorted(shots)
        assert sum(run.phases.values()) == run.total == 600
        assert run.phases["realtime"] == 30
        assert looking.asked <= commits + 4


async def test_a_screen_comes_first_but_behind_what_it_is_built_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where one thing that changed is built on another, and where a sequence is looked at."""
    async with AssetPropagationSystem("film") as system:
        hero, shots = await film(system, 100)
        uses = [{"source": hero}]
        coat = await system.create_entity(
            "wardrobe", "Coat", {"colour": "#802020"}, references=uses
        )
        for shot in (shots[70], shots[90]):
            await system.add_reference(coat["id"], shot)
        members = [{"source": shot} for shot in shots[60:80]]
        reel = await system.create_entity("sequence", "Reel", references=members)
        owner = await system.owner()
        looking = Looking()
        monkeypatch.setattr(owner, "viewed_since", looking.since)
        looking.look([reel["id"], shots[90]])
        await system.propagate_batch(
            [
                (coat["id"], {"colour": "#204080"}),
                (hero, {"description": "b"}),
            ]
        )
        run, order = await last_run(owner)
        assert order[:2] == [coat["id"], shots[90]]
        assert set(order[2:22]) == set(shots[60:80])
        assert order[22] == reel["id"]
        assert run.total == len(set(order)) == 102
        for shot in shots:
            assert not (await system.get_entity(shot))["stale"]
