"""Pictures over REST: there and back, who may, what is refused, and when one is stale."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.app import create_app
from server.config import Settings
from server.rooms.access import Role
from server.web.rest import answers
from server.web.rest.shapes import Page
from tests.formats.images import bomb, decode, drawn, encode, photograph, picture
from tests.web.conftest import ADMIN, ManualClock, Web
from tests.web.test_auth import code_of
from tests.web.test_entities import fits

FILM = "/api/v1/projects/film"
SHOT = f"{FILM}/entities/sh010"
PNG = {"content-type": "image/png"}
PICTURE = picture()
SHORT = ("id", "url", "thumbnails", "width", "height", "stale", "stale_reasons")


async def add(client: httpx.AsyncClient, to: str = SHOT, data: bytes = PICTURE) -> dict[str, Any]:
    added = await client.post(f"{to}/pictures", content=data, headers=PNG)
    assert added.status_code == 201, added.text
    found: dict[str, Any] = added.json()
    fits(answers.Picture, found)
    return found


async def change(web: Web, entity: str, **fields: Any) -> None:
    body = {"change_data": fields}
    changed = await web.client.post(f"/api/v1/assets/{entity}/propagate", json=body)
    assert changed.json()["status"] == "success", changed.text


async def shown(web: Web, one: str = SHOT) -> dict[str, Any]:
    """An entity's picture as every answer that has it says."""
    resolved = (await web.client.get(f"{one}/resolved")).json()
    fits(answers.Resolved, resolved)
    entity = (await web.client.get(one)).json()
    fits(answers.Entity, entity)
    ids = (await web.client.get(f"{FILM}/resolved?id={entity['id']}")).json()["items"]
    assert resolved["picture"] == entity["picture"] == ids[0]["picture"]
    found: dict[str, Any] = resolved["picture"]
    return found


async def blobs(web: Web) -> int:
    database = web.state.store._database  # type: ignore[attr-defined]
    query = "SELECT COUNT(*) FROM blobs"
    return int(await database.run(lambda c: c.execute(query).fetchone()[0]))


# -- there and back --------------------------------------------------------------------------------


