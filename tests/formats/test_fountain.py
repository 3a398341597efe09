"""Screenplays into a project: the first draft, the second over it, and the shots on its scenes."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from protocol.errors import Invalid
from server.domain import drafts
from server.domain.kinds import KindRegistry
from server.domain.phases import PHASES, phases_of
from server.domain.runs import Root
from server.domain.scopes import scope_of
from server.formats.fountain import import_screenplay
from server.formats.fountain_reader import read_screenplay
from server.formats.json import export_project, import_project
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.services import changes, entities, reading
from server.services.projects import Projects, put_kinds
from tests.formats.scripts import HARBOUR, bring, fields, ids, quiet
from tests.formats.world import ME, edges, looks, standing

KITCHEN, QUAY, PILOT_HOUSE = "scene-001", "scene-002", "scene-003"


async def shot(
    owner: ProjectOwner, id_: str, scene: str, *sources: str, status: str = "wip"
) -> None:
    """A shot that stands in a scene."""
    references = [NewReference(one) for one in sources]
    new = NewEntity("shot", id_, {}, id_, status, references)
    await entities.create_entity(owner, new, ME)
    await entities.link(owner, scene, NewReference(id_), ME)


async def outcomes(owner: ProjectOwner, run_id: str) -> dict[str, tuple[str, str]]:
    rows, _ = await owner.storage.outcomes(run_id, 500, None)
    found = {one.entity_id: (str(one.outcome), one.reason) for one, _ in rows}
    assert len(found) == len(rows), "reached twice"
    return found


# -- the first draft -------------------------------------------------------------------------------


async def test_a_first_draft_becomes_a_breakdown(owner: ProjectOwner) -> None:
    report = await bring(owner, HARBOUR)
    assert (report["created"], report["updated"], report["unchanged"]) == (9, 0, 0)
    told = report["screenplay"]
    assert told["title"] == "The Harbour"
    assert ids(told["scenes"]["added"]) == [KITCHEN, QUAY, PILOT_HOUSE]
    assert told["people"]["added"] == [
        {"id": "char-mara", "name": "Mara", "created": True},
        {"id": "char-tomas", "name": "Tomas", "created": True},
        {"id": "char-the-pilot", "name": "The Pilot", "created": True},
    ]
    assert edges(owner) == {
        ("char-mara", KITCHEN, "speaks_in"),
        ("char-tomas", KITCHEN, "speaks_in"),
        ("loc-kitchen", KITCHEN, "plays_at"),
        ("char-tomas", QUAY, "speaks_in"),
        ("char-the-pilot", QUAY, "speaks_in"),
        ("loc-quay", QUAY, "plays_at"),
        ("char-the-pilot", PILOT_HOUSE, "speaks_in"),
        ("loc-pilot-house", PILOT_HOUSE, "plays_at"),
    }
    quay = fields(owner, QUAY)
    assert (quay["number"], quay["heading"]) == ("2", "EXT. QUAY - CONTINUOUS")
    assert (quay["setting"], quay["time_of_day"], quay["length_eighths"]) == (
        "exterior",
        "night",
        2,
    )
    assert quay["script"].startswith("Rain on tar.")
    assert quay["script"].endswith("She left it for you.")
    assert "revised_at" not in quay
    assert fields(owner, "loc-quay")["setting"] == "exterior"
    assert drafts.read_values(await owner.draft_state(QUAY))["script"] == quay["script"]


async def test_the_same_draft_again_changes_nothing_at_all(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    before = standing(owner)
    report = await bring(owner, HARBOUR.replace("\n", "\r\n"))
    assert quiet(report)
    assert report["unchanged"] == 9
    assert standing(owner) == before


async def test_a_dry_run_says_the_same_and_changes_nothing(owner: ProjectOwner) -> None:
    for text in (HARBOUR, REDRAFT):
        before = standing(owner)
        dry = await bring(owner, text, dry_run=True)
        assert standing(owner) == before
        done = await bring(owner, text)
        assert {**dry, "run_id": done["run_id"]} == done


async def test_a_production_that_has_people_keeps_them(owner: ProjectOwner) -> None:
    mara = NewEntity("character", "Mara", {"age": 40}, "mara")
    await entities.create_entity(owner, mara, ME)
    await entities.create_entity(owner, NewEntity("prop", "Tomas", {}, "char-tomas"), ME)
    await entities.create_entity(owner, NewEntity("scene", "Old", {}, "scene-007"), ME)
    report = await bring(owner, HARBOUR)
    people = report["screenplay"]["people"]["added"]
    assert people[:2] == [
        {"id": "mara", "name": "Mara", "created": False},
        {"id": "char-tomas-2", "name": "Tomas", "created": True},
    ]
    assert ids(report["screenplay"]["scenes"]["added"])[0] == "scene-008"
    assert owner.state.entity("mara").current.number == 1
    await entities.patch_entity(owner, "mara", ME, name="Maria")
    assert quiet(await bring(owner, HARBOUR))
    assert owner.state.entity("mara").name == "Maria"


async def test_who_may_be_one_is_offered_and_not_merged(owner: ProjectOwner) -> None:
    text = "INT. A - DAY\n\n" + "\n\n".join(
        f"{name}\nHi." for name in ("BOB", "CYBER BOB", "CYBER BOSS", "MARGARET", "MARGERET")
    )
    offered = (await bring(owner, text))["screenplay"]["people"]["offered"]
    assert [(one["a"]["id"], one["b"]["id"]) for one in offered] == [
        ("char-bob", "char-cyber-bob"),
        ("char-margaret", "char-margeret"),
    ]
    assert offered[0]["a"]["name"] == "Bob"
    assert "part of" in offered[0]["reason"]


async def test_a_broken_file_leaves_nothing(owner: ProjectOwner) -> None:
    before = standing(owner)
    with pytest.raises(Invalid):
        await bring(owner, HARBOUR + "\n/* never closed\n")
    assert standing(owner) == before


async def test_a_project_from_before_gets_the_fields(owner: ProjectOwner) -> None:
    old = KindRegistry(
        kind
        if kind.name != "scene"
        else type(kind)(
            kind.name,
            "Szene",
            kind.plural,
            kind.category,
            kind.icon,
            kind.colour,
            kind.fields[:5],
        )
        for kind in owner.state.kinds
    )
    await put_kinds(owner, old.to_json(), ME)
    await entities.create_entity(owner, NewEntity("scene", "Old", {}, "sc1"), ME)
    dry = await bring(owner, HARBOUR, dry_run=True)
    assert owner.state.kinds.get("scene").field("script") is None
    assert await bring(owner, HARBOUR) == {**dry}
    kind = owner.state.kinds.get("scene")
    assert kind.label == "Szene"
    assert kind.is_prose("script")
    assert drafts.read_values(await owner.draft_state("sc1"))["script"] == ""


async def test_an_export_elsewhere_is_the_same_breakdown(
    owner: ProjectOwner, projects: Projects
) -> None:
    await bring(owner, HARBOUR)
    await bring(owner, REDRAFT)
    file = orjson.loads(orjson.dumps(export_project(owner)))
    there = await projects.create("There", "there", ME)
    assert (await import_project(there, file, ME))["skipped"] == []
    assert looks(there) == looks(owner)
    assert quiet(await bring(there, REDRAFT))
    back = (await bring(there, HARBOUR))["screenplay"]["scenes"]
    assert ids(back["added"]) == [PILOT_HOUSE]


# -- the second draft ------------------------------------------------------------------------------

REDRAFT = """\
Title: The Harbour
Draft date: 9 May

