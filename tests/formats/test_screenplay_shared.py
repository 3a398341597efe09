"""Two real drafts of one episode, where they are at hand: beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.formats.fountain_reader import read_screenplay
from server.propagation.project import ProjectOwner
from tests.formats.scripts import bring, fields, ids, quiet
from tests.formats.world import edges, standing

DRAFTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "screenplay"
PARK, INTERSECTION, LIGHT = "scene-001", "scene-002", "scene-003"


def draft(letter: str) -> str:
    path = DRAFTS / f"cyber_bob_ep1_draft_{letter}.fountain"
    if not path.is_file():
        pytest.skip(f"shared inputs absent: ../shared/data/screenplay/{path.name}")
    return path.read_text(encoding="utf-8")


async def test_the_first_draft_has_three_scenes_and_six_names_that_speak(
    owner: ProjectOwner,
) -> None:
    report = await bring(owner, draft("a"))
    assert (report["created"], report["skipped"], report["warnings"]) == (12, [], [])
    told = report["screenplay"]
    assert told["scenes"]["added"] == [
        {"id": PARK, "number": "1", "heading": "EXT. PARK--DAY"},
        {"id": INTERSECTION, "number": "2", "heading": "EXT. SUBURBAN TRAFFIC INTERSECTION--DAY"},
        {"id": LIGHT, "number": "3", "heading": "INT. TRAFFIC LIGHT HORIZONTAL BEAM--DAY"},
    ]
    speaking = {
        target: {
            source for source, other, role in edges(owner) if (other, role) == (target, "speaks_in")
        }
        for target in (PARK, INTERSECTION, LIGHT)
    }
    assert speaking == {
        PARK: {"char-bob", "char-dog", "char-margaret", "char-cyber-bob", "char-cyber-boss"},
        INTERSECTION: {"char-boss"},
        LIGHT: {"char-bob", "char-dog"},
    }
    offered = {(one["a"]["id"], one["b"]["id"]) for one in told["people"]["offered"]}
    assert offered == {("char-bob", "char-cyber-bob"), ("char-boss", "char-cyber-boss")}
    assert [fields(owner, id_)["setting"] for id_ in (PARK, INTERSECTION, LIGHT)] == [
        "exterior",
        "exterior",
        "interior",
    ]
    assert [one["id"] for one in told["locations"]["added"]] == [
        "loc-park",
        "loc-suburban-traffic-intersection",
        "loc-traffic-light-horizontal-beam",
    ]


async def test_the_second_draft_says_what_the_revision_changed_and_nothing_else(
    owner: ProjectOwner,
) -> None:
    await bring(owner, draft("a"))
    dry = await bring(owner, draft("b"), dry_run=True)
    report = await bring(owner, draft("b"))
    assert {**dry, "run_id": report["run_id"]} == report
    told = report["screenplay"]
    assert (report["created"], report["updated"], report["unchanged"]) == (0, 2, 10)
    scenes = told["scenes"]
    assert scenes["added"] == scenes["omitted"] == scenes["moved"] == []
    # As a diff of the two files says, the title page and the note before the first scene apart.
    assert [(one["id"], one["what"]) for one in scenes["rewritten"]] == [
        (PARK, "3 lines added, 5 lines removed"),
        (LIGHT, "18 lines added, 5 lines removed, now night, was day"),
    ]
    assert not any(told["people"][name] for name in ("added", "renamed", "gone"))
    assert not any(told["locations"].values())
    assert fields(owner, LIGHT)["time_of_day"] == "night"
    assert owner.state.entity(INTERSECTION).current.number == 1


async def test_either_draft_twice_changes_nothing_and_the_first_restores(
    owner: ProjectOwner,
) -> None:
    first: dict[str, dict[str, object]] = {}
    for letter in "aba":
        await bring(owner, draft(letter))
        before = standing(owner)
        assert quiet(await bring(owner, draft(letter)))
        assert standing(owner) == before
        kept = ("heading", "script", "number", "setting", "time_of_day", "length_eighths")
        state = {id_: {key: fields(owner, id_).get(key) for key in kept} for id_ in (PARK, LIGHT)}
        first = first or state
    assert state == first


def test_every_scene_is_kept_as_it_stands() -> None:
    for letter in "ab":
        text = draft(letter)
        for scene in read_screenplay(text.encode()).scenes:
            assert f"{scene.heading}\n\n{scene.script}\n" in text


async def test_the_names_are_ids_and_names(owner: ProjectOwner) -> None:
    report = await bring(owner, draft("a"))
    assert ids(report["screenplay"]["people"]["added"])[0] == "char-bob"
    assert owner.state.entity("char-cyber-bob").name == "Cyber Bob"
