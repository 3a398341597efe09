"""Tokens, sessions, roles: who gets in, and how far."""

from __future__ import annotations

from http.cookies import SimpleCookie

import httpx
import pytest

from server.rooms.access import Role
from server.web.api import OPERATIONS
from server.web.auth import colour_of, duration
from server.web.operations import PREFIX, Operation
from tests.web.conftest import ADMIN, Web


def code_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert document["status"] == response.status_code
    assert document["title"]
    return str(document["code"])


async def test_every_operation_but_login_and_logout_asks_for_a_token(web: Web) -> None:
    nobody = await web.with_token(None)
    public = {f"{one.method} {one.path}" for one in OPERATIONS if one.role is None}
    assert public == {"POST /login", "POST /logout"}
    for one in OPERATIONS:
        if one.role is not None:
            path = one.path.replace("{", "").replace("}", "")
            response = await nobody.request(one.method, PREFIX + path)
            assert code_of(response) == "unauthenticated", one
            assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "Bearer", "Bearer ", "Basic cmM6cmM=", f"Basic {ADMIN}", "", "Bearer \xff"],
)
async def test_a_wrong_token_is_refused(web: Web, header: str) -> None:
    client = await web.with_token(None)
    response = await client.get(
        "/api/v1/me", headers=[(b"authorization", header.encode("latin-1"))]
    )
    assert response.status_code == 401
    assert code_of(response) == "unauthenticated"


async def test_an_expired_token_is_refused(web: Web) -> None:
    client = await web.with_token(await web.token(Role.EDITOR, seconds=60))
    assert (await client.get("/api/v1/me")).status_code == 200
    web.clock.pass_(seconds=61)
    response = await client.get("/api/v1/me")
    assert code_of(response) == "unauthenticated"
    assert "expired" in response.json()["detail"]


async def test_me_says_who_one_is(web: Web) -> None:
    viewer = await web.as_(Role.VIEWER, "film")
    assert (await viewer.get("/api/v1/me")).json() == {
        "user": "a viewer",
        "role": "viewer",
        "project_id": "film",
        "colour": colour_of("a viewer"),
        "expires_at": None,
    }


