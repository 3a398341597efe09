"""Conflicts over REST: what waits, with both sides; who may choose; and what a choice does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from server.rooms.access import Role
from tests.web.conftest import Web
from tests.web.test_auth import code_of

PATH = "/api/v1/projects/film/conflicts"
HAIR = {"ours": "#445566", "theirs": "#778899"}


async def propagate(client: httpx.AsyncClient, base: int | None, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"change_data": fields}
    if base is not None:
        body["base_version"] = base
    answer = await client.post("/api/v1/assets/mara/propagate", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def page(web: Web, query: str = "") -> dict[str, Any]:
    answer = await web.client.get(PATH + query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def mara(web: Web) -> dict[str, Any]:
    found: dict[str, Any] = (await web.client.get("/api/v1/projects/film/entities/mara")).json()
    return found


async def resolve(client: httpx.AsyncClient, id_: str, **body: Any) -> httpx.Response:
    return await client.post(f"{PATH}/{id_}/resolve", json=body)


@pytest.fixture
async def clash(film: Web) -> dict[str, Any]:
    """Ann set another hair colour than the one that came on the version before hers."""
    ann = await film.as_(Role.EDITOR, "film")
    await propagate(ann, 1, hair=HAIR["ours"])
    answer = await propagate(film.client, 1, hair=HAIR["theirs"])
    assert answer["status"] == "conflict"
    (found,) = answer["conflicts"]
    conflict: dict[str, Any] = found
    return conflict


async def test_what_collides_waits_with_both_sides_and_the_rest_is_applied(film: Web) -> None:
    ann = await film.as_(Role.EDITOR, "film")
    await propagate(ann, 1, hair=HAIR["ours"], build="slight")
    answer = await propagate(film.client, 1, hair=HAIR["theirs"], age=40)
    assert (answer["status"], answer["requires_intervention"]) == ("conflict", True)
    assert answer["counts"] == {"updated": 2}
    assert answer["version"] == "mara_v3"
    now = await mara(film)
    assert (now["fields"]["hair"], now["fields"]["age"]) == (HAIR["ours"], 40)
    listed = await page(film)
    (one,) = listed["items"]
    assert (listed["open"], listed["next_cursor"]) == (1, None)
    assert {key: one[key] for key in ("ours", "theirs", "current", "base", "merged")} == {
        **HAIR,
        "current": HAIR["ours"],
        "base": None,
        "merged": None,
    }
    assert (one["type"], one["severity"], one["status"]) == ("version_conflict", "high", "open")
    assert (one["entity_id"], one["entity_name"], one["field"]) == ("mara", "mara", "hair")
    assert (one["ours_by"], one["theirs_by"]) == ("a editor", "root")
    assert one["affected_users"] == ["a editor", "root"]
    assert one["resolution_options"] == ["ours", "theirs", "merged"]
    assert one["run_id"] == answer["run_id"]
    assert one["id"] == answer["conflicts"][0]["id"]
    assert (await film.client.get(f"{PATH}/{one['id']}")).json() == one


async def test_theirs_is_a_version_of_its_own_that_propagates(film: Web, clash: Any) -> None:
    answer = await resolve(film.client, clash["id"], choice="theirs")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["status"], body["version"], body["conflicts"]) == ("success", "mara_v3", [])
    assert body["counts"] == {"updated": 2}
    assert body["conflict"]["status"] == "resolved"
    assert body["conflict"]["resolution"] == "theirs"
    assert body["conflict"]["resolved_by"] == "root"
    assert (await mara(film))["fields"]["hair"] == HAIR["theirs"]
    assert (await page(film))["items"] == []
    (kept,) = (await page(film, "?status=resolved"))["items"]
    assert (kept["ours"], kept["theirs"]) == (HAIR["ours"], HAIR["theirs"])
    shot = (await film.client.get("/api/v1/projects/film/entities/sh010")).json()
    assert "follows" in shot["last_outcome"]["reason"]


async def test_ours_changes_nothing_and_leaves_the_queue(film: Web, clash: Any) -> None:
    body = (await resolve(film.client, clash["id"], choice="ours")).json()
    assert (body["status"], body["version"], body["run_id"]) == ("success", "mara_v2", None)
    assert body["conflict"]["resolution"] == "ours"
    assert (await page(film))["open"] == 0


async def test_a_value_of_ones_own_is_set_and_kept_in_the_record(film: Web, clash: Any) -> None:
    body = (await resolve(film.client, clash["id"], choice="merged", value="#ABCDEF")).json()
    assert (await mara(film))["fields"]["hair"] == "#abcdef"
    assert (body["conflict"]["resolution"], body["conflict"]["merged"]) == ("merged", "#ABCDEF")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "choice"),
        ({"choice": "mine"}, "choice"),
        ({"choice": None}, "choice"),
        ({"choice": ["ours"]}, "choice"),
        ({"choice": "merged"}, "value"),
        ({"choice": "merged", "value": 7}, "value"),
        ({"choice": "merged", "value": "red"}, "value"),
        ({"choice": "merged", "value": {"a": []}}, "value"),
        ({"choice": "ours", "value": "#000000"}, "value"),
        ({"choice": "theirs", "value": None}, "value"),
        ({"choice": "ours", "hair": 1}, "hair"),
    ],
)
async def test_a_bad_choice_names_its_field_and_decides_nothing(
    film: Web, clash: Any, body: dict[str, Any], field: str
) -> None:
    answer = await resolve(film.client, clash["id"], **body)
    assert (answer.status_code, code_of(answer)) == (422, "invalid")
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert (await page(film))["open"] == 1
    assert (await mara(film))["version"] == 2


async def test_what_is_decided_stays_decided(film: Web, clash: Any) -> None:
    assert (await resolve(film.client, clash["id"], choice="ours")).status_code == 200
    for choice in ("ours", "theirs"):
        again = await resolve(film.client, clash["id"], choice=choice)
        assert (again.status_code, code_of(again)) == (409, "conflict")
        assert "root kept what was there" in again.json()["detail"]
    assert (await mara(film))["version"] == 2


async def test_what_is_not_there_is_not_found(film: Web) -> None:
    assert code_of(await resolve(film.client, "conf-nothing", choice="ours")) == "not_found"
    assert code_of(await film.client.get(f"{PATH}/conf-nothing")) == "not_found"
    for query in ("?status=lost", "?type=war", "?limit=0", "?cursor=x"):
        assert code_of(await film.client.get(PATH + query)) == "invalid"


async def test_a_conflict_of_another_project_is_not_here(film: Web, clash: Any) -> None:
    await film.make("other")
    answer = await film.client.get(f"/api/v1/projects/other/conflicts/{clash['id']}")
    assert code_of(answer) == "not_found"
    path = f"/api/v1/projects/other/conflicts/{clash['id']}/resolve"
    assert code_of(await film.client.post(path, json={"choice": "theirs"})) == "not_found"


async def test_who_only_reads_sees_it_and_cannot_choose(film: Web, clash: Any) -> None:
    viewer = await film.as_(Role.VIEWER, "film")
    assert (await viewer.get(PATH)).json()["open"] == 1
    assert code_of(await resolve(viewer, clash["id"], choice="ours")) == "forbidden"
    editor = await film.as_(Role.EDITOR, "film")
    assert (await resolve(editor, clash["id"], choice="ours")).status_code == 200


async def test_pages_and_filters(film: Web) -> None:
    ann = await film.as_(Role.EDITOR, "film")
    await propagate(ann, 1, hair="#445566", age=1, mood="grim")
    await propagate(film.client, 1, hair="#778899", age=2, mood="gay")
    first = await page(film, "?limit=2")
    assert len(first["items"]) == 2
    rest = await page(film, f"?limit=2&cursor={first['next_cursor']}")
    assert {one["field"] for one in [*first["items"], *rest["items"]]} == {"hair", "age", "mood"}
    assert rest["next_cursor"] is None
    assert len((await page(film, "?entity=mara"))["items"]) == 3
    assert (await page(film, "?entity=coat"))["items"] == []
    assert len((await page(film, "?type=version_conflict"))["items"]) == 3
    assert (await page(film, "?type=simultaneous_edit"))["items"] == []


async def test_the_same_value_sent_again_waits_once(film: Web, clash: Any) -> None:
    again = await propagate(film.client, 1, hair=HAIR["theirs"])
    assert again["conflicts"][0]["id"] == clash["id"]
    assert (await page(film))["open"] == 1
    other = await propagate(film.client, 1, hair="#000000")
    assert other["conflicts"][0]["id"] != clash["id"]


async def test_what_somebody_makes_so_by_hand_needs_no_decision(film: Web, clash: Any) -> None:
    await propagate(film.client, None, hair=HAIR["theirs"])
    assert (await page(film))["open"] == 0
    (one,) = (await page(film, "?status=closed"))["items"]
    assert one["id"] == clash["id"]
    late = await resolve(film.client, clash["id"], choice="ours")
    assert (late.status_code, code_of(late)) == (409, "conflict")


async def test_what_merges_by_itself_is_told_and_can_be_undone_once(film: Web) -> None:
    """Disjoint fields, the same value, and two edits of one text."""
    ann = await film.as_(Role.EDITOR, "film")
    await propagate(ann, 1, description="Tall, wet grey coat", age=40)
    answer = await propagate(
        film.client, 1, description="Tall, grey coat, limping", age=40, mood="grim"
    )
    assert (answer["status"], answer["conflicts"]) == ("success", [])
    now = (await mara(film))["fields"]
    assert now["description"] == "Tall, wet grey coat, limping"
    kept = {one["field"]: one for one in (await page(film, "?status=resolved"))["items"]}
    assert {name: one["resolution"] for name, one in kept.items()} == {
        "description": "merged",
        "age": "ours",
        "mood": "theirs",
    }
    assert all(one["automatic"] and one["theirs_by"] == "root" for one in kept.values())
    assert "root changed v1 while v2 was current" in kept["description"]["reason"]
    undone = await resolve(film.client, kept["description"]["id"], choice="ours")
    assert undone.status_code == 200, undone.text
    assert (await mara(film))["fields"]["description"] == "Tall, wet grey coat"
    again = await resolve(film.client, kept["description"]["id"], choice="theirs")
    assert code_of(again) == "conflict"


async def test_events_audit_and_notifications_tell_of_it(film: Web, clash: Any) -> None:
    await resolve(film.client, clash["id"], choice="theirs")
    audit = (await film.client.get("/api/v1/projects/film/audit?entity=mara")).json()["items"]
    told = [one for one in audit if one["action"].startswith("conflict_")]
    assert [one["action"] for one in told] == ["conflict_resolved", "conflict_detected"]
    for one in told:
        assert (one["detail"]["ours"], one["detail"]["theirs"]) == (HAIR["ours"], HAIR["theirs"])
    assert (told[0]["actor"], told[0]["detail"]["resolution"]) == ("root", "theirs")
    owner = await film.state.projects.open("film")
    events = [one.body for one in await owner.storage.events_after("film", 0, 500) or ()]
    mine = [one for one in events if str(one["type"]).startswith("conflict_")]
    assert [one["type"] for one in mine] == ["conflict_detected", "conflict_resolved"]
    assert all(one["conflict_id"] == clash["id"] for one in mine)
    assert (mine[1]["by"], mine[1]["resolution"]) == ("root", "theirs")
    told_people = [one for one in events if one["type"] == "notification"]
    said = [(one["user"], one["text"]) for one in told_people if one["kind"] == "conflict"]
    assert ("a editor", "mara: a conflict in hair waits for a decision") in said
    assert ("a editor", "mara: the conflict in hair is settled: root took what came") in said


async def test_a_patch_of_which_nothing_could_be_applied_is_refused_and_waits(film: Web) -> None:
    ann = await film.as_(Role.EDITOR, "film")
    await propagate(ann, 1, age=30)
    body = {"fields": {"age": 31}, "base_version": 1}
    patch = await film.client.patch("/api/v1/projects/film/entities/mara", json=body)
    assert (patch.status_code, code_of(patch)) == (409, "conflict")
    (conflict,) = patch.json()["conflicts"]
    assert (await page(film))["items"][0]["id"] == conflict["id"]
    body = {"fields": {"age": 32, "mood": "grim"}, "base_version": 1}
    patch = await film.client.patch("/api/v1/projects/film/entities/mara", json=body)
    assert patch.status_code == 200, patch.text
    assert patch.json()["propagation"]["status"] == "conflict"
    assert (patch.json()["fields"]["age"], patch.json()["fields"]["mood"]) == (30, "grim")


async def test_names_and_statuses_wait_too(film: Web) -> None:
    path = "/api/v1/projects/film/entities/mara"
    await film.client.patch(path, json={"name": "Mara Lind", "status": "review"})
    late = {"name": "Maria", "status": "approved", "base_version": 1}
    assert code_of(await film.client.patch(path, json=late)) == "conflict"
    waiting = {one["field"]: one["id"] for one in (await page(film))["items"]}
    assert waiting.keys() == {"@name", "@status"}
    for value in (7, "", "x" * 400):
        bad = await resolve(film.client, waiting["@name"], choice="merged", value=value)
        assert code_of(bad) == "invalid"
        assert bad.json()["errors"][0]["field"] == "value"
    bad = await resolve(film.client, waiting["@status"], choice="merged", value="lost")
    assert code_of(bad) == "invalid"
    done = await resolve(film.client, waiting["@name"], choice="merged", value="Maria Lind")
    assert done.status_code == 200, done.text
    assert (await resolve(film.client, waiting["@status"], choice="theirs")).status_code == 200
    now = await mara(film)
    assert (now["name"], now["status"]) == ("Maria Lind", "approved")


async def test_of_a_deleted_entity_nothing_can_be_set(film: Web, clash: Any) -> None:
    await film.client.delete("/api/v1/projects/film/entities/mara?force=true")
    gone = await resolve(film.client, clash["id"], choice="theirs")
    assert (gone.status_code, code_of(gone)) == (409, "conflict")
    await film.client.post("/api/v1/projects/film/entities/mara/restore")
    assert (await resolve(film.client, clash["id"], choice="theirs")).status_code == 200
    assert (await mara(film))["fields"]["hair"] == HAIR["theirs"]
