"""The whole story over REST: a change travels, a pin holds, everything is explained."""

from __future__ import annotations

from typing import Any

from tests.web.conftest import Web
from tests.web.test_auth import code_of


async def test_a_shot_pinned_to_the_wardrobe_does_not_follow_its_character(web: Web) -> None:
    await web.make(
        "film",
        {"id": "mara", "kind": "character", "fields": {"description": "Grey coat"}},
        {"id": "coat", "kind": "wardrobe", "references": [{"source": "mara", "role": "worn_by"}]},
        {"id": "a", "kind": "shot", "references": [{"source": "coat"}]},
        {"id": "b", "kind": "shot", "references": [{"source": "coat", "version": 1}]},
    )
    client = web.client
    entities = "/api/v1/projects/film/entities"

    async def resolved(entity_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await client.get(f"{entities}/{entity_id}/resolved")).json()
        return found

    pinned_before = await resolved("b")
    assert pinned_before["references"][0]["policy"] == "pinned"
    following_before = await resolved("a")

    response = await client.post(
        "/api/v1/assets/mara/propagate", json={"change_data": {"description": "Red coat"}}
    )
    answer = response.json()
    assert response.status_code == 200, answer
    assert answer["status"] == "success"
    assert answer["version"] == "mara_v2"
    assert answer["counts"]["updated"] == 2
    assert answer["counts"]["pinned"] == 1
    assert answer["affected_entities"] == 3

    pinned, following = await resolved("b"), await resolved("a")
    assert pinned["hash"] == pinned_before["hash"]
    assert pinned["prompt"] == pinned_before["prompt"]
    assert pinned["references"][0]["version"] == 1
    assert pinned["references"][0]["latest_version"] == 2
    assert pinned["references"][0]["references"][0]["fields"]["description"] == "Grey coat"
    assert "pinned" in pinned["last_outcome"]["reason"]
    assert following["hash"] != following_before["hash"]
    assert following["references"][0]["version"] == 2
    assert following["references"][0]["references"][0]["fields"]["description"] == "Red coat"

    outcomes = (await client.get(f"/api/v1/runs/{answer['run_id']}/outcomes")).json()["items"]
    assert {one["entity_id"]: one["outcome"] for one in outcomes} == {
        "coat": "updated",
        "a": "updated",
        "b": "pinned",
    }

    back = await client.post("/api/v1/assets/mara/rollback", json={"version_number": 1})
    assert back.json()["success"] is True
    assert back.json()["new_current_version"] == "mara_v3"
    assert back.json()["restored_from"] == "mara_v1"
    assert (await resolved("a"))["visual_hash"] == following_before["visual_hash"]
    assert (await resolved("b"))["hash"] == pinned_before["hash"]


