"""Importing the mission's JSON: shapes, counts, what is refused, and what is left out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from protocol.errors import Cycle, Invalid
from server.domain.drafts import read_values
from server.domain.graph import DependencyGraph
from server.formats.json import export_project, export_quietly, import_project
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services import changes, entities, reading
from server.services.projects import Projects
from tests.formats.world import ME, edges, film, looks, standing


async def test_the_missions_shape_becomes_entities_and_edges(owner: ProjectOwner) -> None:
    report = await import_project(owner, film(), ME)
    assert report == {
        "created": 10,
        "updated": 0,
        "unchanged": 0,
        "removed": [],
        "skipped": [],
        "warnings": [],
        "run_id": None,
    }
    assert edges(owner) == {
        ("mara", "coat", "worn_by"),
        ("mara", "boots", "worn_by"),
        ("dock", "lamp", "used_in"),
        ("dock", "sc1", "location"),
        ("sh1", "sq1", "shot"),
        ("sh1", "sc1", "shot"),
        ("sh2", "sc1", "shot"),
        ("sc1", "sq1", "scene"),
        ("mara", "sh1", "character"),
        ("lamp", "sh1", "prop"),
        ("coat", "sh1", "wardrobe"),
        ("boots", "sh1", "wardrobe"),
        ("dock", "sh1", "location"),
        ("mara", "sh2", "character"),
    }
    coat = owner.state.entity("coat")
    assert coat.current.fields["colour"] == "#d8a31a"
    assert coat.current.fields["state"] == "wet"
    assert coat.current.cause == "import"
    assert owner.state.entity("mara").current.fields["age"] == 40
    assert owner.state.entity("dock").current.fields["setting"] == "exterior"
    assert owner.state.entity("ink").name == "ink"


async def test_a_prompt_brings_visual_fields_overrides_and_order(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    shot = reading.resolved(owner, "sh1")
    assert shot["status"] == "review"
    assert shot["fields"]["description"] == "She waits"
    assert shot["fields"]["lens"] == "35 mm"
    assert owner.state.entity("sh1").current.visual_fields == {"lens"}
    order = [one["source"] for one in shot["references"]]
    assert order == ["mara", "lamp", "coat", "boots", "dock"]
    coat = next(one for one in shot["references"] if one["source"] == "coat")
    assert coat["fields"]["state"] == "torn"


async def test_the_same_file_again_changes_nothing_at_all(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    before = standing(owner)
    report = await import_project(owner, film(), ME)
    assert (report["created"], report["updated"], report["unchanged"]) == (0, 0, 10)
    assert standing(owner) == before


async def test_what_changed_becomes_versions_and_travels_in_one_run(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    file = film()
    file["characters"][0]["description"] = "Tall, quiet and wet"
    file["characters"][0]["name"] = "Mara Lind"
    file["shots"][1]["visual_prompt"]["prop_references"] = ["lamp"]
    file["shots"].append({"id": "sh3", "scene_id": "sc1"})
    report = await import_project(owner, file, ME)
    assert (report["created"], report["updated"], report["unchanged"]) == (1, 3, 7)
    assert await owner.engine.wait(report["run_id"], 10)
    mara = await reading.version_json(owner, "mara", 2)
    assert mara["cause"] == "import"
    assert mara["changes"].keys() == {"description", "@name"}
    assert owner.state.entity("sh2").current.changes.keys() == {"@references"}
    assert ("lamp", "sh2", "prop") in edges(owner)
    assert ("sh3", "sc1", "shot") in edges(owner)
    assert not reading.entity(owner, "sh1")["stale"]
    run = await owner.storage.run(report["run_id"])
    assert run.cause == "import"
    assert run.status == "done"
    draft = read_values(await owner.draft_state("mara"))
    assert draft["description"] == "Tall, quiet and wet"


async def test_an_override_in_the_file_changes_the_reference(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    file = film()
    file["shots"][0]["visual_prompt"]["wardrobe_references"][0]["overrides"] = {"state": "dry"}
    report = await import_project(owner, file, ME)
    assert (report["created"], report["updated"]) == (0, 1)
    coat = next(
        one for one in reading.resolved(owner, "sh1")["references"] if one["source"] == "coat"
    )
    assert coat["fields"]["state"] == "dry"
    assert (await import_project(owner, file, ME))["updated"] == 0


async def test_what_the_file_does_not_name_stays(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    report = await import_project(owner, {"characters": [{"id": "mara"}]}, ME)
    assert report["unchanged"] == 1
    assert report["removed"] == []
    assert len(owner.state.entities) == 10
    assert owner.state.entity("mara").name == "Mara"


async def test_a_dry_run_tells_the_same_and_does_nothing(owner: ProjectOwner) -> None:
    before = standing(owner)
    report = await import_project(owner, film(), ME, dry_run=True)
    assert report["created"] == 10
    assert not owner.state.entities
    assert standing(owner) == before


async def test_a_reference_to_nothing_is_left_out_and_told(owner: ProjectOwner) -> None:
    file = film()
    file["shots"][1]["visual_prompt"]["character_references"].append({"asset_id": "nobody"})
    file["shots"][1]["sequence_id"] = "sq9"
    file["wardrobes"].append({"id": "hat", "worn_by": {"asset_id": "mara", "version": 7}})
    report = await import_project(owner, file, ME)
    assert report["created"] == 11
    reasons = {one["item"]: one["reason"] for one in report["skipped"]}
    assert reasons.keys() == {"nobody → sh2", "sh2 → sq9", "mara → hat"}
    assert "no 'nobody'" in reasons["nobody → sh2"]
    assert "no version 7" in reasons["mara → hat"]


async def test_an_edge_that_cannot_be_is_left_out_and_told(owner: ProjectOwner) -> None:
    report = await import_project(
        owner, {"props": [{"id": "p", "used_in": "s"}], "shots": [{"id": "s"}]}, ME
    )
    assert report["created"] == 2
    assert "a shot cannot be used by a prop" in report["skipped"][0]["reason"]


async def test_a_deleted_entity_is_not_brought_back(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    await entities.delete_entity(owner, "ink", ME, force=False)
    report = await import_project(owner, film(), ME)
    assert report["skipped"][0]["item"] == "ink"
    assert report["unchanged"] == 9


async def test_unknown_lists_and_keys_are_told(owner: ProjectOwner) -> None:
    file = {**film(), "vehicles": [{"id": "van"}], "version": 3}
    file["shots"][0]["visual_prompt"]["prop_references"] = [{"asset_id": "lamp", "weight": 2}]
    report = await import_project(owner, file, ME)
    assert report["skipped"] == [
        {"item": "vehicles", "reason": "there is no kind 'vehicle' in this project"}
    ]
    assert any("version" in warning for warning in report["warnings"])
    assert any("weight" in warning for warning in report["warnings"])


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ([], "body"),
        ({"characters": {}}, "characters"),
        ({"characters": ["mara"]}, "characters.0"),
        ({"characters": [{"name": "Mara"}]}, "characters.0.id"),
        ({"characters": [{"id": "a/b"}]}, "characters.0.id"),
        ({"characters": [{"id": 5}]}, "characters.0.id"),
        ({"characters": [{"id": "a", "age": "old"}]}, "characters.0.age"),
        ({"characters": [{"id": "a", "fields": {"age": "old"}}]}, "characters.0.fields.age"),
        ({"characters": [{"id": "a", "fields": []}]}, "characters.0.fields"),
        ({"characters": [{"id": "a", "name": 3}]}, "characters.0.name"),
        ({"characters": [{"id": "a", "name": " "}]}, "characters.0.name"),
        ({"characters": [{"id": "a", "status": "lost"}]}, "characters.0.status"),
        ({"characters": [{"id": "a"}, {"id": "a"}]}, "characters.1"),
        ({"characters": [{"id": "a"}], "props": [{"id": "a"}]}, "props.0"),
        ({"assets": [{"id": "a"}]}, "assets.0.type"),
        ({"assets": [{"id": "a", "type": "vehicle"}]}, "assets.0.type"),
        ({"props": [{"id": "a"}], "assets": [{"id": "a", "type": "style"}]}, "assets.0.type"),
        ({"wardrobes": [{"id": "a", "worn_by": 7}]}, "wardrobes.0.worn_by"),
        ({"wardrobes": [{"id": "a", "worn_by": [{}]}]}, "wardrobes.0.worn_by.0.asset_id"),
        ({"shots": [{"id": "a", "visual_prompt": 7}]}, "shots.0.visual_prompt"),
        ({"shots": [{"id": "a", "scene_id": 7}]}, "shots.0.scene_id"),
        ({"shots": [{"id": "a", "versions": [{}]}]}, "shots.0.versions.0"),
        ({"project": 5}, "project"),
        ({"project": {"settings": {"aspect_ratio": 99}}}, "project.settings.aspect_ratio"),
        ({"project": {"kinds": [{"name": "x"}]}}, "project.kinds"),
        ({"project": {"rules": [{"id": "r", "verdict": "no"}]}}, "project.rules.0.verdict"),
        ({"project": {"rules": [7]}}, "project.rules.0"),
    ],
)
async def test_broken_structure_is_refused_whole(owner: ProjectOwner, file: Any, path: str) -> None:
    before = standing(owner)
    with pytest.raises(Invalid) as caught:
        await import_project(owner, file, ME)
    assert any(error.field.startswith(path) for error in caught.value.errors), caught.value.errors
    assert standing(owner) == before
    assert not owner.state.entities


@pytest.mark.parametrize(
    "said",
    [
        {"policy": "newest"},
        {"version": 0},
        {"version": "2"},
        {"overrides": []},
        {"overrides": {"colour": "blue"}},
        {"order": "!"},
        {"order": "zzz"},
        {"role": ""},
    ],
)
async def test_a_reference_that_says_nonsense_is_refused(
    owner: ProjectOwner, said: dict[str, Any]
) -> None:
    file = film()
    file["shots"][0]["visual_prompt"]["wardrobe_references"] = [{"asset_id": "coat", **said}]
    with pytest.raises(Invalid) as caught:
        await import_project(owner, file, ME)
    where = f"shots.0.visual_prompt.wardrobe_references.0.{next(iter(said))}"
    assert caught.value.errors[0].field.startswith(where)


async def test_every_bad_value_is_listed(owner: ProjectOwner) -> None:
    file = {
        "characters": [{"id": "a", "age": "x"}, {"id": "b#"}],
        "props": [{"id": "c", "colour": 1}],
    }
    with pytest.raises(Invalid) as caught:
        await import_project(owner, file, ME)
    fields = [error.field for error in caught.value.errors]
    assert fields == ["characters.0.age", "characters.1.id", "props.0.colour"]


async def test_a_cycle_in_the_file_is_refused_whole(owner: ProjectOwner) -> None:
    file = {
        "characters": [{"id": "a", "references": ["c"]}],
        "wardrobes": [{"id": "b", "worn_by": "a"}, {"id": "c", "worn_by": "b"}],
    }
    with pytest.raises(Cycle) as caught:
        await import_project(owner, file, ME)
    path = caught.value.path
    assert " → ".join(path) in ("a → b → c → a", "b → c → a → b", "c → a → b → c")
    assert not owner.state.entities


async def test_a_cycle_with_what_is_there_is_refused_whole(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    before = standing(owner)
    file = {
        "characters": [{"id": "mara", "references": ["hat"]}],
        "wardrobes": [{"id": "hat", "worn_by": "boots"}],
    }
    with pytest.raises(Cycle):
        await import_project(owner, file, ME)
    with pytest.raises(Cycle):
        await import_project(owner, {"props": [{"id": "x", "references": ["x"]}]}, ME)
    assert standing(owner) == before


async def test_another_kind_in_the_project_is_refused(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    with pytest.raises(Invalid):
        await import_project(owner, {"props": [{"id": "mara"}]}, ME)


async def test_kinds_settings_and_rules_reach_an_empty_project_only(
    owner: ProjectOwner, projects: Projects
) -> None:
    kinds = owner.state.kinds.to_json()["kinds"]
    vehicle = {"name": "vehicle", "fields": [{"name": "wheels", "type": "number"}]}
    rule = {"id": "r", "name": "Told only", "verdict": "notify"}
    header = {
        "name": "Van",
        "settings": {"aspect_ratio": 1.85, "statuses": ["wip", "locked", "final"]},
        "kinds": [*kinds, vehicle],
        "rules": [rule],
    }
    file: dict[str, Any] = {
        "project": header,
        "vehicles": [{"id": "van", "wheels": 4, "status": "locked"}],
    }
    assert (await import_project(owner, file, ME))["warnings"] == []
    assert owner.state.record.name == "Van"
    assert owner.state.settings["aspect_ratio"] == 1.85
    assert [one.name for one in owner.state.rules.rules] == ["Told only"]
    before = standing(owner)
    assert (await import_project(owner, file, ME))["unchanged"] == 1
    assert standing(owner) == before

    other = await projects.create("Other", "other", ME)
    await import_project(other, {"props": [{"id": "cup"}]}, ME)
    file["vehicles"][0]["status"] = "wip"
    report = await import_project(other, file, ME)
    assert report["created"] == 1
    assert len(report["warnings"]) == 2
    assert other.state.record.name == "Other"
    assert other.state.entity("van").kind == "vehicle"


async def test_a_pin_on_an_older_version_of_this_project_is_kept(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    await changes.propagate_asset_change(owner, "coat", {"colour": "#000000"}, ME)
    file = {
        "shots": [
            {
                "id": "sh9",
                "visual_prompt": {"wardrobe_references": [{"asset_id": "coat", "version": 1}]},
            }
        ]
    }
    assert (await import_project(owner, file, ME))["skipped"] == []
    assert reading.resolved(owner, "sh9")["references"][0]["fields"]["colour"] == "#d8a31a"
    assert (await import_project(owner, file, ME))["unchanged"] == 1


async def test_an_export_loaded_over_a_changed_project_moves_no_pointer(
    owner: ProjectOwner,
) -> None:
    await import_project(owner, film(), ME)
    await entities.patch_entity(owner, "sh1", ME, status="final")
    await changes.propagate_asset_change(owner, "coat", {"colour": "#000000"}, ME)
    assert reading.entity(owner, "sh1")["stale"]
    before, looked = standing(owner), looks(owner)
    report = await import_project(owner, export_project(owner), ME)
    assert report["unchanged"] == 10
    assert standing(owner) == before
    assert looks(owner) == looked


async def test_what_is_approved_is_at_hand_after_a_restart(
    owner: ProjectOwner, projects: Projects
) -> None:
    await import_project(owner, film(), ME)
    await changes.propagate_asset_change(owner, "ink", {"grain": 0.5}, ME)
    await changes.approve(owner, "ink", 1, ME)
    again = await Projects(projects.storage).open("film")
    assert export_project(again) == export_project(owner)
    made, _ = await entities.link(again, "sh1", NewReference("ink", policy="approved"), ME)
    assert made["version"] == 1
    await again.close()


async def test_both_exports_are_the_same(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    assert await export_quietly(owner) == export_project(owner)


async def test_an_export_is_in_the_missions_shape(owner: ProjectOwner) -> None:
    await import_project(owner, film(), ME)
    out = export_project(owner)
    assert out["characters"][0]["description"] == "Tall and quiet"
    assert out["wardrobes"][0]["worn_by"] == "mara"
    assert out["props"][0]["used_in"] == "dock"
    shot = out["shots"][0]
    assert (shot["shot_id"], shot["scene_id"], shot["sequence_id"]) == ("sh1", "sc1", "sq1")
    assert shot["visual_prompt"]["character_references"] == [{"asset_id": "mara"}]
    graph = DependencyGraph()
    graph.build_dependency_graph(out)
    assert set(graph.graph.edges) == set(owner.state.graph.graph.edges)


async def test_others_have_their_turn_during_a_long_import(owner: ProjectOwner) -> None:
    file = {
        "characters": [{"id": "a"}],
        "shots": [
            {"id": f"s{number}", "visual_prompt": {"character_references": ["a"]}}
            for number in range(300)
        ],
    }
    turns = 0
    importing = asyncio.create_task(import_project(owner, file, ME))
    while not importing.done():
        turns += 1
        await asyncio.sleep(0)
    assert importing.result()["created"] == 301
    assert turns > 10


def test_the_graph_reads_what_it_can() -> None:
    graph = DependencyGraph()
    file = film()
    file["vehicles"] = [{"id": "van"}]
    file["shots"][1]["visual_prompt"]["vehicle_references"] = ["van", "nobody"]
    graph.build_dependency_graph(file)
    assert graph.category("van") == "asset"
    assert set(graph.get_affected_shots("mara")) == {"sh1", "sh2"}
    assert graph.get_affected_sequences("dock") == ["sq1"]
    assert "nobody" not in graph
