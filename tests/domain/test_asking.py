"""server/domain/asking.py: what lies between the version shown and the one that would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.domain.actors import Actor
from server.domain.asking import authors_between, fields_between, question_of
from server.domain.plan import reach
from server.domain.rules import Decision, Question, RulesEngine
from server.propagation.pipeline import Edit
from tests.domain.world import World


@pytest.fixture
def world() -> World:
    """Mara, her coat, and a shot of both."""
    found = World()
    found.create("character", "mara", {"description": "a", "eyes": "grey"})
    found.create("wardrobe", "coat", {"description": "a"}, ["mara"])
    found.create("shot", "sh010", {}, ["mara", "coat"])
    return found


def rules(world: World, *some: dict[str, Any]) -> None:
    world.step(lambda tx: tx.put_project(replace(world.state.record, rules=some)))


def asks(**conditions: Any) -> dict[str, Any]:
    return {"id": "asks", "name": "asks", "verdict": "require_approval", **conditions}


def test_fields_of_everything_in_between_count(world: World) -> None:
    world.edit("mara", {"eyes": "red"})
    world.edit("mara", {"eyes": "red", "description": "b"})
    world.edit("mara", {"description": "a"})
    tx = world.begin()
    assert fields_between(tx, "mara", 1, 4) == {"eyes"}
    assert fields_between(tx, "mara", 2, 3) == {"description"}
    assert fields_between(tx, "mara", 1, 4, {"eyes": "black"}) == set()
    assert fields_between(tx, "coat", 1, 2) == {"@references", "eyes"}


def test_a_later_change_carries_no_earlier_field_past_its_rule(world: World) -> None:
    rules(world, asks(fields=["eyes"]))
    assert world.edit("mara", {"eyes": "red"})["sh010"].outcome == "awaiting_approval"
    assert world.edit("mara", {"description": "b"})["sh010"].outcome == "awaiting_approval"
    back = world.edit("mara", {"eyes": "grey"})["sh010"]
    assert back.outcome == "updated", "nothing of what asks is left between the two"


def test_an_asset_in_between_carries_no_field_past_its_rule(world: World) -> None:
    rules(world, asks(fields=["ey*"], target_kinds=["shot"]))
    outcomes = world.edit("mara", {"eyes": "red"})
    assert outcomes["coat"].outcome == "updated"
    assert outcomes["sh010"].outcome == "awaiting_approval"
    shown = {one.source: one.version for one in world.state.inputs("sh010").values()}
    assert shown == {"mara": 1, "coat": 1}


def test_a_field_that_is_overridden_does_not_count(world: World) -> None:
    rules(world, asks(fields=["eyes"]))
    world.create("shot", "sh020")
    world.link("mara", "sh020", overrides={"eyes": "black"})
    outcomes = world.edit("mara", {"eyes": "blue", "description": "b"})
    assert outcomes["sh010"].outcome == "awaiting_approval"
    assert outcomes["sh020"].outcome == "updated"


def test_a_later_author_carries_no_earlier_one_past_a_rule(world: World) -> None:
    rules(world, asks(author_roles=["editor"]))
    world.actor = Actor("ann", "api", "editor")
    assert world.edit("mara", {"eyes": "red"})["sh010"].outcome == "awaiting_approval"
    world.actor = Actor("olga", "api", "owner")
    assert world.edit("mara", {"description": "b"})["sh010"].outcome == "awaiting_approval"
    here, goal = (world.state.versions["mara", number] for number in (1, 3))
    assert authors_between(here, goal) == {"editor", "owner"}
    assert authors_between(world.state.versions["mara", 2], goal) == {"owner"}
    assert authors_between(goal, goal) == frozenset()


def test_what_a_run_cuts_was_made_by_who_changed_what_it_follows(world: World) -> None:
    rules(world, asks(author_roles=["editor"], target_kinds=["shot"]))
    world.actor = Actor("ann", "api", "editor")
    world.edit("mara", {"eyes": "red"})
    assert dict(world.state.entity("coat").current.roles) == {"editor": 2}


def test_saying_yes_makes_nobody_the_author_of_what_is_passed_on(world: World) -> None:
    rules(world, asks(author_roles=["editor"]))
    world.actor = Actor("ann", "api", "editor")
    assert world.edit("mara", {"eyes": "red"})["coat"].outcome == "awaiting_approval"
    world.actor = Actor("pat", "api", "approver")
    assert world.decide("mara", "coat", "approve").outcome == "updated"
    assert dict(world.state.entity("coat").current.roles) == {"editor": 2}
    assert ("coat", "sh010") in world.open_approvals()


def test_how_far_a_source_reaches_is_counted_once_for_a_graph(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks = 0
    found = world.state.graph.found

    def counted(sources: Any) -> Any:
        nonlocal walks
        walks += 1
        return found(sources)

    monkeypatch.setattr(world.state.graph, "found", counted)
    assert world.state.dependents("mara") == (("shot", 1), ("wardrobe", 1))
    assert world.state.dependents("mara") == (("shot", 1), ("wardrobe", 1))
    assert walks == 1
    world.create("shot", "sh020", {}, ["coat"])
    assert world.state.dependents("mara") == (("shot", 2), ("wardrobe", 1))


def test_a_wide_change_asks_at_every_shot_and_a_narrow_one_follows(world: World) -> None:
    rules(world, asks(affected_over=2, target_kinds=["shot"], source_kinds=["style"]))
    world.create("style", "noir", {"description": "a"})
    for number in range(2):
        world.create("shot", f"n{number}", {}, ["noir"])
    assert {one.outcome for one in world.edit("noir", {"description": "b"}).values()} == {"updated"}
    world.create("shot", "n2", {}, ["noir"])
    outcomes = world.edit("noir", {"description": "c"})
    assert {one.outcome for one in outcomes.values()} == {"awaiting_approval"}
    assert len(outcomes) == 3


def test_thousands_that_ask_the_same_ask_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        world.create("shot", f"n{number}", {}, ["mara"])
    asked: list[Question] = []
    decide = RulesEngine.decide

    def counted(self: RulesEngine, question: Question) -> Decision:
        asked.append(question)
        return decide(self, question)

    monkeypatch.setattr(RulesEngine, "decide", counted)
    assert len(world.edit("mara", {"eyes": "red"})) == 22
    assert len(asked) == 3, "one for shots, one for the coat, one for the shot of the coat"


def test_rules_that_change_in_the_midst_of_a_run_decide_from_then_on(world: World) -> None:
    world.create("shot", "sh020", {}, ["mara"])
    proposal = world.propose(Edit("mara", {"eyes": "red"}))
    assert proposal.root is not None
    scope = world.scope([proposal.root], ("metadata",))
    coat = world.step(lambda tx: reach(tx, scope, "coat"))
    first = world.step(lambda tx: reach(tx, scope, "sh020"))
    rules(world, asks())
    second = world.step(lambda tx: reach(tx, scope, "sh010"))
    found = [one.outcome for one in (coat, first, second)]
    assert found == ["updated", "updated", "awaiting_approval"]


def test_what_no_rule_reads_is_not_looked_up(world: World) -> None:
    rules(world, asks(target_statuses=["final"]))
    world.edit("mara", {"eyes": "red"})
    tx = world.begin()
    shot = tx.entity("sh010")
    one = next(one for one in tx.inputs("sh010") if one.source == "mara")
    plain = question_of(tx, ("visual",), one, 1, shot)
    assert plain == Question(("visual",), "character", "shot", "wip", "character")
    whole = question_of(tx, ("visual",), one, 1, shot, whole=True)
    assert whole.fields == {"eyes"}
    assert whole.affected == (("shot", 1), ("wardrobe", 1))