async def test_an_approved_reference_follows_the_approval(film: Web) -> None:
    client = film.client
    shot = (await client.get("/api/v1/projects/film/entities/sh010")).json()
    reference = f"/api/v1/projects/film/references/{shot['references'][0]['id']}"
    changed = await client.patch(reference, json={"policy": "approved"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["policy"] == "approved"
    assert changed.json()["propagation"]["status"] == "success"

    await client.post("/api/v1/assets/coat/propagate", json={"change_data": {"state": "torn"}})
    shot = (await client.get("/api/v1/projects/film/entities/sh010")).json()
    assert shot["references"][0]["version"] == 1

    answer = await client.post("/api/v1/assets/coat/approved", json={"version_number": 2})
    assert answer.json()["counts"] == {"updated": 1}
    shot = (await client.get("/api/v1/projects/film/entities/sh010")).json()
    assert shot["references"][0]["version"] == 2
    unknown = await client.post("/api/v1/assets/coat/approved", json={"version_number": 99})
    assert code_of(unknown) == "not_found"


async def test_an_empty_change_is_invalid(film: Web) -> None:
    empty: list[dict[str, Any]] = [{}, {"author": "me"}, {"visual_changes": {}}]
    for data in empty:
        response = await film.client.post(
            "/api/v1/assets/mara/propagate", json={"change_data": data}
        )
        assert code_of(response) == "invalid", data
    response = await film.client.patch("/api/v1/projects/film/entities/mara", json={})
    assert code_of(response) == "invalid"


async def test_a_change_without_a_difference_makes_no_version(film: Web) -> None:
    response = await film.client.post(
        "/api/v1/assets/mara/propagate", json={"change_data": {"description": "Tall, grey coat"}}
    )
    assert response.status_code == 200
    answer = response.json()
    assert (answer["status"], answer["affected_entities"]) == ("success", 0)
    assert answer["version"] == "mara_v1"
    assert answer["run_id"] is None


async def test_a_base_version_of_the_future_is_invalid(film: Web) -> None:
    body = {"change_data": {"age": 3}, "base_version": 2}
    response = await film.client.post("/api/v1/assets/mara/propagate", json=body)
    assert code_of(response) == "invalid"
    assert response.json()["errors"][0]["field"] == "base_version"
    response = await film.client.patch(
        "/api/v1/projects/film/entities/mara", json={"fields": {"age": 3}, "base_version": 2}
    )
    assert code_of(response) == "invalid"


async def test_a_collision_is_a_conflict_and_nothing_is_applied(film: Web) -> None:
    client = film.client
    first = {"change_data": {"age": 30}, "base_version": 1}
    assert (await client.post("/api/v1/assets/mara/propagate", json=first)).status_code == 200
    second = {"change_data": {"age": 31}, "base_version": 1}
    answer = await client.post("/api/v1/assets/mara/propagate", json=second)
    assert answer.status_code == 200
    assert answer.json()["status"] == "conflict"
    assert answer.json()["conflicts"][0]["field"] == "age"
    assert answer.json()["version"] == "mara_v2"
    patch = await client.patch(
        "/api/v1/projects/film/entities/mara", json={"fields": {"age": 31}, "base_version": 1}
    )
    assert patch.status_code == 409
    assert code_of(patch) == "conflict"
    assert patch.json()["conflicts"][0]["field"] == "age"
    mara = (await client.get("/api/v1/projects/film/entities/mara")).json()
    assert mara["fields"]["age"] == 30


async def test_a_preview_is_the_plan_and_changes_nothing(film: Web) -> None:
    client, change = film.client, {"change_data": {"age": 30}}
    found = (await client.post("/api/v1/assets/mara/impact", json=change)).json()
    assert found["affected_shots"] == 1
    assert {one["entity_id"]: one["outcome"] for one in found["outcomes"]} == {
        "coat": "updated",
        "sh010": "updated",
    }
    dry = await client.post("/api/v1/assets/mara/propagate", json={**change, "dry_run": True})
    assert dry.json()["plan_hash"] == found["plan_hash"]
    assert (await client.get("/api/v1/projects/film/entities/mara")).json()["version"] == 1


async def test_a_batch_with_a_missing_asset_applies_nothing(film: Web) -> None:
    body = {
        "asset_changes": [
            {"asset_id": "mara", "changes": {"age": 30}},
            {"asset_id": "nobody", "changes": {"age": 30}},
        ]
    }
    response = await film.client.post("/api/v1/propagation/batch", json=body)
    assert code_of(response) == "not_found"
    assert "nobody" in response.json()["detail"]
    assert (await film.client.get("/api/v1/projects/film/entities/mara")).json()["version"] == 1


async def test_a_batch_touches_each_dependent_once(film: Web) -> None:
    body = {
        "asset_changes": [
            {"asset_id": "mara", "changes": {"age": 30}},
            {"asset_id": "coat", "changes": {"pattern": "stripes"}},
        ],
        "project_id": "film",
    }
    answer = (await film.client.post("/api/v1/propagation/batch", json=body)).json()
    assert answer["status"] == "success"
    run = (await film.client.get(f"/api/v1/runs/{answer['run_id']}")).json()
    assert sorted(run["asset_ids"]) == ["coat", "mara"]
    outcomes = await film.client.get(f"/api/v1/runs/{answer['run_id']}/outcomes")
    ids = [one["entity_id"] for one in outcomes.json()["items"]]
    assert len(ids) == len(set(ids))
    empty = await film.client.post("/api/v1/propagation/batch", json={"asset_changes": []})
    assert code_of(empty) == "invalid"
    double = {"asset_changes": [body["asset_changes"][0]] * 2}
    assert code_of(await film.client.post("/api/v1/propagation/batch", json=double)) == "invalid"


async def test_an_id_of_two_projects_needs_the_project(film: Web) -> None:
    await film.make("other", {"id": "mara", "kind": "character"})
    body = {"change_data": {"age": 30}}
    response = await film.client.post("/api/v1/assets/mara/propagate", json=body)
    assert response.status_code == 409
    assert code_of(response) == "ambiguous"
    assert response.json()["candidates"] == ["film", "other"]
    response = await film.client.post("/api/v1/assets/mara/propagate?project_id=other", json=body)
    assert response.json()["version"] == "mara_v2"
    assert (await film.client.get("/api/v1/projects/film/entities/mara")).json()["version"] == 1


async def test_ids_are_the_same_in_every_unicode_form(web: Web) -> None:
    await web.make("film", {"id": "Zoe\u0301 🎬", "kind": "character"})
    for spelt in ("Zo\u00e9 🎬", "Zoe\u0301 🎬"):
        found = await web.client.get(f"/api/v1/projects/film/entities/{spelt}")
        assert found.json()["id"] == "Zo\u00e9 🎬"
        made = await web.client.post(
            "/api/v1/projects/film/entities",
            json={"kind": "shot", "name": "s", "references": [{"source": spelt}]},
        )
        assert made.status_code == 201, made.text


async def test_a_slow_run_is_accepted_and_can_be_watched(film: Web) -> None:
    response = await film.client.post(
        "/api/v1/assets/mara/propagate?wait=0", json={"change_data": {"age": 77}}
    )
    assert response.status_code == 202
    answer = response.json()
    assert answer["status"] == "accepted"
    owner = await film.state.projects.open("film")
    await owner.engine.wait(answer["run_id"], 5)
    run = (await film.client.get(f"/api/v1/runs/{answer['run_id']}")).json()
    assert run["status"] == "done"
    status = (await film.client.get("/api/v1/projects/film/propagation-status")).json()
    assert status["recent"][0]["id"] == answer["run_id"]
