"""Projects, kinds, files, assets, the graph, runs and the audit trail: each route's happy way."""

from __future__ import annotations

import asyncio
import csv
import io
from itertools import pairwise
from typing import Any

import orjson
import pytest

from server.domain.chain import audit_hash
from server.domain.commit import AuditEntry
from server.rooms.access import Role
from server.web.rest import answers, run_answers
from server.web.rest.import_answers import Imported
from server.web.rest.shapes import Page
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits

FILM = "/api/v1/projects/film"


async def change(web: Web, asset: str = "mara", **fields: Any) -> dict[str, Any]:
    response = await web.client.post(
        f"/api/v1/assets/{asset}/propagate", json={"change_data": fields}
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    fits(answers.AnswerA, answer)
    return answer


# -- projects --------------------------------------------------------------------------------------


async def test_projects_are_listed_read_and_changed(web: Web) -> None:
    made = await web.client.post("/api/v1/projects", json={"name": "The Lighthouse Keeper"})
    assert made.status_code == 201
    fits(answers.Project, made.json())
    assert made.json()["id"] == "the-lighthouse-keeper"
    await web.make("a")
    first = (await web.client.get("/api/v1/projects?limit=1")).json()
    fits(Page[answers.Project], first)
    assert [one["id"] for one in first["items"]] == ["a"]
    rest = (await web.client.get(f"/api/v1/projects?cursor={first['next_cursor']}")).json()
    assert [one["id"] for one in rest["items"]] == ["the-lighthouse-keeper"]
    changed = await web.client.patch(
        "/api/v1/projects/a", json={"name": "B", "settings": {"aspect_ratio": 1.85}}
    )
    assert changed.json()["name"] == "B"
    assert changed.json()["settings"]["aspect_ratio"] == 1.85
    assert (await web.client.get("/api/v1/projects/a")).json() == changed.json()
    bad: list[dict[str, Any]] = [
        {},
        {"settings": {"colour": 1}},
        {"settings": {"aspect_ratio": "wide"}},
    ]
    for body in bad:
        assert code_of(await web.client.patch("/api/v1/projects/a", json=body)) == "invalid"


async def test_kinds_are_read_and_extended(film: Web) -> None:
    kinds = (await film.client.get(f"{FILM}/kinds")).json()
    fits(answers.Kinds, kinds)
    boat = {"name": "boat", "label": "Boat", "fields": [{"name": "hull", "type": "text"}]}
    kinds["kinds"].append(boat)
    put = await film.client.put(f"{FILM}/kinds", json=kinds)
    assert put.status_code == 200, put.text
    fits(answers.Kinds, put.json())
    made = await film.client.post(
        f"{FILM}/entities", json={"kind": "boat", "name": "Ida", "fields": {"hull": "oak"}}
    )
    assert made.status_code == 201
    bad: list[dict[str, Any]] = [{"kinds": []}, {"kinds": [boat]}, {"kinds": "x"}, {}]
    for body in bad:
        assert code_of(await film.client.put(f"{FILM}/kinds", json=body)) == "invalid"
    kinds["kinds"].pop()
    assert code_of(await film.client.put(f"{FILM}/kinds", json=kinds)) == "conflict"


# -- files -----------------------------------------------------------------------------------------


async def test_an_export_imported_elsewhere_is_the_same_project(film: Web) -> None:
    exported = await film.client.get(f"{FILM}/export?format=json")
    assert exported.status_code == 200
    assert "attachment" in exported.headers["content-disposition"]
    assert exported.headers["etag"]
    await film.make("copy")
    path = "/api/v1/projects/copy/import?format=json"
    dry = await film.client.post(f"{path}&dry_run=true", content=exported.content)
    assert (await film.client.get("/api/v1/projects/copy/entities")).json()["items"] == []
    done = await film.client.post(path, content=exported.content)
    assert done.status_code == 200, done.text
    fits(Imported, done.json())
    assert done.json()["created"] == dry.json()["created"] > 0
    again = (await film.client.post(path, content=exported.content)).json()
    assert (again["created"], again["updated"]) == (0, 0)
    assert again["unchanged"] > 0
    for entity in ("mara", "coat", "sh010"):
        one = (await film.client.get(f"{FILM}/entities/{entity}/resolved")).json()
        other = (await film.client.get(f"/api/v1/projects/copy/entities/{entity}/resolved")).json()
        assert one["hash"] == other["hash"]


async def test_only_an_owner_imports_what_a_project_is(film: Web) -> None:
    await film.make("copy")
    editor = await film.as_(Role.EDITOR, "copy")
    data = {"project": {"name": "Mine", "settings": {"aspect_ratio": 1.33}}, "shots": []}
    path = "/api/v1/projects/copy/import?format=json"
    done = await editor.post(path, json=data)
    assert "owner" in done.json()["warnings"][0]
    assert (await editor.get("/api/v1/projects/copy")).json()["settings"]["aspect_ratio"] == 2.39
    assert (await editor.get("/api/v1/projects/copy")).json()["name"] == "copy"


@pytest.mark.parametrize("format_", ["fdx", "", "xml"])
async def test_an_unknown_format_is_refused(film: Web, format_: str) -> None:
    response = await film.client.post(f"{FILM}/import?format={format_}", content=b"{}")
    assert code_of(response) == "invalid"
    assert response.json()["errors"][0]["field"] == "format"


async def test_a_file_that_cannot_be_read_is_refused(film: Web) -> None:
    path = f"{FILM}/import?format=json"
    assert code_of(await film.client.post(path, content=b"{")) == "malformed"
    assert code_of(await film.client.post(path, content=b"[]")) == "invalid"
    assert code_of(await film.client.post(path, json={"shots": 5})) == "invalid"


SCRIPT = """\
Title: The Quay

INT. SHED - DAY #1A#

MARA
Who left the lamp?

EXT. QUAY - NIGHT #2#

Rain.
"""


async def test_a_screenplay_comes_in_and_its_second_draft_over_it(film: Web) -> None:
    path = f"{FILM}/import?format=fountain"
    dry = await film.client.post(f"{path}&dry_run=true", content=SCRIPT)
    done = await film.client.post(path, content=SCRIPT, headers={"content-type": "text/plain"})
    assert done.status_code == dry.status_code == 200, done.text
    fits(Imported, done.json())
    assert done.json() == dry.json()
    # Mara is in the film already.
    assert done.json()["created"] == 4
    scene = (await film.client.get(f"{FILM}/entities/scene-001")).json()
    assert [(one["source"], one["role"]) for one in scene["references"]] == [
        ("loc-shed", "plays_at"),
        ("mara", "speaks_in"),
    ]
    link = {"source": "sh020", "target": "scene-002"}
    assert (await film.client.post(f"{FILM}/references", json=link)).status_code == 201
    redraft = SCRIPT.replace("Rain.", "Snow, and no lamp.")
    done = await film.client.post(path, content=redraft, headers={"content-type": "text/x-any"})
    fits(Imported, done.json())
    told = done.json()["screenplay"]
    what = "1 line added, 1 line removed"
    heading = "EXT. QUAY - NIGHT"
    assert told["scenes"]["rewritten"] == [
        {"id": "scene-002", "number": "2", "heading": heading, "what": what}
    ]
    assert [one["id"] for one in told["affected_shots"]] == ["sh020"]
    shot = (await film.client.get(f"{FILM}/entities/sh020")).json()
    fits(answers.Entity, shot)
    assert shot["stale_reasons"] == [told["affected_shots"][0]["reason"]]
    again = (await film.client.post(path, content=redraft)).json()
    assert (again["updated"], again["run_id"]) == (0, None)


async def test_a_broken_screenplay_is_refused_with_its_lines(film: Web) -> None:
    path = f"{FILM}/import?format=fountain"
    response = await film.client.post(path, content=SCRIPT + "\n[[ a note\n\n")
    assert code_of(response) == "invalid"
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "line 12", "message": "the note [[ is never closed"}
    ]
    assert code_of(await film.client.post(path, content=b"\xff\xfe")) == "invalid"
    assert code_of(await film.client.post(path, content=b"")) == "invalid"
    viewer = await film.as_(Role.VIEWER, "film")
    assert code_of(await viewer.post(path, content=SCRIPT)) == "forbidden"
    assert (await film.client.get(f"{FILM}/entities?kind=scene")).json()["items"] == []


