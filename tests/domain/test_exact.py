"""Exact work, in short: the early stop, each dependent once, and what survives."""

from __future__ import annotations

import pytest

from server.domain.entities import Reference
from server.domain.runs import Outcome
from server.propagation import edits, links
from server.propagation.links import NewReference
from server.system import AssetPropagationSystem
from tests.domain.world import World


@pytest.fixture
def world() -> World:
    """Mara wears a coat; a shot of both stands in a scene of a sequence."""
    world = World()
    world.create("character", "mara", {"description": "Tall."})
    world.create("wardrobe", "coat", {"colour": "#d8a31a"}, ["mara"])
    world.create("shot", "sh010", {}, ["mara", "coat"])
    world.create("scene", "sc1", {}, ["sh010"])
    world.create("sequence", "seq1", {}, ["sc1"])
    return world


def names(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {id_: one.outcome for id_, one in outcomes.items()}


def reference(world: World, source: str, target: str) -> Reference:
    return next(one for one in world.state.inputs(target).values() if one.source == source)


def test_a_metadata_change_leaves_pictures_fresh(world: World) -> None:
    world.picture("sh010")
    world.edit("mara", {"notes": "Needs a double."})
    assert world.why_stale("sh010") == []
    world.edit("mara", {"hair": "#111111"})
    assert world.why_stale("sh010")


def test_what_did_not_change_stops_the_walk(world: World) -> None:
    """The coat hides what changed: it gets no version, and nothing behind it is touched."""
    world.create("prop", "badge", {}, [NewReference("coat")])
    world.create("shot", "sh020", {}, ["badge"])
    hidden = reference(world, "mara", "coat")
    _, roots = world.step(lambda tx: links.relink(tx, hidden, overrides={"hair": "#222222"}))
    world.run(roots, ("relationship",))
    before = world.state.entity("coat").current.number
    outcomes = world.edit("mara", {"hair": "#111111"})
    assert world.state.entity("coat").current.number == before
    assert [outcomes[id_].outcome for id_ in ("coat", "badge", "sh020")] == ["unchanged"] * 3
    assert outcomes["sh010"].outcome == "updated"


def test_in_a_diamond_each_dependent_is_reached_once_and_gets_one_version(world: World) -> None:
    world.create("wardrobe", "hat", {}, ["mara"])
    world.create("prop", "trunk", {}, ["coat", "hat", "mara"])
    outcomes = world.edit("mara", {"hair": "#111111"})
    assert outcomes["trunk"].outcome == "updated"
    assert world.state.entity("trunk").current.number == 2
    built_on = {one.source: one.version for one in world.state.entity("trunk").current.references}
    assert built_on == {"coat": 2, "hat": 2, "mara": 2}


async def test_a_batch_reaches_the_union_of_its_dependents_once() -> None:
    async with AssetPropagationSystem("film") as system:
        for id_ in ("mara", "otto"):
            await system.create_entity("character", id_, id=id_)
        uses = [{"source": "mara"}, {"source": "otto"}]
        for number, given in enumerate((uses, uses[:1], uses[1:])):
            await system.create_entity("shot", f"sh{number}", references=given)
        result = await system.propagate_batch(
            [("mara", {"hair": "#111111"}), ("otto", {"hair": "#222222"})]
        )
        assert result.counts == {"updated": 3}


def test_a_new_edge_and_a_lost_one_reach_what_holds_their_end(world: World) -> None:
    world.create("prop", "lamp")
    before = world.shows("seq1")["hash"]
    _, roots = world.step(lambda tx: links.link(tx, "sh010", NewReference("lamp")))
    assert names(world.run(roots, ("relationship",))) == {"sc1": "updated", "seq1": "updated"}
    made = reference(world, "lamp", "sh010")
    roots = world.step(lambda tx: links.unlink(tx, made))
    assert names(world.run(roots, ("relationship",))) == {"sc1": "updated", "seq1": "updated"}
    assert world.shows("seq1")["hash"] == before


def test_a_deletion_reaches_what_is_built_on_its_users(world: World) -> None:
    world.create("shot", "sh020", {}, ["coat"])
    roots = world.step(lambda tx: edits.delete_entity(tx, "mara", force=True))
    assert {root.asset_id for root in roots} == {"coat", "sh010"}
    outcomes = world.run(roots, ("relationship",))
    assert names(outcomes) == {
        "sh010": "updated",
        "sh020": "updated",
        "sc1": "updated",
        "seq1": "updated",
    }


def test_overrides_survive_changes_and_rollbacks_of_what_they_override(world: World) -> None:
    used = reference(world, "coat", "sh010")
    world.step(lambda tx: links.relink(tx, used, overrides={"colour": "#ffffff"}))
    world.edit("coat", {"colour": "#111111", "pattern": "stripes"})
    world.rollback("coat", 1)
    world.edit("coat", {"pattern": "checks"})
    shown = next(one for one in world.shows("sh010")["references"] if one["source"] == "coat")
    assert shown["overrides"] == {"colour": "#ffffff"}
    assert (shown["fields"]["colour"], shown["fields"]["pattern"]) == ("#ffffff", "checks")
