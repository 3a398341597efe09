"""Runs over REST: watched, cancelled, retried, rolled back; and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from server.rooms.access import Role
from server.web.rest import answers, run_answers
from server.web.rest.shapes import Page
from tests.faults import break_dependents
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits

API = "/api/v1"
FILM = "/api/v1/projects/film"


@pytest.fixture
def broken() -> Iterator[set[str]]:
    """The ids in here fail in every run."""
    ids: set[str] = set()
    mend = break_dependents(lambda: ids)
    yield ids
    mend()


async def change(film: Web, asset: str = "mara", **fields: Any) -> dict[str, Any]:
    path = f"{API}/assets/{asset}/propagate?project_id=film"
    response = await film.client.post(path, json={"change_data": fields})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def post(film: Web, path: str, body: Any = None) -> Any:
    return await film.client.post(f"{API}/{path}", json=body)


async def test_what_failed_is_retried(film: Web, broken: set[str]) -> None:
    broken.add("sh010")
    answer = await change(film, hair="#112233")
    assert (answer["counts"], answer["requires_intervention"]) == (
        {"updated": 1, "failed": 1},
        True,
    )
    broken.clear()
    response = await post(film, f"runs/{answer['run_id']}/retry")
    assert response.status_code == 200, response.text
    again = response.json()
    fits(run_answers.Run, again)
    assert again["retry_of"] == answer["run_id"]
    assert (again["status"], again["counts"], again["total"]) == ("done", {"updated": 1}, 1)
    page = (await film.client.get(f"{API}/runs/{again['id']}/outcomes")).json()
    fits(Page[run_answers.Outcome], page)
    assert [one["entity_id"] for one in page["items"]] == ["sh010"]
    status = (await film.client.get(f"{FILM}/propagation-status")).json()
    fits(run_answers.Status, status)
    assert [one["id"] for one in status["recent"]] == [again["id"], answer["run_id"]]
    assert status["totals"] == {
        "runs": 2,
        "processed": 3,
        "counts": {"failed": 1, "updated": 2},
    }


async def test_a_run_without_failures_is_not_retried(film: Web) -> None:
    answer = await change(film, hair="#112233")
    response = await post(film, f"runs/{answer['run_id']}/retry", {})
    assert response.status_code == 409
    assert code_of(response) == "conflict"
    assert response.json()["detail"] == "Nothing failed in this run: nothing to retry"


async def test_a_run_is_rolled_back(film: Web) -> None:
    before = (await film.client.get(f"{FILM}/entities/sh010")).json()["hash"]
    answer = await change(film, hair="#112233")
    path = f"runs/{answer['run_id']}/rollback"
    plan = (await post(film, path, {"dry_run": True})).json()
    fits(answers.Impact, plan)
    assert plan["counts"] == {"updated": 2}
    assert (await film.client.get(f"{FILM}/entities/mara")).json()["version"] == 2
    response = await post(film, path, {"reason": "too dark", "plan_hash": plan["plan_hash"]})
    assert response.status_code == 200, response.text
    back = response.json()
    fits(run_answers.RunRolledBack, back)
    assert (back["status"], back["success"], back["rollback_of"]) == (
        "done",
        True,
        answer["run_id"],
    )
    assert back["id"] == back["run_id"]
    assert (back["versions"], back["version"]) == (["mara_v3"], "mara_v3")
    assert (back["counts"], back["affected_entities"]) == ({"updated": 2}, 2)
    assert (await film.client.get(f"{FILM}/entities/sh010")).json()["hash"] == before
    run = (await film.client.get(f"{API}/runs/{back['id']}")).json()
    assert (run["rollback_of"], run["cause"], run["message"]) == (
        answer["run_id"],
        "rollback",
        "too dark",
    )
    trail = (await film.client.get(f"{FILM}/audit?run={answer['run_id']}")).json()["items"]
    assert (trail[0]["action"], trail[0]["detail"]) == ("run_rolled_back", {"by": back["id"]})
    again = (await post(film, path)).json()
    fits(run_answers.RunRolledBack, again)
    assert (again["id"], again["status"], again["success"]) == (None, "done", True)


async def test_a_rollback_over_a_later_edit_of_the_same_field_is_a_conflict(film: Web) -> None:
    answer = await change(film, hair="#112233", age=40)
    await change(film, hair="#445566")
    response = await post(film, f"runs/{answer['run_id']}/rollback")
    assert response.status_code == 200
    back = response.json()
    fits(run_answers.RunRolledBack, back)
    assert (back["status"], back["success"], back["id"]) == ("conflict", False, None)
    assert back["requires_intervention"] is True
    (conflict,) = back["conflicts"]
    assert (conflict["entity_id"], conflict["field"]) == ("mara", "hair")
    assert (conflict["ours"], conflict["theirs"]) == ("#445566", None)
    mara = (await film.client.get(f"{FILM}/entities/mara")).json()
    assert (mara["version"], mara["fields"]["age"]) == (3, 40)


async def test_a_stale_rollback_says_what_changed(film: Web) -> None:
    answer = await change(film, hair="#112233")
    path = f"runs/{answer['run_id']}/rollback"
    plan = (await post(film, path, {"dry_run": True})).json()
    await change(film, age=40)
    response = await post(film, path, {"plan_hash": plan["plan_hash"]})
    assert response.status_code == 409
    assert code_of(response) == "stale_plan"
    text = response.json()["changes"][0]["text"]
    assert text == "mara is at v3, the plan was made on v2"
    assert (await film.client.get(f"{FILM}/entities/mara")).json()["version"] == 3


async def test_a_run_on_its_way_is_neither_retried_nor_rolled_back_but_cancelled(
    web: Web,
) -> None:
    shots = [{"id": f"x{n}", "kind": "shot", "references": [{"source": "mara"}]} for n in range(60)]
    await web.make("film", {"id": "mara", "kind": "character"}, *shots)
    owner = await web.state.projects.open("film")
    commit, reached, go_on = owner.storage.commit, asyncio.Event(), asyncio.Event()

    async def held(one: Any) -> None:
        if one.outcomes:
            reached.set()
            await go_on.wait()
        await commit(one)

    setattr(owner.storage, "commit", held)  # noqa: B010 - a method of a protocol
    path = "assets/mara/propagate?project_id=film&wait=0"
    answer = (await post(web, path, {"change_data": {"hair": "#112233"}})).json()
    await reached.wait()
    for verb in ("retry", "rollback"):
        response = await post(web, f"runs/{answer['run_id']}/{verb}")
        assert response.status_code == 409
        assert code_of(response) == "conflict"
        assert "cancel it" in response.json()["detail"]
    cancelling = asyncio.ensure_future(post(web, f"runs/{answer['run_id']}/cancel?wait=10"))
    go_on.set()
    response = await cancelling
    fits(run_answers.Run, response.json())
    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert response.json()["counts"] == {"updated": 32, "cancelled": 28}
    again = (await post(web, f"runs/{answer['run_id']}/retry")).json()
    assert (again["status"], again["counts"]) == ("done", {"updated": 28})


async def test_a_superseded_run_names_the_one_that_took_it_over(web: Web) -> None:
    shots = [{"id": f"x{n}", "kind": "shot", "references": [{"source": "mara"}]} for n in range(60)]
    await web.make("film", {"id": "mara", "kind": "character"}, *shots)
    owner = await web.state.projects.open("film")
    commit = owner.storage.commit
    made: list[asyncio.Task[dict[str, Any]]] = []

    async def watched(one: Any) -> None:
        await commit(one)
        if one.outcomes and not made:
            made.extend(asyncio.ensure_future(change(web, age=age)) for age in (30, 31))

    setattr(owner.storage, "commit", watched)  # noqa: B010 - a method of a protocol
    await change(web, hair="#112233")
    older, newer = await asyncio.gather(*made)
    for one in (older, newer):
        fits(answers.AnswerA, one)
    assert older["run_id"] == newer["run_id"]
    run = (await web.client.get(f"{API}/runs/{older['superseded_run_id']}")).json()
    fits(run_answers.Run, run)
    assert (run["status"], run["superseded_by"]) == ("superseded", newer["run_id"])
    page = (await web.client.get(f"{API}/runs/{run['id']}/outcomes?limit=500")).json()
    assert len(page["items"]) == run["total"] == 60
    assert {one["outcome"] for one in page["items"]} == {"superseded"}
    refused = await post(web, f"runs/{run['id']}/retry")
    assert newer["run_id"] in refused.json()["detail"]
    cancelled = await post(web, f"runs/{run['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "superseded")


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["retry", "rollback"])
async def test_who_may_not_and_what_is_not_there(film: Web, verb: str) -> None:
    answer = await change(film, hair="#112233")
    path = f"{API}/runs/{answer['run_id']}/{verb}"
    for project in ("film", None):
        viewer = await film.as_(Role.VIEWER, project)
        response = await viewer.post(path)
        assert (response.status_code, code_of(response)) == (403, "forbidden")
    await film.make("other")
    stranger = await film.as_(Role.OWNER, "other")
    assert code_of(await stranger.post(path)) == "not_found"
    assert code_of(await film.client.post(f"{API}/runs/run-nothing/{verb}")) == "not_found"
    anybody = await film.with_token(None)
    assert code_of(await anybody.post(path)) == "unauthenticated"
    unknown = await film.client.post(path, json={"colour": 1})
    assert code_of(unknown) == "invalid"
    assert (await film.client.get(f"{FILM}/entities/mara")).json()["version"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "change_data"),
        ({"change_data": {}}, "change_data"),
        ({"change_data": {"visual_changes": {}}}, "change_data"),
        ({"change_data": "red"}, "change_data"),
        ({"change_data": {"visual_changes": []}}, "change_data.visual_changes"),
        ({"change_data": {"name": 5}}, "change_data.name"),
        ({"change_data": {"hair": 5}}, "fields.hair"),
        ({"change_data": {"hair": "red"}}, "fields.hair"),
        ({"change_data": {"description": ["a"]}}, "fields.description"),
        ({"change_data": {"age": 40}, "base_version": 99}, "base_version"),
        ({"change_data": {"age": 40}, "base_version": "1"}, "base_version"),
        ({"change_data": {"age": 40}, "base_version": 0}, "base_version"),
        ({"change_data": {"age": 40}, "dry_run": "yes"}, "dry_run"),
        ({"change_data": {"age": 40}, "propagation_mode": "soon"}, "propagation_mode"),
    ],
)
async def test_a_change_that_cannot_be_made_is_named_and_does_nothing(
    film: Web, body: dict[str, Any], field: str
) -> None:
    response = await post(film, "assets/mara/propagate", body)
    assert response.status_code == 422
    assert code_of(response) == "invalid"
    assert [one["field"] for one in response.json()["errors"]] == [field]
    dry = await post(film, "assets/mara/propagate", {**body, "dry_run": body.get("dry_run", True)})
    assert dry.json()["errors"] == response.json()["errors"]
    assert (await film.client.get(f"{FILM}/entities/mara")).json()["version"] == 1
    assert (await film.client.get(f"{FILM}/propagation-status")).json()["totals"]["runs"] == 0


async def test_an_unknown_asset_is_not_found(film: Web) -> None:
    body = {"change_data": {"age": 40}}
    for query in ("", "?project_id=film"):
        response = await post(film, f"assets/nobody/propagate{query}", body)
        assert (response.status_code, code_of(response)) == (404, "not_found")
        assert "nobody" in response.json()["detail"]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_batch_with_a_missing_asset_names_it_and_applies_nothing(
    film: Web, place: int, dry_run: bool
) -> None:
    changes = [
        {"asset_id": "mara", "changes": {"age": 40}},
        {"asset_id": "coat", "changes": {"state": "wet"}},
    ]
    changes.insert(place, {"asset_id": "nobody", "changes": {"age": 40}})
    body = {"asset_changes": changes, "dry_run": dry_run}
    response = await post(film, "propagation/batch", body)
    assert (response.status_code, code_of(response)) == (404, "not_found")
    assert "nobody" in response.json()["detail"]
    for asset in ("mara", "coat"):
        assert (await film.client.get(f"{FILM}/entities/{asset}")).json()["version"] == 1


async def test_a_batch_with_a_bad_field_names_it_and_applies_nothing(film: Web) -> None:
    changes = [
        {"asset_id": "mara", "changes": {"age": 40}},
        {"asset_id": "coat", "changes": {"colour": "grey"}},
    ]
    response = await post(film, "propagation/batch", {"asset_changes": changes})
    assert code_of(response) == "invalid"
    assert (await film.client.get(f"{FILM}/entities/mara")).json()["version"] == 1


async def test_the_documentation_has_the_new_bodies(film: Web) -> None:
    document = (await film.client.get("/api/openapi.json")).json()
    rollback = document["paths"][f"{API}/runs/{{run_id}}/rollback"]["post"]
    assert rollback["requestBody"]["required"] is False
    schemas = document["components"]["schemas"]
    for body in ("RunRollbackBody", "Change", "PublishBody", "RollbackBody", "Batch"):
        assert {"plan_hash", "dry_run"} <= schemas[body]["properties"].keys()
    assert f"{API}/runs/{{run_id}}/retry" in document["paths"]
