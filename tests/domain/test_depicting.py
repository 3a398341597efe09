"""What a picture was made from, and what has moved since, in words."""

from __future__ import annotations

import pytest

from server.domain.depicting import MOST_REASONS
from server.propagation import edits, links
from server.propagation.links import NewReference
from tests.domain.world import World


@pytest.fixture
def world() -> World:
    """Mara wears a coat, the lamp stands on the quay, and a shot in a sequence shows both."""
    world = World()
    world.create("character", "mara", {"hair": "#111111"})
    world.create("wardrobe", "coat", {"colour": "#d8a31a"}, ["mara"])
    world.create("location", "quay", {"colour": "#111111"})
    world.create("prop", "lamp", {"colour": "#d8a31a"}, ["quay"])
    world.create("sequence", "seq1")
    world.create("shot", "sh010", {"framing": "wide"}, ["coat", "lamp"])
    world.link("sh010", "seq1")
    world.picture("sh010")
    return world


def test_a_picture_knows_every_version_that_it_was_made_from(world: World) -> None:
    assert world.state.pictures["sh010"].versions == {
        "sh010": 1,
        "coat": 1,
        "lamp": 1,
        "mara": 1,
        "quay": 1,
    }
    assert world.why_stale("sh010") == []


def test_where_two_versions_are_shown_the_nearest_is_named(world: World) -> None:
    world.link("mara", "sh010", policy="pinned")
    world.edit("mara", {"hair": "#222222"})
    picture = world.picture("sh010")
    assert {part.version for part in picture.parts if part.source == "mara"} == {1, 2}
    assert picture.versions["mara"] == 1
    world.edit("mara", {"hair": "#333333"})
    assert world.why_stale("sh010") == ["Mara went from v1 and v2 to v1 and v3"]


def test_what_looks_different_is_named_and_not_what_only_carries_it(world: World) -> None:
    world.edit("coat", {"colour": "#000000"})
    assert world.why_stale("sh010") == ["Coat went from v1 to v2"]
    world.edit("mara", {"hair": "#222222"})
    assert world.state.entity("coat").current.number == 3
    assert world.why_stale("sh010") == ["Coat went from v1 to v3", "Mara went from v1 to v2"]


def test_the_entity_itself(world: World) -> None:
    world.edit("sh010", {"framing": "close"})
    assert world.why_stale("sh010") == ["the shot itself went from v1 to v2"]
    world.picture("mara")
    world.edit("mara", {"hair": "#222222"})
    assert world.why_stale("mara") == ["the character itself went from v1 to v2"]


def test_what_does_not_show_makes_nothing_stale(world: World) -> None:
    world.edit("coat", {"notes": "Bought in Lisbon"}, name="The coat", status="approved")
    world.edit("sh010", {"notes": "Again at dusk"}, status="review")
    assert world.why_stale("sh010") == []


def test_a_rollback_makes_a_picture_fresh_again(world: World) -> None:
    world.edit("coat", {"colour": "#000000"})
    assert world.why_stale("sh010")
    world.rollback("coat", 1)
    assert world.state.entity("coat").current.number == 3
    assert world.why_stale("sh010") == []


def test_what_came_and_what_went(world: World) -> None:
    lamp = next(one for one in world.state.references.values() if one.source == "lamp")
    roots = world.step(lambda tx: links.unlink(tx, lamp) if lamp.target == "sh010" else [])
    world.run(roots, ("relationship",))
    assert world.why_stale("sh010") == [
        "Lamp is not in it any more",
        "Quay is not in it any more",
    ]
    world.create("prop", "rope", {"colour": "#222222"})
    world.link("rope", "sh010")
    assert world.why_stale("sh010")[-1] == "Rope is in it now"


def test_what_was_deleted_still_has_its_name(world: World) -> None:
    world.run(world.step(lambda tx: edits.delete_entity(tx, "coat", force=True)), ("relationship",))
    assert world.why_stale("sh010") == [
        "Coat is not in it any more",
        "Mara is not in it any more",
    ]
    world.run(world.step(lambda tx: edits.restore_entity(tx, "coat")), ("relationship",))
    assert world.why_stale("sh010") == []


def test_an_override_a_role_and_a_pin(world: World) -> None:
    coat = next(one for one in world.state.references.values() if one.source == "coat")
    world.step(lambda tx: links.relink(tx, coat, overrides={"colour": "#ffffff"}))
    assert world.why_stale("sh010") == ["Coat looks different in it"]
    changed = world.state.references[coat.id]
    world.step(lambda tx: links.relink(tx, changed, overrides={}, role="prop"))
    assert world.why_stale("sh010") == ["Coat has another place in it"]


def test_a_sequence_is_made_of_its_shots(world: World) -> None:
    assert world.picture("seq1").versions == {"seq1": 2, "sh010": 1}
    world.edit("coat", {"colour": "#000000"})
    assert world.why_stale("seq1") == ["Sh010 looks different in it"]
    world.picture("seq1")
    world.edit("sh010", {"framing": "close"})
    assert world.why_stale("seq1") == ["Sh010 went from v1 to v2"]
    world.picture("seq1")
    seat = next(one for one in world.state.references.values() if one.target == "seq1")
    world.step(lambda tx: links.relink(tx, seat, order="a9"))
    assert world.why_stale("seq1") == ["Sh010 has another place in it"]


def test_what_only_carries_is_named_where_nothing_else_can_be(world: World) -> None:
    """Mara stays in it by another way, so only the coat can say that it lost her."""
    below = next(one for one in world.state.references.values() if one.target == "coat")
    world.link("mara", "sh010", role=below.role)
    world.picture("sh010")
    world.run(world.step(lambda tx: links.unlink(tx, below)), ("relationship",))
    assert world.why_stale("sh010") == ["Coat went from v1 to v2"]


def test_there_is_an_end_to_the_reasons(world: World) -> None:
    props: list[str | NewReference] = [f"prop{number:02d}" for number in range(30)]
    for prop in props:
        world.create("prop", str(prop))
    world.create("shot", "sh020", {}, props)
    world.picture("sh020")
    for prop in props:
        world.edit(str(prop), {"colour": "#123456"})
    reasons = world.why_stale("sh020")
    assert len(reasons) == MOST_REASONS + 1
    assert reasons[-1] == f"and {30 - MOST_REASONS} more"


def test_what_is_in_it_once_more_is_said() -> None:
    world = World()
    world.create("wardrobe", "coat", {"colour": "#111111"})
    world.create("location", "quay", {}, ["coat"])
    world.create("prop", "lamp", {}, ["quay"])
    world.picture("lamp")
    world.link("coat", "lamp")
    assert world.why_stale("lamp") == ["Coat is in it in 2 places now"]
