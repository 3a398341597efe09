"""The audit trail over REST: no write leaves it as it was, and it can be filtered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from server.domain.commit import Commit
from server.web.api import OPERATIONS
from server.web.auth import hash_of
from tests.formats.images import picture
from tests.web.conftest import Web

API = "/api/v1"
FILM = f"{API}/projects/film"
ENTITIES = f"{FILM}/entities"
SCRIPT = b"INT. BAR - NIGHT\n\nMARA\nHello.\n"

Write = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def post(path: str, body: Any = None) -> Write:
    return lambda client: client.post(path, json={} if body is None else body)


async def _reference(client: httpx.AsyncClient) -> str:
    return str((await client.get(f"{ENTITIES}/sh010")).json()["references"][0]["id"])


async def _relink(client: httpx.AsyncClient) -> httpx.Response:
    path = f"{FILM}/references/{await _reference(client)}"
    return await client.patch(path, json={"policy": "pinned"})


async def _unlink(client: httpx.AsyncClient) -> httpx.Response:
    return await client.delete(f"{FILM}/references/{await _reference(client)}")


async def _restore(client: httpx.AsyncClient) -> httpx.Response:
    await client.delete(f"{ENTITIES}/sh020")
    return await client.post(f"{ENTITIES}/sh020/restore", json={})


async def _picture(client: httpx.AsyncClient) -> httpx.Response:
    headers = {"content-type": "image/png"}
    return await client.post(f"{ENTITIES}/sh010/pictures", content=picture(8, 8), headers=headers)


async def _no_picture(client: httpx.AsyncClient) -> httpx.Response:
    made = (await _picture(client)).json()
    return await client.delete(f"{ENTITIES}/sh010/pictures/{made['id']}")


async def _rollback(client: httpx.AsyncClient) -> httpx.Response:
    await client.post(f"{API}/assets/mara/propagate", json={"change_data": {"description": "b"}})
    return await client.post(f"{API}/assets/mara/rollback", json={"version_number": 1})


async def _kinds(client: httpx.AsyncClient) -> httpx.Response:
    kinds = (await client.get(f"{FILM}/kinds")).json()
    kinds["kinds"][0]["colour"] = "#123456"
    return await client.put(f"{FILM}/kinds", json=kinds)


async def _import(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(f"{FILM}/import?format=fountain", content=SCRIPT)


async def _run_back(client: httpx.AsyncClient) -> httpx.Response:
    answer = (await client.post(f"{API}/assets/mara/propagate", json=CHANGE)).json()
    return await client.post(f"{API}/runs/{answer['run_id']}/rollback", json={})


async def _decide(client: httpx.AsyncClient) -> httpx.Response:
    await client.patch(f"{ENTITIES}/sh010", json={"status": "final"})
    await client.post(f"{API}/assets/mara/propagate", json=CHANGE)
    one = (await client.get(f"{FILM}/approvals")).json()["items"][0]
    body = {"ids": [one["id"]], "decision": "reject", "plan_hash": one["plan_hash"]}
    return await client.post(f"{FILM}/approvals/decide", json=body)


async def _resolve(client: httpx.AsyncClient) -> httpx.Response:
    for age in (1, 2):
        body = {"change_data": {"age": age}, "base_version": 1}
        await client.post(f"{API}/assets/mara/propagate", json=body)
    one = (await client.get(f"{FILM}/conflicts")).json()["items"][0]
    path = f"{FILM}/conflicts/{one['id']}/resolve"
    return await client.post(path, json={"choice": "ours"})


async def _hook(client: httpx.AsyncClient) -> str:
    made = await client.post(f"{FILM}/webhooks", json={"url": HOOK})
    return f"{FILM}/webhooks/{made.json()['id']}"


async def _other_hook(client: httpx.AsyncClient) -> httpx.Response:
    return await client.patch(await _hook(client), json={"enabled": False})


async def _no_hook(client: httpx.AsyncClient) -> httpx.Response:
    return await client.delete(await _hook(client))


async def _no_named_hook(client: httpx.AsyncClient) -> httpx.Response:
    id_ = (await _hook(client)).rpartition("/")[2]
    return await client.delete(f"{FILM}/webhooks", params={"id": id_})


async def _no_member(client: httpx.AsyncClient) -> httpx.Response:
    await client.post(f"{FILM}/members", json=INES)
    return await client.delete(f"{FILM}/members/ines")


async def _no_named_member(client: httpx.AsyncClient) -> httpx.Response:
    await client.post(f"{FILM}/members", json=INES)
    return await client.delete(f"{FILM}/members", params={"user": "ines"})


async def _project_back(client: httpx.AsyncClient) -> httpx.Response:
    created = (await client.get(FILM)).json()["created_at"]
    return await client.post(f"{FILM}/restore", json={"to": created})


HOOK = "http://192.0.2.1/hook"
INES = {"user": "ines", "role": "viewer"}
RULE = {"name": "A", "verdict": "notify"}
CHANGE = {"change_data": {"description": "b"}}
WRITES: dict[str, Write] = {
    "POST /projects": post(f"{API}/projects", {"name": "Other"}),
    "PATCH /projects/{project_id}": lambda c: c.patch(FILM, json={"settings": {"aspect_ratio": 2}}),
    "PUT /projects/{project_id}/kinds": _kinds,
    "POST /projects/{project_id}/import": _import,
    "POST /projects/{project_id}/tokens": post(f"{FILM}/tokens", {"role": "viewer"}),
    "POST /projects/{project_id}/entities": post(ENTITIES, {"kind": "prop", "name": "Lamp"}),
    "PATCH /projects/{project_id}/entities/{entity_id}": lambda c: c.patch(
        f"{ENTITIES}/mara", json={"name": "Mara Lind"}
    ),
    "POST /projects/{project_id}/statuses": post(
        f"{FILM}/statuses", {"ids": ["sh010", "sh020"], "status": "review"}
    ),
    "DELETE /projects/{project_id}/entities/{entity_id}": lambda c: c.delete(f"{ENTITIES}/sh020"),
    "POST /projects/{project_id}/entities/{entity_id}/restore": _restore,
    "POST /projects/{project_id}/entities/{entity_id}/pictures": _picture,
    "DELETE /projects/{project_id}/entities/{entity_id}/pictures/{picture_id}": _no_picture,
    "POST /projects/{project_id}/references": post(
        f"{FILM}/references", {"source": "mara", "target": "sh020"}
    ),
    "POST /projects/{project_id}/references/bulk": post(
        f"{FILM}/references/bulk", {"add": [{"source": "mara", "target": "sh020"}]}
    ),
    "PATCH /projects/{project_id}/references/{reference_id}": _relink,
    "DELETE /projects/{project_id}/references/{reference_id}": _unlink,
    "POST /assets/{asset_id}/propagate": post(f"{API}/assets/mara/propagate", CHANGE),
    "POST /assets/{asset_id}/rollback": _rollback,
    "POST /assets/{asset_id}/approved": post(f"{API}/assets/mara/approved", {"version_number": 1}),
    "POST /propagation/batch": post(
        f"{API}/propagation/batch",
        {"asset_changes": [{"asset_id": "mara", "changes": {"description": "b"}}]},
    ),
    "POST /projects/{project_id}/rules": post(f"{FILM}/rules", RULE),
    "PUT /projects/{project_id}/rules": lambda c: c.put(f"{FILM}/rules", json=[RULE]),
    "PUT /projects/{project_id}/rules/{rule_id}": lambda c: c.put(
        f"{FILM}/rules/final-asks", json=RULE
    ),
    "DELETE /projects/{project_id}/rules/{rule_id}": lambda c: c.delete(f"{FILM}/rules/final-asks"),
    "POST /runs/{run_id}/rollback": _run_back,
    "POST /projects/{project_id}/restore": _project_back,
    "POST /projects/{project_id}/approvals/decide": _decide,
    "POST /projects/{project_id}/conflicts/{conflict_id}/resolve": _resolve,
    "POST /projects/{project_id}/members": post(f"{FILM}/members", INES),
    "DELETE /projects/{project_id}/members": _no_named_member,
    "DELETE /projects/{project_id}/members/{user}": _no_member,
    "POST /projects/{project_id}/webhooks": post(f"{FILM}/webhooks", {"url": HOOK}),
    "PATCH /projects/{project_id}/webhooks/{webhook_id}": _other_hook,
    "DELETE /projects/{project_id}/webhooks": _no_named_hook,
    "DELETE /projects/{project_id}/webhooks/{webhook_id}": _no_hook,
}
ELSEWHERE = {
    "POST /login": "no project is touched",
    "POST /logout": "no project is touched",
    "POST /assets/{asset_id}/impact": "a preview",
    "POST /projects/{project_id}/rules/test": "a preview",
    "POST /assets/{asset_id}/publish": "needs a draft that is ahead: tests/rooms/test_live.py",
    "POST /runs/{run_id}/cancel": "needs a run under way: tests/propagation/test_engine.py",
    "POST /runs/{run_id}/retry": "needs a run that failed: tests/web/test_runs.py",
    "POST /projects/{project_id}/repair": "needs something broken: tests/web/test_consistency.py",
    "POST /projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": (
        "needs something delivered: tests/web/test_webhooks.py"
    ),
    "POST /projects/{project_id}/entities/{entity_id}/follow": "what one person wants to hear of",
    "DELETE /projects/{project_id}/entities/{entity_id}/follow": "what one person wants to hear of",
    "POST /projects/{project_id}/mutes": "what one person wants to hear of",
    "DELETE /projects/{project_id}/mutes": "what one person wants to hear of",
    "POST /notifications/read": "what one person has read",
}


def test_every_write_of_the_api_is_in_this_table() -> None:
    writes = {f"{one.method} {one.path}" for one in OPERATIONS if one.writes}
    assert writes == WRITES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", WRITES)
async def test_every_write_leaves_an_entry_in_the_commit_that_it_is(film: Web, name: str) -> None:
    store = film.state.store
    commit = store.commit
    seen: list[Commit] = []

    async def watched(one: Commit) -> None:
        seen.append(one)
        await commit(one)

    setattr(store, "commit", watched)  # noqa: B010 - a method of a protocol
    response = await WRITES[name](film.client)
    assert response.status_code < 300, response.text
    assert any(one.audit for one in seen)
    for one in seen:
        changes = (
            one.project,
            one.entities,
            one.versions,
            one.references_put,
            one.references_removed,
            one.pictures,
            one.pictures_removed,
            one.tokens,
            one.members,
            one.webhooks,
            one.webhooks_removed,
            one.approvals,
        )
        assert one.audit or not any(changes), "something changed without an entry"
    for entry in seen[0].audit:
        assert entry.actor
        assert entry.via == "api"


async def newest(client: httpx.AsyncClient, action: str) -> dict[str, Any]:
    found = (await client.get(f"{FILM}/audit")).json()["items"]
    return next(one for one in found if one["action"] == action)


async def test_a_token_is_stored_in_the_commit_that_tells_of_it(film: Web) -> None:
    made = (await film.client.post(f"{FILM}/tokens", json={"role": "viewer"})).json()
    found = await film.state.store.token(hash_of(made["token"]))
    assert found is not None
    assert (found.role, found.project_id) == ("viewer", "film")
    entry = await newest(film.client, "token_created")
    assert entry["detail"]["user"] == found.user


async def test_settings_and_kinds_are_kept_before_and_after(film: Web) -> None:
    await film.client.patch(FILM, json={"name": "New", "settings": {"aspect_ratio": 2}})
    detail = (await newest(film.client, "project_changed"))["detail"]
    assert detail == {
        "before": {"name": "film", "settings": {"aspect_ratio": 2.39}},
        "after": {"name": "New", "settings": {"aspect_ratio": 2}},
    }
    await _kinds(film.client)
    detail = (await newest(film.client, "kinds_changed"))["detail"]
    assert list(detail["before"]) == list(detail["after"])
    assert len(detail["after"]) == 1
    assert next(iter(detail["after"].values()))["colour"] == "#123456"


async def test_what_a_file_makes_of_the_project_itself_is_kept(web: Web) -> None:
    await web.client.post(f"{API}/projects", json={"id": "film", "name": "film"})
    rule = {"id": "a", "name": "A", "verdict": "notify"}
    file = {"project": {"name": "File", "rules": [rule]}, "characters": [{"id": "mara"}]}
    body = orjson.dumps(file)
    made = await web.client.post(f"{FILM}/import?format=json", content=body)
    assert made.status_code == 200, made.text
    actions = [one["action"] for one in (await web.client.get(f"{FILM}/audit")).json()["items"]]
    assert "project_changed" in actions
    assert "rule_created" in actions
    assert actions.count("rule_deleted") == 5


async def test_entries_are_found_by_time(film: Web) -> None:
    everything = (await film.client.get(f"{FILM}/audit")).json()["items"]
    middle = everything[2]["at"]
    path = f"{FILM}/audit"
    since = (await film.client.get(path, params={"since": middle})).json()["items"]
    until = (await film.client.get(path, params={"until": middle})).json()["items"]
    assert [*since, *until] == everything
    assert since
    assert until
    wrong = await film.client.get(path, params={"until": "soon"})
    assert wrong.json()["errors"][0]["field"] == "until"


@pytest.mark.parametrize("format_", ["jsonl", "csv"])
async def test_a_whole_trail_is_told_again_only_where_it_grew(film: Web, format_: str) -> None:
    path = f"{FILM}/audit?format={format_}"
    first = await film.client.get(path)
    known = {"if-none-match": first.headers["etag"]}
    assert (await film.client.get(path, headers=known)).status_code == 304
    assert (await film.client.get(f"{path}&actor=x", headers=known)).status_code == 200
    await film.client.post(f"{API}/assets/mara/propagate", json={"change_data": {"age": 40}})
    grown = await film.client.get(path, headers=known)
    assert grown.status_code == 200
    assert grown.headers["etag"] != first.headers["etag"]
    assert len(grown.text) > len(first.text)
