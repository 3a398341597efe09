"""People who edit, drop, stall and come back, and a server that is killed: all end up the same."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from bench.running import RunningServer
from protocol.client import connect
from protocol.draft import Draft
from server.rooms.stored import encode_stored
from server.storage import SqliteStorage
from tests.end_to_end.typist import Typist, reached

DOCUMENTS = ("hero", "rival")
TYPISTS = 6
WORDS = ("a", "tall ", "é", "🎬 ", "in a long coat, ", "沙漠")


class Play:
    """One run; everything that is left to chance comes from ``seed``."""

    def __init__(self, server: RunningServer, seed: int) -> None:
        self._server = server
        self._chance = random.Random(seed)
        people = [{"id": name, "name": name, "description": ""} for name in DOCUMENTS]
        server.import_project("film", {"characters": people})
        self._token = server.token_for("ann", "editor", "film")
        address = server.url.replace("http", "ws", 1)
        self._url = f"{address}/ws/projects/film?token={self._token}"
        self._typists = [Typist(DOCUMENTS[n % 2], "scratch") for n in range(TYPISTS)]
        self.kills = self.edits = 0

    async def run(self, seconds: float, kills: int) -> None:
        begun = time.monotonic()
        kill_at = [begun + seconds * (n + self._chance.random()) / kills for n in range(kills)]
        film = connect(self._server.url, "film", token=self._token, rng=lambda: 0.0)
        async with film:
            drafts = [await film.open(name) for name in DOCUMENTS]
            while time.monotonic() < begun + seconds or kill_at:
                if kill_at and time.monotonic() > kill_at[0]:
                    kill_at.pop(0)
                    await asyncio.to_thread(self._server.kill)
                    await self._some_steps(drafts)
                    await asyncio.to_thread(self._server.start)
                    self.kills += 1
                await self._some_steps(drafts)
            await self._settled(drafts)

    async def _some_steps(self, drafts: list[Draft]) -> None:
        for _ in range(self._chance.randint(1, 30)):
            await self._step(self._chance.choice(self._typists), self._chance.choice(drafts))
            if self._chance.random() < 0.3:
                await asyncio.sleep(self._chance.random() * 0.01)

    async def _step(self, typist: Typist, draft: Draft) -> None:
        chance = self._chance
        match chance.randrange(20):
            case 0:
                typist.leave()
            case 1 | 2:
                await self._connect(typist)
            case 3:
                typist.pause(paused=True)
            case 4 | 5:
                typist.pause(paused=False)
            case 6:
                draft["description"] = draft["description"][:200] + chance.choice(WORDS)
                self.edits += 1
            case 7:
                draft["age"] = chance.randrange(100)
                self.edits += 1
            case _:
                text = str(typist.text)
                begin = chance.randint(0, len(text))
                end = min(len(text), begin + chance.choice((0, 0, 0, 1, 5, 60)))
                before, gone = text[:begin].encode(), text[begin:end].encode()
                typist.edit(len(before), len(gone), chance.choice(WORDS))
                self.edits += 1

    async def _connect(self, typist: Typist) -> None:
        try:
            await typist.connect(self._url)
        except OSError:
            return

    async def _settled(self, drafts: list[Draft]) -> None:
        """Everybody comes back and waits until there is nothing left to say."""
        for typist in self._typists:
            await typist.connect(self._url)
        async with asyncio.timeout(60):
            for draft in drafts:
                await draft.saved()
        await reached(lambda: all(one.synced and not one.waiting for one in self._typists), 60)
        await reached(lambda: self._same(drafts), 60)
        for typist in self._typists:
            typist.leave()

    def _same(self, drafts: list[Draft]) -> bool:
        docs = {draft.name: _content(draft.doc) for draft in drafts}
        return all(_content(typist.doc) == docs[typist.key] for typist in self._typists)

    async def stored(self, data: Path) -> bool:
        """Whether what rests in the storage is what the clients have."""
        storage = await SqliteStorage.open(data / "ripplecut.db")
        try:
            for typist in self._typists:
                doc: Doc[Any] = Doc()
                doc.apply_update(
                    await encode_stored(await storage.load_document("film", typist.key))
                )
                if _content(doc) != _content(typist.doc):
                    return False
            return True
        finally:
            await storage.close()


def _content(doc: Doc[Any]) -> tuple[str, object]:
    return str(doc.get("scratch", type=Text)), doc.get("fields", type=Map).to_py()


async def _played(server: RunningServer, seed: int, seconds: float, kills: int) -> Play:
    play = Play(server, seed)
    try:
        await play.run(seconds, kills)
        await asyncio.to_thread(server.kill)
        assert await play.stored(server.data)
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise
    return play


def test_all_end_up_the_same_after_a_kill(server: RunningServer) -> None:
    asyncio.run(_played(server, 1, 1.5, 1))


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_all_end_up_the_same_after_a_minute_of_it(
    server: RunningServer, soak_seconds: float, say: Callable[[str], None]
) -> None:
    seed = random.randrange(2**32)
    say(f"seed {seed}")
    play = asyncio.run(_played(server, seed, 3 * soak_seconds, max(1, int(soak_seconds / 2))))
    say(f"{play.edits} edits, {play.kills} kills")
