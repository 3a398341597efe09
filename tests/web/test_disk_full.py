"""A database that is full (R16): nobody is told that something is saved, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from protocol.client import Client, connect
from server.app import create_app
from server.config import Settings
from server.domain.drafts import read_values
from server.rooms.stored import encode_stored
from server.storage import SqliteStorage
from tests.web.conftest import ADMIN, ManualClock, Web
from tests.web.test_auth import code_of
from tests.web.test_live_server import serving

PROJECT = "/api/v1/projects/film"
LONG = "".join(random.Random(1).choices(string.ascii_letters, k=120_000))
"""It does not become small when it is deflated."""


class Disk:
    """The room that the application's database has. Full, SQLite answers SQLITE_FULL."""

    def __init__(self, web: Web) -> None:
        assert isinstance(web.state.store, SqliteStorage)
        self.store = web.state.store

    async def fill(self) -> None:
        await self._pragma(f"max_page_count = {await self._pragma('page_count')}")

    async def clear(self) -> None:
        await self._pragma("max_page_count = 1000000")

    async def text_of(self, entity_id: str) -> str:
        stored = await self.store.load_document("film", entity_id)
        return str(read_values(await encode_stored(stored))["description"])

    async def _pragma(self, statement: str) -> int:
        found = await self.store._database.run(
            lambda connection: connection.execute(f"PRAGMA {statement}").fetchone()
        )
        return int(found[0])


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Web]:
    """An application over a file, with a character ``mara``."""
    clock = ManualClock()
    app = create_app(Settings(data=tmp_path / "data", admin_token=ADMIN), clock=clock)
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        web = Web(app, clock, stack)
        web.client = await web.with_token(ADMIN)
        await web.make("film", {"id": "mara", "kind": "character", "fields": {"age": 30}})
        yield web


async def told_of_an_error(client: Client) -> dict[str, Any]:
    async for event in client.events():
        if event["type"] == "error":
            return event
    raise AssertionError("the events ended")


async def version_of(web: Web) -> tuple[int, Any]:
    found = (await web.client.get(f"{PROJECT}/entities/mara")).json()
    return found["version"], found["fields"]["age"]


async def test_R16_a_write_to_a_full_disk_is_unavailable_and_changes_nothing(kept: Web) -> None:
    disk = Disk(kept)
    await disk.fill()
    writes: list[tuple[str, str, Any]] = [
        ("PATCH", f"{PROJECT}/entities/mara", {"fields": {"age": 31, "description": LONG}}),
        (
            "POST",
            f"{PROJECT}/entities",
            {"id": "new", "kind": "prop", "name": "x", "fields": {"description": LONG}},
        ),
        (
            "POST",
            "/api/v1/assets/mara/propagate",
            {"change_data": {"age": 31, "description": LONG}},
        ),
    ]
    for method, path, body in writes:
        response = await kept.client.request(method, path, json=body)
        assert (response.status_code, code_of(response)) == (503, "unavailable"), response.text
        assert await version_of(kept) == (1, 30)
    assert (await kept.client.get("/readyz")).status_code == 200
    await disk.clear()
    for number, (method, path, body) in enumerate(writes[:2]):
        response = await kept.client.request(method, path, json=body)
        assert response.status_code == 200 + number, response.text
    assert await version_of(kept) == (2, 31)


async def test_R16_a_key_can_be_used_again_after_a_full_disk(kept: Web) -> None:
    disk = Disk(kept)
    await disk.fill()
    change = {"fields": {"age": 31, "description": LONG}}
    headers = {"Idempotency-Key": "once"}
    path = f"{PROJECT}/entities/mara"
    response = await kept.client.patch(path, json=change, headers=headers)
    assert (response.status_code, code_of(response)) == (503, "unavailable")
    await disk.clear()
    response = await kept.client.patch(path, json=change, headers=headers)
    assert response.status_code == 200, response.text
    assert await version_of(kept) == (2, 31)


async def test_R16_what_is_typed_while_the_disk_is_full_is_saved_when_it_is_not(kept: Web) -> None:
    disk = Disk(kept)
    async with (
        serving(kept) as (port, _),
        connect(f"http://127.0.0.1:{port}", "film", token=ADMIN) as ann,
        connect(f"http://127.0.0.1:{port}", "film", token=ADMIN) as bob,
        asyncio.timeout(30),
    ):
        hers, his = await ann.open("mara"), await bob.open("mara")
        await hers.saved()
        await disk.fill()
        hers["description"] = LONG
        told = [await told_of_an_error(one) for one in (ann, bob)]
        assert {(one["code"], one["fatal"]) for one in told} == {("unavailable", False)}
        assert "'mara'" in told[0]["message"]
        assert his["description"] == LONG  # who is there sees it all the same
        assert hers.unsaved == 1
        assert await disk.text_of("mara") == ""
        await disk.clear()
        await hers.saved()
        assert await disk.text_of("mara") == LONG
