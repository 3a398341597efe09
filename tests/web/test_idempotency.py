"""A write with a key is done once; a read with a tag is sent once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from protocol.errors import Unavailable
from server.rooms.access import Role
from server.web.idempotency import Idempotency
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


async def test_a_key_never_crosses_tokens_of_other_projects_or_rights(film: Web) -> None:
    await film.make("other", {"id": "mara", "kind": "character"})

    async def answer(role: Role, project: str | None) -> tuple[int, str | None]:
        token = await film.state.authority.issue("ines", role, project, "api", None)
        client = await film.with_token(token)
        response = await client.post(MARA, json={"change_data": {"age": 41}}, headers=KEY)
        return response.status_code, response.headers.get("idempotency-replayed")

    assert await answer(Role.EDITOR, "film") == (200, None)
    assert await answer(Role.EDITOR, "other") == (200, None)
    assert await answer(Role.VIEWER, "film") == (403, None)
    assert await answer(Role.OWNER, "film") == (200, None)
    assert await answer(Role.EDITOR, None) == (409, None)
    assert await answer(Role.EDITOR, "film") == (200, "true"), "a newer token of the same rights"
    other = (await film.client.get("/api/v1/projects/other/entities/mara")).json()
    assert other["fields"]["age"] == 41


class Lossy:
    """The store, but it fails to keep what a request has come to."""

    def __init__(self, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        self._remember = web.state.store.remember_answer
        self.broken = True
        monkeypatch.setattr(web.state.store, "remember_answer", self.remember)

    async def remember(self, key: str, print_: str, status: int, body: bytes) -> None:
        if status != 0 and self.broken:
            raise Unavailable("the disk is full")
        await self._remember(key, print_, status, body)


LAMP = {"kind": "prop", "name": "Lamp"}
ENTITIES = "/api/v1/projects/film/entities"


async def lamps(web: Web) -> int:
    return len((await web.client.get(f"{ENTITIES}?kind=prop")).json()["items"])


async def test_an_answer_that_cannot_be_kept_does_not_undo_a_done_write(
    film: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Lossy(film, monkeypatch)
    first = await film.client.post(ENTITIES, json=LAMP, headers=KEY)
    assert first.status_code == 201
    assert [one.levelno for one in caplog.records if "could not be kept" in one.message] == [
        logging.ERROR
    ]
    again = await film.client.post(ENTITIES, json=LAMP, headers=KEY)
    assert (again.status_code, code_of(again)) == (409, "conflict")
    assert "its answer could not be kept" in again.json()["detail"]
    assert await lamps(film) == 1


async def test_a_request_cut_off_by_a_crash_is_never_carried_out_again(
    film: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Lossy(film, monkeypatch)
    assert (await film.client.post(ENTITIES, json=LAMP, headers=KEY)).status_code == 201
    store.broken = False
    film.state.idempotency = Idempotency(film.state.store)  # as the next start makes it
    for _ in range(2):
        again = await film.client.post(ENTITIES, json=LAMP, headers=KEY)
        assert (again.status_code, code_of(again)) == (409, "conflict")
        assert again.json()["detail"] == (
            "The first request with this key may have been carried out before the server stopped; "
            "look before you repeat it with another key"
        )
    other = await film.client.post(ENTITIES, json={**LAMP, "name": "Other"}, headers=KEY)
    assert code_of(other) == "invalid"
    assert await lamps(film) == 1
    assert (
        await film.client.post(ENTITIES, json=LAMP, headers={"idempotency-key": "b"})
    ).is_success
    assert await lamps(film) == 2


async def test_a_write_that_is_cut_off_leaves_its_record(film: Web) -> None:
    store, begun = film.state.store, asyncio.Event()

    async def work() -> Any:
        begun.set()
        await asyncio.get_running_loop().create_future()

    first = Idempotency(store)
    waiting = asyncio.ensure_future(first.once(("mara",), "k", "print", work))
    await begun.wait()
    (_, task), *_ = first._under_way.values()
    task.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    kept = await store.answer('["mara", "k"]')
    assert kept is not None
    assert kept[:2] == ("print", 0)


async def test_a_request_that_changed_nothing_may_be_sent_again(
    film: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = film.state.store.commit

    async def full(_: object) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(film.state.store, "commit", full)
    assert (await film.client.post(ENTITIES, json=LAMP, headers=KEY)).status_code == 503
    monkeypatch.setattr(film.state.store, "commit", commit)
    again = await film.client.post(ENTITIES, json=LAMP, headers=KEY)
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers


async def test_a_request_that_cannot_be_recorded_is_not_carried_out(
    film: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(film.state.store, "remember_answer", full)
        assert (await film.client.post(ENTITIES, json=LAMP, headers=KEY)).status_code == 503
    assert await lamps(film) == 0
    assert (await film.client.post(ENTITIES, json=LAMP, headers=KEY)).status_code == 201


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
