"""Plans over REST: what was shown is what is done, or it is said what changed since."""

from __future__ import annotations

from typing import Any

import pytest

from server.domain import drafts
from server.domain.actors import Actor
from server.services import plans
from server.web.rest import answers
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits

ASSETS = "/api/v1/assets"
FILM = "/api/v1/projects/film"
CHANGE = {"change_data": {"hair": "#112233"}}


async def shown(film: Web, path: str = "mara/impact", **body: Any) -> dict[str, Any]:
    response = await film.client.post(f"{ASSETS}/{path}", json=body or CHANGE)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    fits(answers.Impact, found)
    return found


async def state(film: Web) -> tuple[Any, Any]:
    entities = (await film.client.get(f"{FILM}/entities")).json()["items"]
    return entities, (await film.client.get(f"{FILM}/audit")).json()["items"]


async def carry_out(film: Web, plan_hash: str, **body: Any) -> Any:
    sent = {**(body or CHANGE), "plan_hash": plan_hash}
    return await film.client.post(f"{ASSETS}/mara/propagate", json=sent)


async def stale(film: Web, plan_hash: str, **body: Any) -> list[str]:
    """What is said of a plan that is stale; nothing was applied."""
    before = await state(film)
    response = await carry_out(film, plan_hash, **body)
    assert response.status_code == 409, response.text
    assert code_of(response) == "stale_plan"
    assert await state(film) == before
    problem = response.json()
    texts = [one["text"] for one in problem["changes"]]
    for text in texts:
        assert text[1:] in problem["detail"]
    return texts


async def test_what_was_shown_is_carried_out(film: Web) -> None:
    plan = await shown(film)
    assert plan["counts"] == {"updated": 2}
    assert {one["entity_id"] for one in plan["outcomes"]} == {"coat", "sh010"}
    assert plan["estimated_processing_time"] > 0
    assert plan["memory_impact"] > 0
    assert plan["can_be_batch_processed"] is False
    done = await carry_out(film, plan["plan_hash"])
    assert (done.status_code, done.json()["counts"]) == (200, plan["counts"])
    outcomes = (await film.client.get(f"/api/v1/runs/{done.json()['run_id']}/outcomes")).json()
    assert {(one["entity_id"], one["outcome"], one["reason"]) for one in outcomes["items"]} == {
        (one["entity_id"], one["outcome"], one["reason"]) for one in plan["outcomes"]
    }
    assert await stale(film, plan["plan_hash"]) == ["mara is at v2, the plan was made on v1"]


async def test_a_change_of_what_it_starts_from_is_said(film: Web) -> None:
    plan = await shown(film)
    await film.client.post(f"{ASSETS}/mara/propagate", json={"change_data": {"age": 40}})
    assert await stale(film, plan["plan_hash"]) == ["mara is at v2, the plan was made on v1"]


async def test_what_became_of_its_dependents_is_said(film: Web) -> None:
    plan = await shown(film)
    shot = (await film.client.get(f"{FILM}/entities/sh010")).json()
    reference = f"{FILM}/references/{shot['references'][0]['id']}"
    await film.client.patch(reference, json={"policy": "pinned"})
    assert await stale(film, plan["plan_hash"]) == ["sh010 is pinned now"]
    await film.client.patch(reference, json={"policy": "latest"})
    again = await shown(film)
    assert again["plan_hash"] == plan["plan_hash"]
    for number in range(3):
        new = {"kind": "shot", "name": f"n{number}", "references": [{"source": "mara"}]}
        await film.client.post(f"{FILM}/entities", json=new)
    await film.client.patch(f"{FILM}/entities/sh010", json={"status": "final"})
    assert await stale(film, plan["plan_hash"]) == [
        "sh010 asks for approval now",
        "3 shots were added",
    ]


async def test_what_others_do_elsewhere_changes_no_plan(film: Web) -> None:
    plan = await shown(film)
    for entity, fields in (("sh010", {"description": "Rain."}), ("sh020", {"description": "Fog."})):
        await film.client.patch(f"{FILM}/entities/{entity}", json={"fields": fields})
    assert (await carry_out(film, plan["plan_hash"])).status_code == 200


async def test_more_than_ten_differences_are_counted(film: Web) -> None:
    shots = [{"id": f"x{n}", "kind": "shot", "name": f"x{n}"} for n in range(14)]
    for shot in shots:
        made = {**shot, "references": [{"source": "mara"}]}
        assert (await film.client.post(f"{FILM}/entities", json=made)).status_code == 201
    plan = await shown(film)
    body = {"ids": [shot["id"] for shot in shots], "status": "final"}
    assert (await film.client.post(f"{FILM}/statuses", json=body)).status_code == 200
    response = await carry_out(film, plan["plan_hash"])
    assert (len(response.json()["changes"]), response.json()["more"]) == (10, 4)
    assert "; and 4 more." in response.json()["detail"]


async def test_a_plan_of_another_change_is_no_leave_for_this_one(film: Web) -> None:
    plan = await shown(film)
    assert await stale(film, plan["plan_hash"], change_data={"hair": "#445566"}) == [
        "the plan was made for another change of mara: hair"
    ]
    response = await film.client.post(
        f"{ASSETS}/coat/propagate",
        json={"change_data": {"colour": "#112233"}, "plan_hash": plan["plan_hash"]},
    )
    assert response.json()["changes"][0]["text"] == "the plan was made for another change, of mara"


