"""Runs stay out of the way: of each other, of whoever types, and of whoever comes."""

from __future__ import annotations

import asyncio
import itertools
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from protocol.client import connect
from protocol.draft import Draft
from server.domain.actors import Actor
from server.domain.commit import Commit
from server.domain.runs import Run
from server.ports import ProjectCore
from server.propagation.edits import NewEntity
from server.propagation.links import NewReference
from server.propagation.project import ProjectOwner
from server.rooms.registry import RealTimeSyncManager
from server.rooms.settings import RoomSettings
from server.services import changes, entities
from server.services.projects import Projects
from server.storage import SqliteStorage
from server.storage.sqlite import store, writer, writes
from server.web.live import LiveEndpoint
from tests.batches import small_batches
from tests.rooms.fakes import FakeGate

ME = Actor("mara", "test")
PATIENCE = 10.0

Commits = Callable[[Commit], Awaitable[None]]


class Place:
    """The rooms and the projects over one file, served on a socket. Tokens are names."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.storage = storage
        gate = FakeGate()
        self.manager = RealTimeSyncManager(
            open_core=self._open, store=storage, gate=gate, settings=RoomSettings()
        )
        self.projects = Projects(storage, self.manager, self.manager)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        live = LiveEndpoint(self.manager, gate)
        app = Starlette(routes=[WebSocketRoute("/ws/projects/{project_id}", live)])
        self._server = uvicorn.Server(
            uvicorn.Config(app, ws="websockets-sansio", log_level="warning", lifespan="off")
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    async def _open(self, project_id: str) -> ProjectCore:
        return await self.projects.open(project_id)

    async def film(self, name: str, shots: int) -> ProjectOwner:
        """A project with a hero in so many shots."""
        owner = await self.projects.create(name, name, ME)
        hero = NewEntity("character", "Mara", {"description": "Tall."}, "hero")
        await entities.create_entity(owner, hero, ME)
        uses = [NewReference("hero")]
        news = [NewEntity("shot", f"Shot {n}", {}, f"sh{n}", references=uses) for n in range(shots)]
        await entities.create_entities(owner, news, ME)
        return owner

    def around_commits(self, around: Callable[[Commit, Commits], Awaitable[None]]) -> None:
        """Put something around every commit: the storage as the runs see it."""
        commit = self.storage.commit

        async def changed(one: Commit) -> None:
            await around(one, commit)

        setattr(self.storage, "commit", changed)  # noqa: B010 - a method of a protocol

    @asynccontextmanager
    async def until_free(self, free: Callable[[], object]) -> AsyncIterator[None]:
        """Whatever happens within, the disk is let go in the end, so that all of it can close."""
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        finally:
            free()

    async def close(self) -> None:
        await self.manager.aclose()
        self._server.should_exit = True
        await self._serving
        self._listener.close()
        await self.projects.close()
        await self.storage.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(await SqliteStorage.open(tmp_path / "films.db"))
    yield place
    await place.close()


async def change(owner: ProjectOwner, description: str) -> Run:
    """Start a run over everything that the hero is in."""
    answer = await changes.propagate_asset_change(
        owner, "hero", {"description": description}, ME, wait=0
    )
    assert answer.run_id is not None
    run = owner.engine.known(answer.run_id)
    assert run is not None
    return run


async def reached(owner: ProjectOwner, run: Run) -> list[str]:
    """What a run reached, in order, once it has ended."""
    assert await owner.engine.wait(run.id, PATIENCE)
    assert run.status == "done"
    found, _ = await owner.storage.outcomes(run.id, 5000, None)
    return [outcome.entity_id for outcome, _ in found]


async def shows(draft: Draft, description: str) -> None:
    """Wait until somebody else's words are here."""
    changed = asyncio.Event()
    subscription = draft.doc.observe(lambda _: changed.set())
    while draft["description"] != description:
        await changed.wait()
        changed.clear()
    draft.doc.unobserve(subscription)


