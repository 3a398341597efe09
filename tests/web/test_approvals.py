"""Approvals over REST: what waits, who may decide, and that what is decided is what was shown."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from server.rooms.access import Role
from tests.web.conftest import Web
from tests.web.test_auth import code_of

FINAL = ("sh010", "sh020", "sh030")
PATH = "/api/v1/projects/film/approvals"


@pytest.fixture
async def film(web: Web) -> Web:
    uses = [{"source": "coat"}]
    await web.make(
        "film",
        {"id": "coat", "kind": "wardrobe", "fields": {"colour": "#ffee00"}},
        *({"id": id_, "kind": "shot", "status": "final", "references": uses} for id_ in FINAL),
        {"id": "sh040", "kind": "shot", "references": uses},
    )
    return web


async def recolour(web: Web, colour: str, message: str = "") -> dict[str, Any]:
    body = {"change_data": {"colour": colour}, "message": message}
    answer = await web.client.post("/api/v1/assets/coat/propagate", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def waiting(web: Web, query: str = "") -> dict[str, Any]:
    answer = await web.client.get(PATH + query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(
    client: httpx.AsyncClient, ids: list[str], plan_hash: str, decision: str, comment: str = ""
) -> httpx.Response:
    body = {"ids": ids, "decision": decision, "plan_hash": plan_hash, "comment": comment}
    return await client.post(f"{PATH}/decide", json=body)


async def shown(web: Web, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = (await web.client.get(f"/api/v1/projects/film/entities/{id_}")).json()
    return found


async def test_a_run_over_final_shots_leaves_exactly_their_approvals(film: Web) -> None:
    run = await recolour(film, "#00aa00", "Too yellow")
    assert run["counts"] == {"awaiting_approval": 3, "updated": 1}
    page = await waiting(film)
    assert {one["target"] for one in page["items"]} == set(FINAL)
    assert (page["open"], page["next_cursor"]) == (3, None)
    (group,) = page["groups"]
    assert group["run_id"] == run["run_id"]
    assert (group["open"], group["message"]) == (3, "Too yellow")
    assert group["sources"] == [{"id": "coat", "name": "coat", "version": "coat_v2"}]
    one = page["items"][0]
    assert one["run_id"] == run["run_id"]
    assert one["rule"]["id"] == "final-asks"
    assert (one["before"]["version"], one["after"]["version"]) == (1, 2)
    assert one["before"]["visual_hash"] != one["after"]["visual_hash"]
    assert one["differs"]["fields"] == {"colour": {"from": "#ffee00", "to": "#00aa00"}}
    assert one["before"]["hash"] == (await shown(film, one["target"]))["hash"]


async def test_what_was_shown_as_after_is_what_an_approval_makes(film: Web) -> None:
    await recolour(film, "#00aa00")
    one = (await waiting(film))["items"][0]
    whole = (await film.client.get(f"{PATH}/{one['id']}")).json()
    assert whole["before"]["resolved"]["references"][0]["fields"]["colour"] == "#ffee00"
    assert whole["after"]["resolved"]["references"][0]["fields"]["colour"] == "#00aa00"
    answer = await decide(film.client, [one["id"]], one["plan_hash"], "approve", "good")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["status"], body["decided"]) == ("success", 1)
    assert body["counts"] == {"updated": 1}
    now = await shown(film, one["target"])
    assert now["hash"] == one["after"]["hash"] == whole["after"]["resolved"]["hash"]
    assert now["last_outcome"]["outcome"] == "updated"
    assert "approved by" in now["last_outcome"]["reason"]
    assert now["last_outcome"]["reason"].endswith(": good")
    run = (await film.client.get(f"/api/v1/runs/{body['run_id']}")).json()
    assert (run["cause"], run["total"], run["processed"]) == ("approval", 1, 1)
    assert {item["target"] for item in (await waiting(film))["items"]} == {*FINAL} - {one["target"]}


async def test_the_story_says_who_refused_what_is_not_shown(film: Web) -> None:
    await recolour(film, "#00aa00")
    one = (await waiting(film))["items"][0]
    path = f"/api/v1/projects/film/entities/{one['target']}/story"
    (told,) = (await film.client.get(path)).json()["references"]
    assert told["behind"]["why"].startswith("v2 waits for approval")
    await decide(film.client, [one["id"]], one["plan_hash"], "reject", "too green")
    (told,) = (await film.client.get(path)).json()["references"]
    assert told["behind"]["why"].startswith("v2 was rejected by ")
    assert told["behind"]["why"].endswith(": too green")


async def test_some_of_a_group_and_then_the_rest_by_its_hash(film: Web) -> None:
    await recolour(film, "#00aa00")
    page = await waiting(film)
    two = page["items"][:2]
    plan = f"{sum(int(one['plan_hash'], 16) for one in two) % 2**256:064x}"
    answer = await decide(film.client, [one["id"] for one in two], plan, "reject", "too green")
    assert answer.status_code == 200, answer.text
    for one in two:
        entity = await shown(film, one["target"])
        assert entity["references"][0]["version"] == 1
        assert "rejected by" in entity["last_outcome"]["reason"]
    page = await waiting(film)
    assert page["open"] == 1
    ids = [one["id"] for one in page["items"]]
    answer = await decide(film.client, ids, page["groups"][0]["plan_hash"], "approve")
    assert answer.status_code == 200, answer.text
    assert (await waiting(film))["items"] == []
    assert len((await waiting(film, "?status=rejected"))["items"]) == 2
    assert len((await waiting(film, "?status=any"))["items"]) == 3


async def test_a_plan_that_changed_decides_nothing_and_says_what_changed(film: Web) -> None:
    await recolour(film, "#00aa00")
    page = await waiting(film)
    ids, plan = [one["id"] for one in page["items"]], page["groups"][0]["plan_hash"]
    await recolour(film, "#0000aa")
    stale = await decide(film.client, ids, plan, "approve")
    assert (stale.status_code, code_of(stale)) == (409, "stale_plan")
    assert "would show v3 by now" in stale.json()["detail"]
    assert {one["entity_id"] for one in stale.json()["changes"]} == set(FINAL)
    page = await waiting(film)
    assert {one["id"] for one in page["items"]} == set(ids)
    one = page["items"][0]
    assert (await decide(film.client, [one["id"]], one["plan_hash"], "approve")).status_code == 200
    stale = await decide(film.client, ids, page["groups"][0]["plan_hash"], "approve")
    assert code_of(stale) == "stale_plan"
    assert "was approved by" in stale.json()["detail"]
    assert (await waiting(film))["open"] == 2
    nonsense = await decide(film.client, ids[1:2], "0" * 64, "approve")
    assert code_of(nonsense) == "stale_plan"


async def test_only_an_approver_or_an_owner_decides(film: Web) -> None:
    await recolour(film, "#00aa00")
    first, second = (await waiting(film))["items"][:2]
    for role in (Role.VIEWER, Role.EDITOR):
        client = await film.as_(role, "film")
        assert (await client.get(PATH)).status_code == 200
        refused = await decide(client, [first["id"]], first["plan_hash"], "approve")
        assert (refused.status_code, code_of(refused)) == (403, "forbidden")
        body = {"version_number": 1}
        refused = await client.post("/api/v1/assets/coat/approved?project_id=film", json=body)
        assert refused.status_code == 403
    for role, one in ((Role.APPROVER, first), (Role.OWNER, second)):
        client = await film.as_(role, "film")
        allowed = await decide(client, [one["id"]], one["plan_hash"], "approve")
        assert allowed.status_code == 200, allowed.text
        entity = await shown(film, one["target"])
        assert entity["last_outcome"]["reason"].endswith(f"approved by a {role.label}")
    body = {"version_number": 1}
    approver = await film.as_(Role.APPROVER, "film")
    moved = await approver.post("/api/v1/assets/coat/approved?project_id=film", json=body)
    assert moved.status_code == 200


async def test_what_is_not_valid_is_named(film: Web) -> None:
    await recolour(film, "#00aa00")
    one = (await waiting(film))["items"][0]
    twice = await decide(film.client, [one["id"], one["id"]], one["plan_hash"], "approve")
    assert (twice.status_code, twice.json()["errors"][0]["field"]) == (422, "ids.1")
    none = await decide(film.client, [], one["plan_hash"], "approve")
    assert none.status_code == 422
    other = await decide(film.client, [one["id"]], one["plan_hash"], "maybe")
    assert other.status_code == 422
    unknown = await decide(film.client, ["appr-none"], one["plan_hash"], "approve")
    assert (unknown.status_code, code_of(unknown)) == (404, "not_found")
    assert (await film.client.get(f"{PATH}/appr-none")).status_code == 404
    assert (await film.client.get(f"{PATH}?status=lost")).status_code == 422
    assert (await film.client.get(f"{PATH}?cursor=x")).status_code == 422


async def test_pages_and_filters(film: Web) -> None:
    await recolour(film, "#00aa00")
    first = await waiting(film, "?limit=2")
    rest = await waiting(film, f"?limit=2&cursor={first['next_cursor']}")
    targets = [one["target"] for one in (*first["items"], *rest["items"])]
    assert sorted(targets) == sorted(FINAL)
    assert first["groups"] == rest["groups"]
    assert rest["next_cursor"] is None
    (one,) = (await waiting(film, "?target=sh020"))["items"]
    assert one["target"] == "sh020"
    assert len((await waiting(film, "?source=coat"))["items"]) == 3
    assert (await waiting(film, "?source=sh010"))["items"] == []


async def test_a_shot_that_leaves_final_closes_its_approval(film: Web) -> None:
    await recolour(film, "#00aa00")
    path = "/api/v1/projects/film/entities/sh010"
    assert (await film.client.patch(path, json={"status": "review"})).status_code == 200
    assert (await shown(film, "sh010"))["references"][0]["version"] == 2
    (closed,) = (await waiting(film, "?status=closed"))["items"]
    assert (closed["target"], closed["before"]["hash"]) == ("sh010", None)
    assert "it shows coat v2 now" in closed["reason"]


async def test_decisions_are_in_the_audit_trail_of_their_shots(film: Web) -> None:
    await recolour(film, "#00aa00")
    one = (await waiting(film, "?target=sh010"))["items"][0]
    await decide(film.client, [one["id"]], one["plan_hash"], "reject", "no")
    audit = await film.client.get("/api/v1/projects/film/audit?entity=sh010")
    entry = next(item for item in audit.json()["items"] if item["action"] == "approval_rejected")
    assert entry["detail"]["approval"] == one["id"]
    assert entry["detail"]["comment"] == "no"
