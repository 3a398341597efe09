"""The status of many entities in one request."""

from __future__ import annotations

from typing import Any

import pytest

from server.web.rest import answers
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits

PROJECT = "/api/v1/projects/film"
STATUSES = f"{PROJECT}/statuses"


async def status_of(web: Web, entity_id: str) -> tuple[str, int]:
    found = (await web.client.get(f"{PROJECT}/entities/{entity_id}")).json()
    return found["status"], found["version"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": [], "status": "final"}, "ids"),
        ({"ids": ["sh010"]}, "status"),
        ({"ids": "sh010", "status": "final"}, "ids"),
        ({"ids": ["sh010", 7], "status": "final"}, "ids.1"),
        ({"ids": ["sh010", "nobody"], "status": "final"}, "ids.1"),
        ({"ids": ["sh010", "sh020", "sh010"], "status": "final"}, "ids.2"),
        ({"ids": ["sh010", "sh020"], "status": "perhaps"}, "status"),
        ({"ids": ["x"] * 5_001, "status": "final"}, "ids"),
        ({"ids": ["sh010"], "status": "final", "colour": "red"}, "colour"),
    ],
)
async def test_a_bad_entry_is_named_and_nothing_happens(
    film: Web, body: dict[str, Any], field: str
) -> None:
    response = await film.client.post(STATUSES, json=body)
    assert response.status_code == 422, response.text
    assert code_of(response) == "invalid"
    assert field in [one["field"] for one in response.json()["errors"]]
    assert await status_of(film, "sh010") == ("wip", 1)


async def test_many_get_a_status_in_one_run_and_who_has_it_stays(film: Web) -> None:
    await film.client.patch(f"{PROJECT}/entities/sh010", json={"status": "review"})
    before = (await film.client.get(f"{PROJECT}/propagation-status")).json()["totals"]["runs"]
    body = {"ids": ["sh010", "sh020", "coat"], "status": "review"}
    response = await film.client.post(STATUSES, json=body)
    assert response.status_code == 200, response.text
    fits(answers.AnswerA, response.json())
    assert await status_of(film, "sh010") == ("review", 2)
    assert await status_of(film, "sh020") == ("review", 2)
    assert await status_of(film, "coat") == ("review", 2)
    status = (await film.client.get(f"{PROJECT}/propagation-status")).json()
    assert status["totals"]["runs"] == before + 1
    again = (await film.client.post(STATUSES, json=body)).json()
    assert (again["status"], again["run_id"]) == ("success", None)


async def test_a_status_by_the_name_of_accepted_is_no_run_on_its_way(film: Web) -> None:
    settings = {"settings": {"statuses": ["wip", "accepted", "final"]}}
    assert (await film.client.patch(PROJECT, json=settings)).status_code == 200
    entity = f"{PROJECT}/entities/sh010"
    assert (await film.client.patch(entity, json={"status": "accepted"})).status_code == 200
    found = await film.client.get(entity)
    assert (found.status_code, found.json()["status"]) == (200, "accepted")
    assert "etag" in found.headers
