"""Many references in one request: hostile bodies first, then what a person would do with it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.web.rest import answers
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits

PROJECT = "/api/v1/projects/film"
BULK = f"{PROJECT}/references/bulk"


def entry(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target, **more}


async def uses(web: Web, target: str) -> list[dict[str, Any]]:
    found = (await web.client.get(f"{PROJECT}/entities/{target}")).json()["references"]
    assert isinstance(found, list)
    return found


async def standing(web: Web) -> dict[str, Any]:
    """All that a refused request must leave as it was."""
    graph = (await web.client.get(f"{PROJECT}/graph")).json()
    runs = (await web.client.get(f"{PROJECT}/propagation-status")).json()
    audit = (await web.client.get(f"{PROJECT}/audit?limit=500")).json()
    return {"graph": graph, "runs": runs, "audit": audit}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"add": [], "remove": []}, "body"),
        ({"add": "all of them"}, "add"),
        ({"add": [7]}, "add.0"),
        ({"add": [entry("mara", "sh020", colour="red")]}, "add.0.colour"),
        ({"add": [{"source": "mara"}]}, "add.0.target"),
        ({"add": [entry("mara", "sh020"), entry("nobody", "sh020")]}, "add.1.source"),
        ({"add": [entry("mara", "sh020"), entry("mara", "nowhere")]}, "add.1.target"),
        ({"add": [entry("sh010", "sh020")]}, "add.0.source"),
        ({"add": [entry("mara", "sh020", version=7)]}, "add.0.version"),
        ({"add": [entry("mara", "sh020", version=1, policy="latest")]}, "add.0.version"),
        ({"add": [entry("mara", "sh020", version=0)]}, "add.0.version"),
        ({"add": [entry("mara", "sh020", policy="sometimes")]}, "add.0.policy"),
        ({"add": [entry("mara", "sh020", overrides={"hair": "red"})]}, "add.0.overrides.hair"),
        ({"add": [entry("mara", "sh020", role="a\nb")]}, "add.0.role"),
        ({"add": [entry("mara", "sh020", role="r" * 65)]}, "add.0.role"),
        ({"add": [entry("mara", "sh020", order="last!")]}, "add.0.order"),
        ({"add": [entry("mara", "sh020"), entry("mara", "sh020")]}, "add.1"),
        ({"add": [entry("mara", "sh020")], "remove": ["ref_gone"]}, "remove.0"),
        ({"remove": [None]}, "remove.0"),
        ({"add": [entry("mara", "sh020")] * 5_001}, "add"),
        ({"remove": ["x"] * 5_001}, "remove"),
        ({"add": [entry("mara", "sh020")] * 2_501, "remove": ["x"] * 2_500}, "body"),
    ],
)
async def test_a_bad_entry_is_named_and_nothing_happens(
    film: Web, body: dict[str, Any], field: str
) -> None:
    before = await standing(film)
    response = await film.client.post(BULK, json=body)
    assert response.status_code == 422, response.text
    assert code_of(response) == "invalid"
    assert field in [one["field"] for one in response.json()["errors"]]
    assert await standing(film) == before


async def test_every_bad_entry_is_named_at_once(film: Web) -> None:
    there = (await uses(film, "sh010"))[0]["id"]
    body = {
        "add": [
            entry("nobody", "sh020"),
            entry("mara", "sh020"),
            entry("mara", "nowhere"),
            entry("coat", "nowhere"),
            entry("coat", "sh020", version=9),
        ],
        "remove": ["ref_gone", there, there],
    }
    before = await standing(film)
    errors = (await film.client.post(BULK, json=body)).json()["errors"]
    assert {one["field"] for one in errors} == {
        "remove.0",
        "remove.2",
        "add.0.source",
        "add.2.target",
        "add.3.target",
        "add.4.version",
    }
    assert await standing(film) == before


@pytest.mark.parametrize(
    "add",
    [
        [entry("mara", "sh020"), entry("coat", "mara")],
        [entry("mara", "mara")],
        [entry("hat", "pin"), entry("pin", "box"), entry("box", "hat")],
        [entry("box", "hat"), entry("mara", "sh020"), entry("hat", "pin"), entry("pin", "box")],
    ],
)
async def test_a_cycle_refuses_all_with_its_path(film: Web, add: list[dict[str, Any]]) -> None:
    for id_ in ("hat", "pin", "box"):
        new = {"id": id_, "name": id_, "kind": "prop"}
        await film.client.post(f"{PROJECT}/entities", json=new)
    before = await standing(film)
    response = await film.client.post(BULK, json={"add": add})
    assert response.status_code == 409
    assert code_of(response) == "cycle"
    path = response.json()["path"]
    assert path[0] == path[-1]
    assert await standing(film) == before


async def test_who_may_only_look_cannot_link(film: Web) -> None:
    from server.rooms.access import Role

    viewer = await film.as_(Role.VIEWER, "film")
    response = await viewer.post(BULK, json={"add": [entry("mara", "sh020")]})
    assert code_of(response) == "forbidden"
    stranger = await film.with_token(None)
    assert code_of(await stranger.post(BULK, json={"add": []})) == "unauthenticated"


async def test_five_hundred_shots_get_a_prop_in_one_run(film: Web) -> None:
    shots = [f"sh{number:04d}" for number in range(500)]
    data = {
        "props": [{"id": "letter", "name": "The letter"}],
        "sequences": [{"sequence_id": "seq", "name": "One"}],
        "shots": [{"shot_id": id_, "sequence_id": "seq"} for id_ in shots],
    }
    imported = await film.client.post(f"{PROJECT}/import?format=json", json=data)
    assert imported.status_code == 200, imported.text
    before = (await film.client.get(f"{PROJECT}/propagation-status")).json()["totals"]["runs"]

    body = {"add": [entry("letter", id_) for id_ in shots]}
    response = await film.client.post(BULK, json=body)

    assert response.status_code == 200, response.text
    answer = response.json()
    fits(answers.ChangedReferences, answer)
    assert answer["status"] == "success"
    assert [one["target"] for one in answer["references"]] == shots
    assert answer["unchanged"] == []
    status = (await film.client.get(f"{PROJECT}/propagation-status")).json()
    assert status["totals"]["runs"] == before + 1
    run = (await film.client.get(f"/api/v1/runs/{answer['run_id']}")).json()
    assert run["status"] == "done"
    assert set(run["asset_ids"]) == set(shots)
    for id_ in (shots[0], shots[-1]):
        found = (await film.client.get(f"{PROJECT}/entities/{id_}/resolved")).json()
        assert [one["source"] for one in found["references"]] == ["letter"]
        assert found["version"] == 2

    again = (await film.client.post(BULK, json=body)).json()
    assert (again["status"], again["run_id"], again["references"]) == ("success", None, [])
    assert len(again["unchanged"]) == 500

    remove = {"remove": [one["id"] for one in answer["references"]]}
    gone = (await film.client.post(BULK, json=remove)).json()
    fits(answers.ChangedReferences, gone)
    assert gone["run_id"]
    assert await uses(film, shots[250]) == []


async def test_what_goes_makes_room_for_what_comes_in_one_version(film: Web) -> None:
    there = (await uses(film, "sh010"))[0]
    body = {
        "remove": [there["id"]],
        "add": [
            entry("coat", "sh010", policy="pinned", order=there["order"]),
            entry("mara", "sh010", overrides={"age": 70}),
            entry("mara", "sh020"),
        ],
    }
    answer = (await film.client.post(BULK, json=body)).json()
    fits(answers.ChangedReferences, answer)
    coat, mara = sorted(await uses(film, "sh010"), key=lambda one: one["source"])
    assert (coat["policy"], coat["version"], coat["order"]) == ("pinned", 1, there["order"])
    assert coat["id"] != there["id"]
    assert mara["overrides"] == {"age": 70}
    versions = (await film.client.get("/api/v1/assets/sh010/versions?project_id=film")).json()
    assert [one["number"] for one in versions["items"]] == [2, 1]
    assert versions["items"][0]["message"] == "uses coat and mara; no longer uses coat"
    assert answer["version"] == "sh010_v2"


async def test_what_is_there_already_stays_beside_what_is_new(film: Web) -> None:
    there = (await uses(film, "sh010"))[0]
    body = {"add": [entry("coat", "sh010"), entry("coat", "sh020")]}
    answer = (await film.client.post(BULK, json=body)).json()
    assert [one["id"] for one in answer["unchanged"]] == [there["id"]]
    assert [one["target"] for one in answer["references"]] == ["sh020"]
    assert answer["version"] == "sh020_v2"
    shot = (await film.client.get(f"{PROJECT}/entities/sh010")).json()
    assert shot["version"] == 1


async def test_the_same_key_does_it_once(film: Web) -> None:
    headers = {"idempotency-key": "once"}
    body = {"add": [entry("mara", "sh020")]}
    first = await film.client.post(BULK, json=body, headers=headers)
    second = await film.client.post(BULK, json=body, headers=headers)
    assert first.json() == second.json()
    assert len(await uses(film, "sh020")) == 1


async def test_it_is_documented(film: Web) -> None:
    document = (await film.client.get("/api/openapi.json")).json()
    one = document["paths"]["/api/v1/projects/{project_id}/references/bulk"]["post"]
    assert "ManyReferences" in str(one["requestBody"])
    assert "ChangedReferences" in str(one["responses"]["200"])


ASSETS = ["a1", "a2", "a3", "a4"]
TARGETS = [*ASSETS, "s1", "s2"]
entries = st.lists(
    st.tuples(st.sampled_from(ASSETS), st.sampled_from(TARGETS)), max_size=8, unique=True
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=entries, second=entries)
async def test_in_bulk_is_as_one_by_one(
    web: Web, first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    """Both ways end with the same edges, or both refuse: bulk with nothing done."""
    number = len((await web.client.get("/api/v1/projects?limit=500")).json()["items"])
    names = (f"bulk-{number}", f"single-{number}")
    for name in names:
        kinds = [*((id_, "prop") for id_ in ASSETS), ("s1", "shot"), ("s2", "shot")]
        await web.make(name, *({"id": id_, "kind": kind} for id_, kind in kinds))
    bulk, single = (f"/api/v1/projects/{name}" for name in names)
    for batch in (first, second):
        before = await _edges(web, bulk)
        body = {"add": [entry(source, target) for source, target in batch]}
        if not batch:
            continue
        together = await web.client.post(f"{bulk}/references/bulk", json=body)
        codes = set()
        for one in body["add"]:
            codes.add((await web.client.post(f"{single}/references", json=one)).status_code)
        cycles = 409 in codes and (await _edges(web, single)) != before | set(batch)
        assert (together.status_code == 409) == cycles
        if cycles:
            assert await _edges(web, bulk) == before
            return
        assert await _edges(web, bulk) == await _edges(web, single)


async def _edges(web: Web, project: str) -> set[tuple[str, str]]:
    graph = (await web.client.get(f"{project}/graph")).json()
    return {(one["source"], one["target"]) for one in graph["edges"]}
