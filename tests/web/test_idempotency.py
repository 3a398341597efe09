"""A write with a key is done once; a read with a tag is sent once."""

from __future__ import annotations

import asyncio
from typing import Any

from server.rooms.access import Role
from tests.web.conftest import Web
from tests.web.test_auth import code_of

MARA = "/api/v1/assets/mara/propagate"
KEY = {"idempotency-key": "7f3a"}


async def test_the_same_request_gets_the_same_answer(film: Web) -> None:
    body = {"kind": "prop", "name": "Lamp"}
    path = "/api/v1/projects/film/entities"
    first = await film.client.post(path, json=body, headers=KEY)
    again = await film.client.post(path, json=body, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    listed = (await film.client.get(f"{path}?kind=prop")).json()["items"]
    assert len(listed) == 1


async def test_a_repeated_request_waits_for_the_one_under_way(film: Web) -> None:
    body = {"change_data": {"age": 41}}
    answered = await asyncio.gather(
        *(film.client.post(MARA, json=body, headers=KEY) for _ in range(5))
    )
    assert {one.status_code for one in answered} == {200}
    assert len({one.content for one in answered}) == 1
    assert (await film.client.get("/api/v1/projects/film/entities/mara")).json()["version"] == 2


async def test_a_key_belongs_to_one_request(film: Web) -> None:
    await film.client.post(MARA, json={"change_data": {"age": 41}}, headers=KEY)
    for path, body in (
        (MARA, {"change_data": {"age": 42}}),
        (MARA + "?project_id=film", {"change_data": {"age": 41}}),
        ("/api/v1/assets/coat/propagate", {"change_data": {"age": 41}}),
    ):
        response = await film.client.post(path, json=body, headers=KEY)
        assert response.status_code == 422
        assert code_of(response) == "invalid"
        assert response.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_a_key_of_somebody_else_is_another_key(film: Web) -> None:
    body = {"change_data": {"age": 41}}
    await film.client.post(MARA, json=body, headers=KEY)
    editor = await film.as_(Role.EDITOR, "film")
    response = await editor.post(MARA, json={"change_data": {"age": 42}}, headers=KEY)
    assert response.status_code == 200


async def test_a_refusal_is_repeated_too(film: Web) -> None:
    body: dict[str, Any] = {"change_data": {}}
    first = await film.client.post(MARA, json=body, headers=KEY)
    again = await film.client.post(MARA, json=body, headers=KEY)
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.content == again.content
    assert code_of(again) == "invalid"


async def test_a_bad_key_is_refused(film: Web) -> None:
    for key in ("", "x" * 256, "a\tb"):
        response = await film.client.post(
            MARA, json={"change_data": {"age": 41}}, headers={"idempotency-key": key}
        )
        assert code_of(response) == "invalid", key


async def test_the_text_of_a_token_is_not_kept(film: Web) -> None:
    path = "/api/v1/projects/film/tokens"
    made = [
        (await film.client.post(path, json={"role": "viewer"}, headers=KEY)).json()["token"]
        for _ in range(2)
    ]
    assert made[0] != made[1]


async def test_what_is_known_already_is_not_sent_again(film: Web) -> None:
    path = "/api/v1/projects/film/entities/mara"
    first = await film.client.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for condition in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await film.client.get(path, headers={"if-none-match": condition})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    await film.client.patch(path, json={"fields": {"age": 50}})
    changed = await film.client.get(path, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    missing = await film.client.get(f"{path}x", headers={"if-none-match": "*"})
    assert missing.status_code == 404
