"""Members: who is in a project, as what, and what becomes of tokens and sockets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server.rooms.access import Role
from server.web.auth import local_user
from server.web.rest.members import MemberShape
from server.web.rest.shapes import Page
from tests.web.conftest import ADMIN, Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits
from tests.web.test_live_server import serving, until_closed

FILM = "/api/v1/projects/film"
MEMBERS = f"{FILM}/members"


async def token_of(web: Web, user: str, role: str = "editor") -> str:
    made = await web.client.post(f"{FILM}/tokens", json={"user": user, "role": role})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def client_of(web: Web, user: str, role: str = "editor") -> httpx.AsyncClient:
    return await web.with_token(await token_of(web, user, role))


async def roles(web: Web) -> dict[str, str]:
    page = (await web.client.get(MEMBERS)).json()
    fits(Page[MemberShape], page)
    return {one["user"]: one["role"] for one in page["items"]}


async def audited(web: Web) -> list[tuple[str, dict[str, Any]]]:
    items = (await web.client.get(f"{FILM}/audit")).json()["items"]
    return [(one["action"], one["detail"]) for one in items if one["action"].startswith("member")]


async def test_whoever_makes_a_project_owns_it_and_a_token_lets_somebody_in(film: Web) -> None:
    assert await roles(film) == {local_user(): "owner"}
    await token_of(film, "ines", "editor")
    await token_of(film, "ines", "viewer")
    assert await roles(film) == {local_user(): "owner", "ines": "editor"}


async def test_somebody_is_added_changed_and_removed_and_all_of_it_is_audited(film: Web) -> None:
    added = await film.client.post(MEMBERS, json={"user": " ines ", "role": "viewer"})
    assert added.status_code == 201
    fits(MemberShape, added.json())
    assert (added.json()["user"], added.json()["added_by"]) == ("ines", local_user())
    body = {"user": "ines", "role": "approver"}
    changed = await film.client.post(MEMBERS, json=body)
    assert (changed.status_code, changed.json()["role"]) == (200, "approver")
    assert (await film.client.post(MEMBERS, json=body)).json() == changed.json()
    assert (await film.client.delete(f"{MEMBERS}/ines")).json() == {"removed": "ines"}
    assert "ines" not in await roles(film)
    assert await audited(film) == [
        ("member_removed", {"user": "ines", "before": "approver"}),
        ("member_changed", {"user": "ines", "role": "approver", "before": "viewer"}),
        ("member_added", {"user": "ines", "role": "viewer", "before": None}),
    ]
    assert code_of(await film.client.delete(f"{MEMBERS}/ines")) == "not_found"
    assert code_of(await film.client.delete(MEMBERS, params={"user": "a/b"})) == "not_found"


async def test_a_role_bounds_every_token_and_a_whole_one_follows_it(film: Web) -> None:
    whole, narrow = await client_of(film, "ines"), await client_of(film, "ines", "viewer")
    everywhere = await film.with_token(
        await film.state.authority.issue("ines", Role.OWNER, None, "api", None)
    )
    path, body = f"{FILM}/entities/mara", {"fields": {"age": 40}}
    assert (await whole.patch(path, json=body)).status_code == 200
    assert code_of(await everywhere.patch(FILM, json={"name": "Mine"})) == "forbidden"
    await film.client.post(MEMBERS, json={"user": "ines", "role": "viewer"})
    for client in (whole, narrow, everywhere):
        assert (await client.get(path)).status_code == 200
        assert code_of(await client.patch(path, json=body)) == "forbidden"
        propagate = "/api/v1/assets/mara/propagate"
        refused = await client.post(propagate, json={"change_data": {"age": 41}})
        assert code_of(refused) == "forbidden"
    await film.client.post(MEMBERS, json={"user": "ines", "role": "owner"})
    assert (await whole.patch(FILM, json={"name": "Mine"})).status_code == 200
    assert (await everywhere.patch(FILM, json={"name": "Ours"})).status_code == 200


async def test_no_token_of_who_was_removed_opens_the_project_until_they_are_added(
    film: Web,
) -> None:
    await film.make("other")
    here = await client_of(film, "ines")
    everywhere = await film.with_token(
        await film.state.authority.issue("ines", Role.EDITOR, None, "api", None)
    )
    await film.client.delete(MEMBERS, params={"user": "ines"})
    assert code_of(await here.get(FILM)) == "unauthenticated"
    assert code_of(await everywhere.get(FILM)) == "not_found"
    assert code_of(await everywhere.get("/api/v1/assets/mara/versions")) == "not_found"
    seen = (await everywhere.get("/api/v1/projects")).json()["items"]
    assert [one["id"] for one in seen] == ["other"]
    await film.client.post(MEMBERS, json={"user": "ines", "role": "viewer"})
    assert (await everywhere.get(FILM)).status_code == 200
    assert code_of(await here.get(FILM)) == "unauthenticated"


async def test_the_only_owner_stays_one(film: Web) -> None:
    own = local_user()
    for answer in (
        await film.client.delete(f"{MEMBERS}/{own}"),
        await film.client.post(MEMBERS, json={"user": own, "role": "editor"}),
    ):
        assert answer.status_code == 409
        assert code_of(answer) == "last_owner"
    await film.client.post(MEMBERS, json={"user": "ines", "role": "owner"})
    assert (await film.client.delete(f"{MEMBERS}/{own}")).status_code == 200
    assert code_of(await film.client.delete(f"{MEMBERS}/ines")) == "last_owner"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user"),
        ({"user": "ines"}, "role"),
        ({"user": " ", "role": "editor"}, "user"),
        ({"user": "in\nes", "role": "editor"}, "user"),
        ({"user": "ines", "role": "king"}, "role"),
        ({"user": "ines", "role": "editor", "x": 1}, "x"),
    ],
)
async def test_a_bad_member_is_named(film: Web, body: dict[str, Any], field: str) -> None:
    refused = await film.client.post(MEMBERS, json=body)
    assert code_of(refused) == "invalid"
    assert field in [one["field"] for one in refused.json()["errors"]]


async def test_members_are_the_owners_to_change_and_everybodys_to_see(film: Web) -> None:
    approver = await film.as_(Role.APPROVER, "film")
    assert (await approver.get(MEMBERS)).status_code == 200
    body = {"user": "ines", "role": "owner"}
    assert code_of(await approver.post(MEMBERS, json=body)) == "forbidden"
    assert code_of(await approver.delete(f"{MEMBERS}/ines")) == "forbidden"
    owner = await film.as_(Role.OWNER, "film")
    mine = {"user": local_user(), "role": "owner"}
    assert code_of(await owner.post(MEMBERS, json=mine)) == "invalid"


async def test_open_sockets_follow_at_once(film: Web) -> None:
    token = await token_of(film, "ines")
    async with serving(film) as (port, _):
        base = f"ws://127.0.0.1:{port}/ws/projects/film?token="
        async with connect(base + token) as ines, connect(base + ADMIN) as admin:
            for socket in (ines, admin):
                await socket.send('{"type": "hello"}')
                assert '"welcome"' in str(await socket.recv())
            await film.client.post(MEMBERS, json={"user": "ines", "role": "viewer"})
            while '"type":"role"' not in (said := str(await ines.recv())):
                pass
            assert '"viewer"' in said
            await film.client.delete(f"{MEMBERS}/ines")
            with pytest.raises(ConnectionClosed) as closed:
                await until_closed(ines)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4403
            await admin.send('{"type": "ping", "id": 1}')
            while '"pong"' not in str(await admin.recv()):
                pass
