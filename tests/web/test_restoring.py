"""Taking back over REST: some fields, and a whole project; what differs, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from server.rooms.access import Role
from server.web.rest import answers, restoring
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits

FILM = "/api/v1/projects/film"
MARA = "/api/v1/assets/mara"


async def change(film: Web, **fields: Any) -> dict[str, Any]:
    response = await film.client.post(f"{MARA}/propagate", json={"change_data": fields})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def restore(film: Web, to: str, **more: Any) -> dict[str, Any]:
    response = await film.client.post(f"{FILM}/restore", json={"to": to, **more})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def state(film: Web) -> Any:
    items = (await film.client.get(f"{FILM}/entities")).json()["items"]
    return [(one["id"], one["fields"], one["hash"]) for one in items]


async def test_a_project_goes_back_to_a_time_as_it_was_shown(film: Web) -> None:
    before, moment = await state(film), film.clock()
    await change(film, description="Another woman altogether")
    path = f"{FILM}/entities"
    await film.client.post(path, json={"kind": "prop", "name": "Lamp", "id": "lamp"})
    await film.client.delete(f"{FILM}/entities/sh020?force=true")
    plan = await restore(film, moment, dry_run=True)
    fits(restoring.RestoreImpact, plan)
    assert (plan["deleted"], plan["restored"], plan["versions"]) == (["lamp"], ["sh020"], 2)
    assert plan["counts"] == {"updated": len(plan["outcomes"])}
    assert (await state(film)) != before
    done = await restore(film, moment, plan_hash=plan["plan_hash"], reason="the lamp was a mistake")
    fits(restoring.ProjectRestored, done)
    assert done["counts"] == plan["counts"]
    assert await state(film) == before
    run = (await film.client.get(f"/api/v1/runs/{done['run_id']}")).json()
    assert (run["cause"], run["status"]) == ("project-restore", "done")
    entries = (await film.client.get(f"{FILM}/audit?run={run['id']}")).json()["items"]
    (entry,) = (one for one in entries if one["action"] == "project_restored")
    assert entry["detail"]["reason"] == "the lamp was a mistake"
    outcomes = (await film.client.get(f"/api/v1/runs/{run['id']}/outcomes")).json()["items"]
    assert {one["reason"] for one in outcomes} == {f"is again as it was at {moment}"}


async def test_a_plan_of_a_restoration_goes_stale(film: Web) -> None:
    moment = film.clock()
    await change(film, hair="#112233")
    plan = await restore(film, moment, dry_run=True)
    await change(film, hair="#445566")
    before = await state(film)
    sent = {"to": moment, "plan_hash": plan["plan_hash"]}
    response = await film.client.post(f"{FILM}/restore", json=sent)
    assert (response.status_code, code_of(response)) == (409, "stale_plan")
    assert [one["entity_id"] for one in response.json()["changes"]] == ["mara", "coat"]
    assert await state(film) == before


async def test_a_project_goes_back_to_before_a_run(film: Web) -> None:
    before = await state(film)
    run = (await change(film, hair="#112233"))["run_id"]
    await change(film, hair="#445566")
    done = await restore(film, run)
    assert await state(film) == before
    again = await film.client.post(f"/api/v1/runs/{done['run_id']}/rollback", json={})
    assert (again.status_code, code_of(again)) == (409, "conflict")


async def test_who_may_not_and_what_is_no_moment(film: Web) -> None:
    for role in (Role.VIEWER, Role.EDITOR, Role.APPROVER):
        client = await film.as_(role, "film")
        refused = await client.post(f"{FILM}/restore", json={"to": film.clock()})
        assert (refused.status_code, code_of(refused)) == (403, "forbidden")
    for moment in ("yesterday", "1999-01-01", "2999-01-01", "", "x" * 101):
        refused = await film.client.post(f"{FILM}/restore", json={"to": moment})
        assert (refused.status_code, code_of(refused)) == (422, "invalid")
        assert [one["field"] for one in refused.json()["errors"]] == ["to"]
    refused = await film.client.post(f"{FILM}/restore", json={"to": "run-unknown"})
    assert refused.status_code == 404


async def test_one_field_goes_back(film: Web) -> None:
    await change(film, hair="#112233", description="Small")
    body = {"version_number": 1, "fields": ["hair"]}
    plan = await film.client.post(f"{MARA}/rollback", json={**body, "dry_run": True})
    fits(answers.Impact, plan.json())
    plan_hash = plan.json()["plan_hash"]
    done = await film.client.post(f"{MARA}/rollback", json={**body, "plan_hash": plan_hash})
    assert done.json()["new_current_version"] == "mara_v3"
    newest = (await film.client.get(f"{MARA}/versions/3")).json()
    assert list(newest["changes"]) == ["hair"]
    assert newest["fields"]["description"] == "Small"
    assert newest["message"] == "Rolled back hair to v1"


@pytest.mark.parametrize("fields", [[], ["hat"], [""], "hair"])
async def test_fields_that_there_are_not_are_named(film: Web, fields: Any) -> None:
    body = {"version_number": 1, "fields": fields}
    refused = await film.client.post(f"{MARA}/rollback", json=body)
    assert (refused.status_code, code_of(refused)) == (422, "invalid")
    assert refused.json()["errors"][0]["field"].startswith("fields")


async def test_two_versions_differ_word_by_word_either_way_round(film: Web) -> None:
    await change(film, description="A tall woman in a coat", hair="#112233")
    await change(film, description="A very tall woman, in a wet coat")
    there = (await film.client.get(f"{MARA}/diff?from=2&to=3")).json()
    fits(answers.Diff, there)
    assert list(there["fields"]) == ["description"]
    words = there["fields"]["description"]["words"]
    told = [(one["op"], one["text"]) for one in words if one["op"] != "equal"]
    assert told == [("insert", "very "), ("insert", ","), ("insert", " wet")]
    back = (await film.client.get(f"{MARA}/diff?from=3&to=1")).json()
    assert set(back["fields"]) == {"description", "hair"}
    old = back["fields"]["description"]
    assert "".join(one["text"] for one in old["words"] if one["op"] != "delete") == old["to"]
    assert "".join(one["text"] for one in old["words"] if one["op"] != "insert") == old["from"]
    assert "words" not in back["fields"]["hair"]
