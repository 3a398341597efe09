"""Outcomes and reasons: what a change does to each dependent."""

from __future__ import annotations

from functools import partial

import pytest

from protocol.errors import Cycle
from server.propagation import edits, links
from server.propagation.links import NewReference
from tests.domain.world import World


@pytest.fixture
def world() -> World:
    """Mara wears a coat; three shots show both; sh030 is final; two shots stand in sequence one."""
    world = World()
    world.create("character", "mara", {"description": "Tall."})
    world.create("wardrobe", "coat", {"colour": "#d8a31a"}, ["mara"])
    world.create("sequence", "seq1")
    for number in (10, 20):
        world.create("shot", f"sh0{number}", {"framing": "wide"}, ["mara", "coat"])
        world.link(f"sh0{number}", "seq1")
    world.create("shot", "sh030", {}, ["mara", "coat"], status="final")
    return world


def test_a_changed_coat_reaches_its_shots_and_their_sequence(world: World) -> None:
    outcomes = world.edit("coat", {"colour": "#102030"})
    assert {id_: one.outcome for id_, one in outcomes.items()} == {
        "sh010": "updated",
        "sh020": "updated",
        "sh030": "awaiting_approval",
        "seq1": "updated",
    }
    assert outcomes["sh010"].reason.startswith("follows Coat v2")
    assert "final" in outcomes["sh030"].reason
    shown = {one["source"]: one for one in world.shows("sh010")["references"]}
    assert shown["coat"]["version"] == 2
    assert shown["coat"]["fields"]["colour"] == "#102030"
    assert world.shows("sh030")["stale"]


def test_assets_in_between_get_a_version_that_embeds_what_they_are_built_on(world: World) -> None:
    outcomes = world.edit("mara", {"hair": "#000000"})
    assert outcomes["coat"].outcome == "updated"
    coat = world.state.entity("coat").current
    assert (coat.number, coat.cause) == (2, "run")
    assert [(one.source, one.version) for one in coat.references] == [("mara", 2)]
    assert outcomes["sh010"].reason == "follows Mara v2 and Coat v2, because of Mara v2"


def test_a_pin_holds_all_the_way_down(world: World) -> None:
    pinned = NewReference("coat", policy="pinned", version=1)
    world.create("shot", "sh040", {}, [pinned])
    before = world.shows("sh040")
    outcomes = world.edit("mara", {"hair": "#000000"})
    assert outcomes["sh040"].outcome == "pinned"
    assert outcomes["sh040"].reason == "pinned to Coat v1 by mara; v2 does not reach it"
    after = world.shows("sh040")
    assert after["hash"] == before["hash"]
    nested = after["references"][0]["references"][0]
    assert (nested["source"], nested["version"]) == ("mara", 1)
    assert not after["stale"]


def test_an_override_hides_what_it_covers(world: World) -> None:
    hidden = NewReference("coat", overrides={"colour": "#ffffff"})
    world.create("shot", "sh050", {}, [hidden])
    outcomes = world.edit("coat", {"colour": "#102030"})
    assert outcomes["sh050"].outcome == "unchanged"
    outcomes = world.edit("coat", {"pattern": "stripes"})
    assert outcomes["sh050"].outcome == "updated"
    shown = world.shows("sh050")["references"][0]["fields"]
    assert (shown["colour"], shown["pattern"]) == ("#ffffff", "stripes")


def test_a_change_that_shows_nowhere_stops_the_walk(world: World) -> None:
    outcomes = world.edit("coat", {}, status="approved")
    assert {one.outcome for one in outcomes.values()} == {"unchanged"}


def test_a_change_without_a_difference_is_no_version(world: World) -> None:
    assert world.edit("coat", {"colour": "#d8a31a"}) == {}
    assert world.state.entity("coat").current.number == 1


