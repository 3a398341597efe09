"""Notifications: who hears of what, once; following, muting, reading."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from server.domain.notices import NOTICE_KINDS
from server.rooms.access import Role
from server.web.rest.notifications import Followed, Muted, NotificationPage, ReadAnswer
from tests.web.conftest import Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits
from tests.web.test_members import FILM, client_of

INBOX = "/api/v1/notifications"


async def inbox(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get(INBOX, params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    fits(NotificationPage, page)
    return page


async def texts(client: httpx.AsyncClient, **query: Any) -> list[tuple[str, str]]:
    return [(one["kind"], one["text"]) for one in (await inbox(client, **query))["items"]]


async def change(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/assets/mara/propagate", json={"change_data": fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def ines(film: Web) -> httpx.AsyncClient:
    return await client_of(film, "ines")


async def test_a_follower_gets_one_digest_of_a_run_and_its_author_none(
    film: Web, ines: httpx.AsyncClient
) -> None:
    for number in range(23):
        body: dict[str, Any] = {"id": f"s{number:02}", "kind": "shot", "name": f"s{number:02}"}
        policy = {"policy": "pinned", "version": 1} if number < 3 else {}
        body["references"] = [{"source": "mara", **policy}]
        body["status"] = "final" if number in (3, 4) else "wip"
        assert (await ines.post(f"{FILM}/entities", json=body)).status_code == 201
    await ines.post(f"{FILM}/entities/mara/follow")
    run = await change(film.client, description="Tall, dry coat")
    found = await inbox(ines)
    (digest,) = found["items"]
    # The 23 and sh010, which wears what she wears.
    assert digest["text"] == "mara v2: 24 shots: 19 updated, 3 pinned, 2 need you"
    assert digest["kind"] == "digest"
    assert (digest["entity_id"], digest["run_id"]) == ("mara", run["run_id"])
    assert digest["detail"]["counts"] == run["counts"]
    assert digest["detail"]["needs_you"] == 2
    assert found["unread"] == 1
    # She approves, so she hears of what waits; never of the digest of her own.
    assert await texts(film.client) == [("approval", "mara v2: 2 dependents wait for approval")]


async def test_whoever_follows_what_a_run_reached_hears_of_it_too(film: Web) -> None:
    viewer = await client_of(film, "theo", "viewer")
    assert (await viewer.post(f"{FILM}/entities/sh010/follow")).status_code == 200
    await change(film.client, description="Small")
    assert await texts(viewer) == [("digest", "mara v2: 1 shot: 1 updated")]
    await viewer.delete(f"{FILM}/entities/sh010/follow")
    await change(film.client, description="Tall")
    assert len(await texts(viewer)) == 1


async def test_what_one_makes_or_publishes_one_follows_unless_one_said_no(
    film: Web, ines: httpx.AsyncClient
) -> None:
    follow = f"{FILM}/entities/mara/follow"
    assert (await ines.get(follow)).json()["following"] is False
    await change(ines, description="Small")
    found = (await ines.get(follow)).json()
    fits(Followed, found)
    assert found["following"] is True
    assert "ines" in found["followers"]
    await ines.delete(follow)
    await change(ines, description="Smaller")
    assert (await ines.get(follow)).json()["following"] is False
    assert (await ines.post(follow)).json()["following"] is True
    assert code_of(await ines.post(f"{FILM}/entities/nobody/follow")) == "not_found"


async def test_a_run_that_nobody_is_to_be_told_of_tells_nobody(
    film: Web, ines: httpx.AsyncClient
) -> None:
    await ines.post(f"{FILM}/entities/mara/follow")
    body = {"change_data": {"description": "Small"}, "notify_users": False}
    assert (await film.client.post("/api/v1/assets/mara/propagate", json=body)).is_success
    assert await texts(ines) == []


async def test_what_one_follows_being_deleted_and_restored_is_told(
    film: Web, ines: httpx.AsyncClient
) -> None:
    await ines.post(f"{FILM}/entities/sh020/follow")
    await film.client.delete(f"{FILM}/entities/sh020?force=true")
    await film.client.post(f"{FILM}/entities/sh020/restore")
    kinds = [(kind, text.split(" by ")[0]) for kind, text in await texts(ines)]
    assert ("removed", "sh020 was deleted") in kinds
    assert ("restored", "sh020 was restored") in kinds
    assert "removed" not in [kind for kind, _ in await texts(film.client)]


async def test_a_kind_an_entity_or_its_kind_can_be_muted_and_heard_again(
    film: Web, ines: httpx.AsyncClient
) -> None:
    mutes = f"{FILM}/mutes"
    await ines.post(f"{FILM}/entities/mara/follow")
    wishes = ({"entity": "mara"}, {"kind": "digest"}, {"kind": "character"})
    for heard, mute in enumerate(wishes):
        muted = await ines.post(mutes, json=mute)
        fits(Muted, muted.json())
        assert next(iter(mute.values())) in [*muted.json()["entities"], *muted.json()["kinds"]]
        await change(film.client, description=f"Quiet {mute}")
        assert len(await texts(ines)) == heard
        await ines.delete(mutes, params=mute)
        await change(film.client, description=f"Loud {mute}")
        assert len(await texts(ines)) == heard + 1
    assert (await ines.get(mutes)).json() == {"entities": [], "kinds": []}
    assert set(NOTICE_KINDS) == {
        "digest", "approval", "conflict", "failure", "removed", "restored",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"entity": "mara", "kind": "digest"}, "invalid"),
        ({"kind": "nonsense"}, "invalid"),
        ({"entity": "nobody"}, "not_found"),
    ],
)
async def test_what_cannot_be_muted_is_refused(film: Web, body: dict[str, str], code: str) -> None:
    assert code_of(await film.client.post(f"{FILM}/mutes", json=body)) == code


async def test_notifications_are_read_some_or_all_and_paged(
    film: Web, ines: httpx.AsyncClient
) -> None:
    await ines.post(f"{FILM}/entities/mara/follow")
    for number in range(5):
        await change(film.client, description=f"Coat {number}")
    first = await inbox(ines, limit=3)
    assert [one["text"].split(":")[0] for one in first["items"]] == [
        "mara v6",
        "mara v5",
        "mara v4",
    ]
    rest = await inbox(ines, limit=3, cursor=first["next_cursor"])
    assert len(rest["items"]) == 2
    assert rest["next_cursor"] is None
    ids = [one["id"] for one in rest["items"]]
    done = await ines.post(f"{INBOX}/read", json={"ids": [*ids, "nobody's"]})
    fits(ReadAnswer, done.json())
    assert done.json() == {"read": 2, "unread": 3}
    assert (await ines.post(f"{INBOX}/read", json={"ids": ids})).json()["read"] == 0
    assert len(await texts(ines, unread=True)) == 3
    # Somebody else's are none of one's business.
    mine = [first["items"][0]["id"]]
    assert (await film.client.post(f"{INBOX}/read", json={"ids": mine})).json()["read"] == 0
    done = await ines.post(f"{INBOX}/read", json={"all": True, "project_id": "film"})
    assert done.json() == {"read": 3, "unread": 0}
    assert code_of(await ines.post(f"{INBOX}/read", json={})) == "invalid"
    assert code_of(await ines.get(INBOX, params={"project_id": "other"})) == "not_found"
    assert code_of(await ines.get(INBOX, params={"cursor": "x"})) == "invalid"


async def test_whoever_was_removed_reads_no_more_of_a_project(film: Web) -> None:
    await client_of(film, "ines")
    everywhere = await film.with_token(
        await film.state.authority.issue("ines", Role.EDITOR, None, "api", None)
    )
    await everywhere.post(f"{FILM}/entities/mara/follow")
    await change(film.client, description="Small")
    assert (await inbox(everywhere))["unread"] == 1
    await film.client.delete(f"{FILM}/members/ines")
    assert await inbox(everywhere) == {"items": [], "next_cursor": None, "unread": 0}
    await change(film.client, description="Smaller")
    await film.client.post(f"{FILM}/members", json={"user": "ines", "role": "viewer"})
    assert (await inbox(everywhere))["unread"] == 1