# -- assets ----------------------------------------------------------------------------------------


async def test_dependencies(film: Web) -> None:
    path = "/api/v1/assets/mara/dependencies"
    found = (await film.client.get(f"{path}?depth=2&include_shots=true")).json()
    fits(answers.Dependencies, found)
    assert [one["id"] for one in found["dependencies"]] == ["coat", "sh010"]
    assert found["dependencies"][1]["path"] == ["mara", "coat", "sh010"]
    assert found["total"] == 2
    without = (await film.client.get(f"{path}?include_shots=false")).json()
    assert [one["id"] for one in without["dependencies"]] == ["coat"]
    near = (await film.client.get(f"{path}?depth=1")).json()
    assert near["total"] == 1
    page = (await film.client.get(f"{path}?limit=1")).json()
    fits(answers.Dependencies, page)
    assert [one["id"] for one in page["dependencies"]] == ["coat"]
    page = (await film.client.get(f"{path}?limit=1&cursor={page['next_cursor']}")).json()
    assert [one["id"] for one in page["dependencies"]] == ["sh010"]
    assert page["next_cursor"] is None


async def test_versions_and_what_differs(film: Web) -> None:
    await change(film, description="Tall, red coat")
    await change(film, age=40)
    path = "/api/v1/assets/mara"
    page = (await film.client.get(f"{path}/versions?limit=2")).json()
    fits(Page[answers.Version], page)
    assert [one["number"] for one in page["items"]] == [3, 2]
    rest = (await film.client.get(f"{path}/versions?cursor={page['next_cursor']}")).json()
    assert [one["number"] for one in rest["items"]] == [1]
    one = (await film.client.get(f"{path}/versions/2")).json()
    fits(answers.Version, one)
    assert (one["id"], one["previous_version"]) == ("mara_v2", "mara_v1")
    diff = (await film.client.get(f"{path}/diff?from=1&to=3")).json()
    fits(answers.Diff, diff)
    assert diff["fields"]["age"] == {"from": None, "to": 40}
    assert {"op": "insert", "text": "red"} in diff["fields"]["description"]["words"]


