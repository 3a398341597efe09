"""The client for scripts, against the real program on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from bench.running import RunningServer, production
from protocol.client import Client, connect
from protocol.draft import Draft
from protocol.errors import Forbidden, NotFound, Unauthenticated, Unavailable


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("client") / "data") as running:
        running.import_project("film", production(6, per_sequence=3))
        yield running


def client(server: RunningServer, project: str = "film", token: str | None = None) -> Client:
    return connect(server.url, project, token=token or server.token)


async def until(film: Client, **wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(10):
        async for event in film.events():
            if all(event.get(name) == value for name, value in wanted.items()):
                return event
    raise AssertionError("the events ended")


async def becomes(draft: Draft, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, looked at after each change of a draft."""
    changed = asyncio.Event()
    subscription = draft.doc.observe(lambda _: changed.set())
    async with asyncio.timeout(10):
        while not condition():
            changed.clear()
            await changed.wait()
    draft.doc.unobserve(subscription)


async def test_a_field_is_set_saved_and_published(server: RunningServer) -> None:
    async with client(server) as film:
        coat = await film.open("coat")
        coat["colour"] = "#204060"
        await coat.saved()
        assert coat.unsaved == 0
        event = await until(film, type="asset_update", stage="published", asset_id="coat")
        assert len(event["affected_entities"]) == 6
    entity = server.get("/projects/film/entities/coat")
    assert entity["fields"]["colour"] == "#204060"


async def test_an_entity_is_read_as_it_looks_now(server: RunningServer) -> None:
    async with client(server) as film:
        shown = await film.resolved("shot-000001")
        assert shown == server.get("/projects/film/entities/shot-000001/resolved")
        with pytest.raises(NotFound, match="nobody"):
            await film.resolved("nobody")


async def test_prose_is_changed_where_it_differs(server: RunningServer) -> None:
    async with client(server) as one, client(server) as two:
        mine, theirs = await one.open("hero"), await two.open("hero")
        mine["description"] = "Tall, in a long wet coat. 🎬"
        theirs["description"] = "Very tall, in a long coat."
        await asyncio.gather(mine.saved(), theirs.saved())
        await becomes(mine, lambda: "Very" in mine["description"])
        await becomes(theirs, lambda: mine["description"] == theirs["description"])
        assert "wet" in mine["description"]
        assert "Very tall" in mine["description"]
        assert mine["description"].endswith("🎬")


async def test_what_is_set_while_the_server_is_away_is_merged(server: RunningServer) -> None:
    async with client(server) as film:
        hero, seen = await film.open("hero"), film.welcome["seq"]
        await asyncio.to_thread(server.kill)
        hero["description"] = "Short, in a long coat."
        await asyncio.to_thread(server.start)
        server.call(
            "POST",
            "/assets/coat/propagate?project_id=film",
            {"change_data": {"colour": "#000001"}},
        )
        async with asyncio.timeout(20):
            await hero.saved()
        event = await until(film, type="version_created", asset_id="coat")
        assert event["seq"] > seen
        assert film.welcome["resumed"] is True
    async with client(server) as again:
        assert (await again.open("hero"))["description"] == "Short, in a long coat."


async def test_refusals_have_names(server: RunningServer) -> None:
    with pytest.raises(Unauthenticated):
        await client(server, token="wrong").__aenter__()
    with pytest.raises(NotFound):
        await client(server, "elsewhere").__aenter__()
    with pytest.raises(Unavailable):
        await connect("http://127.0.0.1:9", "film", token="any").__aenter__()
    async with client(server) as film:
        with pytest.raises(NotFound):
            await film.open("nowhere")


def test_an_address_that_is_none_is_refused() -> None:
    for url in ("ftp://127.0.0.1", "127.0.0.1:8000", "", "http://"):
        with pytest.raises(ValueError, match="not the address"):
            connect(url, "film", token="any")


async def test_what_ends_a_client_is_told_to_everybody_who_asks(server: RunningServer) -> None:
    browser = httpx.AsyncClient(base_url=f"{server.url}/api/v1")
    (await browser.post("/login", json={"token": server.token})).raise_for_status()
    session = browser.cookies["ripplecut_session"]
    async with client(server, token=session) as film:
        await film.open("coat")
        (await browser.post("/logout")).raise_for_status()
        await browser.aclose()
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                await until(film, type="never")
        with pytest.raises(Unauthenticated):
            await film.open("hero")


async def test_a_reader_hears_that_an_edit_was_refused(server: RunningServer) -> None:
    token = server.token_for("eve", "viewer", "film")
    async with client(server, token=token) as film:
        coat = await film.open("coat")
        assert coat.read_only
        coat["colour"] = "#000000"
        with pytest.raises(Forbidden):
            await coat.saved()