def test_metadata_leaves_the_visual_hash_alone(world: World) -> None:
    before = world.shows("sh010")
    outcomes = world.edit("coat", {"notes": "Dry clean only."})
    after = world.shows("sh010")
    assert outcomes["sh010"].outcome == "updated"
    assert after["hash"] != before["hash"]
    assert after["visual_hash"] == before["visual_hash"]


def test_approved_references_follow_the_pointer_only(world: World) -> None:
    world.create("shot", "sh060", {}, [NewReference("coat", policy="approved")])
    outcomes = world.edit("coat", {"colour": "#102030"})
    assert outcomes["sh060"].outcome == "unchanged"
    assert "not approved" in outcomes["sh060"].reason
    version = world.state.entity("coat").current
    roots = world.step(lambda tx: edits.approve_version(tx, "coat", version))
    outcomes = world.run(roots, ("visual",))
    assert outcomes["sh060"].outcome == "updated"
    assert world.shows("sh060")["references"][0]["version"] == 2


def test_taking_final_off_catches_up(world: World) -> None:
    world.edit("coat", {"colour": "#102030"})
    world.edit("sh030", {}, status="wip")
    shown = {one["source"]: one["version"] for one in world.shows("sh030")["references"]}
    assert shown["coat"] == 2
    assert not world.shows("sh030")["stale"]


def test_a_cycle_is_refused_with_its_path(world: World) -> None:
    world.create("prop", "lamp", {}, ["coat"])
    with pytest.raises(Cycle) as caught:
        world.link("lamp", "mara")
    assert caught.value.path == ["lamp", "mara", "coat", "lamp"]


def test_deleting_and_restoring_brings_every_reference_back(world: World) -> None:
    before = world.shows("sh010")
    roots = world.step(lambda tx: edits.delete_entity(tx, "coat", force=True))
    world.run(roots, ("relationship",))
    assert [one["source"] for one in world.shows("sh010")["references"]] == ["mara"]
    roots = world.step(lambda tx: edits.restore_entity(tx, "coat"))
    world.run(roots, ("relationship",))
    assert world.shows("sh010")["hash"] == before["hash"]


def test_rolling_back_makes_a_new_version_that_is_as_the_old_one_was(world: World) -> None:
    before = world.shows("sh010")
    world.edit("coat", {"colour": "#102030", "description": "Torn."})
    outcomes = world.rollback("coat", 1)
    assert outcomes["sh010"].outcome == "updated"
    coat = world.state.entity("coat").current
    assert (coat.number, coat.cause, coat.fields["colour"]) == (3, "rollback", "#d8a31a")
    assert world.shows("sh010")["visual_hash"] == before["visual_hash"]


def test_what_was_restored_in_any_order_shows_the_latest(world: World) -> None:
    """Found by the random histories: the user came back first, what it uses had moved on."""
    world.create("location", "quay")
    world.create("prop", "lamp", {}, ["quay"])
    for gone in ("lamp", "quay"):
        if gone == "quay":
            world.edit("quay", {"notes": "Wet."})
        world.step(partial(edits.delete_entity, entity_id=gone, force=True))
    for back in ("lamp", "quay"):
        roots = world.step(partial(edits.restore_entity, entity_id=back))
        world.run(roots, ("relationship",))
    assert world.shows("lamp")["references"][0]["version"] == 2
    assert not world.shows("lamp")["stale"]


def test_taking_an_override_off_shows_what_it_had_hidden(world: World) -> None:
    """Found by the random histories: the pointer had stayed behind while nothing of it showed."""
    hidden = NewReference("coat", overrides={"colour": "#ffffff"})
    world.create("shot", "sh050", {}, [hidden])
    world.edit("coat", {"colour": "#102030"})
    reference = next(iter(world.state.inputs("sh050").values()))
    world.step(lambda tx: links.relink(tx, reference, overrides={}))
    shown = world.shows("sh050")["references"][0]
    assert (shown["version"], shown["fields"]["colour"]) == (2, "#102030")