async def test_a_picture_goes_in_and_comes_out(film: Web) -> None:
    assert await shown(film) is None
    added = await add(film.client)
    assert (added["width"], added["height"]) == (800, 500)
    assert added["made_from"] == {"versions": {"sh010": 1, "coat": 1, "mara": 1}}
    assert (added["stale"], added["stale_reasons"]) == (False, [])
    assert await shown(film) == {key: added[key] for key in SHORT}
    sizes = {"full": added["url"], **added["thumbnails"]}
    for size, width in (("full", 800), ("640", 640), ("320", 320)):
        served = await film.client.get(sizes[size])
        assert served.headers["content-type"] == "image/webp"
        assert served.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in served.headers["cache-control"]
        assert "private" in served.headers["cache-control"]
        assert decode(served.content).width == width
        tag = served.headers["etag"]
        again = await film.client.get(sizes[size], headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert (await film.client.get(f"{added['url']}?size=full")).status_code == 200


async def test_a_form_and_a_body_are_the_same_picture(film: Web) -> None:
    first = await add(film.client)
    data = photograph(1)
    file = {"file": ("<x>.html", data, "text/html")}
    sent = await film.client.post(f"{SHOT}/pictures", files=file, data={"note": "by hand"})
    assert sent.status_code == 201, sent.text
    raw = await add(film.client, data=data)
    one, other = [await film.client.get(found["url"]) for found in (sent.json(), raw)]
    assert one.content == other.content
    page = (await film.client.get(f"{SHOT}/pictures?limit=2")).json()
    fits(Page[answers.Picture], page)
    assert [item["id"] for item in page["items"]] == [raw["id"], sent.json()["id"]]
    rest = await film.client.get(f"{SHOT}/pictures?cursor={page['next_cursor']}")
    assert rest.json() == {"items": [first], "next_cursor": None}


async def test_a_photograph_is_kept_upright_and_without_its_place(film: Web) -> None:
    added = await add(film.client, data=photograph(6))
    assert (added["width"], added["height"]) == (500, 800)
    served = await film.client.get(added["url"])
    assert b"secret" not in served.content
    assert not decode(served.content).getexif()


async def test_any_entity_can_have_one(film: Web) -> None:
    await film.make("a film, ünd", {"id": "Mara’s coat & hat 🧥", "kind": "wardrobe"})
    one = "/api/v1/projects/a film, ünd/entities/Mara’s coat & hat 🧥"
    added = await add(film.client, one)
    assert (await film.client.get(added["url"])).status_code == 200
    assert (await film.client.get(added["thumbnails"]["320"])).status_code == 200


async def test_everybody_who_has_it_open_hears_of_it(film: Web) -> None:
    owner = await film.state.projects.open("film")
    before, hash_ = owner.seq, (await film.client.get(SHOT)).json()["hash"]
    added = await add(film.client)
    assert (await film.client.delete(f"{SHOT}/pictures/{added['id']}")).status_code == 200
    events = await owner.events_after(before)
    assert events is not None
    assert [(e.type, e.body["action"], e.concerns) for e in events] == [
        ("entity_changed", "picture_added", frozenset({"sh010"})),
        ("entity_changed", "picture_removed", frozenset({"sh010"})),
    ]
    audit = (await film.client.get(f"{FILM}/audit?entity=sh010&limit=2")).json()["items"]
    assert [one["action"] for one in audit] == ["picture_removed", "picture_added"]
    assert {one["detail"]["picture"] for one in audit} == {added["id"]}
    after = (await film.client.get(SHOT)).json()
    assert (after["hash"], after["version"]) == (hash_, 1)


async def test_the_one_before_comes_back(film: Web) -> None:
    first, second, third = [await add(film.client, data=picture(n, 9)) for n in (10, 20, 30)]
    assert (await shown(film))["id"] == third["id"]
    for gone, left in ((second, third), (third, first)):
        answer = await film.client.delete(f"{SHOT}/pictures/{gone['id']}")
        fits(answers.PictureLeft, answer.json())
        assert answer.json() == {"picture": left}
        assert (await shown(film))["id"] == left["id"]
        assert code_of(await film.client.get(gone["url"])) == "not_found"
    last = await film.client.delete(f"{SHOT}/pictures/{first['id']}")
    assert last.json() == {"picture": None}
    assert await shown(film) is None
    assert await blobs(film) == 0


async def test_the_same_bytes_at_once_cost_once(film: Web) -> None:
    added = await asyncio.gather(*(add(film.client) for _ in range(6)))
    assert len({one["id"] for one in added}) == 6
    assert await blobs(film) == 3
    page = (await film.client.get(f"{SHOT}/pictures")).json()["items"]
    assert {one["id"] for one in page} == {one["id"] for one in added}
    assert (await shown(film))["id"] == page[0]["id"]
    for one in page:
        await film.client.delete(f"{SHOT}/pictures/{one['id']}")
    assert await blobs(film) == 0


async def test_a_repeated_upload_is_done_once(film: Web) -> None:
    headers = {**PNG, "idempotency-key": "one"}
    large = encode(drawn(1600, 1000), "BMP")
    assert len(large) > 1024 * 1024
    for data, status in ((PICTURE, 201), (PICTURE, 201), (large, 422)):
        sent = await film.client.post(f"{SHOT}/pictures", content=data, headers=headers)
        assert sent.status_code == status, sent.text
    assert len((await film.client.get(f"{SHOT}/pictures")).json()["items"]) == 1


# -- stale -----------------------------------------------------------------------------------------


async def test_a_picture_is_stale_once_what_it_shows_has_changed(film: Web) -> None:
    await add(film.client)
    await change(film, "coat", colour="#123456")
    found = await shown(film)
    assert (found["stale"], found["stale_reasons"]) == (True, ["coat went from v1 to v2"])
    page = (await film.client.get(f"{SHOT}/pictures")).json()["items"]
    assert page[0]["stale_reasons"] == found["stale_reasons"]
    assert page[0]["made_from"]["versions"]["coat"] == 1
    fresh = await add(film.client)
    assert (await shown(film))["stale"] is False
    await film.client.delete(f"{SHOT}/pictures/{fresh['id']}")
    assert (await shown(film))["stale"] is True
    back = await film.client.post("/api/v1/assets/coat/rollback", json={"version_number": 1})
    assert back.json()["version"] == "coat_v3"
    assert (await shown(film))["stale"] is False


async def test_what_does_not_show_makes_no_picture_stale(film: Web) -> None:
    await add(film.client)
    await change(film, "coat", notes="From the flea market")
    assert (await film.client.get(f"{FILM}/entities/coat")).json()["version"] == 2
    assert (await shown(film))["stale"] is False


async def test_a_deleted_entity_keeps_its_pictures(film: Web) -> None:
    added = await add(film.client)
    await film.client.delete(SHOT)
    assert code_of(await film.client.get(f"{SHOT}/pictures")) == "not_found"
    assert code_of(await film.client.delete(f"{SHOT}/pictures/{added['id']}")) == "not_found"
    refused = await film.client.post(f"{SHOT}/pictures", content=PICTURE, headers=PNG)
    assert code_of(refused) == "not_found"
    await film.client.post(f"{SHOT}/restore")
    assert (await shown(film))["id"] == added["id"]


async def test_an_export_leaves_pictures_out(film: Web) -> None:
    path = f"{FILM}/export?format=json"
    before = (await film.client.get(path)).content
    await add(film.client)
    assert (await film.client.get(path)).content == before


# -- what is refused -------------------------------------------------------------------------------

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("data", "type_", "code"),
    [
        (SVG, "image/svg+xml", "invalid"),
        (SVG, "image/png", "invalid"),
        (b"<!doctype html><script>alert(1)</script>", "image/png", "invalid"),
        (PICTURE[: len(PICTURE) // 2], "image/png", "invalid"),
        (b"", "image/png", "invalid"),
        (PICTURE, "text/html", "invalid"),
        (PICTURE, "application/json", "invalid"),
        (PICTURE, "", "invalid"),
        (PICTURE, "multipart/form-data", "malformed"),
        (PICTURE, "multipart/form-data; boundary=x", "malformed"),
        (bomb(), "image/png", "too_large"),
    ],
)
async def test_what_is_no_picture_is_refused(film: Web, data: bytes, type_: str, code: str) -> None:
    headers = {"content-type": type_}
    refused = await film.client.post(f"{SHOT}/pictures", content=data, headers=headers)
    assert code_of(refused) == code
    assert (await film.client.get(f"{SHOT}/pictures")).json()["items"] == []


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (b"--x\r\nContent-Disposition: form-data; name=other\r\n\r\nx\r\n--x--\r\n", "invalid"),
        (b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--x--\r\n", "invalid"),
        (b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n", "malformed"),
        (b"--x\r\n\r\n\r\n--x--\r\n", "invalid"),
        (b"--y\r\n--y--", "malformed"),
        (b"", "malformed"),
    ],
)
async def test_a_form_without_a_picture_is_refused(film: Web, form: bytes, code: str) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    refused = await film.client.post(f"{SHOT}/pictures", content=form, headers=headers)
    assert code_of(refused) == code


async def test_a_body_that_is_too_large_is_not_taken_in(film: Web) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50:
            sent += 1
            yield PICTURE.ljust(1024 * 1024, b"\0")

    refused = await film.client.post(f"{SHOT}/pictures", content=pieces(), headers=PNG)
    assert code_of(refused) == "too_large"
    assert refused.status_code == 413
    assert sent <= 22
    whole = bytes(50 * 1024 * 1024)
    refused = await film.client.post(f"{SHOT}/pictures", content=whole, headers=PNG)
    assert code_of(refused) == "too_large"


async def test_unknown_things_are_not_found(film: Web) -> None:
    added = await add(film.client)
    nobody = await film.client.post(
        f"{FILM}/entities/nobody/pictures", content=PICTURE, headers=PNG
    )
    assert code_of(nobody) == "not_found"
    for path in (
        f"{FILM}/entities/nobody/pictures",
        f"{FILM}/pictures/nothing",
        f"/api/v1/projects/nothing/pictures/{added['id']}",
    ):
        assert code_of(await film.client.get(path)) == "not_found", path
    other = f"{FILM}/entities/sh020/pictures/{added['id']}"
    assert code_of(await film.client.delete(other)) == "not_found"
    assert (await shown(film))["id"] == added["id"]
    assert code_of(await film.client.get(f"{added['url']}?size=64")) == "invalid"


async def test_a_viewer_looks_and_an_editor_hangs(film: Web) -> None:
    viewer, editor = await film.as_(Role.VIEWER, "film"), await film.as_(Role.EDITOR, "film")
    added = await add(editor)
    assert added["author"] == "a editor"
    assert (await viewer.get(added["url"])).status_code == 200
    assert (await viewer.get(f"{SHOT}/pictures")).status_code == 200
    refused = await viewer.post(f"{SHOT}/pictures", content=PICTURE, headers=PNG)
    assert code_of(refused) == "forbidden"
    assert code_of(await viewer.delete(f"{SHOT}/pictures/{added['id']}")) == "forbidden"
    assert (await editor.delete(f"{SHOT}/pictures/{added['id']}")).status_code == 200


async def test_a_picture_stays_in_its_project(film: Web) -> None:
    added = await add(film.client)
    await film.make("elsewhere", {"id": "sh010", "kind": "shot"})
    stranger = await film.as_(Role.OWNER, "elsewhere")
    nobody = await film.with_token(None)
    assert code_of(await stranger.get(added["url"])) == "not_found"
    assert code_of(await stranger.get(f"{SHOT}/pictures")) == "not_found"
    moved = f"/api/v1/projects/elsewhere/pictures/{added['id']}"
    assert code_of(await stranger.get(moved)) == "not_found"
    assert code_of(await nobody.get(added["url"])) == "unauthenticated"
    theirs = f"/api/v1/projects/elsewhere/entities/sh010/pictures/{added['id']}"
    assert code_of(await stranger.delete(theirs)) == "not_found"


# -- what stays ------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(settings: Settings, page: Path) -> AsyncIterator[Web]:
    clock = ManualClock()
    app = create_app(settings, clock=clock, page=page)
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        web = Web(app, clock, stack)
        web.client = await web.with_token(ADMIN)
        yield web


async def test_pictures_outlive_the_server(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", admin_token=ADMIN)
    async with opened(settings, tmp_path) as web:
        await web.make(
            "film",
            {"id": "coat", "kind": "wardrobe"},
            {"id": "sh010", "kind": "shot", "references": [{"source": "coat"}]},
        )
        await add(web.client, data=picture(10, 10))
        added = await add(web.client)
        await change(web, "coat", colour="#123456")
        before = await shown(web)
        content = (await web.client.get(added["url"])).content
    async with opened(settings, tmp_path) as web:
        assert await shown(web) == before
        assert before["stale_reasons"] == ["coat went from v1 to v2"]
        assert (await web.client.get(added["url"])).content == content
        page = (await web.client.get(f"{SHOT}/pictures")).json()["items"]
        assert page[0]["made_from"] == added["made_from"]
        assert len(page) == 2


async def test_the_limits_are_settings(tmp_path: Path) -> None:
    settings = Settings(data=None, admin_token=ADMIN, picture_limit=len(PICTURE) - 1)
    many = replace(settings, picture_limit=len(PICTURE), picture_pixels=100)
    for one in (settings, many):
        async with opened(one, tmp_path) as web:
            await web.make("film", {"id": "sh010", "kind": "shot"})
            refused = await web.client.post(f"{SHOT}/pictures", content=PICTURE, headers=PNG)
            assert code_of(refused) == "too_large"