async def test_a_login_gives_a_cookie_that_is_a_session(web: Web) -> None:
    token = await web.token(Role.EDITOR, seconds=3600)
    browser = await web.with_token(None)
    response = await browser.post("/api/v1/login", json={"token": token})
    assert response.json()["role"] == "editor"
    cookie = SimpleCookie(response.headers["set-cookie"])["ripplecut_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["secure"]
    assert 3590 < int(cookie["max-age"]) <= 3600
    assert cookie.value != token
    assert (await browser.get("/api/v1/me")).json()["user"] == "a editor"
    web.clock.pass_(seconds=3601)
    assert (await browser.get("/api/v1/me")).status_code == 401


async def test_the_cookie_is_secure_over_https(web: Web) -> None:
    browser = await web.with_token(None)
    response = await browser.post("https://127.0.0.1/api/v1/login", json={"token": ADMIN})
    assert "Secure" in response.headers["set-cookie"]


async def test_the_login_link_can_be_used_again(web: Web) -> None:
    token = await web.token(Role.OWNER, seconds=60)
    for _ in range(2):
        browser = await web.with_token(None)
        response = await browser.get("/login", params={"token": token})
        assert response.status_code == 303
        assert response.headers["location"] == "/"
        assert (await browser.get("/api/v1/me")).status_code == 200


async def test_a_bad_login_link_says_so(web: Web) -> None:
    browser = await web.with_token(None)
    response = await browser.get("/login", params={"token": "<b>"})
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


async def test_logging_out_ends_the_session(web: Web) -> None:
    browser = await web.with_token(None)
    response = await browser.post("/api/v1/login", json={"token": ADMIN})
    session = SimpleCookie(response.headers["set-cookie"])["ripplecut_session"].value
    assert (await browser.post("/api/v1/logout")).json() == {"logged_out": True}
    thief = await web.with_token(None, cookie=f"ripplecut_session={session}")
    assert (await thief.get("/api/v1/me")).status_code == 401
    assert (await web.client.get("/api/v1/me")).status_code == 200


async def test_no_token_is_stored_as_text(web: Web) -> None:
    token = await web.token(Role.EDITOR)
    assert await web.state.store.token(token) is None


# What a viewer may write: it is about themselves, or changes nothing.
OWN = {
    "POST /assets/{asset_id}/impact",
    "POST /projects/{project_id}/rules/test",
    "POST /notifications/read",
    "POST /projects/{project_id}/entities/{entity_id}/follow",
    "DELETE /projects/{project_id}/entities/{entity_id}/follow",
    "POST /projects/{project_id}/mutes",
    "DELETE /projects/{project_id}/mutes",
}
WRITES = [one for one in OPERATIONS if one.writes and one.role is not None]


@pytest.mark.parametrize("one", WRITES, ids=lambda one: f"{one.method} {one.path}")
async def test_whoever_is_below_the_role_is_refused(web: Web, one: Operation) -> None:
    if one.role is None or one.role == Role.VIEWER:
        assert f"{one.method} {one.path}" in OWN
        return
    client = await web.as_(Role(one.role - 1))
    path = one.path.replace("{", "").replace("}", "")
    response = await client.request(one.method, PREFIX + path, json={"x": 1})
    assert code_of(response) == "forbidden"


async def test_a_viewer_reads_and_does_not_write(film: Web) -> None:
    viewer = await film.as_(Role.VIEWER, "film")
    assert (await viewer.get("/api/v1/projects/film/entities/mara")).status_code == 200
    body = {"change_data": {"age": 40}}
    assert (await viewer.post("/api/v1/assets/mara/impact", json=body)).status_code == 200
    refused = await viewer.post("/api/v1/assets/mara/propagate", json=body)
    assert code_of(refused) == "forbidden"
    again = await viewer.get("/api/v1/projects/film/entities/mara")
    assert again.json()["version"] == 1


async def test_a_token_of_one_project_sees_no_other(film: Web) -> None:
    await film.make("other", {"id": "noa", "kind": "character"})
    here = await film.as_(Role.OWNER, "other")
    listed = (await here.get("/api/v1/projects")).json()["items"]
    assert [one["id"] for one in listed] == ["other"]
    body = {"change_data": {"age": 40}}
    for response in (
        await here.get("/api/v1/projects/film"),
        await here.get("/api/v1/projects/film/entities/mara"),
        await here.get("/api/v1/projects/film/audit"),
        await here.get("/api/v1/projects/film/graph"),
        await here.get("/api/v1/assets/mara/versions"),
        await here.get("/api/v1/assets/mara/versions?project_id=film"),
        await here.post("/api/v1/assets/mara/propagate?project_id=film", json=body),
        await here.post("/api/v1/projects/film/tokens", json={"role": "owner"}),
    ):
        assert code_of(response) == "not_found", response.request.url
    assert (await here.post("/api/v1/projects", json={"name": "x"})).status_code == 403


async def test_a_run_of_another_project_is_not_found(film: Web) -> None:
    body = {"change_data": {"age": 40}}
    run = (await film.client.post("/api/v1/assets/mara/propagate", json=body)).json()["run_id"]
    await film.make("other")
    here = await film.as_(Role.OWNER, "other")
    changes = (("POST", f"/{verb}") for verb in ("cancel", "retry", "rollback"))
    for method, path in (("GET", ""), ("GET", "/outcomes"), *changes):
        foreign = await here.request(method, f"/api/v1/runs/{run}{path}")
        unknown = await here.request(method, f"/api/v1/runs/run-0{path}")
        assert code_of(foreign) == "not_found"
        assert foreign.text.replace(run, "run-0") == unknown.text, "nothing tells the two apart"


async def test_an_owner_makes_tokens_for_the_project(film: Web) -> None:
    owner = await film.as_(Role.OWNER, "film")
    made = await owner.post(
        "/api/v1/projects/film/tokens", json={"role": "viewer", "expires_in": "12h"}
    )
    assert made.status_code == 201
    assert made.json()["project_id"] == "film"
    viewer = await film.with_token(made.json()["token"])
    assert (await viewer.get("/api/v1/me")).json()["role"] == "viewer"
    film.clock.pass_(hours=13)
    assert (await viewer.get("/api/v1/me")).status_code == 401


async def test_a_minted_token_ends_with_the_one_that_minted_it(film: Web) -> None:
    owner = await film.with_token(await film.token(Role.OWNER, "film", seconds=3600))
    path = "/api/v1/projects/film/tokens"
    made = (await owner.post(path, json={"role": "owner", "expires_in": "30d"})).json()
    short = (await owner.post(path, json={"role": "owner", "expires_in": "10m"})).json()
    assert short["expires_at"] < made["expires_at"]
    minted = await film.with_token(made["token"])
    again = (await minted.post(path, json={"role": "viewer", "expires_in": "30d"})).json()
    assert again["expires_at"] == made["expires_at"]
    film.clock.pass_(minutes=59)
    assert (await minted.get("/api/v1/me")).status_code == 200
    film.clock.pass_(minutes=1)
    for token in (made["token"], again["token"]):
        client = await film.with_token(token)
        assert (await client.get("/api/v1/me")).status_code == 401


async def test_nobody_is_named_like_the_administrator(film: Web) -> None:
    path = "/api/v1/projects/film/tokens"
    admin = (await film.client.get("/api/v1/me")).json()["user"]
    owner = await film.as_(Role.OWNER, "film")
    for client in (owner, film.client):
        for name in (admin, f" {admin.upper()} ", "Administrator", " "):
            refused = await client.post(path, json={"role": "viewer", "user": name})
            assert code_of(refused) == "invalid", name
            assert refused.json()["errors"][0]["field"] == "user"
    made = (await film.client.post(path, json={"role": "editor"})).json()
    assert made["user"] == f"{admin} (editor)"
    assert (await owner.post(path, json={"role": "viewer"})).json()["user"] == "a owner"
    named = (await owner.post(path, json={"role": "viewer", "user": " Ida "})).json()
    assert named["user"] == "Ida"


@pytest.mark.parametrize(
    "body",
    [
        {"role": "god"},
        {"role": "viewer", "expires_in": 0},
        {"role": "viewer", "expires_in": -1},
        {"role": "viewer", "expires_in": "soon"},
        {"role": "viewer", "expires_in": "900d"},
        {"role": "viewer", "project": "other"},
        {},
    ],
)
async def test_a_bad_token_request_is_refused(film: Web, body: dict[str, object]) -> None:
    response = await film.client.post("/api/v1/projects/film/tokens", json=body)
    assert code_of(response) == "invalid"
    assert response.json()["errors"]


def test_durations() -> None:
    assert [duration(text) for text in ("90", "30s", "15m", "12h", "7d", "4w")] == [
        90,
        30,
        900,
        43200,
        604800,
        2419200,
    ]
    for text in ("", "0", "0d", "d", "-1d", "1y", "1.5h", "９d x"):
        with pytest.raises(ValueError, match="must be a time"):
            duration(text)