async def test_a_plan_that_is_not_known_is_stale_unless_it_is_what_would_be_done(
    film: Web,
) -> None:
    plan = await shown(film)
    assert await stale(film, "0" * 64) == []
    owner = await film.state.projects.open("film")
    owner.plans._plans.clear()  # as after a restart
    assert await stale(film, plan["plan_hash"], change_data={"hair": "#445566"}) == []
    assert (await carry_out(film, plan["plan_hash"])).status_code == 200


@pytest.mark.parametrize("plan_hash", [5, True, [], {}, "", "x" * 129])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("assets/mara/propagate", CHANGE),
        ("assets/mara/publish", {}),
        ("assets/mara/rollback", {"version_number": 1}),
        ("propagation/batch", {"asset_changes": [{"asset_id": "mara", "changes": {"age": 3}}]}),
        ("runs/{run}/rollback", {}),
    ],
)
async def test_what_is_no_plan_hash_is_named(
    film: Web, path: str, body: dict[str, Any], plan_hash: Any
) -> None:
    done = await film.client.post(
        f"{ASSETS}/coat/propagate", json={"change_data": {"state": "wet"}}
    )
    path = path.format(run=done.json()["run_id"])
    response = await film.client.post(f"/api/v1/{path}", json={**body, "plan_hash": plan_hash})
    assert code_of(response) == "invalid"
    assert [one["field"] for one in response.json()["errors"]] == ["plan_hash"]


async def test_a_rollback_is_planned_and_carried_out(film: Web) -> None:
    await film.client.post(f"{ASSETS}/mara/propagate", json=CHANGE)
    plan = await shown(film, "mara/rollback", version_number=1, dry_run=True)
    assert plan["counts"] == {"updated": 2}
    body = {"version_number": 1, "plan_hash": plan["plan_hash"]}
    await film.client.post(f"{ASSETS}/mara/propagate", json={"change_data": {"age": 40}})
    response = await film.client.post(f"{ASSETS}/mara/rollback", json=body)
    assert code_of(response) == "stale_plan"
    text = response.json()["changes"][0]["text"]
    assert text == "mara is at v3, the plan was made on v2"
    again = await shown(film, "mara/rollback", version_number=1, dry_run=True)
    body["plan_hash"] = again["plan_hash"]
    done = await film.client.post(f"{ASSETS}/mara/rollback", json=body)
    assert (done.status_code, done.json()["new_current_version"]) == (200, "mara_v4")


async def test_a_batch_is_planned_and_carried_out(film: Web) -> None:
    changes = [
        {"asset_id": "mara", "changes": {"hair": "#112233"}},
        {"asset_id": "coat", "changes": {"colour": "#112233"}},
    ]
    body: dict[str, Any] = {"asset_changes": changes, "dry_run": True}
    dry = await film.client.post("/api/v1/propagation/batch", json=body)
    fits(answers.Impact, dry.json())
    assert dry.json()["counts"] == {"updated": 2}
    assert dry.json()["classification"]["classes"] == ["visual"]
    assert (await film.client.get(f"{FILM}/entities/coat")).json()["version"] == 1
    body = {"asset_changes": changes, "plan_hash": dry.json()["plan_hash"]}
    done = await film.client.post("/api/v1/propagation/batch", json=body)
    assert (done.status_code, done.json()["counts"]) == (200, {"updated": 2})
    response = await film.client.post("/api/v1/propagation/batch", json=body)
    assert code_of(response) == "stale_plan"
    assert [one["text"] for one in response.json()["changes"]] == [
        "mara is at v2, the plan was made on v1",
        "coat is at v3, the plan was made on v1",
    ]


async def test_publishing_is_planned_and_carried_out(film: Web) -> None:
    owner = await film.state.projects.open("film")

    async def type_(hair: str) -> None:
        kind = owner.state.kinds.get("character")
        edited = drafts.edit_at_head(await owner.draft_state("mara"), kind, {"hair": hair})
        async with owner.step(Actor("mara", "test")) as tx:
            tx.update_document("mara", edited.update)

    await type_("#112233")
    plan = await shown(film, "mara/publish", dry_run=True)
    assert plan["counts"] == {"updated": 2}
    assert (await film.client.get(f"{FILM}/entities/mara")).json()["version"] == 1
    await type_("#445566")
    body = {"plan_hash": plan["plan_hash"]}
    response = await film.client.post(f"{ASSETS}/mara/publish", json=body)
    assert code_of(response) == "stale_plan"
    changes = response.json()["changes"]
    assert changes[0]["text"] == "the plan was made for another change of mara: hair"
    await type_("#112233")
    done = await film.client.post(f"{ASSETS}/mara/publish", json=body)
    assert (done.status_code, done.json()["version"]) == (200, "mara_v2")


async def test_a_large_plan_is_compared_in_slices(
    film: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "_SLICE", 0.0)
    plan = await shown(film)
    assert (await carry_out(film, plan["plan_hash"])).status_code == 200
