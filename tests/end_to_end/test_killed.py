"""``kill -9`` while people type: what was acknowledged is there afterwards, and can be read."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.running import RunningServer
from tests.end_to_end.typist import Typist, reached

DOCUMENTS = ("hero", "rival", "mentor")
PEOPLE = 2


def _import(server: RunningServer) -> str:
    """A project with a few characters; answers the address of its socket."""
    people = [{"id": name, "name": name, "description": ""} for name in DOCUMENTS]
    server.import_project("film", {"characters": people})
    token = server.token_for("ann", "editor", "film")
    return f"{server.url.replace('http', 'ws', 1)}/ws/projects/film?token={token}"


def _whole(database: Path) -> list[tuple[str]]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()


class Cast:
    """Some people for each document, each with a text of their own in it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._typists = [
            Typist(name, f"by {number}") for name in DOCUMENTS for number in range(PEOPLE)
        ]
        self._typed = 0

    async def connect(self, url: str) -> None:
        for typist in self._typists:
            await typist.connect(url)

    async def type_until(self, end: float) -> None:
        while time.monotonic() < end:
            for typist in self._typists:
                self._typed += 1
                typist.type(f"{self._typed} ")
            await asyncio.sleep(self._chance.random() * 0.008)

    @property
    def acknowledged(self) -> list[str]:
        """What each knows to be durable."""
        return [typist.acknowledged for typist in self._typists]

    @property
    def acknowledgements(self) -> int:
        return sum(len(typist.waits) for typist in self._typists)

    def forget(self) -> None:
        """Start anew with nothing, as after a restart of one's own machine."""
        for typist in self._typists:
            typist.leave()
        self._typists = [Typist(typist.key, typist.root) for typist in self._typists]

    async def texts(self) -> list[str]:
        """What the server has, for those who come with nothing."""
        await reached(lambda: all(typist.synced for typist in self._typists))
        return [str(typist.text) for typist in self._typists]


async def _killed(server: RunningServer, seed: int, times: int) -> int:
    """Kill so many times; answers how many edits had been acknowledged by then."""
    chance = random.Random(seed)
    url = _import(server)
    acknowledged = 0
    for number in range(times):
        cast = Cast(chance)
        await cast.connect(url)
        await cast.texts()
        typing = asyncio.create_task(cast.type_until(time.monotonic() + 30))
        await asyncio.sleep(0.02 + chance.random() * 0.4)
        await asyncio.to_thread(server.kill)
        typing.cancel()
        await asyncio.gather(typing, return_exceptions=True)
        before = cast.acknowledged
        acknowledged += cast.acknowledgements
        cast.forget()
        assert _whole(server.data / "ripplecut.db") == [("ok",)], (seed, number)
        await asyncio.to_thread(server.start)
        await cast.connect(url)
        after = await cast.texts()
        for had, has in zip(before, after, strict=True):
            assert has.startswith(had), (seed, number, had[-60:], has[-60:])
        for name in DOCUMENTS:
            assert server.get(f"/projects/film/entities/{name}")["id"] == name, (seed, number)
        cast.forget()
    return acknowledged


def test_three_kills_lose_nothing_that_was_acknowledged(server: RunningServer) -> None:
    assert asyncio.run(_killed(server, 3, 3)) > 0


@pytest.mark.soak
def test_fifty_kills_lose_nothing_that_was_acknowledged(
    server: RunningServer, say: Callable[[str], None]
) -> None:
    seed = random.randrange(2**32)
    say(f"seed {seed}")
    begun = time.monotonic()
    acknowledged = asyncio.run(_killed(server, seed, 50))
    say(f"50 kills, {acknowledged} edits, {time.monotonic() - begun:.0f} s")