EXT. QUAY - DAWN

Rain on tar. A lamp swings over the last boat.

JONAS
She left the lamp burning for nobody.

THE PILOT
She left it for you.

INT. BOILER ROOM - DAY

Steam. Somebody whistles below the floor, out of tune.

INT. KITCHEN - NIGHT

The kettle screams. Nobody gets up.

MARA
You heard it first.

JONAS (O.S.)
I hear it every night.

MARA (CONT'D)
Then get up.
"""

REWRITTEN = REDRAFT.replace("Then get up.", "So get up.")


async def test_a_second_draft_is_held_against_the_first(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    report = await bring(owner, REDRAFT)
    told = report["screenplay"]
    scenes = told["scenes"]
    assert scenes["added"] == [
        {"id": "scene-004", "number": "2", "heading": "INT. BOILER ROOM - DAY"}
    ]
    assert scenes["omitted"] == [
        {"id": PILOT_HOUSE, "number": "3", "heading": "INT. PILOT HOUSE - DAWN"}
    ]
    assert len(scenes["moved"]) == 1
    assert told["people"]["renamed"] == [{"id": "char-tomas", "from": "Tomas", "to": "Jonas"}]
    assert told["people"]["added"] == told["people"]["gone"] == []
    assert [(one["id"], one["what"]) for one in scenes["rewritten"]] == [
        # Jonas instead of Tomas is told above, and rewrites nothing.
        (QUAY, "now dawn, was night"),
    ]
    assert told["locations"] == {
        "added": [{"id": "loc-boiler-room", "name": "Boiler Room", "created": True}],
        "gone": [{"id": "loc-pilot-house", "name": "Pilot House"}],
    }
    assert owner.state.entity("char-tomas").name == "Jonas"
    assert owner.state.entity(PILOT_HOUSE).status == "omitted"
    assert fields(owner, PILOT_HOUSE)["revision"] == "Omitted in the draft of 9 May"
    assert fields(owner, QUAY)["number"] == "1"
    assert (report["created"], report["updated"]) == (2, 4)
    run = owner.engine.known(report["run_id"])
    assert run is not None
    assert (run.cause, run.status, run.processed) == ("screenplay", "done", run.total)
    assert quiet(await bring(owner, REDRAFT))


async def test_a_scene_that_comes_back_has_its_old_status(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    await entities.patch_entity(owner, PILOT_HOUSE, ME, status="review")
    await bring(owner, REDRAFT)
    report = await bring(owner, HARBOUR)
    told = report["screenplay"]
    assert ids(told["scenes"]["added"]) == [PILOT_HOUSE]
    assert ids(told["scenes"]["omitted"]) == ["scene-004"]
    assert told["people"]["renamed"] == [{"id": "char-tomas", "from": "Jonas", "to": "Tomas"}]
    assert owner.state.entity(PILOT_HOUSE).status == "review"
    assert fields(owner, PILOT_HOUSE)["revision"] == "Back in the draft of 3 May"
    assert quiet(await bring(owner, HARBOUR))


async def test_what_people_did_stays(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    await entities.create_entity(owner, NewEntity("prop", "Lamp", {}, "lamp"), ME)
    await entities.link(owner, QUAY, NewReference("lamp"), ME)
    await entities.link(owner, QUAY, NewReference("char-mara"), ME)
    await entities.patch_entity(owner, KITCHEN, ME, fields={"time_of_day": "dawn"})
    await entities.patch_entity(owner, PILOT_HOUSE, ME, status="omitted")
    assert quiet(await bring(owner, HARBOUR))
    without = HARBOUR.replace("TOMAS\nShe left", "She left").replace("Then get up", "So get up")
    await bring(owner, without)
    assert {one[0] for one in edges(owner) if one[1] == QUAY} == {
        "lamp",
        "char-mara",
        "loc-quay",
        "char-the-pilot",
    }
    assert fields(owner, KITCHEN)["time_of_day"] == "dawn"
    assert owner.state.entity(PILOT_HOUSE).status == "omitted"
    quay = owner.state.entity(QUAY).current
    assert len(quay.changes["@references"]["removed"]) == 1


async def test_unpublished_typing_in_a_script_stays(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    kind = owner.state.kinds.get("scene")
    script = fields(owner, QUAY)["script"]
    typed = drafts.edit_at_head(
        await owner.draft_state(QUAY), kind, {"script": "A gull cries.\n\n" + script}
    )
    async with owner.step(ME) as tx:
        tx.update_document(QUAY, typed.update)
    await bring(owner, HARBOUR.replace("She left it for you.", "She left it for me."))
    text = drafts.read_values(await owner.draft_state(QUAY))["script"]
    assert text.startswith("A gull cries.")
    assert text.endswith("She left it for me.")
    assert not fields(owner, QUAY)["script"].startswith("A gull")


async def test_numbers_are_not_what_a_scene_is(owner: ProjectOwner) -> None:
    text = "INT. A - DAY #{}#\n\nOne thing.\n\nINT. B - DAY #{}#\n\nQuite another.\n"
    await bring(owner, text.format("1", "2"))
    report = await bring(owner, text.format("10", "20A"))
    assert report["updated"] == 2
    assert not any(report["screenplay"]["scenes"].values())
    assert fields(owner, "scene-002")["number"] == "20A"
    assert "revised_at" not in fields(owner, "scene-002")
    typography = text.format("10", "20A").replace("INT. A - DAY", "Int. A -- day")
    report = await bring(owner, typography.replace("One thing.", "One  thing. [[sure?]]"))
    assert not any(report["screenplay"]["scenes"].values())
    assert report["updated"] == 1


async def test_deleted_is_not_made_again(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    await entities.delete_entity(owner, "char-tomas", ME, force=True)
    await entities.delete_entity(owner, QUAY, ME, force=True)
    report = await bring(owner, HARBOUR)
    assert quiet(report)
    assert [one["item"] for one in report["skipped"]] == [QUAY, "char-tomas"]
    assert all("restore it first" in one["reason"] for one in report["skipped"])


# -- shots on changed scenes -----------------------------------------------------------------------


async def test_shots_on_changed_scenes_are_stale_until_they_change(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    await shot(owner, "sh-kitchen", KITCHEN, "char-mara")
    await shot(owner, "sh-quay", QUAY, "char-tomas", "loc-quay")
    await shot(owner, "sh-final", QUAY, "char-tomas", status="final")
    await shot(owner, "sh-pilot", PILOT_HOUSE)
    await shot(owner, "sh-nowhere", KITCHEN)
    await entities.unlink(owner, _reference(owner, "sh-nowhere", KITCHEN), ME)
    hashes = {id_: owner.state.entity(id_).digests for id_ in ("sh-kitchen", "sh-pilot")}
    report = await bring(owner, REWRITTEN)
    affected = {one["id"]: one["reason"] for one in report["screenplay"]["affected_shots"]}
    assert affected.keys() == {"sh-kitchen", "sh-quay", "sh-final", "sh-pilot"}
    reached = await outcomes(owner, report["run_id"])
    rewritten = "Rewritten in the draft of 9 May: 1 line added, 1 line removed"
    assert reached["sh-kitchen"] == ("stale", rewritten)
    assert affected["sh-kitchen"] == rewritten
    name, reason = reached["sh-quay"]
    assert name == "stale"
    later = "Rewritten in the draft of 9 May: now dawn, was night"
    assert reason == f"{later}; follows Jonas v2"
    assert reached["sh-final"][0] == "awaiting_approval"
    assert "now dawn" in reached["sh-final"][1]
    assert reached["sh-pilot"] == ("stale", "Omitted in the draft of 9 May")
    assert "sh-nowhere" not in reached
    quay = reading.resolved(owner, "sh-quay")
    assert (quay["stale"], quay["stale_reasons"]) == (True, [later])
    assert quay["references"][0]["version"] == 2
    for id_, digests in hashes.items():
        assert owner.state.entity(id_).digests == digests
    await entities.patch_entity(owner, "sh-kitchen", ME, fields={"framing": "close"})
    assert not reading.resolved(owner, "sh-kitchen")["stale"]
    assert quiet(await bring(owner, REWRITTEN))


async def test_a_new_number_reaches_no_shot(owner: ProjectOwner) -> None:
    await bring(owner, HARBOUR)
    await shot(owner, "sh1", PILOT_HOUSE)
    first = HARBOUR.replace("INT. KITCHEN", "EXT. SEA - DAY\n\nNothing but water.\n\nINT. KITCHEN")
    report = await bring(owner, first)
    assert report["screenplay"]["affected_shots"] == []
    assert (await outcomes(owner, report["run_id"]))["sh1"][0] == "unchanged"
    assert not reading.resolved(owner, "sh1")["stale"]


async def test_a_change_of_a_character_reaches_its_scenes_and_shots_alone(
    owner: ProjectOwner,
) -> None:
    await bring(owner, HARBOUR)
    await shot(owner, "sh1", KITCHEN, "char-tomas")
    await shot(owner, "sh2", KITCHEN, "char-mara")
    await shot(owner, "sh3", PILOT_HOUSE, "char-the-pilot")
    result = await changes.propagate_asset_change(owner, "char-tomas", {"age": 61}, ME)
    assert result.run_id is not None
    reached = await outcomes(owner, result.run_id)
    assert reached.keys() == {KITCHEN, QUAY, "sh1"}
    assert {name for name, _ in reached.values()} == {"updated"}


async def test_a_run_that_was_cut_short_goes_on(owner: ProjectOwner, projects: Projects) -> None:
    await bring(owner, HARBOUR)
    await shot(owner, "sh1", KITCHEN)
    await shot(owner, "sh2", QUAY, "char-tomas")
    play = read_screenplay(REWRITTEN.encode())
    report = await import_screenplay(owner, play, ME)
    await owner.close()
    again = await Projects(owner.storage).open("film")
    await asyncio.wait_for(again.engine.wait(report["run_id"], None), 20)
    reached = await outcomes(again, report["run_id"])
    assert {reached[id_][0] for id_ in ("sh1", "sh2")} == {"stale"}
    run = await again.storage.run(report["run_id"])
    assert (run.status, run.processed) == ("done", run.total)
    await again.close()


async def test_only_a_screenplays_run_reaches_from_a_scene_to_its_shots(
    owner: ProjectOwner,
) -> None:
    await bring(owner, HARBOUR)
    await entities.create_entity(owner, NewEntity("sequence", "One", {}, "sq1"), ME)
    await entities.link(owner, "sq1", NewReference(KITCHEN), ME)
    await entities.link(owner, "sq1", NewReference(QUAY), ME)
    await shot(owner, "sh1", KITCHEN, "char-tomas")
    await shot(owner, "sh2", KITCHEN)
    await entities.link(owner, QUAY, NewReference("sh2"), ME)
    roots = [Root(one, 1, 1) for one in ("char-tomas", KITCHEN, QUAY)]
    walk = tuple(owner.state.graph.affected([root.asset_id for root in roots]))
    assert "sh2" not in walk
    for cause in ("api", "import", "rollback", "follow-up", "edit"):
        scope = scope_of(owner.state, "run", roots, ("metadata",), cause)
        assert scope.order == walk
        assert scope.reachable == {*walk, *(root.asset_id for root in roots)}
    scope = scope_of(owner.state, "run", roots, ("metadata",), "screenplay")
    assert sorted(scope.order) == sorted([*walk, "sh2"])
    assert scope.order.index("sh2") < scope.order.index("sq1")
    assert tuple(one for one in scope.order if one != "sh2") == walk
    for mode in PHASES:
        phases = dict(phases_of(owner.state, scope, frozenset({"sh2"}), mode))
        assert phases["realtime"] == ("sh2",)
        assert sorted(id_ for ids in phases.values() for id_ in ids) == sorted(scope.order)
    result = await changes.propagate_asset_change(owner, KITCHEN, {"notes": "Cold."}, ME)
    assert result.run_id is not None
    assert "sh1" not in await outcomes(owner, result.run_id)


def _reference(owner: ProjectOwner, source: str, target: str) -> str:
    return next(
        one.id
        for one in owner.state.references.values()
        if (one.source, one.target) == (source, target)
    )
