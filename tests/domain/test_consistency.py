"""What is kept follows from versions and references; where it does not, it is put right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.domain.consistency import problems, put_right
from server.domain.entities import Digests
from tests.domain.world import World


@pytest.fixture
def world() -> World:
    """A coat that Mara wears, in two shots of a scene of a sequence; both changed once."""
    world = World()
    world.create("character", "mara", {"description": "Tall."})
    world.create("wardrobe", "coat", {"colour": "#d8a31a"}, ["mara"])
    world.create("shot", "sh010", {}, ["mara", "coat"])
    world.create("shot", "sh020", {}, ["coat"])
    world.create("scene", "sc1", {}, ["sh010", "sh020"])
    world.create("sequence", "seq1", {}, ["sc1"])
    world.edit("mara", {"description": "Small."})
    return world


def wrong(world: World) -> dict[str, list[str]]:
    tx = world.begin()
    found = {id_: list(problems(tx, one)) for id_, one in world.state.entities.items()}
    return {id_: said for id_, said in found.items() if said}


def repaired(world: World, *ids: str) -> list[str]:
    return world.step(lambda tx: [said for id_ in ids for said in put_right(tx, tx.entity(id_))])


def test_nothing_is_wrong_with_what_ripplecut_did(world: World) -> None:
    assert wrong(world) == {}
    assert repaired(world, *world.state.entities) == []


@pytest.mark.parametrize("id_", ["mara", "coat", "sh010", "sc1", "seq1"])
def test_a_hash_that_was_altered_is_worked_out_anew(world: World, id_: str) -> None:
    entity = world.state.entities[id_]
    before, entity.digests = entity.digests, Digests(b"v" * 32, b"a" * 32)
    assert "its hashes are not those of what it resolves to" in wrong(world)[id_]
    assert repaired(world, *world.state.entities)
    assert wrong(world) == {}
    assert world.state.entities[id_].digests == before


@pytest.mark.parametrize("target", ["coat", "sh010", "sh020"])
def test_a_pointer_that_was_altered_goes_back(world: World, target: str) -> None:
    reference = next(iter(world.state.inputs(target).values()))
    before, reference.version = reference.version, 1
    assert wrong(world)[target]
    said = repaired(world, target)
    assert any("again" in one for one in said)
    assert wrong(world) == {}
    assert world.state.references[reference.id].version == before == 2


def test_a_sum_that_was_altered_is_added_up_anew(world: World) -> None:
    world.state.entities["sc1"].members = (1, 2)
    assert wrong(world)["sc1"]
    repaired(world, "sc1")
    assert wrong(world) == {}


def test_what_rests_on_a_damaged_version_is_left_for_a_backup(world: World) -> None:
    current = world.state.entities["mara"].current
    damaged = replace(current, fields={"description": "Somebody else."})
    world.state.entities["mara"].current = damaged
    world.state.versions["mara", current.number] = damaged
    before = world.state.entities["sh010"].digests
    assert wrong(world)["sh010"] == ["version mara_v2 was damaged"]
    assert "backup" in repaired(world, "sh010")[-1]
    assert world.state.entities["sh010"].digests == before


def test_scenes_are_not_looked_at_while_a_run_is_under_way(world: World) -> None:
    entity = world.state.entities["sc1"]
    entity.digests = Digests(b"v" * 32, b"a" * 32)
    assert not list(problems(world.begin(), entity, settled=False))