async def test_publishing_a_draft_that_is_not_ahead_changes_nothing(film: Web) -> None:
    response = await film.client.post("/api/v1/assets/mara/publish")
    assert response.status_code == 200
    assert response.json()["version"] == "mara_v1"
    assert response.json()["run_id"] is None


async def test_a_rollback_can_be_previewed(film: Web) -> None:
    await change(film, age=40)
    body = {"version_number": 1, "dry_run": True}
    found = await film.client.post("/api/v1/assets/mara/rollback", json=body)
    fits(answers.Impact, found.json())
    assert found.json()["affected_shots"] == 1
    done = await film.client.post("/api/v1/assets/mara/rollback", json={"version_number": 1})
    fits(answers.RolledBack, done.json())


async def test_the_nested_form_of_a_change_is_merged_and_its_author_ignored(film: Web) -> None:
    await change(film, visual_changes={"scar": "left", "author": "x"}, author="somebody else")
    version = (await film.client.get("/api/v1/assets/mara/versions/2")).json()
    assert version["fields"]["scar"] == "left"
    assert "author" not in version["fields"]
    me = (await film.client.get("/api/v1/me")).json()["user"]
    assert version["author"] == me


# -- graph and runs --------------------------------------------------------------------------------


async def test_the_graph(film: Web) -> None:
    whole = (await film.client.get(f"{FILM}/graph")).json()
    fits(answers.Graph, whole)
    assert len(whole["nodes"]) == 4
    assert {(one["source"], one["target"]) for one in whole["edges"]} == {
        ("mara", "coat"),
        ("coat", "sh010"),
    }
    up = (await film.client.get(f"{FILM}/graph?root=sh010&depth=1&direction=up")).json()
    assert {one["id"] for one in up["nodes"]} == {"sh010", "coat"}
    page = (await film.client.get(f"{FILM}/graph?limit=2")).json()
    fits(answers.Graph, page)
    assert [one["id"] for one in page["nodes"]] == ["coat", "mara"]
    page = (await film.client.get(f"{FILM}/graph?limit=2&cursor={page['next_cursor']}")).json()
    assert [one["id"] for one in page["nodes"]] == ["sh010", "sh020"]
    assert [one["source"] for one in page["edges"]] == ["coat"]
    assert page["next_cursor"] is None


