"""server/domain/rule_trial.py: what a trial says is what the run then does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.domain.rule_trial import travels, trials
from server.domain.rules import Rule, RulesEngine
from server.domain.runs import Root
from server.propagation.links import NewReference
from server.propagation.pipeline import Edit
from tests.domain.world import World

OUTCOMES = {
    "block": "blocked",
    "undecided": "conflict",
    "require_approval": "awaiting_approval",
    "pin": "pinned",
    "mark_stale": "stale",
    "notify": "notified",
    "update": "updated",
}
SEVEREST = list(OUTCOMES)


def some(*items: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(items), max_size=2, unique=True)


conditions = st.fixed_dictionaries(
    {"verdict": st.sampled_from([one for one in SEVEREST if one != "undecided"])},
    optional={
        "change_classes": some("visual", "metadata"),
        "source_kinds": some("character", "wardrobe"),
        "target_kinds": some("shot", "wardrobe"),
        "target_statuses": some("wip", "final"),
        "fields": some("description", "eyes", "@references", "e*"),
        "roles": some("worn_by", "wardrobe"),
        "affected_over": st.integers(0, 5),
        "enabled": st.booleans(),
    },
)
changes = st.dictionaries(
    st.sampled_from(["description", "eyes"]), st.sampled_from(["b", "c"]), min_size=1
)


def film(rules: list[dict[str, Any]]) -> World:
    world = World()
    world.create("character", "mara", {"description": "a", "eyes": "a"})
    world.create("wardrobe", "coat", {"description": "a"}, ["mara"])
    world.create("shot", "both", {}, ["mara", "coat"])
    world.create("shot", "locked", {}, ["coat"], status="final")
    world.create("shot", "pinned", {}, [NewReference("coat", version=1)])
    world.create("shot", "hidden", {}, [NewReference("mara", overrides={"eyes": "green"})])
    named = [{"id": f"r{number}", "name": "r", **one} for number, one in enumerate(rules)]
    world.step(lambda tx: tx.put_project(replace(world.state.record, rules=named)))
    return world


@settings(max_examples=60)
@given(st.lists(conditions, max_size=3), changes)
def test_a_trial_foretells_what_a_run_does(
    rules: list[dict[str, Any]], change: dict[str, str]
) -> None:
    world = film(rules)
    proposal = world.propose(Edit("mara", change))
    assert proposal.root is not None
    tx = world.begin()
    come = {"mara": travels(tx, proposal.root)}
    order = world.state.graph.affected(come)
    engine = RulesEngine(map(Rule.stored, world.state.record.rules))
    foretold: dict[str, set[str]] = {}
    for one in trials(tx, come, order, engine):
        verdict = one.decision.verdict if one.decision else one.reference.policy
        foretold.setdefault(one.target.id, set()).add(verdict)
    done = world.run([proposal.root], proposal.classification.classes)
    for entity_id, outcome in done.items():
        verdicts = foretold.get(entity_id, set())
        ruled = sorted(verdicts & OUTCOMES.keys(), key=SEVEREST.index)
        expected = OUTCOMES[ruled[0]] if ruled else "pinned" if verdicts else "unchanged"
        assert outcome.outcome == expected, (entity_id, outcome, verdicts)


def test_a_change_that_was_made_is_tried_as_if_it_came_today() -> None:
    world = film([])
    world.edit("mara", {"eyes": "b"})
    world.edit("mara", {"description": "b"})
    tx = world.begin()
    assert travels(tx, Root("mara", 1, 2)).fields == {"eyes"}
    assert travels(tx, Root("mara", 2, 3)).classes == {"visual"}
    found = list(trials(tx, {"mara": travels(tx, Root("mara", 1, 2))}, ["hidden"], tx.rules))
    assert found == [], "its override hides all of the change"
