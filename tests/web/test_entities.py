"""Entities and references over REST: each route's happy way, and its refusals."""

from __future__ import annotations

from pydantic import BaseModel

from server.web.rest import answers
from server.web.rest.shapes import Page
from tests.web.conftest import Web
from tests.web.test_auth import code_of

ENTITIES = "/api/v1/projects/film/entities"
REFERENCES = "/api/v1/projects/film/references"


def fits(model: type[BaseModel], content: object) -> None:
    """A real answer is what the documentation says."""
    model.model_validate(content)


async def test_an_entity_is_created_read_changed_deleted_and_restored(film: Web) -> None:
    client = film.client
    made = await client.post(
        ENTITIES,
        json={
            "kind": "prop",
            "name": "The letter",
            "fields": {"glyph": "letter"},
            "references": [{"source": "mara", "overrides": {"age": 5}}],
        },
    )
    assert made.status_code == 201
    fits(answers.Entity, made.json())
    assert made.json()["id"] == "prop-the-letter"
    one = f"{ENTITIES}/prop-the-letter"

    changed = await client.patch(
        one, json={"name": "The note", "status": "review", "fields": {"glyph": "book"}}
    )
    assert changed.status_code == 200
    fits(answers.ChangedEntity, changed.json())
    assert changed.json()["name"] == "The note"
    assert changed.json()["version"] == 2
    assert changed.json()["propagation"]["version"] == "prop-the-letter_v2"
    assert changed.json()["run_id"] == changed.json()["propagation"]["run_id"]

    deleted = await client.delete(one)
    assert deleted.status_code == 200
    fits(answers.AnswerA, deleted.json())
    assert code_of(await client.get(one)) == "not_found"
    restored = await client.post(f"{one}/restore")
    assert restored.status_code == 200, restored.text
    fits(answers.ChangedEntity, restored.json())
    assert (await client.get(one)).json()["references"][0]["overrides"] == {"age": 5}


async def test_a_taken_id_is_a_conflict(film: Web) -> None:
    response = await film.client.post(ENTITIES, json={"id": "mara", "kind": "prop", "name": "x"})
    assert response.status_code == 409
    assert code_of(response) == "conflict"
    response = await film.client.post("/api/v1/projects", json={"id": "film", "name": "x"})
    assert response.status_code == 409
    assert code_of(response) == "conflict"


async def test_what_is_in_use_is_not_deleted_by_accident(film: Web) -> None:
    response = await film.client.delete(f"{ENTITIES}/coat")
    assert code_of(response) == "in_use"
    assert response.json()["users"] == ["sh010"]
    assert (await film.client.delete(f"{ENTITIES}/coat?force=true")).status_code == 200
    shot = (await film.client.get(f"{ENTITIES}/sh010")).json()
    assert shot["references"] == []


async def test_entities_are_listed_in_pages(film: Web) -> None:
    first = (await film.client.get(f"{ENTITIES}?limit=3")).json()
    fits(Page[answers.Entity], first)
    rest = (await film.client.get(f"{ENTITIES}?limit=3&cursor={first['next_cursor']}")).json()
    ids = [one["id"] for one in first["items"] + rest["items"]]
    assert ids == ["coat", "mara", "sh010", "sh020"]
    assert rest["next_cursor"] is None
    shots = (await film.client.get(f"{ENTITIES}?kind=shot&q=SH01&status=wip")).json()
    assert [one["id"] for one in shots["items"]] == ["sh010"]


async def test_resolved_single_and_bulk(film: Web) -> None:
    one = (await film.client.get(f"{ENTITIES}/sh010/resolved")).json()
    fits(answers.Resolved, one)
    bulk = "/api/v1/projects/film/resolved"
    named = (await film.client.get(f"{bulk}?id=sh010&id=gone&id=mara")).json()
    assert [item["id"] for item in named["items"]] == ["mara", "sh010"]
    assert named["items"][1] == one
    page = (await film.client.get(f"{bulk}?kind=shot&limit=1")).json()
    fits(Page[answers.Resolved], page)
    assert page["next_cursor"] == "sh010"