async def test_runs_and_their_outcomes(film: Web) -> None:
    answer = await change(film, age=40)
    run = (await film.client.get(f"/api/v1/runs/{answer['run_id']}")).json()
    fits(run_answers.Run, run)
    assert (run["status"], run["processed"], run["counts"]) == ("done", 2, {"updated": 2})
    path = f"/api/v1/runs/{answer['run_id']}/outcomes"
    page = (await film.client.get(f"{path}?limit=1")).json()
    fits(Page[run_answers.Outcome], page)
    rest = (await film.client.get(f"{path}?cursor={page['next_cursor']}")).json()
    assert [one["entity_id"] for one in page["items"] + rest["items"]] == ["coat", "sh010"]
    status = (await film.client.get(f"{FILM}/propagation-status")).json()
    fits(run_answers.Status, status)
    cancelled = await film.client.post(f"/api/v1/runs/{answer['run_id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "done")


async def test_a_project_that_two_create_at_once_is_created_once(web: Web) -> None:
    names = ["First", "Second", "Third"]
    made = await asyncio.gather(
        *(web.client.post("/api/v1/projects", json={"id": "p", "name": one}) for one in names)
    )
    assert sorted(one.status_code for one in made) == [201, 409, 409]
    (winner,) = (one for one in made if one.status_code == 201)
    assert {code_of(one) for one in made if one is not winner} == {"conflict"}
    found = (await web.client.get("/api/v1/projects")).json()["items"]
    assert [one["name"] for one in found] == [winner.json()["name"]]
    trail = (await web.client.get("/api/v1/projects/p/audit")).json()["items"]
    assert [one["action"] for one in trail] == ["project_created"]


async def test_a_run_can_be_cancelled(film: Web) -> None:
    shots = [{"id": f"x{n}", "kind": "shot", "references": [{"source": "mara"}]} for n in range(40)]
    await film.make("long", {"id": "mara", "kind": "character"}, *shots)
    path = "/api/v1/assets/mara/propagate?project_id=long&wait=0"
    answer = (await film.client.post(path, json={"change_data": {"age": 5}})).json()
    owner = await film.state.projects.open("long")
    known = film.state.projects.tracker.get(answer["run_id"])
    assert known is not None
    await owner.engine.cancel(known)
    run = await film.client.post(f"/api/v1/runs/{answer['run_id']}/cancel", json={})
    assert run.status_code == 200
    assert run.json()["status"] in ("cancelled", "done")


# -- audit -----------------------------------------------------------------------------------------


async def test_the_audit_trail_is_a_chain(film: Web) -> None:
    answer = await change(film, age=40)
    page = (await film.client.get(f"{FILM}/audit?limit=500")).json()
    fits(Page[answers.AuditEntry], page)
    entries = [AuditEntry(**one) for one in page["items"]]
    assert [one.number for one in entries] == list(range(len(entries), 0, -1))
    for later, earlier in pairwise(entries):
        assert later.previous == earlier.hash
        assert audit_hash(earlier) == earlier.hash
    of_run = (await film.client.get(f"{FILM}/audit?run={answer['run_id']}")).json()["items"]
    assert {one["action"] for one in of_run} == {"version_created", "run_batch", "run_finished"}
    of_entity = (await film.client.get(f"{FILM}/audit?entity=sh020")).json()["items"]
    assert [one["action"] for one in of_entity] == ["entity_created"]
    assert (await film.client.get(f"{FILM}/audit?actor=nobody")).json()["items"] == []


@pytest.mark.parametrize("since", ["2026-05-01T02:00:00+02:00", "2026-05-01T00:00:00Z"])
async def test_the_audit_trail_since_a_time(film: Web, since: str) -> None:
    film.clock.pass_(hours=2)
    await change(film, age=40)
    everything = (await film.client.get(f"{FILM}/audit", params={"since": since})).json()["items"]
    assert len(everything) == len((await film.client.get(f"{FILM}/audit")).json()["items"])
    unescaped = since.replace("00:00:00", "01:00:00").replace("02:00:00", "03:00:00")
    later = (await film.client.get(f"{FILM}/audit?since={unescaped}")).json()["items"]
    assert 0 < len(later) < len(everything)


async def test_the_audit_trail_as_lines_and_as_a_table(film: Web) -> None:
    await change(film, age=40)
    page = (await film.client.get(f"{FILM}/audit?limit=500")).json()["items"]
    lines = await film.client.get(f"{FILM}/audit?format=jsonl")
    assert [orjson.loads(line) for line in lines.text.splitlines()] == page
    table = await film.client.get(f"{FILM}/audit?format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["hash"] for row in rows] == [one["hash"] for one in page]
    assert orjson.loads(rows[0]["detail"]) == page[0]["detail"]


async def test_no_cell_of_the_table_is_a_formula(film: Web) -> None:
    await film.client.post(f"{FILM}/entities", json={"id": "=1+1", "kind": "prop", "name": "x"})
    table = (await film.client.get(f"{FILM}/audit?format=csv")).text
    assert "'=1+1" in table