async def test_two_large_runs_of_two_projects_take_turns(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of one size: where one project was measured in a slow moment its batches are smaller
    for a while, and several of them are one of the other's.
    """
    small_batches(monkeypatch, 100)
    owners = [await place.film(name, 800) for name in ("one", "two")]
    turns: list[str] = []

    async def noting(commit: Commit, go_on: Commits) -> None:
        await go_on(commit)
        if commit.outcomes:
            turns.append(commit.project_id)

    place.around_commits(noting)
    runs = [await change(owner, "Short.") for owner in owners]
    for owner, run in zip(owners, runs, strict=True):
        assert len(set(await reached(owner, run))) == 800
    both = turns[turns.index("two") : len(turns) - turns[::-1].index("one")]
    together = [len(list(some)) for _, some in itertools.groupby(both)]
    assert max(together) <= 2, "one of them waited for the other"
    assert min(both.count("one"), both.count("two")) >= 3


async def test_a_run_that_waits_for_its_disk_holds_nobody_up(place: Place) -> None:
    """Only the run's own commits are slow: who types is saved, and who comes is welcome."""
    owner = await place.film("film", 300)
    waiting, go = asyncio.Event(), asyncio.Event()

    async def slow(commit: Commit, go_on: Commits) -> None:
        if commit.outcomes:
            waiting.set()
            await go.wait()
        await go_on(commit)

    place.around_commits(slow)
    async with place.until_free(go.set), connect(place.url, "film", token="ann") as ann:
        here = await ann.open("sh7")
        run = await change(owner, "Short.")
        await waiting.wait()
        async with connect(place.url, "film", token="bob") as bob:
            there = await bob.open("sh7")
            here["description"] = "Wet."
            await shows(there, "Wet.")
            await here.saved()
        assert not await place.storage.outcome_ids(run.id)
        go.set()
        assert len(set(await reached(owner, run))) == 300


async def test_an_edit_waits_for_no_more_than_the_batch_under_way(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk itself is slow at batches: each has to be let go."""
    owners = [await place.film(name, 300) for name in ("film", "other")]
    loop = asyncio.get_running_loop()
    begin, under_way = asyncio.Event(), asyncio.Event()
    written: list[str] = []
    go = threading.Semaphore(0)
    write_commit = writes.write_commit

    async def begin_together(commit: Commit, go_on: Commits) -> None:
        if commit.outcomes:
            await begin.wait()
        await go_on(commit)

    def slow(connection: sqlite3.Connection, commit: Commit, window: int) -> None:
        if commit.outcomes:
            loop.call_soon_threadsafe(under_way.set)
            assert go.acquire(timeout=2 * PATIENCE)
            written.append(commit.project_id)
        write_commit(connection, commit, window)

    place.around_commits(begin_together)
    monkeypatch.setattr(store, "write_commit", slow)
    monkeypatch.setattr(writer, "BATCHES_WEIGHT", 1)

    def free() -> None:
        begin.set()
        go.release(100)

    async with place.until_free(free), connect(place.url, "film", token="ann") as ann:
        here = await ann.open("sh7")
        runs = [await change(owner, "Short.") for owner in owners]
        begin.set()
        await under_way.wait()
        async with connect(place.url, "film", token="bob") as bob:
            there = await bob.open("sh7")
            here["description"] = "Wet."
            await shows(there, "Wet.")
            assert here.unsaved == 1
            assert not written
            go.release()
            await here.saved()
            assert len(written) == 1, "the batch under way, and not the other that waits"
        free()
        for owner, run in zip(owners, runs, strict=True):
            assert len(set(await reached(owner, run))) == 300


async def test_a_change_of_the_same_project_waits_for_a_batch_and_not_for_the_run(
    place: Place,
) -> None:
    owner = await place.film("film", 1500)
    lamp = NewEntity("prop", "Lamp", {"colour": "#d8a31a"}, "lamp")
    await entities.create_entity(owner, lamp, ME)
    made: list[str] = []
    changing: list[asyncio.Task[None]] = []

    async def noting(commit: Commit, go_on: Commits) -> None:
        made.append("batch" if commit.outcomes else "other")
        if made.count("batch") == 2 and not changing:
            made.append("asked")
            changing.append(asyncio.create_task(recolour()))
        await go_on(commit)

    async def recolour() -> None:
        colour = {"colour": "#204060"}
        answer = await changes.propagate_asset_change(owner, "lamp", colour, ME, wait=0)
        assert answer.version == "lamp_v2"
        made.append("done")

    place.around_commits(noting)
    run = await change(owner, "Short.")
    assert len(set(await reached(owner, run))) == 1500
    await changing[0]
    since = made[made.index("asked") + 1 :]
    assert since[: since.index("done")].count("batch") <= 2