async def test_a_reference_is_made_changed_and_taken_away(film: Web) -> None:
    client = film.client
    made = await client.post(REFERENCES, json={"source": "mara", "target": "sh020"})
    assert made.status_code == 201, made.text
    fits(answers.ChangedReference, made.json())
    assert made.json()["run_id"]
    assert made.json()["policy"] == "latest"
    one = f"{REFERENCES}/{made.json()['id']}"
    pinned = await client.patch(one, json={"policy": "pinned", "overrides": {"age": 9}})
    fits(answers.ChangedReference, pinned.json())
    assert (pinned.json()["policy"], pinned.json()["version"]) == ("pinned", 1)
    shot = (await client.get(f"{ENTITIES}/sh020/resolved")).json()
    assert shot["references"][0]["fields"]["age"] == 9
    gone = await client.delete(one)
    fits(answers.AnswerA, gone.json())
    assert code_of(await client.delete(one)) == "not_found"
    assert code_of(await client.patch(one, json={"policy": "latest"})) == "not_found"


async def test_a_cycle_is_refused_with_the_way_round(film: Web) -> None:
    response = await film.client.post(REFERENCES, json={"source": "coat", "target": "mara"})
    assert response.status_code == 409
    assert code_of(response) == "cycle"
    assert response.json()["path"][0] == response.json()["path"][-1]
    assert set(response.json()["path"]) == {"mara", "coat"}


async def test_references_that_cannot_be_are_refused(film: Web) -> None:
    client = film.client
    for body, code in (
        ({"source": "nobody", "target": "sh020"}, "not_found"),
        ({"source": "mara", "target": "nobody"}, "not_found"),
        ({"source": "mara", "target": "mara"}, "cycle"),
        ({"source": "sh010", "target": "sh020"}, "invalid"),
        ({"source": "mara", "target": "sh020", "version": 7}, "invalid"),
        ({"source": "mara", "target": "sh020", "version": 1, "policy": "latest"}, "invalid"),
        ({"source": "mara", "target": "sh020", "overrides": {"hair": "red"}}, "invalid"),
        ({"source": "coat", "target": "sh010"}, "conflict"),
        ({"source": "mara"}, "invalid"),
    ):
        response = await client.post(REFERENCES, json=body)
        assert code_of(response) == code, body
    reference = (await client.get(f"{ENTITIES}/sh010")).json()["references"][0]["id"]
    assert code_of(await client.patch(f"{REFERENCES}/{reference}", json={})) == "invalid"


async def test_unknown_things_are_not_found(film: Web) -> None:
    client = film.client
    for path in (
        "projects/nothing",
        "projects/nothing/entities",
        "projects/film/entities/nobody",
        "projects/film/entities/nobody/resolved",
        "projects/film/graph?root=nobody",
        "assets/nobody/versions",
        "assets/nobody/dependencies",
        "assets/nobody/versions?project_id=film",
        "assets/nobody/dependencies?project_id=film",
        "assets/mara/versions/99",
        "assets/mara/versions/x",
        "assets/mara/diff?from=1&to=9",
        "runs/nothing",
        "runs/nothing/outcomes",
    ):
        assert code_of(await client.get(f"/api/v1/{path}")) == "not_found", path
    for path, body in (
        ("assets/nobody/propagate", {"change_data": {"a": 1}}),
        ("assets/nobody/publish?project_id=film", {}),
        ("assets/nobody/impact?project_id=film", {"change_data": {"a": 1}}),
        ("assets/mara/rollback", {"version_number": 99}),
        ("assets/nobody/rollback?project_id=film", {"version_number": 1}),
        ("projects/film/entities/nobody/restore", {}),
        ("runs/nothing/cancel", {}),
    ):
        assert code_of(await client.post(f"/api/v1/{path}", json=body)) == "not_found", path
