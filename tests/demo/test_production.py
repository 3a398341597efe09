"""The demo: what it promises to whoever opens it first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from server.demo import DEMO_ID, load_demo, production, screenplay
from server.domain.actors import Actor
from server.domain.default_kinds import default_kinds
from server.domain.entities import Entity, Reference
from server.formats.fountain import import_screenplay, read_fountain
from server.formats.json import import_project
from server.propagation.project import ProjectOwner
from server.services import changes, reading
from server.services.projects import Projects
from server.storage import SqliteStorage

ME = Actor("mara", "cli")
COAT = "keepers-coat"
MEMORY = {"scene-007", "scene-008"}


@pytest.fixture
async def projects() -> AsyncIterator[Projects]:
    storage = await SqliteStorage.open(None)
    projects = Projects(storage)
    yield projects
    await projects.close()
    await storage.close()


@pytest.fixture
async def owner(projects: Projects) -> ProjectOwner:
    return await load_demo(projects, ME)


def of_kind(owner: ProjectOwner, kind: str) -> list[Entity]:
    return [one for one in owner.state.entities.values() if one.kind == kind]


def uses(owner: ProjectOwner, entity_id: str, kind: str) -> list[Reference]:
    """What an entity is built on, of one kind."""
    inputs = owner.state.inputs(entity_id).values()
    return [one for one in inputs if owner.state.entities[one.source].kind == kind]


def held_by(owner: ProjectOwner, entity_id: str, kind: str) -> list[Entity]:
    """The scenes, or sequences, that something stands in."""
    users = [owner.state.entities[one.target] for one in owner.state.outputs(entity_id)]
    return [one for one in users if one.kind == kind]


async def test_the_demo_is_whole_and_loaded_once(projects: Projects, owner: ProjectOwner) -> None:
    counts = Counter(one.kind for one in owner.state.entities.values())
    assert counts == {
        "character": 7,
        "wardrobe": 11,
        "prop": 9,
        "location": 6,
        "style": 2,
        "scene": 14,
        "sequence": 8,
        "shot": 120,
    }
    assert owner.project_id == DEMO_ID
    seq = owner.state.seq
    assert await load_demo(projects, ME) is owner
    again = await import_project(owner, production(), ME)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 163)
    assert owner.state.seq == seq


async def test_a_loading_that_was_cut_short_is_completed(projects: Projects) -> None:
    half = await projects.create("The Night Line", DEMO_ID, ME)
    cast = {key: value for key, value in production().items() if key.endswith("s")}
    del cast["sequences"], cast["shots"]
    await import_project(half, cast, ME)
    assert await load_demo(projects, ME) is half
    assert len(of_kind(half, "shot")) == 120
    assert len(of_kind(half, "scene")) == 14


async def test_loading_is_the_same_every_time(owner: ProjectOwner) -> None:
    storage = await SqliteStorage.open(None)
    other = Projects(storage)
    twin = await load_demo(other, ME)
    for entity in owner.state.entities.values():
        assert (
            reading.resolved(twin, entity.id)["hash"] == reading.resolved(owner, entity.id)["hash"]
        )
    await other.close()
    await storage.close()


async def test_every_field_of_every_kind_is_filled(owner: ProjectOwner) -> None:
    for entity in owner.state.entities.values():
        if entity.kind == "scene":
            continue
        for spec in owner.state.kind(entity).fields:
            value = entity.current.fields.get(spec.name)
            assert value is not None, f"{entity.id}.{spec.name}"
            if spec.type == "colour":
                assert re.fullmatch(r"#[0-9a-f]{6}", value)
        assert len(entity.current.fields["description"]) > 30, entity.id
    for scene in of_kind(owner, "scene"):
        for name in ("number", "heading", "setting", "time_of_day", "length_eighths", "script"):
            assert scene.current.fields.get(name), f"{scene.id}.{name}"
    pages = sum(one.current.fields["length_eighths"] for one in of_kind(owner, "scene")) / 8
    assert 8 <= pages <= 13


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    for key, items in production().items():
        if key != "project":
            yield from ((key.removesuffix("s"), item) for item in items)


def test_the_file_says_nothing_that_no_kind_declares() -> None:
    kinds = default_kinds()
    known = {"name", "status", "references", "versions", "visual_prompt"}
    known |= {"id", "shot_id", "sequence_id", "scene_id", "worn_by", "used_in"}
    for kind, item in entries():
        declared = {spec.name for spec in kinds.get(kind).fields}
        assert set(item) <= known | declared, item
        groups = {f"{one.name}_references" for one in kinds if one.category == "asset"}
        assert set(item.get("visual_prompt", {})) <= groups, item


async def test_the_file_leaves_nothing_out(projects: Projects) -> None:
    owner = await load_demo(projects, ME)
    report = await import_project(owner, production(), ME, dry_run=True)
    assert report["skipped"] == report["warnings"] == []


async def test_every_asset_is_seen_and_belongs_to_somebody(owner: ProjectOwner) -> None:
    for entity in owner.state.entities.values():
        if owner.state.category(entity.id) == "asset":
            assert held_by(owner, entity.id, "shot"), f"{entity.id} is in no shot"
        if entity.kind == "wardrobe":
            assert uses(owner, entity.id, "character"), f"nobody wears {entity.id}"
        if entity.kind == "prop":
            assert uses(owner, entity.id, "location"), f"{entity.id} is nowhere"


async def test_every_shot_stands_in_its_scene(owner: ProjectOwner) -> None:
    for shot in of_kind(owner, "shot"):
        (scene,) = held_by(owner, shot.id, "scene")
        (sequence,) = held_by(owner, shot.id, "sequence")
        assert sequence.id in {one.id for one in held_by(owner, scene.id, "sequence")}
        assert shot.current.fields["time_of_day"] == scene.current.fields["time_of_day"], shot.id
        (location,) = uses(owner, shot.id, "location")
        assert [one.source for one in uses(owner, scene.id, "location")] == [location.source]
        (style,) = uses(owner, shot.id, "style")
        memory = style.source == "hand-tinted-postcard"
        assert memory == (scene.id in MEMORY), shot.id


async def test_everybody_is_dressed_and_nothing_hangs_about(owner: ProjectOwner) -> None:
    for shot in of_kind(owner, "shot"):
        cast = {one.source for one in uses(owner, shot.id, "character")}
        dressed: set[str] = set()
        for worn in reading.resolved(owner, shot.id)["references"]:
            if worn["kind"] == "wardrobe":
                wearers = {one["source"] for one in worn["references"]} & cast
                assert len(wearers) == 1, f"{shot.id}: {worn['source']} is worn by {wearers}"
                dressed |= wearers
        assert dressed == cast, shot.id
    wardrobe = {
        one.id: {ref.target for ref in owner.state.outputs(one.id)}
        for one in of_kind(owner, "wardrobe")
    }
    assert wardrobe["company-suit"]
    assert wardrobe["porters-jacket"]
    assert not wardrobe["company-suit"] & wardrobe["porters-jacket"], "Tomas changes once"


async def test_it_runs_and_looks_like_a_film(owner: ProjectOwner) -> None:
    shots = of_kind(owner, "shot")
    durations = [one.current.fields["duration"] for one in shots]
    assert all(1.5 <= one <= 10 for one in durations)
    assert 8 * 60 <= sum(durations) <= 12 * 60
    framings = Counter(one.current.fields["framing"] for one in shots)
    assert len(framings) == 5
    assert max(framings.values()) <= 36
    assert min(framings.values()) >= 12
    for sequence in of_kind(owner, "sequence"):
        members = uses(owner, sequence.id, "shot")
        assert 10 <= len(members) <= 20
        seen = {owner.state.entities[one.source].current.fields["framing"] for one in members}
        assert len(seen) == 5, sequence.id
    statuses = Counter(one.status for one in shots)
    assert set(statuses) == {"wip", "review", "approved", "final"}
    assert statuses["final"] == 7
    assert len({one.name for one in shots}) == 120
    assert len({one.current.fields["description"] for one in shots}) == 120


async def test_changing_the_coat_is_a_show(owner: ProjectOwner) -> None:
    worn = [one for one in owner.state.outputs(COAT) if owner.state.category(one.target) == "shot"]
    assert len(worn) >= 30
    pinned = {one.target: one.version for one in worn if one.policy == "pinned"}
    memory = dict.fromkeys(("sh630", "sh650", "sh660", "sh680", "sh710"), 1)
    assert pinned == {"sh260": 2, **memory}
    for shot in pinned:
        notes = owner.state.entities[shot].current.fields["notes"]
        assert notes.startswith("Pinned"), f"{shot} does not say why"
    assert reading.resolved(owner, "sh630")["prompt"].count("#66794f") == 1
    first = await reading.version_json(owner, COAT, 1)
    assert first["message"] == "As it was issued: company green, on Anselm"
    soaked = {one.target for one in worn if "colour" in one.overrides}
    assert len(soaked) == 6
    result = await changes.propagate_asset_change(owner, COAT, {"colour": "#224466"}, ME)
    assert result.counts["pinned"] == len(pinned)
    assert result.counts["awaiting_approval"] == 3
    assert result.counts["updated"] >= 25
    assert "#8a5b21" in reading.resolved(owner, "sh920")["prompt"]


async def test_the_first_wardrobe_that_people_meet_is_a_show_too(owner: ProjectOwner) -> None:
    suit = {"colour": "#7a6a3a"}
    seen = await changes.calculate_change_impact(owner, "company-suit", suit, ME)
    outcomes = {one["entity_id"]: one["outcome"] for one in seen["outcomes"]}
    assert {shot for shot, outcome in outcomes.items() if outcome == "pinned"} == {"sh020"}
    assert outcomes["sh050"] == outcomes["sh420"] == "awaiting_approval"
    assert outcomes["sh040"] == "updated"


# -- the screenplay --------------------------------------------------------------------------------


async def test_the_first_draft_over_the_demo_changes_nothing(owner: ProjectOwner) -> None:
    seq = owner.state.seq
    report = await import_screenplay(owner, await read_fountain(screenplay(1)), ME)
    assert (report["created"], report["updated"]) == (0, 0)
    assert report["warnings"] == report["skipped"] == report["screenplay"]["affected_shots"] == []
    assert owner.state.seq == seq


REVISION = {
    "added": {"12A"},
    "omitted": {"11"},
    "rewritten": {
        "5": "a ruler",
        "8": "Odile joins",
        "12": "Odile says for how long",
    },
}
"""What the second draft changes, by scene number; scenes 9 and 10 change places besides."""


async def test_the_second_draft_over_the_demo_reports_the_revision(owner: ProjectOwner) -> None:
    shots = {
        scene.current.fields["number"]: {one.source for one in uses(owner, scene.id, "shot")}
        for scene in of_kind(owner, "scene")
    }
    play = await read_fountain(screenplay(2))
    seen = await import_screenplay(owner, play, ME, dry_run=True)
    told = seen["screenplay"]
    scenes = {key: {one["number"] for one in told["scenes"][key]} for key in told["scenes"]}
    assert scenes["added"] == REVISION["added"]
    assert scenes["omitted"] == REVISION["omitted"]
    assert scenes["rewritten"] == set(REVISION["rewritten"])
    assert len(scenes["moved"]) == 1
    assert scenes["moved"] <= {"9", "10"}
    joined = next(one for one in told["scenes"]["rewritten"] if one["number"] == "8")
    assert joined["what"].endswith("Odile joined")
    assert told["people"]["renamed"] == [{"id": "director-valk", "from": "Valk", "to": "Dorn"}]
    assert told["people"]["added"] == told["people"]["gone"] == told["people"]["offered"] == []
    assert told["locations"]["added"] == []
    assert [one["id"] for one in told["locations"]["gone"]] == ["sleeping-car"]
    changed = scenes["omitted"] | scenes["rewritten"]
    affected = {one["id"] for one in told["affected_shots"]}
    assert affected == set().union(*(shots[number] for number in changed))

    done = await import_screenplay(owner, play, ME)
    assert {key: done[key] for key in ("created", "updated", "screenplay")} == {
        key: seen[key] for key in ("created", "updated", "screenplay")
    }
    assert done["run_id"] is not None
    assert await owner.engine.wait(done["run_id"], 30)
    assert owner.state.entities["director-valk"].name == "Dorn"
    assert owner.state.entities["scene-011"].status == "omitted"
    again = await import_screenplay(owner, play, ME)
    assert (again["created"], again["updated"]) == (0, 0)
